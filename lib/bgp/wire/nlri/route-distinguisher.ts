import { isAddress, parseAddress } from '../../../net/address.js';
import { UsageError } from '../../../net/errors.js';
import { ipv4At } from '../../../net/address.js';
import { fromHex, toHex } from '../text.js';
import { readU32 } from './nlri.js';

/** Octets of a Route Distinguisher. */
export const RD_LENGTH = 8;

/**
 * Text of the Route Distinguisher at `at`: `65000:1` (type 0), `192.0.2.1:1` (type 1), `4200000000:1` (type 2), `2:65000:1`
 * (type 2 whose AS would fit into two octets), any other as 16 hex digits. One text for each value, and back.
 * @see RFC 4364 section 4.2
 */
export function formatRd(bytes: Uint8Array, at = 0): string {
  switch ((bytes[at]! << 8) | bytes[at + 1]!) {
    case 0:
      return `${(bytes[at + 2]! << 8) | bytes[at + 3]!}:${readU32(bytes, at + 4)}`;
    case 1:
      return `${ipv4At(bytes, at + 2)}:${(bytes[at + 6]! << 8) | bytes[at + 7]!}`;
    case 2: {
      const asn = readU32(bytes, at + 2);
      const text = `${asn}:${(bytes[at + 6]! << 8) | bytes[at + 7]!}`;
      return asn > 0xffff ? text : `2:${text}`;
    }
    default:
      return toHex(bytes, at, at + RD_LENGTH);
  }
}

/**
 * The eight octets of a Route Distinguisher in one of the forms of {@link formatRd}.
 * @throws UsageError `bad_rd`
 */
export function parseRd(text: string): Uint8Array {
  const parts = text.split(':');
  if (parts.length === 1 && text.length === 16) {
    const octets = fromHex(text);
    if (octets !== undefined) return octets;
  }
  const explicit = parts.length === 3 && parts[0] === '2';
  if (parts.length === 2 || explicit) {
    const [admin, assigned] = parts.slice(-2) as [string, string];
    if (admin.includes('.') && !explicit && isAddress(admin)) {
      const number = decimal(assigned, 0xffff);
      if (number !== undefined) return Uint8Array.of(0, 1, ...parseAddress(admin), number >>> 8, number);
    } else {
      const octets = asRd(decimal(admin, 0xffffffff), assigned, explicit);
      if (octets !== undefined) return octets;
    }
  }
  throw new UsageError(
    'bad_rd',
    `not a Route Distinguisher: '${text}' (expected 65000:1, 192.0.2.1:1 or 4200000000:1)`,
  );
}

function asRd(asn: number | undefined, assigned: string, explicit: boolean): Uint8Array | undefined {
  if (asn === undefined) return undefined;
  const wide = explicit || asn > 0xffff;
  const number = decimal(assigned, wide ? 0xffff : 0xffffffff);
  if (number === undefined) return undefined;
  const octets = new Uint8Array(RD_LENGTH);
  const view = new DataView(octets.buffer);
  if (wide) {
    view.setUint16(0, 2);
    view.setUint32(2, asn);
    view.setUint16(6, number);
  } else {
    view.setUint16(2, asn);
    view.setUint32(4, number);
  }
  return octets;
}

function decimal(text: string, max: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
