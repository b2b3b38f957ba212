import type { MrtMessage, MrtStateChange } from './bgp4mp.js';
import { decodeBgp4mp, decodeOldBgp } from './bgp4mp.js';
import { MRT_TYPE } from './names.js';
import type { MrtRecord } from './reader.js';
import type { PeerIndexTable, RibRecord, TableDump } from './table-dump.js';
import { decodeTableDump, decodeTableDumpV2 } from './table-dump.js';

/** The body of a record, typed by `kind`. */
export type MrtBody = MrtMessage | MrtStateChange | PeerIndexTable | RibRecord | TableDump;

/**
 * Decode the body of a record.
 * @returns undefined for types and subtypes that are not read (OSPF, IS-IS, GEO_PEER_TABLE …), the reason for a body that
 *   contradicts itself
 * @throws never
 * @see RFC 6396, RFC 8050
 */
export function decodeMrtBody(record: MrtRecord): MrtBody | string | undefined {
  const { type, subtype, body } = record;
  try {
    switch (type) {
      case MRT_TYPE.tableDumpV2:
        return decodeTableDumpV2(subtype, body);
      case MRT_TYPE.bgp4mp:
      case MRT_TYPE.bgp4mpEt:
        return decodeBgp4mp(subtype, body);
      case MRT_TYPE.tableDump:
        return decodeTableDump(subtype, body);
      case MRT_TYPE.bgp:
        return decodeOldBgp(subtype, body);
      default:
        return undefined;
    }
  } catch (error) {
    return (error as Error).message;
  }
}
