import { ipv4At } from '../../../net/address.js';
import { LOCAL_PREF } from '../attributes/local-pref.js';
import type { MpReachLocation } from '../attributes/mp-reach-nlri.js';
import { MP_REACH_NLRI } from '../attributes/mp-reach-nlri.js';
import type { MpUnreachLocation } from '../attributes/mp-unreach-nlri.js';
import { MP_UNREACH_NLRI } from '../attributes/mp-unreach-nlri.js';
import { isHostAddress, NEXT_HOP } from '../attributes/next-hop.js';
import type { WireContext } from '../context.js';
import { hasAddPath } from '../context.js';
import type { Diagnostic, ErrorAction } from '../errors.js';
import { isStronger, strongest } from '../errors.js';
import { findMalformedPrefix } from '../nlri/prefix.js';
import { toHex } from '../text.js';
import type { BlockOptions, RawAttribute } from './attribute-judge.js';
import { AttributeJudge, NO_DATA, SUBCODE } from './attribute-judge.js';

const ORIGIN = 1;
const AS_PATH = 2;

/** Where the parts of an UPDATE are, and all that is wrong with it. Borrowed: valid while the parsed octets are. */
export interface ParsedUpdate {
  readonly withdrawnStart: number;
  readonly withdrawnEnd: number;
  /** The Path Attributes field. */
  readonly attributesStart: number;
  readonly attributesEnd: number;
  readonly nlriStart: number;
  readonly nlriEnd: number;
  /** In wire order, duplicates included. */
  readonly attributes: readonly RawAttribute[];
  readonly mpReach: MpReachLocation | undefined;
  readonly mpUnreach: MpUnreachLocation | undefined;
  /** In wire order. */
  readonly diagnostics: readonly Diagnostic[];
  /** The strongest diagnostic, the first one of equals. */
  readonly error: Diagnostic | undefined;
  /** What has to be done with the whole UPDATE: the action of `error`. */
  readonly action: ErrorAction | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

/**
 * Locate the parts of an UPDATE and judge them, without building typed values.
 * @param bytes the UPDATE's body, after the 19-octet header, is `bytes[start..end)`; borrowed
 * @param cx    what was negotiated; rules that depend on the kind of peer apply only when it says which
 * @throws      never
 * @see RFC 4271 section 6.3, RFC 7606
 */
export function parseUpdate(bytes: Uint8Array, start: number, end: number, cx: WireContext): ParsedUpdate {
  const judge = new AttributeJudge(bytes, cx, false, false);
  const withdrawnStart = start + 2;
  const withdrawnLength = end - start >= 4 ? (bytes[start]! << 8) | bytes[start + 1]! : -1;
  const withdrawnEnd = withdrawnStart + withdrawnLength;
  if (withdrawnLength < 0 || withdrawnEnd + 2 > end) {
    return unlocatable(judge, end, `Withdrawn Routes Length ${withdrawnLength} in a body of ${end - start} octets`);
  }
  const attributesStart = withdrawnEnd + 2;
  const attributesLength = (bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!;
  const attributesEnd = attributesStart + attributesLength;
  if (attributesEnd > end) {
    return unlocatable(
      judge,
      end,
      `Total Path Attribute Length ${attributesLength}, ${end - attributesStart} octets left`,
    );
  }

  const addPath = hasAddPath(cx, 1, 1);
  if (withdrawnStart < withdrawnEnd)
    checkPrefixes(judge, bytes, withdrawnStart, withdrawnEnd, addPath, 'Withdrawn Routes');
  judge.scan(attributesStart, attributesEnd);
  if (attributesEnd < end) checkPrefixes(judge, bytes, attributesEnd, end, addPath, 'NLRI');
  checkMandatory(judge, bytes, cx, attributesEnd < end);
  if (judge.diagnostics !== undefined) applySection52(judge, attributesStart, attributesEnd, end);
  return result(judge, withdrawnStart, withdrawnEnd, attributesStart, attributesEnd, end);
}

/**
 * Locate and judge the attributes of a block outside an UPDATE: nothing is mandatory in it.
 * @returns a ParsedUpdate without NLRI fields
 * @throws  never
 */
export function parseAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  cx: WireContext,
  options: BlockOptions = {},
): ParsedUpdate {
  const judge = new AttributeJudge(bytes, cx, options.inside === true, options.anyFlags === true);
  judge.scan(start, end);
  return result(judge, start, start, start, end, end);
}

function result(
  judge: AttributeJudge,
  withdrawnStart: number,
  withdrawnEnd: number,
  attributesStart: number,
  attributesEnd: number,
  end: number,
): ParsedUpdate {
  const { attributes, mpReach, mpUnreach, diagnostics } = judge;
  const error = diagnostics === undefined ? undefined : strongest(diagnostics);
  return {
    withdrawnStart,
    withdrawnEnd,
    attributesStart,
    attributesEnd,
    nlriStart: attributesEnd,
    nlriEnd: end,
    attributes,
    mpReach,
    mpUnreach,
    diagnostics: diagnostics ?? NONE,
    error,
    action: error?.action,
  };
}

/** RFC 7606 section 3 a: the fields cannot be told apart. */
function unlocatable(judge: AttributeJudge, end: number, reason: string): ParsedUpdate {
  judge.report('session-reset', SUBCODE.malformedAttributeList, NO_DATA, reason);
  return result(judge, end, end, end, end, end);
}

function checkPrefixes(
  judge: AttributeJudge,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  field: string,
): void {
  const at = findMalformedPrefix(bytes, start, end, 32, addPath);
  if (at < 0) return;
  // RFC 7606 sections 3 j and 5.3: what follows cannot be told from prefixes.
  const hex = toHex(bytes, at, Math.min(end, at + 8));
  judge.report('session-reset', SUBCODE.invalidNetwork, NO_DATA, `${field}: prefix ${hex} cannot be read`);
}

/** RFC 7606 section 3 d: only an UPDATE that announces something needs them. */
function checkMandatory(judge: AttributeJudge, bytes: Uint8Array, cx: WireContext, hasNlri: boolean): void {
  if (!hasNlri && !judge.isSeen(MP_REACH_NLRI)) return;
  require(judge, ORIGIN, 'ORIGIN');
  require(judge, AS_PATH, 'AS_PATH');
  if (hasNlri) {
    require(judge, NEXT_HOP, 'NEXT_HOP');
    checkNextHop(judge, bytes);
  }
  // RFC 4271 section 5.1.5: required from internal peers.
  if (cx.peerType === 'ibgp') require(judge, LOCAL_PREF, 'LOCAL_PREF');
}

function require(judge: AttributeJudge, code: number, name: string): void {
  if (judge.isSeen(code)) return;
  judge.report('treat-as-withdraw', SUBCODE.missingWellKnown, Uint8Array.of(code), `${name} is missing`, code);
}

function checkNextHop(judge: AttributeJudge, bytes: Uint8Array): void {
  const { nextHop } = judge;
  if (nextHop === undefined || isHostAddress(bytes, nextHop.start)) return;
  const reason = `NEXT_HOP ${ipv4At(bytes, nextHop.start)} is not a host address`;
  judge.flaw(nextHop, 'treat-as-withdraw', SUBCODE.invalidNextHop, reason);
}

/**
 * RFC 7606 section 5.2: with attributes other than MP_UNREACH_NLRI but nothing announced, there may have been an MP_REACH_NLRI
 * that the error hides; treating nothing as withdrawn would lose it.
 */
function applySection52(judge: AttributeJudge, attributesStart: number, attributesEnd: number, end: number): void {
  const { attributes, mpReach } = judge;
  if (attributesEnd < end || (mpReach !== undefined && mpReach.nlriStart < mpReach.nlriEnd)) return;
  // Octets that are not even an attribute are not an MP_UNREACH_NLRI either.
  const readTo = attributes.at(-1)?.end ?? attributesStart;
  if (readTo === attributesEnd && attributes.every(({ code }) => code === MP_UNREACH_NLRI)) return;
  judge.diagnostics = judge.diagnostics?.map((diagnostic) =>
    isStronger(diagnostic.action, 'attribute-discard')
      ? { ...diagnostic, action: 'session-reset' as const }
      : diagnostic,
  );
}
