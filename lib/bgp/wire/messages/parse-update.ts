import type { AttributeType } from '../attributes/attribute.js';
import { FLAG } from '../attributes/attribute.js';
import { attributeType } from '../attributes/index.js';
import type { MpReachLocation } from '../attributes/mp-reach-nlri.js';
import { judgeMpNlri, locateMpReach, MP_REACH_NLRI } from '../attributes/mp-reach-nlri.js';
import type { MpUnreachLocation } from '../attributes/mp-unreach-nlri.js';
import { locateMpUnreach, MP_UNREACH_NLRI } from '../attributes/mp-unreach-nlri.js';
import { isHostAddress, NEXT_HOP } from '../attributes/next-hop.js';
import { LOCAL_PREF } from '../attributes/local-pref.js';
import type { WireContext } from '../context.js';
import { hasAddPath } from '../context.js';
import type { Diagnostic, ErrorAction } from '../errors.js';
import { isStronger, strongest } from '../errors.js';
import { findMalformed, ipv4Unicast } from '../nlri/index.js';
import { ipv4At } from '../../../net/address.js';
import { toHex } from '../text.js';

/** UPDATE Message Error and its subcodes (RFC 4271 section 6.3). */
const UPDATE_ERROR = 3;
const SUBCODE = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  flags: 4,
  length: 5,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const;

const ORIGIN = 1;
const AS_PATH = 2;

/** One attribute of an UPDATE: where it is and what was thought of it. Offsets are into the octets that were parsed. */
export interface RawAttribute {
  readonly code: number;
  /** Attribute Flags as sent. */
  readonly flags: number;
  /** First octet of the attribute (its flags). */
  readonly headerStart: number;
  /** The value is `bytes[start..end)`. */
  readonly start: number;
  readonly end: number;
  /** Attribute Length as sent; over `end - start` when it runs past the block. */
  readonly sentLength: number;
  /** A diagnostic is about it. */
  malformed: boolean;
  /** Not to be used: malformed with the action attribute-discard, a duplicate, or not for this kind of peer. */
  discarded: boolean;
}

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
const NO_DATA = new Uint8Array(0);
const ORDINARY: BlockOptions = Object.freeze({});

/**
 * Locate the parts of an UPDATE and judge them, without building typed values.
 * @param bytes the UPDATE's body, after the 19-octet header, is `bytes[start..end)`; borrowed
 * @param cx    what was negotiated; rules that depend on the kind of peer apply only when it says which
 * @throws      never
 * @see RFC 4271 section 6.3, RFC 7606
 */
export function parseUpdate(bytes: Uint8Array, start: number, end: number, cx: WireContext): ParsedUpdate {
  return new UpdateParser(bytes, cx).parse(start, end);
}

/** What is special about a block of attributes outside an UPDATE. */
export interface BlockOptions {
  /** It stands inside an attribute. */
  readonly inside?: true;
  /** It comes from an archive: some writers put no flags there. */
  readonly anyFlags?: true;
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
  return new UpdateParser(bytes, cx, options).parseBlock(start, end);
}

/** Attributes inside an attribute have four-octet AS numbers and came from somebody else (RFC 6368 section 5). */
export function nestedContext(cx: WireContext): WireContext {
  return { asn4: true, addPath: cx.addPath, maxMessageLength: cx.maxMessageLength };
}

function isMp(code: number): boolean {
  return code === MP_REACH_NLRI || code === MP_UNREACH_NLRI;
}

class UpdateParser {
  private readonly attributes: RawAttribute[] = [];
  private diagnostics: Diagnostic[] | undefined;
  private mpReach: MpReachLocation | undefined;
  private mpUnreach: MpUnreachLocation | undefined;
  /** Attribute codes seen: bit sets of 32, as a small array would cost more than it tells. */
  private readonly seen = new Uint32Array(8);
  private nextHopAt = -1;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly cx: WireContext,
    private readonly options: BlockOptions = ORDINARY,
  ) {}

  parse(start: number, end: number): ParsedUpdate {
    const { bytes } = this;
    const withdrawnStart = start + 2;
    const withdrawnLength = end - start >= 4 ? (bytes[start]! << 8) | bytes[start + 1]! : -1;
    const withdrawnEnd = withdrawnStart + withdrawnLength;
    if (withdrawnLength < 0 || withdrawnEnd + 2 > end) {
      return this.unlocatable(end, `Withdrawn Routes Length ${withdrawnLength} in a body of ${end - start} octets`);
    }
    const attributesStart = withdrawnEnd + 2;
    const attributesLength = (bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!;
    const attributesEnd = attributesStart + attributesLength;
    if (attributesEnd > end) {
      return this.unlocatable(
        end,
        `Total Path Attribute Length ${attributesLength}, ${end - attributesStart} octets left`,
      );
    }

    const addPath = hasAddPath(this.cx, 1, 1);
    this.checkNlri(withdrawnStart, withdrawnEnd, addPath, 'Withdrawn Routes');
    this.scanAttributes(attributesStart, attributesEnd);
    this.checkNlri(attributesEnd, end, addPath, 'NLRI');
    this.checkMandatory(attributesEnd < end);
    this.applySection52(attributesStart, attributesEnd, end);
    return this.result(withdrawnStart, withdrawnEnd, attributesStart, attributesEnd, end);
  }

  parseBlock(start: number, end: number): ParsedUpdate {
    this.scanAttributes(start, end);
    return this.result(start, start, start, end, end);
  }

  private result(
    withdrawnStart: number,
    withdrawnEnd: number,
    attributesStart: number,
    attributesEnd: number,
    end: number,
  ): ParsedUpdate {
    const error = this.diagnostics === undefined ? undefined : strongest(this.diagnostics);
    return {
      withdrawnStart,
      withdrawnEnd,
      attributesStart,
      attributesEnd,
      nlriStart: attributesEnd,
      nlriEnd: end,
      attributes: this.attributes,
      mpReach: this.mpReach,
      mpUnreach: this.mpUnreach,
      diagnostics: this.diagnostics ?? NONE,
      error,
      action: error?.action,
    };
  }

  /** RFC 7606 section 3 a: the fields cannot be told apart. */
  private unlocatable(end: number, reason: string): ParsedUpdate {
    this.report('session-reset', SUBCODE.malformedAttributeList, NO_DATA, reason);
    return this.result(end, end, end, end, end);
  }

  private report(action: ErrorAction, subcode: number, data: Uint8Array, reason: string, attribute?: number): void {
    (this.diagnostics ??= []).push({
      action,
      code: UPDATE_ERROR,
      subcode,
      data,
      ...(attribute === undefined ? {} : { attribute }),
      reason,
    });
  }

  private checkNlri(start: number, end: number, addPath: boolean, field: string): void {
    if (start === end) return;
    const at = findMalformed(ipv4Unicast, this.bytes, start, end, addPath);
    // RFC 7606 section 3 j and 5.3: what follows cannot be told from prefixes.
    if (at >= 0) {
      const hex = toHex(this.bytes, at, Math.min(end, at + 8));
      this.report('session-reset', SUBCODE.invalidNetwork, NO_DATA, `${field}: prefix ${hex} cannot be read`);
    }
  }

  private scanAttributes(start: number, end: number): void {
    const { bytes } = this;
    let at = start;
    while (at < end) {
      const flags = bytes[at]!;
      const headerLength = (flags & FLAG.extendedLength) !== 0 ? 4 : 3;
      if (at + headerLength > end) {
        // RFC 7606 section 4: the Total Path Attribute Length is relied upon to find the NLRI.
        const reason = `${end - at} octets left where an attribute should begin`;
        this.report('treat-as-withdraw', SUBCODE.malformedAttributeList, NO_DATA, reason);
        return;
      }
      const code = bytes[at + 1]!;
      const length = headerLength === 4 ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!;
      const valueStart = at + headerLength;
      const valueEnd = valueStart + length;
      const attribute: RawAttribute = {
        code,
        flags,
        headerStart: at,
        start: valueStart,
        end: valueEnd > end ? end : valueEnd,
        sentLength: length,
        malformed: false,
        discarded: false,
      };
      this.attributes.push(attribute);
      if (valueEnd > end) {
        // Of a cut MP attribute nothing can be relied upon: not even which prefixes would be withdrawn.
        const action = isMp(code) ? 'session-reset' : 'treat-as-withdraw';
        this.flaw(attribute, action, SUBCODE.length, `attribute of ${length} octets, ${end - valueStart} left`);
        this.markSeen(code);
        return;
      }
      this.judge(attribute);
      at = valueEnd;
    }
  }

  private markSeen(code: number): boolean {
    const word = code >>> 5;
    const bit = 1 << (code & 31);
    if ((this.seen[word]! & bit) !== 0) return true;
    this.seen[word]! |= bit;
    return false;
  }

  private isSeen(code: number): boolean {
    return (this.seen[code >>> 5]! & (1 << (code & 31))) !== 0;
  }

  private flaw(attribute: RawAttribute, action: ErrorAction, subcode: number, reason: string): void {
    attribute.malformed = true;
    if (action === 'attribute-discard') attribute.discarded = true;
    // RFC 4271 section 6.3: Data is the attribute (type, length and value); Malformed AS_PATH has none.
    const data = subcode === SUBCODE.malformedAsPath ? NO_DATA : this.bytes.slice(attribute.headerStart, attribute.end);
    this.report(action, subcode, data, reason, attribute.code);
  }

  private judge(attribute: RawAttribute): void {
    const { code } = attribute;
    if (this.markSeen(code)) return this.duplicate(attribute);
    const type = attributeType(code);
    // One level is enough for RFC 6368, and keeps a hostile message from nesting thousands.
    if (this.options.inside === true && type?.nestedFrom !== undefined) return;
    if (type === undefined) {
      if ((attribute.flags & FLAG.optional) === 0 && this.options.anyFlags !== true) {
        this.flaw(attribute, 'session-reset', SUBCODE.unrecognizedWellKnown, `unknown well-known attribute ${code}`);
      }
      return;
    }
    if (type.internalOnly === true && this.cx.peerType === 'ebgp') {
      const reason = `${type.name} from an external neighbor`;
      return this.flaw(attribute, 'attribute-discard', SUBCODE.malformedAttributeList, reason);
    }
    const conflict = (attribute.flags ^ type.flags) & (FLAG.optional | FLAG.transitive);
    const flagsWrong = conflict !== 0 && this.options.anyFlags !== true;
    if (flagsWrong) {
      const reason = `${type.name} with flags 0x${attribute.flags.toString(16).padStart(2, '0')}`;
      this.flaw(attribute, type.onFlagsError ?? 'treat-as-withdraw', SUBCODE.flags, reason);
    }
    if (isMp(code)) return this.locateMp(attribute, type);
    if (flagsWrong) return;
    const wrongLength = this.judgeLength(type, attribute.end - attribute.start);
    if (wrongLength !== undefined) {
      return this.flaw(attribute, type.onError, type.lengthSubcode ?? SUBCODE.length, wrongLength);
    }
    const wrongValue = type.check?.(this.bytes, attribute.start, attribute.end, this.cx);
    if (wrongValue !== undefined) {
      return this.flaw(attribute, type.onError, type.subcode ?? SUBCODE.optionalAttribute, wrongValue);
    }
    if (type.nestedFrom !== undefined) this.judgeNested(attribute, type, attribute.start + type.nestedFrom);
    if (code === NEXT_HOP) this.nextHopAt = this.attributes.length - 1;
  }

  /** RFC 7606 section 7.16: malformed attributes inside make the whole malformed. */
  private judgeNested(attribute: RawAttribute, type: AttributeType, start: number): void {
    const inner = parseAttributes(this.bytes, start, attribute.end, nestedContext(this.cx), { inside: true });
    const location = inner.attributes.some(({ code }) => isMp(code) || code === NEXT_HOP);
    const wrong = inner.error?.reason ?? (location ? 'next hop or NLRI inside' : undefined);
    if (wrong !== undefined) {
      this.flaw(attribute, type.onError, type.subcode ?? SUBCODE.optionalAttribute, `${type.name}: ${wrong}`);
    }
  }

  private judgeLength(type: AttributeType, length: number): string | undefined {
    const { unit, minLength } = type;
    const exact = typeof type.length === 'function' ? type.length(this.cx) : type.length;
    if (
      (exact === undefined || length === exact) &&
      (unit === undefined || (length !== 0 && length % unit === 0)) &&
      (minLength === undefined || length >= minLength)
    ) {
      return undefined;
    }
    return `${type.name} of ${length} octets`;
  }

  private duplicate(attribute: RawAttribute): void {
    // RFC 7606 section 3 g: the first one counts; of the MP attributes there may be only one.
    const reason = `attribute ${attribute.code} more than once`;
    this.flaw(
      attribute,
      isMp(attribute.code) ? 'session-reset' : 'attribute-discard',
      SUBCODE.malformedAttributeList,
      reason,
    );
  }

  private locateMp(attribute: RawAttribute, type: AttributeType): void {
    const { start, end, code } = attribute;
    const place =
      code === MP_REACH_NLRI ? locateMpReach(this.bytes, start, end) : locateMpUnreach(this.bytes, start, end);
    if (typeof place === 'string') return this.flaw(attribute, type.onError, SUBCODE.optionalAttribute, place);
    if (code === MP_REACH_NLRI) this.mpReach = place as MpReachLocation;
    else this.mpUnreach = place;
    const wrong = judgeMpNlri(this.bytes, place, this.cx);
    // RFC 4760 section 7 gives the subcode; RFC 7606 section 5.3 the choice between session reset and AFI/SAFI disable.
    if (wrong !== undefined) this.flaw(attribute, wrong.action, SUBCODE.optionalAttribute, wrong.reason);
  }

  /** RFC 7606 section 3 d: only an UPDATE that announces something needs them. */
  private checkMandatory(hasNlri: boolean): void {
    if (!hasNlri && !this.isSeen(MP_REACH_NLRI)) return;
    this.require(ORIGIN, 'ORIGIN');
    this.require(AS_PATH, 'AS_PATH');
    if (hasNlri) {
      this.require(NEXT_HOP, 'NEXT_HOP');
      this.checkNextHop();
    }
    // RFC 4271 section 5.1.5: required from internal peers.
    if (this.cx.peerType === 'ibgp') this.require(LOCAL_PREF, 'LOCAL_PREF');
  }

  private require(code: number, name: string): void {
    if (this.isSeen(code)) return;
    this.report('treat-as-withdraw', SUBCODE.missingWellKnown, Uint8Array.of(code), `${name} is missing`, code);
  }

  private checkNextHop(): void {
    const attribute = this.attributes[this.nextHopAt];
    if (attribute === undefined || isHostAddress(this.bytes, attribute.start)) return;
    const reason = `NEXT_HOP ${ipv4At(this.bytes, attribute.start)} is not a host address`;
    this.flaw(attribute, 'treat-as-withdraw', SUBCODE.invalidNextHop, reason);
  }

  /**
   * RFC 7606 section 5.2: with attributes other than MP_UNREACH_NLRI but nothing announced, there may have been an
   * MP_REACH_NLRI that the error hides; treating nothing as withdrawn would lose it.
   */
  private applySection52(attributesStart: number, attributesEnd: number, end: number): void {
    if (this.diagnostics === undefined || attributesEnd < end) return;
    if (this.mpReach !== undefined && this.mpReach.nlriStart < this.mpReach.nlriEnd) return;
    // Octets that are not even an attribute are not an MP_UNREACH_NLRI either.
    const readTo = this.attributes.at(-1)?.end ?? attributesStart;
    if (readTo === attributesEnd && this.attributes.every(({ code }) => code === MP_UNREACH_NLRI)) return;
    this.diagnostics = this.diagnostics.map((d) =>
      isStronger(d.action, 'attribute-discard') ? { ...d, action: 'session-reset' as const } : d,
    );
  }
}
