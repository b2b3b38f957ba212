import { effectOn, type ConfigDiff, type PeerChange } from './config-diff.js';
import type { Neighbor } from './neighbor.js';
import type { NeighborOptions, NetworkOptions } from './options.js';
import type { ReconfigureResult } from './speaker-api.js';

/** Cease subcodes (RFC 4486). */
export const CEASE = { shutdown: 2, deconfigured: 3, reset: 4, configurationChange: 6 } as const;

/** What {@link stepsOf} needs of a speaker. */
export interface ReconfigureHost {
  neighbors(): Neighbor[];
  find(address: string): Neighbor;
  /** Whether a neighbor is still there. */
  has(neighbor: Neighbor): boolean;
  create(options: NeighborOptions): void;
  /** End the session with this Cease subcode and forget the neighbor. */
  retire(neighbor: Neighbor, subcode: number): void;
  announce(network: NetworkOptions): void;
  withdraw(prefix: string): void;
}

/** Neighbors whose settings became others, and what it took. */
interface Outcome {
  readonly changed: string[];
  readonly reset: string[];
}

/** How a running speaker gets from one configuration to another: what the difference does not name is not touched. */
export interface ReconfigureSteps {
  /** To be done in this order. */
  readonly steps: (() => void)[];
  /** When all are done: what has become of it. */
  result(): ReconfigureResult;
}

/** A step for each neighbor: there may be many, and each may take a while. */
export function stepsOf(diff: ConfigDiff, host: ReconfigureHost): ReconfigureSteps {
  const outcome: Outcome = { changed: [], reset: [] };
  const networks = [...diff.networksAdded, ...diff.networksChanged];
  const steps = [
    ...diff.neighborsRemoved.map((address) => () => host.retire(host.find(address), CEASE.deconfigured)),
    ...diff.neighborsAdded.map((options) => () => host.create(options)),
    ...diff.neighborsChanged.map((change) => () => applyChange(change, host, outcome)),
    ...(diff.dynamicChanged.length + diff.dynamicRemoved.length === 0 ? [] : host.neighbors())
      .filter(({ dynamic }) => dynamic !== null)
      .map((neighbor) => () => applyDynamic(neighbor, diff, host, outcome)),
    () => {
      for (const prefix of diff.networksRemoved) host.withdraw(prefix);
      for (const network of networks) host.announce(network);
    },
  ];
  const result = (): ReconfigureResult => ({
    added: diff.neighborsAdded.map(({ address }) => address),
    removed: diff.neighborsRemoved,
    ...outcome,
    networksAdded: networks.map(({ prefix }) => prefix),
    networksRemoved: diff.networksRemoved,
    needsRestart: diff.needsRestart,
  });
  return { steps, result };
}

function applyChange(
  { options, settings, effect }: PeerChange<NeighborOptions>,
  host: ReconfigureHost,
  { changed, reset }: Outcome,
): void {
  const neighbor = host.find(options.address);
  if (effectOn(neighbor, effect) === 'inPlace') {
    neighbor.applyInPlace(settings, options.peerGroup ?? null);
    changed.push(options.address);
  } else {
    // What switches it off is told as such, which after RFC 8538 means that nothing is to be kept.
    host.retire(neighbor, settings.adminDown ? CEASE.shutdown : CEASE.configurationChange);
    host.create(options);
    reset.push(options.address);
  }
}

/** A neighbor accepted by prefix, if it is one of a removed or changed entry. It comes back by itself. */
function applyDynamic(neighbor: Neighbor, diff: ConfigDiff, host: ReconfigureHost, { changed, reset }: Outcome): void {
  // Gone while others had their turn.
  if (!host.has(neighbor)) return;
  const range = neighbor.dynamic!;
  const change = diff.dynamicChanged.find(({ options }) => options.prefix === range);
  if (change && effectOn(neighbor, change.effect) === 'inPlace') {
    neighbor.applyInPlace(change.settings, change.options.peerGroup);
    changed.push(neighbor.address);
  } else if (change || diff.dynamicRemoved.includes(range)) {
    host.retire(neighbor, change ? CEASE.configurationChange : CEASE.deconfigured);
    reset.push(neighbor.address);
  }
}
