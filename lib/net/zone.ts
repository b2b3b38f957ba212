import { formatAddress, isLinkLocal, parseAddress } from './address.js';
import { UsageError } from './errors.js';

/**
 * Addresses with a zone (RFC 4007 section 11): `fe80::1%eth0`. A zone is the name of a network interface, and only IPv6
 * link-local addresses have one.
 */
export interface ScopedAddress {
  /** 4 or 16 octets. */
  readonly octets: Uint8Array;
  readonly zone: string | undefined;
}

/** An interface name as Linux takes it: one word of at most 15 octets. */
const ZONE = /^[^\s/\\%'"#]{1,15}$/;

/** @throws UsageError `bad_address`, also for a zone at an address that is not link-local */
export function parseScopedAddress(text: string): ScopedAddress {
  const at = text.indexOf('%');
  if (at < 0) return { octets: parseAddress(text), zone: undefined };
  const octets = parseAddress(text.slice(0, at));
  const zone = text.slice(at + 1);
  if (!isLinkLocal(octets)) throw new UsageError('bad_address', `only a link-local address has a zone: '${text}'`);
  if (!ZONE.test(zone)) throw new UsageError('bad_address', `the zone is not an interface name: '${text}'`);
  return { octets, zone };
}

/** Whether {@link parseScopedAddress} would accept the text. */
export function isScopedAddress(text: string): boolean {
  try {
    parseScopedAddress(text);
    return true;
  } catch {
    return false;
  }
}

export function formatScopedAddress({ octets, zone }: ScopedAddress): string {
  return zone === undefined ? formatAddress(octets) : `${formatAddress(octets)}%${zone}`;
}

/** Canonical text with the zone kept. @throws UsageError `bad_address` */
export function canonicalScopedAddress(text: string): string {
  return formatScopedAddress(parseScopedAddress(text));
}
