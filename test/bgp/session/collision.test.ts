import { expect } from 'chai';
import { Peer } from '../../../lib/bgp/session/index.js';
import { parseIpv4 } from '../../../lib/net/address.js';
import { MemoryNetwork, seededRandom, VirtualClock, type MemoryTransport } from '../../../lib/sim/index.js';
import { Recorder, Rig, type Script, V4 } from './rig.js';

const LOWER = parseIpv4('10.0.0.0');
const HIGHER = parseIpv4('10.0.0.2');

/** A connection that we dialed, in some state, and one that the peer dialed, in OpenSent. */
function collide(
  state: 'OpenSent' | 'OpenConfirm' | 'Established',
  bgpId: number,
): [rig: Rig, ours: Script, theirs: Script] {
  const rig = new Rig();
  const ours = rig.upTo(state, { bgpId });
  rig.dial();
  rig.settle();
  return [rig, ours, rig.script];
}

describe('collision detection (RFC 4271 6.8)', () => {
  it('keeps both connections until an OPEN tells who the peer is', () => {
    const [rig, ours, theirs] = collide('OpenSent', HIGHER);
    expect([ours.heard, theirs.heard]).to.deep.equal([['OPEN'], ['OPEN']]);
    expect(rig.accepted).to.deep.equal([true]);
  });

  it('keeps the one that the higher BGP Identifier dialed: the peer', () => {
    const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
    theirs.open({ bgpId: HIGHER }).keepalive();
    rig.settle();
    expect(ours.notifications).to.deep.equal(['6/7']);
    expect(theirs.heard).to.deep.equal(['OPEN', 'KEEPALIVE']);
    expect(rig.peer.state).to.equal('Established');
    expect(rig.recorder.states).to.deep.equal(['Connect', 'OpenSent', 'OpenConfirm', 'Established']);
    expect(rig.peer.remote?.port).not.to.equal(179);
  });

  it('keeps the one that the higher BGP Identifier dialed: us', () => {
    const [rig, ours, theirs] = collide('OpenConfirm', LOWER);
    theirs.open({ bgpId: LOWER }).keepalive();
    rig.settle();
    expect(theirs.notifications).to.deep.equal(['6/7']);
    ours.keepalive();
    rig.settle();
    expect(rig.peer.state).to.equal('Established');
    expect(rig.peer.remote?.port).to.equal(179);
  });

  it('decides likewise when our connection hears its OPEN last', () => {
    for (const [bgpId, survivor] of [
      [HIGHER, 'theirs'],
      [LOWER, 'ours'],
    ] as const) {
      const [rig, ours, theirs] = collide('OpenSent', bgpId);
      theirs.open({ bgpId });
      rig.settle();
      ours.open({ bgpId });
      rig.settle();
      const [kept, lost] = survivor === 'ours' ? [ours, theirs] : [theirs, ours];
      expect(lost.notifications).to.deep.equal(['6/7']);
      kept.keepalive();
      rig.settle();
      expect(rig.peer.state).to.equal('Established');
      // The session lasts: nothing of the lost connection's FSM is left.
      kept.live(1e6);
      expect(rig.peer.state).to.equal('Established');
      expect(rig.peer.lastError).to.equal(undefined);
    }
  });

  it('never gives up an Established session', () => {
    const [rig, ours, theirs] = collide('Established', HIGHER);
    theirs.open({ bgpId: HIGHER }).keepalive();
    rig.settle();
    expect(theirs.notifications).to.deep.equal(['6/7']);
    expect(ours.isClosed).to.equal(false);
    expect(rig.peer.state).to.equal('Established');
    expect(rig.recorder.log.some((line) => line.startsWith('down'))).to.equal(false);
  });

  it('drops what is still being dialed when the peer is quicker', () => {
    const rig = new Rig({ remote: { address: '10.0.0.2', port: 1790 } });
    rig.network.setLatency('10.0.0.1', '10.0.0.2', 100);
    rig.peer.start();
    rig.dial();
    rig.settle(250);
    expect(rig.scripts).to.have.length(1);
    rig.script.open().keepalive();
    rig.settle(1000);
    expect(rig.peer.state).to.equal('Established');
    rig.script.live(1e6);
    expect(rig.peer.establishedCount).to.equal(1);
  });

  it('goes on with the peer’s connection when ours fails', () => {
    const [rig, ours, theirs] = collide('OpenSent', HIGHER);
    ours.connection.destroy();
    rig.settle();
    expect(rig.peer.state).to.equal('OpenSent');
    theirs.open().keepalive();
    rig.settle();
    expect(rig.peer.state).to.equal('Established');
    theirs.live(1e6);
    expect([rig.scripts.length, rig.peer.establishedCount]).to.deep.equal([2, 1]);
  });

  it('goes on with ours when the peer’s fails', () => {
    const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
    theirs.send(new Uint8Array(30));
    rig.settle();
    expect(theirs.notifications).to.deep.equal(['1/1']);
    ours.keepalive();
    rig.settle();
    expect(rig.peer.state).to.equal('Established');
  });

  it('takes the newest of several connections that the peer dialed', () => {
    const rig = new Rig({ passive: true });
    rig.peer.start();
    rig.dial();
    rig.dial();
    rig.dial();
    rig.settle();
    const [first, second, third] = rig.scripts as [Script, Script, Script];
    // The first waits for its OPEN; the third took the place of the second.
    expect(rig.scripts.map((script) => script.isClosed)).to.deep.equal([false, true, false]);
    expect(second.notifications).to.deep.equal(['6/7']);
    first.open();
    third.open().keepalive();
    rig.settle();
    expect(first.notifications).to.deep.equal(['6/7']);
    expect(rig.peer.state).to.equal('Established');
  });

  it('refuses a third connection once a second one has sent its OPEN', () => {
    const [rig, , theirs] = collide('OpenSent', HIGHER);
    theirs.open({ bgpId: HIGHER });
    rig.settle();
    rig.dial();
    expect(rig.accepted).to.deep.equal([true, false]);
  });

  it('does not let connections pile up that the peer never closes', () => {
    const rig = new Rig({ passive: true });
    rig.peer.start();
    for (let i = 0; i < 50; i++) {
      rig.dial();
      rig.script.connection.pause();
    }
    // Two that are tracked, and a few that wait for their NOTIFICATION to be read.
    expect((rig.near as MemoryTransport).connectionCount).to.be.at.most(6);
    rig.settle(6000);
    expect((rig.near as MemoryTransport).connectionCount).to.equal(2);
  });

  it('stop ends both', () => {
    const [rig, ours, theirs] = collide('OpenSent', HIGHER);
    void rig.peer.stop();
    rig.settle();
    expect([ours.notifications, theirs.notifications]).to.deep.equal([['6/2'], ['6/2']]);
    rig.settle(1e6);
    expect(rig.peer.state).to.equal('Idle');
    expect(rig.clock.pending).to.equal(0);
  });
});

/** Two neighbors that dial each other. */
class Pair {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly peers: Peer[];
  readonly recorders = [new Recorder(), new Recorder()];

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.network = new MemoryNetwork({ clock: this.clock, rechunk: random, latencyMs: 10, scribble: true });
    const addresses = ['10.0.0.1', '10.0.0.2'];
    this.peers = addresses.map((address, i) => {
      const other = addresses[1 - i]!;
      const transport = this.network.host(address);
      const options = { remote: { address: other, port: 179 }, localAs: 1, peerAs: 1, families: [V4] };
      const runtime = { transport, clock: this.clock, random };
      const peer = new Peer({ ...options, routerId: parseIpv4(address) }, runtime, this.recorders[i]!);
      void transport.listen({ address: '0.0.0.0', port: 179 }, (connection) => peer.accept(connection));
      return peer;
    });
  }

  get areEstablished(): boolean {
    return this.peers.every(({ state }) => state === 'Established');
  }
}

describe('two speakers that dial each other', () => {
  it('end up with one session, whatever the moment', () => {
    for (let offset = 0; offset <= 80; offset++) {
      const pair = new Pair(offset);
      pair.peers[0]!.start();
      pair.clock.run(offset);
      pair.peers[1]!.start();
      pair.clock.runUntil(() => pair.areEstablished, 1000);
      pair.clock.run(3600000);
      expect(pair.areEstablished, `offset ${offset}`).to.equal(true);
      expect(
        pair.peers.map(({ establishedCount }) => establishedCount),
        `offset ${offset}`,
      ).to.deep.equal([1, 1]);
      expect(pair.peers[0]!.remote).to.deep.equal(pair.peers[1]!.local);
    }
  });

  it('come back after cuts, crashes and resets', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new Pair(seed);
      const random = seededRandom(1000 + seed);
      for (const peer of pair.peers) peer.start();
      for (let round = 0; round < 10; round++) {
        pair.clock.run(random() * 200000);
        const what = Math.floor(random() * 3);
        if (what === 0) pair.peers[round % 2]!.reset();
        else if (what === 1) {
          pair.network.cut('10.0.0.1', '10.0.0.2');
          pair.clock.run(random() * 400000);
          pair.network.restore('10.0.0.1', '10.0.0.2');
        } else {
          void pair.peers[0]!.stop();
          pair.clock.run(random() * 1000);
          pair.peers[0]!.start();
        }
      }
      expect(() => pair.clock.runUntil(() => pair.areEstablished, 400000), `seed ${seed}`).not.to.throw();
    }
  });
});
