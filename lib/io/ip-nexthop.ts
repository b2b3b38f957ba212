import type { Hop } from '../fib/body.js';
import type { KernelNexthop, NexthopChange } from '../fib/nexthop.js';

/** One change of a nexthop object as the arguments of `ip`, without `ip` itself. Numbers, addresses and checked device names only. */
export function nexthopCommand({ op, id, protocol, hop, group }: NexthopChange): string {
  if (op === 'delete') return `nexthop del id ${id}`;
  const head = `nexthop ${op} id ${id}`;
  if (group) return `${head} group ${group.map((each) => `${each.id},${each.weight}`).join('/')} proto ${protocol}`;
  const { gateway, device, onlink } = hop!;
  const via = gateway === undefined ? '' : ` via ${gateway.includes(':') ? 'inet6 ' : ''}${gateway}`;
  return `${head}${via} dev ${device}${onlink ? ' onlink' : ''} proto ${protocol}`;
}

/** A line of `ip -N -o nexthop show` or `ip -N -o monitor nexthop`. @returns null for a line that is none */
export function parseNexthop(line: string): KernelNexthop | null {
  const words = line.split(/\s+/).filter((word) => word !== '');
  let id = 0;
  let protocol = 0;
  let group: KernelNexthop['group'];
  const hop: { -readonly [K in keyof Hop]: Hop[K] } = {};
  let isOther = false;
  for (let i = 0; i < words.length; i++) {
    switch (words[i]) {
      case 'id':
        id = Number(words[++i]);
        break;
      case 'proto':
        protocol = Number(words[++i]);
        break;
      case 'via':
        if (words[i + 1] === 'inet' || words[i + 1] === 'inet6') i++;
        hop.gateway = words[++i]!;
        break;
      case 'dev':
        hop.device = words[++i]!;
        break;
      case 'onlink':
        hop.onlink = true;
        break;
      case 'group':
        group = words[++i]!.split('/').map((text) => {
          const [member, weight = '1'] = text.split(',');
          return { id: Number(member), weight: Number(weight) };
        });
        break;
      case 'blackhole':
      case 'fdb':
      case 'type':
      case 'encap':
        isOther = true;
        break;
      default: // `scope 253`, `linkdown` and what else says nothing lasting
    }
  }
  if (!Number.isInteger(id) || id < 1) return null;
  const plain = !isOther && group === undefined && hop.device !== undefined;
  return { id, protocol, ...(plain ? { hop } : {}), ...(group && !isOther ? { group } : {}) };
}
