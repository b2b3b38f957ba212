import type { PeerOptions } from '../bgp/session/options.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../bgp/wire/context.js';
import { afiSafiOf } from '../bgp/wire/families.js';
import { addPathOffer } from './add-path.js';
import { neighborType, sessionAs, type AsIdentity } from './as-identity.js';
import { restartOffer, type RestartState } from './restart-offer.js';
import type { EffectivePeerSettings } from './settings.js';
import type { Sockets } from './sockets.js';

export interface PeerOptionsHost extends AsIdentity {
  readonly routerId: number;
  readonly restart: RestartState;
  readonly sockets: Pick<Sockets, 'optionsFor'>;
}

/** From a neighbor's settings to its session. @param dynamic it is accepted by prefix: we never connect */
export function peerOptions(
  host: PeerOptionsHost,
  address: string,
  settings: EffectivePeerSettings,
  dynamic: boolean,
): PeerOptions {
  const external = neighborType(host, settings) !== 'ibgp';
  return {
    remote: { address, port: settings.port },
    localAddress: settings.localAddress ?? undefined,
    localPort: settings.localPort ?? undefined,
    socket: host.sockets.optionsFor(settings, external),
    localAs: sessionAs(host, settings),
    confederationMembers: host.confederation?.memberAs,
    role: settings.role ?? undefined,
    roleStrict: settings.roleStrict,
    peerAs: settings.peerAs,
    routerId: host.routerId,
    families: settings.families.map(afiSafiOf),
    holdTime: settings.holdTime,
    keepaliveInterval: settings.keepaliveInterval ?? undefined,
    connectRetry: settings.connectRetry,
    connectRetryMax: settings.connectRetryMax,
    sendHoldTime: settings.sendHoldTime,
    passive: settings.passive || dynamic,
    capabilities: {
      extendedNextHop: settings.extendedNextHop,
      gracefulRestart: settings.gracefulRestart.enabled,
    },
    gracefulRestart: restartOffer(settings, host.restart),
    addPath: addPathOffer(settings),
    maxMessageLength: settings.extendedMessages ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
  };
}
