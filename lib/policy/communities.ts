/**
 * Communities of all three kinds as octets and masks: RFC 1997 (4 octets), RFC 4360 (8) and RFC 8092 (12). A pattern
 * matches where the octets under its mask are equal, so one loop serves all kinds.
 */
import { parseCommunity, parseLargeCommunity, WELL_KNOWN_COMMUNITIES } from '../bgp/wire/communities.js';
import { isAddress, parseAddress, UsageError, Writer } from '../net/index.js';

export type CommunityKind = 'communities' | 'largeCommunities' | 'extendedCommunities';

/** Octets of one community. */
export const COMMUNITY_WIDTH: Readonly<Record<CommunityKind, number>> = {
  communities: 4,
  largeCommunities: 12,
  extendedCommunities: 8,
};

export interface CommunityPattern {
  readonly value: Uint8Array;
  /** Ones where `value` counts. */
  readonly mask: Uint8Array;
}

/** The kind of a community or pattern, as its text looks; undefined for a name that may be that of a set. */
export function kindOfText(text: string): CommunityKind | undefined {
  if (/^[0-9a-f]{16}$/i.test(text)) return 'extendedCommunities';
  if (isCommunityName(text)) return 'communities';
  if (/^[a-z]/i.test(text)) return text.includes(':') ? 'extendedCommunities' : undefined;
  return text.split(':').length === 3 ? 'largeCommunities' : 'communities';
}

/** Whether a name is that of a well-known community. */
export function isCommunityName(text: string): boolean {
  return Object.hasOwn(WELL_KNOWN_COMMUNITIES, text.toLowerCase().replaceAll('_', '-'));
}

/**
 * Parse a community, or with `*` for one of its numbers a pattern: `65000:*`, `65000:1:*`, `rt:65000:*`.
 * @throws UsageError `bad_community`
 */
export function parsePattern(kind: CommunityKind, text: string): CommunityPattern {
  switch (kind) {
    case 'communities':
      return parseStandard(text);
    case 'largeCommunities':
      return parseLarge(text);
    case 'extendedCommunities':
      return parseExtended(text);
  }
}

/** Parse a community that is no pattern. @throws UsageError `bad_community` */
export function parseExact(kind: CommunityKind, text: string): Uint8Array {
  const { value, mask } = parsePattern(kind, text);
  if (mask.some((octet) => octet !== 0xff)) {
    throw new UsageError('bad_community', `'${text}' is a pattern; a community without * is needed here`);
  }
  return value;
}

/** Numbers of `widths` octets; undefined where a `*` stands. */
function pack(numbers: readonly (number | undefined)[], widths: readonly number[]): CommunityPattern {
  const value = new Writer(12);
  const mask = new Writer(12);
  for (const [i, number] of numbers.entries()) {
    const bits = number === undefined ? 0 : 0xffffffff;
    for (const [out, n] of [
      [value, number ?? 0],
      [mask, bits],
    ] as const) {
      if (widths[i] === 4) out.u32(n);
      else if (widths[i] === 2) out.u16(n & 0xffff);
      else out.u8(n & 0xff);
    }
  }
  return { value: value.finish(), mask: mask.finish() };
}

function parseStandard(text: string): CommunityPattern {
  const star = /^(\*|\d{1,5}):(\*|\d{1,5})$/.exec(text);
  if (star && text.includes('*')) {
    const [high, low] = [star[1]!, star[2]!].map((part) => (part === '*' ? undefined : Number(part)));
    if ((high ?? 0) <= 0xffff && (low ?? 0) <= 0xffff) return pack([high, low], [2, 2]);
  }
  return pack([parseCommunity(text)], [4]);
}

function parseLarge(text: string): CommunityPattern {
  const exact = parseLargeCommunity(text.replaceAll('*', '0'));
  const parts = text.split(':');
  return pack(
    exact.map((number, i) => (parts[i] === '*' ? undefined : number)),
    [4, 4, 4],
  );
}

/** Sub-types that can be written by name: route target and site of origin (RFC 4360 sections 4 and 5). */
const SUB_TYPES: Readonly<Record<string, number>> = { rt: 2, soo: 3 };

function parseExtended(text: string): CommunityPattern {
  if (/^[0-9a-f]{16}$/i.test(text)) {
    const octets = Uint8Array.from({ length: 8 }, (_, i) => parseInt(text.slice(i * 2, i * 2 + 2), 16));
    return { value: octets, mask: new Uint8Array(8).fill(0xff) };
  }
  const [name = '', administrator = '', local = '', ...rest] = text.split(':');
  const subType = SUB_TYPES[name.toLowerCase()];
  const number = local === '*' ? undefined : /^\d{1,10}$/.test(local) ? Number(local) : NaN;
  if (subType !== undefined && rest.length === 0 && !Number.isNaN(number)) {
    if (isAddress(administrator) && (number ?? 0) <= 0xffff) {
      const octets = parseAddress(administrator);
      const address = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
      return pack([1, subType, address, number], [1, 1, 4, 2]);
    }
    const asn = /^\d{1,10}$/.test(administrator) ? Number(administrator) : NaN;
    if (asn <= 0xffff && (number ?? 0) <= 0xffffffff) return pack([0, subType, asn, number], [1, 1, 2, 4]);
    if (asn <= 0xffffffff && (number ?? 0) <= 0xffff) return pack([2, subType, asn, number], [1, 1, 4, 2]);
  }
  throw new UsageError(
    'bad_community',
    `not an extended community: '${text}' (expected rt:65000:100 or 16 hex digits)`,
  );
}

/** Whether the community at `at` is one of the patterns. */
export function matchesAny(bytes: Uint8Array, at: number, patterns: readonly CommunityPattern[]): boolean {
  for (const { value, mask } of patterns) {
    let i = 0;
    while (i < value.length && (bytes[at + i]! & mask[i]!) === value[i]) i++;
    if (i === value.length) return true;
  }
  return false;
}
