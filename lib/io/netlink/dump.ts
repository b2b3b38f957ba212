import { KernelError } from '../../fib/errors.js';
import { LINK_LENGTH } from './links.js';
import { acknowledgement, aligned, forEachMessage, refusal, request, type NetlinkMessage } from './message.js';
import { LITTLE_ENDIAN, NLM_F, NLMSG, RT_TABLE_COMPAT, RTA, RTM } from './numbers.js';
import { ROUTE_LENGTH } from './route-encoder.js';
import type { NetlinkSocket } from './socket.js';

/** The kernel fills at most 32 KiB per part of a dump, and more than that only for one huge message. */
const PART_OCTETS = 64 * 1024;

/**
 * Ask for a dump and call for each of its messages. One part is read while the one before it is visited, and the event loop
 * turns in between.
 * @returns whether the tables stayed the same meanwhile
 * @throws KernelError (rejects)
 */
export async function dump(
  socket: NetlinkSocket,
  octets: Uint8Array,
  visit: (message: NetlinkMessage) => void,
  isAborted: () => KernelError | null,
): Promise<boolean> {
  const sequence = new DataView(octets.buffer).getUint32(8, LITTLE_ENDIAN);
  let consistent = true;
  let done = false;
  const part = (message: NetlinkMessage): boolean => {
    if (message.sequence !== sequence) return true;
    if ((message.flags & NLM_F.DUMP_INTR) !== 0) consistent = false;
    if (message.type === NLMSG.DONE || message.type === NLMSG.ERROR) {
      done = true;
      const answer = acknowledgement(message);
      if (answer.errno !== 0) throw refusal(answer);
      return false;
    }
    visit(message);
    return true;
  };
  const buffers = [new Uint8Array(PART_OCTETS), new Uint8Array(PART_OCTETS)] as const;
  // The first part is made while the request is sent, each other one while the one before it is received.
  await socket.sendLater(octets, octets.length);
  let coming = socket.receiveLater(buffers[0]);
  for (let turn = 0; !done; turn ^= 1) {
    const length = await coming;
    const aborted = isAborted();
    if (aborted) throw aborted;
    if (length === 0) throw new KernelError('EPROTO', 'the kernel ended a dump without saying so');
    coming = socket.receiveLater(buffers[turn ^ 1]!);
    try {
      forEachMessage(buffers[turn]!.subarray(0, length), part);
    } catch (error) {
      await coming.catch(() => 0);
      throw error;
    }
  }
  await coming;
  return consistent;
}

/** A request for all links. */
export function linkDump(sequence: number): Uint8Array {
  return request(RTM.GETLINK, NLM_F.DUMP, sequence, new Uint8Array(LINK_LENGTH));
}

/** A request for the routes of one table, and, to a kernel without strict checking, for all of a family. */
export function routeDump(sequence: number, family: number, table: number): Uint8Array {
  const body = new Uint8Array(ROUTE_LENGTH + aligned(8));
  const view = new DataView(body.buffer);
  body[0] = family;
  body[4] = table < 256 ? table : RT_TABLE_COMPAT;
  view.setUint16(ROUTE_LENGTH, 8, LITTLE_ENDIAN);
  view.setUint16(ROUTE_LENGTH + 2, RTA.TABLE, LITTLE_ENDIAN);
  view.setUint32(ROUTE_LENGTH + 4, table, LITTLE_ENDIAN);
  return request(RTM.GETROUTE, NLM_F.DUMP, sequence, body);
}
