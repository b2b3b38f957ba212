import type { JsonObject } from '../bgp/wire/index.js';
import { messageFromJson, messageToJson, nlriToJson, prefixText, toHex } from '../bgp/wire/index.js';
import { formatIpv4 } from '../net/address.js';
import { UsageError } from '../net/errors.js';
import { AttributeTexts } from './attribute-texts.js';
import type { MrtSession } from './bgp4mp.js';
import { bgp4mpContext, OLD_BGP_CONTEXT } from './bgp4mp.js';
import { MRT_TYPE, mrtSubtypeName, mrtTypeName } from './names.js';
import type { BrokenRecord, MrtRecord } from './reader.js';
import { MrtReader } from './reader.js';
import type { MrtBody } from './record.js';
import { decodeMrtBody } from './record.js';
import { RIB_CONTEXT, TABLE_DUMP_CONTEXT } from './rib-attributes.js';
import type { PeerIndexTable, RibRecord, TableDump } from './table-dump.js';

/**
 * MRT octets in as they arrive, JSON text out: one object for each record, in the form of `tsbgp decode`. Remembers the last
 * PEER_INDEX_TABLE, and texts of attribute blocks, which in a table come again and again.
 */
export class MrtDecoder {
  private readonly reader = new MrtReader();
  private readonly ribTexts = new AttributeTexts(RIB_CONTEXT);
  private readonly tableDumpTexts = new AttributeTexts(TABLE_DUMP_CONTEXT);
  /** `"peer_ip":…,"peer_as":…` of each peer. */
  private peerTexts: readonly string[] = [];

  *push(chunk: Uint8Array): Generator<string> {
    for (const record of this.reader.push(chunk)) yield this.text(record);
  }

  *end(): Generator<string> {
    for (const record of this.reader.end()) yield this.text(record);
  }

  private text(record: MrtRecord | BrokenRecord): string {
    if ('broken' in record) return JSON.stringify({ type: 'MRT', error: { reason: record.broken } });
    const body = decodeMrtBody(record);
    if (typeof body === 'object' && body.kind === 'rib') return this.ribText(record, body);
    if (typeof body === 'object' && body.kind === 'tableDump') return this.tableDumpText(record, body);
    if (typeof body === 'object' && body.kind === 'peerIndexTable') this.setPeers(body);
    return JSON.stringify({ ...header(record), ...bodyToJson(record, body) });
  }

  private setPeers({ peers }: PeerIndexTable): void {
    this.peerTexts = peers.map(({ ip, as }) => `"peer_ip":"${ip}","peer_as":${as},`);
  }

  // RIB records are most of what there is: their text is put together from parts, without objects in between.
  private ribText(record: MrtRecord, { sequence, afi, safi, prefix, nlri, entries }: RibRecord): string {
    const what =
      prefix === undefined
        ? `"afi":${afi},"safi":${safi},"nlri":${JSON.stringify(nlriToJson(nlri ?? []))}`
        : `"prefix":"${prefixText(prefix)}"`;
    let text = `${headerText(record)},"sequence":${sequence},${what},"entries":[`;
    entries.forEach(({ peerIndex, originatedTime, pathId, attributes }, i) => {
      if (i > 0) text += ',';
      text += `{"peer_index":${peerIndex},${this.peerTexts[peerIndex] ?? ''}"originated_time":${originatedTime},`;
      if (pathId !== undefined) text += `"path_id":${pathId},`;
      text += `"attributes":${this.ribTexts.of(attributes)}}`;
    });
    return `${text}]}`;
  }

  private tableDumpText(record: MrtRecord, dump: TableDump): string {
    const { view, sequence, prefix, status, originatedTime, peerIp, peerAs, attributes } = dump;
    return (
      `${headerText(record)},"view":${view},"sequence":${sequence},"prefix":"${prefixText(prefix)}",` +
      `"status":${status},"originated_time":${originatedTime},"peer_ip":"${peerIp}","peer_as":${peerAs},` +
      `"attributes":${this.tableDumpTexts.of(attributes)}}`
    );
  }
}

function header({ timestamp, microseconds, type, subtype }: MrtRecord): JsonObject {
  return {
    type: 'MRT',
    timestamp,
    ...(microseconds === undefined ? {} : { microseconds }),
    mrt_type: mrtTypeName(type) ?? type,
    mrt_subtype: mrtSubtypeName(type, subtype) ?? subtype,
  };
}

/** The text of {@link header}, left open. */
function headerText({ timestamp, type, subtype }: MrtRecord): string {
  return `{"type":"MRT","timestamp":${timestamp},"mrt_type":"${mrtTypeName(type)}","mrt_subtype":"${mrtSubtypeName(type, subtype)}"`;
}

function bodyToJson(record: MrtRecord, body: MrtBody | string | undefined): JsonObject {
  if (body === undefined) return { raw: toHex(record.body) };
  if (typeof body === 'string') return { raw: toHex(record.body), error: { reason: body } };
  switch (body.kind) {
    case 'message':
      return { ...sessionToJson(body.session), message: messageToJson(body.octets, body.cx) };
    case 'stateChange':
      return { ...sessionToJson(body.session), old_state: body.oldState, new_state: body.newState };
    case 'peerIndexTable':
      return {
        collector_bgp_id: formatIpv4(body.collectorBgpId),
        view_name: body.viewName,
        peers: body.peers.map(({ bgpId, ip, as }) => ({ bgp_id: formatIpv4(bgpId), ip, as })),
      };
    default:
      return {};
  }
}

function sessionToJson(session: MrtSession): JsonObject {
  const { peerAs, localAs, interfaceIndex, afi, peerIp, localIp } = session;
  return {
    peer_as: peerAs,
    ...(localAs === undefined ? {} : { local_as: localAs }),
    ...(interfaceIndex === undefined ? {} : { interface_index: interfaceIndex }),
    ...(afi === undefined ? {} : { afi }),
    peer_ip: peerIp,
    ...(localIp === undefined ? {} : { local_ip: localIp }),
  };
}

const SUBTYPES_BY_NAME = new Map<unknown, number>(
  Array.from({ length: 16 }, (_, subtype) => [mrtSubtypeName(MRT_TYPE.bgp4mp, subtype), subtype]),
);

/**
 * The BGP message in the JSON form of a BGP4MP (or old BGP) record, as octets.
 * @throws UsageError `bad_json`, also when there is no message in it
 */
export function messageFromMrtJson(json: unknown): Uint8Array {
  const { mrt_type: type, mrt_subtype: subtype, message } = json as JsonObject;
  if (message === undefined) throw new UsageError('bad_json', 'this MRT record holds no BGP message', 'message');
  const isOld = type === mrtTypeName(MRT_TYPE.bgp);
  return messageFromJson(message, isOld ? OLD_BGP_CONTEXT : bgp4mpContext(SUBTYPES_BY_NAME.get(subtype) ?? -1));
}
