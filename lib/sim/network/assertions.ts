import type { FamilyName } from '../../bgp/wire/families.js';
import { formatPrefix, parsePrefix } from '../../net/index.js';
import type { FibRouteView, PathView } from '../../speaker/views.js';
import type { SimulationError } from './events.js';
import { traceText, type Trace } from './forwarding.js';

/** What assertions ask; a {@link Network} has it. */
export interface Asked {
  best(name: string, prefix: string): PathView | null;
  routes(name: string, family?: FamilyName): Map<string, PathView>;
  fib(name: string): FibRouteView[];
  traces(from: string, to: string): Trace[];
  routerOf(name: string): { isUp(neighbor: string): boolean; readonly addresses: readonly string[] };
  error(message: string): SimulationError;
}

/** What should be so in a network. Each throws SimulationError, with what is so instead, the seed and the time. */
export class NetworkAssertions {
  constructor(private readonly net: Asked) {}

  /**
   * Packets of every flow get from one to the other.
   * @param path names of the hosts on the way, both ends included; left out: any way
   */
  reaches(from: string, to: string, path?: readonly string[]): void {
    for (const trace of this.net.traces(from, to)) {
      if (!trace.reached) throw this.net.error(`${from} does not reach ${to}: ${traceText(trace)}`);
      if (path !== undefined && path.join() !== trace.path.join()) {
        throw this.net.error(`${from} reaches ${to} by another way: ${traceText(trace)}, not ${path.join(' → ')}`);
      }
    }
  }

  /** Packets of no flow get from one to the other. */
  doesNotReach(from: string, to: string): void {
    const through = this.net.traces(from, to).find(({ reached }) => reached);
    if (through !== undefined) throw this.net.error(`${from} reaches ${to}: ${traceText(through)}`);
  }

  /** The best path of a prefix has these values; null: there is none. */
  best(name: string, prefix: string, expected: Partial<PathView> | null): void {
    const best = this.net.best(name, prefix);
    if (expected === null || best === null) {
      if (best !== expected) throw this.net.error(`${name}: ${prefix} should ${wish(expected)}, but ${is(best)}`);
      return;
    }
    for (const [key, value] of Object.entries(expected)) {
      const found = best[key as keyof PathView];
      if (text(found) === text(value)) continue;
      throw this.net.error(`${name}: ${prefix} should have ${key} ${text(value)}, not ${text(found)}: ${is(best)}`);
    }
  }

  /** The Loc-RIB holds exactly these prefixes. */
  routes(name: string, prefixes: readonly string[], family: FamilyName = 'ipv4-unicast'): void {
    this.#same(`${name}: Loc-RIB`, new Set(this.net.routes(name, family).keys()), prefixes);
  }

  /** The speaker has exactly these routes in its kernel: prefix and target, `via 10.0.0.2 dev fabric`, or null for any. */
  fib(name: string, expected: Readonly<Record<string, string | null>>): void {
    const found = this.net.fib(name);
    const installed = found.filter(({ state }) => state === 'installed');
    this.#same(`${name}: kernel`, new Set(installed.map(({ prefix }) => prefix)), Object.keys(expected));
    for (const [prefix, target] of Object.entries(expected)) {
      const route = installed.find((each) => each.prefix === formatPrefix(parsePrefix(prefix)))!;
      if (target === null || route.target === target) continue;
      throw this.net.error(`${name}: kernel: ${prefix} should be ${target}, and is ${route.target}`);
    }
  }

  /** The session of two routers is up, as both see it, or it is not up, as neither does. */
  session(a: string, b: string, up = true): void {
    const [left, right] = [this.net.routerOf(a), this.net.routerOf(b)];
    const atLeft = right.addresses.some((address) => left.isUp(address));
    const atRight = left.addresses.some((address) => right.isUp(address));
    if (atLeft === up && atRight === up) return;
    const say = (name: string, value: boolean): string => `${name} says it is ${value ? 'up' : 'down'}`;
    throw this.net.error(`session ${a}–${b} should be ${up ? 'up' : 'down'}: ${say(a, atLeft)}, ${say(b, atRight)}`);
  }

  #same(what: string, found: ReadonlySet<string>, expected: readonly string[]): void {
    const wanted = new Set(expected.map((prefix) => formatPrefix(parsePrefix(prefix))));
    const missing = [...wanted].filter((prefix) => !found.has(prefix));
    const extra = [...found].filter((prefix) => !wanted.has(prefix));
    if (missing.length === 0 && extra.length === 0) return;
    const parts = [
      ...(missing.length > 0 ? [`without ${missing.sort().join(', ')}`] : []),
      ...(extra.length > 0 ? [`with ${extra.sort().join(', ')}, which should not be there`] : []),
    ];
    throw this.net.error(`${what} is ${parts.join(', and ')}`);
  }
}

function wish(expected: Partial<PathView> | null): string {
  return expected === null ? 'have no path' : `have ${text(expected)}`;
}

function is(best: PathView | null): string {
  if (best === null) return 'there is no path';
  const { neighbor, nextHop, asPath, localPref } = best;
  const from = neighbor === null ? 'its own' : `from ${neighbor}`;
  return `the best is ${from}, next hop ${nextHop}, AS_PATH '${asPath}', LOCAL_PREF ${localPref ?? 'none'}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
