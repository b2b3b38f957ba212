import type { Hop } from '../../fib/body.js';
import type { KernelNexthop, NexthopChange } from '../../fib/nexthop.js';
import { formatAddress, parseAddress } from '../../net/index.js';
import { forEachAttribute, HEADER_LENGTH, malformed, putHeader, request, type NetlinkMessage } from './message.js';
import { AF, LITTLE_ENDIAN, NHA, NLM_F, RTM, RTNH_F } from './numbers.js';
import { CHANGE_FLAGS, deviceIndex, type ChangeEncoder } from './route-encoder.js';

/** Octets of struct nhmsg and struct nexthop_grp. */
const NEXTHOP_LENGTH = 8;
const MEMBER_LENGTH = 8;

/** What tsbgp knows to read of an object: any other attribute makes it one of another kind. */
const KNOWN = new Set<number>([NHA.ID, NHA.GROUP, NHA.GROUP_TYPE, NHA.OIF, NHA.GATEWAY, NHA.OP_FLAGS]);

/** Changes of nexthop objects as RTM_NEWNEXTHOP and RTM_DELNEXTHOP. */
export class NexthopEncoder implements ChangeEncoder<NexthopChange> {
  /** @param indexOf of a device; 0: there is none */
  constructor(private readonly indexOf: (device: string) => number) {}

  room({ group }: NexthopChange): number {
    return HEADER_LENGTH + NEXTHOP_LENGTH + 8 + 8 + 20 + 4 + (group?.length ?? 0) * MEMBER_LENGTH;
  }

  /** @throws UnknownDevice */
  put(view: DataView, octets: Uint8Array, start: number, change: NexthopChange, sequence: number): number {
    const { op, id, protocol, hop, group } = change;
    const removal = op === 'delete';
    const gateway = removal || hop?.gateway === undefined ? undefined : parseAddress(hop.gateway);
    const device = removal || !hop ? 0 : deviceIndex(hop.device!, this.indexOf);
    let at = putHeader(view, start, removal ? RTM.DELNEXTHOP : RTM.NEWNEXTHOP, CHANGE_FLAGS[op], sequence);
    octets.fill(0, at, at + NEXTHOP_LENGTH);
    if (!removal) {
      octets[at] = !hop ? AF.UNSPEC : gateway?.length === 16 ? AF.INET6 : AF.INET;
      octets[at + 2] = protocol;
      view.setUint32(at + 4, hop?.onlink ? RTNH_F.ONLINK : 0, LITTLE_ENDIAN);
    }
    at += NEXTHOP_LENGTH;
    const attribute = (type: number, length: number): number => {
      view.setUint16(at, 4 + length, LITTLE_ENDIAN);
      view.setUint16(at + 2, type, LITTLE_ENDIAN);
      at += 4 + length;
      return at - length;
    };
    view.setUint32(attribute(NHA.ID, 4), id, LITTLE_ENDIAN);
    if (device !== 0) view.setUint32(attribute(NHA.OIF, 4), device, LITTLE_ENDIAN);
    if (gateway) octets.set(gateway, attribute(NHA.GATEWAY, gateway.length));
    if (!removal && group) {
      let member = attribute(NHA.GROUP, group.length * MEMBER_LENGTH);
      for (const each of group) {
        octets.fill(0, member, member + MEMBER_LENGTH);
        view.setUint32(member, each.id, LITTLE_ENDIAN);
        octets[member + 4] = each.weight - 1;
        member += MEMBER_LENGTH;
      }
    }
    view.setUint32(start, at - start, LITTLE_ENDIAN);
    return at;
  }
}

/** A request for all nexthop objects. */
export function nexthopDump(sequence: number): Uint8Array {
  return request(RTM.GETNEXTHOP, NLM_F.DUMP, sequence, new Uint8Array(NEXTHOP_LENGTH));
}

/**
 * Read an RTM_NEWNEXTHOP or RTM_DELNEXTHOP.
 * @param nameOf of a device, by its index
 * @throws KernelError `EPROTO`
 */
export function decodeNexthop(
  { view, octets, start, end }: NetlinkMessage,
  nameOf: (index: number) => string,
): KernelNexthop {
  const at = start + HEADER_LENGTH;
  if (end - at < NEXTHOP_LENGTH) throw malformed('a nexthop object is cut short');
  const protocol = octets[at + 2]!;
  let id = 0;
  let group: { id: number; weight: number }[] | undefined;
  const hop: { -readonly [K in keyof Hop]: Hop[K] } = {};
  let isOther = false;
  forEachAttribute(view, at + NEXTHOP_LENGTH, end, (type, from, to) => {
    const number = (): number => {
      if (to - from !== 4) throw malformed(`a number of ${to - from} octets`);
      return view.getUint32(from, LITTLE_ENDIAN);
    };
    if (type === NHA.ID) id = number();
    else if (type === NHA.OIF) hop.device = nameOf(number());
    else if (type === NHA.GATEWAY) {
      if (to - from !== 4 && to - from !== 16) throw malformed(`an address of ${to - from} octets`);
      hop.gateway = formatAddress(octets.subarray(from, to));
    } else if (type === NHA.GROUP) {
      group = [];
      for (let member = from; member + MEMBER_LENGTH <= to; member += MEMBER_LENGTH) {
        // Weights above 256 need the next octet; Linux has that from 6.12 on.
        const weight = 1 + octets[member + 4]! + (octets[member + 5]! << 8);
        group.push({ id: view.getUint32(member, LITTLE_ENDIAN), weight });
      }
    } else if (type === NHA.GROUP_TYPE) isOther ||= view.getUint16(from, LITTLE_ENDIAN) !== 0;
    else if (!KNOWN.has(type)) isOther = true;
  });
  if ((view.getUint32(at + 4, LITTLE_ENDIAN) & RTNH_F.ONLINK) !== 0) hop.onlink = true;
  const plain = !isOther && group === undefined && hop.device !== undefined;
  return { id, protocol, ...(plain ? { hop } : {}), ...(group && !isOther ? { group } : {}) };
}
