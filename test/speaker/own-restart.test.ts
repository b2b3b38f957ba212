import { expect } from 'chai';
import type { GracefulRestartOffer } from '../../lib/bgp/session/index.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import { Lab, type Probe } from '../support/lab.js';
import { octets } from '../support/wire.js';

const CENTER = '10.0.0.254';
const V4 = { afi: 1, safi: 1 };
const FULL: Partial<NeighborOptions> = { gracefulRestart: { enabled: true }, families: ['ipv4-unicast'] };
/** RFC 4724 section 2. */
const endOfRib = octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000');

function client(number: number, more: Partial<NeighborOptions> = FULL): NeighborOptions {
  return { address: `10.0.0.${number}`, peerAs: 64512, routeReflectorClient: true, ...more };
}

function probeOf(lab: Lab, number: number, more: Partial<GracefulRestartOffer> = {}): Probe {
  const tuples = [{ ...V4, forwarding: true }];
  const gracefulRestart = { restartState: false, notification: false, restartTime: 60, tuples, ...more };
  return lab.probe(CENTER, `10.0.0.${number}`, { families: [V4], gracefulRestart });
}

/** The graceful restart capability in the speaker's OPEN. */
const announced = (probe: Probe) => probe.negotiated!.gracefulRestart;

/** Neighbors come by range. */
const DYNAMIC = {
  routerId: CENTER,
  peerGroups: { all: { peerAs: 64512, ...FULL } },
  dynamicNeighbors: [{ prefix: '10.0.0.0/24', peerGroup: 'all' }],
  networks: ['10.9.0.0/16'],
};

describe('graceful restart: our own (RFC 4724 section 4.1)', () => {
  it('chooses and tells nothing until all have sent End-of-RIB, then all at once', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker({
      routerId: CENTER,
      neighbors: [client(1), client(2)],
      networks: ['10.9.0.0/16'],
    });
    const [one, two] = [probeOf(lab, 1), probeOf(lab, 2)];
    await lab.up(one, two);
    expect(announced(one)).to.deep.include({ restartState: true, restartTime: 120 });
    expect(announced(one)!.tuples).to.deep.equal([{ ...V4, forwarding: true }]);
    one.announce('10.1.0.0/16').send(endOfRib);
    two.announce('10.2.0.0/16');
    await lab.clock.runAsync(100_000);
    expect([one.view.messages, two.view.messages]).to.deep.equal([0, 0]);
    expect([...speaker.routes('ipv4-unicast')]).to.deep.equal([]);
    two.send(endOfRib);
    await lab.settle();
    expect(one.view.log.sort()).to.deep.equal(['+10.2.0.0/16', '+10.9.0.0/16']);
    expect(two.view.log.sort()).to.deep.equal(['+10.1.0.0/16', '+10.9.0.0/16']);
    expect([one.view.endOfRib, two.view.endOfRib]).to.deep.equal([['1/1'], ['1/1']]);
    // The restart is over: the next OPEN says so.
    void one.peer.leave();
    await lab.settle();
    await lab.up(one);
    expect(announced(one)).to.include({ restartState: false });
  });

  it('waits no longer than selectionDeferralTime', async () => {
    const lab = new Lab();
    const gracefulRestart = { selectionDeferralTime: 30 };
    await lab.speaker({
      routerId: CENTER,
      neighbors: [client(1), client(2)],
      networks: ['10.9.0.0/16'],
      gracefulRestart,
    });
    const one = probeOf(lab, 1);
    await lab.up(one);
    one.send(endOfRib);
    await lab.clock.runAsync(27_000);
    expect(one.view.messages).to.equal(0);
    await lab.clock.runAsync(4_000);
    expect(one.prefixes).to.deep.equal(['10.9.0.0/16']);
    expect(one.view.endOfRib).to.deep.equal(['1/1']);
  });

  it('does not wait for who is switched off, lacks the capability or the family', async () => {
    const lab = new Lab();
    const neighbors = [
      client(1),
      client(2, { ...FULL, adminDown: true }),
      client(3),
      client(4, { ...FULL, families: ['ipv6-unicast'] }),
    ];
    const speaker = await lab.speaker({ routerId: CENTER, neighbors, networks: ['10.9.0.0/16'] });
    const one = probeOf(lab, 1);
    const three = lab.probe(CENTER, '10.0.0.3', { families: [V4], capabilities: { gracefulRestart: false } });
    await lab.up(one, three);
    one.send(endOfRib);
    await lab.settle();
    expect(one.prefixes).to.deep.equal(['10.9.0.0/16']);
    expect(three.prefixes).to.deep.equal(['10.9.0.0/16']);
    expect(speaker.neighbor('10.0.0.4').state).to.not.equal('Established');
  });

  it('waits ten seconds for a client that restarts too, and not at all for another router', async () => {
    const lab = new Lab();
    const neighbors = [client(1), client(2, { ...FULL, routeReflectorClient: false })];
    await lab.speaker({ routerId: CENTER, neighbors, networks: ['10.9.0.0/16'] });
    const [one, two] = [probeOf(lab, 1, { restartState: true }), probeOf(lab, 2, { restartState: true })];
    await lab.up(one, two);
    await lab.clock.runAsync(8_000);
    expect(two.view.messages).to.equal(0);
    await lab.clock.runAsync(3_000);
    expect(two.prefixes).to.deep.equal(['10.9.0.0/16']);

    const other = new Lab();
    await other.speaker({ routerId: CENTER, neighbors: [neighbors[1]!], networks: ['10.9.0.0/16'] });
    const only = probeOf(other, 2, { restartState: true });
    await other.up(only);
    expect(only.prefixes).to.deep.equal(['10.9.0.0/16']);
  });

  it('holds a restarting client in OpenConfirm, tells it first, and the others when its routes are here', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker({ routerId: CENTER, neighbors: [client(1), client(2), client(3)] });
    const [one, two, three] = [probeOf(lab, 1), probeOf(lab, 2, { restartState: true }), probeOf(lab, 3)];
    two.peer.start();
    await lab.up(one);
    await lab.settle();
    expect(two.peer.state).to.equal('OpenConfirm');
    expect(speaker.neighbor('10.0.0.2').state).to.equal('Established');
    one.announce('10.1.0.0/16').send(endOfRib);
    await lab.up(three);
    three.send(endOfRib);
    await lab.settle();
    // Its End-of-RIB waits like those of the others: there may be more restarting clients.
    expect(two.isUp).to.equal(true);
    expect(two.view.log).to.deep.equal(['+10.1.0.0/16']);
    expect([one, two, three].map(({ view }) => view.endOfRib)).to.deep.equal([[], [], []]);
    two.announce('10.2.0.0/16').send(endOfRib);
    await lab.settle();
    expect(one.view.log).to.deep.equal(['+10.2.0.0/16']);
    expect(three.view.log.sort()).to.deep.equal(['+10.1.0.0/16', '+10.2.0.0/16']);
    expect([one, two, three].map(({ view }) => view.endOfRib)).to.deep.equal([['1/1'], ['1/1'], ['1/1']]);
  });

  it('lets a restarting client through after ten seconds, whatever the others do', async () => {
    const lab = new Lab();
    await lab.speaker({ routerId: CENTER, neighbors: [client(1), client(2)] });
    const two = probeOf(lab, 2, { restartState: true });
    two.peer.start();
    await lab.clock.runAsync(9_000);
    expect(two.isUp).to.equal(false);
    await lab.clock.runAsync(2_500);
    expect(two.isUp).to.equal(true);
    expect(two.view.messages).to.equal(0);
  });

  it('with ranges of dynamic neighbors it waits until no new one has come for a while', async () => {
    const lab = new Lab();
    await lab.speaker(DYNAMIC);
    const one = probeOf(lab, 1);
    await lab.up(one);
    one.send(endOfRib);
    await lab.clock.runAsync(20_000);
    const two = probeOf(lab, 2);
    await lab.up(two);
    two.send(endOfRib);
    await lab.clock.runAsync(25_000);
    expect(one.view.messages).to.equal(0);
    await lab.clock.runAsync(6_000);
    expect(one.prefixes).to.deep.equal(['10.9.0.0/16']);
  });

  it('dynamicNeighborQuietTime: how long; 0: not at all, but for the End-of-RIB of those that are here', async () => {
    for (const [dynamicNeighborQuietTime, waits] of [
      [5, [4_000, 2_000]],
      [0, [0, 0]],
    ] as const) {
      const lab = new Lab();
      await lab.speaker({ ...DYNAMIC, neighbors: [client(200)], gracefulRestart: { dynamicNeighborQuietTime } });
      const [fixed, one] = [probeOf(lab, 200), probeOf(lab, 1)];
      await lab.up(fixed, one);
      fixed.send(endOfRib);
      await lab.clock.runAsync(60_000);
      expect([fixed.view.messages, one.view.messages]).to.deep.equal([0, 0]);
      const two = probeOf(lab, 2);
      await lab.up(two);
      one.send(endOfRib);
      two.send(endOfRib);
      await lab.clock.runAsync(waits[0]);
      if (waits[0] > 0) expect(two.view.messages).to.equal(0);
      await lab.clock.runAsync(waits[1]);
      await lab.settle();
      for (const probe of [fixed, one, two]) expect(probe.prefixes).to.deep.equal(['10.9.0.0/16']);
    }
  });

  it('as helper only, it tells at once', async () => {
    const lab = new Lab();
    const neighbors = [client(1, { families: ['ipv4-unicast'] }), client(2, { families: ['ipv4-unicast'] })];
    await lab.speaker({ routerId: CENTER, neighbors, networks: ['10.9.0.0/16'] });
    const one = probeOf(lab, 1);
    await lab.up(one);
    expect(announced(one)).to.deep.include({ restartState: false, tuples: [] });
    expect(one.prefixes).to.deep.equal(['10.9.0.0/16']);
  });

  it('LLGR: the time for which our routes are to be kept', async () => {
    const lab = new Lab();
    const longLivedGracefulRestart = { enabled: true, staleTime: 1000 };
    await lab.speaker({ routerId: CENTER, neighbors: [client(1, { ...FULL, longLivedGracefulRestart })] });
    const one = probeOf(lab, 1, { longLived: [] });
    await lab.up(one);
    expect(one.negotiated!.longLived).to.deep.equal([{ ...V4, forwarding: true, staleTime: 1000 }]);
  });

  it('atStop: restart closes without a NOTIFICATION where routes are to be kept, and tells the others', async () => {
    const lab = new Lab();
    const neighbors = [client(1), client(2, { families: ['ipv4-unicast'] })];
    const speaker = await lab.speaker({ routerId: CENTER, neighbors, gracefulRestart: { atStop: 'restart' } });
    const [one, two] = [probeOf(lab, 1), probeOf(lab, 2)];
    await lab.up(one, two);
    await lab.during(speaker.stop());
    await lab.settle();
    expect(one.peer.received.notification).to.equal(0);
    expect(two.peer.received.notification).to.equal(1);
    expect(lab.connectionsOf(CENTER)).to.equal(0);
  });
});

describe('initialSync', () => {
  it('holds End-of-RIB back, not the routes', async () => {
    const lab = new Lab();
    let done = (): void => undefined;
    const initialSync = new Promise<void>((resolve) => (done = resolve));
    const neighbors = [client(1, { families: ['ipv4-unicast'] })];
    const speaker = await lab.speaker({ routerId: CENTER, neighbors, networks: ['10.9.0.0/16'] }, { initialSync });
    const one = probeOf(lab, 1);
    await lab.up(one);
    expect(one.prefixes).to.deep.equal(['10.9.0.0/16']);
    speaker.announce('10.8.0.0/16');
    await lab.settle();
    expect(one.view.endOfRib).to.deep.equal([]);
    speaker.announce('10.7.0.0/16');
    done();
    await lab.settle();
    expect(one.prefixes).to.deep.equal(['10.7.0.0/16', '10.8.0.0/16', '10.9.0.0/16']);
    expect(one.view.endOfRib).to.deep.equal(['1/1']);
    // One that comes later gets its End-of-RIB as ever.
    void one.peer.leave();
    await lab.settle();
    await lab.up(one);
    expect(one.view.endOfRib).to.deep.equal(['1/1']);
  });

  it('after a restart, selection waits for it too; a rejection counts as done', async () => {
    const lab = new Lab();
    let fail: (error: Error) => void = () => undefined;
    const initialSync = new Promise<void>((_, reject) => (fail = reject));
    await lab.speaker({ routerId: CENTER, neighbors: [client(1)], networks: ['10.9.0.0/16'] }, { initialSync });
    const one = probeOf(lab, 1);
    await lab.up(one);
    one.send(endOfRib);
    await lab.clock.runAsync(50_000);
    expect(one.view.messages).to.equal(0);
    fail(new Error('no database'));
    await lab.settle();
    expect(one.prefixes).to.deep.equal(['10.9.0.0/16']);
    expect(one.view.endOfRib).to.deep.equal(['1/1']);
  });
});
