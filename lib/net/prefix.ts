import { UsageError } from './errors.js';
import { formatAddress, parseAddress } from './address.js';

/** An IP prefix; host bits are always clear. */
export interface Prefix {
  /** 4 or 16 octets. */
  readonly octets: Uint8Array;
  /** Prefix length in bits. */
  readonly length: number;
}

/**
 * Parse `192.0.2.0/24`, `2001:db8::/32`, or a bare address (a host route).
 * @throws UsageError `bad_prefix`, also when bits after the prefix length are set
 */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf('/');
  const octets = parseAddressOf(slash < 0 ? text : text.slice(0, slash), text);
  const bits = octets.length * 8;
  let length = bits;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    length = /^\d{1,3}$/.test(digits) ? Number(digits) : -1;
    if (length < 0 || length > bits) {
      throw new UsageError('bad_prefix', `prefix length of '${text}' is not between 0 and ${bits}`);
    }
  }
  const masked = maskOctets(octets, length);
  if (masked.some((octet, i) => octet !== octets[i])) {
    throw new UsageError(
      'bad_prefix',
      `'${text}' has bits set after its length; did you mean ${formatAddress(masked)}/${length}?`,
    );
  }
  return { octets: masked, length };
}

function parseAddressOf(address: string, whole: string): Uint8Array {
  try {
    return parseAddress(address);
  } catch {
    throw new UsageError('bad_prefix', `not an IP prefix: '${whole}'`);
  }
}

/** Canonical text of a prefix. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.octets)}/${prefix.length}`;
}

/** A copy of `octets` with all bits after the first `length` cleared. */
export function maskOctets(octets: Uint8Array, length: number): Uint8Array {
  const masked = new Uint8Array(octets.length);
  const whole = length >> 3;
  masked.set(octets.subarray(0, whole));
  if (length & 7) masked[whole] = octets[whole]! & (0xff00 >> (length & 7));
  return masked;
}

/** Whether `prefix` covers `address` (4 or 16 octets; another family is never covered). */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.octets.length !== address.length) return false;
  const whole = prefix.length >> 3;
  for (let i = 0; i < whole; i++) if (prefix.octets[i] !== address[i]) return false;
  const rest = prefix.length & 7;
  return rest === 0 || ((prefix.octets[whole]! ^ address[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}
