/**
 * An attribute set while a policy looks at it and changes it. One draft is used again and again: loading it reads where
 * the attributes stand, and nothing is copied until something changes.
 */
import { asPathLength, countInAsPath, formatAsPath, neighborAs } from '../bgp/wire/as-path.js';
import {
  AS_CONFED_SEQUENCE,
  AS_SEQUENCE,
  SEGMENT_TYPES,
  type AsPathSegment,
  type AsPathSegmentType,
} from '../bgp/wire/attributes/as-path.js';
import { Writer } from '../net/index.js';
import { ATTR, VERDICT, type AttributeStore } from '../rib/attribute-store.js';
import type { KernelRouteActions } from './definition.js';
import { COMMUNITY_WIDTH, matchesAny, type CommunityKind, type CommunityPattern } from './communities.js';

const CODE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  communities: 8,
  extendedCommunities: 16,
  largeCommunities: 32,
} as const;
/** Those that a policy can change, in wire order. */
const EDITABLE = [1, 2, 3, 4, 5, 8, 16, 32] as const;
const WELL_KNOWN = 0x40;
const OPTIONAL = 0x80;
const OPTIONAL_TRANSITIVE = 0xc0;
const EXTENDED_LENGTH = 0x10;
const MAX_SEGMENT = 255;
/** The longest set that the store holds. */
export const MAX_SET_LENGTH = 0xffff;

const PLAIN: KernelRouteActions = {};

/** The value of an attribute: where it was received, or a buffer of the draft's own once it was changed. */
class Value {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** The flags that it came with; those of its type when it is new. */
  flags = OPTIONAL_TRANSITIVE;
  edited = false;

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** From now on it is these octets. */
  replace(octets: Uint8Array): void {
    this.set(octets, 0, octets.length);
    this.edited = true;
  }
}

export class RouteDraft {
  readonly asPath = new Value();
  readonly communities = new Value();
  readonly largeCommunities = new Value();
  readonly extendedCommunities = new Value();
  localPref = 0;
  med = 0;
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin = 0;
  /** 4, 16 or 32 octets. */
  nextHop: Uint8Array = new Uint8Array(0);
  /** Octets of next hop in front of the set (0 when it is a NEXT_HOP attribute): now, and as it was loaded. */
  private nextHopLength = 0;
  private loadedNextHopLength = 0;
  /** Bits of VERDICT that the exporter goes by. */
  verdict = 0;
  /** What a policy of the FIB has set so far. */
  kernelRoute: KernelRouteActions = PLAIN;
  private hasMed = false;
  /** A bit for each changed attribute, by code. */
  private readonly edited = new Uint8Array(33);
  private anyEdited = false;
  private pathText: string | undefined;
  private chunk: Uint8Array = new Uint8Array(0);
  private begin = 0;
  private end = 0;

  load(store: AttributeStore, id: number): void {
    const chunk = store.chunkOf(id);
    this.chunk = chunk;
    this.nextHopLength = this.loadedNextHopLength = store.nextHopLengthOf(id);
    this.begin = store.offsetOf(id);
    this.end = this.begin + store.lengthOf(id);
    this.localPref = store.localPref[id]!;
    this.med = store.med[id]!;
    this.hasMed = (store.flags[id]! & ATTR.hasMed) !== 0;
    this.origin = store.origin[id]!;
    this.nextHop = store.nextHops.octetsOf(store.nextHop[id]!);
    this.verdict = 0;
    this.kernelRoute = PLAIN;
    this.edited.fill(0);
    this.anyEdited = false;
    this.pathText = undefined;
    for (const value of [this.asPath, this.communities, this.largeCommunities, this.extendedCommunities]) {
      value.set(chunk, 0, 0);
      value.flags = OPTIONAL_TRANSITIVE;
      value.edited = false;
    }
    this.asPath.flags = WELL_KNOWN;
    for (let at = this.begin + this.nextHopLength; at < this.end;) {
      const code = chunk[at + 1]!;
      const extended = (chunk[at]! & EXTENDED_LENGTH) !== 0;
      const start = at + (extended ? 4 : 3);
      const next = start + (extended ? (chunk[at + 2]! << 8) | chunk[at + 3]! : chunk[at + 2]!);
      const value = this.valueOf(code);
      if (value !== undefined) {
        value.set(chunk, start, next);
        value.flags = chunk[at]! & ~EXTENDED_LENGTH;
      }
      at = next;
    }
  }

  private valueOf(code: number): Value | undefined {
    switch (code) {
      case CODE.asPath:
        return this.asPath;
      case CODE.communities:
        return this.communities;
      case CODE.extendedCommunities:
        return this.extendedCommunities;
      case CODE.largeCommunities:
        return this.largeCommunities;
      default:
        return undefined;
    }
  }

  /** Whether the octets are to be others than they were. */
  get isEdited(): boolean {
    return this.anyEdited;
  }

  private touch(code: number): void {
    this.edited[code] = 1;
    this.anyEdited = true;
  }

  // --- to look at ---

  get asPathLength(): number {
    return asPathLength(this.asPath.bytes, this.asPath.start, this.asPath.end);
  }

  /** 0 for none: the path is empty or begins with a set. */
  get neighborAs(): number {
    return neighborAs(this.asPath.bytes, this.asPath.start, this.asPath.end);
  }

  /** The last AS outside of confederation segments; 0 for none: the path is empty or ends with a set. */
  get originAs(): number {
    const { bytes, start, end } = this.asPath;
    let asn = 0;
    for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) {
      if (bytes[at]! >= AS_CONFED_SEQUENCE) continue;
      asn = bytes[at] === AS_SEQUENCE ? u32(bytes, at + bytes[at + 1]! * 4 - 2) : 0;
    }
    return asn;
  }

  /** Whether one of these AS numbers is in the path, in whatever segment. */
  pathContains(asns: readonly number[]): boolean {
    const { bytes, start, end } = this.asPath;
    return asns.some((asn) => countInAsPath(asn, bytes, start, end) > 0);
  }

  /** The path as `show` prints it. */
  get asPathText(): string {
    if (this.pathText !== undefined) return this.pathText;
    const { bytes, start, end } = this.asPath;
    const segments: AsPathSegment[] = [];
    for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) {
      const asns: number[] = [];
      for (let i = 0; i < bytes[at + 1]!; i++) asns.push(u32(bytes, at + 2 + i * 4));
      segments.push({ type: (SEGMENT_TYPES as Readonly<Record<number, AsPathSegmentType>>)[bytes[at]!]!, asns });
    }
    return (this.pathText = formatAsPath(segments));
  }

  hasAny(kind: CommunityKind, patterns: readonly CommunityPattern[]): boolean {
    const { bytes, start, end } = this[kind];
    for (let at = start; at < end; at += COMMUNITY_WIDTH[kind]) if (matchesAny(bytes, at, patterns)) return true;
    return false;
  }

  // --- to change ---

  setLocalPref(value: number): void {
    this.localPref = value;
    this.touch(CODE.localPref);
  }

  setMed(value: number): void {
    this.med = value;
    this.hasMed = true;
    this.touch(CODE.med);
    this.verdict |= VERDICT.keepMed;
  }

  removeMed(): void {
    this.verdict &= ~VERDICT.keepMed;
    if (!this.hasMed) return;
    this.med = 0;
    this.hasMed = false;
    this.touch(CODE.med);
  }

  setOrigin(value: number): void {
    this.origin = value;
    this.touch(CODE.origin);
  }

  /** An address of the family of the routes: 4 or 16 octets. */
  setNextHop(octets: Uint8Array): void {
    this.nextHop = octets;
    this.nextHopLength = octets.length === 4 ? 0 : octets.length;
    this.touch(CODE.nextHop);
    this.verdict = (this.verdict & ~VERDICT.selfNextHop) | VERDICT.keepNextHop;
  }

  /** Leave the choice of the next hop to the exporter no more. @param how a bit of VERDICT */
  markNextHop(how: number): void {
    this.verdict = (this.verdict & ~(VERDICT.keepNextHop | VERDICT.selfNextHop)) | how;
  }

  /** What is left out stays as it was. */
  setKernelRoute(settings: KernelRouteActions): void {
    this.kernelRoute = { ...this.kernelRoute, ...settings };
  }

  replaceCommunities(kind: CommunityKind, octets: Uint8Array): void {
    this[kind].replace(octets);
    this.touch(CODE[kind]);
  }

  removeCommunities(kind: CommunityKind, patterns: readonly CommunityPattern[]): void {
    if (!this.hasAny(kind, patterns)) return;
    const { bytes, start, end } = this[kind];
    const width = COMMUNITY_WIDTH[kind];
    const kept = new Writer(end - start);
    for (let at = start; at < end; at += width) {
      if (!matchesAny(bytes, at, patterns)) kept.octets(bytes.subarray(at, at + width));
    }
    this.replaceCommunities(kind, kept.view());
  }

  /** Add those that are not there already, at the end. */
  addCommunities(kind: CommunityKind, added: readonly CommunityPattern[]): void {
    const { bytes, start, end } = this[kind];
    const missing = added.filter((pattern) => !this.hasAny(kind, [pattern]));
    if (missing.length === 0) return;
    const longer = new Writer(end - start + missing.length * COMMUNITY_WIDTH[kind]);
    longer.octets(bytes.subarray(start, end));
    for (const { value } of missing) longer.octets(value);
    this.replaceCommunities(kind, longer.view());
  }

  /** Put an AS in front of the path, `times` times (at most 255). Segments of our confederation stay the first ones. */
  prependAs(asn: number, times: number): void {
    const { bytes, start, end } = this.asPath;
    let front = start;
    while (front < end && bytes[front]! >= AS_CONFED_SEQUENCE) front += 2 + bytes[front + 1]! * 4;
    const joins = front < end && bytes[front] === AS_SEQUENCE && bytes[front + 1]! + times <= MAX_SEGMENT;
    const longer = new Writer(end - start + 2 + times * 4);
    longer.octets(bytes.subarray(start, front));
    longer.u8(AS_SEQUENCE);
    longer.u8(times + (joins ? bytes[front + 1]! : 0));
    for (let i = 0; i < times; i++) longer.u32(asn);
    longer.octets(bytes.subarray(joins ? front + 2 : front, end));
    this.asPath.replace(longer.view());
    this.pathText = undefined;
    this.touch(CODE.asPath);
  }

  // --- the outcome ---

  /**
   * Write the set in canonical form.
   * @param original as it was loaded, without what was changed
   * @returns octets of next hop in front of it
   */
  write(out: Writer, original = false): number {
    const { chunk, begin, end } = this;
    if (original || !this.anyEdited) {
      out.octets(chunk.subarray(begin, end));
      return this.loadedNextHopLength;
    }
    if (this.nextHopLength > 0) out.octets(this.nextHop);
    let pending = 0;
    const writeBefore = (code: number): void => {
      for (; pending < EDITABLE.length && EDITABLE[pending]! < code; pending++)
        this.writeEdited(EDITABLE[pending]!, out);
    };
    let at = begin + this.loadedNextHopLength;
    while (at < end) {
      const code = chunk[at + 1]!;
      const extended = (chunk[at]! & EXTENDED_LENGTH) !== 0;
      const next = at + (extended ? 4 + ((chunk[at + 2]! << 8) | chunk[at + 3]!) : 3 + chunk[at + 2]!);
      writeBefore(code);
      if (code >= this.edited.length || this.edited[code] === 0) out.octets(chunk.subarray(at, next));
      at = next;
    }
    writeBefore(256);
    return this.nextHopLength;
  }

  private writeEdited(code: number, out: Writer): void {
    if (this.edited[code] === 0) return;
    switch (code) {
      case CODE.origin:
        writeHeader(out, WELL_KNOWN, code, 1);
        out.u8(this.origin);
        break;
      case CODE.nextHop:
        if (this.nextHopLength > 0) break;
        writeHeader(out, WELL_KNOWN, code, 4);
        out.octets(this.nextHop);
        break;
      case CODE.med:
        if (!this.hasMed) break;
        writeHeader(out, OPTIONAL, code, 4);
        out.u32(this.med);
        break;
      case CODE.localPref:
        writeHeader(out, WELL_KNOWN, code, 4);
        out.u32(this.localPref);
        break;
      default: {
        const { bytes, start, end, flags } = this.valueOf(code)!;
        // An attribute without communities is left out; an empty AS_PATH is not.
        if (start === end && code !== CODE.asPath) break;
        writeHeader(out, flags, code, end - start);
        out.octets(bytes.subarray(start, end));
      }
    }
  }
}

function writeHeader(out: Writer, flags: number, code: number, length: number): void {
  out.u8(length > 255 ? flags | EXTENDED_LENGTH : flags);
  out.u8(code);
  if (length > 255) out.u16(length);
  else out.u8(length);
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
