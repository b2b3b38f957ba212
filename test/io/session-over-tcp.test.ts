import { expect } from 'chai';
import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { Peer, type PeerOptions } from '../../lib/bgp/session/index.js';
import { realClock, realRandom } from '../../lib/io/clock.js';
import { TcpTransport } from '../../lib/io/tcp.js';
import type { Listener } from '../../lib/net/transport.js';
import { EMPTY_UPDATE, Recorder, V4 } from '../bgp/session/rig.js';
import { until } from './until.js';

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

/** Two neighbors over loopback that dial each other, or one of them. */
async function makePair(
  addresses: readonly [string, string],
  options: Partial<PeerOptions> = {},
): Promise<{ peers: [Peer, Peer]; recorders: [Recorder, Recorder]; close: () => Promise<void> }> {
  const transport = new TcpTransport();
  const recorders: [Recorder, Recorder] = [new Recorder(), new Recorder()];
  const peers: Peer[] = [];
  const listeners: Listener[] = [];
  for (const i of [0, 1]) {
    listeners[i] = await transport.listen({ address: addresses[i]!, port: 0 }, (connection) => {
      peers[i]!.accept(connection);
    });
  }
  for (const i of [0, 1]) {
    peers[i] = new Peer(
      {
        remote: listeners[1 - i]!.local,
        localAddress: addresses[i]!,
        localAs: 64512,
        peerAs: 64512,
        routerId: 1 + i,
        families: [V4],
        connectRetry: 0.05,
        ...options,
      },
      { transport, clock: realClock, random: realRandom },
      recorders[i]!,
    );
  }
  const close = async (): Promise<void> => {
    await Promise.all(peers.map((peer) => peer.stop()));
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  return { peers: peers as [Peer, Peer], recorders, close };
}

describe('a session over real TCP', () => {
  const families: (readonly [string, string])[] = [['127.0.0.1', '127.0.0.2']];
  if (hasIpv6) families.push(['::1', '::1']);
  for (const addresses of families) {
    it(`comes up between ${addresses.join(' and ')}, carries UPDATEs and ends with a reason`, async () => {
      const { peers, recorders, close } = await makePair(addresses);
      for (const peer of peers) peer.start();
      await until(() => peers.every(({ state }) => state === 'Established'));
      for (let i = 0; i < 100; i++) peers[0].send(EMPTY_UPDATE);
      await until(() => recorders[1].updates.length === 100);
      expect(peers[0].local).to.deep.equal(peers[1].remote);
      await peers[0].stop(2, 'goodbye');
      await until(() => peers[1].state !== 'Established');
      expect(peers[1].lastError).to.include({ direction: 'received', code: 6, subcode: 2, message: 'goodbye' });
      await close();
    });
  }

  it('comes back by itself', async () => {
    const { peers, close } = await makePair(['127.0.0.1', '127.0.0.2']);
    for (const peer of peers) peer.start();
    for (let round = 1; round <= 3; round++) {
      await until(() => peers.every((peer) => peer.state === 'Established' && peer.establishedCount >= round));
      peers[round % 2]!.reset();
    }
    await until(() => peers.every(({ state }) => state === 'Established'));
    await close();
  });

  it('takes a message split at every octet', async () => {
    const { peers, recorders, close } = await makePair(['127.0.0.1', '127.0.0.2']);
    for (const peer of peers) peer.start();
    await until(() => peers.every(({ state }) => state === 'Established'));
    for (let at = 1; at < EMPTY_UPDATE.length; at++) {
      peers[0].send(EMPTY_UPDATE.subarray(0, at));
      // Let the first part go alone.
      const seen = peers[1].octetsReceived;
      await until(() => peers[1].octetsReceived > seen);
      peers[0].send(EMPTY_UPDATE.subarray(at));
      await until(() => recorders[1].updates.length === at);
    }
    await close();
  });

  it('tells a browser off', async () => {
    const { peers, close } = await makePair(['127.0.0.1', '127.0.0.2'], { passive: true });
    peers[0].start();
    const { address, port } = peers[1].options.remote;
    const heard: Buffer[] = [];
    let closed = false;
    const socket = connect({ host: address, port, localAddress: '127.0.0.2' });
    socket.on('data', (chunk) => heard.push(chunk));
    socket.on('close', () => (closed = true));
    socket.write('GET / HTTP/1.1\r\nHost: bgp.example.net\r\n\r\n');
    await until(() => closed);
    expect(Buffer.concat(heard).subarray(-21).toString('hex')).to.equal('ff'.repeat(16) + '0015030101');
    expect(peers[0].lastError).to.include({ direction: 'sent', code: 1, subcode: 1 });
    await close();
  });
});
