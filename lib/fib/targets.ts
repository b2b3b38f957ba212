import { parseAddress, canonicalAddress, UsageError } from '../net/index.js';
import { routeBody, type BodyPool, type Hop, type RouteBody } from './body.js';
import { newUse, type NexthopObjects, type NexthopUse } from './nexthop-objects.js';
import type { Resolver } from './resolver.js';
import { wholeWeights } from './weights.js';

/** One BGP next hop of a route. */
export interface NextHop {
  /** Address text; of another family than the prefix for RFC 8950. */
  readonly nextHop: string;
  /** Needed for link-local next hops, and only routes through it count then. */
  readonly device?: string;
  /** Share in a multipath route, 1 to 256; default 1. */
  readonly weight?: number;
  /** With `device`: the next hop is taken to be on that link, whatever the kernel's routes say, as on a tunnel. */
  readonly onlink?: boolean;
}

/** What a route can carry besides its next hops. */
export interface RouteAttributes {
  /** Source address of packets that this host sends over the route itself; one of its own. */
  readonly source?: string;
  /** Octets, 68 to 65535. */
  readonly mtu?: number;
  /** Metric of this route; default: that of the Fib. Leftovers of an earlier run are known by {@link FibSettings.metrics} alone. */
  readonly metric?: number;
}

/** Where packets end: `blackhole` drops them silently (own aggregates), `unreachable` and `prohibit` answer with ICMP. */
export type RejectType = 'blackhole' | 'unreachable' | 'prohibit';

/** Where packets of a route are to go: to one next hop, to several at once (multipath), or nowhere. */
export type FibTarget =
  | (NextHop & RouteAttributes)
  | ({ readonly nextHops: readonly NextHop[] } & RouteAttributes)
  | { readonly type: RejectType; readonly metric?: number }
  | RejectType;

interface Target {
  readonly text: string;
  /** Null: of a type that needs none, as the body says. */
  readonly nextHops: readonly NextHop[] | null;
  readonly reject: RouteBody | null;
  readonly attributes: RouteAttributes;
  /** Number of the body that it resolves to now; 0: none of its next hops can be reached. */
  body: number;
  refs: number;
  /** What it has of nexthop objects. */
  readonly use: NexthopUse;
}

/** Wanted targets by number; few, however many routes there are. Number 0 is "none". */
export class TargetPool {
  readonly #ids = new Map<string, number>();
  readonly #targets: (Target | null)[] = [null];
  readonly #free: number[] = [];

  constructor(
    private readonly bodies: BodyPool,
    private readonly resolver: Resolver,
    /** The metric that needs no saying. */
    private readonly usualMetric = -1,
    /** Have routes refer to nexthop objects. */
    private readonly objects: NexthopObjects | null = null,
  ) {}

  /**
   * Number of a target, held until {@link release}.
   * @throws UsageError `bad_next_hop`, `bad_mtu`, `bad_address` (of the source)
   */
  retain(target: FibTarget): number {
    const key = keyOf(target);
    let id = this.#ids.get(key);
    if (id === undefined) {
      const made = this.#make(key, target);
      id = this.#free.pop() ?? this.#targets.length;
      this.#targets[id] = made;
      this.#ids.set(key, id);
      this.#resolve(this.#targets[id]!);
    }
    this.#targets[id]!.refs++;
    return id;
  }

  #make(text: string, target: FibTarget): Target {
    if (typeof target === 'string' || 'type' in target) {
      const { type, ...given } = typeof target === 'string' ? { type: target } : target;
      const reject = rejectBody(type, checkedAttributes(given, this.usualMetric));
      return { text, nextHops: null, reject, attributes: {}, body: 0, refs: 0, use: newUse() };
    }
    const attributes = checkedAttributes(target, this.usualMetric);
    return { text, nextHops: checked(target), reject: null, attributes, body: 0, refs: 0, use: newUse() };
  }

  release(id: number): void {
    if (id <= 0) return;
    const target = this.#targets[id]!;
    if (--target.refs > 0) return;
    this.#ids.delete(target.text);
    this.bodies.release(target.body);
    this.objects?.release(target.use);
    this.#targets[id] = null;
    this.#free.push(id);
  }

  /** Number of the body to write; 0: unresolved. */
  bodyOf(id: number): number {
    return this.#targets[id]!.body;
  }

  text(id: number): string {
    const target = this.#targets[id]!;
    return target.nextHops === null ? target.text : `next hop ${target.nextHops.map(nextHopText).join(', ')}`;
  }

  /** Resolve all again. @returns the numbers of those that changed */
  recheck(): Set<number> {
    const changed = new Set<number>();
    this.#targets.forEach((target, id) => {
      if (target && this.#resolve(target)) changed.add(id);
    });
    return changed;
  }

  #resolve(target: Target): boolean {
    const before = target.body;
    target.body = this.#bodyFor(target);
    // Held first and released after, so that an unchanged body keeps its number.
    this.bodies.release(before);
    return target.body !== before;
  }

  /** All ways to the next hops. The share of a next hop is divided among the ways to it. */
  #hopsOf(nextHops: readonly NextHop[]): Hop[] {
    const hops = new Map<string, Hop>();
    for (const nextHop of nextHops) {
      const { weight = 1 } = nextHop;
      const found = this.#waysTo(nextHop);
      const all = found.reduce((sum, hop) => sum + (hop.weight ?? 1), 0);
      for (const hop of found) {
        const key = `${hop.gateway}%${hop.device}`;
        const share = ((hop.weight ?? 1) * weight) / all;
        hops.set(key, { ...hop, weight: share + (hops.get(key)?.weight ?? 0) });
      }
    }
    return [...hops.values()];
  }

  #waysTo({ nextHop, device, onlink }: NextHop): readonly Hop[] {
    return onlink ? this.resolver.onLink(nextHop, device!) : (this.resolver.look(nextHop, device)?.hops ?? []);
  }

  #bodyFor(target: Target): number {
    if (target.nextHops === null) return this.bodies.retain(target.reject!);
    const nexthop = this.#nexthopFor(target, target.nextHops);
    if (nexthop !== 0) {
      return this.bodies.retain(routeBody({ type: 'unicast', hops: [], nexthop, ...target.attributes }));
    }
    const hops = this.#hopsOf(target.nextHops);
    if (hops.length === 0) return 0;
    const { attributes } = target;
    if (hops.length > 1) return this.bodies.retain(routeBody({ type: 'unicast', hops: weighted(hops), ...attributes }));
    const { gateway, device, onlink } = hops[0]!;
    const only: Hop = {
      ...(gateway === undefined ? {} : { gateway }),
      ...(device === undefined ? {} : { device }),
      ...(onlink ? { onlink } : {}),
    };
    return this.bodies.retain(routeBody({ type: 'unicast', hops: [only], ...attributes }));
  }

  /** Number of a nexthop object for all ways to these next hops; 0: there is none. */
  #nexthopFor({ use }: Target, nextHops: readonly NextHop[]): number {
    if (!this.objects) return 0;
    const ways = nextHops.map((hop) => ({
      nextHop: nextHopText({ ...hop, weight: undefined }),
      weight: hop.weight ?? 1,
      hops: this.#waysTo(hop),
    }));
    return this.objects.forTarget(use, ways);
  }
}

function weighted(hops: readonly Hop[]): Hop[] {
  const weights = wholeWeights(hops.map(({ weight = 1 }) => weight));
  return hops.map((hop, i) => ({ ...hop, weight: weights[i]! }));
}

const REJECT_TYPES = new Set<string>(['blackhole', 'unreachable', 'prohibit'] satisfies RejectType[]);

function rejectBody(type: RejectType, { metric }: RouteAttributes): RouteBody {
  if (!REJECT_TYPES.has(type)) throw new UsageError('bad_next_hop', `not a target: '${type}'`);
  return routeBody({ type, hops: [], ...(metric === undefined ? {} : { metric }) });
}

function keyOf(target: FibTarget): string {
  if (typeof target === 'string') return target;
  if ('type' in target) return target.metric === undefined ? target.type : `${target.type} metric ${target.metric}`;
  const hops = 'nextHops' in target ? target.nextHops.map(nextHopText).join(' ') : nextHopText(target);
  const { source, mtu, metric } = target;
  if (source === undefined && mtu === undefined && metric === undefined) return hops;
  return `${hops} src ${source ?? '-'} mtu ${mtu ?? '-'} metric ${metric ?? '-'}`;
}

function nextHopText(hop: Omit<NextHop, 'weight'> & { readonly weight?: number | undefined }): string {
  if (hop.device === undefined && hop.weight === undefined) return hop.nextHop;
  return (
    (hop.device === undefined ? hop.nextHop : `${hop.nextHop} dev ${hop.device}`) +
    (hop.onlink ? ' onlink' : '') +
    (hop.weight === undefined ? '' : ` weight ${hop.weight}`)
  );
}

/** A device name that is one word to `ip` and the kernel (at most 15 octets). */
const DEVICE = /^[^\s/\\#'"]{1,15}$/;

function checked(target: NextHop | { readonly nextHops: readonly NextHop[] }): readonly NextHop[] {
  const nextHops = 'nextHops' in target ? target.nextHops : [target];
  if (nextHops.length === 0) throw new UsageError('bad_next_hop', 'a route needs at least one next hop, or blackhole');
  return nextHops.map((hop) => {
    try {
      parseAddress(hop.nextHop);
    } catch {
      throw new UsageError('bad_next_hop', `not an IP address: '${hop.nextHop}'`);
    }
    if (hop.device !== undefined && !DEVICE.test(hop.device)) {
      throw new UsageError('bad_next_hop', `not a device name: '${hop.device}'`);
    }
    if (hop.weight !== undefined && !(Number.isInteger(hop.weight) && hop.weight >= 1 && hop.weight <= 256)) {
      throw new UsageError('bad_next_hop', `a weight is between 1 and 256, not ${hop.weight}`);
    }
    const { device, weight, onlink } = hop;
    if (onlink && device === undefined) {
      throw new UsageError('bad_next_hop', `onlink needs a device: which link ${hop.nextHop} is on`);
    }
    return {
      nextHop: canonicalAddress(hop.nextHop),
      ...(device === undefined ? {} : { device }),
      ...(weight === undefined ? {} : { weight }),
      ...(onlink ? { onlink } : {}),
    };
  });
}

function checkedAttributes({ source, mtu, metric }: RouteAttributes, usualMetric: number): RouteAttributes {
  if (metric !== undefined && !(Number.isInteger(metric) && metric >= 0 && metric <= 0xffffffff)) {
    throw new UsageError('bad_metric', `a metric is between 0 and 4294967295, not ${metric}`);
  }
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_535)) {
    throw new UsageError('bad_mtu', `an MTU is between 68 and 65535, not ${mtu}`);
  }
  return {
    ...(source === undefined ? {} : { source: canonicalAddress(source) }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(metric === undefined || metric === usualMetric ? {} : { metric }),
  };
}
