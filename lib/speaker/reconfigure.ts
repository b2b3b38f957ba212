import { effectOn, type ConfigDiff } from './config-diff.js';
import type { Neighbor } from './neighbor.js';
import type { NeighborOptions, NetworkOptions } from './options.js';
import type { ReconfigureResult } from './speaker-api.js';

/** Cease subcodes (RFC 4486). */
export const CEASE = { shutdown: 2, deconfigured: 3, reset: 4, configurationChange: 6 } as const;

/** What {@link applyDiff} needs of a speaker. */
export interface ReconfigureHost {
  neighbors(): Neighbor[];
  find(address: string): Neighbor;
  create(options: NeighborOptions): void;
  /** End the session with this Cease subcode and forget the neighbor. */
  retire(neighbor: Neighbor, subcode: number): void;
  announce(network: NetworkOptions): void;
  withdraw(prefix: string): void;
}

/** Bring a running speaker from one configuration to another; what the difference does not name is not touched. */
export function applyDiff(diff: ConfigDiff, host: ReconfigureHost): ReconfigureResult {
  for (const address of diff.neighborsRemoved) host.retire(host.find(address), CEASE.deconfigured);
  for (const options of diff.neighborsAdded) host.create(options);
  const changed: string[] = [];
  const reset: string[] = [];
  for (const { options, settings, effect } of diff.neighborsChanged) {
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
  const dynamic = applyDynamic(diff, host);
  for (const prefix of diff.networksRemoved) host.withdraw(prefix);
  const networks = [...diff.networksAdded, ...diff.networksChanged];
  for (const network of networks) host.announce(network);
  return {
    added: diff.neighborsAdded.map(({ address }) => address),
    removed: diff.neighborsRemoved,
    changed: [...changed, ...dynamic.changed],
    reset: [...reset, ...dynamic.reset],
    networksAdded: networks.map(({ prefix }) => prefix),
    networksRemoved: diff.networksRemoved,
    needsRestart: diff.needsRestart,
  };
}

/** Neighbors accepted by prefix: those of a removed or changed entry. They come back by themselves. */
function applyDynamic(diff: ConfigDiff, host: ReconfigureHost): { changed: string[]; reset: string[] } {
  const changed: string[] = [];
  const reset: string[] = [];
  for (const neighbor of host.neighbors()) {
    const range = neighbor.dynamic;
    if (range === null) continue;
    const change = diff.dynamicChanged.find(({ options }) => options.prefix === range);
    if (change && effectOn(neighbor, change.effect) === 'inPlace') {
      neighbor.applyInPlace(change.settings, change.options.peerGroup);
      changed.push(neighbor.address);
    } else if (change || diff.dynamicRemoved.includes(range)) {
      host.retire(neighbor, change ? CEASE.configurationChange : CEASE.deconfigured);
      reset.push(neighbor.address);
    }
  }
  return { changed, reset };
}
