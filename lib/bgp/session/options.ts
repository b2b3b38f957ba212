import type { ReadTurns } from './read-turns.js';
import { canonicalScopedAddress, isScopedAddress } from '../../net/zone.js';
import { UsageError } from '../../net/errors.js';
import type { Clock, Random } from '../../net/clock.js';
import type { SocketOptions } from '../../net/socket-options.js';
import { whyNoOptions, type Endpoint, type Transport } from '../../net/transport.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../wire/context.js';
import type { AddPathTuple } from '../wire/capabilities/add-path.js';
import type { RoleName } from '../wire/capabilities/role.js';
import type { GracefulRestart, LlgrTuple } from '../wire/capabilities/index.js';
import type { AfiSafi } from '../wire/families.js';

/** One neighbor, as a session sees it. Times are in seconds; names and defaults are those of the configuration. */
export interface PeerOptions {
  readonly remote: Endpoint;
  /** Where we connect from, and the only address on which this peer may connect to us. */
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** Of the connections that we make. Those of connections that we accept are the listener's matter. */
  readonly socket?: SocketOptions | undefined;
  readonly localAs: number;
  /** The AS, one of these, or any that the peer's OPEN names (except 0). */
  readonly peerAs: number | readonly number[] | 'any';
  /** The other Member-ASes of our confederation (RFC 5065): a peer in one of them is a confederation peer. Default: none. */
  readonly confederationMembers?: readonly number[] | undefined;
  /** What we are to the peer, announced to it (RFC 9234). Default: nothing is said, and its role is not looked at. */
  readonly role?: RoleName | undefined;
  /** With `role`: refuse a peer that announces none. Default false. */
  readonly roleStrict?: boolean | undefined;
  /** Our BGP Identifier, host order. */
  readonly routerId: number;
  /** At least one, in order of preference. */
  readonly families: readonly AfiSafi[];
  /** 0 or 3 to 65535; default 90. */
  readonly holdTime?: number | undefined;
  /** Default: a third of the negotiated hold time, which is also the most. */
  readonly keepaliveInterval?: number | undefined;
  /** First retry interval; doubles with each failure. Default 5. */
  readonly connectRetry?: number | undefined;
  /** Longest retry interval, and how long a session must last for earlier failures to be forgotten. Default 120. */
  readonly connectRetryMax?: number | undefined;
  /** Give up on a peer that takes nothing for so long (RFC 9687); 0: never. Default: twice holdTime, at least 480. */
  readonly sendHoldTime?: number | undefined;
  /** Never connect, only accept. Default false. */
  readonly passive?: boolean | undefined;
  /** Above 4096, up to 65535: announce that we take so long messages (RFC 8654). Default 4096. */
  readonly maxMessageLength?: number | undefined;
  readonly capabilities?: CapabilityOptions | undefined;
  /** What our OPEN says of our own restarts. Default: helper only, with the N bit; no families, so nothing of ours is kept. */
  readonly gracefulRestart?: GracefulRestartOffer | undefined;
  /** The ADD-PATH capability (RFC 7911), by family. Default: none. */
  readonly addPath?: readonly AddPathTuple[] | undefined;
}

/** The graceful restart capability (RFC 4724, RFC 8538), and with it that of long-lived graceful restart (RFC 9494). */
export interface GracefulRestartOffer extends GracefulRestart {
  /** Left out: no LLGR capability; empty: what others announce is kept, nothing of ours. */
  readonly longLived?: readonly LlgrTuple[];
}

const HELPER_ONLY: GracefulRestartOffer = Object.freeze({
  restartState: false,
  notification: true,
  restartTime: 120,
  tuples: [],
  longLived: [],
});

/** Capabilities that our OPEN announces besides multiprotocol. All default to true unless they say otherwise. */
export interface CapabilityOptions {
  /** RFC 2918. Off: ROUTE-REFRESH messages are ignored. */
  readonly routeRefresh?: boolean | undefined;
  /** RFC 6793. Off: behave like a speaker that knows two-octet AS numbers only. */
  readonly fourOctetAs?: boolean | undefined;
  /** IPv4 unicast with IPv6 next hops (RFC 8950). Default false. */
  readonly extendedNextHop?: boolean | undefined;
  /** RFC 7313; only together with `routeRefresh`. */
  readonly enhancedRouteRefresh?: boolean | undefined;
  /** RFC 4724, and all that builds on it. Off: nothing is kept, in neither direction; End-of-RIB is sent all the same. */
  readonly gracefulRestart?: boolean | undefined;
}

/** What a session runs on. */
export interface SessionRuntime {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Shared with other peers on the same event loop, so that they read in turns; default: one of its own. */
  readonly readTurns?: ReadTurns;
}

/** {@link PeerOptions} with all defaults filled in. */
export interface ResolvedPeerOptions {
  readonly remote: Endpoint;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly socket: SocketOptions;
  readonly localAs: number;
  readonly peerAs: number | readonly number[] | 'any';
  readonly confederationMembers: readonly number[];
  readonly role: RoleName | undefined;
  readonly roleStrict: boolean;
  readonly routerId: number;
  readonly families: readonly AfiSafi[];
  readonly holdTime: number;
  readonly keepaliveInterval: number | undefined;
  /** These may change while the neighbor runs: see `Peer.setRetry` and `Peer.setPassive`. */
  connectRetry: number;
  connectRetryMax: number;
  passive: boolean;
  readonly sendHoldTime: number;
  readonly extendedMessage: boolean;
  readonly routeRefresh: boolean;
  readonly fourOctetAs: boolean;
  readonly extendedNextHop: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** Undefined: no capability. May change while the neighbor runs: see `Peer.setGracefulRestart`. */
  gracefulRestart: GracefulRestartOffer | undefined;
  readonly addPath: readonly AddPathTuple[];
}

/** @throws UsageError `bad_option` or `bad_address`, naming the option */
export function resolveOptions(options: PeerOptions): ResolvedPeerOptions {
  const { remote, localAddress, peerAs, localAs, routerId, families } = options;
  const holdTime = options.holdTime ?? 90;
  const connectRetry = options.connectRetry ?? 5;
  const connectRetryMax = options.connectRetryMax ?? Math.max(120, connectRetry);
  const sendHoldTime = options.sendHoldTime ?? Math.max(480, 2 * holdTime);
  const maxMessageLength = options.maxMessageLength ?? MAX_MESSAGE_LENGTH;

  const routeRefresh = options.capabilities?.routeRefresh ?? true;

  checkAddress('remote', remote.address);
  check('remote', isWithin(remote.port, 1, 65535), 'the port is 1 to 65535');
  if (localAddress !== undefined) {
    checkAddress('localAddress', localAddress);
    const sameFamily = localAddress.includes(':') === remote.address.includes(':');
    check('localAddress', sameFamily, 'has to be of the family of the neighbor');
  }
  check('localPort', isWithin(options.localPort ?? 0, 0, 65535), 'is 0 to 65535');
  check('localAs', isWithin(localAs, 1, 0xffffffff), 'is 1 to 4294967295');
  const accepted = typeof peerAs === 'number' ? [peerAs] : peerAs === 'any' ? [] : peerAs;
  check(
    'peerAs',
    accepted.every((asn) => isWithin(asn, 1, 0xffffffff)),
    "is 1 to 4294967295, a list, or 'any'",
  );
  check('routerId', isWithin(routerId, 1, 0xffffffff), 'is a non-zero number of 32 bits');
  check('families', families.length > 0, 'has at least one family');
  check('holdTime', holdTime === 0 || isWithin(holdTime, 3, 65535), 'is 0 or 3 to 65535 seconds');
  check('keepaliveInterval', (options.keepaliveInterval ?? 1) > 0, 'is more than 0 seconds');
  check('connectRetry', connectRetry > 0, 'is more than 0 seconds');
  check('connectRetryMax', connectRetryMax >= connectRetry, 'is not less than connectRetry');
  check('sendHoldTime', sendHoldTime >= 0, 'is not negative');
  const lengthFits = isWithin(maxMessageLength, MAX_MESSAGE_LENGTH, MAX_EXTENDED_MESSAGE_LENGTH);
  check('maxMessageLength', lengthFits, `is ${MAX_MESSAGE_LENGTH} to ${MAX_EXTENDED_MESSAGE_LENGTH} octets`);

  return {
    remote: Object.freeze({ address: canonicalScopedAddress(remote.address), port: remote.port }),
    localAddress: localAddress === undefined ? undefined : canonicalScopedAddress(localAddress),
    localPort: options.localPort,
    socket: Object.freeze({ ...options.socket }),
    localAs,
    peerAs,
    confederationMembers: options.confederationMembers ?? [],
    role: options.role,
    roleStrict: options.roleStrict ?? false,
    routerId,
    families: Object.freeze([...families]),
    holdTime,
    keepaliveInterval: options.keepaliveInterval,
    connectRetry,
    connectRetryMax,
    sendHoldTime,
    passive: options.passive ?? false,
    extendedMessage: maxMessageLength > MAX_MESSAGE_LENGTH,
    routeRefresh,
    fourOctetAs: options.capabilities?.fourOctetAs ?? true,
    extendedNextHop: options.capabilities?.extendedNextHop ?? false,
    enhancedRouteRefresh: (options.capabilities?.enhancedRouteRefresh ?? true) && routeRefresh,
    gracefulRestart:
      (options.capabilities?.gracefulRestart ?? true) ? (options.gracefulRestart ?? HELPER_ONLY) : undefined,
    addPath: options.addPath ?? [],
  };
}

/** @throws UsageError `unsupported_socket_option`: no attempt may be made without what was asked for */
export function requireSocketOptions({ socket }: ResolvedPeerOptions, { transport }: SessionRuntime): void {
  const reason = whyNoOptions(transport, socket);
  if (reason !== undefined) throw new UsageError('unsupported_socket_option', reason, 'socket');
}

function check(option: string, holds: boolean, rule: string): void {
  if (!holds) throw new UsageError('bad_option', `${option} ${rule}`, option);
}

function checkAddress(option: string, address: string): void {
  if (!isScopedAddress(address))
    throw new UsageError('bad_address', `${option}: not an IP address: '${address}'`, option);
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
