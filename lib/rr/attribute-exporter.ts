/**
 * From an interned attribute set to the octets that a neighbor gets: one pass over the canonical set, with the edits
 * that RFC 4271 section 5.1 (eBGP) and RFC 4456 section 8 (reflection) ask for. Nothing else is changed.
 *
 * Runs once per attribute set, source and batch, not per prefix.
 */
import { AS_CONFED_SEQUENCE } from '../bgp/wire/attributes/as-path.js';
import { AS_TRANS, prefixContains } from '../net/index.js';
import type { AttributeStore } from '../rib/attribute-store.js';
import { ATTR, DEFAULT_LOCAL_PREF, VERDICT } from '../rib/attribute-store.js';
import { compareAddresses, type Source } from '../rib/peer-table.js';
import { AsPathExport } from './as-path-export.js';
import { asLastResort } from './last-resort.js';
import { isTransparent, type ExportProfile } from './export-profile.js';
import { tellsOwnNextHop, withoutLinkLocal } from './next-hop.js';
import { readU32, writeU32 } from './octets.js';
import { isInternal, isReflected, prependedClusterIds } from './reflection.js';

const CODE = {
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  aggregator: 7,
  originatorId: 9,
  clusterList: 10,
  as4Path: 17,
  as4Aggregator: 18,
  onlyToCustomer: 35,
} as const;
const WELL_KNOWN = 0x40;
const OPTIONAL = 0x80;
const OPTIONAL_TRANSITIVE = 0xc0;
const EXTENDED_LENGTH = 0x10;

/** Copy without a call for what is short. @returns the offset after the copy */
function copy(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) out[at++] = from[i]!;
  return at;
}

function writeHeader(out: Uint8Array, at: number, flags: number, code: number, length: number): number {
  if (length > 255) {
    out[at] = flags | EXTENDED_LENGTH;
    out[at + 1] = code;
    out[at + 2] = length >>> 8;
    out[at + 3] = length;
    return at + 4;
  }
  out[at] = flags;
  out[at + 1] = code;
  out[at + 2] = length;
  return at + 3;
}

/** Writes attribute sets in the form that one update group gets. */
export class AttributeExporter {
  /** Most octets that an export adds to a set. */
  static readonly MAX_GROWTH = 64;

  /** Next hop of the set written last, for MP_REACH_NLRI: `out[0..nextHopLength)`. */
  readonly nextHop = new Uint8Array(32);
  nextHopLength = 0;
  private readonly asPath: AsPathExport;

  /**
   * @param members remote addresses of the group's members: a next hop that is one of them is never passed on to it
   */
  constructor(
    private readonly store: AttributeStore,
    private readonly profile: ExportProfile,
    private readonly hasMember: (address: Uint8Array) => boolean,
  ) {
    this.asPath = new AsPathExport(profile);
  }

  /** The next hop that the group gets for a set. */
  private chooseNextHop(id: number, source: Source): Uint8Array {
    const { profile } = this;
    const own = this.store.nextHops.octetsOf(this.store.nextHop[id]!);
    // A local route without a next hop of its own has the unspecified address: next hop self.
    if (source.type === 'local' && own.every((octet) => octet === 0)) return profile.selfNextHop;
    const verdict = this.store.verdictOf(id);
    if ((verdict & VERDICT.selfNextHop) !== 0) return profile.selfNextHop;
    const global = withoutLinkLocal(own);
    if ((verdict & VERDICT.keepNextHop) !== 0) return global;
    // RFC 7947 section 2.2.1: whole, since clients of a route server share its subnet.
    if (isTransparent(profile, source)) return own;
    if (profile.target !== 'ebgp') return tellsOwnNextHop(own, source, profile) ? profile.selfNextHop : global;
    if (profile.nextHopSelf !== false) return profile.selfNextHop;
    // RFC 4271 5.1.3: a third-party next hop on the shared subnet may stay, but never one that is the neighbor itself.
    const isShared = profile.sharedSubnet !== undefined && prefixContains(profile.sharedSubnet, global);
    // The source is a member too, perhaps, but it is not told its own route.
    const isSource = compareAddresses(source.address, global) === 0;
    return isShared && (isSource || !this.hasMember(global)) ? own : profile.selfNextHop;
  }

  /**
   * Write a set; there must be room for its length and MAX_GROWTH more.
   * @param out buffer, written from `at`
   * @returns the offset after the attributes; the next hop is left in `nextHop`, and when it is IPv4 it stands in a
   *   NEXT_HOP attribute too
   */
  write(id: number, source: Source, out: Uint8Array, at: number): number {
    const { store, profile } = this;
    const first = at;
    const chunk = store.chunkOf(id);
    const begin = store.offsetOf(id);
    const end = begin + store.lengthOf(id);
    const nextHop = this.chooseNextHop(id, source);
    this.nextHop.set(nextHop);
    this.nextHopLength = nextHop.length;
    const external = profile.target === 'ebgp';
    const internal = isInternal(profile.target);
    const reflected = isReflected(source, profile.target);
    const flags = store.flags[id]!;
    // RFC 8950: the set came with an IPv6 next hop, and goes out with an IPv4 one.
    let addNextHop = nextHop.length === 4 && (flags & ATTR.ipv6NextHop) !== 0;
    let addLocalPref = !external && (flags & ATTR.hasLocalPref) === 0;
    let addOriginator = reflected && (flags & ATTR.hasOriginatorId) === 0;
    let clusterIds = reflected ? prependedClusterIds(source, profile.target, profile.clusterId) : NO_IDS;
    let addOnlyToCustomer = profile.onlyToCustomer !== 0 && (flags & ATTR.hasOnlyToCustomer) === 0;
    const keepMed = (store.verdictOf(id) & VERDICT.keepMed) !== 0;
    let as4Due = !profile.asn4;
    let from = begin + store.nextHopLengthOf(id);
    let aggregatorAt = -1;
    while (from < end) {
      const attributeFlags = chunk[from]!;
      const code = chunk[from + 1]!;
      const extended = (attributeFlags & EXTENDED_LENGTH) !== 0;
      const length = extended ? (chunk[from + 2]! << 8) | chunk[from + 3]! : chunk[from + 2]!;
      const value = from + (extended ? 4 : 3);
      const next = value + length;
      if (addNextHop && code > CODE.nextHop) {
        at = copy(nextHop, 0, 4, out, writeHeader(out, at, WELL_KNOWN, CODE.nextHop, 4));
        addNextHop = false;
      }
      if (addLocalPref && code > CODE.localPref) {
        at = writeU32(out, writeHeader(out, at, WELL_KNOWN, CODE.localPref, 4), DEFAULT_LOCAL_PREF);
        addLocalPref = false;
      }
      if (addOriginator && code > CODE.originatorId) {
        at = writeU32(out, writeHeader(out, at, OPTIONAL, CODE.originatorId, 4), source.routerId);
        addOriginator = false;
      }
      if (clusterIds.length > 0 && code >= CODE.clusterList) {
        const kept = code === CODE.clusterList ? length : 0;
        at = writeHeader(out, at, OPTIONAL, CODE.clusterList, kept + clusterIds.length * 4);
        for (const clusterId of clusterIds) at = writeU32(out, at, clusterId);
        at = copy(chunk, value, value + kept, out, at);
        clusterIds = NO_IDS;
        if (kept > 0) {
          from = next;
          continue;
        }
      }
      if (as4Due && code > CODE.as4Aggregator) {
        at = this.writeAs4(chunk, aggregatorAt, out, at);
        as4Due = false;
      }
      if (addOnlyToCustomer && code > CODE.onlyToCustomer) {
        at = writeU32(out, writeHeader(out, at, OPTIONAL_TRANSITIVE, CODE.onlyToCustomer, 4), profile.onlyToCustomer);
        addOnlyToCustomer = false;
      }
      switch (code) {
        case CODE.asPath:
          this.asPath.edit(chunk, value, next, source);
          at = this.writeAsPath(code, profile.asn4, true, out, at);
          break;
        case CODE.nextHop:
          // An IPv6 one goes into MP_REACH_NLRI.
          if (nextHop.length !== 4) break;
          at = writeHeader(out, at, WELL_KNOWN, code, 4);
          at = copy(nextHop, 0, 4, out, at);
          break;
        case CODE.med:
          // RFC 4271 5.1.4: not passed on to other ASes. But through a route server (RFC 7947 section
          // 2.2.3), and where an export policy says so.
          if (!external || source.type === 'local' || keepMed || isTransparent(profile, source))
            at = copy(chunk, from, next, out, at);
          break;
        case CODE.localPref:
          if (!external) at = copy(chunk, from, next, out, at);
          break;
        case CODE.originatorId:
        case CODE.clusterList:
          if (internal) at = copy(chunk, from, next, out, at);
          break;
        case CODE.aggregator:
          if (profile.asn4) at = copy(chunk, from, next, out, at);
          else {
            aggregatorAt = from;
            at = this.writeAggregator(chunk, from, value, out, at);
          }
          break;
        default:
          at = copy(chunk, from, next, out, at);
      }
      from = next;
    }
    if (addNextHop) at = copy(nextHop, 0, 4, out, writeHeader(out, at, WELL_KNOWN, CODE.nextHop, 4));
    if (addLocalPref) at = writeU32(out, writeHeader(out, at, WELL_KNOWN, CODE.localPref, 4), DEFAULT_LOCAL_PREF);
    if (addOriginator) at = writeU32(out, writeHeader(out, at, OPTIONAL, CODE.originatorId, 4), source.routerId);
    if (clusterIds.length > 0) {
      at = writeHeader(out, at, OPTIONAL, CODE.clusterList, clusterIds.length * 4);
      for (const clusterId of clusterIds) at = writeU32(out, at, clusterId);
    }
    if (as4Due) at = this.writeAs4(chunk, aggregatorAt, out, at);
    if (addOnlyToCustomer) {
      at = writeU32(out, writeHeader(out, at, OPTIONAL_TRANSITIVE, CODE.onlyToCustomer, 4), profile.onlyToCustomer);
    }
    if (profile.longLivedAsLast === true && (flags & ATTR.llgrStale) !== 0) at = asLastResort(out, first, at);
    return at;
  }

  /** The edited AS_PATH. */
  private writeAsPath(code: number, asn4: boolean, withConfederation: boolean, out: Uint8Array, at: number): number {
    const { octets, start, end } = this.asPath;
    const headerAt = at;
    // The value length is known only at the end: leave room for the long header form when it may be needed.
    const long = end - start > 255;
    at += long ? 4 : 3;
    const valueAt = at;
    if (asn4 && withConfederation) at = copy(octets, start, end, out, at);
    else {
      for (let from = start; from < end;) {
        const segmentEnd = from + 2 + octets[from + 1]! * 4;
        if (withConfederation || octets[from]! < AS_CONFED_SEQUENCE) {
          out[at++] = octets[from]!;
          out[at++] = octets[from + 1]!;
          for (let i = from + 2; i < segmentEnd; i += 4) at = writeAsn(out, at, readU32(octets, i), asn4 ? 4 : 2);
        }
        from = segmentEnd;
      }
    }
    const length = at - valueAt;
    if (long && length <= 255) {
      out.copyWithin(headerAt + 3, valueAt, at);
      at--;
    }
    writeHeader(out, headerAt, code === CODE.asPath ? WELL_KNOWN : OPTIONAL_TRANSITIVE, code, length);
    return at;
  }

  private writeAggregator(chunk: Uint8Array, from: number, value: number, out: Uint8Array, at: number): number {
    at = writeHeader(out, at, chunk[from]! & ~EXTENDED_LENGTH, CODE.aggregator, 6);
    at = writeAsn(out, at, readU32(chunk, value), 2);
    return copy(chunk, value + 4, value + 8, out, at);
  }

  /** AS4_PATH and AS4_AGGREGATOR for a two-octet peer, where an AS number does not fit (RFC 6793 section 4.2.2). */
  private writeAs4(chunk: Uint8Array, aggregatorAt: number, out: Uint8Array, at: number): number {
    const { octets, start, end } = this.asPath;
    // RFC 6793 section 3: segments of a confederation have no place in AS4_PATH.
    if (hasFourOctetAsn(octets, start, end)) at = this.writeAsPath(CODE.as4Path, true, false, out, at);
    if (aggregatorAt >= 0 && readU32(chunk, aggregatorAt + 3) > 0xffff) {
      at = writeHeader(out, at, OPTIONAL_TRANSITIVE, CODE.as4Aggregator, 8);
      at = copy(chunk, aggregatorAt + 3, aggregatorAt + 11, out, at);
    }
    return at;
  }
}

const NO_IDS: readonly number[] = [];

function writeAsn(out: Uint8Array, at: number, asn: number, width: number): number {
  if (width === 4) return writeU32(out, at, asn);
  const short = asn > 0xffff ? AS_TRANS : asn;
  out[at] = short >>> 8;
  out[at + 1] = short;
  return at + 2;
}

/** Outside of confederation segments. */
function hasFourOctetAsn(path: Uint8Array, start: number, end: number): boolean {
  for (let from = start; from < end;) {
    const segmentEnd = from + 2 + path[from + 1]! * 4;
    if (path[from]! < AS_CONFED_SEQUENCE) {
      for (let i = from + 2; i < segmentEnd; i += 4) if (path[i] !== 0 || path[i + 1] !== 0) return true;
    }
    from = segmentEnd;
  }
  return false;
}
