import { Writer } from '../../../net/writer.js';

/** What all NLRI items have. */
export interface NlriBase {
  /** Path Identifier, where ADD-PATH is on (RFC 7911). */
  readonly pathId?: number;
  /** The item's octets as on the wire, only where the other fields would not give them back exactly. */
  readonly raw?: Uint8Array;
}

/** An item whose inside is not looked into, or an undecodable rest of a field. */
export interface OpaqueNlri extends NlriBase {
  readonly raw: Uint8Array;
}

/**
 * One address family. `next` finds where items end, so the loops in this file can walk, count and check any family;
 * `decode` and `encode` see one item, without its Path Identifier.
 */
export interface NlriFamily<T extends NlriBase = NlriBase> {
  readonly afi: number;
  readonly safi: number;
  readonly name: string;
  readonly rfc: string;
  /** Next-hop lengths that MP_REACH_NLRI may have; left out: any. */
  readonly nextHopLengths?: readonly number[];
  /** Next hops begin with a Route Distinguisher (RFC 4364 section 4.3.4). */
  readonly nextHopHasRd?: true;
  /** `raw` is the item without its length octets; `encode` puts them in front. */
  readonly rawIsBody?: true;
  /** Items cannot be told apart: one opaque item stands for the whole field, Path Identifiers included. */
  readonly opaque?: true;
  /** What an item list that cannot be read costs; `session-reset` when left out (RFC 7606 section 5.3 allows either). */
  readonly onError?: 'afi-safi-disable' | 'session-reset';
  /** What is wrong inside an item whose extent is known; costs treat-as-withdraw. */
  judge?(bytes: Uint8Array, at: number, end: number): string | undefined;
  /** Items are nothing but prefixes of at most this many bits. */
  readonly prefixBits?: number;
  /** Offset after the item that begins at `at`, or -1 when it is not one. */
  next(bytes: Uint8Array, at: number, end: number): number;
  /** Decode the item `bytes[at..end)` as `next` framed it; with `raw` when the typed form is inexact. */
  decode(bytes: Uint8Array, at: number, end: number, pathId: number | undefined): T;
  encode(writer: Writer, item: T): void;
}

/** Where the item that begins at `at` ends, Path Identifier included; -1 when it cannot be read. */
export function nextItem(family: NlriFamily, bytes: Uint8Array, at: number, end: number, addPath: boolean): number {
  if (!addPath || family.opaque === true) return family.next(bytes, at, end);
  return at + 4 < end ? family.next(bytes, at + 4, end) : -1;
}

/**
 * Check the syntax of a whole NLRI field.
 * @returns offset of the first item that cannot be read, or -1 when all is well
 */
export function findMalformed(
  family: NlriFamily,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
): number {
  let at = start;
  while (at < end) {
    const next = nextItem(family, bytes, at, end, addPath);
    if (next < 0) return at;
    at = next;
  }
  return -1;
}

/** What is wrong inside the items of a field that {@link findMalformed} found no fault with. */
export function judgeItems(
  family: NlriFamily,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
): string | undefined {
  if (family.judge === undefined) return undefined;
  let at = start;
  while (at < end) {
    const next = nextItem(family, bytes, at, end, addPath);
    const wrong = family.judge(bytes, addPath ? at + 4 : at, next);
    if (wrong !== undefined) return wrong;
    at = next;
  }
  return undefined;
}

/** Decode a whole NLRI field. A rest that cannot be read becomes one last item with nothing but `raw`. */
export function decodeNlri<T extends NlriBase>(
  family: NlriFamily<T>,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
): (T | OpaqueNlri)[] {
  const items: (T | OpaqueNlri)[] = [];
  let at = start;
  while (at < end) {
    const next = nextItem(family, bytes, at, end, addPath);
    if (next < 0) {
      items.push({ raw: bytes.slice(at, end) });
      break;
    }
    items.push(
      addPath && family.opaque !== true
        ? family.decode(bytes, at + 4, next, readU32(bytes, at))
        : family.decode(bytes, at, next, undefined),
    );
    at = next;
  }
  return items;
}

/** Write items. Those with `raw` are written as they came; others get Path Identifier 0 where ADD-PATH is on and none is given. */
export function encodeNlri<T extends NlriBase>(
  family: NlriFamily<T>,
  writer: Writer,
  items: readonly (T | OpaqueNlri)[],
  addPath: boolean,
): void {
  for (const item of items) {
    const verbatim = item.raw !== undefined && family.rawIsBody !== true;
    if (item.pathId !== undefined) writer.u32(item.pathId);
    else if (addPath && !verbatim) writer.u32(0);
    if (verbatim) writer.octets(item.raw);
    else family.encode(writer, item as T);
  }
}

/** Whether writing the items again gives the octets they were read from. */
export function decodesExactly<T extends NlriBase>(
  family: NlriFamily<T>,
  items: readonly (T | OpaqueNlri)[],
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
): boolean {
  const writer = new Writer(end - start + 16);
  encodeNlri(family, writer, items, addPath);
  if (writer.length !== end - start) return false;
  return writer.view().every((octet, i) => octet === bytes[start + i]);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
