/**
 * NLRI with Path Identifiers (RFC 7911 section 3), applied to the RIB. Sessions without ADD-PATH never come here.
 */
import { findMalformedPrefix } from '../bgp/wire/nlri/prefix.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { FamilyRib } from './family-rib.js';
import type { ImportPolicy } from './import-policy.js';
import type { PrefixLimiter } from './prefix-limit.js';

/** Octets of a Path Identifier. */
const PATH_ID = 4;

function readPathId(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Of an Adj-RIB-In: what is counted, and how many there may be. */
interface Counted {
  readonly source: number;
  readonly counts: Map<FamilyName, number>;
  readonly limits: ReadonlyMap<FamilyName, PrefixLimiter>;
  readonly policy: ImportPolicy | undefined;
}

function isReadable(rib: FamilyRib, bytes: Uint8Array, start: number, end: number): boolean {
  return findMalformedPrefix(bytes, start, end, rib.prefixes.maxLength, true) < 0;
}

/** Announce the paths of a field. @returns false when it is malformed: nothing was done then (RFC 7606 section 5.3) */
export function announcePathRange(
  rib: FamilyRib,
  { source, counts, limits, policy: policies }: Counted,
  received: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (!isReadable(rib, bytes, start, end)) return false;
  const { prefixes } = rib;
  const limiter = limits.get(rib.family);
  const before = counts.get(rib.family)!;
  const room = limiter?.roomFor(before) ?? Infinity;
  const refresh = rib.refreshes.get(source);
  const policy = policies?.of(rib);
  let added = 0;
  for (let at = start; at < end;) {
    const pathId = readPathId(bytes, at);
    const length = bytes[at + PATH_ID]!;
    const value = at + PATH_ID + 1;
    at = value + ((length + 7) >> 3);
    const prefix = added < room ? prefixes.intern(length, bytes, value) : prefixes.find(length, bytes, value);
    if (added >= room && rib.findPath(source, prefix, pathId) < 0) limiter!.drop(before + added);
    else {
      const attributes = policy === undefined ? received : policy.apply(received, prefix);
      added += rib.announcePath(source, prefix, pathId, attributes);
      refresh?.fresh.add(rib.findPath(source, prefix, pathId));
    }
  }
  counts.set(rib.family, before + added);
  limiter?.note(before + added);
  return true;
}

/** Withdraw the paths of a field. @returns false when it is malformed: nothing was done then (RFC 7606 section 5.3) */
export function withdrawPathRange(
  rib: FamilyRib,
  { source, counts, limits }: Counted,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (!isReadable(rib, bytes, start, end)) return false;
  let count = counts.get(rib.family)!;
  for (let at = start; at < end;) {
    const pathId = readPathId(bytes, at);
    const length = bytes[at + PATH_ID]!;
    const value = at + PATH_ID + 1;
    at = value + ((length + 7) >> 3);
    const row = rib.findPath(source, rib.prefixes.find(length, bytes, value), pathId);
    if (row < 0) continue;
    rib.withdrawRow(row);
    count--;
  }
  counts.set(rib.family, count);
  limits.get(rib.family)?.note(count);
  return true;
}
