import type { Prefix } from '../../../net/prefix.js';
import type { Writer } from '../../../net/writer.js';
import type { NlriBase, NlriFamily } from './nlri.js';

/** An IP prefix, unicast or multicast (RFC 4271 section 4.3, RFC 4760 section 5). */
export interface PrefixNlri extends NlriBase {
  readonly prefix: Prefix;
}

/** Octets that a prefix of `bits` bits takes on the wire, without the length octet. */
export function prefixOctets(bits: number): number {
  return (bits + 7) >> 3;
}

/** Whether a bit after the first `bits` is set in the octets that carry them. */
export function hasHostBits(bytes: Uint8Array, at: number, bits: number): boolean {
  const rest = bits & 7;
  return rest !== 0 && (bytes[at + (bits >> 3)]! & (0xff >> rest)) !== 0;
}

/** Read `bits` bits that begin at `at` into an address of `size` octets, host bits cleared. */
export function readPrefix(bytes: Uint8Array, at: number, bits: number, size: number): Prefix {
  const octets = new Uint8Array(size);
  const count = (bits + 7) >> 3;
  for (let i = 0; i < count; i++) octets[i] = bytes[at + i]!;
  const rest = bits & 7;
  if (rest !== 0) octets[count - 1]! &= 0xff00 >> rest;
  return { octets, length: bits };
}

/** Write the significant octets of a prefix, without a length. */
export function writePrefix(writer: Writer, prefix: Prefix): void {
  const count = prefixOctets(prefix.length);
  const at = writer.reserve(count);
  for (let i = 0; i < count; i++) writer.bytes[at + i] = prefix.octets[i]!;
}

/**
 * Check the syntax of a field of plain prefixes: the loop that each UPDATE goes through.
 * @returns offset of the first prefix that is too long or runs past the end, or -1 when all is well
 */
export function findMalformedPrefix(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBits: number,
  addPath: boolean,
): number {
  const skip = addPath ? 4 : 0;
  let at = start;
  while (at < end) {
    const bits = at + skip < end ? bytes[at + skip]! : 255;
    const next = at + skip + 1 + ((bits + 7) >> 3);
    if (bits > maxBits || next > end) return at;
    at = next;
  }
  return -1;
}

/** The family of plain prefixes of an AFI. */
export function prefixFamily(afi: 1 | 2, safi: number, name: string): NlriFamily<PrefixNlri> {
  const size = afi === 1 ? 4 : 16;
  const maxBits = size * 8;
  return {
    afi,
    safi,
    name,
    rfc: 'RFC 4760 5',
    prefixBits: maxBits,
    // RFC 8950: IPv4 prefixes may have an IPv6 next hop. RFC 2545: a global address, or with a link-local one after it.
    nextHopLengths: afi === 1 ? [4, 16, 32] : [16, 32],
    next(bytes, at, end) {
      const bits = bytes[at]!;
      if (bits > maxBits) return -1;
      const next = at + 1 + ((bits + 7) >> 3);
      return next > end ? -1 : next;
    },
    decode(bytes, at, end, pathId) {
      const bits = bytes[at]!;
      const prefix = readPrefix(bytes, at + 1, bits, size);
      if (hasHostBits(bytes, at + 1, bits)) {
        const raw = bytes.slice(at, end);
        return pathId === undefined ? { prefix, raw } : { pathId, prefix, raw };
      }
      return pathId === undefined ? { prefix } : { pathId, prefix };
    },
    encode(writer, item) {
      writer.u8(item.prefix.length);
      writePrefix(writer, item.prefix);
    },
  };
}
