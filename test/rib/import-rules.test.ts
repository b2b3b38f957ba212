import { expect } from 'chai';
import { parseIpv4 } from '../../lib/net/index.js';
import { explainPrefix } from '../../lib/speaker/path-views.js';
import { bare, NEXT_HOP, ORIGIN, P1, reach, update, V1 } from './update-hex.js';
import { LOCAL_AS, RibRig, ROUTER_ID, type RigSource } from './rig.js';

const PREFIX = '10.1.0.0/16';
const u32 = (value: number): string => value.toString(16).padStart(8, '0');

/** AS_PATH: one segment of this type (RFC 4271 section 4.3), or none. */
function path(asns: readonly number[], type = 2): string {
  if (asns.length === 0) return '40 02 00';
  const value = `0${type}${asns.length.toString(16).padStart(2, '0')}${asns.map(u32).join('')}`;
  return `40 02 ${(value.length / 2).toString(16).padStart(2, '0')} ${value}`;
}
const otc = (asn: number): string => `c0 23 04 ${u32(asn)}`;

/** All attributes of the only path for a prefix as they are kept, in hex, and whether it is used. */
function held(rig: RibRig, source: RigSource): { hex: string; best: boolean; lostAt: string | null } {
  rig.decide('ipv4-unicast');
  const family = rig.rib.of('ipv4-unicast');
  const row = family.headOf(family.prefixes.find(16, Uint8Array.of(10, 1), 0));
  expect(row, 'there is a path').to.be.at.least(0);
  expect(family.paths.source[row]).to.equal(source.source);
  const hex = Buffer.from(family.store.attributesOf(family.paths.attributes[row]!)).toString('hex');
  const [decision] = explainPrefix(rig.rib, PREFIX).decisions;
  return { hex, best: decision!.path.best, lostAt: decision!.lostAt };
}

function say(source: RigSource, attributes: string): void {
  const error = source.body(update({ attributes, nlri: P1 }));
  if (error) throw error;
}

describe('import rules', () => {
  const PEER = 65001;

  describe('localAs (RFC 7705)', () => {
    const cases: readonly (readonly [string, number[], number, string])[] = [
      ['joins the first sequence', [PEER, 65002], 2, '40020e02030000fdf20000fde90000fdea'],
      ['is a sequence of its own before a set', [65002, 65003], 1, '4002100201 0000fdf2 0102 0000fdea 0000fdeb'],
      ['is alone before an empty path', [], 2, '4002060201 0000fdf2'],
    ];
    for (const [what, asns, type, expected] of cases) {
      it(what, () => {
        const rig = new RibRig();
        const source = rig.add('ebgp', { rules: { peerAs: PEER, localAs: 65010, prependLocalAs: true } });
        say(source, ORIGIN + path(asns, type) + NEXT_HOP);
        expect(held(rig, source).hex).to.equal(bare(ORIGIN + expected + NEXT_HOP));
      });
    }

    it('makes a second segment beside a full one, and the header longer', () => {
      const rig = new RibRig();
      const source = rig.add('ebgp', { rules: { peerAs: PEER, localAs: 65010, prependLocalAs: true } });
      const full = new Array<number>(255).fill(PEER).map(u32).join('');
      say(source, `${ORIGIN} 50 02 03fe 02ff ${full} ${NEXT_HOP}`);
      expect(held(rig, source).hex).to.equal(bare(`${ORIGIN} 50 02 0404 0201 0000fdf2 02ff ${full} ${NEXT_HOP}`));
    });

    it('in paths of IPv6 routes too', () => {
      const rig = new RibRig();
      const source = rig.add('ebgp', { rules: { peerAs: PEER, localAs: 65010, prependLocalAs: true } });
      const error = source.body(update({ attributes: ORIGIN + path([PEER]) + reach(V1) }));
      expect(error).to.equal(undefined);
      const [view] = [...source.paths('ipv6-unicast').values()];
      expect(view).to.include({ asPath: '65010 65001', nextHop: '2001:db8::9' });
    });

    it('of a two-octet neighbor', () => {
      const rig = new RibRig();
      const rules = { peerAs: PEER, localAs: 65010, prependLocalAs: true };
      const source = rig.add('ebgp', { rules, cx: { asn4: false } });
      say(source, `${ORIGIN} 40 02 04 0201 fde9 ${NEXT_HOP}`);
      expect(held(rig, source).hex).to.equal(bare(ORIGIN + path([65010, PEER]) + NEXT_HOP));
    });

    it('in a received path is a loop, for this neighbor alone', () => {
      const rig = new RibRig();
      const source = rig.add('ebgp', { rules: { peerAs: PEER, localAs: 65010, prependLocalAs: true } });
      const other = rig.add('ebgp');
      say(source, ORIGIN + path([PEER, 65010]) + NEXT_HOP);
      expect(held(rig, source)).to.include({ best: false, lostAt: 'no loop' });
      say(other, ORIGIN + path([PEER, 65010]) + NEXT_HOP);
      rig.decide('ipv4-unicast');
      expect(rig.best(PREFIX)?.asPath).to.equal('65001 65010');
    });

    it('other neighbors share sets with each other as before', () => {
      const rig = new RibRig();
      const rules = { peerAs: PEER, localAs: 65010, prependLocalAs: true };
      const [a, b] = [rig.add('ebgp', { rules }), rig.add('ebgp', { rules })];
      const plain = [rig.add('ebgp'), rig.add('ebgp')];
      for (const source of [a, b, ...plain]) say(source, ORIGIN + path([PEER]) + NEXT_HOP);
      rig.decide('ipv4-unicast');
      rig.rib.of('ipv4-unicast').freeUnusedSets();
      expect(rig.rib.of('ipv4-unicast').store.count).to.equal(2);
    });
  });

  describe('allowOwnAs', () => {
    const cases: readonly (readonly [string, number, number[], boolean])[] = [
      ['0: once is a loop', 0, [PEER, LOCAL_AS], false],
      ['1: once is fine', 1, [PEER, LOCAL_AS], true],
      ['1: twice is a loop', 1, [PEER, LOCAL_AS, 65002, LOCAL_AS], false],
      ['2: twice is fine', 2, [PEER, LOCAL_AS, 65002, LOCAL_AS], true],
      ['1: none at all', 1, [PEER], true],
    ];
    for (const [what, allowOwnAs, asns, best] of cases) {
      it(what, () => {
        const rig = new RibRig();
        const source = rig.add('ebgp', { rules: { peerAs: PEER, allowOwnAs } });
        say(source, ORIGIN + path(asns) + NEXT_HOP);
        const text = ORIGIN + path(asns) + NEXT_HOP;
        expect(held(rig, source)).to.deep.equal({ hex: bare(text), best, lostAt: best ? null : 'no loop' });
      });
    }

    it('counts each own AS for itself: to pass us once adds both', () => {
      const rig = new RibRig();
      const rules = { peerAs: PEER, allowOwnAs: 1, localAs: 65010, prependLocalAs: false };
      const source = rig.add('ebgp', { rules });
      say(source, ORIGIN + path([PEER, 65010, LOCAL_AS]) + NEXT_HOP);
      expect(held(rig, source).best).to.equal(true);
    });

    it('the same octets are a loop from one neighbor and none from another', () => {
      const rig = new RibRig();
      const strict = rig.add('ebgp');
      const lenient = rig.add('ebgp', { rules: { peerAs: PEER, allowOwnAs: 1 } });
      for (const source of [strict, lenient]) say(source, ORIGIN + path([PEER, LOCAL_AS]) + NEXT_HOP);
      rig.decide('ipv4-unicast');
      expect(rig.best(PREFIX)?.neighbor).to.equal('10.0.0.2');
      // And the other way round.
      const late = new RibRig();
      const first = late.add('ebgp', { rules: { peerAs: PEER, allowOwnAs: 1 } });
      const second = late.add('ebgp');
      for (const source of [first, second]) say(source, ORIGIN + path([PEER, LOCAL_AS]) + NEXT_HOP);
      late.decide('ipv4-unicast');
      expect(late.best(PREFIX)?.neighbor).to.equal('10.0.0.1');
    });

    it('has nothing to say about ORIGINATOR_ID (RFC 4456 8)', () => {
      const rig = new RibRig();
      const source = rig.add('ibgp', { rules: { peerAs: LOCAL_AS, allowOwnAs: 5 } });
      say(source, `${ORIGIN}${path([])}${NEXT_HOP} 40050400000064 800904 ${u32(parseIpv4(ROUTER_ID))}`);
      expect(held(rig, source).lostAt).to.equal('no loop');
    });
  });

  describe('enforceFirstAs (RFC 4271 6.3, RFC 7606)', () => {
    const cases: readonly (readonly [string, number[], number, boolean])[] = [
      ['the neighbor first', [PEER, 65002], 2, true],
      ['another one first', [65002, PEER], 2, false],
      ['a set first', [PEER], 1, false],
      ['an empty path', [], 2, false],
    ];
    for (const [what, asns, type, fine] of cases) {
      it(`${what}: ${fine ? 'taken' : 'treated as withdrawn'}`, () => {
        const rig = new RibRig();
        const source = rig.add('ebgp', { rules: { peerAs: PEER, enforceFirstAs: true } });
        say(source, ORIGIN + path([PEER]) + NEXT_HOP);
        say(source, ORIGIN + path(asns, type) + NEXT_HOP);
        expect([...source.paths('ipv4-unicast').keys()]).to.deep.equal(fine ? [PREFIX] : []);
        expect(source.count('ipv4-unicast')).to.equal(fine ? 1 : 0);
        const flaws = source.diagnostics.map(({ action, code, subcode }) => `${action} ${code}/${subcode}`);
        expect(flaws).to.deep.equal(fine ? [] : ['treat-as-withdraw 3/11']);
      });
    }
  });

  describe('ONLY_TO_CUSTOMER (RFC 9234 5)', () => {
    type Role = 'provider' | 'customer' | 'peer' | 'routeServer' | 'routeServerClient';
    const plain = ORIGIN + path([PEER]) + NEXT_HOP;
    const leak = 'no route leak';
    const cases: readonly (readonly [Role, string, string, string | null])[] = [
      ['provider', '', '', null],
      ['provider', otc(PEER), otc(PEER), leak],
      ['routeServer', '', '', null],
      ['routeServer', otc(65002), otc(65002), leak],
      ['peer', '', otc(PEER), null],
      ['peer', otc(PEER), otc(PEER), null],
      ['peer', otc(65002), otc(65002), leak],
      ['customer', '', otc(PEER), null],
      ['customer', otc(65002), otc(65002), null],
      ['routeServerClient', '', otc(PEER), null],
      ['routeServerClient', otc(PEER), otc(PEER), null],
    ];
    for (const [role, received, kept, lostAt] of cases) {
      it(`we are ${role}, received ${received === '' ? 'without' : `with ${received}`}: ${lostAt ?? 'fine'}`, () => {
        const rig = new RibRig();
        const source = rig.add('ebgp', { rules: { peerAs: PEER, role } });
        for (let i = 0; i < 2; i++) say(source, plain + received);
        expect(held(rig, source)).to.deep.equal({ hex: bare(plain + kept), best: lostAt === null, lostAt });
        // Announced anew the other way.
        say(source, received === '' ? plain + otc(PEER) : plain);
        expect(held(rig, source).best).to.equal(received !== '' || (role !== 'provider' && role !== 'routeServer'));
      });
    }

    it('is put in its place among other attributes', () => {
      const rig = new RibRig();
      const source = rig.add('ebgp', { rules: { peerAs: PEER, role: 'customer' } });
      const large = 'c0 20 0c 000000010000000200000003';
      say(source, `${plain} ${large} e0 63 01 07`);
      expect(held(rig, source).hex).to.equal(bare(`${plain} ${large} ${otc(PEER)} e0 63 01 07`));
    });

    it('without a role nothing is looked at', () => {
      const rig = new RibRig();
      const source = rig.add('ebgp');
      say(source, plain + otc(65002));
      expect(held(rig, source)).to.deep.equal({ hex: bare(plain + otc(65002)), best: true, lostAt: null });
    });

    it('of a wrong length costs the route', () => {
      const rig = new RibRig();
      const source = rig.add('ebgp', { rules: { peerAs: PEER, role: 'customer' } });
      say(source, plain);
      say(source, `${plain} c0 23 03 000001`);
      expect(source.count('ipv4-unicast')).to.equal(0);
    });
  });
});

describe('loops in a confederation (RFC 5065 4)', () => {
  const IDENTIFIER = 64500;
  const identity = {
    asn: LOCAL_AS,
    confederation: IDENTIFIER,
    routerId: parseIpv4(ROUTER_ID),
    isOwnClusterId: () => false,
  };
  const segments = (...parts: readonly (readonly [number, number[]])[]): string => {
    const value = parts.map(([type, asns]) => `0${type}0${asns.length}${asns.map(u32).join('')}`).join('');
    return `40 02 ${(value.length / 2).toString(16).padStart(2, '0')} ${value}`;
  };
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['our Member-AS in an AS_CONFED_SEQUENCE', segments([3, [65102, LOCAL_AS]]), true],
    ['our Member-AS in an AS_CONFED_SET', segments([3, [65102]], [4, [65103, LOCAL_AS]]), true],
    ['the identifier in an AS_SEQUENCE', segments([3, [65102]], [2, [65001, IDENTIFIER]]), true],
    // AS numbers for members are private ones, often used outside too.
    ['our Member-AS in an AS_SEQUENCE', segments([3, [65102]], [2, [65001, LOCAL_AS]]), false],
    ['others', segments([3, [65102]], [2, [65001]]), false],
  ];
  for (const [what, hex, loop] of cases) {
    it(`${what}: ${loop ? 'a loop' : 'none'}, with and without rules`, () => {
      for (const rules of [undefined, { peerAs: 65102, allowOwnAs: 1 }]) {
        const rig = new RibRig({ identity });
        const source = rig.add('confed', rules ? { rules } : {});
        say(source, ORIGIN + hex + NEXT_HOP + '40050400000064');
        expect(held(rig, source)).to.include({ best: !loop || rules !== undefined });
      }
    });
  }
});
