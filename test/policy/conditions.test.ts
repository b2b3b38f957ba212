import { expect } from 'chai';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { parseCommunity, parseLargeCommunity } from '../../lib/bgp/wire/communities.js';
import type { PolicyConditions } from '../../lib/policy/definition.js';
import { attributes, PEER_AS, PolicyRig, type RigOptions, type TestRoute } from './rig.js';

const definitions = {
  prefixSets: {
    exact: ['10.1.0.0/16', '2001:db8::/32'],
    longer: [{ prefix: '10.0.0.0/8', ge: 16, le: 24 }],
    geAlone: [{ prefix: '10.0.0.0/8', ge: 30 }],
    leAlone: [{ prefix: '10.0.0.0/8', le: 9 }],
    all: [{ prefix: '0.0.0.0/0', le: 32 }],
    two: [
      { prefix: '10.0.0.0/8', ge: 8, le: 8 },
      { prefix: '10.0.0.0/8', ge: 24, le: 24 },
    ],
    ipv6: [{ prefix: '2001:db8::/32', ge: 48, le: 64 }],
  },
  communitySets: { ours: ['64512:1', '64512:2'], large: ['64512:1:*'], targets: ['rt:64512:*'] },
  asPathSets: { transit: ['^65001 65009_', '_65010$'] },
};

const on = (prefix: string, more: Partial<TestRoute> = {}): TestRoute => ({ prefix, ...more });
const withAttributes = (...more: EncodableAttribute[]): TestRoute => ({ attributes: attributes('ebgp', more) });
const path = (...asns: number[]): TestRoute => ({ attributes: attributes('ebgp', [], asns) });
const standard = (...texts: string[]): TestRoute => withAttributes({ code: 8, value: texts.map(parseCommunity) });
const large = (...texts: string[]): TestRoute => withAttributes({ code: 32, value: texts.map(parseLargeCommunity) });
const extended = (...hex: string[]): TestRoute =>
  withAttributes({ code: 16, value: hex.map((text) => new Uint8Array(Buffer.from(text, 'hex'))) });

/** Condition, routes that it holds for, routes that it does not hold for. */
const CASES: readonly (readonly [PolicyConditions, TestRoute[], TestRoute[], RigOptions?])[] = [
  [{}, [{}, on('2001:db8::/32')], []],
  [
    { prefixSets: ['exact'] },
    [on('10.1.0.0/16'), on('2001:db8::/32')],
    [on('10.1.0.0/17'), on('10.0.0.0/8'), on('10.2.0.0/16'), on('2001:db8::/33')],
  ],
  [
    { prefixSets: ['longer'] },
    [on('10.1.0.0/16'), on('10.255.255.0/24')],
    [on('10.0.0.0/15'), on('10.1.1.0/25'), on('11.0.0.0/16')],
  ],
  [{ prefixSets: ['geAlone'] }, [on('10.1.1.0/30'), on('10.1.1.1/32')], [on('10.1.1.0/29')]],
  [{ prefixSets: ['leAlone'] }, [on('10.0.0.0/8'), on('10.128.0.0/9')], [on('10.64.0.0/10')]],
  [{ prefixSets: ['all'] }, [on('0.0.0.0/0'), on('192.0.2.1/32')], [on('2001:db8::/32')]],
  [{ prefixSets: ['two'] }, [on('10.0.0.0/8'), on('10.0.7.0/24')], [on('10.0.0.0/16')]],
  [
    { prefixSets: ['ipv6'] },
    [on('2001:db8:1::/48'), on('2001:db8:0:7::/64')],
    [on('2001:db8::/47'), on('2001:db9::/48')],
  ],
  [{ prefixSets: ['geAlone', 'exact'] }, [on('10.1.0.0/16'), on('10.9.9.9/32')], [on('10.2.0.0/16')]],
  [{ not: { prefixSets: ['exact'] } }, [on('10.2.0.0/16')], [on('10.1.0.0/16')]],
  [{ family: 'ipv6-unicast' }, [on('2001:db8::/32')], [on('10.1.0.0/16')]],
  [
    { communities: { any: ['64512:1', 'no-peer'] } },
    [standard('1:1', '64512:1'), standard('no-peer')],
    [{}, standard('64512:3')],
  ],
  [{ communities: { any: ['ours', '7:*'] } }, [standard('64512:2'), standard('7:9')], [standard('64512:3', '8:7'), {}]],
  [{ communities: { any: ['*:666'] } }, [standard('1:666')], [standard('666:1')]],
  [
    { communities: { all: ['64512:1', '7:*'] } },
    [standard('7:1', '64512:1')],
    [standard('64512:1'), standard('7:1'), {}],
  ],
  [{ communities: { all: ['ours'] } }, [standard('64512:2', '64512:1')], [standard('64512:1')]],
  [{ communities: { none: ['ours'] } }, [{}, standard('64512:3')], [standard('1:1', '64512:2')]],
  [{ communities: { any: [] } }, [], [{}, standard('1:1')]],
  [{ largeCommunities: { any: ['64512:1:2'] } }, [large('64512:1:2')], [large('64512:1:3'), standard('64512:1')]],
  [
    { largeCommunities: { all: ['large', '*:*:9'] } },
    [large('64512:1:9'), large('64512:1:1', '3:3:9')],
    [large('64512:2:9')],
  ],
  [
    { extendedCommunities: { any: ['rt:64512:100'] } },
    [extended('0002fc0000000064')],
    [extended('0003fc0000000064'), {}],
  ],
  [
    { extendedCommunities: { any: ['soo:192.0.2.1:5'] } },
    [extended('0103c00002010005')],
    [extended('0102c00002010005')],
  ],
  [{ extendedCommunities: { any: ['rt:70000:5'] } }, [extended('0202000111700005')], [extended('0202000111700006')]],
  [
    { extendedCommunities: { any: ['targets', '4004000000000001'] } },
    [extended('0002fc0000000007'), extended('4004000000000001')],
    [extended('0002fc0100000007')],
  ],
  [{ asPath: { length: 2 } }, [path(PEER_AS, 7)], [path(PEER_AS), path(PEER_AS, 7, 8)]],
  [
    { asPath: { length: { ge: 2, le: 3 } } },
    [path(PEER_AS, 7), path(PEER_AS, 7, 8)],
    [path(PEER_AS), path(PEER_AS, 7, 8, 9)],
  ],
  [{ asPath: { contains: [7, 9] } }, [path(PEER_AS, 9, 8)], [path(PEER_AS, 8)]],
  [{ asPath: { originAs: [7] } }, [path(PEER_AS, 7)], [path(7, PEER_AS), path()]],
  [{ asPath: { neighborAs: [7] } }, [path(7, PEER_AS)], [path(PEER_AS, 7), path()]],
  [
    { asPath: { originAs: [7] } },
    [],
    [
      withAttributes({
        code: 2,
        value: [
          { type: 'AS_SEQUENCE', asns: [PEER_AS] },
          { type: 'AS_SET', asns: [7, 8] },
        ],
      }),
    ],
  ],
  [
    { asPath: { matches: '_7_' } },
    [path(PEER_AS, 7, 8), path(7), path(PEER_AS, 7)],
    [path(PEER_AS, 77), path(PEER_AS, 17, 8)],
  ],
  [{ asPath: { matches: '^$' } }, [path()], [path(PEER_AS)]],
  [
    { asPath: { sets: ['transit'] } },
    [path(65001, 65009), path(65001, 5, 65010)],
    [path(65001, 5), path(65001, 650091)],
  ],
  [{ asPath: { matches: '_9_', sets: ['transit'] } }, [path(65001, 65009, 9)], [path(65001, 65009), path(65001, 9)]],
  [
    { nextHopIn: ['10.0.0.0/24', '2001:db8::1/128'] },
    [{ nextHop: '10.0.0.9' }, on('2001:db8:7::/48')],
    [{ nextHop: '10.0.1.9' }],
  ],
  [{ origin: ['egp', 'incomplete'] }, [withAttributes({ code: 1, value: 'INCOMPLETE' })], [{}]],
  [{ med: 0 }, [{}, withAttributes({ code: 4, value: 0 })], [withAttributes({ code: 4, value: 1 })]],
  [{ med: { ge: 10 } }, [withAttributes({ code: 4, value: 10 })], [withAttributes({ code: 4, value: 9 }), {}]],
  [{ localPref: { le: 100 } }, [{}], []],
  [
    { localPref: { ge: 200, le: 300 } },
    [{ attributes: attributes('ibgp', [{ code: 5, value: 200 }]) }],
    [{ attributes: attributes('ibgp', [{ code: 5, value: 301 }]) }, { attributes: attributes('ibgp') }],
    { type: 'ibgp' },
  ],
  [{ fromNeighbors: ['10.0.0.0/24'] }, [{}], [], { address: '10.0.0.7' }],
  [{ fromNeighbors: ['10.0.0.8', '2001:db8::7'] }, [], [{}], { address: '10.0.0.7' }],
  [{ fromPeerGroups: ['customers'] }, [{}], [], { peerGroup: 'customers' }],
  [{ fromPeerGroups: ['customers'] }, [], [{}], { peerGroup: 'peers' }],
  [{ fromPeerGroups: ['customers'] }, [], [{}]],
  [{ routeTypes: ['external'] }, [{}], []],
  [{ routeTypes: ['local', 'internal'] }, [], [{}]],
  [{ routeTypes: ['internal'] }, [{ attributes: attributes('ibgp') }], [], { type: 'ibgp' }],
  [
    { prefixSets: ['exact'], communities: { any: ['1:1'] }, not: { med: 7, asPath: { contains: [9] } } },
    [standard('1:1')],
    [
      {},
      { ...standard('1:1'), prefix: '10.2.0.0/16' },
      {
        attributes: attributes(
          'ebgp',
          [
            { code: 8, value: [0x10001] },
            { code: 4, value: 7 },
          ].sort((a, b) => a.code - b.code) as EncodableAttribute[],
        ),
      },
      { attributes: attributes('ebgp', [{ code: 8, value: [0x10001] }], [PEER_AS, 9]) },
    ],
  ],
];

describe('policy conditions', () => {
  for (const [conditions, matching, others, options] of CASES) {
    it(`${JSON.stringify(conditions)}${options ? ` at ${JSON.stringify(options)}` : ''}`, () => {
      const rig = new PolicyRig([{ conditions, actions: { result: 'accept' } }], { ...options, definitions });
      for (const direction of ['import', 'export'] as const) {
        // Twice: computed, and remembered.
        for (const route of [...matching, ...matching]) {
          expect(rig[direction](route), `${direction} ${JSON.stringify(route)}`).to.not.equal(null);
        }
        for (const route of [...others, ...others]) {
          expect(rig[direction](route), `${direction} ${JSON.stringify(route)}`).to.equal(null);
        }
      }
    });
  }

  it('the first statement that decides counts, and what an earlier one changed is seen', () => {
    const rig = new PolicyRig([
      { actions: { communities: { add: ['1:1'] } } },
      { conditions: { communities: { any: ['1:1'] }, med: 5 }, actions: { result: 'reject' } },
      { conditions: { communities: { any: ['1:1'] } }, actions: { result: 'accept', localPref: 7 } },
      { actions: { result: 'reject' } },
    ]);
    expect(rig.import({})).to.deep.include({ localPref: 7, communities: ['1:1'] });
    expect(rig.import(withAttributes({ code: 4, value: 5 }))).to.equal(null);
  });

  it('what no statement decides on gets the default', () => {
    const statements = [{ actions: { localPref: 7 } }];
    expect(new PolicyRig(statements).import({})).to.equal(null);
    expect(new PolicyRig(statements, { defaultResult: 'accept' }).import({})).to.deep.include({ localPref: 7 });
  });
});
