import { expect } from 'chai';
import { Bird, Exabgp, Frr, Gobgp, Openbgpd, Tsbgp, established, eventually, holds, lab } from './harness/index.js';
import type { ExpectedRoute, Family, PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 64512;
const CLUSTER = '10.0.0.200';

/** How a client speaks with the reflector: over which address, for which families. */
type Sessions = readonly (readonly ['v4' | 'v6', readonly Family[]])[];
const BOTH: readonly Family[] = ['ipv4', 'ipv6'];
const CLIENTS: readonly { readonly Kind: SpeakerKind; readonly sessions: Sessions }[] = [
  { Kind: Bird, sessions: [['v4', BOTH]] },
  { Kind: Frr, sessions: [['v4', BOTH]] },
  { Kind: Gobgp, sessions: [['v6', BOTH]] },
  {
    Kind: Openbgpd,
    sessions: [
      ['v4', ['ipv4']],
      ['v6', ['ipv6']],
    ],
  },
  { Kind: Exabgp, sessions: [['v6', BOTH]] },
  // Not started with the others.
  { Kind: Bird, sessions: [['v4', BOTH]] },
];

lab('reflector of five daemons', { needs: ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'] }, (lab) => {
  let reflector: Tsbgp;
  let clients: SpeakerDriver[];
  let late: SpeakerDriver;

  const prefixOf = (number: number, family: Family) =>
    family === 'ipv4' ? `10.${number}.0.0/24` : `2001:db8:${number}::/48`;
  const numberOf = (client: SpeakerDriver) => (client === late ? clients.length : clients.indexOf(client)) + 1;

  /** The route of a client as all others must hold it. */
  const reflected = (client: SpeakerDriver, family: Family): ExpectedRoute => ({
    prefix: prefixOf(numberOf(client), family),
    nextHop: family === 'ipv4' ? client.host.v4 : client.host.v6,
    asPath: '',
    origin: 'igp',
    originatorId: client.routerId,
    clusterList: [CLUSTER],
    localPref: 100,
    best: true,
  });

  const all = (check: (client: SpeakerDriver) => Promise<unknown>) => Promise.all(clients.map(check));

  /** Everybody among `up` holds exactly the routes of the others of `up`. */
  const allHold = async (up: readonly SpeakerDriver[]) => {
    for (const family of BOTH) {
      const hold = (client: SpeakerDriver) =>
        holds(
          client,
          family,
          up.filter((other) => other !== client).map((other) => reflected(other, family)),
        );
      await Promise.all(up.map(hold));
    }
  };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const neighbors: PeerSettings[] = [];
    const drivers: SpeakerDriver[] = [];
    for (const [index, { Kind, sessions }] of CLIENTS.entries()) {
      const host = await lab.network.host(`${Kind.name}${index + 1}`, [lan, index + 1]);
      for (const [ip, families] of sessions) {
        neighbors.push({ address: host[ip], peerAs: AS, families, reflectorClient: true });
      }
      const own = sessions.map(([ip, families]) => ({ address: center[ip], peerAs: AS, families }));
      const announce = BOTH.map((family) => prefixOf(index + 1, family));
      drivers.push(new Kind(host, { asn: AS, neighbors: own, announce }));
    }
    clients = drivers.slice(0, -1);
    late = drivers.at(-1)!;
    reflector = new Tsbgp(center, { asn: AS, clusterId: CLUSTER, neighbors });
    await reflector.start();
    await all((client) => client.start());
  });

  it('each client holds exactly the routes of all others', async () => {
    await allHold(clients);
    for (const client of clients) {
      await established(client, ...client.settings.neighbors.map(({ address }) => address));
    }
  });

  it('the reflector holds them as they were announced', async () => {
    for (const family of BOTH) {
      const expected = clients.map((client): ExpectedRoute => {
        const session = CLIENTS[clients.indexOf(client)]!.sessions.find(([, families]) => families.includes(family))!;
        return {
          ...reflected(client, family),
          neighbor: client.host[session[0]],
          originatorId: null,
          clusterList: [],
        };
      });
      await holds(reflector, family, expected);
    }
  });

  it('attributes that are none of its business arrive as they were', async () => {
    const attributes = { med: 77, localPref: 300, communities: ['64512:1', '64512:2'] };
    const extra = (client: SpeakerDriver) => `10.${numberOf(client)}.99.0/24`;
    await all((client) => client.announce({ prefix: extra(client), ...attributes }));
    await all((client) =>
      holds(
        client,
        'ipv4',
        clients
          .filter((other) => other !== client)
          .flatMap((other) => [
            reflected(other, 'ipv4'),
            { ...reflected(other, 'ipv4'), prefix: extra(other), ...attributes },
          ]),
      ),
    );
    await all((client) => client.withdraw(extra(client)));
    await allHold(clients);
  });

  it('a withdrawal reaches all others, and a new announcement too', async () => {
    for (const family of BOTH) {
      const [first, second] = clients as [SpeakerDriver, SpeakerDriver];
      await first.withdraw(prefixOf(1, family));
      const others = clients.slice(1);
      await Promise.all(
        others.map((client) =>
          holds(
            client,
            family,
            others.filter((other) => other !== client).map((other) => reflected(other, family)),
          ),
        ),
      );
      await second.withdraw(prefixOf(2, family));
      await first.announce(prefixOf(1, family));
      await second.announce(prefixOf(2, family));
    }
    await allHold(clients);
  });

  for (const [index, { Kind }] of CLIENTS.slice(0, -1).entries()) {
    it(`${Kind.name} is killed and comes back`, async () => {
      const client = clients[index]!;
      await client.kill();
      await allHold(clients.filter((other) => other !== client));
      await client.start();
      await allHold(clients);
    });
  }

  it('a late joiner gets all, and all get its routes', async () => {
    await late.start();
    await allHold([...clients, late]);
  });

  it('a client that leaves with a NOTIFICATION is forgotten', async () => {
    await late.stop();
    await allHold(clients);
    const view = await reflector.neighbor(late.host.v4);
    expect(view.state).to.not.equal('Established');
    expect(view.lastError?.direction).to.equal('received');
    expect(view.lastError?.code).to.equal(6);
  });

  it('says what each client was told', async () => {
    const told = await eventually(() => reflector.paths('ipv4', '--advertised-to', clients[0]!.host.v4), {
      what: 'the Adj-RIB-Out of the first client',
    });
    const others = clients.slice(1).map((client) => prefixOf(numberOf(client), 'ipv4'));
    expect(told.map(({ prefix }) => prefix).sort()).to.deep.equal(others.sort());
    for (const { clusterList, originatorId } of told) {
      expect(clusterList).to.deep.equal([CLUSTER]);
      expect(originatorId).to.be.a('string');
    }
  });
});
