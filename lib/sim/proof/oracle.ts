/** The right answer for a whole network, found slowly: routers choose in turn until nobody changes his mind. */
import type { OriginateOptions } from '../../speaker/options.js';
import { judge } from './plain-policy.js';
import { familyOf, type PlainRoute } from './plain-route.js';
import { choose, isUsable, selections, told, type Candidate } from './rules.js';
import type { PlainSession } from './sessions.js';
import type { PlainRouter, Snapshot } from './snapshot.js';

/** What a router has of a prefix. */
export interface Choice {
  /** Undefined: none. */
  readonly best: Candidate | undefined;
  /** Equally good: only path identifiers (RFC 7911) decide between them and `best`. */
  readonly equals: readonly Candidate[];
  /** All that it may use. */
  readonly usable: readonly Candidate[];
}

/** By router. */
export type Choices = Map<string, Choice>;

export interface Answer {
  readonly prefix: string;
  /**
   * `stable`: choosing in several orders, and all at once, ended the same. `ambiguous`: there are several outcomes, and it depends on who is first,
   * or on path identifiers. `unstable`: choosing never ended.
   */
  readonly kind: 'stable' | 'ambiguous' | 'unstable';
  readonly choices: Choices;
}

/** What is to be told on a session. */
export interface Told {
  readonly routes: readonly PlainRoute[];
  /** What else it may be instead: path identifiers decide. */
  readonly alternatives: readonly (readonly PlainRoute[])[];
}

const NOTHING: Choice = { best: undefined, equals: [], usable: [] };

/** Each round lets every router choose once; a network of n routers that settles at all does so in far fewer. */
const MOST_ROUNDS = 100;

/** Answers all questions about one {@link Snapshot}. */
export class Oracle {
  readonly #incoming = new Map<string, PlainSession[]>();
  /** Routers that tell several paths: what else they have matters to others. */
  readonly #tellsSeveral = new Set<string>();

  /**
   * @param nextHopsTold what was told on a session: where a third party's next hop may be left or not (RFC 4271 section 5.1.3), the
   * oracle takes as given what was done; default: none is
   */
  constructor(
    readonly snapshot: Snapshot,
    private readonly nextHopsTold: (session: PlainSession, prefix: string) => readonly string[] = () => [],
  ) {
    for (const name of snapshot.routers.keys()) this.#incoming.set(name, []);
    for (const session of snapshot.sessions) {
      this.#incoming.get(session.to)?.push(session);
      if (Object.values(session.paths).some((paths) => paths !== undefined)) this.#tellsSeveral.add(session.from);
    }
  }

  /** What every router should choose for a prefix. */
  answer(prefix: string): Answer {
    const names = [...this.snapshot.routers.keys()];
    const orders = [names, [...names].reverse(), shuffled(names)];
    const ends = [...orders.map((order) => this.#settle(prefix, order)), this.#settle(prefix, names, true)];
    const stable = ends.filter((end) => end !== undefined);
    if (stable.length === 0) return { prefix, kind: 'unstable', choices: new Map() };
    const [first] = stable;
    const same = stable.length === ends.length && stable.every((end) => this.#equal(end, first!));
    return { prefix, kind: same && !this.#isTied(prefix, first!) ? 'stable' : 'ambiguous', choices: first! };
  }

  /** @param together in each round all choose by what the others had before */
  #settle(prefix: string, order: readonly string[], together = false): Choices | undefined {
    const choices: Choices = new Map();
    for (let round = 0; round < MOST_ROUNDS; round++) {
      let changed = false;
      const before = together ? new Map(choices) : choices;
      for (const name of order) {
        const choice = this.chooseAt(name, prefix, before);
        if (this.#sameChoice(name, choice, choices.get(name))) continue;
        choices.set(name, choice);
        changed = true;
      }
      if (!changed) return choices;
    }
    return undefined;
  }

  #isTied(prefix: string, choices: Choices): boolean {
    if (this.#tellsSeveral.size === 0) return false;
    return (
      [...choices.values()].some(({ equals }) => equals.length > 1) ||
      this.snapshot.sessions.some((session) => this.toldOn(session, prefix, choices).alternatives.length > 0)
    );
  }

  /** What a router chooses when the others have chosen so. */
  chooseAt(name: string, prefix: string, choices: Choices): Choice {
    return this.chooseOf(name, prefix, (session) => this.toldOn(session, prefix, choices).routes);
  }

  /** What a router chooses of its own route and what it was told on its sessions. */
  chooseOf(name: string, prefix: string, toldOn: (session: PlainSession) => readonly PlainRoute[]): Choice {
    const router = this.snapshot.routers.get(name)!;
    const own = router.originated.get(prefix);
    const candidates: Candidate[] = own === undefined ? [] : [originate(router, prefix, own)];
    for (const session of this.#incoming.get(name)!) {
      const { routerId } = this.snapshot.routers.get(session.from)!;
      for (const received of toldOn(session)) {
        const judged = judge(session.importPolicy, received);
        if (judged !== undefined) candidates.push({ route: judged.route, session, routerId });
      }
    }
    const usable = candidates.filter((candidate) => isUsable(router, candidate));
    const equals = choose(router, usable);
    return { best: equals[0], equals, usable };
  }

  /** What is told on a session when routers have chosen so. */
  toldOn(session: PlainSession, prefix: string, choices: Choices): Told {
    const { best, usable } = choices.get(session.from) ?? NOTHING;
    const family = familyOf(prefix);
    if (best === undefined || !session.families.includes(family)) return { routes: [], alternatives: [] };
    const sender = this.snapshot.routers.get(session.from)!;
    const selection = session.paths[family];
    const leaves = (nextHop: string): boolean => this.nextHopsTold(session, prefix).includes(nextHop);
    const [routes, ...alternatives] = (selection === undefined ? [[best]] : selections(sender, usable, selection)).map(
      (chosen) => chosen.flatMap((each) => told(sender, each, session, leaves) ?? []),
    );
    return { routes: routes!, alternatives };
  }

  /** The sessions on which a router hears. */
  incoming(name: string): readonly PlainSession[] {
    return this.#incoming.get(name) ?? [];
  }

  #equal(a: Choices, b: Choices): boolean {
    return [...this.snapshot.routers.keys()].every((name) => this.#sameChoice(name, a.get(name), b.get(name)));
  }

  /** Whether two choices of a router are the same in all that others see. */
  #sameChoice(name: string, a: Choice | undefined, b: Choice | undefined): boolean {
    const seen = (choice: Choice | undefined): string =>
      JSON.stringify([choice?.best?.route, this.#tellsSeveral.has(name) && choice?.usable.map(({ route }) => route)]);
    return seen(a) === seen(b);
  }
}

/** An own route: without a next hop of its own it gets that of each session. */
function originate(router: PlainRouter, prefix: string, options: OriginateOptions): Candidate {
  const route: PlainRoute = {
    prefix,
    neighbor: null,
    from: null,
    nextHop: options.nextHop ?? '',
    asPath: [],
    origin: options.origin ?? 'igp',
    localPref: options.localPref ?? null,
    med: options.med ?? null,
    communities: options.communities ?? [],
    originatorId: null,
    clusterList: [],
  };
  return { route, session: null, routerId: router.routerId };
}

/** A third order: those at even places first. */
function shuffled(names: readonly string[]): string[] {
  return [...names.filter((_, i) => i % 2 === 1).reverse(), ...names.filter((_, i) => i % 2 === 0)];
}
