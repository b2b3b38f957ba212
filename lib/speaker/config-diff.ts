import { Secret } from '../net/index.js';
import { ConfigError } from './config-errors.js';
import { checkConfig } from './config.js';
import { PolicyComparison } from './neighbor-policy.js';
import type {
  DynamicNeighborOptions,
  NeighborOptions,
  NetworkOptions,
  PeerSettings,
  SpeakerConfig,
} from './options.js';
import { effectiveSettings, type EffectivePeerSettings } from './settings.js';

/**
 * What a changed setting of a neighbor costs. `inPlace`: nothing, or it counts from the next attempt to connect. `refresh`: the
 * neighbor has to tell its routes again (RFC 2918), without a new session; one that cannot is reset.
 * `reset`: it is part of the OPEN, of the connection or of what the neighbor was told, so the session is made anew.
 */
export type ChangeEffect = 'inPlace' | 'refresh' | 'reset';

/** A new setting does not compile until its effect stands here. */
export const SETTING_EFFECT: Readonly<Record<keyof PeerSettings, ChangeEffect>> = Object.freeze({
  peerAs: 'reset',
  localAs: 'reset',
  localAsNoPrepend: 'refresh',
  localAsReplaceAs: 'reset',
  allowOwnAs: 'refresh',
  removePrivateAs: 'inPlace',
  asOverride: 'inPlace',
  enforceFirstAs: 'refresh',
  role: 'reset',
  roleStrict: 'reset',
  routeServerClient: 'reset',
  description: 'inPlace',
  routeReflectorClient: 'inPlace',
  clusterId: 'inPlace',
  families: 'reset',
  holdTime: 'reset',
  keepaliveInterval: 'reset',
  connectRetry: 'inPlace',
  connectRetryMax: 'inPlace',
  sendHoldTime: 'reset',
  passive: 'inPlace',
  localAddress: 'reset',
  localPort: 'reset',
  port: 'reset',
  extendedMessages: 'reset',
  extendedNextHop: 'reset',
  mitigatePathHiding: 'inPlace',
  addPath: 'reset',
  nextHopSelf: 'inPlace',
  minimumAdvertisementInterval: 'inPlace',
  prefixLimit: 'inPlace',
  password: 'reset',
  passwordFile: 'reset',
  ttlSecurity: 'reset',
  multihop: 'reset',
  connectedCheck: 'inPlace',
  dscp: 'reset',
  gracefulRestart: 'reset',
  longLivedGracefulRestart: 'reset',
  importPolicy: 'inPlace',
  exportPolicy: 'inPlace',
  defaultImportPolicy: 'inPlace',
  defaultExportPolicy: 'inPlace',
  adminDown: 'reset',
});

/** How a change of a top-level key takes effect: entry by entry, as a whole, or only after a restart of the process. */
export const SECTION_EFFECT: Readonly<Record<keyof SpeakerConfig, 'entries' | 'inPlace' | 'restart'>> = Object.freeze({
  asn: 'restart',
  routerId: 'restart',
  clusterId: 'restart',
  confederation: 'restart',
  listen: 'restart',
  connectionRateLimit: 'inPlace',
  peerGroups: 'entries',
  neighbors: 'entries',
  dynamicNeighbors: 'entries',
  networks: 'entries',
  learn: 'inPlace',
  aggregates: 'inPlace',
  clientToClientReflection: 'restart',
  alwaysCompareMed: 'restart',
  multipath: 'inPlace',
  gracefulRestart: 'restart',
  ebgpRequiresPolicy: 'entries',
  policies: 'entries',
  prefixSets: 'entries',
  communitySets: 'entries',
  asPathSets: 'entries',
  fib: 'restart',
  api: 'restart',
});

/** What files and functions say is not in a configuration. */
export type PasswordChanged = (before: EffectivePeerSettings, after: EffectivePeerSettings) => boolean;

/** A neighbor, or the entry of a range of neighbors, whose settings are other than before. */
export interface PeerChange<T> {
  readonly options: T;
  readonly settings: EffectivePeerSettings;
  /** Which effective settings differ. */
  readonly keys: readonly (keyof PeerSettings)[];
  /** The strongest effect of them. */
  readonly effect: ChangeEffect;
}

export interface ConfigDiff {
  /** The configuration that can hold without a restart: `after`, with `before`'s values of all that needs one. */
  readonly applied: SpeakerConfig;
  readonly neighborsAdded: readonly NeighborOptions[];
  /** Addresses. */
  readonly neighborsRemoved: readonly string[];
  readonly neighborsChanged: readonly PeerChange<NeighborOptions>[];
  readonly dynamicAdded: readonly DynamicNeighborOptions[];
  /** Prefixes. */
  readonly dynamicRemoved: readonly string[];
  readonly dynamicChanged: readonly PeerChange<DynamicNeighborOptions>[];
  readonly networksAdded: readonly NetworkOptions[];
  /** Prefixes. */
  readonly networksRemoved: readonly string[];
  readonly networksChanged: readonly NetworkOptions[];
  /** Top-level keys that differ and take effect at once. */
  readonly sectionsChanged: readonly (keyof SpeakerConfig)[];
  /** Top-level keys that differ and are left as they were. */
  readonly needsRestart: readonly (keyof SpeakerConfig)[];
}

/**
 * What must be done to get from one configuration to another.
 * @param before checked, and running
 * @param after  checked
 * @param passwordChanged whether the password is another one although the settings say the same; default: it is not
 * @throws ConfigError when the new configuration is possible only together with a change that needs a restart
 */
export function diffConfig(
  before: SpeakerConfig,
  after: SpeakerConfig,
  passwordChanged: PasswordChanged = () => false,
): ConfigDiff {
  const differing = (effect: 'inPlace' | 'restart'): (keyof SpeakerConfig)[] =>
    keysOf(SECTION_EFFECT).filter((key) => SECTION_EFFECT[key] === effect && !isSame(before[key], after[key]));
  const needsRestart = differing('restart');
  const applied = needsRestart.length === 0 ? after : withSections(after, before, needsRestart);
  const neighbors = diffPeers(
    [before, before.neighbors ?? []],
    [applied, applied.neighbors ?? []],
    ({ address }) => address,
    passwordChanged,
  );
  const dynamic = diffPeers(
    [before, before.dynamicNeighbors ?? []],
    [applied, applied.dynamicNeighbors ?? []],
    ({ prefix }) => prefix,
    passwordChanged,
  );
  const networks = diffNetworks(networksOf(before), networksOf(applied));
  return {
    applied,
    neighborsAdded: neighbors.added,
    neighborsRemoved: neighbors.removed,
    neighborsChanged: neighbors.changed,
    dynamicAdded: dynamic.added,
    dynamicRemoved: dynamic.removed,
    dynamicChanged: dynamic.changed,
    ...networks,
    sectionsChanged: withLearnPolicies(differing('inPlace'), before, applied),
    needsRestart,
  };
}

/** A policy can change without its name. */
function withLearnPolicies(
  keys: readonly (keyof SpeakerConfig)[],
  before: SpeakerConfig,
  after: SpeakerConfig,
): readonly (keyof SpeakerConfig)[] {
  const policies = new PolicyComparison(before, after);
  const isOther = !keys.includes('learn') && policies.isLearntOtherwise(before.learn ?? [], after.learn ?? []);
  return isOther ? [...keys, 'learn'] : keys;
}

/** The networks of a configuration, each in the long form. */
export function networksOf(config: SpeakerConfig): NetworkOptions[] {
  return (config.networks ?? []).map((network) => (typeof network === 'string' ? { prefix: network } : network));
}

function withSections(
  after: SpeakerConfig,
  before: SpeakerConfig,
  keys: readonly (keyof SpeakerConfig)[],
): SpeakerConfig {
  const mixed: Record<string, unknown> = { ...after };
  for (const key of keys) mixed[key] = before[key];
  try {
    return checkConfig(mixed);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const why = `; it is possible only after a restart, with the new ${keys.join(', ')}`;
    throw new ConfigError(error.errors.map((item) => ({ ...item, message: item.message + why })));
  }
}

type Side<T> = readonly [config: SpeakerConfig, peers: readonly T[]];

function diffPeers<T extends { readonly peerGroup?: string }>(
  before: Side<T>,
  after: Side<T>,
  idOf: (peer: T) => string,
  passwordChanged: PasswordChanged,
) {
  const old = new Map(before[1].map((peer) => [idOf(peer), peer]));
  const now = new Map(after[1].map((peer) => [idOf(peer), peer]));
  const changed: PeerChange<T>[] = [];
  const policies = new PolicyComparison(before[0], after[0]);
  for (const [id, options] of now) {
    const was = old.get(id);
    if (was === undefined) continue;
    const [from, settings] = [settingsOf(before[0], was), settingsOf(after[0], options)];
    const keys = keysOf(SETTING_EFFECT).filter((key) => !isSame(from[key], settings[key]));
    const source = settings.passwordFile === null ? 'password' : 'passwordFile';
    if (!keys.includes(source) && passwordChanged(from, settings)) keys.push(source);
    // A policy can change without its name.
    keys.push(...policies.changed(from, settings).filter((key) => !isPolicyIn(keys, key)));
    // The limit of a range, or the name of a group with the same settings, is no setting but still a change.
    const effect = strongest(keys, from, settings);
    if (keys.length > 0 || !isSame(was, options)) changed.push({ options, settings, keys, effect });
  }
  return {
    added: [...now].filter(([id]) => !old.has(id)).map(([, peer]) => peer),
    removed: [...old.keys()].filter((id) => !now.has(id)),
    changed,
  };
}

/** Whether the change of a policy is told already: by its name, or by its default. */
function isPolicyIn(keys: readonly (keyof PeerSettings)[], key: 'importPolicy' | 'exportPolicy'): boolean {
  return keys.includes(key) || keys.includes(key === 'importPolicy' ? 'defaultImportPolicy' : 'defaultExportPolicy');
}

function settingsOf(
  config: SpeakerConfig,
  peer: PeerSettings & { readonly peerGroup?: string },
): EffectivePeerSettings {
  return effectiveSettings(config, peer);
}

/** What a changed setting costs, given all settings before and after. */
export function effectOf(
  key: keyof PeerSettings,
  from: EffectivePeerSettings,
  to: EffectivePeerSettings,
): ChangeEffect {
  const { staleRoutesTime } = to.gracefulRestart;
  const { partialDeployment } = to.longLivedGracefulRestart;
  // The only parts of them that are not in the OPEN.
  const isInPlace =
    (key === 'gracefulRestart' && isSame({ ...from[key], staleRoutesTime }, to[key])) ||
    (key === 'longLivedGracefulRestart' && isSame({ ...from[key], partialDeployment }, to[key]));
  return isInPlace ? 'inPlace' : SETTING_EFFECT[key];
}

/** Where a refresh would do, but the neighbor cannot, only a new session helps. */
export function effectOn({ canRefresh }: { readonly canRefresh: boolean }, effect: ChangeEffect): 'inPlace' | 'reset' {
  if (effect === 'refresh') return canRefresh ? 'inPlace' : 'reset';
  return effect;
}

function strongest(
  keys: readonly (keyof PeerSettings)[],
  from: EffectivePeerSettings,
  to: EffectivePeerSettings,
): ChangeEffect {
  const effects = keys.map((key) => effectOf(key, from, to));
  return (['reset', 'refresh'] as const).find((effect) => effects.includes(effect)) ?? 'inPlace';
}

function diffNetworks(before: readonly NetworkOptions[], after: readonly NetworkOptions[]) {
  const old = new Map(before.map((network) => [network.prefix, network]));
  const now = new Set(after.map(({ prefix }) => prefix));
  return {
    networksAdded: after.filter(({ prefix }) => !old.has(prefix)),
    networksRemoved: [...old.keys()].filter((prefix) => !now.has(prefix)),
    networksChanged: after.filter((network) => old.has(network.prefix) && !isSame(old.get(network.prefix), network)),
  };
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}

/** Equal as configuration: the order of keys does not matter, the order of lists does. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  // A secret shows itself to nobody.
  if (a instanceof Secret && b instanceof Secret) return a.equals(b);
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
