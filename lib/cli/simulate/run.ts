import { checkInvariants, SimulationError, type Network } from '../../sim/index.js';
import { UsageError } from '../../net/index.js';
import type { OriginateOptions, SpeakerConfig } from '../../speaker/options.js';
import type { PathView } from '../../speaker/views.js';
import { dashed } from './build.js';
import { EXPECTATIONS, kindOf, type Scenario, type Step } from './schema.js';

export interface TimelineEntry {
  /** Virtual seconds. */
  readonly at: number;
  readonly kind: 'action' | 'session' | 'settled' | 'held' | 'failed';
  readonly text: string;
}

export interface Report {
  readonly title: string;
  readonly seed: number;
  readonly ok: boolean;
  /** Virtual seconds. */
  readonly duration: number;
  readonly timeline: readonly TimelineEntry[];
  readonly expectations: { readonly held: number; readonly failed: readonly string[] };
  /** Invariants that were violated, at the end of a step at which they were checked. */
  readonly violations: readonly string[];
  /** How many prefixes each router had a best path for, whenever that changed. */
  readonly routes: Readonly<Record<string, readonly (readonly [at: number, prefixes: number])[]>>;
  /** When each session was up, as its first router saw it. */
  readonly sessions: readonly SessionSpan[];
  readonly topology: Topology;
  /** SHA-256 of all octets sent: equal for equal runs. */
  readonly digest: string;
}

export interface SessionSpan {
  readonly between: readonly [string, string];
  readonly up: readonly (readonly [from: number, to: number])[];
}

export interface Topology {
  readonly routers: readonly { readonly name: string; readonly asn: number }[];
  readonly links: readonly { readonly name: string; readonly hosts: readonly string[] }[];
}

/** Run a scenario on the network that was built for it. */
export async function runScenario(scenario: Scenario, net: Network): Promise<Report> {
  const notes = new Notes(net);
  const failed: string[] = [];
  const violations: string[] = [];
  let held = 0;
  let settled = false;
  const settle = async (): Promise<void> => {
    if (settled) return;
    const took = await net.converged();
    settled = true;
    notes.add('settled', `settled: it took ${took.toFixed(3)} s`);
  };
  const note = (kind: 'held' | 'failed', text: string): void => {
    notes.add(kind, text);
    if (kind === 'held') held++;
    else failed.push(text);
  };
  const invariants = (): void => {
    const found = checkInvariants(net).map(({ invariant, text }) => `${invariant}: ${text}`);
    violations.push(...found);
    for (const text of found) note('failed', text);
    if (found.length === 0) note('held', 'all invariants hold');
  };
  try {
    await net.start();
    notes.watchAll();
    for (const step of scenario.steps ?? []) {
      if (step.at === undefined) await settle();
      else if (step.at > net.now) await net.at(step.at);
      if (step.invariants !== undefined) {
        if (step.invariants) invariants();
      } else if (isExpectation(step)) expectation(net, step, note);
      else {
        await act(net, step);
        notes.watchAll();
        settled = false;
      }
    }
    await settle();
    if (scenario.invariants !== false) invariants();
  } catch (error) {
    if (!(error instanceof SimulationError) && !(error instanceof UsageError)) throw error;
    note('failed', error.message);
  }
  return notes.report(scenario, { held, failed, violations });
}

function isExpectation(step: Step): boolean {
  return Object.hasOwn(EXPECTATIONS, kindOf(step));
}

function expectation(net: Network, step: Step, note: (kind: 'held' | 'failed', text: string) => void): void {
  const { reaches, doesNotReach, best, routes, fib, session } = step;
  const { assert } = net;
  const check = (text: string, assertion: () => void): void => {
    try {
      assertion();
      note('held', text);
    } catch (error) {
      if (!(error instanceof SimulationError) && !(error instanceof UsageError)) throw error;
      note('failed', error.message);
    }
  };
  if (reaches) {
    const way = reaches.path === undefined ? '' : ` by ${reaches.path.join(' → ')}`;
    check(`${reaches.from} reaches ${reaches.to}${way}`, () => assert.reaches(reaches.from, reaches.to, reaches.path));
  }
  if (doesNotReach) {
    const { from, to } = doesNotReach;
    check(`${from} does not reach ${to}`, () => assert.doesNotReach(from, to));
  }
  if (best) {
    const { router, prefix, is } = best;
    check(`${router}: best path of ${prefix}`, () => assert.best(router, prefix, is as Partial<PathView> | null));
  }
  if (routes) check(`${routes.router}: prefixes`, () => assert.routes(routes.router, routes.are));
  if (fib) check(`${fib.router}: kernel routes`, () => assert.fib(fib.router, fib.is));
  if (session) {
    const [a, b] = session.between;
    const up = session.up ?? true;
    check(`session ${a}–${b} is ${up ? 'up' : 'down'}`, () => assert.session(a, b, up));
  }
}

/** Do what a step says. */
async function act(net: Network, step: Step): Promise<void> {
  const { announce, withdraw, setLink, configure, peer } = step;
  if (announce) net.announce(announce.router, announce.prefix, (announce.options ?? {}) as OriginateOptions);
  if (withdraw) net.withdraw(withdraw.router, withdraw.prefix);
  if (step.cut) net.cut(...step.cut);
  if (step.silence) net.cut(...step.silence, { silent: true });
  if (step.restore) net.restore(...step.restore);
  if (step.breakConnections) net.breakConnections(...step.breakConnections);
  if (step.isolate) net.isolate(step.isolate);
  if (step.rejoin) net.rejoin(step.rejoin);
  if (step.crash) net.crash(step.crash);
  if (step.kill) net.kill(step.kill);
  if (step.stop) await net.stop(...step.stop);
  if (step.start) await net.start(...step.start);
  if (step.reset) net.routerOf(step.reset[0]).speaker.resetNeighbor(net.neighborAddress(...step.reset));
  if (peer) net.peer(...peer.between, peer.first ?? {}, peer.second ?? {});
  if (step.unpeer) net.unpeer(...step.unpeer);
  if (setLink) {
    const { link, ...options } = setLink;
    net.setLink(dashed(link), options as Parameters<Network['setLink']>[1]);
  }
  if (configure) {
    await net.configure(configure.router, (config) => ({ ...config, ...(configure.config as Partial<SpeakerConfig>) }));
  }
}

/** What happened, as it happens. */
class Notes {
  readonly #timeline: TimelineEntry[] = [];
  readonly #routes: Record<string, (readonly [number, number])[]> = {};
  readonly #sessions = new Map<
    string,
    { between: [string, string]; up: [number, number][]; since: number | undefined; ends: Set<string> }
  >();
  readonly #watched = new Set<object>();

  constructor(private readonly net: Network) {
    net.onEvent((event) => {
      if (event.kind === 'action') return this.add('action', event.text);
      const { router, peer = event.neighbor, to, from, reason } = event;
      if (to !== 'Established' && from !== 'Established') return;
      const up = to === 'Established';
      this.add('session', `${router}: session with ${peer} is ${up ? 'up' : `down: ${reason}`}`);
      this.#session(router, peer, up);
    });
  }

  /** A session counts as up while both ends say so. */
  #session(router: string, peer: string, up: boolean): void {
    const [a, b] = router < peer ? [router, peer] : [peer, router];
    const key = `${a} ${b}`;
    const known = this.#sessions.get(key) ?? { between: [a, b], up: [], since: undefined, ends: new Set<string>() };
    this.#sessions.set(key, known);
    if (up) known.ends.add(router);
    else known.ends.delete(router);
    if (known.ends.size === 2) known.since ??= this.net.now;
    else if (known.since !== undefined) {
      known.up.push([known.since, this.net.now]);
      known.since = undefined;
    }
  }

  /** Routers that died without a word have no sessions. */
  #bury(): void {
    for (const { ends, between } of this.#sessions.values()) {
      for (const name of [...ends]) {
        if (this.net.routers.get(name)?.isRunning !== true) {
          this.#session(name, between[0] === name ? between[1] : between[0], false);
        }
      }
    }
  }

  add(kind: TimelineEntry['kind'], text: string): void {
    this.#timeline.push({ at: this.net.now, kind, text });
  }

  /** Count the routes of all speakers that run, also of those that began since. */
  watchAll(): void {
    this.#bury();
    for (const router of this.net.routers.values()) {
      const samples = (this.#routes[router.name] ??= []);
      if (!router.isRunning) {
        if (samples.at(-1)?.[1] !== 0) samples.push([this.net.now, 0]);
        continue;
      }
      const { speaker } = router;
      if (this.#watched.has(speaker)) continue;
      this.#watched.add(speaker);
      const prefixes = new Set(this.net.routes(router.name).keys());
      samples.push([this.net.now, prefixes.size]);
      speaker.on('bestPathChange', ({ prefix, best }) => {
        const before = prefixes.size;
        if (best === null) prefixes.delete(prefix);
        else prefixes.add(prefix);
        if (prefixes.size !== before && router.isRunning) samples.push([this.net.now, prefixes.size]);
      });
    }
  }

  report(
    scenario: Scenario,
    outcome: { held: number; failed: readonly string[]; violations: readonly string[] },
  ): Report {
    const { net } = this;
    const { held, failed, violations } = outcome;
    return {
      title: scenario.title ?? 'simulation',
      seed: net.seed,
      ok: failed.length === 0,
      duration: net.now,
      timeline: this.#timeline,
      expectations: { held, failed },
      violations,
      routes: this.#routes,
      sessions: [...this.#sessions.values()].map(({ between, up, since }) => ({
        between,
        up: since === undefined ? up : [...up, [since, net.now] as const],
      })),
      topology: {
        routers: [...net.routers.values()].map(({ name, asn }) => ({ name, asn })),
        links: [...net.segments.values()].map(({ name, ports }) => ({
          name,
          hosts: ports.map(({ host }) => host.name),
        })),
      },
      digest: net.digest(),
    };
  }
}
