import { AS_TRANS } from '../../../net/asn.js';
import type { Writer } from '../../../net/writer.js';
import { asPathLength } from '../as-path.js';
import type { WireContext } from '../context.js';
import { AGGREGATOR } from './aggregator.js';
import { AS4_AGGREGATOR } from './as4-aggregator.js';
import { AS4_PATH } from './as4-path.js';
import { AS_CONFED_SEQUENCE, AS_SEQUENCE, AS_SET } from './as-path.js';
import { FLAG } from './attribute.js';
import { attributeType } from './index.js';
import { MP_REACH_NLRI } from './mp-reach-nlri.js';
import { MP_UNREACH_NLRI } from './mp-unreach-nlri.js';

const AS_PATH = 2;

/** What the canonical form needs of a parsed UPDATE. */
export interface ParsedAttributes {
  readonly attributes: readonly {
    readonly code: number;
    readonly flags: number;
    readonly start: number;
    readonly end: number;
    readonly discarded: boolean;
  }[];
}
type Place = ParsedAttributes['attributes'][number];

/**
 * Write the attributes that are kept in one canonical form, so that equal sets have equal octets: ascending by type code,
 * first ones of duplicates, minimal flags, AS_PATH and AGGREGATOR with four-octet AS numbers, AS4_PATH and AS4_AGGREGATOR
 * merged in or dropped. MP_REACH_NLRI and MP_UNREACH_NLRI are left out. Values are not altered otherwise, as a
 * route reflector must pass them on as they are. Unknown attributes: optional transitive ones get the Partial bit, others
 * are dropped.
 * @param cx what `bytes` were received with
 * @see RFC 4271 section 9, RFC 6793 section 4.2.3, RFC 4456 section 10
 */
export function writeCanonicalAttributes(
  bytes: Uint8Array,
  parsed: ParsedAttributes,
  cx: WireContext,
  writer: Writer,
): void {
  const merge = cx.asn4 ? undefined : as4Merge(bytes, parsed.attributes);
  for (const place of inOrder(parsed.attributes)) {
    const { code } = place;
    if (place.discarded || code === MP_REACH_NLRI || code === MP_UNREACH_NLRI) continue;
    if (code === AS4_PATH || code === AS4_AGGREGATOR) continue;
    const flags = canonicalFlags(place);
    if (flags === undefined) continue;
    const at = writer.length;
    // Four octets of room for flags, code and length; three are enough for most.
    writer.reserve(4);
    if (merge !== undefined && code === AS_PATH) writeMergedPath(bytes, place, merge.as4Path, writer);
    else if (merge !== undefined && code === AGGREGATOR)
      writeMergedAggregator(bytes, place, merge.as4Aggregator, writer);
    else writer.octets(bytes.subarray(place.start, place.end));
    finishHeader(writer, at, flags, code);
  }
}

function finishHeader(writer: Writer, at: number, flags: number, code: number): void {
  const length = writer.length - at - 4;
  writer.bytes[at + 1] = code;
  if (length > 255) {
    writer.bytes[at] = flags | FLAG.extendedLength;
    writer.patch16(at + 2, length);
    return;
  }
  writer.bytes[at] = flags;
  writer.bytes[at + 2] = length;
  writer.bytes.copyWithin(at + 3, at + 4, writer.length);
  writer.length--;
}

/** Most senders write ascending codes; sort a copy only when this one did not. */
function inOrder(attributes: readonly Place[]): readonly Place[] {
  for (let i = 1; i < attributes.length; i++) {
    if (attributes[i]!.code < attributes[i - 1]!.code) return attributes.toSorted((a, b) => a.code - b.code);
  }
  return attributes;
}

/** Undefined: the attribute is not kept. */
function canonicalFlags({ code, flags }: Place): number | undefined {
  const type = attributeType(code);
  if (type === undefined) {
    // RFC 4271 section 9: unknown optional non-transitive ones are quietly ignored, transitive ones go on, marked Partial.
    return (flags & FLAG.transitive) === 0 ? undefined : FLAG.optional | FLAG.transitive | FLAG.partial;
  }
  if (type.notPropagated === true) return undefined;
  return (type.flags & FLAG.optional) !== 0 && (type.flags & FLAG.transitive) !== 0
    ? type.flags | (flags & FLAG.partial)
    : type.flags;
}

interface As4Merge {
  readonly as4Path: Place | undefined;
  readonly as4Aggregator: Place | undefined;
}

/** RFC 6793 section 4.2.3: which of the AS4 attributes of a two-octet speaker count. */
function as4Merge(bytes: Uint8Array, attributes: readonly Place[]): As4Merge {
  const find = (code: number) => attributes.find((a) => a.code === code && !a.discarded);
  const aggregator = find(AGGREGATOR);
  const as4Aggregator = find(AS4_AGGREGATOR);
  if (aggregator !== undefined && as4Aggregator !== undefined) {
    const asn = (bytes[aggregator.start]! << 8) | bytes[aggregator.start + 1]!;
    // Somebody aggregated since the AS4 attributes were made: both are out of date.
    if (asn !== AS_TRANS) return { as4Path: undefined, as4Aggregator: undefined };
  }
  return { as4Path: find(AS4_PATH), as4Aggregator };
}

function writeMergedAggregator(bytes: Uint8Array, place: Place, as4: Place | undefined, writer: Writer): void {
  if (as4 !== undefined) return writer.octets(bytes.subarray(as4.start, as4.end));
  writer.u16(0);
  writer.octets(bytes.subarray(place.start, place.end));
}

/**
 * RFC 6793 section 4.2.3: as many leading AS numbers of AS_PATH as make the result as long as AS_PATH, then AS4_PATH. A
 * shorter AS_PATH means that AS4_PATH is not to be believed.
 */
function writeMergedPath(bytes: Uint8Array, place: Place, as4: Place | undefined, writer: Writer): void {
  const length = asPathLength(bytes, place.start, place.end, 2);
  const as4Length = as4 === undefined ? 0 : asPathLength(bytes, as4.start, as4.end, 4);
  if (as4 === undefined || length < as4Length) {
    writeLeading(bytes, place, Infinity, writer);
    return;
  }
  const openSequence = writeLeading(bytes, place, length - as4Length, writer);
  writeAs4Path(bytes, as4, openSequence, writer);
}

/**
 * Write the first `count` AS numbers of a two-octet path with four octets each. A confederation segment that stands in
 * front of, or beside, what is written comes along.
 * @returns where the last segment was written if it is an AS_SEQUENCE, else -1
 */
function writeLeading(bytes: Uint8Array, place: Place, count: number, writer: Writer): number {
  let left = count;
  let last = -1;
  for (let at = place.start; at < place.end; at += 2 + bytes[at + 1]! * 2) {
    const type = bytes[at]!;
    const size = bytes[at + 1]!;
    const confederation = type >= AS_CONFED_SEQUENCE;
    if (left <= 0 && !confederation) break;
    const take = type === AS_SEQUENCE ? Math.min(size, left) : size;
    last = type === AS_SEQUENCE ? writer.length : -1;
    writer.u8(type);
    writer.u8(take);
    for (let i = 0; i < take; i++) {
      writer.u16(0);
      writer.u8(bytes[at + 2 + 2 * i]!);
      writer.u8(bytes[at + 3 + 2 * i]!);
    }
    if (!confederation) left -= type === AS_SET ? 1 : take;
    if (take < size) break;
  }
  return last;
}

/** Append AS4_PATH without confederation segments (RFC 6793 section 6), its first sequence joined to an open one. */
function writeAs4Path(bytes: Uint8Array, as4: Place, openSequence: number, writer: Writer): void {
  let open = openSequence;
  for (let at = as4.start; at < as4.end;) {
    const type = bytes[at]!;
    const size = bytes[at + 1]!;
    const next = at + 2 + size * 4;
    if (type < AS_CONFED_SEQUENCE) {
      const joins = open >= 0 && type === AS_SEQUENCE && writer.bytes[open + 1]! + size <= 255;
      if (joins) writer.bytes[open + 1]! += size;
      writer.octets(bytes.subarray(joins ? at + 2 : at, next));
      open = -1;
    }
    at = next;
  }
}
