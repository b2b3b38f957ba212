import { ipv4At, ipv6At } from '../../../net/address.js';

/** Components by type: RFC 8955 section 4.2.2, RFC 8956 section 3. */
const COMPONENTS = [
  '',
  'dst',
  'src',
  'proto',
  'port',
  'dport',
  'sport',
  'icmp-type',
  'icmp-code',
  'tcp-flags',
  'length',
  'dscp',
  'fragment',
  'flow-label',
];
const DESTINATION = 1;
const SOURCE = 2;
const TCP_FLAGS = 9;
const FRAGMENT = 12;
const FLOW_LABEL = 13;

/** Operator octet: end of list, AND, length of the value (as a power of two), and the comparison. */
const END_OF_LIST = 0x80;
const AND = 0x40;
const NUMERIC = ['false', '=', '>', '>=', '<', '<=', '!=', 'true'] as const;
/** Bitmask operator: NOT and exact match. */
const NOT = 0x2;
const MATCH = 0x1;

const TCP_FLAG_NAMES = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'];
const FRAGMENT_NAMES = ['dont-fragment', 'is-fragment', 'first-fragment', 'last-fragment'];

function isBitmask(type: number): boolean {
  return type === TCP_FLAGS || type === FRAGMENT;
}

/** Offset after the component whose type octet is at `at`, or -1 when it is malformed. */
function componentEnd(bytes: Uint8Array, at: number, end: number, afi: 1 | 2): number {
  const type = bytes[at]!;
  if (type === DESTINATION || type === SOURCE) return prefixEnd(bytes, at, end, afi);
  if (type === 0 || type > (afi === 2 ? FLOW_LABEL : FRAGMENT)) return -1;
  let place = at + 1;
  for (;;) {
    const operator = bytes[place];
    if (operator === undefined || place >= end) return -1;
    place += 1 + (1 << ((operator >> 4) & 3));
    if (place > end) return -1;
    if ((operator & END_OF_LIST) !== 0) return place;
  }
}

function prefixEnd(bytes: Uint8Array, at: number, end: number, afi: 1 | 2): number {
  const headerOctets = afi === 1 ? 2 : 3;
  if (at + headerOctets > end) return -1;
  const bits = bytes[at + 1]!;
  const offset = afi === 1 ? 0 : bytes[at + 2]!;
  // RFC 8956 section 3.1: the pattern holds the bits from the offset on.
  if (bits > (afi === 1 ? 32 : 128) || (offset > 0 && offset >= bits)) return -1;
  const next = at + headerOctets + ((bits - offset + 7) >> 3);
  return next > end ? -1 : next;
}

/**
 * What is wrong with the components `bytes[start..end)`: an unknown type, a value that runs past the end, or an order that
 * is not strictly ascending (RFC 8955 section 4.2).
 */
export function judgeFlowSpec(bytes: Uint8Array, start: number, end: number, afi: 1 | 2): string | undefined {
  let last = 0;
  for (let at = start; at < end;) {
    const type = bytes[at]!;
    if (type <= last) return `flow specification component ${type} after ${last}`;
    const next = componentEnd(bytes, at, end, afi);
    if (next < 0) return `flow specification component ${type} cannot be read`;
    last = type;
    at = next;
  }
  return last === 0 ? 'flow specification without components' : undefined;
}

/** Readable form of well-formed components: `dst 192.0.2.0/24; proto =6; dport =80,>=8080&<=8088`. */
export function flowSpecText(bytes: Uint8Array, start: number, end: number, afi: 1 | 2): string {
  const parts: string[] = [];
  for (let at = start; at < end;) {
    const next = componentEnd(bytes, at, end, afi);
    const type = bytes[at]!;
    const isPrefix = type === DESTINATION || type === SOURCE;
    parts.push(`${COMPONENTS[type]} ${isPrefix ? prefixText(bytes, at, next, afi) : listText(bytes, at, next)}`);
    at = next;
  }
  return parts.join('; ');
}

function prefixText(bytes: Uint8Array, at: number, next: number, afi: 1 | 2): string {
  const bits = bytes[at + 1]!;
  const octets = new Uint8Array(afi === 1 ? 4 : 16);
  if (afi === 1) {
    octets.set(bytes.subarray(at + 2, next));
    return `${ipv4At(octets, 0)}/${bits}`;
  }
  const offset = bytes[at + 2]!;
  for (let bit = offset; bit < bits; bit++) {
    const from = bit - offset;
    if ((bytes[at + 3 + (from >> 3)]! & (0x80 >> (from & 7))) !== 0) octets[bit >> 3]! |= 0x80 >> (bit & 7);
  }
  return `${ipv6At(octets, 0)}/${bits}${offset === 0 ? '' : ` offset ${offset}`}`;
}

function listText(bytes: Uint8Array, at: number, next: number): string {
  const type = bytes[at]!;
  let text = '';
  for (let place = at + 1; place < next;) {
    const operator = bytes[place]!;
    const size = 1 << ((operator >> 4) & 3);
    let value = 0n;
    for (let i = 1; i <= size; i++) value = (value << 8n) | BigInt(bytes[place + i]!);
    if (place > at + 1) text += (operator & AND) !== 0 ? '&' : ',';
    text += isBitmask(type) ? bitmaskText(type, operator, Number(value)) : NUMERIC[operator & 7]! + value;
    place += 1 + size;
  }
  return text;
}

function bitmaskText(type: number, operator: number, value: number): string {
  const names = type === TCP_FLAGS ? TCP_FLAG_NAMES : FRAGMENT_NAMES;
  const set = names.filter((_, i) => (value & (1 << i)) !== 0);
  const known = value < 2 ** names.length && value !== 0;
  const prefix = ((operator & NOT) !== 0 ? '!' : '') + ((operator & MATCH) !== 0 ? '=' : '');
  return prefix + (known ? set.join('+') : `0x${value.toString(16)}`);
}
