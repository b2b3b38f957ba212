/** Compares what routers have and were told with what the oracle says. */
import type { PathView } from '../../speaker/views.js';
import type { Network } from '../network/network.js';
import type { Invariant } from './names.js';
import type { Choice, Choices, Oracle, Told } from './oracle.js';
import { FAMILIES, type PlainRoute } from './plain-route.js';
import type { PlainSession } from './sessions.js';

type Found = (invariant: Invariant, router: string, prefix: string, text: string) => void;

/** What each session's receiver holds of its sender, by prefix. */
export type Received = ReadonlyMap<PlainSession, ReadonlyMap<string, readonly PathView[]>>;

export function receivedOn(net: Network, sessions: readonly PlainSession[]): Received {
  const received = new Map<PlainSession, Map<string, PathView[]>>();
  for (const session of sessions) {
    const { speaker } = net.routerOf(session.to);
    const paths = new Map<string, PathView[]>();
    for (const family of FAMILIES) {
      for (const path of speaker.routes(family, { receivedFrom: session.fromAddress })) {
        paths.set(path.prefix, [...(paths.get(path.prefix) ?? []), path]);
      }
    }
    received.set(session, paths);
  }
  return received;
}

export class RoutesCheck {
  readonly ambiguous: string[] = [];
  readonly #choices = new Map<string, Choices>();
  #violations: Parameters<Found>[] = [];

  /** @param best best paths by router and prefix */
  constructor(
    private readonly oracle: Oracle,
    private readonly best: ReadonlyMap<string, ReadonlyMap<string, PathView>>,
    private readonly received: Received,
    private readonly found: Found,
  ) {}

  run(): void {
    const { prefixes } = this.oracle.snapshot;
    for (const prefix of prefixes) this.#prefix(prefix);
    // What is not originated anywhere is known nowhere.
    for (const [session, paths] of this.received) {
      for (const prefix of paths.keys()) {
        if (prefixes.includes(prefix)) continue;
        this.found('no stale route', session.to, prefix, `${session.from} still tells it, and nobody originates it`);
      }
    }
  }

  /** What routers should have chosen for a prefix: where several outcomes are right, the one that there is. */
  choicesOf(prefix: string): Choices {
    let choices = this.#choices.get(prefix);
    if (choices === undefined) this.#choices.set(prefix, (choices = this.oracle.answer(prefix).choices));
    return choices;
  }

  #prefix(prefix: string): void {
    const answer = this.oracle.answer(prefix);
    const violations: Parameters<Found>[] = [];
    if (answer.kind === 'stable') {
      this.#choices.set(prefix, answer.choices);
      violations.push(...this.#compare(prefix, (name) => answer.choices.get(name), answer.choices));
      if (violations.length === 0) return;
    }
    // Of several outcomes, or one that nobody found: does each router choose so of what it was told, and tell what it has chosen?
    const due = this.#chosenOfTold(prefix);
    const actual = this.#actual(prefix, due);
    const unrest = this.#compare(prefix, (name) => due.get(name), actual);
    if (unrest.length === 0) {
      this.#choices.set(prefix, actual);
      this.ambiguous.push(prefix);
      return;
    }
    if (answer.kind === 'ambiguous') violations.push(...unrest);
    if (answer.kind === 'unstable') {
      const [router] = this.oracle.snapshot.routers.keys();
      const text = 'there is no choice of all routers that none of them wants to change';
      violations.push(['no oscillation', router!, prefix, text]);
    }
    for (const violation of violations) this.found(...violation);
  }

  #compare(prefix: string, due: (name: string) => Choice | undefined, choices: Choices): Parameters<Found>[] {
    this.#violations = [];
    for (const name of this.oracle.snapshot.routers.keys()) {
      this.#compareBest(name, prefix, due(name));
      for (const session of this.oracle.incoming(name)) {
        const told = this.oracle.toldOn(session, prefix, choices);
        this.#compareTold(session, prefix, told, this.received.get(session)!.get(prefix) ?? []);
      }
    }
    return this.#violations;
  }

  #found(...violation: Parameters<Found>): void {
    this.#violations.push(violation);
  }

  /** What the routers should have chosen of what they were told. */
  #chosenOfTold(prefix: string): Choices {
    const told = (session: PlainSession): PlainRoute[] =>
      (this.received.get(session)!.get(prefix) ?? []).map((path) => plain(path, session.from));
    return new Map(
      [...this.oracle.snapshot.routers.keys()].map((name) => [name, this.oracle.chooseOf(name, prefix, told)]),
    );
  }

  /** What they have chosen, in the oracle's terms. */
  #actual(prefix: string, due: Choices): Choices {
    const choices: Choices = new Map();
    for (const [name, choice] of due) {
      const best = this.best.get(name)!.get(prefix);
      const same = choice.usable.find(({ route }) => best !== undefined && difference(best, route) === undefined);
      choices.set(name, { ...choice, best: same });
    }
    return choices;
  }

  #compareBest(name: string, prefix: string, due: Choice | undefined): void {
    const best = this.best.get(name)!.get(prefix);
    const should = due?.best?.route;
    const found = (text: string): void => this.#found('right routes', name, prefix, text);
    if (should === undefined && best === undefined) return;
    if (should === undefined) return found(`has a best path from ${best!.neighbor ?? 'itself'}, should have none`);
    if (best === undefined) return found(`has no best path, should have the one from ${should.from ?? 'itself'}`);
    if (due!.equals.some(({ route }) => difference(best, route) === undefined)) return;
    if (best.neighbor !== should.neighbor) {
      found(`the best path is from ${best.neighbor ?? 'itself'}, should be from ${should.neighbor ?? 'itself'}`);
    } else found(`the best path has ${difference(best, should)!.text}`);
  }

  #compareTold(
    session: PlainSession,
    prefix: string,
    { routes, alternatives }: Told,
    paths: readonly PathView[],
  ): void {
    const { from, to } = session;
    const isTold = (each: readonly PlainRoute[]): boolean => {
      const { missing, surplus } = unmatched(each, paths);
      return missing.length + surplus.length === 0;
    };
    if (alternatives.some(isTold)) return;
    const found = (invariant: Invariant, text: string): void => this.#found(invariant, to, prefix, text);
    if (session.paths['ipv4-unicast'] === undefined && routes.length === 1 && paths.length === 1) {
      const differs = difference(paths[0]!, routes[0]!);
      if (differs !== undefined) {
        found(
          differs.isReflection ? 'right reflection attributes' : 'right routes',
          `from ${from} with ${differs.text}`,
        );
      }
      return;
    }
    const { missing, surplus } = unmatched(routes, paths);
    for (const route of missing) found('right routes', `${from} should tell it${several(paths, route)}, and does not`);
    for (const path of surplus) found('right routes', `${from} tells it${several(routes, path)}, and should not`);
  }
}

/** Which routes are not among these paths, and which paths are none of the routes. */
function unmatched(
  routes: readonly PlainRoute[],
  paths: readonly PathView[],
): { readonly missing: readonly PlainRoute[]; readonly surplus: readonly PathView[] } {
  const surplus = [...paths];
  const missing = routes.filter((route) => {
    const at = surplus.findIndex((path) => difference(path, route) === undefined);
    if (at >= 0) surplus.splice(at, 1);
    return at < 0;
  });
  return { missing, surplus };
}

/** A path that `from` told, as the oracle knows routes. */
function plain({ asPath, ...path }: PathView, from: string): PlainRoute {
  return { ...path, from, asPath: asPath === '' ? [] : asPath.split(' ').map(Number) };
}

/** Which of several paths, where there are several. */
function several(others: readonly unknown[], { nextHop, asPath }: { nextHop: string; asPath: unknown }): string {
  return others.length === 0 ? '' : ` with next hop ${nextHop} and AS_PATH '${String(asPath).replaceAll(',', ' ')}'`;
}

/** How a path differs from what it should be. */
function difference(path: PathView, route: PlainRoute): { text: string; isReflection: boolean } | undefined {
  if (path.neighbor !== route.neighbor) return { text: `neighbor ${path.neighbor}`, isReflection: false };
  // What is originated here gets its attributes when it is told.
  if (route.neighbor === null) return undefined;
  const is = fields(path);
  for (const [field, value] of Object.entries(wanted(route))) {
    if (is[field] === value) continue;
    const isReflection = field === 'originatorId' || field === 'clusterList';
    return { text: `${field} '${is[field]}', should be '${value}'`, isReflection };
  }
  return undefined;
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
