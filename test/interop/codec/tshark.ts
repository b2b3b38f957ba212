import { PcapDecoder } from '../../../lib/pcap/index.js';
import { DEFAULT_CONTEXT } from '../../../lib/bgp/wire/index.js';
import { readFileSync } from 'node:fs';
import { run } from '../harness/index.js';

/** A message in the JSON form of `tsbgp decode`, as far as it is compared here. */
export interface Message {
  readonly [key: string]: unknown;
  readonly frame: number;
  readonly type: string;
  readonly length: number;
}

type Values = readonly (string | number | bigint)[];
type Item = { readonly [key: string]: unknown };
interface Attribute {
  readonly code: number;
  readonly flags: number;
  readonly value: unknown;
}

const TYPES = ['', 'OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE', 'ROUTE_REFRESH'];
const ORIGINS = ['IGP', 'EGP', 'INCOMPLETE'];
const SEGMENTS = ['', 'AS_SET', 'AS_SEQUENCE', 'AS_CONFED_SEQUENCE', 'AS_CONFED_SET'];
/** Codes of communities that tshark shows by name. */
const WELL_KNOWN_AS = 0xffff;

const open = (message: Message, field: string): Values => (message.type === 'OPEN' ? [message[field] as number] : []);

function capabilities(message: Message, code?: number): Item[] {
  const lists = (message['params'] as { capabilities: Item[] }[] | undefined)?.map(
    (parameter) => parameter.capabilities,
  );
  const all = lists?.flat() ?? (message['capabilities'] as Item[] | undefined) ?? [];
  return all.filter((capability) => code === undefined || capability['code'] === code);
}

const tuples = (code: number, field: string) => (message: Message) =>
  capabilities(message, code).flatMap((capability) =>
    (capability['tuples'] as Item[]).map((tuple) => tuple[field] as number),
  );

const attributes = (message: Message) => (message['attributes'] as Attribute[] | undefined) ?? [];
const values = (message: Message, ...codes: number[]) =>
  attributes(message)
    .filter(({ code }) => codes.includes(code))
    .map(({ value }) => value as Item);

const segments = (message: Message) =>
  values(message, 2, 17).flatMap((value) => value as unknown as { type: string; asns: number[] }[]);

/** Items of both MP attributes in wire order, with their family. */
function mpItems(message: Message, ...codes: number[]): (Item & { afi: number; safi: number })[] {
  return values(message, ...codes).flatMap((value) =>
    (value['nlri'] as Item[]).map((item) => ({ ...item, afi: value['afi'] as number, safi: value['safi'] as number })),
  );
}

const fields = (message: Message, name: string) => (message[name] as Item[] | undefined) ?? [];
const address = (item: Item) => (item['prefix'] as string).split('/')[0]!;
const bits = (item: Item) => Number((item['prefix'] as string).split('/')[1]);
const labels = (item: Item) => (item['labels'] as number[] | undefined) ?? [];
const isIp = (item: { safi: number }) => [1, 2, 4, 128].includes(item.safi);
/** tshark shows neither length nor Route Distinguisher of a VPNv6 prefix. */
const isVpnv6 = (item: { afi: number; safi: number }) => item.afi === 2 && item.safi === 128;
const communities = (message: Message) =>
  values(message, 8)
    .flatMap((value) => value as unknown as string[])
    .map((text) => text.split(':').map(Number) as [number, number]);

const largeCommunities = (message: Message) =>
  values(message, 32)
    .flatMap((value) => value as unknown as string[])
    .map((text) => text.split(':').map(Number));

/** The length octets: with labels and Route Distinguisher; those of the prefixes in an IPv4 flow specification. */
function mpPrefixLengths(item: Item & { afi: number; safi: number }): number[] {
  if (item.safi === 133 && item.afi === 1)
    return [...String(item['text']).matchAll(/\/(\d+)/g)].map(([, length]) => Number(length));
  if (!isIp(item) || isVpnv6(item)) return [];
  return [bits(item) + labels(item).length * 24 + (item['rd'] === undefined ? 0 : 64)];
}

const mpPrefixes =
  (afi: number, ...codes: number[]) =>
  (message: Message) =>
    mpItems(message, ...codes)
      .filter((item) => isIp(item) && item.afi === afi)
      .map(address);

const evpn = (field: string, types: readonly number[]) => (message: Message) =>
  mpItems(message, 14, 15)
    .filter((item) => item.safi === 70 && types.includes(item['route_type'] as number) && item[field] !== undefined)
    .map((item) => item[field] as string);

/** Route targets and traffic rates of two-octet ASes. */
const twoOctet =
  (...kinds: readonly string[]) =>
  (message: Message) =>
    values(message, 16)
      .flatMap((value) => value as unknown as { raw: string }[])
      .filter(({ raw }) => kinds.includes(raw.slice(0, 4)))
      .map(({ raw }) => raw);

const SEGMENT = 'bgp.update.path_attribute.as_path_segment';
/** Two- and four-octet AS numbers are different fields of tshark: of a frame it gives the ones, then the others. */
export const AS_NUMBERS = `${SEGMENT}.as2+${SEGMENT}.as4`;

/** Fields of tshark, and how each follows from a message that we decoded. */
export const FIELDS: Readonly<Record<string, (message: Message) => Values>> = {
  'bgp.type': ({ type }) => [TYPES.indexOf(type)],
  'bgp.length': ({ length }) => [length],
  'bgp.open.version': (m) => open(m, 'version'),
  'bgp.open.myas': (m) => open(m, 'my_as'),
  'bgp.open.holdtime': (m) => open(m, 'hold_time'),
  'bgp.open.identifier': (m) => open(m, 'bgp_id'),
  'bgp.cap.type': (m) => capabilities(m).map(({ code }) => code as number),
  'bgp.cap.mp.afi': (m) => capabilities(m, 1).map(({ afi }) => afi as number),
  'bgp.cap.mp.safi': (m) => capabilities(m, 1).map(({ safi }) => safi as number),
  'bgp.cap.4as': (m) => capabilities(m, 65).map(({ as }) => as as number),
  'bgp.cap.gr.timers.restart_time': (m) => capabilities(m, 64).map((c) => c['restart_time'] as number),
  'bgp.cap.gr.afi': tuples(64, 'afi'),
  'bgp.cap.ap.afi': tuples(69, 'afi'),
  'bgp.cap.ap.safi': tuples(69, 'safi'),
  'bgp.cap.ap.sendreceive': tuples(69, 'send_receive'),
  'bgp.cap.enh.afi': tuples(5, 'afi'),
  'bgp.cap.enh.safi': tuples(5, 'safi'),
  'bgp.cap.enh.nhafi': tuples(5, 'next_hop_afi'),
  'bgp.cap.orf.fqdn.hostname': (m) => capabilities(m, 73).map(({ hostname }) => hostname as string),
  'bgp.notify.major_error': (m) => (m.type === 'NOTIFICATION' ? [m['code'] as number] : []),
  'bgp.notify.minor_error_cease': (m) => (m.type === 'NOTIFICATION' && m['code'] === 6 ? [m['subcode'] as number] : []),
  'bgp.notify.communication': (m) => (m['message'] === undefined ? [] : [m['message'] as string]),
  'bgp.route_refresh.afi': (m) => (m.type === 'ROUTE_REFRESH' ? [m['afi'] as number] : []),
  'bgp.route_refresh.subtype': (m) => (m.type === 'ROUTE_REFRESH' ? [m['subtype'] as number] : []),
  'bgp.route_refresh.safi': (m) => (m.type === 'ROUTE_REFRESH' ? [m['safi'] as number] : []),
  'bgp.update.path_attribute.type_code': (m) => attributes(m).map(({ code }) => code),
  'bgp.update.path_attribute.flags': (m) =>
    attributes(m).map(({ flags }) => `0x${flags.toString(16).padStart(2, '0')}`),
  'bgp.update.path_attribute.origin': (m) => values(m, 1).map((origin) => ORIGINS.indexOf(String(origin))),
  'bgp.update.path_attribute.as_path_segment.type': (m) => segments(m).map(({ type }) => SEGMENTS.indexOf(type)),
  'bgp.update.path_attribute.as_path_segment.length': (m) => segments(m).map(({ asns }) => asns.length),
  [AS_NUMBERS]: (m) => segments(m).flatMap(({ asns }) => asns),
  'bgp.update.path_attribute.next_hop': (m) => values(m, 3).map(String),
  'bgp.update.path_attribute.multi_exit_disc': (m) => values(m, 4).map(Number),
  'bgp.update.path_attribute.local_pref': (m) => values(m, 5).map(Number),
  'bgp.update.path_attribute.aggregator_as': (m) => values(m, 7, 18).map(({ as }) => as as number),
  'bgp.update.path_attribute.aggregator_origin': (m) => values(m, 7, 18).map(({ ip }) => ip as string),
  'bgp.update.path_attribute.community_as': (m) =>
    communities(m).flatMap(([high]) => (high === WELL_KNOWN_AS ? [] : [high])),
  'bgp.update.path_attribute.community_value': (m) =>
    communities(m).flatMap(([high, low]) => (high === WELL_KNOWN_AS ? [] : [low])),
  'bgp.update.path_attribute.community_wellknown': (m) =>
    communities(m).flatMap(([high, low]) => (high === WELL_KNOWN_AS ? [`0x${(high * 65536 + low).toString(16)}`] : [])),
  'bgp.update.path_attribute.originator_id': (m) => values(m, 9).map(String),
  'bgp.path_attribute.cluster_id': (m) => values(m, 10).flatMap((list) => list as unknown as string[]),
  'bgp.update.path_attribute.mp_reach_nlri.afi': (m) => values(m, 14).map(({ afi }) => afi as number),
  'bgp.update.path_attribute.mp_reach_nlri.safi': (m) => values(m, 14).map(({ safi }) => safi as number),
  'bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv4': (m) =>
    values(m, 14).flatMap((v) => (String(v['next_hop']).includes('.') ? [v['next_hop'] as string] : [])),
  'bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6': (m) =>
    values(m, 14).flatMap((v) => (String(v['next_hop']).includes(':') ? [v['next_hop'] as string] : [])),
  'bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6.link_local': (m) =>
    values(m, 14).flatMap((v) => (v['link_local'] === undefined ? [] : [v['link_local'] as string])),
  'bgp.update.path_attribute.mp_unreach_nlri.afi': (m) => values(m, 15).map(({ afi }) => afi as number),
  'bgp.update.path_attribute.mp_unreach_nlri.safi': (m) => values(m, 15).map(({ safi }) => safi as number),
  'bgp.nlri_prefix': (m) => fields(m, 'nlri').map(address),
  'bgp.withdrawn_prefix': (m) => fields(m, 'withdrawn').map(address),
  'bgp.mp_reach_nlri_ipv4_prefix': mpPrefixes(1, 14),
  'bgp.mp_unreach_nlri_ipv4_prefix': mpPrefixes(1, 15),
  'bgp.mp_reach_nlri_ipv6_prefix': (m) =>
    mpItems(m, 14)
      .filter((i) => i.afi === 2 && isIp(i) && !isVpnv6(i))
      .map(address),
  'bgp.mp_unreach_nlri_ipv6_prefix': (m) =>
    mpItems(m, 15)
      .filter((i) => i.afi === 2 && isIp(i) && !isVpnv6(i))
      .map(address),
  'bgp.nlri_path_id': (m) =>
    [...fields(m, 'withdrawn'), ...mpItems(m, 14, 15), ...fields(m, 'nlri')].flatMap((item) =>
      item['path_id'] === undefined ? [] : [item['path_id'] as number],
    ),
  'bgp.rd': (m) =>
    mpItems(m, 14, 15)
      .filter((i) => i.safi === 128 && !isVpnv6(i))
      .map(({ rd }) => rd as string),
  'bgp.label_stack': (m) =>
    mpItems(m, 14, 15)
      .filter((item) => isIp(item) && labels(item).length > 0)
      .flatMap((item) =>
        labels(item).map((label, i, all) => (i === all.length - 1 ? `${label} (bottom)` : String(label))),
      ),
  'bgp.prefix_length': (m) => [
    ...fields(m, 'withdrawn').map(bits),
    ...mpItems(m, 14, 15).flatMap(mpPrefixLengths),
    ...fields(m, 'nlri').map(bits),
  ],
  'bgp.evpn.nlri.rt': (m) =>
    mpItems(m, 14, 15)
      .filter((i) => i.safi === 70)
      .map((i) => i['route_type'] as number),
  'bgp.evpn.nlri.etag': evpn('ethernet_tag', [1, 2, 3, 5]),
  'bgp.evpn.nlri.mac_addr': evpn('mac', [2]),
  'bgp.evpn.nlri.ip.addr': (m) => [...evpn('ip', [2, 3, 4])(m), ...evpn('prefix', [5])(m).map((p) => p.split('/')[0]!)],
  'bgp.evpn.nlri.prefix_len': (m) => evpn('prefix', [5])(m).map((prefix) => Number(prefix.split('/')[1])),
  'bgp.evpn.nlri.esi': (m) => evpn('esi', [1, 2, 4, 5])(m).map((esi) => esi.replace(/(..)(?!$)/g, '$1:')),
  'bgp.ext_com.value_as2': (m) => twoOctet('0002', '8006')(m).map((raw) => parseInt(raw.slice(4, 8), 16)),
  'bgp.ext_com.value_an4': (m) => twoOctet('0002')(m).map((raw) => parseInt(raw.slice(8), 16)),
  'bgp.large_communities.ga': (m) => largeCommunities(m).map(([admin]) => admin!),
  'bgp.large_communities.ldp1': (m) => largeCommunities(m).map(([, first]) => first!),
  'bgp.large_communities.ldp2': (m) => largeCommunities(m).map(([, , second]) => second!),
  'bgp.update.attribute.aigp.accu_igp_metric': (m) => values(m, 26).map(({ metric }) => metric as number),
  'bgp.update.path_attribute.pmsi.tunnel.type': (m) => values(m, 22).map((v) => v['tunnel_type'] as number),
  'bgp.update.path_attribute.pmsi.ingress_rep_ip': (m) => values(m, 22).map((v) => v['tunnel_id'] as string),
};

/** Our messages in a capture, by frame. */
export function ourFrames(file: string): Map<number, Message[]> {
  const decoder = new PcapDecoder(DEFAULT_CONTEXT);
  const objects = [...decoder.push(readFileSync(file)), ...decoder.end()] as unknown as Message[];
  const frames = new Map<number, Message[]>();
  for (const message of objects) {
    // As a reader of the command's output has it.
    const plain = JSON.parse(JSON.stringify(message)) as Message;
    frames.set(message.frame, [...(frames.get(message.frame) ?? []), plain]);
  }
  return frames;
}

/** What tshark says of each frame that has BGP in it: its fields, each a list of values. */
export async function tsharkFrames(file: string): Promise<Map<number, Map<string, string[]>>> {
  const names = Object.keys(FIELDS).flatMap((name) => name.split('+'));
  const wanted = ['frame.number', ...names].flatMap((name) => ['-e', name]);
  const form = ['-T', 'fields', '-E', 'separator=/t', '-E', 'occurrence=a', '-E', 'aggregator=|'];
  const text = await run('tshark', ['-r', file, '-Y', 'bgp', ...form, ...wanted], { limitMs: 60_000 });
  const frames = new Map<number, Map<string, string[]>>();
  for (const line of text.split('\n').filter(Boolean)) {
    const [frame, ...columns] = line.split('\t');
    const lists = columns.map((column) => (column === '' ? [] : column.split('|')));
    frames.set(Number(frame), new Map(names.map((name, i) => [name, lists[i]!])));
  }
  return frames;
}

/** tshark's values of a field of ours; `a+b`: of both. Label stacks come as one text for each prefix. */
export function tsharkValues(fields: Map<string, string[]>, name: string): string[] {
  const found = name.split('+').flatMap((part) => fields.get(part) ?? []);
  return name === 'bgp.label_stack' ? found.flatMap((stack) => stack.split(',')) : found;
}
