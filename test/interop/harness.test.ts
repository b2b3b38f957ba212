import { expect } from 'chai';
import { Bird, Exabgp, Frr, Gobgp, Openbgpd, eventually, lab } from './harness/index.js';
import type { Family, HeldRoute, Host, SpeakerDriver } from './harness/index.js';

const AS = 64512;

/** Proves the drivers without tsbgp: what one daemon announces, each other is seen to hold through a BIRD reflector. */
lab('interop harness', { needs: ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'] }, (lab) => {
  let reflector: Bird;
  let clients: SpeakerDriver[];

  const prefix = (client: SpeakerDriver, family: Family) => {
    const number = clients.indexOf(client) + 1;
    return family === 'ipv4' ? `10.${number}.0.0/24` : `2001:db8:${number}::/48`;
  };

  const reflected = (route: string, source: Host): Partial<HeldRoute> => ({
    prefix: route,
    nextHop: route.includes(':') ? source.v6 : source.v4,
    asPath: '',
    originatorId: source.v4,
    clusterList: ['10.0.0.100'],
    localPref: 100,
    best: true,
  });

  const held = async (client: SpeakerDriver, family: Family) => {
    const routes = await client.routes(family);
    return routes
      .map(({ prefix, nextHop, asPath, originatorId, clusterList, localPref, best }) => {
        return { prefix, nextHop, asPath, originatorId, clusterList, localPref, best };
      })
      .sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  };

  const all = (check: (client: SpeakerDriver) => Promise<unknown>) => Promise.all(clients.map(check));

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const kinds = [Bird, Frr, Gobgp, Openbgpd, Exabgp];
    const hosts: Host[] = [];
    for (const [index, Kind] of kinds.entries()) hosts.push(await lab.network.host(Kind.name, [lan, index + 1]));

    clients = kinds.map((Kind, index) => {
      const announce = [`10.${index + 1}.0.0/24`, `2001:db8:${index + 1}::/48`];
      return new Kind(hosts[index]!, { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }], announce });
    });
    const neighbors = hosts.map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true }));
    reflector = new Bird(center, { asn: AS, neighbors });
    await reflector.start();
    await all((client) => client.start());
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`each daemon holds the ${family} routes of all others`, async () => {
      await all((client) =>
        eventually(() => held(client, family), {
          what: `${family} routes of the others at ${client.kind}`,
          until: (routes) => {
            const others = clients.filter((other) => other !== client);
            expect(routes).to.deep.equal(others.map((other) => reflected(prefix(other, family), other.host)));
          },
        }),
      );
    });
  }

  it('each daemon says that its session is Established', async () => {
    for (const client of clients)
      expect(await client.sessionState(reflector.host.v4), client.kind).to.equal('Established');
    for (const client of clients) expect(await reflector.sessionState(client.host.v4)).to.equal('Established');
  });

  it('routes with attributes are announced and withdrawn at run time', async () => {
    const attributes = { med: 77, localPref: 300, communities: ['64512:1', '64512:2'] };
    const extra = (client: SpeakerDriver) => `10.${clients.indexOf(client) + 1}.99.0/24`;
    await all((client) => client.announce({ prefix: extra(client), ...attributes }));
    const atReflector = async () => (await reflector.routes('ipv4')).filter((route) => route.prefix.includes('.99.'));
    await eventually(atReflector, {
      what: 'the new routes at the reflector',
      until: (routes) => {
        expect(routes.map((route) => route.prefix).sort()).to.deep.equal(clients.map(extra));
        for (const route of routes) expect(route, route.prefix).to.deep.include(attributes);
      },
    });
    await all((client) => client.withdraw(extra(client)));
    await eventually(atReflector, { what: 'the new routes are gone', until: (routes) => routes.length === 0 });
  });

  it('a daemon that was killed comes back with its routes', async () => {
    const last = clients.at(-1)!;
    for (const client of clients) {
      await client.kill();
      const watcher = client === last ? clients[0]! : last;
      const announced = prefix(client, 'ipv4');
      const present = async () => (await watcher.routes('ipv4')).some((route) => route.prefix === announced);
      await eventually(present, { what: `${announced} of ${client.kind} is gone`, until: (yes) => !yes });
      await client.start();
      await eventually(present, { what: `${announced} of ${client.kind} is back`, until: (yes) => yes });
    }
  });
});
