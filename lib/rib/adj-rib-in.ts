/**
 * Adj-RIB-In: one session's UPDATEs, applied to the RIB.
 *
 * The usual UPDATE takes the fast path: its attribute block is looked up by its octets as they stand in the receive
 * buffer, and when it is known, no attribute is read at all; else it is scanned once and interned. Whatever is unusual
 * (errors, unknown attributes, odd order, two-octet AS numbers) goes through `parseUpdate`, which judges it by RFC 7606
 * and from whose result the canonical form is written.
 */
import { AttributeFacts, scanAttributes } from '../bgp/wire/attribute-scan.js';
import { hasAddPath, type WireContext } from '../bgp/wire/context.js';
import { MessageError, type Diagnostic } from '../bgp/wire/errors.js';
import { afiSafiOf, familyOf, type FamilyName } from '../bgp/wire/families.js';
import { parseUpdate, type ParsedUpdate } from '../bgp/wire/messages/parse-update.js';
import { writeCanonicalAttributes, type ParsedAttributes } from '../bgp/wire/attributes/canonical.js';
import type { MpReachLocation } from '../bgp/wire/attributes/mp-reach-nlri.js';
import { isHostAddress } from '../bgp/wire/attributes/next-hop.js';
import { findMalformedPrefix } from '../bgp/wire/nlri/prefix.js';
import { Writer } from '../net/index.js';
import { announcePathRange, withdrawPathRange } from './add-path-ranges.js';
import { ATTR } from './attribute-store.js';
import type { FamilyRib } from './family-rib.js';
import { announceJudged, type FamilyImportPolicy, type ImportPolicy } from './import-policy.js';
import type { ImportRules } from './import-rules.js';
import { copyOthers, located, locateMultiprotocol, MP_REACH } from './multiprotocol.js';
import { announceWithin, type PrefixLimiter } from './prefix-limit.js';
import type { Rib } from './rib.js';

type CanonicalInput = ParsedAttributes['attributes'];

export interface AdjRibInHandler {
  /** End-of-RIB (RFC 4724 section 2). */
  onEndOfRib(family: FamilyName): void;
  /** A flaw in an UPDATE that does not end the session. */
  onDiagnostic(diagnostic: Diagnostic): void;
}

const CODE_UPDATE_ERROR = 3;
const SUBCODE_MALFORMED_ATTRIBUTE_LIST = 1;
const SUBCODE_INVALID_NEXT_HOP = 8;
const SUBCODE_INVALID_NETWORK_FIELD = 10;
const JUDGED = { ibgp: ATTR.judgedIbgp, ebgp: ATTR.judgedEbgp, confed: ATTR.judgedConfed } as const;
const NEXT_HOP = 3;
/** NLRI fields of this size are worth a look ahead, see PrefixTable.touch. */
const TOUCH_OCTETS = 64;
const NOT_NEGOTIATED = 'IPv6 next hop of an IPv4 route, which was not negotiated (RFC 8950)';
/** The longest attribute set that the store holds. */
const MAX_SET_LENGTH = 0xffff;

/** Scratch shared by all sessions: nothing of it outlives a call. */
const facts = new AttributeFacts();
const scratch = new Writer(4096);

export class AdjRibIn {
  /** Prefixes in this Adj-RIB-In, by family; with ADD-PATH: paths. */
  readonly counts = new Map<FamilyName, number>();
  /** Families with a limit on their prefixes. */
  readonly limits = new Map<FamilyName, PrefixLimiter>();
  private readonly ipv4: FamilyRib | undefined;
  private readonly judged: number;
  /** Left out: the decision process sees what was received. */
  policy: ImportPolicy | undefined;
  /** The families whose NLRI have Path Identifiers, if there are any. */
  private readonly addPath: ReadonlySet<FamilyRib> | undefined;

  /**
   * @param source the session's number in the RIB's PeerTable
   * @param cx how the peer writes; its peerType must be set
   * @param families those negotiated; routes of others are ignored
   * @param rules what the session's settings make of attributes; left out: they stay as they are. Others count from the next UPDATE on
   * @param kept how many prefixes of an earlier session the source still has
   */
  constructor(
    private readonly rib: Rib,
    readonly source: number,
    private readonly cx: WireContext,
    families: readonly FamilyName[],
    private readonly handler: AdjRibInHandler,
    public rules?: ImportRules | undefined,
    kept?: ReadonlyMap<FamilyName, number>,
  ) {
    for (const family of families) this.counts.set(family, kept?.get(family) ?? 0);
    this.ipv4 = families.includes('ipv4-unicast') ? rib.of('ipv4-unicast') : undefined;
    this.judged = JUDGED[cx.peerType ?? 'ibgp'];
    const addPath = families.filter((family) => hasAddPath(cx, afiSafiOf(family).afi, afiSafiOf(family).safi));
    this.addPath = addPath.length === 0 ? undefined : new Set(addPath.map((family) => rib.of(family)));
  }

  /**
   * Apply one UPDATE whose body (after the header) is `bytes[start..end)`.
   * @returns the error that must end the session, if any (RFC 7606)
   */
  apply(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    const length = end - start;
    if (length < 4) return this.malformed('UPDATE shorter than its two length fields');
    const withdrawnEnd = start + 2 + ((bytes[start]! << 8) | bytes[start + 1]!);
    if (withdrawnEnd + 2 > end) return this.malformed('Withdrawn Routes Length runs over the end');
    const attributesStart = withdrawnEnd + 2;
    const attributesEnd = attributesStart + ((bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!);
    if (attributesEnd > end) return this.malformed('Total Path Attribute Length runs over the end');
    if (length === 4) {
      this.endOfRib('ipv4-unicast');
      return undefined;
    }
    if (start + 2 < withdrawnEnd) {
      if (!this.withdrawRange(this.ipv4, bytes, start + 2, withdrawnEnd, 32)) return this.badNlri('Withdrawn Routes');
    }
    if (attributesStart === attributesEnd && attributesEnd === end) return undefined;
    if (attributesEnd < end) {
      const id = this.findOrScan(this.rib.families[0]!, bytes, attributesStart, attributesEnd, 0);
      if (id >= 0) {
        return this.announceRange(this.ipv4, id, bytes, attributesEnd, end, 32) ? undefined : this.badNlri('NLRI');
      }
    } else if (locateMultiprotocol(bytes, attributesStart, attributesEnd)) {
      if (this.applyMultiprotocol(bytes, attributesStart, attributesEnd)) return undefined;
    }
    return this.applySlow(bytes, start, end);
  }

  /** The fast path of UPDATEs without IPv4 NLRI. @returns false when the slow path must look */
  private applyMultiprotocol(bytes: Uint8Array, start: number, end: number): boolean {
    let id = -1;
    let rib: FamilyRib | undefined;
    let nlriStart = 0;
    const { reachStart, reachEnd, unreachStart, unreachEnd } = located;
    if (reachEnd !== 0) {
      rib = this.ribOf((bytes[reachStart]! << 8) | bytes[reachStart + 1]!, bytes[reachStart + 2]!);
      const nextHopLength = bytes[reachStart + 3]!;
      nlriStart = reachStart + 4 + nextHopLength + 1;
      if (!rib || !this.takesIpv6NextHop(rib) || (nextHopLength !== 16 && nextHopLength !== 32)) return false;
      if (nlriStart > reachEnd) return false;
      if (bytes[nlriStart - 1] !== 0) return false; // reserved octet (RFC 4760 section 3)
      if (!isUsableNextHop6(bytes, reachStart + 4, nextHopLength)) return false;
      scratch.reset();
      const at = scratch.reserve(end - start + nextHopLength);
      const out = scratch.bytes;
      let to = at;
      for (let i = reachStart + 4; i < nlriStart - 1; i++) out[to++] = bytes[i]!;
      to = copyOthers(bytes, start, end, out, to);
      id = this.findOrScan(rib, out, at, to, nextHopLength);
      if (id < 0) return false;
    } else if (unreachEnd === 0 || located.others > 0) return false;
    if (unreachEnd !== 0) {
      const afi = (bytes[unreachStart]! << 8) | bytes[unreachStart + 1]!;
      const unreachable = this.ribOf(afi, bytes[unreachStart + 2]!);
      if (!unreachable) return false;
      if (unreachStart + 3 === unreachEnd && reachEnd === 0) this.endOfRib(unreachable.family);
      else if (!this.withdrawRange(unreachable, bytes, unreachStart + 3, unreachEnd, unreachable.prefixes.maxLength)) {
        return false;
      }
    }
    return !rib || this.announceRange(rib, id, bytes, nlriStart, reachEnd, rib.prefixes.maxLength);
  }

  /** IPv6 routes have IPv6 next hops, IPv4 routes may have them when it was negotiated (RFC 8950). */
  private takesIpv6NextHop(rib: FamilyRib): boolean {
    return rib.prefixes.maxLength === 128 || this.cx.extendedNextHop === true;
  }

  private ribOf(afi: number, safi: number): FamilyRib | undefined {
    const family = familyOf(afi, safi);
    return family !== undefined && this.counts.has(family) ? this.rib.of(family) : undefined;
  }

  /** The id of an attribute block, interned if it is new and flawless; -1 when the slow path must look. */
  private findOrScan(rib: FamilyRib, bytes: Uint8Array, start: number, end: number, nextHopLength: number): number {
    const { store } = rib;
    if (!this.cx.asn4) return -1;
    let id = store.find(bytes, start, end, nextHopLength);
    if (id >= 0 && (store.flags[id]! & this.judged) !== 0) return this.rules?.apply(store, id) ?? id;
    const peerType = this.cx.peerType ?? 'ibgp';
    if (!scanAttributes(bytes, start + nextHopLength, end, peerType, nextHopLength > 0, facts)) return -1;
    if (id < 0) id = store.add(bytes, start, end, nextHopLength, facts);
    store.flags[id]! |= this.judged;
    return this.rules?.apply(store, id) ?? id;
  }

  /** @returns false when the NLRI are malformed (RFC 7606 section 5.3) */
  private announceRange(
    rib: FamilyRib | undefined,
    attributes: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    maxLength: number,
  ): boolean {
    if (rib && this.addPath?.has(rib)) return announcePathRange(rib, this, attributes, bytes, start, end);
    const limiter = rib && this.limits.size > 0 ? this.limits.get(rib.family) : undefined;
    // Each prefix has at least one octet.
    if (rib && limiter && end - start > limiter.roomFor(this.counts.get(rib.family)!)) {
      return this.announceNearLimit(rib, limiter, attributes, bytes, start, end);
    }
    if (this.policy !== undefined && rib !== undefined) {
      const policy = this.policy.of(rib);
      if (policy.looksAtPrefix) return this.announceEach(rib, policy, attributes, bytes, start, end);
      attributes = policy.apply(attributes, -1);
    }
    let at = start;
    let added = 0;
    if (end - start >= TOUCH_OCTETS) rib?.prefixes.touch(bytes, start, end);
    while (at < end) {
      const length = bytes[at]!;
      const next = at + 1 + ((length + 7) >> 3);
      if (length > maxLength || next > end) return false;
      if (rib) added += rib.announce(this.source, rib.prefixes.intern(length, bytes, at + 1), attributes);
      at = next;
    }
    if (rib) {
      const count = this.counts.get(rib.family)! + added;
      this.counts.set(rib.family, count);
      limiter?.note(count);
      if (rib.refreshes.size > 0) rib.noteAnnounced(this.source, bytes, start, end);
    }
    return true;
  }

  /** Prefix by prefix, where new ones may not be taken any more. */
  private announceNearLimit(
    rib: FamilyRib,
    limiter: PrefixLimiter,
    attributes: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (findMalformedPrefix(bytes, start, end, rib.prefixes.maxLength, false) >= 0) return false;
    const count = this.counts.get(rib.family)!;
    const policy = this.policy?.of(rib);
    const added = announceWithin(limiter, rib, this.source, attributes, policy, bytes, start, end, count);
    this.counts.set(rib.family, count + added);
    limiter.note(count + added);
    if (rib.refreshes.size > 0) rib.noteAnnounced(this.source, bytes, start, end);
    return true;
  }

  /** `announceRange` under a policy that looks at prefixes. */
  private announceEach(
    rib: FamilyRib,
    policy: FamilyImportPolicy,
    received: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (findMalformedPrefix(bytes, start, end, rib.prefixes.maxLength, false) >= 0) return false;
    const count = this.counts.get(rib.family)! + announceJudged(policy, rib, this.source, received, bytes, start, end);
    this.counts.set(rib.family, count);
    this.limits.get(rib.family)?.note(count);
    if (rib.refreshes.size > 0) rib.noteAnnounced(this.source, bytes, start, end);
    return true;
  }

  private withdrawRange(
    rib: FamilyRib | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
    maxLength: number,
  ): boolean {
    if (rib && this.addPath?.has(rib)) return withdrawPathRange(rib, this, bytes, start, end);
    let at = start;
    let removed = 0;
    if (end - start >= TOUCH_OCTETS) rib?.prefixes.touch(bytes, start, end);
    while (at < end) {
      const length = bytes[at]!;
      const next = at + 1 + ((length + 7) >> 3);
      if (length > maxLength || next > end) return false;
      if (rib) {
        const prefix = rib.prefixes.find(length, bytes, at + 1);
        if (prefix >= 0) removed += rib.withdraw(this.source, prefix);
      }
      at = next;
    }
    if (rib) {
      const count = this.counts.get(rib.family)! - removed;
      this.counts.set(rib.family, count);
      if (this.limits.size > 0) this.limits.get(rib.family)?.note(count);
    }
    return true;
  }

  /** Judge an unusual UPDATE by all rules, then apply what is left of it. */
  private applySlow(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    const parsed = parseUpdate(bytes, start, end, this.cx);
    for (const diagnostic of parsed.diagnostics) this.handler.onDiagnostic(diagnostic);
    const { error } = parsed;
    if (error && (error.action === 'session-reset' || error.action === 'afi-safi-disable')) {
      return new MessageError(error.code, error.subcode, error.reason, error.data);
    }
    const { mpReach, mpUnreach } = parsed;
    if (mpUnreach) {
      const rib = this.ribOf(mpUnreach.afi, mpUnreach.safi);
      if (rib) {
        this.withdrawRange(rib, bytes, mpUnreach.nlriStart, mpUnreach.nlriEnd, rib.prefixes.maxLength);
        if (mpUnreach.nlriStart === mpUnreach.nlriEnd && parsed.attributes.length === 1 && parsed.nlriStart === end) {
          this.endOfRib(rib.family);
        }
      }
    }
    const treatAsWithdraw = error?.action === 'treat-as-withdraw';
    if (parsed.nlriStart < parsed.nlriEnd) {
      const id = treatAsWithdraw ? -1 : this.internCanonical(this.rib.families[0]!, bytes, parsed.attributes, 0, 0);
      this.applyRange(this.ipv4, id, bytes, parsed.nlriStart, parsed.nlriEnd);
    }
    if (mpReach) {
      const rib = this.ribOf(mpReach.afi, mpReach.safi);
      if (rib) {
        const id = treatAsWithdraw ? -1 : this.internMultiprotocol(rib, bytes, parsed, mpReach);
        this.applyRange(rib, id, bytes, mpReach.nlriStart, mpReach.nlriEnd);
      }
    }
    return undefined;
  }

  /** Announce a range, or withdraw it when there is no attribute set (treat-as-withdraw). */
  private applyRange(rib: FamilyRib | undefined, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (!rib) return;
    if (id >= 0) this.announceRange(rib, id, bytes, start, end, rib.prefixes.maxLength);
    else this.withdrawRange(rib, bytes, start, end, rib.prefixes.maxLength);
  }

  /** @returns -1 when the routes cannot be used */
  private internMultiprotocol(rib: FamilyRib, bytes: Uint8Array, parsed: ParsedUpdate, place: MpReachLocation): number {
    const { nextHopStart: start, nextHopEnd: end } = place;
    // RFC 4760 section 3: a NEXT_HOP attribute says nothing about routes in MP_REACH_NLRI.
    const attributes: CanonicalInput = parsed.attributes.filter(({ code }) => code !== NEXT_HOP);
    const ipv6 = end - start > 4;
    const usable = ipv6
      ? this.takesIpv6NextHop(rib) && isUsableNextHop6(bytes, start, end - start)
      : rib.prefixes.maxLength === 32 && isHostAddress(bytes, start);
    if (!usable) {
      this.handler.onDiagnostic({
        action: 'treat-as-withdraw',
        code: CODE_UPDATE_ERROR,
        subcode: SUBCODE_INVALID_NEXT_HOP,
        data: bytes.slice(start, end),
        attribute: MP_REACH,
        reason:
          ipv6 && !this.takesIpv6NextHop(rib) ? NOT_NEGOTIATED : 'next hop in MP_REACH_NLRI is not a host address',
      });
      return -1;
    }
    if (ipv6) return this.internCanonical(rib, bytes, attributes, start, end);
    // IPv4 routes are kept in one form, with NEXT_HOP.
    const nextHop = { code: NEXT_HOP, flags: 0x40, start, end, discarded: false };
    return this.internCanonical(rib, bytes, [...attributes, nextHop], 0, 0);
  }

  /** The id of the canonical form; the next hop `bytes[nextHopStart..nextHopEnd)` is put in front. */
  private internCanonical(
    rib: FamilyRib,
    bytes: Uint8Array,
    attributes: CanonicalInput,
    nextHopStart: number,
    nextHopEnd: number,
  ): number {
    scratch.reset();
    scratch.octets(bytes.subarray(nextHopStart, nextHopEnd));
    const nextHopLength = nextHopEnd - nextHopStart;
    writeCanonicalAttributes(bytes, { attributes }, this.cx, scratch);
    // A long AS_PATH of two-octet numbers can double in an extended message (RFC 8654); no message could pass it on.
    if (scratch.length > MAX_SET_LENGTH) return this.tooLong();
    const { store } = rib;
    let id = store.find(scratch.bytes, 0, scratch.length, nextHopLength);
    if (id < 0) {
      if (!scanAttributes(scratch.bytes, nextHopLength, scratch.length, 'trusted', nextHopLength > 0, facts)) return -1;
      id = store.add(scratch.bytes, 0, scratch.length, nextHopLength, facts);
    }
    store.flags[id]! |= this.judged;
    if (this.rules === undefined) return id;
    const allowed = this.rules.apply(store, id);
    if (allowed < 0) this.handler.onDiagnostic(this.rules.refusal);
    return allowed;
  }

  private tooLong(): number {
    this.handler.onDiagnostic({
      action: 'treat-as-withdraw',
      code: CODE_UPDATE_ERROR,
      subcode: SUBCODE_MALFORMED_ATTRIBUTE_LIST,
      data: new Uint8Array(0),
      reason: `path attributes of ${scratch.length} octets with four-octet AS numbers`,
    });
    return -1;
  }

  private endOfRib(family: FamilyName): void {
    if (this.counts.has(family)) this.handler.onEndOfRib(family);
  }

  private malformed(reason: string): MessageError {
    return new MessageError(CODE_UPDATE_ERROR, SUBCODE_MALFORMED_ATTRIBUTE_LIST, reason);
  }

  private badNlri(field: string): MessageError {
    return new MessageError(CODE_UPDATE_ERROR, SUBCODE_INVALID_NETWORK_FIELD, `${field} cannot be parsed`);
  }
}

/** No multicast address, and not `::` unless a link-local address comes with it. */
function isUsableNextHop6(bytes: Uint8Array, at: number, length: number): boolean {
  if (bytes[at] === 0xff) return false;
  for (let i = at; i < at + length; i++) if (bytes[i] !== 0) return true;
  return false;
}
