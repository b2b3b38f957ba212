import { expect } from 'chai';
import { Bird, Exabgp, Frr, Gobgp, Openbgpd, eventually, holds, lab } from './harness/index.js';
import type { ExpectedRoute, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const KINDS = [Bird, Frr, Gobgp, Openbgpd, Exabgp];

/** Proves the drivers without tsbgp: what one daemon announces, each other is seen to hold through a BIRD reflector. */
lab('interop harness', { needs: ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'] }, (lab) => {
  let reflector: Bird;
  let clients: SpeakerDriver[];
  const prefixes = (index: number) => ({ ipv4: `10.${index + 1}.0.0/24`, ipv6: `2001:db8:${index + 1}::/48` });
  const all = (check: (client: SpeakerDriver, index: number) => Promise<unknown>) => Promise.all(clients.map(check));

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    clients = [];
    for (const [index, Kind] of KINDS.entries()) {
      const host = await lab.network.host(`${Kind.name}`, [lan, index + 1]);
      const announce = Object.values(prefixes(index));
      clients.push(new Kind(host, { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }], announce }));
    }
    const neighbors = clients.map(({ host }) => ({ address: host.v4, peerAs: AS, reflectorClient: true }));
    reflector = new Bird(center, { asn: AS, neighbors });
    await reflector.start();
    await all((client) => client.start());
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`each daemon holds the ${family} routes of all others`, async () => {
      const routes = clients.map(({ host }, index): ExpectedRoute => ({
        prefix: prefixes(index)[family],
        nextHop: family === 'ipv4' ? host.v4 : host.v6,
        asPath: '',
        originatorId: host.v4,
        clusterList: [reflector.clusterId],
        localPref: 100,
        best: true,
      }));
      await all((client, index) => holds(client, family, routes.toSpliced(index, 1)));
    });
  }

  it('each daemon says that its session is Established', async () => {
    for (const client of clients) {
      expect(await client.sessionState(reflector.host.v4), client.kind).to.equal('Established');
      expect(await reflector.sessionState(client.host.v4)).to.equal('Established');
    }
  });

  it('routes with attributes are announced and withdrawn at run time', async () => {
    const attributes = { med: 77, localPref: 300, communities: ['64512:1', '64512:2'] };
    const extra = (index: number) => `10.${index + 1}.99.0/24`;
    const before = clients.map((_, index): ExpectedRoute => ({ prefix: prefixes(index).ipv4 }));
    await all((client, index) => client.announce({ prefix: extra(index), ...attributes }));
    const added = clients.map((_, index): ExpectedRoute => ({ prefix: extra(index), ...attributes }));
    await holds(reflector, 'ipv4', [...before, ...added]);
    await all((client, index) => client.withdraw(extra(index)));
    await holds(reflector, 'ipv4', before);
  });

  it('a daemon that was killed comes back with its routes', async () => {
    for (const [index, client] of clients.entries()) {
      const announced = prefixes(index).ipv4;
      const present = async () => (await reflector.routes('ipv4')).some((route) => route.prefix === announced);
      await client.kill();
      await eventually(present, { what: `${announced} of ${client.kind} is gone`, until: (yes) => !yes });
      await client.start();
      await eventually(present, { what: `${announced} of ${client.kind} is back`, until: (yes) => yes });
    }
  });
});
