import { parseAddress } from '../../../net/address.js';
import type { Prefix } from '../../../net/prefix.js';
import { Reader } from '../../../net/reader.js';
import { Writer } from '../../../net/writer.js';
import { AFI, SAFI } from '../families.js';
import { formatAddress } from '../../../net/address.js';
import { fromHex, toHex } from '../text.js';
import type { NlriBase, NlriFamily } from './nlri.js';
import { LABEL_LENGTH, readLabels, writeLabels } from './labels.js';
import { readPrefix } from './prefix.js';
import { formatRd, parseRd, RD_LENGTH } from './route-distinguisher.js';

/** EVPN route types (RFC 7432 section 7, RFC 9136 section 3). */
export const EVPN_ROUTE_TYPE = {
  ethernetAutoDiscovery: 1,
  macIpAdvertisement: 2,
  inclusiveMulticast: 3,
  ethernetSegment: 4,
  ipPrefix: 5,
} as const;

/** An EVPN route; which fields there are follows from the route type. One of another type has `raw` alone beside it. */
export interface EvpnNlri extends NlriBase {
  readonly routeType: number;
  readonly rd?: string;
  /** Ethernet Segment Identifier, 20 hex digits. Types 1, 2, 4, 5. */
  readonly esi?: string;
  /** Types 1, 2, 3, 5. */
  readonly ethernetTag?: number;
  /** `00:00:5e:00:53:01`. Type 2. */
  readonly mac?: string;
  /** Type 2 (optional), 3 and 4 (the originating router). */
  readonly ip?: string;
  /** Type 5. */
  readonly prefix?: Prefix;
  /** Type 5: the gateway address, of the prefix's family. */
  readonly gateway?: string;
  /** High 20 bits of each label field. Type 1, 2 (one or two), 5. A field with other bits than bottom-of-stack has `raw`. */
  readonly labels?: readonly number[];
}

const ESI_LENGTH = 10;
const MAC_BITS = 48;

/** Lengths of a route's value by type; type 2 has a MAC, perhaps an IP address, and one or two labels. */
const LENGTHS: Readonly<Record<number, readonly number[]>> = {
  1: [25],
  2: [33, 36, 37, 40, 49, 52],
  3: [17, 29],
  4: [23, 35],
  5: [34, 58],
};

export const evpn: NlriFamily<EvpnNlri> = {
  afi: AFI.l2vpn,
  safi: SAFI.evpn,
  name: 'l2vpn-evpn',
  rfc: 'RFC 7432 7, RFC 9136 3',
  nextHopLengths: [4, 16],
  next(bytes, at, end) {
    if (at + 2 > end) return -1;
    const next = at + 2 + bytes[at + 1]!;
    return next > end || !isWellFormed(bytes, at) ? -1 : next;
  },
  decode(bytes, at, end, pathId) {
    const routeType = bytes[at]!;
    const id = pathId === undefined ? {} : { pathId };
    if (LENGTHS[routeType] === undefined) return { ...id, routeType, raw: bytes.slice(at, end) };
    const item: EvpnNlri = { ...id, routeType, ...readValue(routeType, new Reader(bytes, at + 2, end)) };
    const writer = new Writer(64);
    writeValue(writer, item);
    const exact = writer.length === end - at - 2 && writer.view().every((octet, i) => octet === bytes[at + 2 + i]);
    return exact ? item : { ...item, raw: bytes.slice(at, end) };
  },
  encode(writer, item) {
    writer.u8(item.routeType);
    const lengthAt = writer.reserve(1);
    writeValue(writer, item);
    writer.patch8(lengthAt, writer.length - lengthAt - 1);
  },
};

/** The item at `at`, which is whole: does its length suit its type, and do the lengths inside suit both? */
function isWellFormed(bytes: Uint8Array, at: number): boolean {
  const [type, length, value] = [bytes[at]!, bytes[at + 1]!, at + 2];
  const lengths = LENGTHS[type];
  // RFC 7606 section 5.4: routes of unknown type are discarded, not held against the neighbor.
  if (lengths === undefined) return true;
  if (!lengths.includes(length)) return false;
  switch (type) {
    case 2: {
      const ipBits = bytes[value + 29]!;
      const labels = length - 30 - (ipBits >> 3);
      return (
        bytes[value + 22] === MAC_BITS && (ipBits === 0 || isAddressBits(ipBits)) && (labels === 3 || labels === 6)
      );
    }
    case 3:
      return isAddressBits(bytes[value + 12]!) && length === 13 + (bytes[value + 12]! >> 3);
    case 4:
      return isAddressBits(bytes[value + 18]!) && length === 19 + (bytes[value + 18]! >> 3);
    case 5:
      return bytes[value + 22]! <= (length === 34 ? 32 : 128);
    default:
      return true;
  }
}

function isAddressBits(bits: number): boolean {
  return bits === 32 || bits === 128;
}

function readValue(routeType: number, r: Reader): Omit<EvpnNlri, 'routeType'> {
  const rd = formatRd(r.view(RD_LENGTH));
  const esi = routeType === 3 ? {} : { esi: toHex(r.view(ESI_LENGTH)) };
  const tag = routeType === 4 ? {} : { ethernetTag: r.u32() };
  const head = { rd, ...esi, ...tag };
  switch (routeType) {
    case 1:
      return { ...head, labels: restLabels(r) };
    case 2: {
      r.skip(1);
      const mac = macText(r.view(6));
      const ipOctets = r.u8() >> 3;
      const ip = ipOctets === 0 ? {} : { ip: formatAddress(r.view(ipOctets)) };
      return { ...head, mac, ...ip, labels: restLabels(r) };
    }
    case 5: {
      const bits = r.u8();
      const size = r.remaining > 20 ? 16 : 4;
      const prefix = readPrefix(r.view(size), 0, bits, size);
      const gateway = formatAddress(r.view(size));
      return { ...head, prefix, gateway, labels: restLabels(r) };
    }
    default:
      r.skip(1);
      return { ...head, ip: formatAddress(r.rest()) };
  }
}

function restLabels(r: Reader): number[] {
  const octets = r.rest();
  return readLabels(octets, 0, octets.length - (octets.length % LABEL_LENGTH));
}

function writeValue(w: Writer, item: EvpnNlri): void {
  w.octets(parseRd(item.rd ?? '0:0'));
  if (item.routeType !== 3) w.octets(fixedHex(item.esi ?? '', ESI_LENGTH));
  if (item.routeType !== 4) w.u32(item.ethernetTag ?? 0);
  switch (item.routeType) {
    case 2:
      w.u8(MAC_BITS);
      w.octets(fixedHex((item.mac ?? '').replaceAll(':', ''), 6));
      writeAddress(w, item.ip);
      break;
    case 3:
    case 4:
      writeAddress(w, item.ip);
      break;
    case 5:
      w.u8(item.prefix?.length ?? 0);
      w.octets(item.prefix?.octets ?? new Uint8Array(4));
      w.octets(
        item.gateway === undefined ? new Uint8Array(item.prefix?.octets.length ?? 4) : parseAddress(item.gateway),
      );
      break;
  }
  writeLabels(w, item.labels ?? []);
}

function writeAddress(w: Writer, ip: string | undefined): void {
  const octets = ip === undefined ? new Uint8Array(0) : parseAddress(ip);
  w.u8(octets.length * 8);
  w.octets(octets);
}

function fixedHex(text: string, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  octets.set((fromHex(text) ?? octets).subarray(0, length));
  return octets;
}

function macText(octets: Uint8Array): string {
  return toHex(octets).replace(/(..)(?!$)/g, '$1:');
}
