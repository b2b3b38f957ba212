import { getSystemErrorMap } from 'node:util';
import { KernelError } from '../../fib/errors.js';
import { ipErrorCode } from '../ip-errors.js';
import { LITTLE_ENDIAN, NLMSG, NLMSGERR_ATTR_MSG, NLM_F } from './numbers.js';

/** Octets of struct nlmsghdr. */
export const HEADER_LENGTH = 16;

/** Lengths are rounded up to this. */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** One message inside a buffer. The object is used again for the next one. */
export interface NetlinkMessage {
  /** The whole buffer. */
  readonly view: DataView;
  readonly octets: Uint8Array;
  /** Where the header begins, and where the message ends. */
  start: number;
  end: number;
  type: number;
  flags: number;
  sequence: number;
  port: number;
}

/**
 * Calls for each message in octets as they came from a socket.
 * @param visit false ends it
 * @throws KernelError `EPROTO`: not made of whole messages
 */
export function forEachMessage(octets: Uint8Array, visit: (message: NetlinkMessage) => unknown): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const message: NetlinkMessage = { view, octets, start: 0, end: 0, type: 0, flags: 0, sequence: 0, port: 0 };
  for (let at = 0; at < octets.length;) {
    if (octets.length - at < HEADER_LENGTH) throw malformed('a message is cut short');
    const length = view.getUint32(at, LITTLE_ENDIAN);
    if (length < HEADER_LENGTH || length > octets.length - at) throw malformed(`a message of ${length} octets`);
    message.start = at;
    message.end = at + length;
    message.type = view.getUint16(at + 4, LITTLE_ENDIAN);
    message.flags = view.getUint16(at + 6, LITTLE_ENDIAN);
    message.sequence = view.getUint32(at + 8, LITTLE_ENDIAN);
    message.port = view.getUint32(at + 12, LITTLE_ENDIAN);
    if (visit(message) === false) return;
    at += aligned(length);
  }
}

/** Bit of an attribute's type that says that it contains attributes. */
const NESTED = 0x8000;
const NETWORK_ORDER = 0x4000;

/**
 * Calls for each attribute between two offsets: its type without flags, and where its value begins and ends.
 * @throws KernelError `EPROTO`
 */
export function forEachAttribute(
  view: DataView,
  from: number,
  end: number,
  visit: (type: number, start: number, end: number) => void,
): void {
  for (let at = from; at + 4 <= end;) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < 4 || at + length > end) throw malformed(`an attribute of ${length} octets`);
    visit(view.getUint16(at + 2, LITTLE_ENDIAN) & ~(NESTED | NETWORK_ORDER), at + 4, at + length);
    at += aligned(length);
  }
}

export function malformed(what: string): KernelError {
  return new KernelError('EPROTO', `the kernel's answer cannot be read: ${what}`);
}

/** Write a header. @returns where the message's body begins */
export function putHeader(view: DataView, at: number, type: number, flags: number, sequence: number): number {
  view.setUint16(at + 4, type, LITTLE_ENDIAN);
  view.setUint16(at + 6, flags, LITTLE_ENDIAN);
  view.setUint32(at + 8, sequence, LITTLE_ENDIAN);
  view.setUint32(at + 12, 0, LITTLE_ENDIAN);
  return at + HEADER_LENGTH;
}

/** A request without a body of more than these octets. */
export function request(type: number, flags: number, sequence: number, body: Uint8Array): Uint8Array {
  const octets = new Uint8Array(HEADER_LENGTH + aligned(body.length));
  const view = new DataView(octets.buffer);
  octets.set(body, putHeader(view, 0, type, flags | NLM_F.REQUEST, sequence));
  view.setUint32(0, HEADER_LENGTH + body.length, LITTLE_ENDIAN);
  return octets;
}

/** What an NLMSG_ERROR or the end of a dump says: an errno, 0 for success, and the kernel's own words if it gave some. */
export interface Acknowledgement {
  readonly errno: number;
  readonly text: string;
}

const text = new TextDecoder('latin1');

/** @throws KernelError `EPROTO` */
export function acknowledgement({ view, octets, start, end, type, flags }: NetlinkMessage): Acknowledgement {
  const at = start + HEADER_LENGTH;
  // A dump's end has an errno from Linux 4.19 on only.
  if (end - at < 4) {
    if (type === NLMSG.DONE) return { errno: 0, text: '' };
    throw malformed('an answer without a result');
  }
  const errno = 0 - view.getInt32(at, LITTLE_ENDIAN);
  if ((flags & NLM_F.ACK_TLVS) === 0) return { errno, text: '' };
  let attributes = at + 4;
  if (type === NLMSG.ERROR) {
    if (end - attributes < HEADER_LENGTH) throw malformed('an answer without its request');
    const request = (flags & NLM_F.CAPPED) !== 0 ? HEADER_LENGTH : view.getUint32(attributes, LITTLE_ENDIAN);
    if (request > end - attributes) throw malformed('an answer without its request');
    attributes += aligned(request);
  }
  let said = '';
  forEachAttribute(view, attributes, end, (attribute, from, to) => {
    if (attribute === NLMSGERR_ATTR_MSG) said = text.decode(octets.subarray(from, to)).replace(/\0.*$/s, '');
  });
  return { errno, text: said };
}

/** A refusal as an error: code and words as the `ip` writer has them. */
export function refusal({ errno, text: said }: Acknowledgement): KernelError {
  const [name, meaning] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, `error ${errno}`];
  // "Nexthop has invalid gateway" comes with more than one errno, and the words say more.
  const code = ipErrorCode(said) === 'EGATEWAY' ? 'EGATEWAY' : name;
  return new KernelError(code, said === '' ? meaning : said);
}
