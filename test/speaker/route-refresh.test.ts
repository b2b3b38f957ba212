import { expect } from 'chai';
import type { PeerOptions } from '../../lib/bgp/session/index.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { octets } from '../support/wire.js';

const CENTER = '10.0.0.254';
const V4 = { afi: 1, safi: 1 };
const [BEGIN, END] = [1, 2];
const endOfRib = octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000');

async function scene(more: Partial<PeerOptions> = {}): Promise<{ lab: Lab; speaker: Speaker; one: Probe; two: Probe }> {
  const lab = new Lab();
  const client = (address: string) => ({ address, peerAs: 64512, routeReflectorClient: true });
  const speaker = await lab.speaker(
    { routerId: CENTER, neighbors: ['10.0.0.1', '10.0.0.2'].map(client), networks: ['10.9.0.0/16'] },
    { networks: oneInterface([CENTER, '10.0.0.0/24']) },
  );
  const one = lab.probe(CENTER, '10.0.0.1', { families: [V4], ...more });
  const two = lab.probe(CENTER, '10.0.0.2', { families: [V4] });
  await lab.up(one, two);
  one.announce('10.1.0.0/16', '10.2.0.0/16');
  await lab.settle();
  expect(two.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16', '10.9.0.0/16']);
  one.view.log.length = two.view.log.length = 0;
  return { lab, speaker, one, two };
}

describe('enhanced route refresh (RFC 7313)', () => {
  it('a request is answered between BoRR and EoRR', async () => {
    const { lab, two } = await scene();
    two.refresh(1);
    await lab.settle();
    expect(two.view.log[0]).to.equal('begin 1/1');
    expect(two.view.log.at(-1)).to.equal('end 1/1');
    expect(two.view.log.slice(1, -1).sort()).to.deep.equal(['+10.1.0.0/16', '+10.2.0.0/16', '+10.9.0.0/16']);
  });

  it('a request that comes before the answer to another one begins is answered with it, a later one anew', async () => {
    const { lab, two } = await scene();
    two.refresh(1).refresh(1).refresh(1);
    await lab.settle();
    expect(two.refreshes.map((text) => text.split(' ')[1])).to.deep.equal(['begin', 'end']);
    two.refresh(1);
    await lab.settle();
    expect(two.refreshes.map((text) => text.split(' ')[1])).to.deep.equal(['begin', 'end', 'begin', 'end']);
  });

  it('a peer without the capability gets no BoRR and no EoRR', async () => {
    const { lab, one } = await scene({ capabilities: { enhancedRouteRefresh: false } });
    one.refresh(1);
    await lab.settle();
    expect(one.view.log).to.deep.equal(['+10.9.0.0/16']);
  });

  it('no BoRR before our End-of-RIB: a request that comes too early waits', async () => {
    const lab = new Lab({ windowBytes: 256, highWaterMark: 256 });
    const networks = Array.from({ length: 2000 }, (_, i) => ({ prefix: `10.${i >> 8}.${i & 255}.0/24`, med: i }));
    await lab.speaker({ routerId: CENTER, neighbors: [{ address: '10.0.0.1', peerAs: 64512 }], networks });
    const one = lab.probe(CENTER, '10.0.0.1', { families: [V4] });
    one.peer.start();
    await lab.clock.runUntilAsync(() => one.isUp, 10_000);
    one.refresh(1);
    await lab.clock.runUntilAsync(() => one.refreshes.length === 2, 60_000);
    expect(one.view.endOfRib).to.deep.equal(['1/1']);
    // All once, and then all once again.
    expect(one.view.log.indexOf('begin 1/1')).to.equal(2000);
    expect(one.view.log).to.have.length(4002);
  });

  it('between BoRR and EoRR: what is not told again goes', async () => {
    const { lab, speaker, one, two } = await scene();
    one.send(endOfRib).refresh(1, 1, BEGIN);
    await lab.settle();
    expect(speaker.neighbor('10.0.0.1').prefixes['ipv4-unicast']!.stale).to.have.property('phase', 'refresh');
    one.announce('10.2.0.0/16').refresh(1, 1, END);
    await lab.settle();
    expect(two.view.log).to.deep.equal(['-10.1.0.0/16']);
    expect(speaker.neighbor('10.0.0.1').prefixes['ipv4-unicast']).to.deep.equal({ received: 1, advertised: 1 });
  });

  it('a BoRR before End-of-RIB, and an EoRR without BoRR, are ignored', async () => {
    const { lab, two, one } = await scene();
    one.refresh(1, 1, BEGIN).refresh(1, 1, END);
    await lab.settle();
    one.send(endOfRib).refresh(1, 1, END);
    await lab.settle();
    expect(two.view.log).to.deep.equal([]);
  });

  it('a second BoRR begins anew', async () => {
    const { lab, two, one } = await scene();
    one.send(endOfRib).refresh(1, 1, BEGIN).announce('10.1.0.0/16').refresh(1, 1, BEGIN).announce('10.2.0.0/16');
    one.refresh(1, 1, END);
    await lab.settle();
    expect(two.view.log).to.deep.equal(['-10.1.0.0/16']);
  });

  it('no EoRR: what is stale goes in the end', async () => {
    const { lab, two, one } = await scene();
    one.send(endOfRib).refresh(1, 1, BEGIN).announce('10.2.0.0/16');
    await lab.clock.runAsync(350_000);
    expect(two.view.log).to.deep.equal([]);
    await lab.clock.runAsync(11_000);
    expect(two.view.log).to.deep.equal(['-10.1.0.0/16']);
  });

  it('the session ends in between: not a word of what is stale', async () => {
    const { lab, two, one, speaker } = await scene({
      gracefulRestart: {
        restartState: false,
        notification: false,
        restartTime: 60,
        tuples: [{ ...V4, forwarding: true }],
      },
    });
    one.send(endOfRib).refresh(1, 1, BEGIN).announce('10.2.0.0/16');
    await lab.settle();
    void one.peer.leave();
    await lab.settle();
    // It has not restarted before: nothing is left over from an earlier restart.
    expect(two.view.log).to.deep.equal([]);
    expect(speaker.neighbor('10.0.0.1').prefixes['ipv4-unicast']!.received).to.equal(2);
  });
});

describe('soft reset', () => {
  it('in: ROUTE-REFRESH for each family', async () => {
    const { lab, speaker, one } = await scene({ families: [V4, { afi: 2, safi: 1 }] });
    speaker.softIn('10.0.0.1');
    await lab.settle();
    expect(one.refreshes).to.deep.equal(['1/1 request', '2/1 request']);
    expect(speaker.neighbor('10.0.0.1').sent.routeRefresh).to.equal(2);
  });

  it('in: a neighbor that cannot, or is not there', async () => {
    const { speaker, one, lab } = await scene({ capabilities: { routeRefresh: false } });
    expect(() => speaker.softIn('10.0.0.1'))
      .to.throw()
      .with.property('code', 'no_route_refresh');
    void one.peer.stop();
    await lab.settle();
    expect(() => speaker.softIn('10.0.0.1'))
      .to.throw()
      .with.property('code', 'not_established');
    expect(() => speaker.softOut('10.0.0.1'))
      .to.throw()
      .with.property('code', 'not_established');
    expect(() => speaker.softIn('10.0.0.77'))
      .to.throw()
      .with.property('code', 'unknown_neighbor');
  });

  it('out: everything again', async () => {
    const { lab, speaker, two } = await scene();
    speaker.softOut('10.0.0.2');
    await lab.settle();
    expect(two.view.log.slice(1, -1).sort()).to.deep.equal(['+10.1.0.0/16', '+10.2.0.0/16', '+10.9.0.0/16']);
  });

  it('a changed nextHopSelf is told in place, without a reset', async () => {
    const lab = new Lab();
    const neighbor = (nextHopSelf: boolean) => ({ address: '10.0.0.2', peerAs: 64512, nextHopSelf });
    const config = (nextHopSelf: boolean) => ({
      asn: 64512,
      routerId: CENTER,
      listen: [{ address: CENTER, port: 179 }],
      neighbors: [{ address: '10.0.0.1', peerAs: 64999 }, neighbor(nextHopSelf)],
    });
    const speaker = await lab.speaker(config(false));
    const one = lab.probe(CENTER, '10.0.0.1', { localAs: 64999, families: [V4] });
    const two = lab.probe(CENTER, '10.0.0.2', { families: [V4] });
    await lab.up(one, two);
    one.announce('10.1.0.0/16');
    await lab.settle();
    expect(two.view.routes.get('10.1.0.0/16')!.nextHop).to.equal('10.0.0.1');
    for (const self of [true, false]) {
      const result = await lab.during(speaker.reconfigure(config(self)));
      expect(result).to.deep.include({ changed: ['10.0.0.2'], reset: [] });
      await lab.settle();
      expect(two.view.routes.get('10.1.0.0/16')!.nextHop).to.equal(self ? CENTER : '10.0.0.1');
      // The new group goes on to tell changes.
      one.announce('10.2.0.0/16');
      await lab.settle();
      expect(two.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
      one.withdraw('10.2.0.0/16');
      await lab.settle();
      expect(two.prefixes).to.deep.equal(['10.1.0.0/16']);
    }
    expect(two.downs).to.deep.equal([]);
    expect(two.view.needless).to.deep.equal([]);
    expect(two.view.endOfRib).to.deep.equal(['1/1']);
  });
});
