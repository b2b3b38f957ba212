import { Address4, Address6 } from 'ip-address';
import { UsageError } from './errors.js';

/**
 * Parse an IPv4 or IPv6 address literal.
 * @returns 4 or 16 octets
 * @throws UsageError `bad_address`; a zone (`%eth0`) or a prefix length is not part of an address
 */
export function parseAddress(text: string): Uint8Array {
  if (!text.includes('/') && !text.includes('%')) {
    if (text.includes(':')) {
      if (Address6.isValid(text)) return leftPad(new Address6(text).toUnsignedByteArray(), 16);
    } else if (Address4.isValid(text)) return leftPad(new Address4(text).toArray(), 4);
  }
  throw new UsageError('bad_address', `not an IP address: '${text}'`);
}

function leftPad(octets: ArrayLike<number>, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(octets, length - octets.length);
  return padded;
}

/** Whether {@link parseAddress} would accept the text. */
export function isAddress(text: string): boolean {
  if (text.includes('/') || text.includes('%')) return false;
  return text.includes(':') ? Address6.isValid(text) : Address4.isValid(text);
}

/** Dotted quad of the four octets at `at`. */
export function ipv4At(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** RFC 5952 text of the 16 octets at `at`: the longest run of two or more zero groups is shortened, the first of equals. */
export function ipv6At(bytes: Uint8Array, at: number): string {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8;) {
    let j = i;
    while (j < 8 && bytes[at + 2 * j] === 0 && bytes[at + 2 * j + 1] === 0) j++;
    if (j - i > bestLength) [best, bestLength] = [i, j - i];
    i = j + 1;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      text += i === 0 ? '::' : ':';
      i += bestLength - 1;
      continue;
    }
    text += ((bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!).toString(16);
    if (i < 7) text += ':';
  }
  return text;
}

/**
 * The text form of an address: dotted quad, or IPv6 in the form of RFC 5952.
 * Written out here because tables of a million routes are printed: ip-address takes about ten times as long.
 * @param octets 4 or 16 octets
 * @throws UsageError `bad_address` for any other length
 */
export function formatAddress(octets: Uint8Array): string {
  if (octets.length === 4) return ipv4At(octets, 0);
  if (octets.length === 16) return ipv6At(octets, 0);
  throw new UsageError('bad_address', `an address has 4 or 16 octets, not ${octets.length}`);
}

/** The canonical text of an address literal, so that equal addresses compare equal as strings. */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

/** An IPv4 address (also a BGP identifier or cluster ID) in host order from its text. @throws UsageError `bad_address` */
export function parseIpv4(text: string): number {
  const octets = parseAddress(text);
  if (octets.length !== 4) throw new UsageError('bad_address', `not an IPv4 address: '${text}'`);
  return ((octets[0]! << 24) | (octets[1]! << 16) | (octets[2]! << 8) | octets[3]!) >>> 0;
}

/** Dotted quad of an unsigned 32-bit number in host order. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Whether an address is IPv6 link-local (fe80::/10). */
export function isLinkLocal(octets: Uint8Array): boolean {
  return octets.length === 16 && octets[0] === 0xfe && (octets[1]! & 0xc0) === 0x80;
}
