/**
 * The sources of routes as small numbers. One is given out per session, not per neighbor: when a session ends, its routes
 * go away in slices while the neighbor may be back already under a new number. 0 stands for routes originated here.
 */
import type { FamilyName } from '../bgp/wire/families.js';
import { formatScopedAddress } from '../net/index.js';

/** `confed`: a peer in another Member-AS of our confederation (RFC 5065). */
export type SourceType = 'local' | 'ibgp' | 'ebgp' | 'confed';

export interface Source {
  readonly type: SourceType;
  /** BGP Identifier, host order. */
  readonly routerId: number;
  /** Address octets of the neighbor; empty for local routes. */
  readonly address: Uint8Array;
  /** The zone of a link-local address: the name of the interface that it is on (RFC 4007). */
  readonly zone?: string | undefined;
  /** The interface that the session runs over, if it is known: link-local next hops are on it. */
  readonly device?: string | undefined;
  /** A client of this reflector (RFC 4456). */
  readonly client: boolean;
  /** A client of this route server (RFC 7947); left out: no. */
  readonly routeServerClient?: boolean;
  /** Name of the neighbor's peer group, for policies. */
  readonly peerGroup?: string | undefined;
  /** Families in which it announces paths with identifiers (RFC 7911); left out: none. */
  readonly addPath?: readonly FamilyName[];
  /** The cluster ID that this source's routes get when they are reflected, host order. */
  readonly clusterId: number;
}

/** The source number of routes originated here. */
export const LOCAL_SOURCE = 0;
const MAX_SOURCES = 0xffff;

const NO_FAMILIES: readonly FamilyName[] = [];

/** The same fields in the same order, whoever made it: the engine's code for the hot path is made for one shape of object. */
function inOneShape(source: Source): Source {
  const { type, routerId, address, zone, device, client, peerGroup, clusterId } = source;
  const { routeServerClient = false, addPath = NO_FAMILIES } = source;
  return { type, routerId, address, zone, device, client, routeServerClient, peerGroup, addPath, clusterId };
}

export class PeerTable {
  private readonly sources: (Source | undefined)[];
  private readonly freeIds: number[] = [];

  constructor(routerId: number) {
    this.sources = [inOneShape({ type: 'local', routerId, address: new Uint8Array(0), client: false, clusterId: 0 })];
  }

  /** @throws RangeError beyond 65534 sources at once */
  add(source: Source): number {
    const id = this.freeIds.shift() ?? this.sources.length;
    if (id > MAX_SOURCES) throw new RangeError(`more than ${MAX_SOURCES} sources of routes`);
    this.sources[id] = inOneShape(source);
    return id;
  }

  /** Only when no route of the source is left. */
  free(id: number): void {
    this.sources[id] = undefined;
    this.freeIds.push(id);
  }

  get(id: number): Source {
    return this.sources[id]!;
  }

  /** Replace what is known of a source (settings changed at run time). */
  update(id: number, source: Source): void {
    this.sources[id] = inOneShape(source);
  }

  /** Sources given out so far: an upper bound for columns by source. */
  get limit(): number {
    return this.sources.length;
  }

  /** Text address of a neighbor, null for local routes. */
  addressText(id: number): string | null {
    const { address, zone } = this.sources[id]!;
    return address.length === 0 ? null : formatScopedAddress({ octets: address, zone });
  }
}

/** Order of two neighbors by address; link-local ones that are the same on different links by zone. */
export function compareSources(a: Source, b: Source): number {
  const order = compareAddresses(a.address, b.address);
  if (order !== 0 || a.zone === b.zone) return order;
  return (a.zone ?? '') < (b.zone ?? '') ? -1 : 1;
}

/** Order of two addresses as unsigned numbers, IPv4 before IPv6. */
export function compareAddresses(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
