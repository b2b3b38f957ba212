import { formatAddress } from '../net/address.js';

/** A TCP segment to or from port 179; `payload` is borrowed. */
export interface TcpSegment {
  /** `192.0.2.1:179`, `[2001:db8::1]:179`. */
  readonly src: string;
  readonly dst: string;
  /** Sequence number of the first payload octet (after a SYN, the one after it). */
  readonly sequence: number;
  readonly acknowledgement: number | undefined;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** What was captured of the payload. */
  readonly payload: Uint8Array;
  /** Octets of the payload on the wire that were not captured (snap length). */
  readonly missing: number;
}

const BGP_PORT = 179;

const LINK = {
  bsdLoopback: 0,
  ethernet: 1,
  rawDlt12: 12,
  rawDlt14: 14,
  raw: 101,
  openBsdLoopback: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const VLAN_TAGS = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);
const TCP = 6;

/** IPv6 extension headers that may stand before TCP: hop-by-hop, routing, fragment, authentication, destination options, mobility. */
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const EXTENSIONS = new Set([0, 43, FRAGMENT, AUTHENTICATION, 60, 135]);

/** The TCP segment in a captured frame, when it is one of BGP; undefined for anything else. */
export function tcpSegmentOf(linkType: number, data: Uint8Array): TcpSegment | undefined {
  const at = networkOffset(linkType, data);
  if (at < 0 || at >= data.length) return undefined;
  switch (data[at]! >> 4) {
    case 4:
      return ipv4Segment(data, at);
    case 6:
      return ipv6Segment(data, at);
    default:
      return undefined;
  }
}

/** Where the IP header begins, or -1 when the frame holds none. */
function networkOffset(linkType: number, data: Uint8Array): number {
  switch (linkType) {
    case LINK.ethernet:
      return afterEthertype(data, 12, 14);
    case LINK.linuxCooked:
      return afterEthertype(data, 14, 16);
    case LINK.linuxCooked2:
      return afterEthertype(data, 0, 20);
    case LINK.bsdLoopback:
    case LINK.openBsdLoopback:
      return 4;
    case LINK.rawDlt12:
    case LINK.rawDlt14:
    case LINK.raw:
    case LINK.ipv4:
    case LINK.ipv6:
      return 0;
    default:
      return -1;
  }
}

/** Pass over VLAN tags: each is a type and two octets in front of the next type. */
function afterEthertype(data: Uint8Array, typeAt: number, headerEnd: number): number {
  let type = u16(data, typeAt);
  let end = headerEnd;
  while (VLAN_TAGS.has(type)) {
    type = u16(data, end + 2);
    end += 4;
  }
  return type === ETHERTYPE.ipv4 || type === ETHERTYPE.ipv6 ? end : -1;
}

function ipv4Segment(data: Uint8Array, at: number): TcpSegment | undefined {
  const headerLength = (data[at]! & 0xf) * 4;
  const isFragment = (u16(data, at + 6) & 0x3fff) !== 0;
  if (headerLength < 20 || isFragment || data[at + 9] !== TCP || at + headerLength > data.length) return undefined;
  // Zero when the network card was to cut the packet up: then it is all there.
  const totalLength = u16(data, at + 2) || data.length - at;
  const address = (offset: number) => formatAddress(data.subarray(at + offset, at + offset + 4));
  return tcpSegment(data, at + headerLength, at + totalLength, address(12), address(16));
}

function ipv6Segment(data: Uint8Array, at: number): TcpSegment | undefined {
  if (at + 40 > data.length) return undefined;
  const end = at + 40 + (u16(data, at + 4) || data.length - at - 40);
  let next = data[at + 6]!;
  let place = at + 40;
  while (EXTENSIONS.has(next) && place + 8 <= data.length) {
    if (next === FRAGMENT && (u16(data, place + 2) & 0xfff9) !== 0) return undefined;
    const length =
      next === FRAGMENT ? 8 : next === AUTHENTICATION ? (data[place + 1]! + 2) * 4 : (data[place + 1]! + 1) * 8;
    next = data[place]!;
    place += length;
  }
  if (next !== TCP) return undefined;
  const address = (offset: number) => `[${formatAddress(data.subarray(at + offset, at + offset + 16))}]`;
  return tcpSegment(data, place, end, address(8), address(24));
}

function tcpSegment(data: Uint8Array, at: number, end: number, from: string, to: string): TcpSegment | undefined {
  if (at + 20 > data.length) return undefined;
  const [sourcePort, destinationPort] = [u16(data, at), u16(data, at + 2)];
  if (sourcePort !== BGP_PORT && destinationPort !== BGP_PORT) return undefined;
  const payloadAt = at + (data[at + 12]! >> 4) * 4;
  if (payloadAt < at + 20) return undefined;
  const flags = data[at + 13]!;
  const syn = (flags & 0x02) !== 0;
  const length = Math.max(0, end - payloadAt);
  const payload = data.subarray(payloadAt, Math.min(payloadAt + length, data.length));
  return {
    src: `${from}:${sourcePort}`,
    dst: `${to}:${destinationPort}`,
    sequence: (u32(data, at + 4) + (syn ? 1 : 0)) >>> 0,
    acknowledgement: (flags & 0x10) === 0 ? undefined : u32(data, at + 8),
    syn,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    payload,
    missing: length - payload.length,
  };
}

/** Past the end: zero, which is no type we know and no length. */
function u16(data: Uint8Array, at: number): number {
  return ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
}

function u32(data: Uint8Array, at: number): number {
  return ((u16(data, at) << 16) | u16(data, at + 2)) >>> 0;
}
