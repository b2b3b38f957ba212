import { expect } from 'chai';
import { Bird, Frr, Tsbgp, eventually, holds, lab, run } from './harness/index.js';

const AS = 64512;

/** RFC 7313 both ways. GoBGP and OpenBGPD know the plain form only, or do not sweep. */
lab('enhanced route refresh', { needs: ['bird', 'frr'] }, (lab) => {
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  const own = ['10.60.0.0/24', '10.61.0.0/24'];

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 1]);
    const first = await lab.network.host('bird', [lan, 2]);
    const second = await lab.network.host('frr', [lan, 3]);
    const neighbor = { address: center.v4, peerAs: AS, families: ['ipv4'] as const };
    bird = new Bird(first, { asn: AS, neighbors: [neighbor], announce: ['10.62.0.0/24'] });
    frr = new Frr(second, { asn: AS, neighbors: [neighbor], announce: ['10.63.0.0/24'] });
    tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: [first, second].map(({ v4 }) => ({
        address: v4,
        peerAs: AS,
        reflectorClient: true,
        families: ['ipv4'],
      })),
      announce: own,
    });
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    await bothHoldAll();
  });

  const bothHoldAll = async () => {
    await holds(
      bird,
      'ipv4',
      [...own, '10.63.0.0/24'].map((prefix) => ({ prefix })),
    );
    await holds(
      frr,
      'ipv4',
      [...own, '10.62.0.0/24'].map((prefix) => ({ prefix })),
    );
  };

  const counters = async (address: string) => {
    const { sent, received } = await tsbgp.neighbor(address);
    return { sent: sent.routeRefresh, received: received.routeRefresh, updates: sent.update, told: received.update };
  };

  it('soft-in: they answer between BoRR and EoRR, and nothing is lost', async () => {
    for (const daemon of [bird, frr]) {
      const before = await counters(daemon.host.v4);
      await tsbgp.neighborCommand('soft-in', daemon.host.v4);
      await eventually(() => counters(daemon.host.v4), {
        what: `BoRR and EoRR from ${daemon.kind}`,
        until: (now) => {
          expect(now.sent - before.sent).to.equal(1);
          expect(now.received - before.received).to.equal(2);
          expect(now.told).to.be.greaterThan(before.told);
        },
      });
      const { prefixes } = await tsbgp.neighbor(daemon.host.v4);
      expect(prefixes['ipv4-unicast']).to.deep.include({ received: 1 }).and.not.have.property('stale');
    }
  });

  it('soft-out: BoRR, all routes, EoRR; they hold what they held', async () => {
    for (const daemon of [bird, frr]) {
      const before = await counters(daemon.host.v4);
      await tsbgp.neighborCommand('soft-out', daemon.host.v4);
      await eventually(() => counters(daemon.host.v4), {
        what: `all routes again to ${daemon.kind}`,
        until: (now) => {
          expect(now.sent - before.sent).to.equal(2);
          expect(now.updates).to.be.greaterThan(before.updates);
        },
      });
    }
    await bothHoldAll();
  });

  it('BIRD asks: it is answered between BoRR and EoRR', async () => {
    const before = await counters(bird.host.v4);
    await run('birdc', ['-s', `${bird.host.directory}/bird.ctl`, 'reload in peer0']);
    await eventually(() => counters(bird.host.v4), {
      what: 'the answer',
      until: (now) => {
        expect(now.received - before.received).to.equal(1);
        expect(now.sent - before.sent).to.equal(2);
      },
    });
    await holds(
      bird,
      'ipv4',
      [...own, '10.63.0.0/24'].map((prefix) => ({ prefix })),
    );
  });
});
