import { parsePrefix, prefixContains, type Prefix } from '../net/index.js';
import type { Hop } from './body.js';
import type { Resolver } from './resolver.js';

/** Which routes of others to learn. All conditions must hold; one left out always does. */
export interface LearnRule {
  /** Number of the table; default: the one that our own routes go to. */
  readonly table?: number;
  /** Protocol numbers: 2 `kernel`, 3 `boot`, 4 `static` … Never our own. */
  readonly protocols?: readonly number[];
  /** Name of the device, with `*` for any rest: `cali*`. All hops must match. */
  readonly device?: string;
  /** Only prefixes inside of one of these, themselves included. */
  readonly within?: readonly string[];
}

/** A route of another program or of the kernel. */
export interface LearnedRoute {
  readonly prefix: string;
  readonly protocol: number;
  readonly metric: number;
  /** Empty for a blackhole and the like. */
  readonly hops: readonly Hop[];
}

/** What changed since the last call. A route that changed is in `learned` again. */
export interface LearnedChange {
  readonly learned: readonly LearnedRoute[];
  readonly gone: readonly string[];
}

interface Subscription {
  readonly table: number;
  readonly accepts: (route: LearnedRoute) => boolean;
  readonly listener: (change: LearnedChange) => void;
  /** What was told, by prefix. */
  told: Map<string, { readonly route: LearnedRoute; readonly key: string }>;
}

/** Follows routes that are not ours, so that they can be announced: those of pods, of a connected network, of another daemon. */
export class Learner {
  readonly #subscriptions = new Set<Subscription>();

  constructor(
    private readonly resolver: Resolver,
    private readonly ownTable: number,
  ) {}

  /** Tables beyond those that next hops need. */
  get tables(): number[] {
    return [...this.#subscriptions].map(({ table }) => table);
  }

  /** @throws UsageError `bad_prefix` (of `within`) */
  add(rule: LearnRule, listener: (change: LearnedChange) => void): { remove: () => void } {
    const subscription = { table: rule.table ?? this.ownTable, accepts: acceptor(rule), listener, told: new Map() };
    this.#subscriptions.add(subscription);
    return { remove: () => void this.#subscriptions.delete(subscription) };
  }

  /** Compare the present picture with what was told. @returns calls to be made, with what changed */
  update(): (() => void)[] {
    const calls: (() => void)[] = [];
    for (const subscription of this.#subscriptions) {
      const change = this.#compare(subscription);
      if (change) calls.push(() => subscription.listener(change));
    }
    return calls;
  }

  #compare(subscription: Subscription): LearnedChange | null {
    const { routes } = this.resolver;
    if (!routes) return null;
    const learned: LearnedRoute[] = [];
    const now: Subscription['told'] = new Map();
    for (const { prefix, metric, protocol, body } of routes.best(subscription.table)) {
      if (body.type === 'local' || body.type === 'broadcast' || body.type === 'multicast') continue;
      const hops = this.resolver.usable(body.hops);
      if (body.type === 'unicast' && hops.length === 0) continue;
      const route = { prefix, protocol, metric, hops };
      if (!subscription.accepts(route)) continue;
      const key = `${protocol} ${metric} ${body.stateKey}`;
      now.set(prefix, { route, key });
      if (subscription.told.get(prefix)?.key !== key) learned.push(route);
    }
    const gone = [...subscription.told.keys()].filter((prefix) => !now.has(prefix));
    subscription.told = now;
    return learned.length + gone.length === 0 ? null : { learned, gone };
  }
}

function acceptor(rule: LearnRule): (route: LearnedRoute) => boolean {
  const protocols = rule.protocols && new Set(rule.protocols);
  const device = rule.device === undefined ? undefined : pattern(rule.device);
  const within: Prefix[] | undefined = rule.within?.map((text) => parsePrefix(text));
  return ({ prefix, protocol, hops }) => {
    if (protocols && !protocols.has(protocol)) return false;
    if (device && !(hops.length > 0 && hops.every((hop) => hop.device !== undefined && device.test(hop.device))))
      return false;
    if (!within) return true;
    const { octets, length } = parsePrefix(prefix);
    return within.some((outer) => outer.length <= length && prefixContains(outer, octets));
  };
}

function pattern(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
