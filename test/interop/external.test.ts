import { expect } from 'chai';
import { Bird, Frr, Gobgp, Openbgpd, Tsbgp, established, eventually, holds, lab } from './harness/index.js';
import type { PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';
import { star, type Member, type Star } from './star.js';

const AS = 64512;
const LOCAL_AS = 65010;

lab('localAs (RFC 7705) with BIRD, FRR, GoBGP and OpenBGPD', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  let all: Star;
  /** Each as neighbor under LOCAL_AS with other options, and one that knows the true AS. */
  before(async () => {
    const expects = LOCAL_AS;
    all = await star(lab, AS, [
      { Kind: Bird, asn: 65001, expects, announce: ['10.1.0.0/16'], here: { localAs: LOCAL_AS } },
      {
        Kind: Frr,
        asn: 65002,
        expects,
        announce: ['10.2.0.0/16'],
        here: { localAs: LOCAL_AS, localAsNoPrepend: true, localAsReplaceAs: true },
      },
      {
        Kind: Gobgp,
        asn: 65003,
        expects,
        announce: ['10.3.0.0/16'],
        here: { localAs: LOCAL_AS, localAsReplaceAs: true },
      },
      { Kind: Openbgpd, asn: 65004, announce: ['10.4.0.0/16'] },
    ]);
  });

  it('the OPEN says it, and paths get it in front as the options say', async () => {
    const learnt = ['65010 65001', '65002', '65010 65003', '65004'];
    const front = ['65010 64512', '65010', '65010', '64512'];
    await Promise.all(
      all.speakers.map((speaker, at) =>
        holds(
          speaker,
          'ipv4',
          learnt
            .map((path, i) => ({ prefix: `10.${i + 1}.0.0/16`, asPath: `${front[at]} ${path}` }))
            .filter((_, i) => i !== at),
        ),
      ),
    );
    const paths = await all.tsbgp.paths('ipv4');
    expect(paths.map(({ asPath }) => asPath).sort()).to.deep.equal([...learnt].sort());
  });

  it('what FRR sends back holds it, and is a loop', async () => {
    const { decisions } = await all.tsbgp.explain('10.4.0.0/16');
    const echo = decisions.find(({ path }) => path.neighbor === all.speakers[1]!.host.v4);
    expect(echo?.path.asPath).to.equal('65002 65010 65004');
    expect(echo).to.include({ lostAt: 'no loop', detail: 'own AS in AS_PATH (best: no loop)' });
  });
});

lab('asOverride and removePrivateAs', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  it('neighbors in one private AS hear of each other; nobody else hears of that AS', async () => {
    const site = { asn: 65001, here: { asOverride: true } };
    const { speakers } = await star(lab, 1000, [
      { Kind: Bird, ...site, announce: ['10.1.0.0/16'] },
      { Kind: Frr, ...site, announce: ['10.2.0.0/16'] },
      { Kind: Gobgp, asn: 2000, announce: ['10.3.0.0/16'], here: { removePrivateAs: 'removeAll' } },
      { Kind: Openbgpd, asn: 3000, announce: ['10.4.0.0/16'], here: { removePrivateAs: 'replaceAll' } },
    ]);
    const [bird, frr, gobgp, openbgpd] = speakers as [SpeakerDriver, SpeakerDriver, SpeakerDriver, SpeakerDriver];
    const outer = [
      { prefix: '10.3.0.0/16', asPath: '1000 2000' },
      { prefix: '10.4.0.0/16', asPath: '1000 3000' },
    ];
    await holds(bird, 'ipv4', [{ prefix: '10.2.0.0/16', asPath: '1000 1000', best: true }, ...outer]);
    await holds(frr, 'ipv4', [{ prefix: '10.1.0.0/16', asPath: '1000 1000', best: true }, ...outer]);
    await holds(gobgp, 'ipv4', [
      { prefix: '10.1.0.0/16', asPath: '1000' },
      { prefix: '10.2.0.0/16', asPath: '1000' },
      outer[1]!,
    ]);
    await holds(openbgpd, 'ipv4', [
      { prefix: '10.1.0.0/16', asPath: '1000 1000' },
      { prefix: '10.2.0.0/16', asPath: '1000 1000' },
      outer[0]!,
    ]);
  });
});

lab('allowOwnAs with FRR and BIRD between two sites', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  it('a site hears of another one of its AS through those who let it', async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const host = (name: string, number: number) => lab.network.host(name, [lan, number]);
    const [here, hub, other, site] = [
      await host('tsbgp', 1),
      await host('frr', 2),
      await host('bird', 3),
      await host('gobgp', 4),
    ];
    const families = ['ipv4'] as const;
    const sites = [here, site].map(({ v4: address }) => ({ address, peerAs: AS, families }));
    const frr = new Frr(hub, { asn: 65001, neighbors: sites });
    const bird = new Bird(other, { asn: 65002, neighbors: sites });
    const hubs = [
      { address: hub.v4, peerAs: 65001, families, tsbgp: { allowOwnAs: 1 } },
      { address: other.v4, peerAs: 65002, families },
    ];
    const gobgp = new Gobgp(site, { asn: AS, neighbors: hubs, announce: ['10.9.0.0/16'] });
    const tsbgp = new Tsbgp(here, { asn: AS, neighbors: hubs });
    await Promise.all([tsbgp, frr, bird, gobgp].map((speaker) => speaker.start()));
    const next = site.v4;
    await holds(tsbgp, 'ipv4', [
      { prefix: '10.9.0.0/16', neighbor: hub.v4, asPath: `65001 ${AS}`, best: true, nextHop: next },
      { prefix: '10.9.0.0/16', neighbor: other.v4, asPath: `65002 ${AS}`, best: false, nextHop: next },
    ]);
    const { decisions } = await tsbgp.explain('10.9.0.0/16');
    expect(decisions[1]).to.include({ lostAt: 'no loop' });
    // Allowed from BIRD too: it loses by its router ID now.
    const neighbors = hubs.map((peer) => ({ ...peer, tsbgp: { allowOwnAs: 1 } }));
    await tsbgp.reconfigure({ ...tsbgp.settings, neighbors });
    await eventually(() => tsbgp.explain('10.9.0.0/16'), {
      what: 'both paths are eligible',
      until: ({ decisions: both }) => {
        expect(both.map(({ lostAt }) => lostAt)).to.deep.equal([null, 'lowest router ID or ORIGINATOR_ID']);
      },
    });
  });
});

lab('enforceFirstAs with BIRD and OpenBGPD', { needs: ['bird', 'gobgp', 'openbgpd'] }, (lab) => {
  it('a path that does not begin with the AS of the neighbor is not taken, until it may', async () => {
    // Both leave their own AS out, as route servers do.
    const members: readonly Member[] = [
      { Kind: Bird, asn: 65001, announce: ['10.1.0.0/16'], there: { lines: ['rs client;'] } },
      { Kind: Openbgpd, asn: 65002, announce: ['10.2.0.0/16'], there: { lines: ['transparent-as yes'] } },
    ];
    const here = { enforceFirstAs: true };
    const { tsbgp, speakers } = await star(lab, AS, [
      ...members.map((member) => ({ ...member, here })),
      { Kind: Gobgp, asn: 65003, announce: ['10.3.0.0/16'], here },
    ]);
    const good = { prefix: '10.3.0.0/16', asPath: '65003' };
    await holds(tsbgp, 'ipv4', [good]);
    await Promise.all(speakers.map(({ host }) => established(tsbgp, host.v4)));
    const { settings } = tsbgp;
    await tsbgp.reconfigure({ ...settings, neighbors: settings.neighbors.map((peer) => ({ ...peer, tsbgp: {} })) });
    await holds(tsbgp, 'ipv4', [{ prefix: '10.1.0.0/16', asPath: '' }, { prefix: '10.2.0.0/16', asPath: '' }, good]);
  });
});

lab('a confederation with BIRD, FRR and GoBGP inside', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  const CONFEDERATION = 64500;
  const MEMBERS = [65102, 65103, 65104];
  let all: Star;
  before(async () => {
    const route = (number: number) => ({ prefix: `10.${number}.0.0/16`, med: 50, localPref: 250 });
    const bird = {
      lines: [`confederation ${CONFEDERATION}; confederation member yes;`],
      // Next hops are those of other members, not on its link.
      familyLines: { ipv4: ['gateway recursive;', 'next hop address 10.0.1.1;'] },
    };
    const globalLines = [
      `bgp confederation identifier ${CONFEDERATION}`,
      `bgp confederation peers 65101 ${MEMBERS.join(' ')}`,
    ];
    const confederation = {
      config: { enabled: true, identifier: CONFEDERATION, 'member-as-list': [65101, ...MEMBERS] },
    };
    all = await star(
      lab,
      65101,
      [
        { Kind: Bird, asn: MEMBERS[0]!, announce: [route(1)], there: bird },
        { Kind: Frr, asn: MEMBERS[1]!, announce: [route(2)], all: { globalLines } },
        { Kind: Gobgp, asn: MEMBERS[2]!, announce: [route(3)], all: { globalGobgp: { confederation } } },
        { Kind: Openbgpd, asn: 65001, announce: ['10.4.0.0/16'], expects: CONFEDERATION },
        { Kind: Bird, asn: 65002, announce: ['10.5.0.0/16'], expects: CONFEDERATION },
      ],
      { confederation: { identifier: CONFEDERATION, memberAs: MEMBERS } },
    );
    await all.tsbgp.announce('10.100.0.0/16');
  });

  const inside = [1, 2, 3].map((number, i) => ({ prefix: `10.${number}.0.0/16`, path: `(${MEMBERS[i]})` }));
  const outside = [
    { prefix: '10.4.0.0/16', path: '65001' },
    { prefix: '10.5.0.0/16', path: '65002' },
  ];

  it('members hear of each other with LOCAL_PREF, MED and next hop as they were', async () => {
    for (const [at, speaker] of all.speakers.slice(0, 3).entries()) {
      const expected = [
        ...inside.map(({ prefix }, i) => ({
          prefix,
          asPath: `(65101 ${MEMBERS[i]})`,
          // GoBGP does not tell its LOCAL_PREF to other members.
          localPref: all.speakers[i] instanceof Gobgp ? 100 : 250,
          med: 50,
          nextHop: all.speakers[i]!.host.v4,
        })),
        ...outside.map(({ prefix, path }, i) => ({
          prefix,
          asPath: `(65101) ${path}`,
          localPref: 100,
          med: null,
          nextHop: all.speakers[3 + i]!.host.v4,
        })),
        { prefix: '10.100.0.0/16', asPath: '(65101)', localPref: 100, med: null, nextHop: all.ours(at) },
      ];
      await holds(
        speaker,
        'ipv4',
        expected.filter((_, i) => i !== at),
      );
    }
  });

  it('those outside see one AS', async () => {
    for (const [at, speaker] of all.speakers.slice(3).entries()) {
      const expected = [
        ...inside.map(({ prefix }) => ({
          prefix,
          asPath: String(CONFEDERATION),
          med: null,
          nextHop: all.ours(3 + at),
        })),
        ...outside.map(({ prefix, path }) => ({ prefix, asPath: `${CONFEDERATION} ${path}`, med: null })),
        { prefix: '10.100.0.0/16', asPath: String(CONFEDERATION), med: null },
      ];
      await holds(
        speaker,
        'ipv4',
        expected.filter((_, i) => i !== 3 + at),
      );
    }
  });

  it('tsbgp holds all of it, and counts confederation segments nothing', async () => {
    const own = (await all.tsbgp.paths('ipv4')).filter(({ neighbor }) => neighbor !== null);
    const held = own.map(({ prefix, asPath: path }) => ({ prefix, path }));
    expect(held.sort((a, b) => (a.prefix < b.prefix ? -1 : 1))).to.deep.equal([...inside, ...outside]);
    expect((await all.tsbgp.neighbors()).map(({ type, localAs }) => `${type} ${localAs}`)).to.deep.equal([
      ...new Array<string>(3).fill('confed 65101'),
      ...new Array<string>(2).fill(`ebgp ${CONFEDERATION}`),
    ]);
  });
});

lab('roles and ONLY_TO_CUSTOMER (RFC 9234)', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  const ASES = [65001, 65002, 65003];
  const PREFIXES = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];

  it('customer BIRD, provider FRR, peer OpenBGPD: nobody gets what is not for him', async () => {
    const { tsbgp, speakers } = await star(lab, AS, [
      {
        Kind: Bird,
        asn: ASES[0]!,
        announce: [PREFIXES[0]!],
        here: { role: 'provider', roleStrict: true },
        there: { lines: ['local role customer; require roles;'] },
      },
      {
        Kind: Frr,
        asn: ASES[1]!,
        announce: [PREFIXES[1]!],
        here: { role: 'customer', roleStrict: true },
        there: { lines: ['local-role provider strict-mode'] },
      },
      {
        Kind: Openbgpd,
        asn: ASES[2]!,
        announce: [PREFIXES[2]!],
        here: { role: 'peer', roleStrict: true },
        there: { lines: ['announce policy peer enforce'] },
      },
    ]);
    const path = (i: number) => ({ prefix: PREFIXES[i]!, asPath: `${AS} ${ASES[i]}` });
    await holds(speakers[0]!, 'ipv4', [path(1), path(2)]);
    await holds(speakers[1]!, 'ipv4', [path(0)]);
    await holds(speakers[2]!, 'ipv4', [path(0)]);
    const marks = (await tsbgp.paths('ipv4')).map(({ prefix, onlyToCustomer }) => [prefix, onlyToCustomer]);
    expect(marks.sort()).to.deep.equal([
      [PREFIXES[0], undefined],
      [PREFIXES[1], ASES[1]],
      [PREFIXES[2], ASES[2]],
    ]);
    const told = await tsbgp.paths('ipv4', '--advertised-to', speakers[2]!.host.v4);
    expect(told.map(({ onlyToCustomer }) => onlyToCustomer)).to.deep.equal([AS]);
    const views = await tsbgp.neighbors();
    expect(views.map(({ role, peerRole }) => [role, peerRole])).to.deep.equal([
      ['provider', 'customer'],
      ['customer', 'provider'],
      ['peer', 'peer'],
    ]);
  });

  it('roles that do not fit: NOTIFICATION 2/11, from either side', async () => {
    const lan = await lab.network.lan('10.8.0', 'fd08');
    const host = (name: string, number: number) => lab.network.host(name, [lan, number]);
    const here = await host('mismatch', 1);
    const there = [await host('bird8', 2), await host('frr8', 3), await host('gobgp8', 4)];
    const own = { address: here.v4, peerAs: AS, families: ['ipv4'] as const };
    const speakers = [
      new Bird(there[0]!, { asn: 65001, neighbors: [{ ...own, lines: ['local role customer;'] }] }),
      new Frr(there[1]!, { asn: 65002, neighbors: [{ ...own, lines: ['local-role rs-server'] }] }),
      // It has no roles.
      new Gobgp(there[2]!, { asn: 65003, neighbors: [own] }),
    ];
    const roles = [{ role: 'customer' }, { role: 'peer' }, { role: 'peer', roleStrict: true }] as const;
    const tsbgp = new Tsbgp(here, {
      asn: AS,
      neighbors: there.map(({ v4 }, i) => ({ address: v4, peerAs: 65001 + i, tsbgp: roles[i]! })),
    });
    await Promise.all([tsbgp, ...speakers].map((speaker) => speaker.start()));
    for (const { v4 } of there) {
      await eventually(() => tsbgp.neighbor(v4), {
        what: `NOTIFICATION to or from ${v4}`,
        until: ({ state, lastError }) => {
          expect(lastError).to.include({ code: 2, subcode: 11 });
          expect(lastError!.text).to.match(/^OPEN Message Error\/Role Mismatch/);
          expect(state).to.not.equal('Established');
        },
      });
    }
  });

  it('a leak is held, not used, and explained', async () => {
    // FRR is BIRD's provider and says so, BIRD knows nothing of it and passes the route up to tsbgp.
    const lans = [await lab.network.lan('10.9.1', 'fd09:1'), await lab.network.lan('10.9.2', 'fd09:2')] as const;
    const here = await lab.network.host('leak', [lans[0], 1]);
    const between = await lab.network.host('bird9', [lans[0], 2], [lans[1], 2]);
    const there = await lab.network.host('frr9', [lans[1], 1]);
    const families = ['ipv4'] as const;
    const tsbgp = new Tsbgp(here, {
      asn: AS,
      neighbors: [{ address: between.v4, peerAs: 65001, families, tsbgp: { role: 'provider' } }],
    });
    const bird = new Bird(between, {
      asn: 65001,
      neighbors: [
        { address: here.v4, peerAs: AS, families },
        { address: there.v4, peerAs: 65002, families },
      ],
      announce: ['10.67.0.0/16'],
    });
    const frr = new Frr(there, {
      asn: 65002,
      neighbors: [{ address: between.interfaces[1]!.v4, peerAs: 65001, families, lines: ['local-role provider'] }],
      announce: ['10.66.0.0/16'],
    });
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    await holds(tsbgp, 'ipv4', [
      { prefix: '10.66.0.0/16', asPath: '65001 65002', best: false },
      { prefix: '10.67.0.0/16', asPath: '65001', best: true },
    ]);
    const { best, decisions } = await tsbgp.explain('10.66.0.0/16');
    expect(best).to.equal(null);
    expect(decisions[0]).to.include({
      lostAt: 'no route leak',
      detail: 'route leak: ONLY_TO_CUSTOMER 65002 may not come from this neighbor',
    });
  });
});

lab('a route server for BIRD, FRR, GoBGP and OpenBGPD', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  it('AS_PATH, next hop and MED of each reach the others as they are (RFC 7947)', async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const here = await lab.network.host('tsbgp', [lan, 100]);
    const own = { address: here.v4, peerAs: AS };
    const kinds: readonly (readonly [SpeakerKind, Partial<PeerSettings>])[] = [
      [Bird, { lines: ['local role rs_client; require roles;'] }],
      [Frr, { lines: ['local-role rs-client strict-mode'] }],
      [Gobgp, {}],
      [Openbgpd, { families: ['ipv4'], lines: ['enforce neighbor-as no', 'announce policy rs-client enforce'] }],
    ];
    const speakers: SpeakerDriver[] = [];
    for (const [i, [Kind, there]] of kinds.entries()) {
      const host = await lab.network.host(Kind.name, [lan, i + 1]);
      const announce = [
        { prefix: `10.${i + 1}.0.0/16`, med: 50 + i },
        { prefix: `2001:db8:${i + 1}::/48`, med: 60 + i },
      ];
      speakers.push(new Kind(host, { asn: 65001 + i, neighbors: [{ ...own, ...there }], announce }));
    }
    const tsbgp = new Tsbgp(here, {
      asn: AS,
      neighbors: speakers.map(({ host, asn }) => ({
        address: host.v4,
        peerAs: asn,
        tsbgp: { routeServerClient: true, role: 'routeServer' },
      })),
    });
    await tsbgp.start();
    await Promise.all(speakers.map((speaker) => speaker.start()));
    await tsbgp.announce('10.100.0.0/16');
    for (const at of speakers) {
      const others = speakers.map((speaker, i) => ({ speaker, i })).filter(({ speaker }) => speaker !== at);
      await holds(at, 'ipv4', [
        ...others.map(({ speaker, i }) => ({
          prefix: `10.${i + 1}.0.0/16`,
          asPath: String(speaker.asn),
          nextHop: speaker.host.v4,
          med: 50 + i,
        })),
        // Its own routes are those of an eBGP neighbor.
        { prefix: '10.100.0.0/16', asPath: String(AS), nextHop: here.v4 },
      ]);
      // On an IPv4 session the next hop of OpenBGPD's IPv6 routes would be ::1.
      if (at instanceof Openbgpd) continue;
      const sixth = others.filter(({ speaker }) => !(speaker instanceof Openbgpd));
      await holds(
        at,
        'ipv6',
        sixth.map(({ speaker, i }) => ({
          prefix: `2001:db8:${i + 1}::/48`,
          asPath: String(speaker.asn),
          nextHop: speaker.host.v6,
          med: 60 + i,
        })),
      );
    }
  });
});
