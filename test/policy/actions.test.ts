import { expect } from 'chai';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { parseCommunity, parseLargeCommunity } from '../../lib/bgp/wire/communities.js';
import type { PolicyActions } from '../../lib/policy/definition.js';
import type { PathView } from '../../lib/speaker/views.js';
import { attributes, PEER_AS, PolicyRig, type TestRoute } from './rig.js';

const definitions = { communitySets: { ours: ['64512:*', '1:1'] } };
const withAttributes = (...more: EncodableAttribute[]): TestRoute => ({ attributes: attributes('ebgp', more) });
const standard = (...texts: string[]): TestRoute => withAttributes({ code: 8, value: texts.map(parseCommunity) });
const large = (...texts: string[]): TestRoute => withAttributes({ code: 32, value: texts.map(parseLargeCommunity) });
const extended = (...hex: string[]): TestRoute =>
  withAttributes({ code: 16, value: hex.map((text) => new Uint8Array(Buffer.from(text, 'hex'))) });
const med = (value: number): TestRoute => withAttributes({ code: 4, value });

const CASES: readonly (readonly [PolicyActions, TestRoute, Partial<PathView>])[] = [
  [{}, { ...med(7) }, { med: 7, localPref: null, communities: [], asPath: '65001' }],
  [{ localPref: 200 }, {}, { localPref: 200 }],
  [{ localPref: { add: 20 } }, {}, { localPref: 120 }],
  [{ localPref: { subtract: 200 } }, {}, { localPref: 0 }],
  [{ localPref: { add: 4294967295 } }, {}, { localPref: 4294967295 }],
  [{ med: 5 }, {}, { med: 5 }],
  [{ med: { add: 5 } }, med(7), { med: 12 }],
  [{ med: { subtract: 5 } }, med(7), { med: 2 }],
  [{ med: 'remove' }, med(7), { med: null }],
  [{ med: 'remove' }, {}, { med: null }],
  [{ origin: 'incomplete' }, {}, { origin: 'incomplete' }],
  [{ nextHop: '10.0.0.77' }, {}, { nextHop: '10.0.0.77' }],
  [{ nextHop: '2001:db8::77' }, {}, { nextHop: '10.0.0.1' }],
  [{ nextHop: '2001:db8::77' }, { prefix: '2001:db8:1::/48' }, { nextHop: '2001:db8::77' }],
  [{ communities: { add: ['64512:1', 'no-export'] } }, {}, { communities: ['64512:1', 'no-export'] }],
  [{ communities: { add: ['2:2', '1:1'] } }, standard('3:3', '1:1'), { communities: ['3:3', '1:1', '2:2'] }],
  [{ communities: { remove: ['1:*'] } }, standard('1:1', '2:2', '1:2'), { communities: ['2:2'] }],
  [{ communities: { remove: ['ours'] } }, standard('1:1', '64512:9', '2:2'), { communities: ['2:2'] }],
  [{ communities: { remove: ['*:*'] } }, standard('1:1'), { communities: [] }],
  [{ communities: { replace: ['9:9'] } }, standard('1:1', '2:2'), { communities: ['9:9'] }],
  [{ communities: { replace: [] } }, standard('1:1'), { communities: [] }],
  [{ communities: { remove: ['1:1'], add: ['1:1'] } }, standard('1:1', '2:2'), { communities: ['2:2', '1:1'] }],
  [{ largeCommunities: { add: ['64512:1:2'] } }, large('1:1:1'), { largeCommunities: ['1:1:1', '64512:1:2'] }],
  [{ largeCommunities: { remove: ['1:*:*'] } }, large('1:1:1', '2:1:1'), { largeCommunities: ['2:1:1'] }],
  [{ largeCommunities: { replace: ['3:3:3'] } }, large('1:1:1'), { largeCommunities: ['3:3:3'] }],
  [{ extendedCommunities: { add: ['rt:64512:100'] } }, {}, { extendedCommunities: ['0002fc0000000064'] }],
  [
    { extendedCommunities: { remove: ['rt:64512:*'] } },
    extended('0002fc0000000064', '0003fc0000000064'),
    { extendedCommunities: ['0003fc0000000064'] },
  ],
  [{ asPathPrepend: { asn: 65077 } }, {}, { asPath: '65077 65001' }],
  [
    { asPathPrepend: { asn: 65077, times: 3 } },
    { attributes: attributes('ebgp', [], []) },
    { asPath: '65077 65077 65077' },
  ],
  [
    { asPathPrepend: { asn: 65077, times: 2 } },
    withAttributes({ code: 2, value: [{ type: 'AS_SET', asns: [7, 8] }] }),
    { asPath: '65077 65077 {7 8}' },
  ],
  [
    { localPref: 300, communities: { add: ['1:1'] }, asPathPrepend: { asn: 7 }, med: 'remove', origin: 'egp' },
    med(9),
    { localPref: 300, communities: ['1:1'], asPath: `7 ${PEER_AS}`, med: null, origin: 'egp' },
  ],
];

describe('policy actions', () => {
  for (const [actions, route, expected] of CASES) {
    it(`${JSON.stringify(actions)} on ${JSON.stringify(route.attributes?.slice(1) ?? [])}`, () => {
      const rig = new PolicyRig([{ actions: { ...actions, result: 'accept' } }], { definitions });
      for (const direction of ['import', 'export'] as const)
        expect(rig[direction](route), direction).to.deep.include(expected);
    });
  }

  it('keeps attributes that it does not know, in wire order', () => {
    const rig = new PolicyRig([
      {
        actions: {
          result: 'accept',
          localPref: 5,
          communities: { add: ['1:1'] },
          largeCommunities: { add: ['1:2:3'] },
        },
      },
    ]);
    // RFC 4271 section 5: ORIGIN, AS_PATH, NEXT_HOP, then AGGREGATOR and an unknown optional transitive attribute 99.
    const body = Buffer.from(
      '0000' +
        '002a' +
        '40010100' +
        '4002060201' +
        '0000fde9' +
        '4003040a000001' +
        'c007080000fde90a000001' +
        'c0630401020304' +
        '100a01',
      'hex',
    );
    body.writeUInt16BE(body.length - 4 - 3, 2);
    rig.source.adjRibIn.policy = rig.policy;
    rig.source.body(body);
    const { rib, attributes: id } = rig.held({});
    expect(Buffer.from(rib.store.attributesOf(id)).toString('hex')).to.equal(
      [
        '40010100',
        '4002060201' + '0000fde9',
        '4003040a000001',
        '400504' + '00000005',
        'c007080000fde90a000001',
        'c00804' + '00010001',
        'c0200c' + '000000010000000200000003',
        // RFC 4271 section 5: the Partial bit, since we did not know it.
        'e0630401020304',
      ].join(''),
    );
  });

  it('times and segments: 255 AS numbers are not put into a full segment', () => {
    const rig = new PolicyRig([{ actions: { result: 'accept', asPathPrepend: { asn: 7, times: 50 } } }]);
    const full = new Array<number>(230).fill(PEER_AS);
    expect(rig.import({ attributes: attributes('ebgp', [], full) })!.asPath.split(' ')).to.have.length(280);
    const { rib, attributes: id } = rig.held({});
    expect(rib.store.asPathLength[id]).to.equal(280);
    expect(rib.store.neighborAs[id]).to.equal(7);
  });

  it('by default the neighbor is put in front on import, and we on export; own AS numbers of ours are no loop then', () => {
    const rig = new PolicyRig([{ actions: { result: 'accept', asPathPrepend: {} } }]);
    expect(rig.import({})!.asPath).to.equal('65001 65001');
    expect(rig.export({})!.asPath).to.equal('64512 65001');
    const own = new PolicyRig([{ actions: { result: 'accept', asPathPrepend: { asn: 64512 } } }]);
    own.import({});
    own.decide('ipv4-unicast');
    expect(own.best('10.1.0.0/16')?.asPath).to.equal('64512 65001');
    // A loop that was received stays one.
    own.import({ attributes: attributes('ebgp', [], [PEER_AS, 64512]) });
    own.decide('ipv4-unicast');
    expect(own.best('10.1.0.0/16')).to.equal(undefined);
  });

  it('the neighbor as next hop', () => {
    const rig = new PolicyRig([{ actions: { result: 'accept', nextHop: 'peer' } }], { address: '10.0.0.9' });
    expect(rig.import({ nextHop: '10.0.0.1' })!.nextHop).to.equal('10.0.0.9');
    expect(rig.import({ prefix: '2001:db8:1::/48' })!.nextHop).to.equal('2001:db8::1');
  });

  describe('where IPv4 routes may have IPv6 next hops (RFC 8950)', () => {
    const six = { extendedNextHop: true, address: 'fd00::9' };
    const v6 = { prefix: '2001:db8:1::/48' };

    it('an IPv6 address is set in routes of both families, in both directions', () => {
      const rig = new PolicyRig([{ actions: { result: 'accept', nextHop: '2001:db8::77' } }], six);
      for (const route of [{}, v6]) {
        for (const direction of ['import', 'export'] as const)
          expect(rig[direction](route)!.nextHop, direction).to.equal('2001:db8::77');
      }
    });

    it('an IPv4 address is set in IPv4 routes alone', () => {
      const rig = new PolicyRig([{ actions: { result: 'accept', nextHop: '10.0.0.77' } }], six);
      for (const direction of ['import', 'export'] as const) {
        expect(rig[direction]({})!.nextHop, direction).to.equal('10.0.0.77');
        expect(rig[direction](v6)!.nextHop, direction).to.equal('2001:db8::1');
      }
    });

    it('the neighbor as next hop of IPv4 routes on an IPv6 session', () => {
      const rig = new PolicyRig([{ actions: { result: 'accept', nextHop: 'peer' } }], six);
      expect(rig.import({})!.nextHop).to.equal('fd00::9');
      expect(rig.import(v6)!.nextHop).to.equal('fd00::9');
    });
  });

  it('a set that would be longer than any message is rejected', () => {
    const many = Array.from({ length: 9000 }, (_, i) => `rt:64512:${i}`);
    const rig = new PolicyRig([{ actions: { result: 'accept', extendedCommunities: { add: many } } }]);
    expect(rig.import({})).to.equal(null);
    expect(rig.export({})).to.equal(null);
  });

  it('sets that a policy made are freed with the routes', () => {
    const rig = new PolicyRig([{ actions: { result: 'accept', communities: { add: ['1:1'] } } }]);
    const { store } = rig.rib.of('ipv4-unicast');
    for (let i = 0; i < 50; i++)
      rig.import({ prefix: `10.${i}.0.0/16`, attributes: attributes('ebgp', [{ code: 4, value: i }]) });
    expect(store.count).to.equal(100);
    for (let i = 0; i < 50; i++) rig.rib.of('ipv4-unicast').withdraw(rig.source.source, i);
    rig.decide('ipv4-unicast');
    for (let i = 0; i < 4; i++) rig.rib.of('ipv4-unicast').freeUnusedSets();
    expect(store.count).to.equal(0);
  });
});
