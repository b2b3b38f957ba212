import { Secret } from '../net/index.js';
import { effectOf, effectOn, type ChangeEffect, type ConfigDiff, type PeerChange } from './config-diff.js';
import type { PeerSettings, SpeakerConfig } from './options.js';
import type { EffectivePeerSettings } from './settings.js';

/** One setting that is other than before. */
export interface SettingChange {
  readonly setting: keyof PeerSettings;
  /** Values that hold, defaults included; both null for a secret. */
  readonly from: unknown;
  readonly to: unknown;
  readonly effect: ChangeEffect;
}

/** A neighbor, or a range of neighbors, whose settings are other than before. */
export interface PeerPlan {
  /** Address, or prefix of a range. */
  readonly neighbor: string;
  /** The strongest effect of its changes. */
  readonly effect: ChangeEffect;
  /** Empty: only the name of a group, or the limit of a range, changes. */
  readonly settings: readonly SettingChange[];
}

interface Difference<T> {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly T[];
}

/** What `reconfigure` would do with a configuration now. Plain values; secrets are never among them. */
export interface ReloadPlan {
  readonly neighbors: Difference<PeerPlan>;
  /** By prefix. */
  readonly dynamicNeighbors: Difference<PeerPlan>;
  /** By prefix. */
  readonly networks: Difference<string>;
  /** Top-level keys that change at once. */
  readonly sections: readonly string[];
  /** Top-level keys that only a restart changes: they are left as they are. */
  readonly needsRestart: readonly string[];
  /** Neighbors that are Established and would not stay so. */
  readonly sessionsEnding: readonly string[];
}

/** What a plan needs of a neighbor. */
export interface PlannedNeighbor {
  readonly address: string;
  /** The prefix of the range that it came from. */
  readonly dynamic: string | null;
  readonly settings: EffectivePeerSettings;
  readonly peer: { readonly state: string };
  /** Its routes can be had again without a new session. */
  readonly canRefresh: boolean;
}

/** Whether the value of a key must not be shown: a password, whatever it is for. */
export function isSecretKey(key: string): boolean {
  return /password|secret/i.test(key);
}

/**
 * @param before         what runs
 * @param settingsBefore of a neighbor or range of neighbors, by address or prefix
 */
export function reloadPlan(
  diff: ConfigDiff,
  neighbors: readonly PlannedNeighbor[],
  settingsBefore: (id: string) => EffectivePeerSettings,
): ReloadPlan {
  const peers = <T>(changed: readonly PeerChange<T>[], idOf: (options: T) => string): PeerPlan[] =>
    changed.map((change) => {
      const id = idOf(change.options);
      const neighbor = neighbors.find(({ address }) => address === id);
      const isReset = neighbor !== undefined && effectOn(neighbor, change.effect) === 'reset';
      const effect = isReset ? 'reset' : change.effect;
      return { neighbor: id, effect, settings: settingChanges(settingsBefore(id), change) };
    });
  const changed = peers(diff.neighborsChanged, ({ address }) => address);
  const ranges = peers(diff.dynamicChanged, ({ prefix }) => prefix);
  const removed = new Set([...diff.neighborsRemoved, ...diff.dynamicRemoved]);
  const effects = new Map([...changed, ...ranges].map(({ neighbor, effect }) => [neighbor, effect]));
  const ends = (neighbor: PlannedNeighbor): boolean => {
    const id = neighbor.dynamic ?? neighbor.address;
    return removed.has(id) || effectOn(neighbor, effects.get(id) ?? 'inPlace') === 'reset';
  };
  return {
    neighbors: { added: diff.neighborsAdded.map(({ address }) => address), removed: diff.neighborsRemoved, changed },
    dynamicNeighbors: {
      added: diff.dynamicAdded.map(({ prefix }) => prefix),
      removed: diff.dynamicRemoved,
      changed: ranges,
    },
    networks: {
      added: diff.networksAdded.map(({ prefix }) => prefix),
      removed: diff.networksRemoved,
      changed: diff.networksChanged.map(({ prefix }) => prefix),
    },
    sections: diff.sectionsChanged,
    needsRestart: diff.needsRestart,
    sessionsEnding: neighbors
      .filter((neighbor) => neighbor.peer.state === 'Established' && ends(neighbor))
      .map(({ address }) => address),
  };
}

function settingChanges(before: EffectivePeerSettings, { settings, keys }: PeerChange<unknown>): SettingChange[] {
  return keys.map((setting) => {
    const secret = isSecretKey(setting);
    return {
      setting,
      from: secret ? null : before[setting],
      to: secret ? null : settings[setting],
      effect: effectOf(setting, before, settings),
    };
  });
}

/** Whether a configuration holds a secret anywhere. */
export function holdsSecrets(config: SpeakerConfig): boolean {
  const look = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && (value instanceof Secret || Object.values(value).some(look));
  return look(config);
}

/** A configuration with its passwords in clear, to be sent where only the speaker reads it. */
export function withSecretsInClear(config: SpeakerConfig): unknown {
  const clear = (value: unknown): unknown => {
    if (value instanceof Secret) return new TextDecoder().decode(value.reveal());
    if (Array.isArray(value)) return value.map(clear);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clear(inner)]));
  };
  return clear(config);
}
