import { canonicalScopedAddress } from '../../net/index.js';
import { checkConfig } from '../../speaker/config.js';
import { diffConfig, networksOf } from '../../speaker/config-diff.js';
import type { NeighborOptions, SpeakerConfig } from '../../speaker/options.js';

/** The configuration of every router of a network, by its name. */
export type NetworkConfig = Readonly<Record<string, SpeakerConfig>>;

/** What is done to one router. */
export interface PlanAction {
  readonly router: string;
  /** `restart`: some settings take effect only so. */
  readonly do: 'start' | 'configure' | 'restart' | 'stop';
  /** What it has afterwards; with `stop`: what it had. */
  readonly config: SpeakerConfig;
  /** For people: `neighbor 10.0.0.3 added`. */
  readonly changes: readonly string[];
}

/** Things that may be done together, before the network is waited for. */
export interface PlanStep {
  readonly title: string;
  readonly actions: readonly PlanAction[];
}

/**
 * `makeBeforeBreak`: all that is new first, then what changes, then what is old goes, one router after the other. `atOnce`: every
 * router gets its new configuration, in one step; to compare with.
 */
export type PlanOrder = 'makeBeforeBreak' | 'atOnce';

type Configs = Record<string, SpeakerConfig>;

/** Top-level keys with named definitions, to which others refer. */
const DEFINITIONS = ['peerGroups', 'policies', 'prefixSets', 'communitySets', 'asPathSets'] as const;

/**
 * The steps from one configuration of a network to another.
 * @param ownerOf the router that has an address
 * @throws ConfigError when a configuration is wrong
 */
export function planSteps(
  before: NetworkConfig,
  after: NetworkConfig,
  ownerOf: (address: string) => string | undefined,
  order: PlanOrder = 'makeBeforeBreak',
): PlanStep[] {
  const planner = new Planner(checked(before), checked(after), ownerOf);
  return order === 'atOnce' ? planner.atOnce() : planner.makeBeforeBreak();
}

function checked(configs: NetworkConfig): Configs {
  return Object.fromEntries(
    Object.entries(configs).map(([name, config]) => {
      try {
        return [name, checkConfig(config)];
      } catch (error) {
        throw Object.assign(error as Error, { message: `${name}: ${(error as Error).message}` });
      }
    }),
  );
}

class Planner {
  /** What every router that runs has, as far as the plan has come. */
  readonly #now: Map<string, SpeakerConfig>;
  readonly #steps: PlanStep[] = [];
  readonly #restarts = new Set<string>();

  constructor(
    before: Configs,
    private readonly after: Configs,
    private readonly ownerOf: (address: string) => string | undefined,
  ) {
    this.#now = new Map(Object.entries(before));
  }

  atOnce(): PlanStep[] {
    const names = new Set([...this.#now.keys(), ...Object.keys(this.after)]);
    this.#step(
      'everything at once',
      [...names].flatMap((name) => this.#become(name, this.after[name])),
    );
    return this.#withRestarts();
  }

  makeBeforeBreak(): PlanStep[] {
    this.#make();
    this.#change();
    this.#break();
    return this.#withRestarts();
  }

  /** New routers, sessions and routes, beside the old ones. */
  #make(): void {
    const starts = Object.keys(this.after).filter((name) => !this.#now.has(name));
    this.#step(
      'start what is new',
      starts.flatMap((name) => this.#become(name, this.after[name])),
    );
    const names = Object.keys(this.after).filter((name) => !starts.includes(name));
    this.#step(
      'make: new sessions and routes beside the old ones',
      names.flatMap((name) => this.#become(name, enlarged(this.#now.get(name)!, this.after[name]!))),
    );
  }

  /** Settings of what stays. Where a session must be reset, one router after the other. */
  #change(): void {
    const calm: PlanAction[] = [];
    const resetting: string[] = [];
    for (const name of Object.keys(this.after)) {
      const changed = enlarged(this.after[name]!, this.#now.get(name)!);
      if (diffConfig(this.#now.get(name)!, changed).neighborsChanged.some(({ effect }) => effect === 'reset')) {
        resetting.push(name);
      } else calm.push(...this.#become(name, changed));
    }
    this.#step('change settings in place', calm);
    for (const name of resetting) {
      this.#step(
        `change settings of ${name}: sessions are reset`,
        this.#become(name, enlarged(this.after[name]!, this.#now.get(name)!)),
      );
    }
  }

  /** Old sessions end at both ends at once, one router after the other; those that most depend on come last. */
  #break(): void {
    const names = [...this.#now.keys()].sort((a, b) => this.#weight(a) - this.#weight(b));
    for (const name of names) {
      const gone = this.after[name] === undefined;
      const actions = this.#become(name, this.after[name]);
      for (const other of names) {
        if (other === name || !this.#now.has(other)) continue;
        actions.push(...this.#become(other, this.#without(other, name)));
      }
      this.#step(gone ? `stop ${name}` : `break: old sessions and routes of ${name} go`, actions);
    }
  }

  /** The configuration of `other` without what it has with `name` and will not have. */
  #without(other: string, name: string): SpeakerConfig {
    const config = this.#now.get(other)!;
    const kept = new Set((this.after[other]?.neighbors ?? []).map(addressOf));
    const neighbors = (config.neighbors ?? []).filter(
      (neighbor) => kept.has(addressOf(neighbor)) || this.ownerOf(addressOf(neighbor)) !== name,
    );
    return neighbors.length === (config.neighbors ?? []).length ? config : { ...config, neighbors };
  }

  #weight(name: string): number {
    const clients = (this.after[name]?.neighbors ?? []).filter((n) => n.routeReflectorClient === true).length;
    return clients > 0 ? 1 : 0;
  }

  #become(name: string, config: SpeakerConfig | undefined): PlanAction[] {
    const now = this.#now.get(name);
    if (config === undefined) {
      this.#now.delete(name);
      return now === undefined ? [] : [{ router: name, do: 'stop', config: now, changes: ['stopped'] }];
    }
    if (now === undefined) {
      this.#now.set(name, config);
      return [{ router: name, do: 'start', config, changes: ['started'] }];
    }
    const diff = diffConfig(now, checkConfig(config));
    if (diff.needsRestart.length > 0) this.#restarts.add(name);
    const changes = [
      ...diff.neighborsAdded.map(({ address }) => `neighbor ${address} added`),
      ...diff.neighborsRemoved.map((address) => `neighbor ${address} removed`),
      ...diff.neighborsChanged.map(({ options, keys, effect }) => {
        return `neighbor ${options.address}: ${keys.join(', ')}${effect === 'reset' ? ' (reset)' : ''}`;
      }),
      ...diff.dynamicAdded.map(({ prefix }) => `dynamic neighbors ${prefix} added`),
      ...diff.dynamicRemoved.map((prefix) => `dynamic neighbors ${prefix} removed`),
      ...diff.dynamicChanged.map(({ options }) => `dynamic neighbors ${options.prefix} changed`),
      ...diff.networksAdded.map(({ prefix }) => `network ${prefix} added`),
      ...diff.networksRemoved.map((prefix) => `network ${prefix} removed`),
      ...diff.networksChanged.map(({ prefix }) => `network ${prefix} changed`),
      ...diff.sectionsChanged.map((section) => `${section} changed`),
    ];
    const definitions = DEFINITIONS.filter((key) => JSON.stringify(now[key]) !== JSON.stringify(config[key]));
    if (changes.length === 0 && definitions.length === 0) return [];
    this.#now.set(name, diff.applied);
    return [{ router: name, do: 'configure', config: diff.applied, changes: [...changes, ...definitions] }];
  }

  #step(title: string, actions: readonly PlanAction[]): void {
    if (actions.length > 0) this.#steps.push({ title, actions });
  }

  /** What takes effect only with a restart, one router after the other. */
  #withRestarts(): PlanStep[] {
    for (const name of this.#restarts) {
      const config = this.after[name];
      if (config === undefined) continue;
      const settings = diffConfig(this.#now.get(name)!, config).needsRestart;
      this.#step(`restart ${name}`, [
        { router: name, do: 'restart', config, changes: settings.map((setting) => `${setting} changed`) },
      ]);
    }
    return this.#steps;
  }
}

const addressOf = ({ address }: NeighborOptions): string => canonicalScopedAddress(address);

/** A configuration with all that only another one has. */
function enlarged(config: SpeakerConfig, by: SpeakerConfig): SpeakerConfig {
  return {
    ...config,
    ...definitions(by, config),
    neighbors: united(config.neighbors, by.neighbors, addressOf),
    dynamicNeighbors: united(config.dynamicNeighbors, by.dynamicNeighbors, ({ prefix }) => prefix),
    networks: united(networksOf(config), networksOf(by), ({ prefix }) => prefix),
  };
}

function united<T>(first: readonly T[] = [], more: readonly T[] = [], idOf: (item: T) => string): T[] {
  const known = new Set(first.map(idOf));
  return [...first, ...more.filter((item) => !known.has(idOf(item)))];
}

/** Named definitions of both; of the same name the one of `winner`. */
function definitions(loser: SpeakerConfig, winner: SpeakerConfig): Partial<SpeakerConfig> {
  const merged: Record<string, unknown> = {};
  for (const key of DEFINITIONS) {
    if (loser[key] !== undefined || winner[key] !== undefined) merged[key] = { ...loser[key], ...winner[key] };
  }
  return merged as Partial<SpeakerConfig>;
}
