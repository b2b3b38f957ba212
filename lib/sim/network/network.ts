import { formatPrefix, parsePrefix, UsageError } from '../../net/index.js';
import { networksOf } from '../../speaker/config-diff.js';
import type { NeighborOptions, OriginateOptions, SpeakerConfig } from '../../speaker/options.js';
import type { ReconfigureResult } from '../../speaker/speaker-api.js';
import { seededRandom } from '../random.js';
import { SimulationError, type NetworkEvent } from './events.js';
import { hash } from './forwarding.js';
import { NetworkAssertions } from './assertions.js';
import { runPlan, type PlanOptions, type PlanReport } from './plan.js';
import type { NetworkConfig } from './plan-steps.js';
import { Process } from './process.js';
import type { Router } from './router.js';
import { unsettled, type Allowed } from './settling.js';
import { Questions } from './questions.js';
import type { PeerOptions, TopologyOptions } from './topology.js';

export interface ConvergedOptions {
  /** Give up after so many virtual seconds; default 1200. */
  readonly timeout?: number;
  /** Nothing may have happened for so many virtual seconds; default 1. */
  readonly quiet?: number;
  /** What may go on all the same. */
  readonly allow?: Allowed;
}

/**
 * A network in one process: the speakers of production on hosts with kernels that forward, with links that fail, in virtual
 * time. Same program and same seed: the same run, to the octet ({@link digest}).
 */
export class Network extends Questions {
  /** What should be so; each throws {@link SimulationError} with what is so instead. */
  readonly assert: NetworkAssertions = new NetworkAssertions(this);
  readonly #listeners = new Set<(event: NetworkEvent) => void>();
  #advancing = false;

  // --- sessions ---

  /**
   * Make two routers neighbors: `net.peer('rr', 'n1', { routeReflectorClient: true })` makes n1 a client of rr. At run time the
   * session begins at once.
   * @param ofA settings of the neighbor `b` in the configuration of `a`
   * @param ofB settings of the neighbor `a` in the configuration of `b`
   * @param family of the addresses of the session
   */
  peer(a: string, b: string, ofA: PeerOptions = {}, ofB: PeerOptions = {}, family: 4 | 6 = 4): void {
    const [left, right] = [this.routerOf(a), this.routerOf(b)];
    const [addressA, addressB] = this.sessionAddresses(left, right, family);
    this.#addNeighbor(left, this.#neighbor(addressB, addressA, ofB.localAs ?? right.asn, ofA));
    this.#addNeighbor(right, this.#neighbor(addressA, addressB, ofA.localAs ?? left.asn, ofB));
  }

  #neighbor(address: string, localAddress: string, peerAs: number, more: PeerOptions): NeighborOptions {
    // What a group says of the neighbor's AS stands.
    const as = more.peerGroup === undefined ? { peerAs } : {};
    return { address, localAddress, ...as, ...(this.port === 179 ? {} : { port: this.port }), ...more };
  }

  #addNeighbor(router: Router, neighbor: NeighborOptions): void {
    const neighbors = [...(router.config.neighbors ?? []), neighbor];
    if (router.isRunning) router.speaker.addNeighbor(neighbor);
    router.config = { ...router.config, neighbors };
    this.traffic.touch();
  }

  /** End the session of two routers and forget it, at both ends. */
  unpeer(a: string, b: string): void {
    const [left, right] = [this.routerOf(a), this.routerOf(b)];
    for (const [router, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const gone = (router.config.neighbors ?? []).filter(({ address }) => other.addresses.includes(address));
      for (const { address } of gone) if (router.isRunning) router.speaker.removeNeighbor(address);
      const neighbors = (router.config.neighbors ?? []).filter((neighbor) => !gone.includes(neighbor));
      router.config = { ...router.config, neighbors };
    }
    this.acted(`${a} and ${b} are neighbors no more`);
  }

  /**
   * Change a router's configuration, at run time as a reload of the file would.
   * @returns what that did; undefined: it does not run
   * @throws ConfigError (rejects) at run time: nothing is changed then
   */
  async configure(
    name: string,
    change: (config: SpeakerConfig) => SpeakerConfig,
  ): Promise<ReconfigureResult | undefined> {
    const router = this.routerOf(name);
    const before = router.config;
    const config = change(before);
    const was = router.isRunning ? networksOf(router.speaker.config) : [];
    const result = router.isRunning ? await this.#during(router.speaker.reconfigure(config)) : undefined;
    router.config = config;
    if (router.isRunning) {
      // What a reload says of a prefix comes after what was announced or withdrawn before.
      const [old, now] = [was, networksOf(router.speaker.config)].map(
        (list) => new Map(list.map((each) => [formatPrefix(parsePrefix(each.prefix)), JSON.stringify(each)])),
      );
      for (const prefix of new Set([...old!.keys(), ...now!.keys()])) {
        if (old!.get(prefix) !== now!.get(prefix)) router.announced.delete(prefix);
      }
    }
    this.attachNetworks(router, before.networks);
    this.acted(`${name} is configured`);
    return result;
  }

  /** The configuration of every router, by its name: to begin or end a {@link plan} with. */
  configuration(): NetworkConfig {
    return Object.fromEntries([...this.routers].map(([name, { config }]) => [name, config]));
  }

  /**
   * Bring this network from one configuration to another, in steps that make before they break, and watch which routes are
   * lost on the way. It must not run yet; afterwards it has `after`.
   * @throws ConfigError when a configuration is wrong; UsageError `unknown_router`, `already_started`; SimulationError
   */
  plan(before: NetworkConfig, after: NetworkConfig, options: PlanOptions = {}): Promise<PlanReport> {
    return runPlan(this, before, after, options);
  }

  // --- life ---

  /** Start all speakers that were not started yet, at the same moment, or those named. */
  async start(...names: string[]): Promise<void> {
    if (this.igpIsBusy && this.now === 0) this.updateIgp();
    const all =
      names.length > 0 ? names : [...this.routers.values()].filter((r) => r.state === 'new').map((r) => r.name);
    await this.#during(Promise.all(all.map((name) => this.#begin(this.routerOf(name)))));
  }

  #begin(router: Router): Promise<void> {
    const { name } = router;
    if (router.isRunning) throw new UsageError('already_started', `${name} runs already`);
    if (router.state === 'crashed') this.#power(router, true);
    const random = seededRandom(hash(`${this.seed} ${name} ${router.lives++}`));
    const process = new Process(router, router.config, { clock: this.clock, random, fib: router.fib }, (at, from, to) =>
      this.#onSession(router, at, from, to.state, to.reason),
    );
    router.process = process;
    // A process that begins anew has what its configuration says.
    for (const [prefix, options] of router.announced) if (options !== null) router.detach(prefix);
    if (router.announced.size > 0) this.attachNetworks(router);
    router.announced.clear();
    router.state = 'running';
    this.acted(`${name} starts`);
    return process.start();
  }

  #onSession(
    router: Router,
    neighbor: string,
    from: (NetworkEvent & { kind: 'session' })['from'],
    to: typeof from,
    reason: string,
  ): void {
    this.traffic.touch();
    if (this.#listeners.size === 0) return;
    const peer = this.ownerOf(neighbor)?.name;
    this.#tell({ kind: 'session', at: this.now, router: router.name, neighbor, peer, from, to, reason });
  }

  /** Stop speakers as an operator would: Cease, and kernel routes as configured. Without names: all that run. */
  async stop(...names: string[]): Promise<void> {
    const all = names.length > 0 ? names.map((name) => this.routerOf(name)) : [...this.routers.values()];
    const stopping = all
      .filter(({ isRunning }) => isRunning)
      .map((router) => {
        router.state = 'stopped';
        this.acted(`${router.name} stops`);
        return router.speaker.stop();
      });
    await this.#during(Promise.all(stopping));
  }

  /** The speaker's process dies. Its kernel routes stay, and the system closes its connections. */
  kill(name: string): void {
    const router = this.running(name);
    router.process!.kill();
    router.state = 'killed';
    this.acted(`${name} is killed`);
  }

  /** The host loses power: nobody is told, and it forwards nothing. */
  crash(name: string): void {
    const router = this.running(name);
    router.process!.crash();
    router.state = 'crashed';
    this.#power(router, false);
    this.acted(`${name} crashes`);
  }

  #power(router: Router, on: boolean): void {
    router.powered = on;
    if (!on) router.loseKernelRoutes();
    this.refreshCarrier(router);
    this.topologyChanged();
  }

  // --- routes ---

  /** Originate a route; packets to it have arrived when they get there. */
  announce(name: string, prefix: string, options: OriginateOptions = {}): void {
    const router = this.running(name);
    if (options.blackhole !== true) router.attach(prefix);
    router.speaker.announce(prefix, options);
    router.announced.set(formatPrefix(parsePrefix(prefix)), options);
    this.acted(`${name} announces ${prefix}`);
  }

  withdraw(name: string, prefix: string): void {
    const router = this.running(name);
    router.detach(prefix);
    router.speaker.withdraw(prefix);
    router.announced.set(formatPrefix(parsePrefix(prefix)), null);
    this.acted(`${name} withdraws ${prefix}`);
  }

  // --- time ---

  /** Virtual seconds since the network was made. */
  get now(): number {
    return this.clock.now() / 1000;
  }

  /** Let so many virtual seconds pass. */
  async run(seconds: number): Promise<void> {
    await this.#advance(this.clock.now() + seconds * 1000, () => false);
  }

  /** Let time pass until `seconds` after the network was made. @throws UsageError `past` */
  async at(seconds: number): Promise<void> {
    if (seconds * 1000 < this.clock.now()) throw new UsageError('past', `it is ${this.now} s already`);
    await this.run(seconds - this.now);
  }

  /** Have something done at a time to come, in virtual seconds since the network was made. */
  schedule(seconds: number, action: () => unknown): void {
    this.clock.after(seconds * 1000 - this.clock.now(), () => {
      this.traffic.touch();
      void action();
    });
  }

  /**
   * Let time pass until something is so.
   * @param timeout virtual seconds; default 600
   * @returns how long it took
   * @throws SimulationError when it is not so by then
   */
  async until(condition: () => boolean, timeout = 600): Promise<number> {
    const start = this.now;
    if (!(await this.#advance(this.clock.now() + timeout * 1000, condition))) {
      throw this.error(`what was waited for is not so after ${timeout} s: ${condition.toString()}`);
    }
    return this.now - start;
  }

  /**
   * Let time pass until the network has settled: nothing is under way, all tables are decided, told and written, all
   * sessions are up that can be, none counts as up whose other end is gone, no route is stale, and nothing has happened
   * for a while.
   * @returns virtual seconds from now to the last thing that happened
   * @throws SimulationError when it does not settle in time, saying what is going on
   */
  async converged(options: ConvergedOptions = {}): Promise<number> {
    const { timeout = 1200, quiet = 1, allow = {} } = options;
    const start = this.clock.now();
    const limit = start + timeout * 1000;
    for (let pause = quiet * 1000; ;) {
      const now = this.clock.now();
      const quietAt = this.traffic.lastActivity + quiet * 1000;
      let next = quietAt;
      if (this.traffic.busy > 0) next = now + quiet * 1000;
      else if (now >= quietAt) {
        const reasons = await unsettled(this, allow);
        if (reasons.length === 0) return Math.max(0, this.traffic.lastActivity - start) / 1000;
        // It waits for a timer: look less and less often.
        next = now + pause;
        pause = Math.min(pause * 1.5, 10_000);
      }
      if (now >= limit) {
        const reasons = await unsettled(this, allow);
        const shown = reasons.slice(0, 10).concat(reasons.length > 10 ? [`and ${reasons.length - 10} more`] : []);
        throw this.error(`not converged after ${timeout} s:\n  ${shown.join('\n  ') || 'it never came to rest'}\n `);
      }
      await this.#advance(Math.min(next, limit), () => false);
    }
  }

  /** Run what is due, moment by moment, with promises going on after each. @returns whether the condition holds */
  async #advance(untilMs: number, condition: () => boolean): Promise<boolean> {
    if (this.#advancing) throw new UsageError('busy', 'time passes already: await what was asked for before');
    this.#advancing = true;
    try {
      return await this.clock.runMoments(untilMs, condition);
    } finally {
      this.#advancing = false;
    }
  }

  async #during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => (settled = true));
    done.catch(() => undefined);
    if (!(await this.#advance(this.clock.now() + 60_000, () => settled))) throw this.error('no end of it after 60 s');
    return done;
  }

  // --- watching ---

  /** Hear of sessions, and of what is done to the network, as it happens. @returns a function that ends it */
  onEvent(listener: (event: NetworkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected override acted(text: string): void {
    super.acted(text);
    this.#tell({ kind: 'action', at: this.now, text });
  }

  #tell(event: NetworkEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** SHA-256 of all octets sent so far, by whom, to whom and when: equal for equal runs. */
  digest(): string {
    return this.traffic.digest();
  }

  /** An error that says with which seed it can be seen again, and when it happened. */
  error(message: string, cause?: unknown): SimulationError {
    return new SimulationError(message, this.seed, this.now, cause === undefined ? undefined : { cause });
  }
}

/**
 * Make a network and do something with it. Whatever fails, the error says with which seed.
 * @throws SimulationError with the seed, and what was thrown as `cause`
 */
export async function simulate<T>(options: TopologyOptions, scenario: (net: Network) => Promise<T>): Promise<T> {
  const net = new Network(options);
  try {
    return await scenario(net);
  } catch (error) {
    if (error instanceof SimulationError) throw error;
    throw net.error(error instanceof Error ? error.message : String(error), error);
  }
}
