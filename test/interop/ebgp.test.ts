import { expect } from 'chai';
import { Bird, Exabgp, Frr, Gobgp, Openbgpd, Tsbgp, established, holds, lab } from './harness/index.js';
import type { ExpectedRoute, Family, PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 65000;
const NO_EXPORT = '65535:65281';

/** BIRD's IPv6 routes go over its IPv4 session, those of the others over a session of their own. GoBGP's AS has four octets. */
const NEIGHBORS: readonly { readonly Kind: SpeakerKind; readonly asn: number; readonly oneSession?: boolean }[] = [
  { Kind: Bird, asn: 65001, oneSession: true },
  { Kind: Frr, asn: 65002 },
  { Kind: Gobgp, asn: 4_200_000_003 },
  { Kind: Openbgpd, asn: 65004 },
  { Kind: Exabgp, asn: 65005 },
];

lab('eBGP with five daemons', { needs: ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'] }, (lab) => {
  let tsbgp: Tsbgp;
  let outer: SpeakerDriver[];
  /** In the same AS as tsbgp. */
  let inner: Bird;
  /** tsbgp's address on the LAN that it shares with a neighbor. */
  const ownAddress = (speaker: SpeakerDriver, family: Family) => {
    const lan = outer.includes(speaker) ? outer.indexOf(speaker) : outer.length;
    return tsbgp.host.interfaces[lan]![family === 'ipv4' ? 'v4' : 'v6'];
  };
  const prefixOf = (number: number, family: Family) =>
    family === 'ipv4' ? `10.1${number}.0.0/16` : `2001:db8:${number}::/48`;
  const communities = (number: number) => [`64999:${number}`];

  /** What an outer speaker must hold of the others and of the inner one. */
  const expected = (at: SpeakerDriver, family: Family): ExpectedRoute[] => {
    const fromOuter = outer
      .map((speaker, index) => ({ speaker, index }))
      .filter(({ speaker }) => speaker !== at)
      .map(({ speaker, index }) => ({
        prefix: prefixOf(index + 1, family),
        asPath: `${AS} ${speaker.asn}`,
        communities: communities(index + 1),
      }));
    const fromInner = { prefix: prefixOf(9, family), asPath: String(AS), communities: [] };
    return [...fromOuter, fromInner].map((route) => ({
      ...route,
      nextHop: ownAddress(at, family),
      // RFC 4271 5.1.4: what a neighbor said is not passed on to another AS.
      med: null,
      originatorId: null,
      clusterList: [],
      best: true,
      // Some show their own default where none was received.
      localPref: at instanceof Bird || at instanceof Openbgpd ? 100 : null,
    }));
  };

  before(async () => {
    const { network } = lab;
    const lans = await Promise.all(
      [...NEIGHBORS.keys(), NEIGHBORS.length].map((index) => network.lan(`10.0.${index + 1}`, `fd00:${index + 1}`)),
    );
    const center = await network.host('tsbgp', ...lans.map((lan) => [lan, 100] as const));
    const neighbors: PeerSettings[] = [];
    outer = [];
    for (const [index, { Kind, asn, oneSession }] of NEIGHBORS.entries()) {
      const host = await network.host(Kind.name, [lans[index]!, 1]);
      const { v4, v6 } = center.interfaces[index]!;
      const sessions: readonly (readonly [string, string, readonly Family[]])[] = oneSession
        ? [[host.v4, v4, ['ipv4', 'ipv6']]]
        : [
            [host.v4, v4, ['ipv4']],
            [host.v6, v6, ['ipv6']],
          ];
      neighbors.push(...sessions.map(([address, , families]) => ({ address, peerAs: asn, families })));
      const own = sessions.map(([, address, families]) => ({ address, peerAs: AS, families }));
      const announce = (['ipv4', 'ipv6'] as const).map((family) => {
        return { prefix: prefixOf(index + 1, family), med: 50, communities: communities(index + 1) };
      });
      outer.push(new Kind(host, { asn, neighbors: own, announce }));
    }
    const last = NEIGHBORS.length;
    const inside = await network.host('inner', [lans[last]!, 1]);
    neighbors.push({ address: inside.v4, peerAs: AS });
    inner = new Bird(inside, {
      asn: AS,
      neighbors: [{ address: center.interfaces[last]!.v4, peerAs: AS }],
      announce: (['ipv4', 'ipv6'] as const).map((family) => ({ prefix: prefixOf(9, family), med: 70, localPref: 250 })),
    });
    tsbgp = new Tsbgp(center, { asn: AS, neighbors });
    await tsbgp.start();
    await Promise.all([...outer, inner].map((speaker) => speaker.start()));
    await established(tsbgp, ...neighbors.map(({ address }) => address));
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`${family}: own AS prepended, next hop self, no LOCAL_PREF and no MED of others`, async () => {
      await Promise.all(outer.map((speaker) => holds(speaker, family, expected(speaker, family))));
    });

    it(`${family}: iBGP gets the path, the next hop and the MED as they were, and a LOCAL_PREF`, async () => {
      const routes = outer.map(({ asn, host }, index): ExpectedRoute => ({
        prefix: prefixOf(index + 1, family),
        asPath: String(asn),
        nextHop: family === 'ipv4' ? host.v4 : host.v6,
        med: 50,
        localPref: 100,
        originatorId: null,
        communities: communities(index + 1),
      }));
      await holds(inner, family, routes);
    });
  }

  it('the own MED of an own route goes out, its LOCAL_PREF only inside', async () => {
    const route = { prefix: '10.99.0.0/16', med: 10, localPref: 300 };
    await tsbgp.announce(route);
    await Promise.all(
      outer.map((speaker) => {
        const { localPref = null } = expected(speaker, 'ipv4')[0]!;
        const own = { prefix: route.prefix, asPath: String(AS), med: 10, localPref };
        return holds(speaker, 'ipv4', [...expected(speaker, 'ipv4'), own]);
      }),
    );
    const others = outer.map((_, index) => ({ prefix: prefixOf(index + 1, 'ipv4') }));
    await holds(inner, 'ipv4', [...others, { ...route, asPath: '' }]);
    await tsbgp.withdraw(route.prefix);
    await holds(inner, 'ipv4', others);
  });

  it('a path with our own AS in it is not used (RFC 4271 9)', async () => {
    const exabgp = outer.at(-1) as Exabgp;
    const { v4 } = exabgp.host;
    await exabgp.command(`announce route 10.66.0.0/16 next-hop ${v4} as-path [ ${exabgp.asn} ${AS} 64999 ]`);
    await exabgp.command(`announce route 10.67.0.0/16 next-hop ${v4} as-path [ ${exabgp.asn} 64998 64999 ]`);
    const fine: ExpectedRoute = { prefix: '10.67.0.0/16', asPath: `${AS} ${exabgp.asn} 64998 64999` };
    const others = outer.slice(0, -1);
    await Promise.all(others.map((speaker) => holds(speaker, 'ipv4', [...expected(speaker, 'ipv4'), fine])));
    expect((await tsbgp.paths('ipv4')).map(({ prefix }) => prefix)).to.not.include('10.66.0.0/16');
    for (const prefix of ['10.66.0.0/16', '10.67.0.0/16']) await exabgp.withdraw(prefix);
    await Promise.all(others.map((speaker) => holds(speaker, 'ipv4', expected(speaker, 'ipv4'))));
  });

  it('NO_EXPORT stays inside, wherever it comes from (RFC 1997)', async () => {
    const [first] = outer as [SpeakerDriver];
    await first.announce({ prefix: '10.71.0.0/16', communities: [NO_EXPORT] });
    await inner.announce({ prefix: '10.72.0.0/16', communities: [NO_EXPORT] });
    // Behind them, so that they would have been seen.
    await first.announce('10.73.0.0/16');
    await inner.announce('10.74.0.0/16');
    const visible = (at: SpeakerDriver): ExpectedRoute[] => [
      ...(at === first ? [] : [{ prefix: '10.73.0.0/16', asPath: `${AS} ${first.asn}` }]),
      { prefix: '10.74.0.0/16', asPath: String(AS) },
    ];
    await Promise.all(
      outer.map((speaker) => holds(speaker, 'ipv4', [...expected(speaker, 'ipv4'), ...visible(speaker)])),
    );
    const others = outer.map((_, index) => ({ prefix: prefixOf(index + 1, 'ipv4') }));
    await holds(inner, 'ipv4', [
      ...others,
      { prefix: '10.71.0.0/16', communities: [NO_EXPORT] },
      { prefix: '10.73.0.0/16' },
    ]);
  });

  it('a neighbor that is killed takes its routes along', async () => {
    const [first, second] = outer as [SpeakerDriver, SpeakerDriver];
    await second.kill();
    const without = (family: Family) => expected(first, family).filter(({ prefix }) => prefix !== prefixOf(2, family));
    await holds(first, 'ipv6', without('ipv6'));
    await second.start();
    await holds(first, 'ipv6', expected(first, 'ipv6'));
  });
});
