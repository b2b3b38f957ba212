/** What the kernel does with a packet that takes the route. Names as in ip-route(8). */
export type RouteType =
  | 'unicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'nat'
  | 'unknown';

/** One way out of a unicast route. */
export interface Hop {
  /** Address of the gateway, canonical text; an IPv6 gateway of an IPv4 route is allowed (RFC 8950). Left out: on the link. */
  readonly gateway?: string;
  /** Left out: the kernel finds the device by the gateway. */
  readonly device?: string;
  /** Share among several hops, 1 to 256; default 1. */
  readonly weight?: number;
  /** Do not check that the gateway is on the device's link. Not part of a body's identity. */
  readonly onlink?: boolean;
  /** Reported by the kernel: the device has no carrier or the hop is dead. Not part of a body's identity. */
  readonly down?: boolean;
}

/** All of a kernel route but its prefix, table, protocol and usual metric. Immutable and shared by many routes. */
export interface RouteBody {
  readonly type: RouteType;
  /** Empty unless `type` is `unicast`. */
  readonly hops: readonly Hop[];
  /**
   * Number of the nexthop object that says where to send (ip-nexthop(8)). Two bodies with the same one are the same body, whatever
   * its ways are at present: `hops` has them as far as a kernel tells, and writers take no notice of them.
   */
  readonly nexthop?: number;
  /** Preferred source address. */
  readonly source?: string;
  readonly mtu?: number;
  /** Only where it is another one than the Fib's: such a route has a place of its own in the kernel. Writers never see it here. */
  readonly metric?: number;
  /** Other attributes a foreign program set, in the words of ip-route(8). tsbgp writes none. */
  readonly extra?: string;
  /** Two bodies forward alike exactly if their keys are equal; also the text for people: `via 10.0.0.2 dev eth0`. */
  readonly key: string;
  /** Like `key`, with `onlink` and `down` of each hop told apart. */
  readonly stateKey: string;
}

/** Make a body with its key. Hops come out in one order, whatever order they were given in. */
export function routeBody(parts: Omit<RouteBody, 'key' | 'stateKey'>): RouteBody {
  const hops = parts.hops.length > 1 ? [...parts.hops].sort(byText) : parts.hops;
  const { nexthop } = parts;
  let key = nexthop !== undefined ? `nhid ${nexthop}` : parts.type === 'unicast' ? hopsText(hops) : parts.type;
  if (parts.source !== undefined) key += ` src ${parts.source}`;
  if (parts.mtu !== undefined) key += ` mtu ${parts.mtu}`;
  if (parts.extra !== undefined) key += ` ${parts.extra}`;
  if (parts.metric !== undefined) key += ` metric ${parts.metric}`;
  let state = nexthop === undefined || hops.length === 0 ? '' : ` ${hopsText(hops)}`;
  for (const hop of hops)
    if (hop.onlink || hop.down) state += ` ${hopText(hop)}:${hop.onlink ? 'o' : ''}${hop.down ? 'd' : ''}`;
  return { ...parts, hops, key, stateKey: state === '' ? key : key + state };
}

/** The same route written so that the kernel does not check its gateways against its own routes. */
export function withOnlink(body: RouteBody): RouteBody {
  const onlink = (hop: Hop): Hop =>
    hop.gateway !== undefined && hop.device !== undefined ? { ...hop, onlink: true } : hop;
  return routeBody({ ...body, hops: body.hops.map(onlink) });
}

/** As writers get it: the metric stands beside it. */
export function withoutMetric(body: RouteBody): RouteBody {
  if (body.metric === undefined) return body;
  const { type, hops, nexthop, source, mtu, extra } = body;
  return routeBody({
    ...{ type, hops },
    ...(nexthop === undefined ? {} : { nexthop }),
    ...(source === undefined ? {} : { source }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(extra === undefined ? {} : { extra }),
  });
}

/** A route that drops what it covers: own aggregates. */
export const BLACKHOLE: RouteBody = routeBody({ type: 'blackhole', hops: [] });

function byText(a: Hop, b: Hop): number {
  const x = hopText(a);
  const y = hopText(b);
  return x < y ? -1 : x > y ? 1 : (a.weight ?? 1) - (b.weight ?? 1);
}

function hopText(hop: Hop): string {
  if (hop.gateway === undefined) return `dev ${hop.device ?? '?'}`;
  return hop.device === undefined ? `via ${hop.gateway}` : `via ${hop.gateway} dev ${hop.device}`;
}

function hopsText(hops: readonly Hop[]): string {
  if (hops.length === 1) return hopText(hops[0]!);
  return hops.map((hop) => `nexthop ${hopText(hop)} weight ${hop.weight ?? 1}`).join(' ');
}

interface Entry {
  body: RouteBody;
  refs: number;
  /** The kernel refused this body's gateway without `onlink`. */
  onlink: RouteBody | null;
}

/** Bodies by number, so that a route in a table is an integer. Counted; number 0 is "none". */
export class BodyPool {
  readonly #ids = new Map<string, number>();
  readonly #entries: (Entry | null)[] = [null];
  readonly #free: number[] = [];

  /** @param identity what makes two bodies one: how they forward (`key`), or also how their hops are (`stateKey`) */
  constructor(
    private readonly identity: 'key' | 'stateKey' = 'key',
    /** Told when the first holder of a body with a nexthop object comes, and when the last one goes. */
    private readonly onNexthop?: (id: number, used: boolean) => void,
  ) {}

  /** Number of an equal body, which is kept until as many {@link release} calls. */
  retain(body: RouteBody): number {
    const known = this.#ids.get(body[this.identity]);
    if (known !== undefined) {
      this.#entries[known]!.refs++;
      return known;
    }
    const id = this.#free.pop() ?? this.#entries.length;
    this.#entries[id] = { body, refs: 1, onlink: null };
    this.#ids.set(body[this.identity], id);
    if (body.nexthop !== undefined) this.onNexthop?.(body.nexthop, true);
    return id;
  }

  /** One more holder of a number that is held already. */
  hold(id: number): number {
    if (id > 0) this.#entries[id]!.refs++;
    return id;
  }

  release(id: number): void {
    if (id <= 0) return;
    const entry = this.#entries[id]!;
    if (--entry.refs > 0) return;
    this.#ids.delete(entry.body[this.identity]);
    this.#entries[id] = null;
    this.#free.push(id);
    if (entry.body.nexthop !== undefined) this.onNexthop?.(entry.body.nexthop, false);
  }

  get(id: number): RouteBody {
    return this.#entries[id]!.body;
  }

  /** The body in the form that the kernel is to be given. */
  forWriting(id: number): RouteBody {
    const entry = this.#entries[id]!;
    return entry.onlink ?? entry.body;
  }

  /**
   * The kernel refused a gateway of this body, which was written as `written`: whether `onlink` may help. From then on
   * the body is written with it.
   */
  tryOnlink(id: number, written: RouteBody): boolean {
    const entry = this.#entries[id]!;
    if (written.nexthop !== undefined) return false;
    if (written.hops.every((hop) => hop.onlink || hop.gateway === undefined || hop.device === undefined)) return false;
    entry.onlink ??= withOnlink(entry.body);
    return true;
  }

  /** Number of an equal body if there is one, else 0. */
  find(body: RouteBody): number {
    return this.#ids.get(body[this.identity]) ?? 0;
  }

  get size(): number {
    return this.#ids.size;
  }
}
