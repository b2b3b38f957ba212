import { expect } from 'chai';
import { toHex } from '../support/wire.js';
import { LOCAL_AS, RibRig, type RigSource } from './rig.js';
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

describe('AdjRibIn', () => {
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

  describe('announcements and withdrawals (RFC 4271 section 3.1)', () => {
    it('announces', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 + P2 });
      expect(prefixes(ebgp)).to.deep.equal(['10.1.0.0/16', '10.2.3.0/24']);
      const path = ebgp.paths('ipv4-unicast').get('10.1.0.0/16')!;
      expect(path).to.include({ nextHop: '10.0.0.9', asPath: '65000', origin: 'igp', neighbor: '10.0.0.1' });
      expect(rig.decide('ipv4-unicast')).to.have.members(['10.1.0.0/16', '10.2.3.0/24']);
    });

    it('an announcement replaces an earlier one of the same prefix', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 + P2 });
      apply(ebgp, { attributes: `40 01 01 02 ${PATH} ${NEXT_HOP}`, nlri: P1 });
      expect(prefixes(ebgp)).to.deep.equal(['10.1.0.0/16', '10.2.3.0/24']);
      const paths = ebgp.paths('ipv4-unicast');
      expect(paths.get('10.1.0.0/16')!.origin).to.equal('incomplete');
      expect(paths.get('10.2.3.0/24')!.origin).to.equal('igp');
    });

    it('withdraws, and ignores a withdrawal of what was not announced', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 + P2 });
      apply(ebgp, { withdrawn: P1 });
      apply(ebgp, { withdrawn: P1 });
      apply(ibgp, { withdrawn: P2 });
      expect(prefixes(ebgp)).to.deep.equal(['10.2.3.0/24']);
      expect(prefixes(ibgp)).to.deep.equal([]);
    });

    it('a prefix in both fields is announced (RFC 4271 section 4.3)', () => {
      apply(ebgp, { withdrawn: P1, attributes: EXTERNAL, nlri: P1 });
      expect(prefixes(ebgp)).to.deep.equal(['10.1.0.0/16']);
    });

    it('the same announcement again changes nothing', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 });
      rig.decide('ipv4-unicast');
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 });
      expect(rig.rib.of('ipv4-unicast').hasWork).to.equal(false);
    });

    it('bits after the prefix length say nothing', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: '0c 0aff' });
      expect(prefixes(ebgp)).to.deep.equal(['10.240.0.0/12']);
      apply(ebgp, { withdrawn: '0c 0af1' });
      expect(prefixes(ebgp)).to.deep.equal([]);
    });

    it('default route and host routes', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: '00 20 0a000001' });
      apply(ebgp, { attributes: ORIGIN + PATH + reach(`00 80 ${V6_NEXT_HOP}`) });
      expect(prefixes(ebgp)).to.deep.equal(['0.0.0.0/0', '10.0.0.1/32']);
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8::9/128', '::/0']);
    });

    it('routes of one source do not touch those of another', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 });
      apply(ibgp, { attributes: INTERNAL, nlri: P1 });
      apply(ebgp, { withdrawn: P1 });
      expect(prefixes(ibgp)).to.deep.equal(['10.1.0.0/16']);
      rig.decide('ipv4-unicast');
      expect(rig.best('10.1.0.0/16')!.neighbor).to.equal('10.0.0.2');
    });
  });

  describe('multiprotocol (RFC 4760)', () => {
    it('MP_REACH_NLRI announces, MP_UNREACH_NLRI withdraws', () => {
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V1 + V2) });
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8:1::/48', '2001:db8:2::/48']);
      expect(ebgp.paths('ipv6-unicast').get('2001:db8:1::/48')!.nextHop).to.equal('2001:db8::9');
      apply(ebgp, { attributes: unreach(V1) });
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8:2::/48']);
      expect(prefixes(ebgp)).to.deep.equal([]);
    });

    it('both in one UPDATE, in either order', () => {
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V1) });
      apply(ebgp, { attributes: unreach(V1) + ORIGIN + PATH + reach(V2) });
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8:2::/48']);
      apply(ebgp, { attributes: reach(V1) + ORIGIN + PATH + unreach(V2) });
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8:1::/48']);
    });

    it('together with the IPv4 fields', () => {
      apply(ebgp, { attributes: EXTERNAL, nlri: P2 });
      apply(ebgp, { withdrawn: P2, attributes: reach(V1) + EXTERNAL, nlri: P1 });
      expect(prefixes(ebgp)).to.deep.equal(['10.1.0.0/16']);
      expect(prefixes(ebgp, 'ipv6-unicast')).to.deep.equal(['2001:db8:1::/48']);
    });

    it('NEXT_HOP beside MP_REACH_NLRI says nothing (section 3)', () => {
      apply(ebgp, { attributes: EXTERNAL + reach(V1) });
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V2) });
      const paths = ebgp.paths('ipv6-unicast');
      expect(paths.get('2001:db8:1::/48')!.nextHop).to.equal('2001:db8::9');
      expect(rig.rib.of('ipv6-unicast').store.count, 'one attribute set').to.equal(1);
      expect(ebgp.diagnostics).to.deep.equal([]);
    });

    it('a link-local next hop after the global one (RFC 2545 section 3)', () => {
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V1, `${V6_NEXT_HOP}fe800000000000000000000000000001`) });
      const path = ebgp.paths('ipv6-unicast').get('2001:db8:1::/48')!;
      expect(path).to.include({ nextHop: '2001:db8::9', linkLocalNextHop: 'fe80::1' });
    });

    it('IPv4 routes in MP_REACH_NLRI and MP_UNREACH_NLRI', () => {
      apply(ebgp, { attributes: ORIGIN + PATH + reach(P1 + P2, '0a000009', '0001 01') });
      expect(prefixes(ebgp)).to.deep.equal(['10.1.0.0/16', '10.2.3.0/24']);
      apply(ebgp, { attributes: EXTERNAL, nlri: P2 });
      expect(ebgp.paths('ipv4-unicast').get('10.1.0.0/16')!.nextHop).to.equal('10.0.0.9');
      expect(rig.rib.of('ipv4-unicast').store.count, 'the same set as with NEXT_HOP').to.equal(1);
      apply(ebgp, { attributes: unreach(P1, '0001 01') });
      expect(prefixes(ebgp)).to.deep.equal(['10.2.3.0/24']);
    });

    it('a family that was not negotiated is ignored', () => {
      const only4 = rig.add('ebgp', { families: ['ipv4-unicast'] });
      apply(only4, { attributes: ORIGIN + PATH + reach(V1) });
      apply(only4, { attributes: unreach(V1) });
      apply(only4, { attributes: EXTERNAL + reach(V1), nlri: P1 });
      expect(prefixes(only4)).to.deep.equal(['10.1.0.0/16']);
      expect([...only4.paths('ipv6-unicast')]).to.deep.equal([]);
      const only6 = rig.add('ebgp', { families: ['ipv6-unicast'] });
      apply(only6, { attributes: EXTERNAL, nlri: P1 });
      apply(only6, { withdrawn: P1 });
      expect([...only6.paths('ipv4-unicast')]).to.deep.equal([]);
      expect([...only4.endOfRib, ...only6.endOfRib]).to.deep.equal([]);
    });

    it('a family that nobody here carries is ignored', () => {
      // VPN-IPv4: AFI 1, SAFI 128, next hop with a Route Distinguisher; one labelled prefix.
      const vpn = reach('70 000101 0000fde800000001 0a0102', '00000000000000000a000009', '0001 80');
      apply(ebgp, { attributes: ORIGIN + PATH + vpn });
      expect(prefixes(ebgp)).to.deep.equal([]);
    });
  });

  describe('End-of-RIB (RFC 4724 section 2)', () => {
    it('is an empty UPDATE for IPv4, an empty MP_UNREACH_NLRI for others', () => {
      apply(ebgp, {});
      expect(ebgp.endOfRib).to.deep.equal(['ipv4-unicast']);
      apply(ebgp, { attributes: unreach('') });
      expect(ebgp.endOfRib).to.deep.equal(['ipv4-unicast', 'ipv6-unicast']);
    });

    it('is heard only for negotiated families', () => {
      const only4 = rig.add('ebgp', { families: ['ipv4-unicast'] });
      apply(only4, { attributes: unreach('') });
      expect(only4.endOfRib).to.deep.equal([]);
    });

    it('is not an empty MP_UNREACH_NLRI among other things', () => {
      apply(ebgp, { attributes: EXTERNAL + unreach(''), nlri: P1 });
      apply(ebgp, { attributes: ORIGIN + PATH + reach(V1) + unreach('') });
      expect(ebgp.endOfRib).to.deep.equal([]);
      expect(prefixes(ebgp)).to.deep.equal(['10.1.0.0/16']);
    });
  });

  describe('loops (RFC 4271 9.1.2, RFC 4456 8): kept, but never used', () => {
    const loops: readonly (readonly [string, 'ibgp' | 'ebgp', string])[] = [
      [
        'our AS in AS_PATH',
        'ebgp',
        `${ORIGIN} 40 02 0a 02 02 0000fde8 ${LOCAL_AS.toString(16).padStart(8, '0')} ${NEXT_HOP}`,
      ],
      ['our AS in an AS_SET', 'ebgp', `${ORIGIN} 40 02 0c 02 01 0000fde8 01 01 0000fc00 ${NEXT_HOP}`],
      ['our AS in AS_PATH from iBGP', 'ibgp', `${ORIGIN} 40 02 06 02 01 0000fc00 ${NEXT_HOP} ${LOCAL_PREF}`],
      ['our router ID as ORIGINATOR_ID', 'ibgp', `${INTERNAL} 80 09 04 c00002fe`],
      ['our cluster ID in CLUSTER_LIST', 'ibgp', `${INTERNAL} 80 0a 08 0a0a0a0a c00002fd`],
    ];
    for (const [what, peer, attributes] of loops) {
      it(what, () => {
        const source = peer === 'ebgp' ? ebgp : ibgp;
        apply(source, { attributes, nlri: P1 });
        expect(prefixes(source)).to.deep.equal(['10.1.0.0/16']);
        expect(source.diagnostics).to.deep.equal([]);
        rig.decide('ipv4-unicast');
        expect(rig.best('10.1.0.0/16')).to.equal(undefined);
      });
    }

    it('a route that turns into a loop is a best path no more', () => {
      apply(ibgp, { attributes: INTERNAL, nlri: P1 });
      rig.decide('ipv4-unicast');
      expect(rig.best('10.1.0.0/16')).not.to.equal(undefined);
      apply(ibgp, { attributes: `${INTERNAL} 80 09 04 c00002fe`, nlri: P1 });
      expect(rig.decide('ipv4-unicast')).to.deep.equal(['10.1.0.0/16']);
      expect(rig.best('10.1.0.0/16')).to.equal(undefined);
    });
  });

  describe('peers with two-octet AS numbers (RFC 6793 section 4.2.3)', () => {
    let old: RigSource;
    beforeEach(() => {
      old = rig.add('ebgp', { cx: { asn4: false } });
    });
    const asPath = (attributes: string): string => {
      apply(old, { attributes: `${ORIGIN} ${attributes}`, nlri: P1 });
      expect(old.diagnostics).to.deep.equal([]);
      return old.paths('ipv4-unicast').get('10.1.0.0/16')!.asPath;
    };

    it('reads AS_PATH with two octets an AS', () => {
      expect(asPath(`40 02 06 02 02 fde8 fde9 ${NEXT_HOP}`)).to.equal('65000 65001');
    });
    it('also where the octets would pass for a four-octet path', () => {
      // Three sequences of one AS each; read with four octets an AS, two sequences of one.
      expect(asPath(`40 02 0c 02 01 fde8 02 01 0201 02 01 fde9 ${NEXT_HOP}`)).to.equal('65000 513 65001');
    });
    it('puts AS4_PATH in the place of AS_TRANS', () => {
      expect(asPath(`40 02 08 02 03 fde8 5ba0 fde9 ${NEXT_HOP} c0 11 0a 02 02 00011170 0000fde9`)).to.equal(
        '65000 70000 65001',
      );
    });
    it('does not believe an AS4_PATH longer than AS_PATH', () => {
      expect(asPath(`40 02 04 02 01 5ba0 ${NEXT_HOP} c0 11 0a 02 02 00011170 0000fde9`)).to.equal('23456');
    });
    it('takes AS4_AGGREGATOR when AGGREGATOR says AS_TRANS', () => {
      asPath(`40 02 04 02 01 fde8 ${NEXT_HOP} c0 07 06 5ba0 0a000001 c0 12 08 00011170 0a000001`);
      expect(old.paths('ipv4-unicast').get('10.1.0.0/16')!.aggregator).to.equal('70000 10.0.0.1');
    });
    it('ignores both when AGGREGATOR says otherwise', () => {
      const path = asPath(
        `40 02 04 02 01 5ba0 ${NEXT_HOP} c0 07 06 fde8 0a000001 c0 11 06 02 01 00011170 c0 12 08 00011170 0a000001`,
      );
      expect(path).to.equal('23456');
      expect(old.paths('ipv4-unicast').get('10.1.0.0/16')!.aggregator).to.equal('65000 10.0.0.1');
    });
    it('finds our own AS in the merged path', () => {
      asPath(`40 02 06 02 02 fde8 fc00 ${NEXT_HOP}`);
      rig.decide('ipv4-unicast');
      expect(rig.best('10.1.0.0/16')).to.equal(undefined);
    });
    it('shares attribute sets with four-octet peers', () => {
      asPath(`40 02 04 02 01 fde8 ${NEXT_HOP}`);
      apply(ebgp, { attributes: EXTERNAL, nlri: P1 });
      expect(rig.rib.of('ipv4-unicast').store.count).to.equal(1);
    });
    it('AS4_PATH from a four-octet peer is dropped (RFC 6793 section 3)', () => {
      apply(ebgp, { attributes: `${EXTERNAL} c0 11 06 02 01 00011170`, nlri: P1 });
      expect(ebgp.paths('ipv4-unicast').get('10.1.0.0/16')!.asPath).to.equal('65000');
    });
  });

  it('one attribute set judged from iBGP is judged again from eBGP', () => {
    apply(ibgp, { attributes: INTERNAL, nlri: P1 });
    apply(ebgp, { attributes: INTERNAL, nlri: P1 });
    expect(ebgp.diagnostics.map(({ action, attribute }) => [action, attribute])).to.deep.equal([
      ['attribute-discard', 5],
    ]);
    expect(ebgp.paths('ipv4-unicast').get('10.1.0.0/16')!.localPref).to.equal(null);
    expect(ibgp.paths('ipv4-unicast').get('10.1.0.0/16')!.localPref).to.equal(200);
  });

  it('attributes in any order and form are one set (RFC 4271 section 5)', () => {
    apply(ebgp, { attributes: EXTERNAL, nlri: P1 });
    apply(ebgp, { attributes: NEXT_HOP + PATH + ORIGIN, nlri: P2 });
    apply(ebgp, { attributes: `50 01 0001 00 ${PATH} ${NEXT_HOP}`, nlri: '18 0a0909' });
    expect(rig.rib.of('ipv4-unicast').store.count).to.equal(1);
    expect(ebgp.diagnostics).to.deep.equal([]);
  });

  it('an unknown transitive attribute is kept with the Partial bit, a non-transitive one is not (RFC 4271 section 9)', () => {
    apply(ebgp, { attributes: `${EXTERNAL} c0 63 02 abcd 80 64 01 01`, nlri: P1 });
    const { store, bestAttributes } = rig.rib.of('ipv4-unicast');
    rig.decide('ipv4-unicast');
    const set = toHex(store.attributesOf(bestAttributes[0]!));
    expect(set).to.equal(bare(`${EXTERNAL} e0 63 02 abcd`));
  });
});
