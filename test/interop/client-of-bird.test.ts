import { Bird, Gobgp, Tsbgp, established, holds, lab } from './harness/index.js';
import type { ExpectedRoute } from './harness/index.js';

const AS = 64512;
const CLUSTER = '10.0.0.200';

lab('client of a BIRD reflector', { needs: ['bird', 'gobgp'] }, (lab) => {
  let reflector: Bird;
  let tsbgp: Tsbgp;
  let other: Gobgp;

  const reflected = (of: Tsbgp | Gobgp, ...prefixes: string[]): ExpectedRoute[] =>
    prefixes.map((prefix) => ({
      prefix,
      nextHop: prefix.includes(':') ? of.host.v6 : of.host.v4,
      asPath: '',
      originatorId: of.routerId,
      clusterList: [CLUSTER],
      localPref: 100,
      best: true,
    }));

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('bird', [lan, 100]);
    const one = await lab.network.host('tsbgp', [lan, 1]);
    const two = await lab.network.host('gobgp', [lan, 2]);
    const neighbors = [{ address: center.v4, peerAs: AS }];
    reflector = new Bird(center, {
      asn: AS,
      clusterId: CLUSTER,
      neighbors: [one, two].map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true })),
    });
    tsbgp = new Tsbgp(one, { asn: AS, neighbors, announce: ['10.1.0.0/24', '2001:db8:1::/48'] });
    other = new Gobgp(two, { asn: AS, neighbors, announce: ['10.2.0.0/24', '2001:db8:2::/48'] });
    await Promise.all([reflector, tsbgp, other].map((speaker) => speaker.start()));
    await established(tsbgp, center.v4);
  });

  it('holds what the other client announces', async () => {
    await holds(tsbgp, 'ipv4', reflected(other, '10.2.0.0/24'));
    await holds(tsbgp, 'ipv6', reflected(other, '2001:db8:2::/48'));
  });

  it('is heard by the other client', async () => {
    await holds(other, 'ipv4', reflected(tsbgp, '10.1.0.0/24'));
    await holds(other, 'ipv6', reflected(tsbgp, '2001:db8:1::/48'));
  });

  it('announces and withdraws at run time', async () => {
    const attributes = { med: 77, localPref: 300, communities: ['64512:1', '64512:2'] };
    await tsbgp.announce({ prefix: '10.1.99.0/24', ...attributes });
    await tsbgp.announce('2001:db8:199::/48');
    const [extra] = reflected(tsbgp, '10.1.99.0/24') as [ExpectedRoute];
    await holds(other, 'ipv4', [...reflected(tsbgp, '10.1.0.0/24'), { ...extra, ...attributes }]);
    await holds(other, 'ipv6', reflected(tsbgp, '2001:db8:1::/48', '2001:db8:199::/48'));
    await tsbgp.withdraw('10.1.99.0/24');
    await tsbgp.withdraw('2001:db8:199::/48');
    await holds(other, 'ipv4', reflected(tsbgp, '10.1.0.0/24'));
    await holds(other, 'ipv6', reflected(tsbgp, '2001:db8:1::/48'));
  });

  it('follows a withdrawal', async () => {
    await other.withdraw('10.2.0.0/24');
    await holds(tsbgp, 'ipv4', []);
    await other.announce('10.2.0.0/24');
    await holds(tsbgp, 'ipv4', reflected(other, '10.2.0.0/24'));
  });

  it('loses all routes with the reflector, and has them again after its return', async () => {
    await reflector.kill();
    await holds(tsbgp, 'ipv4', []);
    await holds(tsbgp, 'ipv6', []);
    await reflector.start();
    await holds(tsbgp, 'ipv4', reflected(other, '10.2.0.0/24'), 30_000);
    await holds(tsbgp, 'ipv6', reflected(other, '2001:db8:2::/48'));
    await holds(other, 'ipv4', reflected(tsbgp, '10.1.0.0/24'));
  });

  it('leaves with a Cease, and its routes leave with it', async () => {
    await tsbgp.stop();
    await holds(reflector, 'ipv4', [{ prefix: '10.2.0.0/24' }]);
    await holds(reflector, 'ipv6', [{ prefix: '2001:db8:2::/48' }]);
  });
});
