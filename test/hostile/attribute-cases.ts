/**
 * Flawed path attributes, one by one, by RFC section. Each UPDATE announces a prefix that the neighbor has announced before,
 * and a new one. Octets by hand.
 */
import * as bgp from '../interop/harness/messages.js';
import { EXTERNAL_AS, type Kind } from './stage.js';

export interface AttributeCase {
  readonly rfc: string;
  readonly what: string;
  readonly kind: Kind;
  readonly family: 4 | 6;
  readonly update: Buffer;
  /**
   * `withdraw`: both prefixes are gone, the session stays. `accept`: both are taken. `ignore`: nothing changes. `3/2 40c800`:
   * that NOTIFICATION.
   */
  readonly then: string;
  /** Of an accepted route at another neighbor: an attribute code and its value there; undefined: it has none. */
  readonly held?: readonly [code: number, value: unknown];
}

export const KNOWN = { 4: '10.66.1.0/24', 6: '2001:db8:66:1::/64' } as const;
export const NEW = { 4: '10.66.2.0/24', 6: '2001:db8:66:2::/64' } as const;

type Octets = readonly number[];
const prefix6 = (last: number): number[] => [64, 0x20, 1, 0x0d, 0xb8, 0, 0x66, 0, last];
const NEXT_HOP6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66];
const A = bgp.attribute;

/** A whole attribute: flags, code, length, value. */
const attribute = (flags: number, code: number, ...value: number[]): number[] => [flags, code, value.length, ...value];
const mpReach = (value: Octets, flags = 0x80) => attribute(flags, 14, ...value);
const reach6 = (nextHop: Octets = NEXT_HOP6, nlri: Octets = [...prefix6(1), ...prefix6(2)]) =>
  mpReach([0, 2, 1, nextHop.length, ...nextHop, 0, ...nlri]);
const unreach6 = (nlri: Octets) => attribute(0x80, 15, 0, 2, 1, ...nlri);

const GOOD: Readonly<Record<Kind, ReadonlyMap<number, Octets>>> = {
  ibgp: new Map<number, Octets>([
    [1, A.origin(0)],
    [2, A.asPath()],
    [3, A.nextHop('10.66.0.9')],
    [5, A.localPref(100)],
  ]),
  ebgp: new Map<number, Octets>([
    [1, A.origin(0)],
    [2, A.asPath(EXTERNAL_AS)],
    [3, A.nextHop('10.66.0.9')],
  ]),
};

/** The good attributes, that of one code replaced; other codes are added at their place. */
function block(kind: Kind, code: number, ...replacement: readonly Octets[]): Octets[] {
  const all = [...GOOD[kind]].filter(([key]) => key !== code) as [number, Octets][];
  for (const octets of replacement) all.push([code, octets]);
  return all.sort(([a], [b]) => a - b).map(([, octets]) => octets);
}

const ipv4 = (attributes: readonly Octets[]): Buffer => bgp.update({ attributes, announced: [KNOWN[4], NEW[4]] });
/** MP_REACH_NLRI first (RFC 7606 section 5.1), no NEXT_HOP. */
const ipv6 = (kind: Kind, ...attributes: readonly Octets[]): Buffer =>
  bgp.update({ attributes: [...attributes, ...block(kind, 3)] });

/** A good UPDATE of these prefixes, with IPv6 too. */
export function goodUpdates(kind: Kind): Buffer[] {
  return [
    bgp.update({ attributes: block(kind, 0), announced: ['10.66.0.0/24', KNOWN[4]] }),
    ipv6(kind, reach6(NEXT_HOP6, [...prefix6(0), ...prefix6(1)])),
  ];
}

/** An attribute replaced in an IPv4 announcement. */
function of(
  rfc: string,
  code: number,
  what: string,
  replacement: readonly Octets[],
  then: string,
  more: { kind?: Kind; held?: readonly [number, unknown] } = {},
): AttributeCase {
  const { kind = 'ibgp', ...held } = more;
  return { rfc, what, kind, family: 4, update: ipv4(block(kind, code, ...replacement)), then, ...held };
}

const mp = (rfc: string, what: string, update: Buffer, then: string): AttributeCase => ({
  rfc,
  what,
  kind: 'ibgp',
  family: 6,
  update,
  then,
});

const raw = (what: string, rfc: string, body: Octets, then: string): AttributeCase => ({
  rfc,
  what,
  kind: 'ibgp',
  family: 4,
  update: bgp.message(bgp.UPDATE, Buffer.from([...body])),
  then,
});

const NLRI = [24, 10, 66, 1, 24, 10, 66, 2];
const whole = (attributes: Octets, nlri: Octets = NLRI) => [
  0,
  0,
  ...bgp.u16(attributes.length),
  ...attributes,
  ...nlri,
];
const OK = block('ibgp', 0).flat();

/** Attributes whose flaw is always one of length or flags, and what that costs. */
const LENGTHS: readonly [
  rfc: string,
  code: number,
  name: string,
  flags: number,
  lengths: readonly number[],
  then: string,
][] = [
  ['RFC 7606 7.1', 1, 'ORIGIN', 0x40, [0, 2], 'withdraw'],
  ['RFC 7606 7.3', 3, 'NEXT_HOP', 0x40, [0, 3, 5, 16], 'withdraw'],
  ['RFC 7606 7.4', 4, 'MULTI_EXIT_DISC', 0x80, [0, 3, 5], 'withdraw'],
  ['RFC 7606 7.5', 5, 'LOCAL_PREF', 0x40, [0, 3, 5], 'withdraw'],
  ['RFC 7606 7.6', 6, 'ATOMIC_AGGREGATE', 0x40, [1], 'accept'],
  ['RFC 7606 7.7', 7, 'AGGREGATOR', 0xc0, [0, 6, 7, 9], 'accept'],
  ['RFC 7606 7.8', 8, 'COMMUNITIES', 0xc0, [0, 3, 6], 'withdraw'],
  ['RFC 7606 7.9', 9, 'ORIGINATOR_ID', 0x80, [0, 3, 5], 'withdraw'],
  ['RFC 7606 7.10', 10, 'CLUSTER_LIST', 0x80, [0, 3, 6], 'withdraw'],
  ['RFC 7606 7.14', 16, 'EXTENDED_COMMUNITIES', 0xc0, [0, 7, 12], 'withdraw'],
  ['RFC 6793 6', 17, 'AS4_PATH', 0xc0, [0, 5], 'accept'],
  ['RFC 6793 6', 18, 'AS4_AGGREGATOR', 0xc0, [0, 7], 'accept'],
  ['RFC 6514 5', 22, 'PMSI_TUNNEL', 0xc0, [0, 4], 'withdraw'],
  ['RFC 9012 13', 23, 'TUNNEL_ENCAP', 0xc0, [0, 3], 'withdraw'],
  ['RFC 7606 7.13', 24, 'TRAFFIC_ENGINEERING', 0x80, [0], 'withdraw'],
  ['RFC 7606 7.15', 25, 'IPV6_EXTENDED_COMMUNITIES', 0xc0, [0, 19], 'withdraw'],
  ['RFC 7311 3.2', 26, 'AIGP', 0x80, [0, 2], 'accept'],
  ['RFC 8092 6', 32, 'LARGE_COMMUNITIES', 0xc0, [0, 11, 13], 'withdraw'],
  ['RFC 9234 5', 35, 'ONLY_TO_CUSTOMER', 0xc0, [0, 3, 5], 'withdraw'],
  ['RFC 8669 6', 40, 'PREFIX_SID', 0xc0, [0, 2], 'accept'],
  ['RFC 6368 5', 128, 'ATTR_SET', 0xc0, [0, 3], 'withdraw'],
];
const lengthCases = LENGTHS.flatMap(([rfc, code, name, flags, lengths, then]) =>
  lengths.map((length) =>
    of(rfc, code, `${name} of ${length} octets`, [attribute(flags, code, ...new Array<number>(length).fill(1))], then, {
      // Discarded, not passed on.
      ...(then === 'accept' ? { held: [code, undefined] as const } : {}),
    }),
  ),
);

/** RFC 7606 section 3 c: with Optional or Transitive the other way round. */
const FLAGS: readonly [code: number, name: string, flags: number, value: Octets, then?: string][] = [
  [1, 'ORIGIN', 0xc0, [0]],
  [1, 'ORIGIN', 0x00, [0]],
  [2, 'AS_PATH', 0xc0, []],
  [3, 'NEXT_HOP', 0x80, [10, 66, 0, 9]],
  [4, 'MULTI_EXIT_DISC', 0x40, [0, 0, 0, 1]],
  [4, 'MULTI_EXIT_DISC', 0xc0, [0, 0, 0, 1]],
  [5, 'LOCAL_PREF', 0x80, [0, 0, 0, 1]],
  [6, 'ATOMIC_AGGREGATE', 0x80, []],
  [7, 'AGGREGATOR', 0x40, [0, 0, 1, 1, 10, 0, 0, 1]],
  [8, 'COMMUNITIES', 0x40, [0, 1, 0, 1]],
  [9, 'ORIGINATOR_ID', 0x40, [10, 9, 9, 1]],
  [10, 'CLUSTER_LIST', 0xc0, [10, 9, 9, 1]],
  [16, 'EXTENDED_COMMUNITIES', 0x80, [0, 2, 0, 1, 0, 0, 0, 1]],
  [26, 'AIGP', 0xc0, [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 1], 'accept'],
  [32, 'LARGE_COMMUNITIES', 0x40, new Array<number>(12).fill(1)],
  [35, 'ONLY_TO_CUSTOMER', 0x80, [0, 0, 0, 1]],
];
const flagCases = FLAGS.map(([code, name, flags, value, then = 'withdraw']) =>
  of('RFC 7606 3 c', code, `${name} with flags 0x${flags.toString(16)}`, [attribute(flags, code, ...value)], then),
);

const valueCases: AttributeCase[] = [
  of('RFC 7606 7.1', 1, 'ORIGIN 3', [A.origin(3)], 'withdraw'),
  of('RFC 7606 7.1', 1, 'ORIGIN 255', [A.origin(255)], 'withdraw'),
  of('RFC 7606 7.2', 2, 'AS_PATH with segment type 0', [attribute(0x40, 2, 0, 1, 0, 0, 1, 1)], 'withdraw'),
  of('RFC 7606 7.2', 2, 'AS_PATH with segment type 5', [attribute(0x40, 2, 5, 1, 0, 0, 1, 1)], 'withdraw'),
  of('RFC 7606 7.2', 2, 'AS_PATH with an empty segment', [attribute(0x40, 2, 2, 0)], 'withdraw'),
  of('RFC 7606 7.2', 2, 'AS_PATH whose segment runs past it', [attribute(0x40, 2, 2, 9, 0, 0, 1, 1)], 'withdraw'),
  of('RFC 7606 7.2', 2, 'AS_PATH with an octet left', [attribute(0x40, 2, 2, 1, 0, 0, 1, 1, 2)], 'withdraw'),
  of('RFC 7607 2', 2, 'AS_PATH with AS 0', [attribute(0x40, 2, 2, 1, 0, 0, 0, 0)], 'withdraw'),
  of('RFC 5065 5', 2, 'a confederation segment from outside', [attribute(0x40, 2, 3, 1, 0, 0, 1, 1)], 'withdraw', {
    kind: 'ebgp',
  }),
  of('RFC 4271 6.3', 3, 'NEXT_HOP 0.0.0.0', [A.nextHop('0.0.0.0')], 'withdraw'),
  of('RFC 4271 6.3', 3, 'NEXT_HOP 224.0.0.5', [A.nextHop('224.0.0.5')], 'withdraw'),
  of('RFC 4271 6.3', 3, 'NEXT_HOP 255.255.255.255', [A.nextHop('255.255.255.255')], 'withdraw'),
  of('RFC 7607 2', 7, 'AGGREGATOR with AS 0', [attribute(0xc0, 7, 0, 0, 0, 0, 10, 0, 0, 1)], 'accept', {
    held: [7, undefined],
  }),
  of('RFC 7606 7.5', 5, 'LOCAL_PREF from outside', [A.localPref(4000000000)], 'accept', {
    kind: 'ebgp',
    held: [5, 100],
  }),
  of('RFC 7606 7.5', 5, 'LOCAL_PREF of 5 octets from outside', [attribute(0x40, 5, 1, 2, 3, 4, 5)], 'accept', {
    kind: 'ebgp',
    held: [5, 100],
  }),
  of('RFC 7606 7.9', 9, 'ORIGINATOR_ID from outside', [attribute(0x80, 9, 1, 2, 3, 4)], 'accept', {
    kind: 'ebgp',
    held: [9, undefined],
  }),
  of('RFC 7606 7.10', 10, 'CLUSTER_LIST of 3 octets from outside', [attribute(0x80, 10, 1, 2, 3)], 'accept', {
    kind: 'ebgp',
    held: [10, undefined],
  }),
  of('RFC 9012 13', 23, 'TUNNEL_ENCAP with a TLV that runs past it', [attribute(0xc0, 23, 0, 8, 0, 90, 1)], 'withdraw'),
  of('RFC 7311 3.2', 26, 'AIGP with a TLV that runs past it', [attribute(0x80, 26, 1, 0, 99, 0)], 'accept', {
    held: [26, undefined],
  }),
  of(
    'RFC 7606 7.16',
    128,
    'ATTR_SET with a flawed attribute inside',
    [attribute(0xc0, 128, 0, 0, 1, 1, 0x40, 1, 1, 9)],
    'withdraw',
  ),
  of(
    'RFC 7606 7.16',
    128,
    'ATTR_SET with a next hop inside',
    [attribute(0xc0, 128, 0, 0, 1, 1, ...A.nextHop('10.1.1.1'))],
    'withdraw',
  ),
  of('RFC 4271 6.3', 200, 'an unknown well-known attribute', [attribute(0x40, 200, 7)], '3/2 40c80107'),
  of('RFC 4271 9', 201, 'an unknown optional attribute', [attribute(0x80, 201, 7)], 'accept', {
    held: [201, undefined],
  }),
  of('RFC 4271 9.1.2', 2, 'our own AS in AS_PATH', [A.asPath(64512)], 'withdraw'),
  of('RFC 4456 8', 9, 'our own ORIGINATOR_ID', [attribute(0x80, 9, 10, 0, 0, 1)], 'withdraw'),
  of('RFC 4456 8', 10, 'our own cluster in CLUSTER_LIST', [attribute(0x80, 10, 1, 1, 1, 1, 10, 0, 0, 1)], 'withdraw'),
];

const missingCases: AttributeCase[] = [
  of('RFC 7606 3 d', 1, 'no ORIGIN', [], 'withdraw'),
  of('RFC 7606 3 d', 2, 'no AS_PATH', [], 'withdraw'),
  of('RFC 7606 3 d', 3, 'no NEXT_HOP', [], 'withdraw'),
  of('RFC 7606 3 d', 5, 'no LOCAL_PREF from inside', [], 'withdraw'),
  raw('no attribute at all', 'RFC 7606 3 d', whole([]), 'withdraw'),
];

/** RFC 7606 section 3 g: the first one counts. */
const duplicateCases: AttributeCase[] = [
  of('RFC 7606 3 g', 1, 'ORIGIN twice', [A.origin(0), A.origin(2)], 'accept', { held: [1, 'IGP'] }),
  of('RFC 7606 3 g', 2, 'AS_PATH twice', [A.asPath(7), A.asPath(8, 9)], 'accept', {
    held: [2, [{ type: 'AS_SEQUENCE', asns: [7] }]],
  }),
  of('RFC 7606 3 g', 3, 'NEXT_HOP twice', [A.nextHop('10.66.0.9'), A.nextHop('10.66.0.8')], 'accept', {
    held: [3, '10.66.0.9'],
  }),
  of('RFC 7606 3 g', 4, 'MULTI_EXIT_DISC twice', [A.med(1), A.med(2)], 'accept', { held: [4, 1] }),
  of('RFC 7606 3 g', 5, 'LOCAL_PREF twice', [A.localPref(1), A.localPref(2)], 'accept', { held: [5, 1] }),
  of(
    'RFC 7606 3 g',
    8,
    'COMMUNITIES a hundred times',
    Array.from({ length: 100 }, (_, i) => A.community(i)),
    'accept',
    {
      held: [8, [0]],
    },
  ),
  mp('RFC 7606 3 g', 'MP_REACH_NLRI twice', ipv6('ibgp', reach6(), reach6()), '3/1'),
  mp(
    'RFC 7606 3 g',
    'MP_UNREACH_NLRI twice',
    bgp.update({ attributes: [unreach6(prefix6(1)), unreach6(prefix6(1))] }),
    '3/1',
  ),
];

const blockCases: AttributeCase[] = [
  raw('an attribute that runs past its block', 'RFC 7606 4', whole([...OK, 0xc0, 8, 40, 0, 1]), 'withdraw'),
  raw('an octet where an attribute should begin', 'RFC 7606 4', whole([...OK, 0xc0]), 'withdraw'),
  raw('an extended length that is cut', 'RFC 7606 4', whole([...OK, 0xd0, 8, 0]), 'withdraw'),
  raw('an extended length of 60000', 'RFC 7606 4', whole([...OK, 0xd0, 8, 0xea, 0x60, 1, 2]), 'withdraw'),
  raw('a prefix of 33 bits', 'RFC 7606 5.3', whole(OK, [33, 10, 66, 1, 0, 0]), '3/10'),
  raw('a prefix that is cut', 'RFC 7606 5.3', whole(OK, [24, 10, 66]), '3/10'),
  raw('a prefix of 255 bits', 'RFC 7606 5.3', whole(OK, [255]), '3/10'),
  raw('bits after the prefix length', 'RFC 4271 4.3', whole(OK, [23, 10, 66, 3]), 'ignore 10.66.2.0/23'),
];

const mpCases: AttributeCase[] = [
  mp('RFC 4760 3', 'good MP_REACH_NLRI', ipv6('ibgp', reach6()), 'accept'),
  mp('RFC 7606 7.11', 'MP_REACH_NLRI of 4 octets', ipv6('ibgp', mpReach([0, 2, 1, 0])), '3/9'),
  mp('RFC 7606 7.11', 'an IPv6 next hop of 5 octets', ipv6('ibgp', reach6([1, 2, 3, 4, 5])), '3/9'),
  mp('RFC 7606 7.11', 'an IPv6 next hop of 0 octets', ipv6('ibgp', reach6([])), '3/9'),
  mp('RFC 7606 7.11', 'a next hop that runs past the attribute', ipv6('ibgp', mpReach([0, 2, 1, 200, 1, 2])), '3/9'),
  mp(
    'RFC 7606 5.3',
    'an IPv6 prefix of 129 bits',
    ipv6('ibgp', reach6(NEXT_HOP6, [129, ...new Array<number>(17).fill(0)])),
    '3/9',
  ),
  mp('RFC 7606 5.3', 'an IPv6 prefix that is cut', ipv6('ibgp', reach6(NEXT_HOP6, [64, 0x20, 1])), '3/9'),
  mp('RFC 4760 3', 'an IPv6 next hop of zeros', ipv6('ibgp', reach6(new Array<number>(16).fill(0))), 'withdraw'),
  mp(
    'RFC 4760 3',
    'an IPv6 multicast next hop',
    ipv6('ibgp', reach6([0xff, 2, ...new Array<number>(14).fill(0)])),
    'withdraw',
  ),
  mp(
    'RFC 7606 3 c',
    'MP_REACH_NLRI with flags 0x40',
    ipv6('ibgp', mpReach([0, 2, 1, 16, ...NEXT_HOP6, 0, ...prefix6(1), ...prefix6(2)], 0x40)),
    'withdraw',
  ),
  mp(
    'RFC 7606 3 d',
    'MP_REACH_NLRI without ORIGIN',
    bgp.update({ attributes: [reach6(), A.asPath(), A.localPref(100)] }),
    'withdraw',
  ),
  mp(
    'RFC 7606 7.1',
    'MP_REACH_NLRI with ORIGIN 9',
    bgp.update({ attributes: [reach6(), A.origin(9), A.asPath(), A.localPref(100)] }),
    'withdraw',
  ),
  mp('RFC 7606 7.12', 'MP_UNREACH_NLRI of 2 octets', bgp.update({ attributes: [attribute(0x80, 15, 0, 2)] }), '3/9'),
  mp('RFC 7606 5.3', 'a withdrawn IPv6 prefix of 200 bits', bgp.update({ attributes: [unreach6([200, 1, 2])] }), '3/9'),
  mp('RFC 7606 5.3', 'a withdrawn IPv6 prefix that is cut', bgp.update({ attributes: [unreach6([64, 1])] }), '3/9'),
  mp(
    'RFC 4760 7',
    'a family that was not negotiated',
    ipv6('ibgp', mpReach([0, 25, 70, 4, 10, 66, 0, 9, 0])),
    'ignore',
  ),
  mp(
    'RFC 7606 4',
    'MP_REACH_NLRI that runs past its block',
    bgp.update({ attributes: [[0x80, 14, 90, 0, 2, 1, 16, ...NEXT_HOP6]] }),
    '3/5',
  ),
];

export const ATTRIBUTE_CASES: readonly AttributeCase[] = [
  ...lengthCases,
  ...flagCases,
  ...valueCases,
  ...missingCases,
  ...duplicateCases,
  ...blockCases,
  ...mpCases,
];
