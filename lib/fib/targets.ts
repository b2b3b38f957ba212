import { parseAddress, canonicalAddress, UsageError } from '../net/index.js';
import { routeBody, type BodyPool, type Hop, type RouteBody } from './body.js';
import type { Resolver } from './resolver.js';

/** One BGP next hop of a route. */
export interface NextHop {
  /** Address text; of another family than the prefix for RFC 8950. */
  readonly nextHop: string;
  /** Needed for link-local next hops, and only routes through it count then. */
  readonly device?: string;
  /** Share in a multipath route, 1 to 256; default 1. */
  readonly weight?: number;
}

/** What a route can carry besides its next hops. */
export interface RouteAttributes {
  /** Source address of packets that this host sends over the route itself; one of its own. */
  readonly source?: string;
  /** Octets, 68 to 65535. */
  readonly mtu?: number;
}

/**
 * Where packets of a route are to go: to one next hop, to several at once (multipath), or nowhere. `blackhole` drops them
 * silently (own aggregates), `unreachable` and `prohibit` answer with ICMP.
 */
export type FibTarget =
  | (NextHop & RouteAttributes)
  | ({ readonly nextHops: readonly NextHop[] } & RouteAttributes)
  | 'blackhole'
  | 'unreachable'
  | 'prohibit';

interface Target {
  readonly text: string;
  /** Null: of a type that needs none. */
  readonly nextHops: readonly NextHop[] | null;
  readonly attributes: RouteAttributes;
  /** Number of the body that it resolves to now; 0: none of its next hops can be reached. */
  body: number;
  refs: number;
}

/** Wanted targets by number; few, however many routes there are. Number 0 is "none". */
export class TargetPool {
  readonly #ids = new Map<string, number>();
  readonly #targets: (Target | null)[] = [null];
  readonly #free: number[] = [];

  constructor(
    private readonly bodies: BodyPool,
    private readonly resolver: Resolver,
  ) {}

  /**
   * Number of a target, held until {@link release}.
   * @throws UsageError `bad_next_hop`, `bad_mtu`, `bad_address` (of the source)
   */
  retain(target: FibTarget): number {
    const key = keyOf(target);
    let id = this.#ids.get(key);
    if (id === undefined) {
      const nextHops = typeof target === 'string' ? nowhere(target) : checked(target);
      const attributes = typeof target === 'string' ? {} : checkedAttributes(target);
      id = this.#free.pop() ?? this.#targets.length;
      this.#targets[id] = { text: key, nextHops, attributes, body: 0, refs: 0 };
      this.#ids.set(key, id);
      this.#resolve(this.#targets[id]!);
    }
    this.#targets[id]!.refs++;
    return id;
  }

  release(id: number): void {
    if (id <= 0) return;
    const target = this.#targets[id]!;
    if (--target.refs > 0) return;
    this.#ids.delete(target.text);
    this.bodies.release(target.body);
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

  #bodyFor(target: Target): number {
    if (target.nextHops === null) return this.bodies.retain(NOWHERE.get(target.text)!);
    const hops = new Map<string, Hop>();
    for (const { nextHop, device, weight = 1 } of target.nextHops) {
      for (const hop of this.resolver.look(nextHop, device)?.hops ?? []) {
        const key = `${hop.gateway}%${hop.device}`;
        const share = Math.min(256, (hop.weight ?? 1) * weight + (hops.get(key)?.weight ?? 0));
        hops.set(key, { ...hop, weight: share });
      }
    }
    if (hops.size === 0) return 0;
    const { attributes } = target;
    if (hops.size > 1)
      return this.bodies.retain(routeBody({ type: 'unicast', hops: [...hops.values()], ...attributes }));
    const { gateway, device, onlink } = [...hops.values()][0]!;
    const only: Hop = {
      ...(gateway === undefined ? {} : { gateway }),
      ...(device === undefined ? {} : { device }),
      ...(onlink ? { onlink } : {}),
    };
    return this.bodies.retain(routeBody({ type: 'unicast', hops: [only], ...attributes }));
  }
}

const NOWHERE = new Map<string, RouteBody>(
  (['blackhole', 'unreachable', 'prohibit'] as const).map((type) => [type, routeBody({ type, hops: [] })]),
);

function nowhere(type: string): null {
  if (!NOWHERE.has(type)) throw new UsageError('bad_next_hop', `not a target: '${type}'`);
  return null;
}

function keyOf(target: FibTarget): string {
  if (typeof target === 'string') return target;
  const hops = 'nextHops' in target ? target.nextHops.map(nextHopText).join(' ') : nextHopText(target);
  if (target.source === undefined && target.mtu === undefined) return hops;
  return `${hops} src ${target.source ?? '-'} mtu ${target.mtu ?? '-'}`;
}

function nextHopText(hop: NextHop): string {
  if (hop.device === undefined && hop.weight === undefined) return hop.nextHop;
  return (
    (hop.device === undefined ? hop.nextHop : `${hop.nextHop} dev ${hop.device}`) +
    (hop.weight === undefined ? '' : ` weight ${hop.weight}`)
  );
}

/** A device name that is one word to `ip` and the kernel (at most 15 octets). */
const DEVICE = /^[^\s/\\#'"]{1,15}$/;

function checked(target: Exclude<FibTarget, string>): readonly NextHop[] {
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
    const { device, weight } = hop;
    return {
      nextHop: canonicalAddress(hop.nextHop),
      ...(device === undefined ? {} : { device }),
      ...(weight === undefined ? {} : { weight }),
    };
  });
}

function checkedAttributes({ source, mtu }: RouteAttributes): RouteAttributes {
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_535)) {
    throw new UsageError('bad_mtu', `an MTU is between 68 and 65535, not ${mtu}`);
  }
  return {
    ...(source === undefined ? {} : { source: canonicalAddress(source) }),
    ...(mtu === undefined ? {} : { mtu }),
  };
}
