import { expect } from 'chai';
import fc from 'fast-check';
import { AttributeFacts, COMMUNITY_FLAG, scanAttributes } from '../../../lib/bgp/wire/attribute-scan.js';
import {
  countInAsPath,
  asPathLength,
  decodeAttributes,
  DEFAULT_CONTEXT,
  encodeAttributes,
  neighborAs,
  parseUpdate,
  writeCanonicalAttributes,
  type AsPathSegment,
  type EncodableAttribute,
  type PeerType,
} from '../../../lib/bgp/wire/index.js';
import { formatIpv4, parseIpv4, Writer } from '../../../lib/net/index.js';
import { octets, toHex } from '../../support/wire.js';

const u32 = fc.nat({ max: 0xffffffff });
const asn = fc.oneof(fc.integer({ min: 1, max: 0xffffffff }), fc.constantFrom(64512, 65000, 23456, 4200000000));
const ipv4 = u32.map(formatIpv4);
const hostAddress = fc.integer({ min: 1, max: 0xdfffffff }).map(formatIpv4);
const anyAddress = fc.oneof(hostAddress, fc.constantFrom('0.0.0.0', '224.0.0.1', '255.255.255.255', '240.0.0.1'));
const segment: fc.Arbitrary<AsPathSegment> = fc.record({
  type: fc.constantFrom('AS_SEQUENCE', 'AS_SEQUENCE', 'AS_SET'),
  asns: fc.array(asn, { minLength: 1, maxLength: 5 }),
});
const confederationSegment: fc.Arbitrary<AsPathSegment> = fc.record({
  type: fc.constantFrom('AS_CONFED_SEQUENCE', 'AS_CONFED_SEQUENCE', 'AS_CONFED_SET'),
  asns: fc.array(asn, { minLength: 1, maxLength: 5 }),
});

/** Confederation segments may be in a path from inside; one from another member begins with one (RFC 5065 section 5). */
function pathFrom(peer: PeerType): fc.Arbitrary<AsPathSegment[]> {
  if (peer === 'ebgp') return fc.array(segment, { maxLength: 4 });
  const mixed = fc.array(fc.oneof({ weight: 3, arbitrary: segment }, { weight: 1, arbitrary: confederationSegment }), {
    maxLength: 4,
  });
  if (peer === 'ibgp') return mixed;
  return fc
    .tuple(fc.array(asn, { minLength: 1, maxLength: 5 }), mixed)
    .map(([asns, rest]) => [{ type: 'AS_CONFED_SEQUENCE', asns }, ...rest]);
}

const octetsOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const none: fc.Arbitrary<EncodableAttribute[]> = fc.constant([]);

/** Sometimes there. */
function maybe(attribute: fc.Arbitrary<EncodableAttribute>): fc.Arbitrary<EncodableAttribute[]> {
  return fc.oneof({ weight: 1, arbitrary: attribute.map((a) => [a]) }, { weight: 1, arbitrary: none });
}
const of = <V>(code: number, value: fc.Arbitrary<V>) => value.map((v) => ({ code, value: v }) as EncodableAttribute);

const community = fc.oneof(u32, fc.constantFrom(0xffffff01, 0xffffff02, 0xffffff03, 0xffff029a));
const long = (unit: number) => ({ minLength: 1, maxLength: Math.floor(300 / unit) });

/** A flawless set of attributes in canonical order, for a route whose next hop is inside (IPv4) or elsewhere. */
function canonicalSet(
  peer: PeerType,
  multiprotocol: boolean,
  nextHop = hostAddress,
): fc.Arbitrary<EncodableAttribute[]> {
  const internal = (attribute: fc.Arbitrary<EncodableAttribute>) => (peer === 'ibgp' ? maybe(attribute) : none);
  return fc
    .tuple(
      of(1, fc.constantFrom('IGP', 'EGP', 'INCOMPLETE')).map((a) => [a]),
      of(2, pathFrom(peer)).map((a) => [a]),
      multiprotocol ? none : of(3, nextHop).map((a) => [a]),
      maybe(of(4, u32)),
      peer === 'ibgp' ? of(5, u32).map((a) => [a]) : peer === 'confed' ? maybe(of(5, u32)) : none,
      maybe(of(6, fc.constant(true))),
      maybe(of(7, fc.record({ as: asn, ip: ipv4 }))),
      maybe(of(8, fc.array(community, long(4)))),
      internal(of(9, ipv4)),
      internal(of(10, fc.array(ipv4, long(4)))),
      maybe(of(16, fc.array(octetsOf(8), long(8)))),
      maybe(of(32, fc.array(fc.tuple(u32, u32, u32), long(12)))),
      maybe(of(35, u32)),
    )
    .map((groups) => groups.flat());
}

function block(attributes: readonly EncodableAttribute[]): Uint8Array {
  const writer = new Writer();
  encodeAttributes(attributes, DEFAULT_CONTEXT, writer);
  return writer.finish();
}

const NLRI = octets('180a0000');
const MP_REACH = octets('800e1a 0002 01 10 20010db8000000000000000000000001 00 2020010db8');

/** The body of an UPDATE that announces a prefix with these attributes. */
function updateBody(attributes: Uint8Array, multiprotocol: boolean): Uint8Array {
  const all = multiprotocol ? Buffer.concat([MP_REACH, attributes]) : attributes;
  const length = Uint8Array.of(0, 0, all.length >> 8, all.length);
  return Buffer.concat(multiprotocol ? [length, all] : [length, all, NLRI]);
}

/** Hold a set that the scan called flawless against the judge that knows every rule. */
function checkAgainstJudge(bytes: Uint8Array, peerType: PeerType, multiprotocol: boolean, facts: AttributeFacts): void {
  const body = updateBody(bytes, multiprotocol);
  const cx = { ...DEFAULT_CONTEXT, peerType };
  const parsed = parseUpdate(body, 0, body.length, cx);
  expect(
    parsed.diagnostics.map(({ reason }) => reason),
    toHex(bytes),
  ).to.deep.equal([]);
  const writer = new Writer();
  writeCanonicalAttributes(body, parsed, cx, writer);
  expect(toHex(writer.finish())).to.equal(toHex(bytes));
  checkFacts(bytes, facts);
}

/** The facts against the typed form. */
function checkFacts(bytes: Uint8Array, facts: AttributeFacts): void {
  const values = new Map(decodeAttributes(bytes).map((a) => [a.code, 'value' in a ? a.value : undefined]));
  const address = (code: number) => (values.has(code) ? parseIpv4(values.get(code) as string) : undefined);
  expect(['IGP', 'EGP', 'INCOMPLETE'][facts.origin]).to.equal(values.get(1));
  expect(facts.med).to.equal(values.get(4) ?? -1);
  expect(facts.localPref).to.equal(values.get(5) ?? -1);
  expect(facts.hasOriginatorId).to.equal(values.has(9));
  if (values.has(9)) expect(facts.originatorId).to.equal(address(9));
  expect(facts.clusterCount).to.equal((values.get(10) as string[] | undefined)?.length ?? 0);
  if (values.has(3)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(view.getUint32(facts.nextHopAt)).to.equal(address(3));
  } else expect(facts.nextHopAt).to.equal(-1);
  const path = values.get(2) as AsPathSegment[];
  expect(facts.asPathLength).to.equal(asPathLength(bytes, facts.asPathStart, facts.asPathEnd));
  expect(facts.neighborAs).to.equal(neighborAs(bytes, facts.asPathStart, facts.asPathEnd));
  for (const number of [1, 64512, ...path.flatMap(({ asns }) => asns)]) {
    const there = path.some(({ asns }) => asns.includes(number));
    expect(countInAsPath(number, bytes, facts.asPathStart, facts.asPathEnd) > 0).to.equal(there);
  }
  const communities = (values.get(8) ?? []) as number[];
  const flags =
    (communities.includes(0xffffff01) ? COMMUNITY_FLAG.noExport : 0) |
    (communities.includes(0xffffff02) ? COMMUNITY_FLAG.noAdvertise : 0) |
    (communities.includes(0xffffff03) ? COMMUNITY_FLAG.noExportSubconfed : 0);
  expect(facts.communityFlags).to.equal(flags);
  expect(facts.hasOnlyToCustomer).to.equal(values.has(35));
  expect(facts.onlyToCustomer).to.equal(values.get(35) ?? 0);
}

const situation = fc.record({ peer: fc.constantFrom<PeerType>('ibgp', 'ebgp', 'confed'), multiprotocol: fc.boolean() });

/** One change to a list of octets. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), at: fc.nat(), value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), value: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), value: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), value: fc.nat({ max: 255 }) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: Uint8Array, { kind, at, value }: Mutation): Uint8Array {
  const list = [...bytes];
  if (list.length === 0) return bytes;
  const index = at % list.length;
  if (kind === 'set') list[index] = value;
  else if (kind === 'flip') list[index]! ^= 1 << value;
  else if (kind === 'remove') list.splice(index, value);
  else list.splice(index, 0, value);
  return Uint8Array.from(list);
}

describe('scanAttributes', () => {
  const facts = new AttributeFacts();
  function scan(bytes: Uint8Array, peer: PeerType | 'trusted', multiprotocol: boolean): boolean {
    return scanAttributes(bytes, 0, bytes.length, peer, multiprotocol, facts);
  }

  it('takes every flawless set in canonical form', () => {
    const input = situation.chain(({ peer, multiprotocol }) =>
      fc.record({
        peer: fc.constant(peer),
        multiprotocol: fc.constant(multiprotocol),
        set: canonicalSet(peer, multiprotocol),
      }),
    );
    fc.assert(
      fc.property(input, ({ peer, multiprotocol, set }) => {
        const bytes = block(set);
        expect(scan(bytes, peer, multiprotocol), toHex(bytes)).to.equal(true);
        checkAgainstJudge(bytes, peer, multiprotocol, facts);
        expect(scan(bytes, 'trusted', multiprotocol)).to.equal(true);
        checkFacts(bytes, facts);
      }),
      { numRuns: 500 },
    );
  });

  it('takes nothing that the full judge finds fault with, or would write otherwise', () => {
    let taken = 0;
    const input = fc.record({
      made: situation.chain(({ peer, multiprotocol }) => canonicalSet(peer, multiprotocol, anyAddress)),
      read: situation,
      mutations: fc.array(mutation, { minLength: 0, maxLength: 3 }),
    });
    fc.assert(
      fc.property(input, ({ made, read, mutations }) => {
        const bytes = mutations.reduce(mutate, block(made));
        if (!scan(bytes, read.peer, read.multiprotocol)) return;
        taken++;
        checkAgainstJudge(bytes, read.peer, read.multiprotocol, facts);
      }),
      { numRuns: 6000 },
    );
    // The property would hold for a scan that takes nothing.
    expect(taken).to.be.greaterThan(300);
  });

  it('takes no random octets that the full judge would not', () => {
    const piece = fc.tuple(fc.constantFrom(1, 2, 3, 5, 8, 32), fc.uint8Array({ maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), situation, (pieces, { peer, multiprotocol }) => {
        const flags = (code: number) => (code === 8 || code === 32 ? 0xc0 : 0x40);
        const bytes = Uint8Array.from(pieces.flatMap(([code, value]) => [flags(code), code, value.length, ...value]));
        if (scan(bytes, peer, multiprotocol)) checkAgainstJudge(bytes, peer, multiprotocol, facts);
      }),
      { numRuns: 2000 },
    );
  });

  const ORIGIN = '40010100';
  const EMPTY_PATH = '400200';
  const NEXT_HOP = '4003040a000001';
  const LOCAL_PREF = '40050400000064';

  describe('leaves to the full judge', () => {
    const cases: readonly (readonly [string, PeerType, string])[] = [
      ['a missing ORIGIN (RFC 7606 3 d)', 'ibgp', EMPTY_PATH + NEXT_HOP + LOCAL_PREF],
      ['a missing LOCAL_PREF from iBGP (RFC 4271 5.1.5)', 'ibgp', ORIGIN + EMPTY_PATH + NEXT_HOP],
      ['a LOCAL_PREF from eBGP (RFC 7606 7.5)', 'ebgp', ORIGIN + EMPTY_PATH + NEXT_HOP + LOCAL_PREF],
      ['NEXT_HOP 0.0.0.0 (RFC 4271 6.3)', 'ebgp', `${ORIGIN}${EMPTY_PATH}40030400000000`],
      ['a multicast NEXT_HOP (RFC 4271 6.3)', 'ebgp', `${ORIGIN}${EMPTY_PATH}400304e0000001`],
      ['NEXT_HOP 255.255.255.255 (RFC 4271 6.3)', 'ebgp', `${ORIGIN}${EMPTY_PATH}400304ffffffff`],
      ['ORIGIN 3 (RFC 7606 7.1)', 'ebgp', `40010103${EMPTY_PATH}${NEXT_HOP}`],
      ['an attribute twice (RFC 7606 3 g)', 'ebgp', `${ORIGIN}${ORIGIN}${EMPTY_PATH}${NEXT_HOP}`],
      ['attributes out of order', 'ebgp', `${EMPTY_PATH}${ORIGIN}${NEXT_HOP}`],
      ['an AS_PATH with AS 0 (RFC 7607)', 'ebgp', `${ORIGIN}400206020100000000${NEXT_HOP}`],
      ['an empty path segment (RFC 7606 7.2)', 'ebgp', `${ORIGIN}4002020200${NEXT_HOP}`],
      ['a confederation segment from outside (RFC 5065 5)', 'ebgp', `${ORIGIN}400206030100000001${NEXT_HOP}`],
      ['none from another member (RFC 5065 5)', 'confed', `${ORIGIN}400206020100000001${NEXT_HOP}`],
      ['an empty path from another member (RFC 5065 5)', 'confed', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}`],
      ['a confederation set first (RFC 5065 5)', 'confed', `${ORIGIN}400206040100000001${NEXT_HOP}`],
      [
        'an ORIGINATOR_ID from another member (RFC 7606 7.9)',
        'confed',
        `${ORIGIN}400206030100000001${NEXT_HOP}8009040a000001`,
      ],
      [
        'a CLUSTER_LIST from another member (RFC 7606 7.10)',
        'confed',
        `${ORIGIN}400206030100000001${NEXT_HOP}800a040a000001`,
      ],
      ['ONLY_TO_CUSTOMER of three octets (RFC 9234 5)', 'ebgp', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}c0230300fde7`],
      ['AGGREGATOR with AS 0 (RFC 7607)', 'ebgp', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}c00708000000000a000001`],
      ['COMMUNITIES of no octets (RFC 7606 7.8)', 'ebgp', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}c00800`],
      ['COMMUNITIES of five octets (RFC 7606 7.8)', 'ebgp', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}c008050000000100`],
      ['extended length where it is not needed', 'ebgp', `5001000100${EMPTY_PATH}${NEXT_HOP}`],
      ['the lower four flag bits', 'ebgp', `41010100${EMPTY_PATH}${NEXT_HOP}`],
      ['ORIGIN with the flags of an optional attribute', 'ebgp', `c0010100${EMPTY_PATH}${NEXT_HOP}`],
      ['an unknown attribute', 'ebgp', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}c0630100`],
      ['AS4_PATH (RFC 6793 3)', 'ebgp', `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}c01106020100000001`],
      ['a cut attribute', 'ebgp', `${ORIGIN}${EMPTY_PATH}4003040a0000`],
    ];
    for (const [what, peer, hex] of cases) {
      it(what, () => expect(scan(octets(hex), peer, false)).to.equal(false));
    }
  });

  it('keeps the Partial bit of COMMUNITIES, AGGREGATOR, EXTENDED and LARGE COMMUNITIES (RFC 4271 5)', () => {
    const hex =
      `${ORIGIN}${EMPTY_PATH}${NEXT_HOP}e00708000000010a000001e0080400000001` +
      'e010080002000100000001e0200c000000010000000200000003';
    const bytes = octets(hex);
    expect(scan(bytes, 'ebgp', false)).to.equal(true);
    checkAgainstJudge(bytes, 'ebgp', false, facts);
  });

  it('gives the neighbor AS only when the path begins with a sequence (RFC 4271 9.1.2.2 c)', () => {
    expect(scan(octets(`${ORIGIN}40020a02020000fde80000fde9${NEXT_HOP}`), 'ebgp', false)).to.equal(true);
    expect([facts.neighborAs, facts.asPathLength]).to.deep.equal([65000, 2]);
    expect(scan(octets(`${ORIGIN}40021001020000fde80000fde902010000fdea${NEXT_HOP}`), 'ebgp', false)).to.equal(true);
    expect([facts.neighborAs, facts.asPathLength]).to.deep.equal([0, 2]);
  });
});
