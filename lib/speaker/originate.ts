/** Routes that this speaker originates: from options to a canonical attribute set. */
import { AttributeFacts, scanAttributes } from '../bgp/wire/attribute-scan.js';
import { parseCommunity, parseLargeCommunity } from '../bgp/wire/communities.js';
import { parseAddress, parsePrefix, UsageError, Writer, type Prefix } from '../net/index.js';
import type { FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import type { OriginateOptions } from './options.js';

const ORIGINS = { igp: 0, egp: 1, incomplete: 2 } as const;
const WELL_KNOWN = 0x40;
const OPTIONAL = 0x80;
const OPTIONAL_TRANSITIVE = 0xc0;

function header(writer: Writer, flags: number, code: number, length: number): void {
  writer.u8(length > 255 ? flags | 0x10 : flags);
  writer.u8(code);
  if (length > 255) writer.u16(length);
  else writer.u8(length);
}

/** Canonical attributes of an originated route; an IPv6 next hop comes first (see AttributeStore). */
function buildAttributes(nextHop: Uint8Array, options: OriginateOptions): Writer {
  const writer = new Writer();
  const ipv4 = nextHop.length === 4;
  if (!ipv4) writer.octets(nextHop);
  header(writer, WELL_KNOWN, 1, 1);
  writer.u8(ORIGINS[options.origin ?? 'igp']);
  header(writer, WELL_KNOWN, 2, 0);
  if (ipv4) {
    header(writer, WELL_KNOWN, 3, 4);
    writer.octets(nextHop);
  }
  if (options.med !== undefined) {
    header(writer, OPTIONAL, 4, 4);
    writer.u32(options.med);
  }
  if (options.localPref !== undefined) {
    header(writer, WELL_KNOWN, 5, 4);
    writer.u32(options.localPref);
  }
  const communities = options.communities ?? [];
  if (communities.length > 0) {
    header(writer, OPTIONAL_TRANSITIVE, 8, communities.length * 4);
    for (const community of communities) writer.u32(parseCommunity(community));
  }
  const large = options.largeCommunities ?? [];
  if (large.length > 0) {
    header(writer, OPTIONAL_TRANSITIVE, 32, large.length * 12);
    for (const community of large) for (const part of parseLargeCommunity(community)) writer.u32(part);
  }
  return writer;
}

interface Originated {
  readonly prefix: Prefix;
  readonly options: OriginateOptions;
}

/** The set of originated routes, by canonical prefix text. */
export class Originator {
  private readonly routes = new Map<string, Originated>();

  constructor(private readonly rib: Rib) {}

  private ribOf(prefix: Prefix): FamilyRib {
    return this.rib.of(prefix.octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
  }

  /**
   * Originate a route, or change one that is.
   * @throws UsageError `bad_prefix`, `bad_address`, `bad_community`, `bad_next_hop`
   */
  announce(text: string, options: OriginateOptions): void {
    const prefix = parsePrefix(text);
    const nextHop =
      options.nextHop === undefined ? new Uint8Array(prefix.octets.length) : parseAddress(options.nextHop);
    // RFC 8950: the other way round only.
    if (nextHop.length < prefix.octets.length) {
      throw new UsageError('bad_next_hop', `next hop ${options.nextHop} is of another family than ${text}`);
    }
    const writer = buildAttributes(nextHop, options);
    const rib = this.ribOf(prefix);
    const nextHopLength = nextHop.length === 4 ? 0 : nextHop.length;
    const { bytes, length } = writer;
    let attributes = rib.store.find(bytes, 0, length, nextHopLength);
    if (attributes < 0) {
      const facts = new AttributeFacts();
      scanAttributes(bytes, nextHopLength, length, 'trusted', nextHopLength > 0, facts);
      attributes = rib.store.add(bytes, 0, length, nextHopLength, facts);
    }
    const id = rib.prefixes.intern(prefix.length, prefix.octets, 0);
    rib.announce(LOCAL_SOURCE, id, attributes);
    this.routes.set(keyOf(prefix), { prefix, options });
  }

  /** @throws UsageError `bad_prefix`, `not_originated` */
  withdraw(text: string): void {
    const prefix = parsePrefix(text);
    if (!this.routes.delete(keyOf(prefix))) {
      throw new UsageError('not_originated', `${text} is not originated here`);
    }
    const rib = this.ribOf(prefix);
    const id = rib.prefixes.find(prefix.length, prefix.octets, 0);
    if (id >= 0) rib.withdraw(LOCAL_SOURCE, id);
  }

  /** The options of an originated route. */
  optionsOf(prefix: Prefix): OriginateOptions | undefined {
    return this.routes.get(keyOf(prefix))?.options;
  }
}

function keyOf(prefix: Prefix): string {
  return `${prefix.octets.join('.')}/${prefix.length}`;
}
