/** Routes that this speaker originates: from options to a canonical attribute set. */
import { AttributeFacts, scanAttributes } from '../bgp/wire/attribute-scan.js';
import { parseCommunity, parseLargeCommunity } from '../bgp/wire/communities.js';
import { parseAddress, parsePrefix, UsageError, Writer, type Prefix } from '../net/index.js';
import type { NeighborImportPolicy } from '../policy/import-policy.js';
import type { FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import type { OriginateOptions } from './options.js';
import type { LocalRouteView } from './views.js';

/** What we originate for one prefix has several reasons at most; the first one that holds decides. */
const LAYERS = ['network', 'aggregate', 'learnt'] as const;
/** `network`: configured, or asked for at run time; `aggregate`: made of more specific routes; `learnt`: of the kernel. */
export type LocalRouteKind = (typeof LAYERS)[number];

/** What only some originated routes have. */
export interface LocalRouteExtras {
  /** Value of AS_PATH, four-octet AS numbers; default: empty. */
  readonly asPath?: Uint8Array;
  readonly atomicAggregate?: boolean;
  /** RFC 4271 section 5.1.7. */
  readonly aggregator?: { readonly asn: number; readonly routerId: number };
  /** What it goes through as a received route does; one that is rejected is kept and not used. */
  readonly policy?: NeighborImportPolicy;
  /** Where it comes from, for people. */
  readonly view?: () => Omit<LocalRouteView, 'by'>;
}

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
function buildAttributes(nextHop: Uint8Array, options: OriginateOptions, extras: LocalRouteExtras): Writer {
  const writer = new Writer();
  const ipv4 = nextHop.length === 4;
  if (!ipv4) writer.octets(nextHop);
  header(writer, WELL_KNOWN, 1, 1);
  writer.u8(ORIGINS[options.origin ?? 'igp']);
  const asPath = extras.asPath ?? NO_OCTETS;
  header(writer, WELL_KNOWN, 2, asPath.length);
  writer.octets(asPath);
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
  if (extras.atomicAggregate === true) header(writer, WELL_KNOWN, 6, 0);
  if (extras.aggregator) {
    header(writer, OPTIONAL_TRANSITIVE, 7, 8);
    writer.u32(extras.aggregator.asn);
    writer.u32(extras.aggregator.routerId);
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

const NO_OCTETS = new Uint8Array(0);

interface Layer {
  readonly options: OriginateOptions;
  readonly extras: LocalRouteExtras;
}

interface Originated {
  readonly prefix: Prefix;
  /** In the order of {@link LAYERS}. */
  readonly layers: (Layer | undefined)[];
}

/** The set of originated routes, by canonical prefix text. */
export class Originator {
  private readonly routes = new Map<string, Originated>();
  /** Told of each prefix whose options are others now, perhaps with the same attributes. */
  onChange: ((prefix: string) => void) | undefined;

  constructor(private readonly rib: Rib) {
    for (const family of rib.families) {
      family.describeLocal = (id) => this.viewOf(family.prefixes.prefixOf(id));
    }
  }

  private ribOf(prefix: Prefix): FamilyRib {
    return this.rib.of(prefix.octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
  }

  /**
   * Originate a route, or change one that is.
   * @throws UsageError `bad_prefix`, `bad_address`, `bad_community`, `bad_next_hop`
   */
  announce(
    text: string,
    options: OriginateOptions,
    kind: LocalRouteKind = 'network',
    extras: LocalRouteExtras = {},
  ): void {
    const prefix = parsePrefix(text);
    const layer = LAYERS.indexOf(kind);
    const key = keyOf(prefix);
    const known = this.routes.get(key);
    const isHidden = known?.layers.slice(0, layer).some((other) => other !== undefined) ?? false;
    if (!isHidden) this.install(text, prefix, { options, extras });
    const route = known ?? { prefix, layers: [] };
    route.layers[layer] = { options, extras };
    this.routes.set(key, route);
    if (!isHidden) this.onChange?.(text);
  }

  private install(text: string, prefix: Prefix, { options, extras }: Layer): void {
    const nextHop =
      options.nextHop === undefined ? new Uint8Array(prefix.octets.length) : parseAddress(options.nextHop);
    // RFC 8950: the other way round only.
    if (nextHop.length < prefix.octets.length) {
      throw new UsageError('bad_next_hop', `next hop ${options.nextHop} is of another family than ${text}`);
    }
    const writer = buildAttributes(nextHop, options, extras);
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
    rib.announce(LOCAL_SOURCE, id, extras.policy ? extras.policy.of(rib).apply(attributes, id) : attributes);
  }

  /** @throws UsageError `bad_prefix`, `not_originated` */
  withdraw(text: string, kind: LocalRouteKind = 'network'): void {
    const prefix = parsePrefix(text);
    const key = keyOf(prefix);
    const route = this.routes.get(key);
    const layer = LAYERS.indexOf(kind);
    if (route?.layers[layer] === undefined) {
      throw new UsageError('not_originated', `${text} is not originated here`);
    }
    const before = activeOf(route);
    route.layers[layer] = undefined;
    const after = activeOf(route);
    if (after === before) return;
    if (after !== undefined) {
      this.install(text, prefix, after);
    } else {
      this.routes.delete(key);
      const rib = this.ribOf(prefix);
      const id = rib.prefixes.find(prefix.length, prefix.octets, 0);
      if (id >= 0) rib.withdraw(LOCAL_SOURCE, id);
    }
    this.onChange?.(text);
  }

  /** The options of an originated route. */
  optionsOf(prefix: Prefix): OriginateOptions | undefined {
    const route = this.routes.get(keyOf(prefix));
    return route && activeOf(route)?.options;
  }

  /** Why a route is originated. */
  kindOf(prefix: Prefix): LocalRouteKind | undefined {
    return LAYERS[this.routes.get(keyOf(prefix))?.layers.findIndex((layer) => layer !== undefined) ?? -1];
  }

  /** Which statement of its policy rejects a route. */
  whyFiltered(rib: FamilyRib, id: number, attributes: number): string | undefined {
    const route = this.routes.get(keyOf(rib.prefixes.prefixOf(id)));
    const decision = (route && activeOf(route))?.extras.policy?.of(rib).explain(attributes, id);
    return decision?.accepted === false ? decision.by : undefined;
  }

  private viewOf(prefix: Prefix): LocalRouteView | undefined {
    const route = this.routes.get(keyOf(prefix));
    return route && { by: this.kindOf(prefix)!, ...activeOf(route)?.extras.view?.() };
  }
}

function activeOf({ layers }: Originated): Layer | undefined {
  return layers.find((layer) => layer !== undefined);
}

function keyOf(prefix: Prefix): string {
  return `${prefix.octets.join('.')}/${prefix.length}`;
}
