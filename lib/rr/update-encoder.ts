/**
 * Packs route changes into UPDATE messages: one attribute set, as many NLRI as fit (RFC 4271 section 4.3, RFC 4760).
 *
 * Input is a list of (prefix, attribute set, source); it is sorted into buckets of equal (set, source), buckets of one
 * source next to each other. Output is a stream of octets in large chunks, in which every range is marked with the
 * source of its routes: so one stream serves all members of a group, and each skips the ranges that came from itself.
 */
import { MAX_MESSAGE_LENGTH } from '../bgp/wire/context.js';
import { HEADER_LENGTH, MESSAGE_TYPE } from '../bgp/wire/header.js';
import { afiSafiOf } from '../bgp/wire/families.js';
import { grow, nextCapacity } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { AttributeExporter } from './attribute-exporter.js';
import type { ExportProfile } from './export-profile.js';

/** Chunks begin small and grow to this under load. */
const FIRST_CHUNK = 1 << 13;
const LARGEST_CHUNK = 1 << 16;
const FLAGS_OPTIONAL_EXTENDED = 0x90;
const MP_REACH = 14;
const MP_UNREACH = 15;
/** Octets of a message besides attributes and NLRI, at most: header, both lengths, MP_REACH_NLRI with the longest next hop. */
const OVERHEAD = HEADER_LENGTH + 4 + 4 + 5 + 32;
/** The longest NLRI: an IPv6 host route. */
const MAX_NLRI = 17;

/** A piece of encoded stream. It is never changed after it was handed out. */
export interface StreamChunk {
  readonly bytes: Uint8Array;
  /** Range i ends at `rangeEnds[i]` and holds `rangeMessages[i]` messages with routes of `rangeSources[i]`. */
  readonly rangeSources: readonly number[];
  readonly rangeEnds: readonly number[];
  readonly rangeMessages: readonly number[];
}

/** The attributes being written: shared, since nothing of it outlives `encode`. */
let attributeOctets = new Uint8Array(MAX_MESSAGE_LENGTH * 2);

export class UpdateEncoder {
  private readonly exporter: AttributeExporter;
  private readonly mp: boolean;
  private readonly afi: number;
  private readonly safi: number;
  // The list, and for each entry the next one of its bucket.
  private prefixes = new Int32Array(64);
  private nextInBucket = new Int32Array(64);
  /** Path Identifiers of the entries, where the group is told some (RFC 7911). */
  private pathIds: Uint32Array | undefined;
  private readonly pathIdLength: number;
  private count = 0;
  // Buckets: set, source, first and last entry, next bucket of the same source, own slot.
  private bucketAttributes = new Int32Array(32);
  private bucketSource = new Uint16Array(32);
  private bucketFirst = new Int32Array(32);
  private bucketLast = new Int32Array(32);
  private bucketNext = new Int32Array(32);
  private bucketSlot = new Int32Array(32);
  private bucketCount = 0;
  private lastBucket = -1;
  /** Open addressing from (set, source) to bucket + 1. */
  private slots = new Int32Array(64);
  /** By source: first and last bucket + 1; and the sources in order of appearance. */
  private sourceFirst = new Int32Array(8);
  private sourceLast = new Int32Array(8);
  private readonly sources: number[] = [];
  // Output.
  private out = new Uint8Array(0);
  private chunkSize = FIRST_CHUNK;
  /** The chunk being written is `out[begin..used)`. */
  private begin = 0;
  private used = 0;
  private chunks: StreamChunk[] = [];
  private rangeSources: number[] = [];
  private rangeEnds: number[] = [];
  private rangeMessages: number[] = [];
  private messages = 0;
  /** The first entry that `writePaths` left. */
  private rest = -1;

  constructor(
    private readonly rib: FamilyRib,
    private readonly profile: ExportProfile,
    hasMember: (address: Uint8Array) => boolean,
  ) {
    this.exporter = new AttributeExporter(rib.store, profile, hasMember);
    const { afi, safi } = afiSafiOf(rib.family);
    this.afi = afi;
    this.safi = safi;
    this.mp = rib.family !== 'ipv4-unicast';
    this.pathIds = profile.addPath === undefined ? undefined : new Uint32Array(64);
    this.pathIdLength = profile.addPath === undefined ? 0 : 4;
  }

  /** Changes added and not encoded yet. */
  get length(): number {
    return this.count;
  }

  /** Add an announcement, or with `attributes` NONE a withdrawal of a route that came from `source`. */
  add(prefix: number, attributes: number, source: number): void {
    const entry = this.count++;
    if (entry === this.prefixes.length) {
      const capacity = nextCapacity(entry, entry + 1);
      this.prefixes = grow(this.prefixes, capacity);
      this.nextInBucket = grow(this.nextInBucket, capacity);
    }
    this.prefixes[entry] = prefix;
    this.nextInBucket[entry] = -1;
    let bucket = this.lastBucket;
    if (bucket < 0 || this.bucketAttributes[bucket] !== attributes || this.bucketSource[bucket] !== source) {
      bucket = this.lastBucket = this.bucketOf(attributes, source);
    }
    const last = this.bucketLast[bucket]!;
    if (last < 0) this.bucketFirst[bucket] = entry;
    else this.nextInBucket[last] = entry;
    this.bucketLast[bucket] = entry;
  }

  /** Like `add`, for a group that is told several paths for a prefix. */
  addPath(prefix: number, pathId: number, attributes: number, source: number): void {
    if (this.count === this.pathIds!.length) {
      this.pathIds = grow(this.pathIds!, nextCapacity(this.count, this.count + 1));
    }
    this.pathIds![this.count] = pathId;
    this.add(prefix, attributes, source);
  }

  private bucketOf(attributes: number, source: number): number {
    const mask = this.slots.length - 1;
    let i = (Math.imul(attributes + 1, 0x9e3779b1) ^ Math.imul(source, 0x85ebca6b)) >>> 7;
    for (i &= mask; ; i = (i + 1) & mask) {
      const bucket = this.slots[i]! - 1;
      if (bucket < 0) break;
      if (this.bucketAttributes[bucket] === attributes && this.bucketSource[bucket] === source) return bucket;
    }
    const bucket = this.bucketCount++;
    if (bucket === this.bucketAttributes.length) this.growBuckets(bucket * 2);
    this.slots[i] = bucket + 1;
    this.bucketSlot[bucket] = i;
    this.bucketAttributes[bucket] = attributes;
    this.bucketSource[bucket] = source;
    this.bucketLast[bucket] = -1;
    this.bucketNext[bucket] = 0;
    if (source >= this.sourceFirst.length) {
      const capacity = nextCapacity(this.sourceFirst.length, source + 1);
      this.sourceFirst = grow(this.sourceFirst, capacity);
      this.sourceLast = grow(this.sourceLast, capacity);
    }
    const before = this.sourceLast[source]!;
    if (before === 0) {
      this.sourceFirst[source] = bucket + 1;
      this.sources.push(source);
    } else this.bucketNext[before - 1] = bucket + 1;
    this.sourceLast[source] = bucket + 1;
    if (this.bucketCount * 2 > this.slots.length) this.rehash();
    return bucket;
  }

  private growBuckets(capacity: number): void {
    this.bucketAttributes = grow(this.bucketAttributes, capacity);
    this.bucketSource = grow(this.bucketSource, capacity);
    this.bucketFirst = grow(this.bucketFirst, capacity);
    this.bucketLast = grow(this.bucketLast, capacity);
    this.bucketNext = grow(this.bucketNext, capacity);
    this.bucketSlot = grow(this.bucketSlot, capacity);
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 2);
    const mask = this.slots.length - 1;
    for (let bucket = 0; bucket < this.bucketCount; bucket++) {
      const key = Math.imul(this.bucketAttributes[bucket]! + 1, 0x9e3779b1);
      let i = ((key ^ Math.imul(this.bucketSource[bucket]!, 0x85ebca6b)) >>> 7) & mask;
      while (this.slots[i] !== 0) i = (i + 1) & mask;
      this.slots[i] = bucket + 1;
      this.bucketSlot[bucket] = i;
    }
  }

  /** Encode all that was added, and forget it. */
  encode(): StreamChunk[] {
    for (const source of this.sources) {
      for (let bucket = this.sourceFirst[source]!; bucket > 0; bucket = this.bucketNext[bucket - 1]!) {
        this.encodeBucket(bucket - 1);
      }
      this.endRange(source);
    }
    this.finishChunk();
    const { chunks } = this;
    this.chunks = [];
    this.clear();
    return chunks;
  }

  private clear(): void {
    for (let source = this.sources.pop(); source !== undefined; source = this.sources.pop()) {
      this.sourceFirst[source] = this.sourceLast[source] = 0;
    }
    // One by one: after a full table there are many slots, and a single change would pay for all of them.
    for (let bucket = 0; bucket < this.bucketCount; bucket++) this.slots[this.bucketSlot[bucket]!] = 0;
    this.count = 0;
    this.lastBucket = -1;
    this.bucketCount = 0;
  }

  private encodeBucket(bucket: number): void {
    const attributes = this.bucketAttributes[bucket]!;
    let entry = this.bucketFirst[bucket]!;
    let length = 0;
    if (attributes !== NONE) {
      length = this.writeAttributes(attributes, this.bucketSource[bucket]!);
    }
    // IPv4 routes with IPv6 next hops are announced in MP_REACH_NLRI (RFC 8950); all are withdrawn in the same field.
    const inMp = this.mp || (attributes !== NONE && this.exporter.nextHopLength !== 4);
    // A bound for one message of this bucket: few changes need no room for the longest one.
    const nlri = this.count * (MAX_NLRI + this.pathIdLength);
    const room = Math.min(this.profile.maxMessageLength, length + OVERHEAD + nlri);
    while (entry >= 0) {
      if (this.used + room > this.out.length) this.nextChunk(this.bucketSource[bucket]!, room);
      if (inMp) entry = this.encodeMultiprotocol(entry, attributes, length);
      else entry = this.encodeIpv4(entry, attributes, length);
      this.messages++;
    }
  }

  private writeAttributes(attributes: number, source: number): number {
    const needed = this.rib.store.lengthOf(attributes) * 2 + AttributeExporter.MAX_GROWTH;
    if (needed > attributeOctets.length) attributeOctets = new Uint8Array(needed);
    return this.exporter.write(attributes, this.rib.peers.get(source), attributeOctets, 0);
  }

  /**
   * Whether a set leaves room for at least one prefix in a message (RFC 4271 section 9.2: else it is not advertised).
   */
  fits(attributes: number, source: number): boolean {
    if (this.rib.store.lengthOf(attributes) < 1024) return true;
    const length = this.writeAttributes(attributes, source);
    const rest =
      this.mp || this.exporter.nextHopLength !== 4
        ? OVERHEAD - 32 + this.exporter.nextHopLength + MAX_NLRI
        : HEADER_LENGTH + 4 + 5;
    return length + rest + this.pathIdLength <= this.profile.maxMessageLength;
  }

  /** What the group is told of a set: copies of the exported attributes and of the next hop. */
  exportedOf(attributes: number, source: number): { attributes: Uint8Array; nextHop: Uint8Array } {
    const length = this.writeAttributes(attributes, source);
    const { nextHop, nextHopLength } = this.exporter;
    return { attributes: attributeOctets.slice(0, length), nextHop: nextHop.slice(0, nextHopLength) };
  }

  private header(): number {
    const { out } = this;
    const at = this.used;
    for (let i = at; i < at + 16; i++) out[i] = 0xff;
    out[at + 18] = MESSAGE_TYPE.update;
    return at;
  }

  private patch16(at: number, value: number): void {
    this.out[at] = value >>> 8;
    this.out[at + 1] = value;
  }

  /** One message from `entry` on. @returns the first entry of the next message, or -1 */
  private encodeIpv4(entry: number, attributes: number, length: number): number {
    const { out, prefixes, nextInBucket, rib, pathIds } = this;
    const start = this.header();
    const limit = start + this.profile.maxMessageLength - 5 - this.pathIdLength;
    let at = start + HEADER_LENGTH;
    if (attributes === NONE) {
      const field = at;
      at += 2;
      // Two octets of Total Path Attribute Length follow.
      if (pathIds !== undefined) at = this.writePaths(pathIds, entry, at, limit - 2);
      else {
        while (entry >= 0 && at <= limit - 2) {
          at = rib.prefixes.writeNlri(prefixes[entry]!, out, at);
          entry = nextInBucket[entry]!;
        }
      }
      this.patch16(field, at - field - 2);
      this.patch16(at, 0);
      at += 2;
    } else {
      this.patch16(at, 0);
      this.patch16(at + 2, length);
      at = this.copyAttributes(at + 4, length);
      if (pathIds !== undefined) at = this.writePaths(pathIds, entry, at, limit);
      else {
        while (entry >= 0 && at <= limit) {
          at = rib.prefixes.writeNlri(prefixes[entry]!, out, at);
          entry = nextInBucket[entry]!;
        }
      }
    }
    this.patch16(start + 16, at - start);
    this.used = at;
    return pathIds === undefined ? entry : this.rest;
  }

  /** MP_REACH_NLRI or MP_UNREACH_NLRI comes first (RFC 7606 section 5.1). */
  private encodeMultiprotocol(entry: number, attributes: number, length: number): number {
    const { out, prefixes, nextInBucket, rib, exporter, pathIds } = this;
    const start = this.header();
    const limit = start + this.profile.maxMessageLength - 17 - this.pathIdLength - length;
    let at = start + HEADER_LENGTH;
    this.patch16(at, 0);
    const attributesAt = at + 2;
    const attribute = at + 4;
    out[attribute] = FLAGS_OPTIONAL_EXTENDED;
    at = attribute + 4;
    this.patch16(at, this.afi);
    out[at + 2] = this.safi;
    at += 3;
    if (attributes === NONE) out[attribute + 1] = MP_UNREACH;
    else {
      out[attribute + 1] = MP_REACH;
      out[at++] = exporter.nextHopLength;
      for (let i = 0; i < exporter.nextHopLength; i++) out[at++] = exporter.nextHop[i]!;
      out[at++] = 0;
    }
    if (pathIds !== undefined) at = this.writePaths(pathIds, entry, at, limit);
    else {
      while (entry >= 0 && at <= limit) {
        at = rib.prefixes.writeNlri(prefixes[entry]!, out, at);
        entry = nextInBucket[entry]!;
      }
    }
    this.patch16(attribute + 2, at - attribute - 4);
    at = this.copyAttributes(at, length);
    this.patch16(attributesAt, at - attributesAt - 2);
    this.patch16(start + 16, at - start);
    this.used = at;
    return pathIds === undefined ? entry : this.rest;
  }

  /** Write entries from one on with their identifiers, while they begin at `limit` at most; `rest` is the next one, or -1. */
  private writePaths(pathIds: Uint32Array, entry: number, at: number, limit: number): number {
    const { out, prefixes, nextInBucket, rib } = this;
    for (; entry >= 0 && at <= limit; entry = nextInBucket[entry]!) {
      const pathId = pathIds[entry]!;
      out[at] = pathId >>> 24;
      out[at + 1] = pathId >>> 16;
      out[at + 2] = pathId >>> 8;
      out[at + 3] = pathId;
      at = rib.prefixes.writeNlri(prefixes[entry]!, out, at + 4);
    }
    this.rest = entry;
    return at;
  }

  private copyAttributes(at: number, length: number): number {
    const { out } = this;
    for (let i = 0; i < length; i++) out[at + i] = attributeOctets[i]!;
    return at + length;
  }

  private endRange(source: number): void {
    if (this.messages === 0) return;
    this.rangeSources.push(source);
    this.rangeEnds.push(this.used - this.begin);
    this.rangeMessages.push(this.messages);
    this.messages = 0;
  }

  private nextChunk(source: number, room: number): void {
    this.finishChunk(source);
    this.out = new Uint8Array(Math.max(this.chunkSize, room * 2));
    this.chunkSize = Math.min(LARGEST_CHUNK, this.chunkSize * 2);
    this.begin = this.used = 0;
  }

  /**
   * Hand out what is written. The next chunk goes on in the same buffer, behind it: small changes share one.
   * @param source whose range goes on in the next chunk
   */
  private finishChunk(source?: number): void {
    if (source !== undefined) this.endRange(source);
    if (this.used === this.begin) return;
    this.chunks.push({
      bytes: this.out.subarray(this.begin, this.used),
      rangeSources: this.rangeSources,
      rangeEnds: this.rangeEnds,
      rangeMessages: this.rangeMessages,
    });
    this.begin = this.used;
    this.rangeSources = [];
    this.rangeEnds = [];
    this.rangeMessages = [];
  }
}
