import type { Prefix } from '../../../net/prefix.js';
import { parseAddress } from '../../../net/address.js';
import { maskOctets } from '../../../net/prefix.js';
import { UsageError } from '../../../net/errors.js';
import { SAFI } from '../families.js';
import type { EvpnNlri, Nlri, RouteTargetNlri, VpnNlri } from '../nlri/index.js';
import { isKnownFamily, parseRd } from '../nlri/index.js';
import { ipv4At, ipv6At } from '../../../net/address.js';
import { toHex } from '../text.js';
import type { JsonObject } from './read.js';
import { readArray, readHex, readNumber, readObject, readString, readUnsigned } from './read.js';

/** Prefix text with the fast address forms. */
export function prefixText({ octets, length }: Prefix): string {
  return `${octets.length === 4 ? ipv4At(octets, 0) : ipv6At(octets, 0)}/${length}`;
}

/** NLRI items of any family to their JSON form. */
export function nlriToJson(items: readonly Nlri[]): JsonObject[] {
  return items.map(itemToJson);
}

function itemToJson(item: Nlri): JsonObject {
  const json: JsonObject = {};
  if (item.pathId !== undefined) json['path_id'] = item.pathId;
  if ('routeType' in item) evpnToJson(item, json);
  else if ('prefix' in item) {
    json['prefix'] = prefixText(item.prefix);
    if ('labels' in item) json['labels'] = item.labels;
    if ('rd' in item) json['rd'] = item.rd;
  } else if ('routeTarget' in item) {
    json['origin_as'] = item.originAs;
    json['route_target'] = item.routeTarget;
    json['prefix_length'] = item.prefixLength;
  }
  if (item.raw !== undefined) json['raw'] = toHex(item.raw);
  if ('text' in item && item.text !== undefined) json['text'] = item.text;
  return json;
}

function evpnToJson(item: EvpnNlri, json: JsonObject): void {
  json['route_type'] = item.routeType;
  if (item.rd !== undefined) json['rd'] = item.rd;
  if (item.esi !== undefined) json['esi'] = item.esi;
  if (item.ethernetTag !== undefined) json['ethernet_tag'] = item.ethernetTag;
  if (item.mac !== undefined) json['mac'] = item.mac;
  if (item.ip !== undefined) json['ip'] = item.ip;
  if (item.prefix !== undefined) json['prefix'] = prefixText(item.prefix);
  if (item.gateway !== undefined) json['gateway'] = item.gateway;
  if (item.labels !== undefined) json['labels'] = item.labels;
}

/**
 * NLRI items of a family from their JSON form.
 * @throws UsageError `bad_json`, `bad_address`, `bad_rd`
 */
export function nlriFromJson(value: unknown, afi: number, safi: number): Nlri[] {
  return readArray(value, 'nlri').map((item) => itemFromJson(readObject(item, 'nlri'), afi, safi));
}

function itemFromJson(json: JsonObject, afi: number, safi: number): Nlri {
  const pathId = json['path_id'] === undefined ? {} : { pathId: readNumber(json, 'path_id', 32) };
  if (json['raw'] !== undefined) return { ...pathId, raw: readHex(json['raw'], 'raw') };
  switch (isKnownFamily(afi, safi) ? safi : undefined) {
    case SAFI.unicast:
    case SAFI.multicast:
      return { ...pathId, prefix: prefixFromJson(json, afi) };
    case SAFI.labelledUnicast:
      return { ...pathId, prefix: prefixFromJson(json, afi), labels: labelsFromJson(json) };
    case SAFI.mplsVpn:
    case SAFI.multicastVpn:
      return {
        ...pathId,
        prefix: prefixFromJson(json, afi),
        labels: labelsFromJson(json),
        rd: rdFromJson(json),
      } satisfies VpnNlri;
    case SAFI.evpn:
      return { ...pathId, ...evpnFromJson(json) };
    case SAFI.routeTarget:
      return {
        ...pathId,
        originAs: readNumber(json, 'origin_as', 32),
        routeTarget: toHex(readHex(json['route_target'], 'route_target', 8)),
        prefixLength: readNumber(json, 'prefix_length', 8),
      } satisfies RouteTargetNlri;
    default:
      throw new UsageError('bad_json', `nlri: items of AFI ${afi}, SAFI ${safi} need 'raw'`, 'nlri');
  }
}

function rdFromJson(json: JsonObject): string {
  const rd = readString(json['rd'], 'rd');
  parseRd(rd);
  return rd;
}

function labelsFromJson(json: JsonObject): number[] {
  return readArray(json['labels'], 'labels').map((label) => readUnsigned(label, 'labels', 20));
}

/** A prefix of the family; bits after its length are cleared. */
function prefixFromJson(json: JsonObject, afi: number): Prefix {
  const text = readString(json['prefix'], 'prefix');
  const slash = text.lastIndexOf('/');
  const octets = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const length = slash < 0 ? octets.length * 8 : Number(text.slice(slash + 1));
  const size = afi === 1 ? 4 : afi === 2 ? 16 : octets.length;
  if (octets.length !== size || !Number.isInteger(length) || length < 0 || length > size * 8) {
    throw new UsageError('bad_json', `prefix: '${text}' is not a prefix of AFI ${afi}`, 'prefix');
  }
  return { octets: maskOctets(octets, length), length };
}

function evpnFromJson(json: JsonObject): EvpnNlri {
  const routeType = readNumber(json, 'route_type', 8);
  const text = (key: string) => (json[key] === undefined ? undefined : readString(json[key], key));
  const [mac, ip, gateway] = [text('mac'), text('ip'), text('gateway')];
  return {
    routeType,
    rd: rdFromJson(json),
    ...(json['esi'] === undefined ? {} : { esi: toHex(readHex(json['esi'], 'esi', 10)) }),
    ...(json['ethernet_tag'] === undefined ? {} : { ethernetTag: readNumber(json, 'ethernet_tag', 32) }),
    ...(mac === undefined ? {} : { mac: readMac(mac) }),
    ...(ip === undefined ? {} : { ip }),
    ...(json['prefix'] === undefined ? {} : { prefix: prefixFromJson(json, 0) }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(json['labels'] === undefined ? {} : { labels: labelsFromJson(json) }),
  };
}

function readMac(mac: string): string {
  readHex(mac.replaceAll(':', ''), 'mac', 6);
  return mac;
}
