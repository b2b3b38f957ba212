import { readFileSync } from 'node:fs';
import { MrtDecoder } from '../../../lib/mrt/index.js';
import { formatCommunity, parseCommunity } from '../../../lib/bgp/wire/index.js';

interface Attribute {
  readonly code: number;
  readonly value: unknown;
}
type Item = { readonly [key: string]: unknown };

const WELL_KNOWN = new Set(['no-export', 'no-advertise']);

function attribute<T>(attributes: readonly Attribute[], code: number): T | undefined {
  return attributes.find((candidate) => candidate.code === code)?.value as T | undefined;
}

/** `65001 {65012,65013}`, as bgpdump writes it. */
function path(attributes: readonly Attribute[]): string {
  const segments = attribute<{ type: string; asns: number[] }[]>(attributes, 2) ?? [];
  return segments.map(({ type, asns }) => (type === 'AS_SET' ? `{${asns.join(',')}}` : asns.join(' '))).join(' ');
}

function community(text: string): string {
  const name = formatCommunity(parseCommunity(text));
  return WELL_KNOWN.has(name) ? name : text;
}

/** What follows the prefix in a line of `bgpdump -m`. */
function details(attributes: readonly Attribute[]): string {
  const aggregator = attribute<{ as: number; ip: string }>(attributes, 7);
  const nextHop = attribute<string>(attributes, 3) ?? attribute<{ next_hop: string }>(attributes, 14)?.next_hop;
  return [
    path(attributes),
    attribute<string>(attributes, 1) ?? '',
    nextHop ?? '',
    attribute<number>(attributes, 5) ?? 0,
    attribute<number>(attributes, 4) ?? 0,
    (attribute<string[]>(attributes, 8) ?? []).map(community).join(' '),
    attribute(attributes, 6) === true ? 'AG' : 'NAG',
    aggregator === undefined ? '' : `${aggregator.as} ${aggregator.ip}`,
    '',
  ].join('|');
}

const prefixes = (items: unknown) => ((items ?? []) as Item[]).map(({ prefix }) => String(prefix));

function messageLines(record: Item): string[] {
  const message = record['message'] as Item;
  if (message['type'] !== 'UPDATE') return [];
  const attributes = message['attributes'] as Attribute[];
  const [reach, unreach] = [attribute<Item>(attributes, 14), attribute<Item>(attributes, 15)];
  const line = (kind: string, prefix: string) =>
    `BGP4MP|${String(record['timestamp'])}|${kind}|${String(record['peer_ip'])}|${String(record['peer_as'])}|${prefix}`;
  const nextHop = (mp: boolean) => attributes.filter(({ code }) => code !== (mp ? 3 : 14));
  return [
    ...[...prefixes(message['withdrawn']), ...prefixes(unreach?.['nlri'])].map((prefix) => line('W', prefix)),
    ...prefixes(message['nlri']).map((prefix) => `${line('A', prefix)}|${details(nextHop(false))}`),
    ...prefixes(reach?.['nlri']).map((prefix) => `${line('A', prefix)}|${details(nextHop(true))}`),
  ];
}

function ribLines(record: Item): string[] {
  return (record['entries'] as Item[]).map((entry) => {
    const withPath = entry['path_id'] !== undefined;
    const fields = [
      withPath ? 'TABLE_DUMP2_AP' : 'TABLE_DUMP2',
      record['timestamp'],
      'B',
      entry['peer_ip'],
      entry['peer_as'],
      record['prefix'],
      ...(withPath ? [entry['path_id']] : []),
      details(entry['attributes'] as Attribute[]),
    ];
    return fields.map(String).join('|');
  });
}

/** What `bgpdump -m` should say of an archive, from what we decode of it. */
export function expectedLines(file: string): string[] {
  const decoder = new MrtDecoder();
  const texts = [...decoder.push(readFileSync(file)), ...decoder.end()];
  return texts.flatMap((text) => {
    const record = JSON.parse(text) as Item;
    if (record['message'] !== undefined) return messageLines(record);
    if (record['entries'] !== undefined) return ribLines(record);
    if (record['old_state'] === undefined) return [];
    const [time, ip, as] = [record['timestamp'], record['peer_ip'], record['peer_as']];
    return [
      `BGP4MP|${String(time)}|STATE|${String(ip)}|${String(as)}|${String(record['old_state'])}|${String(record['new_state'])}`,
    ];
  });
}
