import { formatPrefix, parsePrefix, UsageError } from '../../net/index.js';
import { RIB_FAMILIES } from '../../bgp/wire/families.js';
import { networksOf } from '../../speaker/config-diff.js';
import type { NetworkOptions, SpeakerConfig } from '../../speaker/options.js';
import type { Speaker } from '../../speaker/speaker.js';
import { PacketMeter, type LostPackets, type PacketNetwork } from './plan-packets.js';
import { planSteps, type NetworkConfig, type PlanAction, type PlanOrder, type PlanStep } from './plan-steps.js';
import type { Router } from './router.js';
import type { Allowed } from './settling.js';

export interface PlanOptions {
  /** Default `makeBeforeBreak`. */
  readonly order?: PlanOrder;
  /** Between one router and the next within a step, in virtual seconds: nobody changes a network in one moment. Default 1. */
  readonly stagger?: number;
  /** Also follow packets from every host to every prefix, whenever a kernel route of it changes; default true. */
  readonly packets?: boolean;
  /** How long to wait for the network after each step at most, in virtual seconds; default 1200. */
  readonly timeout?: number;
}

/** A route that a speaker had when a step began, and had not for a while. */
export interface LostRoute {
  readonly router: string;
  readonly prefix: string;
  /** Virtual seconds since the step began. */
  readonly from: number;
  /** Virtual seconds; null: it was not back when the network had settled. */
  readonly seconds: number | null;
}

export interface StepReport extends PlanStep {
  /** When it began, virtual seconds. */
  readonly at: number;
  /** How long until the network had settled, virtual seconds. */
  readonly seconds: number;
  /** By router and prefix, as it came. A route that the new configuration means to have no more is none of them. */
  readonly lost: readonly LostRoute[];
  /** The same of packets, by host and prefix; null: they were not followed. */
  readonly lostPackets: readonly LostPackets[] | null;
}

/** What a migration costs. */
export interface PlanReport {
  readonly order: PlanOrder;
  readonly steps: readonly StepReport[];
  /** No route was lost by anybody, and no packet either, if they were followed. */
  readonly lossless: boolean;
  /** All of it for people. */
  readonly text: string;
}

/** What a plan needs of a network. */
export interface PlannedNetwork extends PacketNetwork {
  routerOf(name: string): Router;
  ownerOf(address: string): Router | undefined;
  start(...names: string[]): Promise<void>;
  stop(...names: string[]): Promise<void>;
  configure(name: string, change: (config: SpeakerConfig) => SpeakerConfig): Promise<unknown>;
  run(seconds: number): Promise<void>;
  converged(options: { readonly timeout?: number; readonly allow?: Allowed }): Promise<number>;
}

/**
 * Bring a network from one configuration to another, in steps, and watch what is lost on the way.
 * @param before of all routers that run; a network that does not run yet is started with it
 * @throws ConfigError when a configuration is wrong; UsageError `unknown_router`; SimulationError when it does not settle
 */
export async function runPlan(
  net: PlannedNetwork,
  before: NetworkConfig,
  after: NetworkConfig,
  options: PlanOptions = {},
): Promise<PlanReport> {
  const { order = 'makeBeforeBreak', stagger = 1, timeout = 1200, packets = true } = options;
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) net.routerOf(name);
  const steps = planSteps(before, after, (address) => net.ownerOf(address)?.name, order);
  for (const [name, config] of Object.entries(before)) {
    const router = net.routerOf(name);
    if (router.isRunning)
      throw new UsageError('already_started', `${name} runs already: a plan begins with a new network`);
    give(router, config);
    await net.start(name);
  }
  // What has no other end yet does not come up before that is made.
  const settle = { timeout, allow: { sessionsDown: true } };
  await net.converged({ timeout });
  const arriving = packets ? wanted(after, ({ blackhole = false }) => !blackhole) : undefined;
  const meter = new LossMeter(net, wanted(after), arriving);
  const reports: StepReport[] = [];
  for (const step of steps) {
    const at = net.now;
    meter.begin();
    for (const [index, action] of step.actions.entries()) {
      if (index > 0) await net.run(stagger);
      await act(net, action, meter);
    }
    await net.converged(settle);
    reports.push({ ...step, at, seconds: net.now - at, ...meter.end() });
  }
  meter.close();
  const lossless = reports.every(({ lost, lostPackets }) => lost.length === 0 && (lostPackets ?? []).length === 0);
  return { order, steps: reports, lossless, text: planText(reports) };
}

function give(router: Router, config: SpeakerConfig): void {
  router.config = config;
  for (const { prefix, blackhole = false } of networksOf(config)) if (!blackhole) router.attach(prefix);
}

async function act(net: PlannedNetwork, action: PlanAction, meter: LossMeter): Promise<void> {
  const { router: name, config } = action;
  switch (action.do) {
    case 'configure':
      give(net.routerOf(name), config);
      await net.configure(name, () => config);
      return;
    case 'stop':
      meter.leave(name, 'for good');
      return net.stop(name);
    case 'restart':
      meter.leave(name);
      await net.stop(name);
      return begin(net, action, meter);
    case 'start':
      return begin(net, action, meter);
  }
}

async function begin(net: PlannedNetwork, { router: name, config }: PlanAction, meter: LossMeter): Promise<void> {
  give(net.routerOf(name), config);
  await net.start(name);
  meter.follow(name);
}

/** All prefixes that somebody is to originate in the end. */
function wanted(after: NetworkConfig, which: (network: NetworkOptions) => boolean = () => true): ReadonlySet<string> {
  const networks = Object.values(after).flatMap((config) => networksOf(config).filter(which));
  const prefixes = networks.map(({ prefix }) => prefix);
  return new Set(prefixes.map((prefix) => formatPrefix(parsePrefix(prefix))));
}

/** Notes, to the millisecond, which best paths are missing where. */
class LossMeter {
  readonly #unfollow = new Map<string, () => void>();
  /** What each router has. */
  readonly #held = new Map<string, Set<string>>();
  /** Since when each router misses what; virtual seconds. */
  readonly #missing = new Map<string, Map<string, number>>();
  #lost: LostRoute[] = [];
  #began = 0;

  readonly #packets: PacketMeter | undefined;

  constructor(
    private readonly net: PlannedNetwork,
    private readonly wanted: ReadonlySet<string>,
    /** To which packets are followed; undefined: none are. */
    arriving: ReadonlySet<string> | undefined,
  ) {
    if (arriving !== undefined) this.#packets = new PacketMeter(net, arriving);
    for (const [name, router] of net.routers) if (router.isRunning) this.follow(name);
  }

  follow(name: string): void {
    const { speaker } = this.net.routerOf(name);
    const held = new Set(prefixesOf(speaker));
    const missing = new Map<string, number>();
    this.#held.set(name, held);
    this.#missing.set(name, missing);
    const onChange = ({ prefix, best }: { readonly prefix: string; readonly best: unknown }): void => {
      this.#packets?.touch(prefix);
      if (best === null) {
        if (held.delete(prefix) && this.wanted.has(prefix)) missing.set(prefix, this.net.now);
        return;
      }
      held.add(prefix);
      const since = missing.get(prefix);
      if (since === undefined) return;
      missing.delete(prefix);
      this.#note(name, prefix, since, this.net.now - since);
    };
    speaker.on('bestPathChange', onChange);
    this.#unfollow.set(name, () => speaker.off('bestPathChange', onChange));
  }

  /** A router is stopped on purpose: what it does not know any more is not lost. */
  leave(name: string, forGood?: 'for good'): void {
    if (forGood !== undefined) this.#packets?.leave(name);
    this.#unfollow.get(name)?.();
    this.#unfollow.delete(name);
    this.#missing.delete(name);
  }

  begin(): void {
    this.#packets?.begin();
    this.#lost = [];
    this.#began = this.net.now;
    for (const missing of this.#missing.values()) missing.clear();
  }

  end(): Pick<StepReport, 'lost' | 'lostPackets'> {
    for (const [name, missing] of this.#missing) {
      for (const [prefix, since] of missing) this.#note(name, prefix, since, null);
    }
    return { lost: this.#lost, lostPackets: this.#packets?.end() ?? null };
  }

  #note(router: string, prefix: string, since: number, seconds: number | null): void {
    this.#lost.push({
      router,
      prefix,
      from: round(since - this.#began),
      seconds: seconds === null ? null : round(seconds),
    });
  }

  close(): void {
    this.#packets?.close();
    for (const name of [...this.#unfollow.keys()]) this.leave(name);
  }
}

function* prefixesOf(speaker: Speaker): Iterable<string> {
  for (const family of RIB_FAMILIES) for (const { prefix } of speaker.routes(family)) yield prefix;
}

const round = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

function howLong(seconds: number | null): string {
  return seconds === null ? 'and not back' : `for ${seconds.toFixed(3)} s`;
}

/** At most so many lost routes of a step are named. */
const NAMED = 10;

function planText(steps: readonly StepReport[]): string {
  if (steps.length === 0) return 'Nothing is to be done.\n';
  const lines: string[] = [];
  for (const [index, { title, actions, seconds, lost, lostPackets }] of steps.entries()) {
    lines.push(`${index + 1}. ${title} (${seconds.toFixed(3)} s)`);
    for (const { router, changes } of actions) lines.push(`   ${router}: ${changes.join('; ')}`);
    if (lost.length === 0) lines.push('   no route is lost');
    else lines.push(`   ${lost.length} ${lost.length === 1 ? 'route is' : 'routes are'} lost:`);
    for (const { router, prefix, from, seconds: length } of lost.slice(0, NAMED)) {
      lines.push(`   - ${router}: ${prefix}, after ${from.toFixed(3)} s, ${howLong(length)}`);
    }
    if (lost.length > NAMED) lines.push(`   - and ${lost.length - NAMED} more`);
    if (lostPackets === null) continue;
    if (lostPackets.length === 0) lines.push('   no packet is lost');
    else lines.push(`   packets are lost on ${lostPackets.length} ${lostPackets.length === 1 ? 'way' : 'ways'}:`);
    for (const { from, prefix, after, seconds: length, reason } of lostPackets.slice(0, NAMED)) {
      lines.push(`   - ${from} to ${prefix}, after ${after.toFixed(3)} s, ${howLong(length)}: ${reason}`);
    }
    if (lostPackets.length > NAMED) lines.push(`   - and ${lostPackets.length - NAMED} more`);
  }
  const all = steps.flatMap(({ lost }) => lost);
  const packets = steps.flatMap(({ lostPackets }) => lostPackets ?? []);
  const gone = all.filter(({ seconds }) => seconds === null).length;
  const longest = Math.max(0, ...all.map(({ seconds }) => seconds ?? 0));
  lines.push(
    all.length === 0
      ? 'No route is lost on the way.'
      : `${all.length} times a route is lost, ${gone} of them for good; the longest comes back after ${longest.toFixed(3)} s.`,
  );
  if (steps.some(({ lostPackets }) => lostPackets !== null)) {
    const most = Math.max(0, ...packets.map(({ seconds }) => seconds ?? 0));
    lines.push(
      packets.length === 0
        ? 'No packet is lost on the way.'
        : `${packets.length} times packets of a host to a prefix are lost; the longest time that ends takes ${most.toFixed(3)} s.`,
    );
  }
  return `${lines.join('\n')}\n`;
}
