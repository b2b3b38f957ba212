import { expect } from 'chai';
import { Peer } from '../../../lib/bgp/session/index.js';
import { parseIpv4 } from '../../../lib/net/address.js';
import { MemoryNetwork, seededRandom, VirtualClock, type MemoryTransport } from '../../../lib/sim/index.js';
import { EMPTY_UPDATE, Recorder, Rig, type Script, V4 } from './rig.js';

const LOWER = parseIpv4('10.0.0.0');
const HIGHER = parseIpv4('10.0.0.2');
/** The peer is waited for no longer than this, in milliseconds. */
const PATIENCE = 1000;

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
    rig.settle(PATIENCE + 10);
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
      rig.settle(PATIENCE);
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
    for (const ageMs of [0, 2 * PATIENCE]) {
      const rig = new Rig();
      const ours = rig.upTo('Established', { bgpId: HIGHER });
      rig.settle(ageMs);
      rig.dial();
      const theirs = rig.script;
      theirs.open({ bgpId: HIGHER }).keepalive();
      rig.settle(ageMs === 0 ? PATIENCE + 10 : 10);
      expect(theirs.notifications).to.deep.equal(['6/7']);
      expect(ours.isClosed).to.equal(false);
      expect(rig.peer.state).to.equal('Established');
      expect(rig.recorder.log.some((line) => line.startsWith('down'))).to.equal(false);
    }
  });

  describe('the peer may have chosen already', () => {
    it('our OpenConfirm was its Established: the one that it dialed stays unconfirmed until it closes one', () => {
      for (const survivor of ['ours', 'theirs'] as const) {
        const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
        theirs.open({ bgpId: HIGHER }).keepalive();
        rig.settle(PATIENCE / 2);
        expect([ours.heard, theirs.heard]).to.deep.equal([['OPEN', 'KEEPALIVE'], ['OPEN']]);
        const [kept, lost] = survivor === 'ours' ? [ours, theirs] : [theirs, ours];
        if (survivor === 'ours') kept.keepalive();
        lost.notify(6, 7).connection.destroy();
        rig.settle();
        expect(rig.peer.state).to.equal('Established');
        expect([kept.heard.includes('KEEPALIVE'), kept.isClosed]).to.deep.equal([true, false]);
        kept.live(1e6);
        expect([rig.peer.establishedCount, rig.peer.lastError]).to.deep.equal([1, undefined]);
      }
    });

    it('its KEEPALIVE on ours is no session yet while it may prefer the one that it dialed', () => {
      for (const survivor of ['ours', 'theirs', 'neither'] as const) {
        const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
        ours.keepalive();
        rig.settle(PATIENCE / 2);
        expect(rig.peer.state).to.equal('OpenConfirm');
        if (survivor === 'theirs') {
          ours.notify(6, 7);
          theirs.open({ bgpId: HIGHER }).keepalive();
        } else if (survivor === 'ours') theirs.notify(6, 7);
        rig.settle(survivor === 'neither' ? PATIENCE : 10);
        expect(rig.peer.state).to.equal('Established');
        expect(rig.peer.remote?.port === 179).to.equal(survivor !== 'theirs');
        expect([rig.peer.establishedCount, rig.peer.lastError]).to.deep.equal([1, undefined]);
      }
    });

    it('an UPDATE on ours says that it has: nothing of it is lost', () => {
      const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
      ours.keepalive().send(EMPTY_UPDATE);
      rig.settle();
      expect(rig.peer.state).to.equal('Established');
      expect(rig.recorder.updates).to.have.length(1);
      expect(theirs.notifications).to.deep.equal(['6/7']);
    });

    it('Established a moment ago, it chooses the one that it dialed', () => {
      const [rig, ours, theirs] = collide('Established', HIGHER);
      theirs.open({ bgpId: HIGHER }).keepalive();
      rig.settle(PATIENCE / 2);
      expect(theirs.heard).to.deep.equal(['OPEN']);
      ours.notify(6, 7);
      rig.settle();
      expect(rig.peer.state).to.equal('Established');
      expect(theirs.heard).to.deep.equal(['OPEN', 'KEEPALIVE']);
    });

    it('with the lower identifier: what it dialed is not confirmed while ours may come up', () => {
      for (const survivor of ['ours', 'theirs', 'neither'] as const) {
        const [rig, ours, theirs] = collide('OpenSent', LOWER);
        theirs.open({ bgpId: LOWER }).keepalive();
        rig.settle(PATIENCE / 2);
        expect(theirs.heard).to.deep.equal(['OPEN']);
        if (survivor === 'ours') ours.open({ bgpId: LOWER }).keepalive();
        else if (survivor === 'theirs') ours.connection.destroy();
        rig.settle(survivor === 'neither' ? PATIENCE : 10);
        expect(rig.peer.state).to.equal('Established');
        expect(rig.peer.remote?.port === 179).to.equal(survivor === 'ours');
        expect(theirs.notifications).to.deep.equal(survivor === 'ours' ? ['6/7'] : []);
        expect(rig.peer.establishedCount).to.equal(1);
      }
    });

    it('a third connection is refused while a second one waits; an OPEN too many there is an error', () => {
      const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
      theirs.open({ bgpId: HIGHER });
      rig.settle();
      rig.dial();
      expect(rig.accepted).to.deep.equal([true, false]);
      theirs.open({ bgpId: HIGHER });
      rig.settle();
      expect(theirs.notifications).to.deep.equal(['5/2 01']);
      ours.keepalive();
      rig.settle();
      expect(rig.peer.state).to.equal('Established');
    });

    it('stop and reset end both, and no timer is left', () => {
      for (const end of ['stop', 'reset'] as const) {
        const [rig, ours, theirs] = collide('OpenConfirm', HIGHER);
        theirs.open({ bgpId: HIGHER });
        rig.settle();
        if (end === 'stop') void rig.peer.stop();
        else rig.peer.reset();
        rig.settle();
        expect([ours.notifications.length, theirs.notifications.length], end).to.deep.equal([1, 1]);
        if (end === 'reset') continue;
        rig.settle(1e6);
        expect(rig.clock.pending).to.equal(0);
      }
    });
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

  /** @param jitterMs octets of one connection stay in order, those of two may overtake each other */
  constructor(seed: number, jitterMs = 0) {
    const random = seededRandom(seed);
    this.network = new MemoryNetwork({ clock: this.clock, rechunk: random, latencyMs: 10, scribble: true });
    if (jitterMs > 0) this.network.latency = () => 1 + random() * jitterMs;
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

  it('end up with one session, whichever connection is quicker, and without a second attempt', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const pair = new Pair(seed, seed % 2 === 0 ? 20 : 100);
      pair.peers[0]!.start();
      pair.clock.run(((seed * 7) % 41) * (seed % 2 === 0 ? 1 : 5));
      pair.peers[1]!.start();
      pair.clock.run(900);
      expect(pair.areEstablished, `seed ${seed}`).to.equal(true);
      pair.clock.run(10_000);
      expect(
        pair.peers.map(({ establishedCount }) => establishedCount),
        `seed ${seed}`,
      ).to.deep.equal([1, 1]);
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
