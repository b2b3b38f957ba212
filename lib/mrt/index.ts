/**
 * MRT archives: records out of a stream of octets, their bodies typed, and the JSON form of `tsbgp decode`. Does no I/O: octets are
 * pushed in as they are read.
 * @see RFC 6396, RFC 8050
 */
export * from './reader.js';
export * from './record.js';
export * from './names.js';
export type { MrtMessage, MrtSession, MrtStateChange } from './bgp4mp.js';
export type { MrtPeer, PeerIndexTable, RibEntry, RibRecord, TableDump } from './table-dump.js';
export { decodeRibAttributes, RIB_CONTEXT, TABLE_DUMP_CONTEXT } from './rib-attributes.js';
export type { RibNextHop } from './rib-attributes.js';
export { messageFromMrtJson, MrtDecoder } from './json.js';
export { Bunzip } from './bunzip.js';
