/**
 * One session without a speaker: a `Peer` on real TCP that tells what arrives. Layer: `tsbgp/bgp`.
 * Here the other end is a tsbgp speaker in this process; it could be any router.
 *
 *   npx tsx examples/open-a-session.ts
 */
import { afiSafiOf, decodeUpdate, Peer } from '../lib/bgp/index.js';
import { realClock, Speaker, TcpTransport } from '../lib/index.js';
import { parseIpv4 } from '../lib/net/index.js';

const router = new Speaker({
  asn: 64512,
  routerId: '127.0.0.1',
  listen: [{ address: '127.0.0.1', port: 0 }],
  neighbors: [{ address: '127.0.0.7', peerAs: 64513, passive: true }],
  networks: ['10.244.0.0/16', '10.245.0.0/16'],
});
await router.start();

let arrived = (): void => undefined;
const allArrived = new Promise<void>((resolve) => (arrived = resolve));

const peer = new Peer(
  {
    remote: { address: '127.0.0.1', port: router.listening[0]!.port },
    localAddress: '127.0.0.7',
    localAs: 64513,
    peerAs: 64512,
    routerId: parseIpv4('127.0.0.7'),
    families: [afiSafiOf('ipv4-unicast')],
  },
  { transport: new TcpTransport(), clock: realClock, random: Math.random },
  {
    onStateChange: (from, to, reason) => console.log(`${from} -> ${to}: ${reason}`),
    onEstablished: ({ holdTimeSeconds, families }) =>
      console.log(`established: hold time ${holdTimeSeconds} s`, families),
    onUpdate(bytes, start, end) {
      // The octets are lent for the call; what decodeUpdate returns are copies.
      const { nlri, endOfRib } = decodeUpdate(bytes.subarray(start, end), peer.negotiated?.receive);
      for (const item of nlri) console.log('route', 'prefix' in item ? item.prefix : item);
      if (endOfRib !== undefined) arrived();
      return undefined; // a MessageError here would end the session with its NOTIFICATION
    },
    onReadDone: () => undefined,
    onRouteRefresh: () => undefined,
    onDrain: () => undefined,
    onDown: (reason) => console.log(`down: ${reason}`),
  },
);
peer.start();

await allArrived;
await peer.stop(2, 'seen enough'); // Cease/Administrative Shutdown, with a text for the other side's operator
await router.stop();
