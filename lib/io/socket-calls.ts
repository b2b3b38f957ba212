import { endianness, networkInterfaces } from 'node:os';
import { parseScopedAddress } from '../net/zone.js';
import type { Endpoint } from '../net/transport.js';
import type { Prefix } from '../net/prefix.js';
import type { Secret } from '../net/secret.js';
import { leastTtl, type SocketOptions } from '../net/socket-options.js';
import { libc } from './libc.js';

/** 4 or 16: octets in an address of the family. */
export type AddressLength = 4 | 16;

/** The numbers are those of Linux. */
const AF: Readonly<Record<AddressLength, number>> = { 4: 2, 16: 10 };
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_MD5SIG_EXT = 32;
const TCP_SAVE_SYN = 27;
const TCP_SAVED_SYN = 28;
const IPV6 = 41;
const IPV6_V6ONLY = 26;
/** Level and name of an option by the length of an address of the family. */
type FamilyOption = Readonly<Record<AddressLength, readonly [level: number, name: number]>>;
const TTL: FamilyOption = { 4: [0, 2], 16: [IPV6, 16] };
const LEAST_TTL: FamilyOption = { 4: [0, 21], 16: [IPV6, 73] };
const TRAFFIC_CLASS: FamilyOption = { 4: [0, 1], 16: [IPV6, 67] };

/** struct tcp_md5sig: the peer as sockaddr_storage, then flags, prefix length, key length, interface index, key. */
const MD5 = { length: 216, flags: 128, prefixLength: 129, keyLength: 130, key: 136, isPrefix: 1 } as const;

const LITTLE_ENDIAN = endianness() === 'LE';

export function addressLength(address: string): AddressLength {
  return address.includes(':') ? 16 : 4;
}

/**
 * A TCP socket as Node can take it over. Whoever has the number closes it.
 * @throws TransportError
 */
export function openSocket(family: AddressLength): number {
  const fd = libc().socket(AF[family], SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw libc().fail('cannot make a socket');
  return fd;
}

export function closeSocket(fd: number): void {
  libc().close(fd);
}

/** Bind a socket as a listener that takes its own family only. @throws TransportError */
export function bindSocket(fd: number, at: Endpoint): void {
  setNumber(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
  if (at.address.includes(':')) setNumber(fd, IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
  const { octets, zone } = parseScopedAddress(at.address);
  if (libc().bind(fd, socketAddress(octets, at.port, zone)) < 0) throw libc().fail('cannot bind');
}

/** All of the options but the key, which is a matter of the other side's address. @throws TransportError */
export function setOptions(fd: number, family: AddressLength, options: SocketOptions): void {
  const { ttlSecurityHops: hops, ttl, dscp } = options;
  if (hops !== undefined) {
    setTtl(fd, family, 255);
    // RFC 5082 section 3: who is further away cannot send with so much left.
    setNumber(fd, ...LEAST_TTL[family], leastTtl(hops), 'least TTL');
  } else if (ttl !== undefined) setTtl(fd, family, ttl);
  // The two low bits are for congestion notification (RFC 3168).
  if (dscp !== undefined) setNumber(fd, ...TRAFFIC_CLASS[family], dscp << 2, 'DSCP');
}

/** @param ttl 1 to 255; -1: the system's default */
export function setTtl(fd: number, family: AddressLength, ttl: number): void {
  setNumber(fd, ...TTL[family], ttl, 'TTL');
}

/** Sign segments to and from the addresses of a prefix. @param key null: no longer. @throws TransportError */
export function setMd5Key(fd: number, prefix: Prefix, key: Secret | null): void {
  const value = new Uint8Array(MD5.length);
  const view = new DataView(value.buffer);
  value.set(socketAddress(prefix.octets, 0));
  const octets = key?.reveal() ?? new Uint8Array(0);
  view.setUint16(MD5.keyLength, octets.length, LITTLE_ENDIAN);
  value.set(octets, MD5.key);
  const isHost = prefix.length === prefix.octets.length * 8;
  if (!isHost) {
    value[MD5.flags] = MD5.isPrefix;
    value[MD5.prefixLength] = prefix.length;
  }
  const result = libc().setsockopt(fd, IPPROTO_TCP, isHost ? TCP_MD5SIG : TCP_MD5SIG_EXT, value);
  const error = result < 0 ? libc().fail('cannot set the TCP MD5 key') : undefined;
  octets.fill(0);
  value.fill(0);
  if (error === undefined) return;
  if (error.code === 'ENOMEM') error.message += '; net.core.optmem_max limits how many keys a socket can have';
  throw error;
}

/** Have a listener keep the SYN of each connection, for {@link synTtl}. Kernels that cannot are left alone. */
export function keepSyns(fd: number): void {
  libc().setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, number(1));
}

/** TTL or hop limit with which the first packet of an accepted connection came; undefined when it was not kept. */
export function synTtl(fd: number, family: AddressLength): number | undefined {
  const headers = new Uint8Array(256);
  const length = libc().getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, headers);
  return length < 20 ? undefined : headers[family === 16 ? 7 : 8];
}

/** What is set, for tests: TTL, least TTL and DSCP of a socket. */
export function readOptions(fd: number, family: AddressLength): { ttl: number; leastTtl: number; dscp: number } {
  return {
    ttl: getNumber(fd, ...TTL[family]),
    leastTtl: getNumber(fd, ...LEAST_TTL[family]),
    dscp: getNumber(fd, ...TRAFFIC_CLASS[family]) >> 2,
  };
}

function setNumber(fd: number, level: number, name: number, value: number, what: string): void {
  if (libc().setsockopt(fd, level, name, number(value)) < 0) throw libc().fail(`cannot set ${what}`);
}

function getNumber(fd: number, level: number, name: number): number {
  const value = number(0);
  if (libc().getsockopt(fd, level, name, value) < 0) throw libc().fail('cannot read a socket option');
  return new Int32Array(value.buffer)[0]!;
}

function number(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** Number of an interface; 0, which is none, when it has no link-local address. */
function interfaceIndex(name: string): number {
  const scoped = networkInterfaces()[name]?.find((entry) => entry.family === 'IPv6' && entry.scopeid > 0);
  return scoped?.family === 'IPv6' ? scoped.scopeid : 0;
}

/** sockaddr_in or sockaddr_in6. */
function socketAddress(octets: Uint8Array, port: number, zone?: string): Uint8Array {
  const length = octets.length as AddressLength;
  const address = new Uint8Array(length === 4 ? 16 : 28);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF[length], LITTLE_ENDIAN);
  view.setUint16(2, port);
  address.set(octets, length === 4 ? 4 : 8);
  if (zone !== undefined) view.setUint32(24, interfaceIndex(zone), LITTLE_ENDIAN);
  return address;
}
