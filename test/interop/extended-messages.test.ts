import { expect } from 'chai';
import { Bird, Frr, Tsbgp, established, eventually, holds, lab } from './harness/index.js';

const AS = 64512;
/** More than 4096 octets hold. */
const MANY = Array.from({ length: 1200 }, (_, i) => `64512:${10_000 + i}`);
const MORE = [...MANY, '64512:9999'].sort();

lab('extended messages (RFC 8654)', { needs: ['bird', 'frr'] }, (lab) => {
  let reflector: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let short: Bird;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const [center, one, two, three] = [
      await lab.network.host('tsbgp', [lan, 100]),
      await lab.network.host('bird', [lan, 1]),
      await lab.network.host('frr', [lan, 2]),
      await lab.network.host('short', [lan, 3]),
    ];
    reflector = new Tsbgp(center, {
      asn: AS,
      neighbors: [one, two, three].map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true })),
    });
    const toReflector = { address: center.v4, peerAs: AS };
    bird = new Bird(one, { asn: AS, neighbors: [{ ...toReflector, lines: ['  enable extended messages on;'] }] });
    frr = new Frr(two, { asn: AS, neighbors: [toReflector] });
    short = new Bird(three, { asn: AS, neighbors: [toReflector] });
    await Promise.all([reflector, bird, frr, short].map((speaker) => speaker.start()));
    await established(reflector, one.v4, two.v4, three.v4);
  });

  it('is agreed with BIRD and FRR, and not with a BIRD that has it switched off', async () => {
    const offers = await Promise.all(
      [bird, frr, short].map(async ({ host }) => (await reflector.neighbor(host.v4)).capabilities),
    );
    expect(offers.map((names) => names.includes('EXTENDED_MESSAGE'))).to.deep.equal([true, true, false]);
  });

  it("BIRD's route with attributes of more than 4096 octets reaches FRR, and not the BIRD without", async () => {
    await bird.announce({ prefix: '10.1.0.0/24', communities: MANY });
    await bird.announce({ prefix: '2001:db8:1::/48', communities: MANY });
    await bird.announce('10.1.1.0/24');
    const long = { prefix: '10.1.0.0/24', communities: MANY, best: true };
    await holds(reflector, 'ipv4', [{ ...long, neighbor: bird.host.v4 }, { prefix: '10.1.1.0/24' }]);
    await holds(frr, 'ipv4', [{ ...long, originatorId: bird.routerId }, { prefix: '10.1.1.0/24' }]);
    await holds(frr, 'ipv6', [{ prefix: '2001:db8:1::/48', communities: MANY }]);
    await holds(short, 'ipv4', [{ prefix: '10.1.1.0/24' }]);
    await holds(short, 'ipv6', []);
  });

  it('one that grows over the limit is withdrawn from the BIRD without, and comes back when it shrinks', async () => {
    await bird.announce({ prefix: '10.1.1.0/24', communities: MANY });
    await holds(frr, 'ipv4', [{ prefix: '10.1.0.0/24' }, { prefix: '10.1.1.0/24', communities: MANY }]);
    await holds(short, 'ipv4', []);
    await bird.announce('10.1.1.0/24');
    await holds(short, 'ipv4', [{ prefix: '10.1.1.0/24', communities: [] }]);
  });

  it('our own long route reaches BIRD and FRR', async () => {
    await reflector.announce({ prefix: '10.9.0.0/24', communities: MORE });
    const own = { prefix: '10.9.0.0/24', communities: MORE, nextHop: reflector.host.v4 };
    // BIRD's `show route all` ends a list of communities after some thousand characters.
    await holds(bird, 'ipv4', [{ prefix: own.prefix, nextHop: own.nextHop }]);
    await holds(frr, 'ipv4', [{ prefix: '10.1.0.0/24' }, { prefix: '10.1.1.0/24' }, own]);
    await holds(short, 'ipv4', [{ prefix: '10.1.1.0/24' }]);
  });

  it('no session has ended meanwhile', async () => {
    const views = await Promise.all([bird, frr, short].map(({ host }) => reflector.neighbor(host.v4)));
    // A first attempt may have come before the daemon listened.
    expect(views.map(({ established, lastError }) => [established, lastError?.code])).to.deep.equal([
      [1, undefined],
      [1, undefined],
      [1, undefined],
    ]);
    await eventually(() => short.sessionState(reflector.host.v4), {
      what: 'the BIRD without is Established',
      until: (state) => state === 'Established',
    });
  });
});
