import { expect } from 'chai';
import { octets, toHex } from '../support/wire.js';
import { RibRig, type RigSource } from './rig.js';
import {
  bare,
  update,
  ORIGIN,
  PATH,
  NEXT_HOP,
  LOCAL_PREF,
  EXTERNAL,
  INTERNAL,
  P1,
  P2,
  V6_NEXT_HOP,
  V1,
  V2,
  reach,
  unreach,
} from './update-hex.js';

describe('AdjRibIn: flawed UPDATEs', () => {
  let rig: RibRig;
  let ebgp: RigSource;
  let ibgp: RigSource;

  beforeEach(() => {
    rig = new RibRig();
    ebgp = rig.add('ebgp');
    ibgp = rig.add('ibgp');
  });

  const prefixes = (source: RigSource, family: 'ipv4-unicast' | 'ipv6-unicast' = 'ipv4-unicast'): string[] => {
    const list = [...source.paths(family).keys()].sort();
    expect(source.count(family), 'count').to.equal(list.length);
    return list;
  };
  /** Apply without a session error. */
  const apply = (source: RigSource, fields: Parameters<typeof update>[0]): void => {
    const error = source.body(update(fields));
    if (error) throw error;
  };

  describe('flaws that cost the route (RFC 7606 treat-as-withdraw)', () => {
    const flaws: readonly (readonly [string, string])[] = [
      ['ORIGIN 3 (7.1)', `40 01 01 03 ${PATH} ${NEXT_HOP}`],
      ['ORIGIN of two octets (7.1)', `40 01 02 0000 ${PATH} ${NEXT_HOP}`],
      ['a broken AS_PATH (7.2)', `${ORIGIN} 40 02 06 02 02 0000fde8 ${NEXT_HOP}`],
      ['AS 0 in AS_PATH (RFC 7607)', `${ORIGIN} 40 02 06 02 01 00000000 ${NEXT_HOP}`],
      ['NEXT_HOP of five octets (7.3)', `${ORIGIN} ${PATH} 40 03 05 0a00000900`],
      ['NEXT_HOP 0.0.0.0 (RFC 4271 6.3)', `${ORIGIN} ${PATH} 40 03 04 00000000`],
      ['MULTI_EXIT_DISC of three octets (7.4)', `${EXTERNAL} 80 04 03 000000`],
      ['COMMUNITIES of five octets (7.8)', `${EXTERNAL} c0 08 05 0000000000`],
      ['wrong flags (3 c)', `${EXTERNAL} 40 08 04 00000001`],
      ['no AS_PATH (3 d)', `${ORIGIN} ${NEXT_HOP}`],
      ['no NEXT_HOP (3 d)', `${ORIGIN} ${PATH}`],
      ['an attribute that runs over the end (4)', `${EXTERNAL} c0 08 08 00000001`],
    ];
    for (const [what, attributes] of flaws) {
      it(what, () => {
        apply(ebgp, { attributes: EXTERNAL, nlri: P1 + P2 });
        apply(ibgp, { attributes: INTERNAL, nlri: P1 });
        apply(ebgp, { attributes, nlri: P1 });
        expect(prefixes(ebgp)).to.deep.equal(['10.2.3.0/24']);
        expect(prefixes(ibgp)).to.deep.equal(['10.1.0.0/16']);
        expect(ebgp.diagnostics.map(({ action }) => action)).to.deep.equal(['treat-as-withdraw']);
        // A new prefix is not taken either.
        apply(ebgp, { attributes, nlri: '18 0a0909' });
        expect(prefixes(ebgp)).to.deep.equal(['10.2.3.0/24']);
      });
    }

    it('also in MP_REACH_NLRI, together with the NLRI field', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 + P2 });
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V1 + V2) });
      apply(ebgp, { attributes: `40 01 01 03 ${PATH} ${NEXT_HOP} ${reach(V1)}`, nlri: P1 });
      expect(prefixes(ebgp)).to.deep.equal(['10.2.3.0/24']);
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8:2::/48']);
    });

    for (const [what, nextHop, family, prefix] of [
      ['next hop ::', '00'.repeat(16), '0002 01', V1],
      ['a multicast IPv6 next hop', `ff02${'00'.repeat(13)}01`, '0002 01', V1],
      ['next hop 0.0.0.0', '00000000', '0001 01', P1],
      ['an IPv6 next hop of IPv4 routes that was not negotiated (RFC 8950)', V6_NEXT_HOP, '0001 01', P1],
    ] as const) {
      it(`${what} in MP_REACH_NLRI (RFC 4271 6.3)`, () => {
        apply(ebgp, { attributes: EXTERNAL + reach(V1), nlri: P1 });
        apply(ebgp, { attributes: ORIGIN + PATH + reach(prefix, nextHop, family) });
        expect(ebgp.diagnostics.map(({ action, subcode }) => [action, subcode])).to.deep.equal([
          ['treat-as-withdraw', 8],
        ]);
        const left = [...prefixes(ebgp), ...prefixes(ebgp, 'ipv6-unicast')];
        expect(left).to.deep.equal(prefix === P1 ? ['2001:db8:1::/48'] : ['10.1.0.0/16']);
      });
    }

    it('a missing LOCAL_PREF, from iBGP only (RFC 4271 5.1.5)', () => {
      apply(ibgp, { attributes: EXTERNAL, nlri: P1 });
      expect(prefixes(ibgp)).to.deep.equal([]);
      expect(ibgp.diagnostics[0]).to.include({ action: 'treat-as-withdraw', attribute: 5 });
    });

    it('attributes beside MP_UNREACH_NLRI alone are judged, too (5.2)', () => {
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V1) });
      const error = ebgp.body(update({ attributes: `40 01 01 03 ${unreach(V1)}` }));
      expect(ebgp.diagnostics.map(({ attribute }) => attribute)).to.deep.equal([1]);
      expect(error).to.include({ code: 3 });
    });

    it('withdrawals beside the flaw are obeyed', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 + P2 });
      apply(ebgp, { withdrawn: P2, attributes: `40 01 01 03 ${PATH} ${NEXT_HOP}`, nlri: P1 });
      expect(prefixes(ebgp)).to.deep.equal([]);
    });
  });

  describe('flaws that cost the attribute (RFC 7606 attribute discard)', () => {
    const flaws: readonly (readonly [string, string])[] = [
      ['LOCAL_PREF from eBGP (7.5)', `${EXTERNAL} ${LOCAL_PREF}`],
      ['ORIGINATOR_ID from eBGP (7.9)', `${EXTERNAL} 80 09 04 c00002fe`],
      ['CLUSTER_LIST from eBGP (7.10)', `${EXTERNAL} 80 0a 04 c00002fd`],
      ['ATOMIC_AGGREGATE of one octet (7.6)', `${EXTERNAL} 40 06 01 00`],
      ['AGGREGATOR of seven octets (7.7)', `${EXTERNAL} c0 07 07 00000000000000`],
      ['an attribute twice (3 g)', `${EXTERNAL} 40 01 01 02`],
    ];
    for (const [what, attributes] of flaws) {
      it(what, () => {
        apply(ebgp, { attributes, nlri: P1 });
        expect(ebgp.diagnostics.map(({ action }) => action)).to.deep.equal(['attribute-discard']);
        rig.decide('ipv4-unicast');
        expect(rig.best('10.1.0.0/16')).to.include({
          origin: 'igp',
          localPref: null,
          originatorId: null,
          atomicAggregate: false,
          aggregator: null,
        });
      });
    }
  });

  describe('flaws that end the session (RFC 4271 6.3, RFC 7606)', () => {
    const BAD_REACH = reach('81 20010db8');
    const errors: readonly (readonly [string, Uint8Array, string, string])[] = [
      ['a body of three octets', octets('000000'), '3/1', ''],
      ['Withdrawn Routes Length over the end (3 a)', octets('0005 10 0a01 0000'), '3/1', ''],
      ['Total Path Attribute Length over the end (3 a)', octets('0000 0005 400101'), '3/1', ''],
      ['a withdrawn prefix of 33 bits (5.3)', update({ withdrawn: '21 0a00000000' }), '3/10', ''],
      ['a withdrawn prefix that is cut (5.3)', update({ withdrawn: '18 0a00' }), '3/10', ''],
      ['a prefix of 33 bits (5.3)', update({ attributes: EXTERNAL, nlri: '21 0a00000000' }), '3/10', ''],
      ['a prefix that is cut (5.3)', update({ attributes: EXTERNAL, nlri: `${P1} 18 0a00` }), '3/10', ''],
      [
        'a prefix of 129 bits in MP_REACH_NLRI (RFC 4760 7)',
        update({ attributes: ORIGIN + PATH + BAD_REACH }),
        '3/9',
        bare(BAD_REACH),
      ],
      [
        'a prefix that is cut in MP_UNREACH_NLRI (RFC 4760 7)',
        update({ attributes: unreach('30 20010d') }),
        '3/9',
        bare(unreach('30 20010d')),
      ],
      [
        'a next hop of 15 octets in MP_REACH_NLRI (7.11)',
        update({ attributes: ORIGIN + PATH + reach(V1, V6_NEXT_HOP.slice(2)) }),
        '3/9',
        bare(reach(V1, V6_NEXT_HOP.slice(2))),
      ],
      [
        'MP_REACH_NLRI twice (3 g)',
        update({ attributes: ORIGIN + PATH + reach(V1) + reach(V2) }),
        '3/1',
        bare(reach(V2)),
      ],
      [
        'an unknown well-known attribute (RFC 4271 6.3)',
        update({ attributes: `${EXTERNAL} 40 63 01 00`, nlri: P1 }),
        '3/2',
        '40630100',
      ],
    ];
    for (const [what, body, code, data] of errors) {
      it(`${what}: ${code}`, () => {
        const error = ebgp.body(body)!;
        expect(error, 'no error').not.to.equal(undefined);
        expect(`${error.code}/${error.subcode}`).to.equal(code);
        expect(toHex(error.data)).to.equal(data);
      });
    }
  });
});
