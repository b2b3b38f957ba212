import { TransportError, type Clock, type LocalNetworks, type Transport } from '../net/index.js';
import { allowedHops, type SocketSettings } from './session-sockets.js';

/** Why there can be no session with an eBGP neighbor: it is not next to us, and nothing says that it need not be. */
export function whyNotConnected(
  address: string,
  settings: SocketSettings,
  external: boolean,
  networks: LocalNetworks,
): string | undefined {
  if (!external || !settings.connectedCheck || allowedHops(settings) > 1) return undefined;
  if (networks.isConnected === undefined || networks.isConnected(address)) return undefined;
  return `${address} is in no subnet of an interface of ours, as an eBGP neighbor without multihop must be`;
}

/** A transport that does not connect, and says why, as long as `whyNot` has a reason. */
export function guardedTransport(transport: Transport, clock: Clock, whyNot: () => string | undefined): Transport {
  return {
    connect(options, handler) {
      const reason = whyNot();
      if (reason === undefined) return transport.connect(options, handler);
      return clock.after(0, () => handler.onError(new TransportError('EHOSTUNREACH', reason)));
    },
    listen: (at, onConnection, peers) => transport.listen(at, onConnection, peers),
    ...(transport.whyNot ? { whyNot: (options) => transport.whyNot!(options) } : {}),
  };
}
