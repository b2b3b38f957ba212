import { UsageError } from '../net/index.js';
import { RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import type { PrefixLimit } from '../rib/prefix-limit.js';
import type {
  GracefulRestartSettings,
  LongLivedGracefulRestartSettings,
  PeerSettings,
  SpeakerConfig,
} from './options.js';

/** Settings that have no fixed default: null says that the neighbor, the system or the negotiation decides. */
type WithoutDefault =
  | 'description'
  | 'localAs'
  | 'removePrivateAs'
  | 'role'
  | 'keepaliveInterval'
  | 'localAddress'
  | 'localPort'
  | 'prefixLimit'
  | 'password'
  | 'passwordFile'
  | 'ttlSecurity'
  | 'multihop'
  | 'dscp'
  | 'importPolicy'
  | 'exportPolicy'
  | 'defaultImportPolicy'
  | 'defaultExportPolicy'
  | 'addPath';

/** All settings of one neighbor after its peer group and the defaults were filled in. Times are in seconds. */
export type EffectivePeerSettings = {
  readonly [K in keyof Required<PeerSettings>]: K extends WithoutDefault
    ? NonNullable<PeerSettings[K]> | null
    : K extends WithKeys
      ? Required<NonNullable<PeerSettings[K]>>
      : NonNullable<PeerSettings[K]>;
};

type WithKeys = (typeof MAPPING_SETTINGS)[number];

/** Defaults of the settings that do not depend on others; `docs/configuration.md` lists them too. */
export const PEER_DEFAULTS = Object.freeze({
  description: null,
  localAs: null,
  localAsNoPrepend: false,
  localAsReplaceAs: false,
  allowOwnAs: 0,
  removePrivateAs: null,
  asOverride: false,
  enforceFirstAs: false,
  role: null,
  roleStrict: false,
  routeServerClient: false,
  routeReflectorClient: false,
  families: RIB_FAMILIES,
  /** RFC 4271 section 10. */
  holdTime: 90,
  keepaliveInterval: null,
  connectRetry: 5,
  connectRetryMax: 120,
  passive: false,
  localAddress: null,
  localPort: null,
  port: 179,
  nextHopSelf: false,
  extendedMessages: true,
  extendedNextHop: false,
  mitigatePathHiding: false,
  addPath: null,
  minimumAdvertisementInterval: 0,
  prefixLimit: null,
  password: null,
  passwordFile: null,
  ttlSecurity: null,
  multihop: null,
  connectedCheck: true,
  dscp: null,
  importPolicy: null,
  exportPolicy: null,
  defaultImportPolicy: null,
  defaultExportPolicy: null,
  adminDown: false,
} as const satisfies Partial<EffectivePeerSettings>);

/** Helper only, as BIRD does it. */
export const GRACEFUL_RESTART_DEFAULTS: Required<GracefulRestartSettings> = Object.freeze({
  enabled: true,
  helperOnly: true,
  restartTime: 120,
  staleRoutesTime: 360,
  notification: true,
});

export const LONG_LIVED_DEFAULTS: Required<LongLivedGracefulRestartSettings> = Object.freeze({
  enabled: true,
  helperOnly: true,
  staleTime: 3600,
  partialDeployment: false,
});

/** RFC 9687 section 4: the longer of eight minutes and twice the hold time. */
export function defaultSendHoldTime(holdTime: number): number {
  return Math.max(480, 2 * holdTime);
}

/** The limit of a family with its defaults, if there is one. */
export function prefixLimitOf(settings: EffectivePeerSettings, family: FamilyName): PrefixLimit | undefined {
  const given = settings.prefixLimit?.[family];
  if (given === undefined) return undefined;
  const { maxPrefixes, warningThresholdPct = 75, action = 'stop', restartTime = null } = given;
  return { maxPrefixes, warningThresholdPct, action, restartTime };
}

/**
 * The settings that hold for one neighbor: its own, else its peer group's, else the default.
 * @param config the speaker's configuration, already checked
 * @param own    a neighbor's (or dynamic neighbor entry's) own settings and the name of its peer group
 * @throws UsageError `unknown_peer_group`; `peer_as_missing` when neither the neighbor nor its group names an AS
 */
export function effectiveSettings(
  config: Pick<SpeakerConfig, 'routerId' | 'clusterId' | 'peerGroups'>,
  own: PeerSettings & { readonly peerGroup?: string | undefined },
): EffectivePeerSettings {
  const group = groupOf(config, own.peerGroup);
  const clusterId = config.clusterId ?? config.routerId;
  const known = KNOWN.get(own);
  if (known?.group === group && known.clusterId === clusterId) return known.settings;
  const settings = settingsOver(group, own, clusterId);
  if (Object.isFrozen(own) && Object.isFrozen(group)) KNOWN.set(own, { group, clusterId, settings });
  return settings;
}

/** Of options in configurations, which do not change: a reload asks for them many times. */
const KNOWN = new WeakMap<
  object,
  { readonly group: PeerSettings; readonly clusterId: string; readonly settings: EffectivePeerSettings }
>();

function settingsOver(group: PeerSettings, own: PeerSettings, clusterId: string): EffectivePeerSettings {
  const set = mergedSettings(group, own);
  if (set.peerAs === undefined)
    throw new UsageError('peer_as_missing', 'neither the neighbor nor its peer group has peerAs', 'peerAs');
  const holdTime = set.holdTime ?? PEER_DEFAULTS.holdTime;
  const connectRetry = set.connectRetry ?? Math.min(PEER_DEFAULTS.connectRetry, set.connectRetryMax ?? Infinity);
  return Object.freeze({
    ...withDefaults(set),
    peerAs: set.peerAs,
    clusterId: set.clusterId ?? clusterId,
    connectRetry,
    connectRetryMax: set.connectRetryMax ?? Math.max(PEER_DEFAULTS.connectRetryMax, connectRetry),
    sendHoldTime: set.sendHoldTime ?? defaultSendHoldTime(holdTime),
    gracefulRestart: restartSettings(GRACEFUL_RESTART_DEFAULTS, set.gracefulRestart),
    longLivedGracefulRestart: restartSettings(LONG_LIVED_DEFAULTS, set.longLivedGracefulRestart),
  });
}

/** The settings that have a fixed default, and nothing else. */
function withDefaults(set: PeerSettings): Pick<EffectivePeerSettings, keyof typeof PEER_DEFAULTS> {
  const settings: Record<string, unknown> = { ...PEER_DEFAULTS };
  for (const [key, value] of Object.entries(set))
    if (value !== null && value !== undefined && key in PEER_DEFAULTS) settings[key] = value;
  return settings as Pick<EffectivePeerSettings, keyof typeof PEER_DEFAULTS>;
}

/** The settings of a neighbor or range of neighbors of a configuration, by address or prefix. */
export function configuredSettings(config: SpeakerConfig, id: string): EffectivePeerSettings {
  const own =
    config.neighbors?.find(({ address }) => address === id) ??
    config.dynamicNeighbors?.find(({ prefix }) => prefix === id);
  if (own === undefined) throw new UsageError('unknown_neighbor', `there is no neighbor ${id}`);
  return effectiveSettings(config, own);
}

/** Settings that say the same thing in different ways: one of a neighbor's own hides those of its group. */
const ALTERNATIVES: readonly (readonly (keyof PeerSettings)[])[] = [
  ['password', 'passwordFile'],
  ['ttlSecurity', 'multihop'],
];

/** Settings that are mappings: the keys of a group and of its neighbor are joined. */
const MAPPING_SETTINGS = ['gracefulRestart', 'longLivedGracefulRestart'] as const;

/** A neighbor's own settings over those of its group, without defaults. */
export function mergedSettings(group: PeerSettings, own: PeerSettings): PeerSettings {
  const given = withoutUndefined(own);
  const hidden = ALTERNATIVES.filter((keys) => keys.some((key) => Object.hasOwn(given, key))).flat();
  const rest = Object.entries(group).filter(([key]) => !hidden.includes(key as keyof PeerSettings));
  const mappings = MAPPING_SETTINGS.filter((key) => group[key] !== undefined || given[key] !== undefined);
  return {
    ...(Object.fromEntries(rest) as PeerSettings),
    ...given,
    ...(Object.fromEntries(mappings.map((key) => [key, joined(group[key], given[key])])) as PeerSettings),
  };
}

const NO_GROUP: PeerSettings = Object.freeze({});

function groupOf(config: Pick<SpeakerConfig, 'peerGroups'>, name: string | undefined): PeerSettings {
  if (name === undefined) return NO_GROUP;
  const groups = config.peerGroups ?? {};
  if (!Object.hasOwn(groups, name)) {
    throw new UsageError('unknown_peer_group', `there is no peer group '${name}'`, 'peerGroup');
  }
  return groups[name]!;
}

function restartSettings<T extends { readonly enabled?: boolean; readonly helperOnly?: boolean }>(
  defaults: Required<T>,
  given: Partial<T> | undefined,
): Required<T> {
  // Who writes `enabled: true` wants all of it.
  const settings = { ...defaults, helperOnly: given?.enabled !== true, ...given } as Required<T>;
  return Object.freeze(settings);
}

/** Key by key: the neighbor's own, else its group's. */
function joined<T extends object>(group: T | undefined, own: T | undefined): T {
  return { ...withoutUndefined(group ?? {}), ...withoutUndefined(own ?? {}) } as T;
}

/** A key that is present but undefined must not hide the peer group's value. */
function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
