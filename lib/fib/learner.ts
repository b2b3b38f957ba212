import { parsePrefix, prefixContains, type Prefix } from '../net/index.js';
import type { Hop } from './body.js';
import { SEVERAL_TABLES, type BestRoute, type ForeignRoutes } from './foreign-routes.js';
import type { Resolver } from './resolver.js';

/** Which routes of others to learn. All conditions must hold; one left out always does. */
export interface LearnRule {
  /** Number of the table; default: the one that our own routes go to. */
  readonly table?: number;
  /** Protocol numbers: 2 `kernel`, 3 `boot`, 4 `static` … Never our own. */
  readonly protocols?: readonly number[];
  /** Name of the device, with `*` for any rest: `cali*`; or several. All hops must match one. */
  readonly device?: string | readonly string[];
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

/** What changed since the last call. A route that changed is in `learned` again. The first call may have neither. */
export interface LearnedChange {
  readonly learned: readonly LearnedRoute[];
  readonly gone: readonly string[];
}

/** What was told of a route. */
interface Told {
  readonly route: LearnedRoute;
  readonly key: string;
}

interface Subscription {
  readonly table: number;
  /** Undefined: any. */
  readonly protocols: ReadonlySet<number> | undefined;
  readonly accepts: (route: LearnedRoute) => boolean;
  readonly listener: (change: LearnedChange) => void;
  /** Its table was compared as a whole: from then on single changes do. */
  begun: boolean;
  /** What was told, by prefix. */
  readonly told: Map<string, Told>;
}

/** Follows routes that are not ours, so that they can be announced: those of pods, of a connected network, of another daemon. */
export class Learner {
  readonly #subscriptions = new Set<Subscription>();
  /** What the last comparison as a whole was made with. */
  #picture: ForeignRoutes | null = null;
  #linkChanges = -1;

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
    const table = rule.table ?? this.ownTable;
    const protocols = rule.protocols && new Set(rule.protocols);
    const told = new Map<string, Told>();
    const subscription = { table, protocols, accepts: acceptor(rule, protocols), listener, begun: false, told };
    this.#subscriptions.add(subscription);
    return { remove: () => void this.#subscriptions.delete(subscription) };
  }

  /** Compare the present picture with what was told. @returns calls to be made, with what changed */
  update(): (() => void)[] {
    const { routes, linkChanges } = this.resolver;
    if (!routes) return [];
    const touched = routes.takeTouched();
    const whole = routes !== this.#picture || linkChanges !== this.#linkChanges;
    this.#picture = routes;
    this.#linkChanges = linkChanges;
    const calls: (() => void)[] = [];
    for (const subscription of this.#subscriptions) {
      if (!routes.tables.has(subscription.table)) continue;
      const isFirst = !subscription.begun;
      const change =
        whole || isFirst ? this.#compareAll(subscription, routes) : this.#compareSome(subscription, routes, touched);
      subscription.begun = true;
      if (isFirst || change.learned.length + change.gone.length > 0) calls.push(() => subscription.listener(change));
    }
    return calls;
  }

  #compareAll(subscription: Subscription, routes: ForeignRoutes): LearnedChange {
    const { told } = subscription;
    const learned: LearnedRoute[] = [];
    const gone: string[] = [];
    const seen = new Set<string>();
    for (const best of routes.best(subscription.table, subscription.protocols)) {
      if (this.#note(subscription, best, learned, gone)) seen.add(best.prefix);
    }
    // A route that an incomplete reading did not meet may be there all the same.
    for (const prefix of routes.isComplete ? told.keys() : []) {
      if (seen.has(prefix)) continue;
      told.delete(prefix);
      gone.push(prefix);
    }
    return { learned, gone };
  }

  #compareSome(subscription: Subscription, routes: ForeignRoutes, touched: ReadonlyMap<string, number>): LearnedChange {
    const learned: LearnedRoute[] = [];
    const gone: string[] = [];
    for (const [prefix, table] of touched) {
      if (table !== subscription.table && table !== SEVERAL_TABLES) continue;
      const best = routes.bestOf(subscription.table, prefix);
      if (best) this.#note(subscription, best, learned, gone);
      else if (subscription.told.delete(prefix)) gone.push(prefix);
    }
    return { learned, gone };
  }

  /** Compare one route with what was told of it. @returns whether the rule accepts it */
  #note({ told, accepts }: Subscription, best: BestRoute, learned: LearnedRoute[], gone: string[]): boolean {
    const { prefix, protocol, metric, body } = best;
    const route = this.#routeOf(best);
    if (!route || !accepts(route)) {
      if (told.delete(prefix)) gone.push(prefix);
      return false;
    }
    const key = `${protocol} ${metric} ${body.stateKey}`;
    if (told.get(prefix)?.key === key) return true;
    told.set(prefix, { route, key });
    learned.push(route);
    return true;
  }

  /** A route that leads somewhere, or nowhere on purpose. */
  #routeOf({ prefix, protocol, metric, body }: BestRoute): LearnedRoute | null {
    if (body.type === 'local' || body.type === 'broadcast' || body.type === 'multicast') return null;
    const hops = this.resolver.usable(body.hops);
    return body.type === 'unicast' && hops.length === 0 ? null : { prefix, protocol, metric, hops };
  }
}

function acceptor(rule: LearnRule, protocols: ReadonlySet<number> | undefined): (route: LearnedRoute) => boolean {
  const device = rule.device === undefined ? undefined : pattern([rule.device].flat());
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

function pattern(names: readonly string[]): RegExp {
  const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  const patterns = names.map((name) => name.split('*').map(escaped).join('.*'));
  return new RegExp(`^(?:${patterns.join('|')})$`);
}
