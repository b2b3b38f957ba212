/**
 * What hostile neighbors say, by RFC section, and what comes of it. All octets are put together by hand, without the library.
 */
import * as bgp from '../interop/harness/messages.js';
import { AS, EXTERNAL_AS, HOSTILE_ID, type Kind, type Progress } from './stage.js';

export interface Case {
  readonly rfc: string;
  readonly what: string;
  readonly from: Progress;
  readonly send: readonly Buffer[];
  /**
   * `1/2 0012`: that NOTIFICATION (its data too, where an RFC says what they are), and the connection is closed.
   * `closed`: closed without a NOTIFICATION. `accepted`: the session goes on.
   */
  readonly then: string;
}

export const ROUTE_REFRESH = 5;
const u16 = bgp.u16;
const octets = (...values: readonly number[]) => Buffer.from(values);
const notification = (code: number, subcode: number, ...data: number[]) =>
  bgp.message(bgp.NOTIFICATION, octets(code, subcode, ...data));

interface RawOpen {
  readonly version?: number;
  readonly as?: number;
  readonly hold?: number;
  readonly id?: readonly number[];
  /** The octets after the Optional Parameters Length. */
  readonly parameters?: readonly number[];
  /** What the length says; default: the truth. */
  readonly length?: number;
}

const IDENTIFIER = HOSTILE_ID.split('.').map(Number);
const AS4 = [65, 4, ...bgp.u32(AS)];
const IPV4 = [1, 4, 0, 1, 0, 1];
const IPV6 = [1, 4, 0, 2, 0, 1];
const capabilities = (...list: readonly (readonly number[])[]) => [2, list.flat().length, ...list.flat()];

/** An OPEN in which everything can be wrong. */
function rawOpen(open: RawOpen = {}): Buffer {
  const { version = 4, as = AS, hold = 90, id = IDENTIFIER, parameters = capabilities(IPV4, IPV6, AS4) } = open;
  const { length = parameters.length } = open;
  return bgp.message(bgp.OPEN, octets(version, ...u16(as), ...u16(hold), ...id, length, ...parameters));
}

/** A good OPEN. */
export const goodOpen = (kind: Kind = 'ibgp', holdTime = 90): Buffer =>
  bgp.open({ asn: kind === 'ibgp' ? AS : EXTERNAL_AS, routerId: HOSTILE_ID, afis: [1, 2], holdTime });

const badMarker = (octet: number) => {
  const message = bgp.keepalive();
  message[octet] = 0xfe;
  return message;
};

const HEADERS: readonly [what: string, octets: Buffer, then: string][] = [
  ['zeros', Buffer.alloc(64), '1/1'],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: speaker\r\n\r\n'), '1/1'],
  ['a TLS hello', Buffer.from('160301020001000001fc0303'.padEnd(80, '0'), 'hex'), '1/1'],
  ['a marker whose first octet is wrong', badMarker(0), '1/1'],
  ['a marker whose last octet is wrong', badMarker(15), '1/1'],
  ['length 0', bgp.message(bgp.KEEPALIVE, Buffer.alloc(0), 0), '1/2 0000'],
  ['length 18', bgp.message(bgp.KEEPALIVE, Buffer.alloc(0), 18), '1/2 0012'],
  ['a KEEPALIVE of 20 octets', bgp.message(bgp.KEEPALIVE, Buffer.alloc(1)), '1/2 0014'],
  ['an OPEN of 28 octets', bgp.message(bgp.OPEN, Buffer.alloc(9)), '1/2 001c'],
  ['an OPEN of 4097 octets', bgp.message(bgp.OPEN, Buffer.alloc(0), 4097), '1/2 1001'],
  ['an UPDATE of 22 octets', bgp.message(bgp.UPDATE, Buffer.alloc(3)), '1/2 0016'],
  ['message type 0', bgp.message(0), '1/3 00'],
  ['message type 6', bgp.message(6), '1/3 06'],
  ['message type 255', bgp.message(255), '1/3 ff'],
];

/** RFC 4271 section 6.1: the same in each state. */
const headerCases: Case[] = (['OpenSent', 'OpenConfirm', 'Established'] as const).flatMap((from) =>
  HEADERS.map(([what, message, then]) => ({ rfc: 'RFC 4271 6.1', what, from, send: [message], then })),
);

const open = (rfc: string, what: string, message: Buffer, then: string): Case => ({
  rfc,
  what: `an OPEN with ${what}`,
  from: 'OpenSent',
  send: [message],
  then,
});

const openCases: Case[] = [
  open('RFC 4271 6.2', 'version 3', rawOpen({ version: 3 }), '2/1 0004'),
  open('RFC 4271 6.2', 'version 5', rawOpen({ version: 5 }), '2/1 0004'),
  open('RFC 4271 6.2', 'version 0', rawOpen({ version: 0 }), '2/1 0004'),
  open('RFC 4271 6.2', 'another AS', rawOpen({ as: 64999, parameters: capabilities(IPV4) }), '2/2'),
  open(
    'RFC 6793 4.1',
    'another AS in its capability',
    rawOpen({ parameters: capabilities(IPV4, [65, 4, 0, 0, 253, 231]) }),
    '2/2',
  ),
  open('RFC 6793 4.2', 'AS_TRANS and no capability', rawOpen({ as: 23456, parameters: capabilities(IPV4) }), '2/2'),
  open('RFC 7607 2', 'AS 0', rawOpen({ as: 0, parameters: capabilities(IPV4) }), '2/2'),
  open('RFC 7607 2', 'AS 0 in its capability', rawOpen({ parameters: capabilities(IPV4, [65, 4, 0, 0, 0, 0]) }), '2/2'),
  open('RFC 6286 2.2', 'BGP Identifier 0', rawOpen({ id: [0, 0, 0, 0] }), '2/3'),
  open('RFC 6286 2.2', 'our own BGP Identifier', rawOpen({ id: [10, 0, 0, 1] }), '2/3'),
  open('RFC 4271 6.2', 'hold time 1', rawOpen({ hold: 1 }), '2/6'),
  open('RFC 4271 6.2', 'hold time 2', rawOpen({ hold: 2 }), '2/6'),
  open('RFC 4271 6.2', 'an unknown Optional Parameter', rawOpen({ parameters: [77, 0] }), '2/4'),
  open('RFC 5492 3', 'Authentication Information', rawOpen({ parameters: [1, 2, 0, 0] }), '2/4'),
  open('RFC 4271 6.2', 'a parameter that runs past the end', rawOpen({ parameters: [2, 40, 1, 4, 0, 1, 0, 1] }), '2/0'),
  open('RFC 4271 6.2', 'parameters shorter than they say', rawOpen({ length: 200 }), '2/0'),
  open('RFC 4271 6.2', 'octets after the parameters', rawOpen({ parameters: [0, 0], length: 0 }), '2/0'),
  open('RFC 5492 4', 'a capability that runs past its parameter', rawOpen({ parameters: [2, 3, 1, 4, 0] }), '2/0'),
  open('RFC 6793 3', 'an AS capability of 3 octets', rawOpen({ parameters: capabilities([65, 3, 0, 0, 1]) }), '2/0'),
  open(
    'RFC 9072 2',
    'extended parameters that run past the end',
    rawOpen({ parameters: [255, 0, 90, 2, 0, 6, ...IPV4], length: 255 }),
    '2/0',
  ),
  open(
    'RFC 9072 2',
    'extended parameters',
    rawOpen({ parameters: [255, 0, 15, 2, 0, 12, ...IPV4, ...AS4], length: 255 }),
    'accepted',
  ),
  open(
    'RFC 5492 3',
    'no family in common',
    rawOpen({ parameters: capabilities([1, 4, 0, 25, 0, 70], AS4) }),
    '2/7 010400010001010400020001',
  ),
  open(
    'RFC 5492 3',
    'an unknown capability',
    rawOpen({ parameters: capabilities(IPV4, [222, 3, 1, 2, 3], AS4) }),
    'accepted',
  ),
  open(
    'RFC 5492 4',
    'the same capability ten times',
    rawOpen({ parameters: capabilities(...new Array<number[]>(10).fill(IPV4), AS4) }),
    'accepted',
  ),
  open('RFC 4760 8', 'no capability at all', rawOpen({ parameters: [] }), 'accepted'),
  open('RFC 4271 4.2', 'hold time 0', rawOpen({ hold: 0 }), 'accepted'),
  open('RFC 4271 4.2', 'hold time 65535', rawOpen({ hold: 65535 }), 'accepted'),
];

const fsm = (rfc: string, from: Progress, what: string, message: Buffer, then: string): Case => ({
  rfc,
  what,
  from,
  send: [message],
  then,
});

const refresh = (...body: number[]) => bgp.message(ROUTE_REFRESH, octets(...body));
const good = goodOpen();

const fsmCases: Case[] = [
  fsm('RFC 6608 3', 'OpenSent', 'a KEEPALIVE', bgp.keepalive(), '5/1 04'),
  fsm('RFC 6608 3', 'OpenSent', 'an UPDATE', bgp.update({}), '5/1 02'),
  fsm('RFC 6608 3', 'OpenSent', 'a ROUTE-REFRESH', refresh(0, 1, 0, 1), '5/1 05'),
  fsm('RFC 6608 3', 'OpenConfirm', 'a second OPEN', good, '5/2 01'),
  fsm('RFC 6608 3', 'OpenConfirm', 'an UPDATE', bgp.update({}), '5/2 02'),
  fsm('RFC 6608 3', 'OpenConfirm', 'a ROUTE-REFRESH', refresh(0, 1, 0, 1), '5/2 05'),
  fsm('RFC 6608 3', 'Established', 'a second OPEN', good, '5/3 01'),
  // RFC 4271 section 6.4: a NOTIFICATION is never answered with one.
  ...(['OpenSent', 'OpenConfirm', 'Established'] as const).flatMap((from) => [
    fsm('RFC 4271 6.4', from, 'a NOTIFICATION, Cease', notification(6, 2), 'closed'),
    fsm('RFC 4271 6.4', from, 'a NOTIFICATION, unsupported version', notification(2, 1, 0, 3), 'closed'),
    fsm('RFC 4271 6.4', from, 'a NOTIFICATION of an unknown error', notification(99, 99, 1, 2, 3), 'closed'),
    fsm('RFC 4271 6.4', from, 'a NOTIFICATION of 20 octets', bgp.message(bgp.NOTIFICATION, octets(6)), 'closed'),
    fsm('RFC 9003 2', from, 'a shutdown text longer than it is', notification(6, 2, 200, 65), 'closed'),
    fsm('RFC 9003 2', from, 'a shutdown text that is not UTF-8', notification(6, 4, 2, 0xc3, 0x28), 'closed'),
  ]),
  fsm(
    'RFC 7313 5',
    'Established',
    'a ROUTE-REFRESH of 22 octets',
    refresh(0, 1, 0),
    '7/1 ffffffffffffffffffffffffffffffff001605000100',
  ),
  fsm(
    'RFC 7313 5',
    'Established',
    'a BoRR of 24 octets',
    refresh(0, 1, 1, 1, 9),
    '7/1 ffffffffffffffffffffffffffffffff0018050001010109',
  ),
  fsm('RFC 2918 4', 'Established', 'a ROUTE-REFRESH for a family not in use', refresh(0, 25, 0, 70), 'accepted'),
  fsm('RFC 7313 5', 'Established', 'a ROUTE-REFRESH with an unknown subtype', refresh(0, 1, 99, 1), 'accepted'),
];

const update = (rfc: string, what: string, message: Buffer, then: string): Case =>
  fsm(rfc, 'Established', `an UPDATE ${what}`, message, then);
const body = (...values: number[]) => bgp.message(bgp.UPDATE, octets(...values));

/** What cannot be told apart any more: the session ends (RFC 7606 sections 3 and 5). */
const updateCases: Case[] = [
  update('RFC 7606 3 a', 'whose withdrawn routes run past the end', body(0, 200, 0, 0), '3/1'),
  update('RFC 7606 3 a', 'whose withdrawn routes leave no room for the attributes', body(0, 1, 0, 0), '3/1'),
  update('RFC 7606 3 b', 'whose attributes run past the end', body(0, 0, 0, 200, 0x40, 1, 1, 0), '3/1'),
  update('RFC 7606 5.3', 'with a withdrawn prefix of 33 bits', body(0, 6, 33, 10, 66, 1, 0, 0, 0, 0), '3/10'),
  update('RFC 7606 5.3', 'with a withdrawn prefix that is cut', body(0, 3, 24, 10, 66, 0, 0), '3/10'),
  update('RFC 7606 5.3', 'with a withdrawn prefix of 255 bits', body(0, 1, 255, 0, 0), '3/10'),
  update(
    'RFC 4724 2',
    'that is End-of-RIB, again and again',
    Buffer.concat(new Array<Buffer>(50).fill(bgp.update({}))),
    'accepted',
  ),
  update(
    'RFC 4271 6.3',
    'that withdraws what was never announced',
    bgp.update({ withdrawn: ['10.77.0.0/16'] }),
    'accepted',
  ),
  update(
    'RFC 4271 9.1',
    'that withdraws a good neighbor’s route',
    bgp.update({ withdrawn: ['10.1.0.0/16'] }),
    'accepted',
  ),
];

export const CASES: readonly Case[] = [...headerCases, ...openCases, ...fsmCases, ...updateCases];
