import type { NlriFamily, OpaqueNlri } from './nlri.js';

/**
 * A family whose items tell their length, but are carried as octets.
 * @param lengthOf octets of the item that begins at `at`, header included, or -1 when the header is not whole
 */
export function framedFamily(
  family: Pick<NlriFamily, 'afi' | 'safi' | 'name' | 'rfc' | 'onError'>,
  lengthOf: (bytes: Uint8Array, at: number, end: number) => number,
): NlriFamily<OpaqueNlri> {
  return {
    ...family,
    next(bytes, at, end) {
      const length = lengthOf(bytes, at, end);
      return length < 0 || at + length > end ? -1 : at + length;
    },
    decode: (bytes, at, end, pathId) => ({
      ...(pathId === undefined ? {} : { pathId }),
      raw: bytes.slice(at, end),
    }),
    encode: (writer, item) => writer.octets(item.raw),
  };
}

/** Type (1) and length (1) in front of the value: RFC 6514 section 4. */
export function typeAndLength(bytes: Uint8Array, at: number, end: number): number {
  return at + 2 > end ? -1 : 2 + bytes[at + 1]!;
}

/** Type (2) and length (2) in front of the value: RFC 9552 section 5.2. */
export function wideTypeAndLength(bytes: Uint8Array, at: number, end: number): number {
  return at + 4 > end ? -1 : 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
}

/** A length of two octets in front of the value: RFC 4761 section 3.2.2. */
export function wideLength(bytes: Uint8Array, at: number, end: number): number {
  return at + 2 > end ? -1 : 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
}

/** A length in bits, one octet, in front of the value: RFC 9830 section 2.1. */
export function bitLength(bytes: Uint8Array, at: number): number {
  return 1 + ((bytes[at]! + 7) >> 3);
}
