import type { Prefix } from '../net/prefix.js';
import { Reader } from '../net/reader.js';
import type { Nlri } from '../bgp/wire/index.js';
import { formatAddress } from '../net/address.js';
import { AFI, decodeNlri, nlriFamily, nextItem, readPrefix, SAFI } from '../bgp/wire/index.js';

/** A peer of a PEER_INDEX_TABLE (RFC 6396 section 4.3.1). */
export interface MrtPeer {
  /** Host order. */
  readonly bgpId: number;
  readonly ip: string;
  readonly as: number;
}

export interface PeerIndexTable {
  readonly kind: 'peerIndexTable';
  readonly collectorBgpId: number;
  readonly viewName: string;
  readonly peers: readonly MrtPeer[];
}

/** One path of a prefix (RFC 6396 section 4.3.4, RFC 8050 section 4). */
export interface RibEntry {
  /** Place in the last PEER_INDEX_TABLE. */
  readonly peerIndex: number;
  /** Seconds since the epoch. */
  readonly originatedTime: number;
  readonly pathId: number | undefined;
  /** The path attribute block, for `decodeRibAttributes`; borrowed. */
  readonly attributes: Uint8Array;
}

export interface RibRecord {
  readonly kind: 'rib';
  readonly sequence: number;
  readonly afi: number;
  readonly safi: number;
  /** Of the subtypes for one family. */
  readonly prefix: Prefix | undefined;
  /** Of RIB_GENERIC. */
  readonly nlri: readonly Nlri[] | undefined;
  readonly entries: readonly RibEntry[];
}

/** One path of the older TABLE_DUMP (RFC 6396 section 4.2). AS numbers in its attributes have two octets. */
export interface TableDump {
  readonly kind: 'tableDump';
  readonly view: number;
  readonly sequence: number;
  readonly prefix: Prefix;
  readonly status: number;
  readonly originatedTime: number;
  readonly peerIp: string;
  readonly peerAs: number;
  readonly attributes: Uint8Array;
}

const PEER_INDEX_TABLE = 1;
const RIB_GENERIC = 6;
const RIB_GENERIC_ADDPATH = 12;

/** Family and ADD-PATH of the subtypes for one family. */
const RIB_FAMILIES: Readonly<Record<number, readonly [afi: 1 | 2, safi: number, addPath: boolean]>> = {
  2: [AFI.ipv4, SAFI.unicast, false],
  3: [AFI.ipv4, SAFI.multicast, false],
  4: [AFI.ipv6, SAFI.unicast, false],
  5: [AFI.ipv6, SAFI.multicast, false],
  8: [AFI.ipv4, SAFI.unicast, true],
  9: [AFI.ipv4, SAFI.multicast, true],
  10: [AFI.ipv6, SAFI.unicast, true],
  11: [AFI.ipv6, SAFI.multicast, true],
};

/** Body of a TABLE_DUMP_V2 record; undefined for a subtype that is not read. @throws ReadError when it is too short */
export function decodeTableDumpV2(subtype: number, body: Uint8Array): PeerIndexTable | RibRecord | undefined {
  if (subtype === PEER_INDEX_TABLE) return decodePeerIndexTable(body);
  if (subtype === RIB_GENERIC || subtype === RIB_GENERIC_ADDPATH) {
    return decodeRibGeneric(body, subtype === RIB_GENERIC_ADDPATH);
  }
  const family = RIB_FAMILIES[subtype];
  if (family === undefined) return undefined;
  const [afi, safi, addPath] = family;
  const r = new Reader(body);
  const sequence = r.u32();
  const bits = r.u8();
  const size = afi === AFI.ipv4 ? 4 : 16;
  const octets = r.view((bits + 7) >> 3);
  if (bits > size * 8) throw new RangeError(`prefix length ${bits}`);
  const prefix = readPrefix(octets, 0, bits, size);
  return { kind: 'rib', sequence, afi, safi, prefix, nlri: undefined, entries: readEntries(r, addPath) };
}

function decodePeerIndexTable(body: Uint8Array): PeerIndexTable {
  const r = new Reader(body);
  const collectorBgpId = r.u32();
  const viewName = new TextDecoder().decode(r.view(r.u16()));
  const count = r.u16();
  const peers: MrtPeer[] = [];
  for (let i = 0; i < count; i++) {
    const type = r.u8();
    const bgpId = r.u32();
    const ip = formatAddress(r.view((type & 1) === 0 ? 4 : 16));
    peers.push({ bgpId, ip, as: (type & 2) === 0 ? r.u16() : r.u32() });
  }
  return { kind: 'peerIndexTable', collectorBgpId, viewName, peers };
}

function decodeRibGeneric(body: Uint8Array, addPath: boolean): RibRecord {
  const r = new Reader(body);
  const [sequence, afi, safi] = [r.u32(), r.u16(), r.u8()];
  const family = nlriFamily(afi, safi);
  const next = r.remaining > 0 && family.opaque !== true ? nextItem(family, r.bytes, r.offset, r.end, false) : -1;
  if (next < 0) throw new RangeError(`NLRI of AFI ${afi}, SAFI ${safi}`);
  const nlri = decodeNlri(family, r.bytes, r.offset, next, false);
  r.skip(next - r.offset);
  return { kind: 'rib', sequence, afi, safi, prefix: undefined, nlri, entries: readEntries(r, addPath) };
}

function readEntries(r: Reader, addPath: boolean): RibEntry[] {
  const count = r.u16();
  const entries: RibEntry[] = [];
  for (let i = 0; i < count; i++) {
    const peerIndex = r.u16();
    const originatedTime = r.u32();
    const pathId = addPath ? r.u32() : undefined;
    entries.push({ peerIndex, originatedTime, pathId, attributes: r.view(r.u16()) });
  }
  return entries;
}

/** Body of a TABLE_DUMP record; undefined for a subtype that is not read. @throws ReadError when it is too short */
export function decodeTableDump(subtype: number, body: Uint8Array): TableDump | undefined {
  if (subtype !== AFI.ipv4 && subtype !== AFI.ipv6) return undefined;
  const size = subtype === AFI.ipv4 ? 4 : 16;
  const r = new Reader(body);
  const [view, sequence, address, bits] = [r.u16(), r.u16(), r.view(size), r.u8()];
  if (bits > size * 8) throw new RangeError(`prefix length ${bits}`);
  return {
    kind: 'tableDump',
    view,
    sequence,
    prefix: readPrefix(address, 0, bits, size),
    status: r.u8(),
    originatedTime: r.u32(),
    peerIp: formatAddress(r.view(size)),
    peerAs: r.u16(),
    attributes: r.view(r.u16()),
  };
}
