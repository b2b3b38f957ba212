import {
  optionNames,
  parsePrefix,
  whyNoOptions,
  type PeerSocketOptions,
  type Secret,
  type SocketOptions,
  type Transport,
} from '../net/index.js';
import { neighborType } from './as-identity.js';
import type { SpeakerConfig } from './options.js';
import type { Secrets } from './secrets.js';
import { effectiveSettings, type EffectivePeerSettings } from './settings.js';

/** Class selector 6, network control (RFC 2474 section 4.2.2.2). */
const CS6 = 48;

/** The settings that decide about sockets. */
export type SocketSettings = Pick<EffectivePeerSettings, 'ttlSecurity' | 'multihop' | 'dscp' | 'connectedCheck'>;

/** What a session must have: without it there is none. */
export function neededOptions({ ttlSecurity, dscp }: SocketSettings, key: Secret | null): SocketOptions {
  return {
    ...(key === null ? {} : { md5Key: key }),
    ...(ttlSecurity === null ? {} : { ttlSecurityHops: ttlSecurity }),
    ...(dscp === null ? {} : { dscp }),
  };
}

/**
 * The options of a session's socket. One that needs any gets those too that are good to have: CS6, and for eBGP a TTL that
 * does not reach further than it must. `multihop` alone is done without where it cannot be had: the system's TTL reaches far
 * enough.
 */
export function sessionSocketOptions(
  settings: SocketSettings,
  external: boolean,
  key: Secret | null,
  transport: Pick<Transport, 'whyNot'>,
): SocketOptions {
  const needed = neededOptions(settings, key);
  const { multihop, ttlSecurity } = settings;
  const ttl = external && ttlSecurity === null ? { ttl: multihop ?? 1 } : {};
  const all = { dscp: CS6, ...ttl, ...needed };
  if (Object.keys(needed).length > 0) return all;
  return multihop !== null && whyNoOptions(transport, all) === undefined ? all : {};
}

/** What listeners must know of all neighbors, known and dynamic ones; empty when none has an option. */
export function listenerPeers(
  config: SpeakerConfig,
  secrets: Secrets,
  transport: Pick<Transport, 'whyNot'>,
): PeerSocketOptions[] {
  const peers = [
    ...(config.neighbors ?? []).map((own) => ({ at: own.address, own })),
    ...(config.dynamicNeighbors ?? []).map((own) => ({ at: own.prefix, own })),
  ].map(({ at, own }) => {
    const settings = effectiveSettings(config, own);
    const external = neighborType(config, settings) !== 'ibgp';
    return { at, options: sessionSocketOptions(settings, external, secrets.of(settings), transport) };
  });
  // All or none: a neighbor without options may lie in a range with some.
  if (peers.every(({ options }) => optionNames(options).length === 0)) return [];
  return peers.map(({ at, options }) => {
    const [address, zone] = at.split('%') as [string, string?];
    return { prefix: parsePrefix(address), ...(zone === undefined ? {} : { zone }), ...options };
  });
}

/** How far away an eBGP neighbor may be; 1: in a subnet of ours. */
export function allowedHops({ ttlSecurity, multihop }: SocketSettings): number {
  return ttlSecurity ?? multihop ?? 1;
}
