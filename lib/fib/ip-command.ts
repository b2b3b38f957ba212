import type { Hop, RouteBody } from './body.js';
import { protocolName, tableName } from './names.js';
import type { RouteChange } from './writer.js';

/**
 * One change as the arguments of `ip`, without `ip` itself: `route add 10.1.0.0/16 proto 186 …`. All parts are
 * addresses, numbers and checked device names, so that it cannot be a syntax error, which would end `ip -batch`.
 * @param names print `proto bgp table main` instead of numbers, for people
 */
export function ipCommand(change: RouteChange, names = false): string {
  const { op, prefix, body } = change;
  const key =
    `proto ${names ? protocolName(change.protocol) : change.protocol} metric ${change.metric} ` +
    `table ${names ? tableName(change.table) : change.table}`;
  // Without its type and hops a delete removes whatever stands there under our protocol, table and metric.
  if (op === 'delete') return `route del ${prefix} ${key}`;
  const type = body.type === 'unicast' ? '' : `${body.type} `;
  return `route ${op} ${type}${prefix} ${key}${attributes(body)}${hops(body)}`;
}

function attributes(body: RouteBody): string {
  return (body.source === undefined ? '' : ` src ${body.source}`) + (body.mtu === undefined ? '' : ` mtu ${body.mtu}`);
}

/** The hops come last: after `nexthop` no attribute of the route may follow. */
function hops(body: RouteBody): string {
  if (body.nexthop !== undefined) return ` nhid ${body.nexthop}`;
  if (body.hops.length === 0) return '';
  if (body.hops.length === 1) return hop(body.hops[0]!);
  return body.hops.map((each) => ` nexthop${hop(each)} weight ${each.weight ?? 1}`).join('');
}

function hop(each: Hop): string {
  let text = '';
  // `inet6` is needed in IPv4 routes (RFC 8950), and accepted in IPv6 ones.
  if (each.gateway !== undefined)
    text += each.gateway.includes(':') ? ` via inet6 ${each.gateway}` : ` via ${each.gateway}`;
  if (each.device !== undefined) text += ` dev ${each.device}`;
  return each.onlink ? `${text} onlink` : text;
}
