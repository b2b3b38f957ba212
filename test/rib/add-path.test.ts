import { expect } from 'chai';
import { PrefixLimiter } from '../../lib/rib/prefix-limit.js';
import { octets } from '../support/wire.js';
import { RibRig, sourceSet, type RigSource } from './rig.js';
import {
  bare,
  INTERNAL,
  LOCAL_PREF,
  NEXT_HOP,
  NO_PATH,
  ORIGIN,
  P1,
  P2,
  reach,
  unreach,
  update,
  V1,
} from './update-hex.js';

const V4 = 'ipv4-unicast';
const V6 = 'ipv6-unicast';
const ONE = '00000001';
const TWO = '00000002';
const LAST = 'ffffffff';
/** LOCAL_PREF 300. */
const BETTER = ORIGIN + NO_PATH + NEXT_HOP + '40 05 04 0000012c';
const MALFORMED_ORIGIN = '40 01 01 07' + NO_PATH + NEXT_HOP + LOCAL_PREF;

describe('Adj-RIB-In with Path Identifiers (RFC 7911 section 3)', () => {
  let rig: RibRig;
  let source: RigSource;

  beforeEach(() => {
    rig = new RibRig();
    source = rig.add('ibgp', { cx: { addPath: new Set(['1/1', '2/1']) } });
  });

  const say = (from: RigSource, fields: Parameters<typeof update>[0]) =>
    expect(from.body(update(fields))).to.equal(undefined);

  /** `prefix#id LOCAL_PREF`, sorted. */
  const held = (family: typeof V4 | typeof V6 = V4): string[] => {
    const rib = rig.rib.of(family);
    return [...rig.rows(family)]
      .map(({ row, path }) => `${path.prefix}#${rib.paths.pathIdOf(row)} ${path.localPref}`)
      .sort();
  };

  it('keeps the paths of one source apart by their identifiers, of any value', () => {
    say(source, { attributes: INTERNAL, nlri: ONE + P1 + TWO + P1 + '00000000' + P2 + LAST + P2 });
    expect(held()).to.deep.equal([
      '10.1.0.0/16#1 200',
      '10.1.0.0/16#2 200',
      '10.2.3.0/24#0 200',
      '10.2.3.0/24#4294967295 200',
    ]);
    expect(source.count(V4)).to.equal(4);
  });

  it('an announcement replaces only the path with the same identifier', () => {
    say(source, { attributes: INTERNAL, nlri: ONE + P1 + TWO + P1 });
    say(source, { attributes: BETTER, nlri: TWO + P1 });
    expect(held()).to.deep.equal(['10.1.0.0/16#1 200', '10.1.0.0/16#2 300']);
    expect(source.count(V4)).to.equal(2);
    rig.decide(V4);
    expect(rig.best('10.1.0.0/16')!.localPref).to.equal(300);
  });

  it('a withdrawal takes only the path with the same identifier; of an unknown one it means nothing', () => {
    say(source, { attributes: INTERNAL, nlri: ONE + P1 + TWO + P1 });
    say(source, { withdrawn: '00000003' + P1 + ONE + P2 + ONE + P1 });
    expect(held()).to.deep.equal(['10.1.0.0/16#2 200']);
    expect(source.count(V4)).to.equal(1);
    say(source, { withdrawn: TWO + P1 });
    expect([held(), source.count(V4)]).to.deep.equal([[], 0]);
  });

  it('MP_REACH_NLRI and MP_UNREACH_NLRI carry them too', () => {
    const rest = ORIGIN + NO_PATH + LOCAL_PREF;
    say(source, { attributes: reach(ONE + V1 + TWO + V1) + rest });
    expect(held(V6)).to.deep.equal(['2001:db8:1::/48#1 200', '2001:db8:1::/48#2 200']);
    say(source, { attributes: unreach(ONE + V1) });
    expect(held(V6)).to.deep.equal(['2001:db8:1::/48#2 200']);
  });

  it('only the families for which it was agreed on have them', () => {
    const other = rig.add('ibgp', { cx: { addPath: new Set(['2/1']) } });
    say(other, { attributes: INTERNAL, nlri: P1 });
    say(other, { attributes: reach(ONE + V1) + ORIGIN + NO_PATH + LOCAL_PREF });
    expect([held(V4), held(V6)]).to.deep.equal([['10.1.0.0/16#0 200'], ['2001:db8:1::/48#1 200']]);
  });

  it('treat-as-withdraw withdraws the paths named (RFC 7606 section 2)', () => {
    say(source, { attributes: INTERNAL, nlri: ONE + P1 + TWO + P1 });
    say(source, { attributes: MALFORMED_ORIGIN, nlri: TWO + P1 });
    expect(source.diagnostics.map(({ action }) => action)).to.deep.equal(['treat-as-withdraw']);
    expect(held()).to.deep.equal(['10.1.0.0/16#1 200']);
  });

  for (const [what, fields] of [
    ['an identifier cut short', { attributes: INTERNAL, nlri: ONE + P1 + '000000' }],
    ['an identifier without a prefix', { attributes: INTERNAL, nlri: ONE + P1 + TWO }],
    ['a prefix of 33 bits', { attributes: INTERNAL, nlri: ONE + '21 0a01000000' }],
    ['a withdrawn prefix without identifier', { withdrawn: P1 }],
  ] as const) {
    it(`${what}: the session is reset (RFC 7606 section 5.3)`, () => {
      expect(source.body(update(fields))).to.include({ code: 3, subcode: 10 });
      expect(held()).to.deep.equal([]);
    });
  }

  it('the best of paths that are equal is the one with the lowest identifier, whatever the order', () => {
    for (const order of [
      [TWO, ONE, LAST],
      [LAST, ONE, TWO],
      [ONE, TWO, LAST],
    ]) {
      rig = new RibRig();
      source = rig.add('ibgp', { cx: { addPath: new Set(['1/1']) } });
      for (const id of order) say(source, { attributes: INTERNAL, nlri: id + P1 });
      rig.decide(V4);
      const rib = rig.rib.of(V4);
      expect(rib.paths.pathIdOf(rib.bestRowOf(0))).to.equal(1);
    }
  });

  it('the path of another source is not touched, with or without identifiers', () => {
    const [other, plain] = [rig.add('ibgp', { cx: { addPath: new Set(['1/1']) } }), rig.add('ibgp')];
    say(source, { attributes: INTERNAL, nlri: ONE + P1 });
    say(other, { attributes: INTERNAL, nlri: ONE + P1 });
    say(plain, { attributes: INTERNAL, nlri: P1 });
    say(source, { withdrawn: ONE + P1 });
    expect(held()).to.deep.equal(['10.1.0.0/16#0 200', '10.1.0.0/16#1 200']);
    say(plain, { withdrawn: P1 });
    expect(held()).to.deep.equal(['10.1.0.0/16#1 200']);
  });

  it('all paths of a source go away when it does', () => {
    say(source, { attributes: INTERNAL, nlri: ONE + P1 + TWO + P1 + ONE + P2 });
    const plain = rig.add('ibgp');
    say(plain, { attributes: INTERNAL, nlri: P1 });
    const rib = rig.rib.of(V4);
    let cursor = 0;
    while (cursor >= 0) cursor = rib.dropSources(sourceSet(source.source), cursor, 1);
    expect(held()).to.deep.equal(['10.1.0.0/16#0 200']);
    expect(rig.decide(V4).sort()).to.deep.equal(['10.1.0.0/16']);
  });

  it('a row that had an identifier has none when it is used again', () => {
    say(source, { attributes: INTERNAL, nlri: ONE + P2 + LAST + P1 });
    say(source, { withdrawn: LAST + P1 });
    const plain = rig.add('ibgp');
    say(plain, { attributes: INTERNAL, nlri: P1 });
    expect(held()).to.deep.equal(['10.1.0.0/16#0 200', '10.2.3.0/24#1 200']);
  });

  it('a limit counts paths: with `drop` known ones are changed, new ones refused', () => {
    const notices: string[] = [];
    const limit = { maxPrefixes: 2, warningThresholdPct: 100, action: 'drop', restartTime: null } as const;
    const limiter = new PrefixLimiter(
      V4,
      limit,
      ({ reached }) => notices.push(reached),
      () => notices.push('dropped'),
    );
    source.adjRibIn.limits.set(V4, limiter);
    say(source, { attributes: INTERNAL, nlri: ONE + P1 + TWO + P1 + '00000003' + P1 });
    expect([held(), source.count(V4), limiter.dropped]).to.deep.equal([
      ['10.1.0.0/16#1 200', '10.1.0.0/16#2 200'],
      2,
      1,
    ]);
    say(source, { attributes: BETTER, nlri: TWO + P1 + ONE + P2 });
    expect([held(), limiter.dropped]).to.deep.equal([['10.1.0.0/16#1 200', '10.1.0.0/16#2 300'], 2]);
    expect(notices).to.deep.equal(['dropped', 'limit']);
  });

  it('End-of-RIB is what it always was', () => {
    expect(source.body(octets('00000000'))).to.equal(undefined);
    expect(source.body(octets(`0000 0006 ${bare('80 0f 03 0002 01')}`))).to.equal(undefined);
    expect(source.endOfRib).to.deep.equal([V4, V6]);
  });
});
