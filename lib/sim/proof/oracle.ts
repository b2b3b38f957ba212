/** The right answer for a whole network, found slowly: routers choose in turn until nobody changes his mind. */
import type { OriginateOptions } from '../../speaker/options.js';
import { choose, told, type Candidate, type PlainRoute } from './rules.js';
import type { PlainRouter, PlainSession, Snapshot } from './snapshot.js';

/** Best routes of a prefix, by router. */
export type Choices = Map<string, Candidate | undefined>;

export interface Answer {
  readonly prefix: string;
  /**
   * `stable`: choosing in several orders ended the same. `ambiguous`: there are several outcomes, and it depends on who is first.
   * `unstable`: choosing never ended.
   */
  readonly kind: 'stable' | 'ambiguous' | 'unstable';
  readonly choices: Choices;
}

/** Each round lets every router choose once; a network of n routers that settles at all does so in far fewer. */
const MOST_ROUNDS = 100;

/** Answers all questions about one {@link Snapshot}. */
export class Oracle {
  readonly #incoming = new Map<string, PlainSession[]>();

  constructor(readonly snapshot: Snapshot) {
    for (const name of snapshot.routers.keys()) this.#incoming.set(name, []);
    for (const session of snapshot.sessions) this.#incoming.get(session.to)?.push(session);
  }

  /** What every router should choose for a prefix. */
  answer(prefix: string): Answer {
    const names = [...this.snapshot.routers.keys()];
    const orders = [names, [...names].reverse(), shuffled(names)];
    const ends = orders.map((order) => this.#settle(prefix, order));
    const stable = ends.filter((end) => end !== undefined);
    if (stable.length === 0) return { prefix, kind: 'unstable', choices: new Map() };
    const same = stable.length === ends.length && stable.every((end) => this.#equal(end, stable[0]!));
    return { prefix, kind: same ? 'stable' : 'ambiguous', choices: stable[0]! };
  }

  #settle(prefix: string, order: readonly string[]): Choices | undefined {
    const choices: Choices = new Map();
    for (let round = 0; round < MOST_ROUNDS; round++) {
      let changed = false;
      for (const name of order) {
        const best = this.chooseAt(name, prefix, choices);
        if (sameChoice(best, choices.get(name))) continue;
        choices.set(name, best);
        changed = true;
      }
      if (!changed) return choices;
    }
    return undefined;
  }

  /** What a router chooses when the others have chosen so. */
  chooseAt(name: string, prefix: string, choices: Choices): Candidate | undefined {
    const router = this.snapshot.routers.get(name)!;
    const own = router.originated.get(prefix);
    const candidates: Candidate[] = own === undefined ? [] : [originate(router, prefix, own)];
    for (const session of this.#incoming.get(name)!) {
      const route = this.toldOn(session, choices);
      if (route === undefined) continue;
      candidates.push({ route, session, routerId: this.snapshot.routers.get(session.from)!.routerId });
    }
    return choose(router, candidates);
  }

  /** What is told on a session when routers have chosen so. */
  toldOn(session: PlainSession, choices: Choices): PlainRoute | undefined {
    const best = choices.get(session.from);
    return best && told(this.snapshot.routers.get(session.from)!, best, session);
  }

  /** The sessions on which a router hears. */
  incoming(name: string): readonly PlainSession[] {
    return this.#incoming.get(name) ?? [];
  }

  #equal(a: Choices, b: Choices): boolean {
    return [...this.snapshot.routers.keys()].every((name) => sameChoice(a.get(name), b.get(name)));
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

/** Whether two choices are the same in all that others see. */
export function sameChoice(a: Candidate | undefined, b: Candidate | undefined): boolean {
  return JSON.stringify(a?.route) === JSON.stringify(b?.route);
}

/** A third order: those at even places first. */
function shuffled(names: readonly string[]): string[] {
  return [...names.filter((_, i) => i % 2 === 1).reverse(), ...names.filter((_, i) => i % 2 === 0)];
}
