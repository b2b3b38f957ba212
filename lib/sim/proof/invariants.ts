import type { PathView } from '../../speaker/views.js';
import { formatAddress, parsePrefix } from '../../net/index.js';
import { traceText } from '../network/forwarding.js';
import type { Network } from '../network/network.js';
import { Oracle, sameChoice, type Choices } from './oracle.js';
import type { Candidate, PlainRoute } from './rules.js';
import { takeSnapshot, type PlainSession } from './snapshot.js';

/** What must be so in every network that has come to rest. */
export const INVARIANTS = [
  /** Packets to a prefix that is originated do not go round. */
  'no forwarding loop',
  /** Packets from a router with a route get to one that originates it, unless a link on the way is broken. */
  'no black hole',
  /** Each neighbor was told exactly what RFC 4271 and RFC 4456 let it know, and chose the best of it. */
  'right routes',
  /** ORIGINATOR_ID and CLUSTER_LIST are those of RFC 4456 section 8. */
  'right reflection attributes',
  /** No route is stale, and each can be followed to one that originates it. */
  'no stale route',
  /** There is a state in which nobody wants to change. */
  'no oscillation',
] as const;

export type Invariant = (typeof INVARIANTS)[number];

/** Something that is not as it must be. */
export interface Violation {
  readonly invariant: Invariant;
  /** Where. */
  readonly router: string;
  readonly prefix: string;
  /** For people, with router and prefix. */
  readonly text: string;
}

export interface InvariantOptions {
  /** Which to check; default: all. */
  readonly only?: readonly Invariant[];
}

export interface InvariantReport {
  readonly violations: readonly Violation[];
  /**
   * Settings for which the oracle has no rules (policies, confederations, ADD-PATH …). Where there are some, `right routes`, `right
   * reflection attributes` and `no oscillation` were not checked.
   */
  readonly unsupported: readonly string[];
  /** Prefixes for which several outcomes are stable: they were checked for being one of them. */
  readonly ambiguous: readonly string[];
}

/**
 * Check a network that has come to rest (`await net.converged()`), IPv4 unicast, against an oracle that works out globally what
 * every router should know.
 */
export function checkInvariants(net: Network, options: InvariantOptions = {}): Violation[] {
  return [...inspect(net, options).violations];
}

/** {@link checkInvariants}, and what could not be checked. */
export function inspect(net: Network, options: InvariantOptions = {}): InvariantReport {
  const snapshot = takeSnapshot(net);
  const check = new Check(net, new Oracle(snapshot));
  if (snapshot.unsupported.length === 0) check.routes();
  check.stale();
  check.forwarding();
  const { only = INVARIANTS } = options;
  return {
    violations: check.violations.filter(({ invariant }) => only.includes(invariant)),
    unsupported: snapshot.unsupported,
    ambiguous: check.ambiguous,
  };
}

class Check {
  readonly violations: Violation[] = [];
  readonly ambiguous: string[] = [];
  /** Best paths by router and prefix. */
  readonly #best = new Map<string, Map<string, PathView>>();

  constructor(
    private readonly net: Network,
    private readonly oracle: Oracle,
  ) {
    for (const name of oracle.snapshot.routers.keys()) this.#best.set(name, net.routes(name));
  }

  #found(invariant: Invariant, router: string, prefix: string, text: string): void {
    this.violations.push({ invariant, router, prefix, text: `${router}: ${prefix}: ${text}` });
  }

  routes(): void {
    const received = this.#received();
    const { prefixes } = this.oracle.snapshot;
    for (const prefix of prefixes) this.#prefix(prefix, received);
    // What is not originated anywhere is known nowhere.
    for (const [session, paths] of received) {
      for (const prefix of paths.keys()) {
        if (prefixes.includes(prefix)) continue;
        this.#found('no stale route', session.to, prefix, `${session.from} still tells it, and nobody originates it`);
      }
    }
  }

  #received(): Map<PlainSession, Map<string, PathView>> {
    const all = new Map<PlainSession, Map<string, PathView>>();
    for (const session of this.oracle.snapshot.sessions) {
      const { speaker } = this.net.routerOf(session.to);
      const paths = [...speaker.routes('ipv4-unicast', { receivedFrom: session.fromAddress })];
      all.set(session, new Map(paths.map((path) => [path.prefix, path])));
    }
    return all;
  }

  #prefix(prefix: string, received: ReadonlyMap<PlainSession, ReadonlyMap<string, PathView>>): void {
    const answer = this.oracle.answer(prefix);
    if (answer.kind === 'unstable') {
      const [router] = this.oracle.snapshot.routers.keys();
      this.#found(
        'no oscillation',
        router!,
        prefix,
        'there is no choice of all routers that none of them wants to change',
      );
      return;
    }
    let choices = answer.choices;
    if (answer.kind === 'ambiguous') {
      this.ambiguous.push(prefix);
      choices = this.#actual(prefix);
    }
    for (const name of this.oracle.snapshot.routers.keys()) {
      // Of several outcomes: would this router choose so, given what the others chose?
      const due = answer.kind === 'stable' ? choices.get(name) : this.oracle.chooseAt(name, prefix, choices);
      this.#compareBest(name, prefix, due);
      for (const session of this.oracle.incoming(name)) {
        this.#compareTold(session, prefix, this.oracle.toldOn(session, choices), received.get(session)!.get(prefix));
      }
    }
  }

  /** What the routers have chosen, in the oracle's terms: replayed along the ways that their best paths took. */
  #actual(prefix: string): Choices {
    const choices: Choices = new Map();
    const names = [...this.oracle.snapshot.routers.keys()];
    for (let round = 0; round <= names.length; round++) {
      for (const name of names) {
        const best = this.#best.get(name)!.get(prefix);
        if (best === undefined) continue;
        const session = this.oracle.incoming(name).find(({ fromAddress }) => fromAddress === best.neighbor);
        const candidate = session === undefined ? this.oracle.chooseAt(name, prefix, new Map()) : via(session);
        if (candidate !== undefined && !sameChoice(candidate, choices.get(name))) choices.set(name, candidate);
      }
    }
    const oracle = this.oracle;
    function via(session: PlainSession): Candidate | undefined {
      const route = oracle.toldOn(session, choices);
      const { routerId } = oracle.snapshot.routers.get(session.from)!;
      return route && { route, session, routerId };
    }
    return choices;
  }

  #compareBest(name: string, prefix: string, due: Candidate | undefined): void {
    const best = this.#best.get(name)!.get(prefix);
    if (due === undefined && best === undefined) return;
    if (due === undefined) {
      this.#found('right routes', name, prefix, `has a best path from ${best!.neighbor ?? 'itself'}, should have none`);
    } else if (best === undefined) {
      this.#found(
        'right routes',
        name,
        prefix,
        `has no best path, should have the one from ${due.route.from ?? 'itself'}`,
      );
    } else if (best.neighbor !== due.route.neighbor) {
      const [is, should] = [best.neighbor ?? 'itself', due.route.neighbor ?? 'itself'];
      this.#found('right routes', name, prefix, `the best path is from ${is}, should be from ${should}`);
    }
  }

  #compareTold(session: PlainSession, prefix: string, due: PlainRoute | undefined, path: PathView | undefined): void {
    const { from, to } = session;
    if (due === undefined && path === undefined) return;
    if (due === undefined) return this.#found('right routes', to, prefix, `${from} tells it, and should not`);
    if (path === undefined) return this.#found('right routes', to, prefix, `${from} should tell it, and does not`);
    const is = fields(path);
    for (const [field, value] of Object.entries(wanted(due))) {
      if (is[field] === value) continue;
      const reflection = field === 'originatorId' || field === 'clusterList';
      this.#found(
        reflection ? 'right reflection attributes' : 'right routes',
        to,
        prefix,
        `from ${from} with ${field} '${is[field]}', should be '${value}'`,
      );
    }
  }

  stale(): void {
    for (const [name, paths] of this.#best) {
      for (const [prefix, path] of paths) {
        if (path.stale) this.#found('no stale route', name, prefix, `the best path, from ${path.neighbor}, is stale`);
        if (!this.#hasOrigin(name, prefix)) {
          this.#found('no stale route', name, prefix, 'leads back to nobody who originates it');
        }
      }
    }
  }

  /** Whether best paths lead, from neighbor to neighbor, to one who originates it. */
  #hasOrigin(name: string, prefix: string): boolean {
    const seen = new Set<string>();
    for (let at = name; !seen.has(at);) {
      seen.add(at);
      const path = this.#best.get(at)?.get(prefix);
      if (path === undefined) return false;
      if (path.neighbor === null) return true;
      const next = this.net.ownerOf(path.neighbor)?.name;
      // Somebody outside of the network.
      if (next === undefined) return true;
      at = next;
    }
    return false;
  }

  forwarding(): void {
    for (const [name, paths] of this.#best) {
      for (const prefix of paths.keys()) {
        const { octets, length } = parsePrefix(prefix);
        const address = new Uint8Array(octets);
        if (length < 31) address[3]! |= 1;
        for (const trace of this.net.traces(name, formatAddress(address))) {
          // A wire that is broken without anybody seeing it is not the routes' fault.
          if (trace.reached || trace.failure === 'cut') continue;
          const invariant = trace.failure === 'loop' ? 'no forwarding loop' : 'no black hole';
          this.#found(invariant, name, prefix, traceText(trace));
          break;
        }
      }
    }
  }
}

function wanted(route: PlainRoute): Record<string, string> {
  return {
    nextHop: route.nextHop,
    asPath: route.asPath.join(' '),
    origin: route.origin,
    localPref: String(route.localPref),
    med: String(route.med),
    communities: [...route.communities].sort().join(' '),
    originatorId: String(route.originatorId),
    clusterList: route.clusterList.join(' '),
  };
}

function fields(path: PathView): Record<string, string> {
  return {
    nextHop: path.nextHop,
    asPath: path.asPath,
    origin: path.origin,
    localPref: String(path.localPref),
    med: String(path.med),
    communities: [...path.communities].sort().join(' '),
    originatorId: String(path.originatorId),
    clusterList: path.clusterList.join(' '),
  };
}
