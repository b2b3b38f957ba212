import { expect } from 'chai';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import { Bird, Frr, Gobgp, eventually, holds, lab } from './harness/index.js';
import { star, type Star } from './star.js';

const AS = 64512;

const sets = {
  prefixSets: { customers: [{ prefix: '10.0.0.0/8', le: 16 }], bogons: [{ prefix: '192.168.0.0/16', le: 32 }] },
  communitySets: { internal: ['64512:*'] },
};

/** Routes are marked by where they came from, and told by that mark. */
const policies: NonNullable<SpeakerConfig['policies']> = {
  sane: [
    { name: 'bogons', conditions: { prefixSets: ['bogons'] }, actions: { result: 'reject' } },
    { name: 'too long', conditions: { not: { prefixSets: ['customers'] } }, actions: { result: 'reject' } },
    { name: 'ours alone', actions: { communities: { remove: ['internal'] } } },
  ],
  fromBird: [{ actions: { result: 'accept', localPref: 200, communities: { add: ['64512:1'] } } }],
  fromFrr: [{ actions: { result: 'accept', communities: { add: ['64512:2'] } } }],
  fromGobgp: [{ actions: { result: 'accept', communities: { add: ['64512:3'] } } }],
  toBird: [
    {
      conditions: { communities: { any: ['64512:2'] } },
      actions: { result: 'accept', med: 50, asPathPrepend: { times: 2 } },
    },
  ],
  toFrr: [
    { conditions: { communities: { any: ['64512:3'] } }, actions: { result: 'reject' } },
    {
      conditions: { communities: { any: ['65001:7'] } },
      actions: {
        result: 'accept',
        communities: { add: ['no-export', '64512:77'] },
        largeCommunities: { add: ['64512:1:2'] },
      },
    },
    { actions: { result: 'accept', communities: { remove: ['internal'] }, med: { add: 7 } } },
  ],
};

const members = (here: readonly Partial<NeighborOptions>[]) => [
  {
    Kind: Bird,
    asn: 65001,
    announce: [
      { prefix: '10.1.0.0/16', communities: ['65001:7', '64512:3'] },
      '10.1.1.0/24',
      '192.168.1.0/24',
      '10.4.0.0/16',
    ],
    here: here[0]!,
  },
  {
    Kind: Frr,
    asn: 65002,
    announce: [{ prefix: '10.2.0.0/16', communities: ['65002:9'] }, '10.2.1.0/24'],
    here: here[1]!,
  },
  { Kind: Gobgp, asn: 65003, announce: ['10.3.0.0/16', '10.3.1.0/24'], here: here[2]! },
];

const withPolicies: readonly NeighborOptions[] = [
  { address: '', importPolicy: ['sane', 'fromBird'], exportPolicy: ['toBird'] },
  { address: '', importPolicy: ['sane', 'fromFrr'], exportPolicy: ['toFrr'] },
  { address: '', importPolicy: ['sane', 'fromGobgp'], defaultExportPolicy: 'accept' },
].map(({ address, ...settings }) => (void address, settings as unknown as NeighborOptions));

lab('policies with BIRD, FRR and GoBGP', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let all: Star;
  before(async () => {
    all = await star(lab, AS, members(withPolicies), { policies, ...sets });
  });

  it('import: what is rejected is kept, and nobody is told', async () => {
    const [bird] = all.speakers;
    await eventually(
      async () => {
        const paths = await all.tsbgp.paths('ipv4');
        expect(
          paths.map(({ prefix, localPref, communities }) => [prefix, localPref, communities.join(' ')]).sort(),
        ).to.deep.equal([
          ['10.1.0.0/16', 200, '65001:7 64512:1'],
          ['10.2.0.0/16', null, '65002:9 64512:2'],
          ['10.3.0.0/16', null, '64512:3'],
          ['10.4.0.0/16', 200, '64512:1'],
        ]);
      },
      { what: 'what is let in' },
    );
    const received = await all.tsbgp.paths('ipv4', '--received-from', bird!.host.v4);
    expect(
      received.map(({ prefix, filtered, communities }) => [prefix, filtered ?? '', communities.join(' ')]).sort(),
    ).to.deep.equal([
      ['10.1.0.0/16', '', '64512:3 65001:7'],
      ['10.1.1.0/24', "policy 'sane', statement 'too long'", ''],
      ['10.4.0.0/16', '', ''],
      ['192.168.1.0/24', "policy 'sane', statement 'bogons'", ''],
    ]);
    expect((await all.tsbgp.neighbor(bird!.host.v4)).prefixes['ipv4-unicast']).to.include({ received: 4, filtered: 2 });
  });

  it('export: each daemon holds what its policy lets through, in the form that it gives', async () => {
    const [bird, frr, gobgp] = all.speakers;
    await holds(bird!, 'ipv4', [
      { prefix: '10.2.0.0/16', asPath: '64512 64512 64512 65002', med: 50, communities: ['64512:2', '65002:9'] },
    ]);
    await holds(frr!, 'ipv4', [
      { prefix: '10.1.0.0/16', asPath: '64512 65001', communities: ['64512:1', '64512:77', '65001:7', 'noExport'] },
      { prefix: '10.4.0.0/16', med: 7, communities: [] },
    ]);
    await holds(gobgp!, 'ipv4', [
      { prefix: '10.1.0.0/16', communities: ['64512:1', '65001:7'] },
      { prefix: '10.2.0.0/16', communities: ['64512:2', '65002:9'], med: null },
      { prefix: '10.4.0.0/16', communities: ['64512:1'] },
    ]);
    const { exportRejected } = await all.tsbgp.explain('10.3.0.0/16');
    expect(exportRejected).to.deep.equal([
      { neighbor: bird!.host.v4, by: 'no statement of toBird' },
      { neighbor: frr!.host.v4, by: "policy 'toFrr', statement 1" },
    ]);
  });

  it('SIGHUP with other policies: the difference is told, no session ends', async () => {
    const [bird, frr, gobgp] = all.speakers;
    const changed: SpeakerConfig['policies'] = {
      ...policies,
      // Without a name changed: 10.4.0.0/16 is not let in any more, and BIRD is told what came from GoBGP instead.
      fromBird: [
        {
          conditions: { asPath: { originAs: [65001] }, communities: { any: ['65001:7'] } },
          actions: { result: 'accept' },
        },
      ],
      toBird: [{ conditions: { communities: { any: ['64512:3'] } }, actions: { result: 'accept', nextHop: 'self' } }],
    };
    const { settings } = all.tsbgp;
    await all.tsbgp.reconfigure({ ...settings, config: { ...settings.config, policies: changed } });
    await holds(bird!, 'ipv4', [{ prefix: '10.3.0.0/16', asPath: '64512 65003', med: null, communities: ['64512:3'] }]);
    await holds(frr!, 'ipv4', [{ prefix: '10.1.0.0/16', communities: ['64512:77', '65001:7', 'noExport'] }]);
    await holds(gobgp!, 'ipv4', [
      { prefix: '10.1.0.0/16', communities: ['65001:7'] },
      { prefix: '10.2.0.0/16', communities: ['64512:2', '65002:9'] },
    ]);
    for (const { host } of all.speakers) expect((await all.tsbgp.neighbor(host.v4)).established).to.equal(1);
    expect(all.tsbgp.process.log).to.match(/reconfigured: changed in place/);
  });
});

lab('RFC 8212 with BIRD, FRR and GoBGP', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let all: Star;
  before(async () => {
    all = await star(lab, AS, members([{}, { importPolicy: ['sane', 'fromFrr'] }, { defaultExportPolicy: 'accept' }]), {
      policies,
      ...sets,
      ebgpRequiresPolicy: true,
    });
  });

  it('nothing from or to neighbors without a policy for the direction', async () => {
    const [bird, frr, gobgp] = all.speakers;
    // GoBGP alone may be told, and from FRR alone something may come.
    await holds(gobgp!, 'ipv4', [{ prefix: '10.2.0.0/16', communities: ['64512:2', '65002:9'] }]);
    await eventually(
      async () => {
        expect((await all.tsbgp.neighbor(bird!.host.v4)).prefixes['ipv4-unicast']).to.include({
          received: 4,
          filtered: 4,
          advertised: 0,
        });
        expect((await all.tsbgp.neighbor(gobgp!.host.v4)).prefixes['ipv4-unicast']).to.include({
          received: 2,
          filtered: 2,
        });
      },
      { what: 'counts of what is rejected' },
    );
    await holds(bird!, 'ipv4', []);
    await holds(frr!, 'ipv4', []);
    const text = await all.tsbgp.cli('show', 'neighbor', bird!.host.v4);
    expect(text).to.match(/Import policy: +none: reject \(RFC 8212/);
    expect(all.tsbgp.process.log).to.match(
      new RegExp(
        `neighbor ${bird!.host.v4}: eBGP without an import policy or export policy \\(RFC 8212\\): no route is accepted, no route is announced`,
      ),
    );
  });

  it('switched off again, all comes and goes without a new session', async () => {
    const { settings } = all.tsbgp;
    await all.tsbgp.reconfigure({ ...settings, config: { ...settings.config, ebgpRequiresPolicy: false } });
    const [bird, frr] = all.speakers;
    await holds(bird!, 'ipv4', [{ prefix: '10.2.0.0/16' }, { prefix: '10.3.0.0/16' }, { prefix: '10.3.1.0/24' }]);
    await holds(
      frr!,
      'ipv4',
      ['10.1.0.0/16', '10.1.1.0/24', '10.3.0.0/16', '10.3.1.0/24', '10.4.0.0/16', '192.168.1.0/24'].map((prefix) => ({
        prefix,
      })),
    );
    for (const { host } of all.speakers) expect((await all.tsbgp.neighbor(host.v4)).established).to.equal(1);
  });

  it('FRR that asks for policies tells a neighbor nothing: both sides must have one', async () => {
    const [, frr] = all.speakers as [unknown, Frr, unknown];
    await frr.vtysh('bgpd', 'configure terminal', 'router bgp 65002', 'bgp ebgp-requires-policy');
    await frr.vtysh('bgpd', 'clear bgp * soft');
    await eventually(
      async () => {
        expect((await all.tsbgp.neighbor(frr.host.v4)).prefixes['ipv4-unicast']).to.include({ received: 0 });
      },
      { what: 'FRR tells nothing' },
    );
  });
});
