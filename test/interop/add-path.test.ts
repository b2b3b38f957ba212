import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, established, eventually, lab } from './harness/index.js';
import type { Family, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const PREFIX = { ipv4: '10.50.0.0/24', ipv6: '2001:db8:50::/48' } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;

/**
 * Two origins of one prefix, each a client of three relays (BIRD, FRR, GoBGP), which tell both paths to tsbgp; and four
 * clients of tsbgp, which are told all six, or the best two.
 */
lab('several paths for a prefix (RFC 7911)', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let reflector: Tsbgp;
  let origins: Bird[];
  let relays: SpeakerDriver[];
  let clients: SpeakerDriver[];
  let bestTwo: Bird;
  let plain: Bird;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const names = ['one', 'two', 'relay-bird', 'relay-frr', 'relay-gobgp', 'bird', 'frr', 'gobgp', 'best-two', 'plain'];
    const center = await lab.network.host('tsbgp', [lan, 100]);
    const hosts = [];
    for (const [index, name] of names.entries()) hosts.push(await lab.network.host(name, [lan, index + 1]));
    const [one, two, relayBird, relayFrr, relayGobgp, bird, frr, gobgp, two2, plainHost] = hosts as Required<
      typeof hosts
    >;
    const peer = (host: { readonly v4: string }) => ({ address: host.v4, peerAs: AS });
    const toCenter = peer(center);
    const relayHosts = [relayBird!, relayFrr!, relayGobgp!];

    origins = [one!, two!].map(
      (host) => new Bird(host, { asn: AS, neighbors: relayHosts.map(peer), announce: [PREFIX.ipv4, PREFIX.ipv6] }),
    );
    const toOrigins = [one!, two!].map((host) => ({ ...peer(host), reflectorClient: true }));
    const both = (...lines: string[]) => ({ familyLines: { ipv4: lines, ipv6: lines } });
    const addPaths = (config: object) => ({
      gobgp: {
        'afi-safis': FAMILIES.map((family) => ({
          config: { 'afi-safi-name': `${family}-unicast` },
          'add-paths': { config },
        })),
      },
    });
    // GoBGP names the originator only towards clients.
    const toClient = { ...toCenter, reflectorClient: true, ...addPaths({ 'send-max': 8 }) };
    relays = [
      new Bird(relayBird!, { asn: AS, neighbors: [...toOrigins, { ...toCenter, ...both('add paths tx;') }] }),
      new Frr(relayFrr!, { asn: AS, neighbors: [...toOrigins, { ...toCenter, ...both('addpath-tx-all-paths') }] }),
      new Gobgp(relayGobgp!, { asn: AS, neighbors: [...toOrigins, toClient] }),
    ];
    clients = [
      new Bird(bird!, { asn: AS, neighbors: [{ ...toCenter, ...both('add paths rx;') }] }),
      new Frr(frr!, { asn: AS, neighbors: [toCenter] }),
      new Gobgp(gobgp!, { asn: AS, neighbors: [{ ...toCenter, ...addPaths({ receive: true }) }] }),
    ];
    bestTwo = new Bird(two2!, { asn: AS, neighbors: [{ ...toCenter, ...both('add paths rx;') }] });
    plain = new Bird(plainHost!, { asn: AS, neighbors: [toCenter] });
    const quick = { connectRetry: 1, connectRetryMax: 4 };
    const client = { peerAs: AS, routeReflectorClient: true, ...quick };
    reflector = new Tsbgp(center, {
      asn: AS,
      neighbors: [],
      config: {
        neighbors: [
          ...relayHosts.map(({ v4 }) => ({ address: v4, peerAs: AS, addPath: { receive: true }, ...quick })),
          ...clients.map(({ host }) => ({ address: host.v4, ...client, addPath: { send: 'all' as const } })),
          { address: bestTwo.host.v4, ...client, addPath: { send: { best: 2 } } },
          // Offered, but not taken.
          { address: plain.host.v4, ...client, addPath: { receive: true, send: 'all' as const } },
        ],
      },
    });
    const all = [...origins, ...relays, ...clients, bestTwo, plain];
    await Promise.all([...all, reflector].map((speaker) => speaker.start()));
    await established(reflector, ...[...relays, ...clients, bestTwo, plain].map(({ host }) => host.v4));
  });

  const addressOf = ({ host }: SpeakerDriver, family: Family) => (family === 'ipv4' ? host.v4 : host.v6);

  /** Wait until a speaker holds just these paths for the prefix: the names of the origins, at tsbgp each with the relay. */
  const holdsPaths = (speaker: SpeakerDriver, expected: readonly string[]) =>
    Promise.all(
      FAMILIES.map((family) =>
        eventually(() => speaker.routes(family), {
          what: `${family} paths at ${speaker.host.name}`,
          until: (routes) => {
            const paths = routes.filter(({ prefix }) => prefix === PREFIX[family]);
            const names = paths.map(({ originatorId, nextHop, neighbor }) => {
              const origin = origins.find((one) => one.routerId === originatorId && addressOf(one, family) === nextHop);
              const name = origin?.host.name ?? `next hop ${nextHop}, ORIGINATOR_ID ${originatorId}`;
              const relay = relays.find(({ host }) => host.v4 === neighbor);
              return speaker === reflector ? `${name} from ${relay?.kind}` : name;
            });
            expect(names.sort()).to.deep.equal([...expected].sort());
          },
        }),
      ),
    );

  const fromAll = (up: readonly string[], through: readonly SpeakerDriver[] = relays) =>
    holdsPaths(
      reflector,
      through.flatMap(({ kind }) => up.map((name) => `${name} from ${kind}`)),
    );

  const everywhere = (...up: readonly string[]) =>
    Promise.all([
      fromAll(up),
      ...clients.map((client) => holdsPaths(client, [...up, ...up, ...up])),
      holdsPaths(bestTwo, [up[0]!, up[0]!]),
      holdsPaths(plain, [up[0]!]),
    ]);

  it('is agreed with each, for both families and in the direction asked for', async () => {
    for (const { host } of [...relays, ...clients]) {
      expect((await reflector.neighbor(host.v4)).capabilities, host.name).to.include('ADD_PATH');
    }
    expect((await reflector.neighbor(plain.host.v4)).capabilities).not.to.include('ADD_PATH');
  });

  it('both paths come from BIRD, FRR and GoBGP; BIRD, FRR and GoBGP get all six, others the best two or one', () =>
    everywhere('one', 'two'));

  it('identifiers are those of the neighbor, and differ', async () => {
    for (const { host } of relays) {
      const paths = await reflector.paths('ipv4', '--received-from', host.v4);
      expect(new Set(paths.map(({ pathId }) => pathId)).size, host.name).to.equal(2);
    }
  });

  it('one of two paths is withdrawn: the other stays everywhere', async () => {
    for (const family of FAMILIES) await origins[0]!.withdraw(PREFIX[family]);
    await everywhere('two');
  });

  it('it comes back, and with other attributes replaces itself', async () => {
    for (const family of FAMILIES) await origins[0]!.announce({ prefix: PREFIX[family], communities: ['64512:7'] });
    await everywhere('one', 'two');
    for (const family of FAMILIES) await origins[0]!.announce({ prefix: PREFIX[family], communities: ['64512:8'] });
    const withCommunity = async (speaker: SpeakerDriver, text: string) =>
      (await speaker.routes('ipv4')).filter(({ communities }) => communities.includes(text)).length;
    for (const client of clients) {
      await eventually(() => withCommunity(client, '64512:8'), {
        what: `three changed paths at ${client.kind}`,
        until: (count) => count === 3,
      });
      expect(await withCommunity(client, '64512:7')).to.equal(0);
    }
    await everywhere('one', 'two');
  });

  it('an origin dies: its paths are gone everywhere', async () => {
    await origins[1]!.kill();
    await everywhere('one');
    await origins[1]!.start();
    await everywhere('one', 'two');
  });

  it('a relay dies: both of its paths are gone, and back when it is', async () => {
    for (const relay of relays) {
      await relay.kill();
      await fromAll(
        ['one', 'two'],
        relays.filter((other) => other !== relay),
      );
      for (const client of clients) await holdsPaths(client, ['one', 'one', 'two', 'two']);
      await holdsPaths(bestTwo, ['one', 'one']);
      await relay.start();
      await everywhere('one', 'two');
    }
  });

  it('a route refresh brings the same paths again', async () => {
    await (clients[0] as Bird).ask('reload in peer0');
    await (clients[1] as Frr).vtysh('bgpd', `clear bgp ipv4 unicast ${reflector.host.v4} soft in`);
    await everywhere('one', 'two');
  });
});

/** What each neighbor offers is for both families; the speaker takes it for one. */
lab('several paths, family by family (RFC 7911 section 4)', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let tsbgp: Tsbgp;
  let relay: Bird;
  let clients: SpeakerDriver[];

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('tsbgp', [lan, 100]);
    const hosts = await Promise.all(
      ['one', 'two', 'relay', 'bird', 'frr', 'gobgp'].map((name, i) => lab.network.host(name, [lan, i + 1])),
    );
    const [one, two, relayHost, birdHost, frrHost, gobgpHost] = hosts as Required<typeof hosts>;
    const us = { address: center.v4, peerAs: AS };
    const both = (line: string) => ({ familyLines: { ipv4: [line], ipv6: [line] } });
    const gobgp = {
      'afi-safis': FAMILIES.map((family) => ({
        config: { 'afi-safi-name': `${family}-unicast` },
        'add-paths': { config: { receive: true } },
      })),
    };
    const origins = [one!, two!].map(
      (host) =>
        new Bird(host, {
          asn: AS,
          neighbors: [{ address: relayHost!.v4, peerAs: AS }],
          announce: [PREFIX.ipv4, PREFIX.ipv6],
        }),
    );
    relay = new Bird(relayHost!, {
      asn: AS,
      neighbors: [
        ...[one!, two!].map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true })),
        { ...us, ...both('add paths tx;') },
      ],
    });
    clients = [
      new Bird(birdHost!, { asn: AS, neighbors: [{ ...us, ...both('add paths rx;') }] }),
      new Frr(frrHost!, { asn: AS, neighbors: [us] }),
      new Gobgp(gobgpHost!, { asn: AS, neighbors: [{ ...us, gobgp }] }),
    ];
    tsbgp = new Tsbgp(center, settings('ipv4-unicast', 'ipv4-unicast'));
    await Promise.all([tsbgp, ...origins, relay, ...clients].map((speaker) => speaker.start()));
  });

  const settings = (
    receive: 'ipv4-unicast' | 'ipv6-unicast',
    send: 'ipv4-unicast' | 'ipv6-unicast',
  ): Tsbgp['settings'] => ({
    asn: AS,
    neighbors: [],
    config: {
      neighbors: [
        { address: relay.host.v4, peerAs: AS, addPath: { [receive]: { receive: true } }, connectRetry: 1 },
        ...clients.map(({ host }) => ({
          ...{ address: host.v4, peerAs: AS, routeReflectorClient: true, connectRetry: 1 },
          addPath: { [send]: { send: 'all' as const } },
        })),
      ],
    },
  });

  const counts = (speaker: SpeakerDriver, expected: readonly [ipv4: number, ipv6: number]) =>
    eventually(() => Promise.all(FAMILIES.map(async (family) => (await speaker.routes(family)).length)), {
      what: `paths at ${speaker.host.name}`,
      until: (found) => expect(found).to.deep.equal(expected),
      limitMs: 40_000,
    });

  it('IPv4 in both directions: BIRD, FRR and GoBGP hold two IPv4 paths and one IPv6 path', async () => {
    await counts(tsbgp, [2, 1]);
    for (const client of clients) await counts(client, [2, 1]);
  });

  it('the other families, one after the other, by SIGHUP', async () => {
    await tsbgp.reconfigure(settings('ipv6-unicast', 'ipv4-unicast'));
    await counts(tsbgp, [1, 2]);
    for (const client of clients) await counts(client, [1, 1]);
    await tsbgp.reconfigure(settings('ipv6-unicast', 'ipv6-unicast'));
    for (const client of clients) await counts(client, [1, 2]);
  });
});
