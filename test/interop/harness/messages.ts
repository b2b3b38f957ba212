/**
 * BGP messages put together by hand, on purpose without the library: what the tests send must not share its mistakes,
 * and must be allowed to be wrong.
 */

export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const KEEPALIVE = 4;

const HEADER = 19;

export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

export interface OpenSettings {
  readonly asn: number;
  readonly routerId: string;
  readonly holdTime?: number;
  readonly version?: number;
  /** AFI numbers of the unicast families; default IPv4. */
  readonly afis?: readonly number[];
}

/** @param length  what the header says; default: the truth */
export function message(type: number, body: Uint8Array = Buffer.alloc(0), length = HEADER + body.length): Buffer {
  const header = Buffer.alloc(HEADER, 0xff);
  header.writeUInt16BE(length, 16);
  header.writeUInt8(type, 18);
  return Buffer.concat([header, body]);
}

export function open({ asn, routerId, holdTime = 90, version = 4, afis = [1] }: OpenSettings): Buffer {
  const multiprotocol = afis.flatMap((afi) => [1, 4, 0, afi, 0, 1]);
  const fourOctetAs = [65, 4, ...u32(asn)];
  const capabilities = [...multiprotocol, ...fourOctetAs];
  const parameters = [2, capabilities.length, ...capabilities];
  const fixed = [version, ...u16(asn > 0xffff ? 23456 : asn), ...u16(holdTime), ...ipv4(routerId)];
  return message(OPEN, Buffer.from([...fixed, parameters.length, ...parameters]));
}

export const keepalive = (): Buffer => message(KEEPALIVE);

export interface UpdateSettings {
  readonly withdrawn?: readonly string[];
  /** Whole attributes: flags, type, length, value. */
  readonly attributes?: readonly (readonly number[])[];
  readonly announced?: readonly string[];
}

/** IPv4 prefixes in the message's own fields. */
export function update({ withdrawn = [], attributes = [], announced = [] }: UpdateSettings): Buffer {
  const routes = withdrawn.flatMap(prefix);
  const block = attributes.flat();
  const body = [...u16(routes.length), ...routes, ...u16(block.length), ...block, ...announced.flatMap(prefix)];
  return message(UPDATE, Buffer.from(body));
}

export const attribute = {
  origin: (value: number) => [0x40, 1, 1, value],
  asPath: (...asns: number[]) =>
    asns.length === 0 ? [0x40, 2, 0] : [0x40, 2, 2 + asns.length * 4, 2, asns.length, ...asns.flatMap(u32)],
  nextHop: (address: string) => [0x40, 3, 4, ...ipv4(address)],
  med: (value: number) => [0x80, 4, 4, ...u32(value)],
  localPref: (value: number) => [0x40, 5, 4, ...u32(value)],
  community: (value: number) => [0xc0, 8, 4, ...u32(value)],
} as const;

/** Cut a stream into messages. @returns them and the octets that are left */
export function split(stream: Buffer): { messages: Message[]; rest: Buffer } {
  const messages: Message[] = [];
  let at = 0;
  while (stream.length - at >= HEADER) {
    const length = stream.readUInt16BE(at + 16);
    if (length < HEADER) throw new Error(`a message of ${length} octets was received`);
    if (stream.length - at < length) break;
    messages.push({ type: stream.readUInt8(at + 18), body: stream.subarray(at + HEADER, at + length) });
    at += length;
  }
  return { messages, rest: stream.subarray(at) };
}

export function u16(value: number): number[] {
  return [value >>> 8, value & 0xff];
}

export function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function ipv4(text: string): number[] {
  return text.split('.').map(Number);
}

function prefix(text: string): number[] {
  const [address = '', length = '32'] = text.split('/');
  return [Number(length), ...ipv4(address).slice(0, Math.ceil(Number(length) / 8))];
}
