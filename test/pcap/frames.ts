import { Writer } from '../../lib/net/writer.js';
import { parseAddress } from '../../lib/net/address.js';

/** Hand-made captures. */

export interface SegmentOptions {
  readonly from?: string;
  readonly to?: string;
  readonly fromPort?: number;
  readonly toPort?: number;
  readonly ack?: number;
  readonly flags?: number;
  /** Octets cut off at the end, as by a snap length. */
  readonly cut?: number;
}

export const SYN = 0x02;
export const RST = 0x04;
export const FIN = 0x01;
const ACK = 0x10;

export function octetsOf(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const writer = new Writer(64);
  for (const part of parts) writer.octets(Uint8Array.from(part));
  return writer.finish();
}

/** TCP in IP, without a link header. */
export function packet(sequence: number, payload: Uint8Array, options: SegmentOptions = {}): Uint8Array {
  const { from = '192.0.2.1', to = '192.0.2.2', fromPort = 40000, toPort = 179, ack = 0, flags = 0, cut = 0 } = options;
  const tcp = new Writer(64);
  tcp.u16(fromPort);
  tcp.u16(toPort);
  tcp.u32(sequence);
  tcp.u32(ack);
  tcp.u8(0x60); // Six words: one of options.
  tcp.u8(flags | (ack === 0 ? 0 : ACK));
  tcp.u32(0);
  tcp.u16(0);
  tcp.u32(0x01010101);
  tcp.octets(payload);
  const whole = ip(from, to, tcp.view());
  return whole.subarray(0, whole.length - cut);
}

function ip(from: string, to: string, payload: Uint8Array): Uint8Array {
  const [source, destination] = [parseAddress(from), parseAddress(to)];
  const writer = new Writer(64);
  if (source.length === 4) {
    writer.u16(0x4500);
    writer.u16(20 + payload.length);
    writer.u32(0);
    writer.u32(0xff060000);
  } else {
    writer.u32(0x60000000);
    // A hop-by-hop header of eight octets in front of TCP.
    writer.u16(8 + payload.length);
    writer.u16(0x00ff);
  }
  writer.octets(source);
  writer.octets(destination);
  if (source.length === 16) writer.octets(Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0));
  writer.octets(payload);
  return writer.finish();
}

const MACS = new Uint8Array(12).fill(2);

/** An Ethernet frame with VLAN tags. */
export function ethernet(data: Uint8Array, ...tags: readonly number[]): Uint8Array {
  const type = data[0]! >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00];
  const trailer = new Uint8Array(Math.max(0, 46 - data.length));
  return octetsOf(MACS, ...tags.map((tag) => [tag >> 8, tag & 255, 0, 100]), type, data, trailer);
}

/** A pcap file. */
export function pcap(
  frames: readonly Uint8Array[],
  { linkType = 1, bigEndian = false, nanoseconds = false, seconds = 1_700_000_000 } = {},
): Uint8Array {
  const total = 24 + frames.reduce((sum, { length }) => sum + 16 + length, 0);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  const u32 = (at: number, value: number) => view.setUint32(at, value, !bigEndian);
  u32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  u32(4, bigEndian ? 0x00020004 : 0x00040002);
  u32(16, 65535);
  u32(20, linkType);
  let at = 24;
  frames.forEach((frame, i) => {
    u32(at, seconds + i);
    u32(at + 4, nanoseconds ? 500_000_000 : 250_000);
    u32(at + 8, frame.length);
    u32(at + 12, frame.length);
    file.set(frame, at + 16);
    at += 16 + frame.length;
  });
  return file;
}

function block(type: number, body: Uint8Array, bigEndian: boolean): Uint8Array {
  const padded = (body.length + 3) & ~3;
  const octets = new Uint8Array(12 + padded);
  const view = new DataView(octets.buffer);
  view.setUint32(0, type, !bigEndian);
  view.setUint32(4, octets.length, !bigEndian);
  octets.set(body, 8);
  view.setUint32(8 + padded, octets.length, !bigEndian);
  return octets;
}

/** A pcapng file: one section, two interfaces (microseconds, nanoseconds), frames in turn on each. */
export function pcapng(frames: readonly Uint8Array[], { linkType = 1, bigEndian = false } = {}): Uint8Array {
  const le = !bigEndian;
  const section = new Uint8Array(16).fill(0xff);
  const sectionView = new DataView(section.buffer);
  sectionView.setUint32(0, 0x1a2b3c4d, le);
  sectionView.setUint16(4, 1, le);
  sectionView.setUint16(6, 0, le);
  const describe = (resolution: number) => {
    const body = new Uint8Array(20);
    const view = new DataView(body.buffer);
    view.setUint16(0, linkType, le);
    view.setUint16(8, 9, le);
    view.setUint16(10, 1, le);
    body[12] = resolution;
    return block(1, body, bigEndian);
  };
  const packets = frames.map((frame, i) => {
    const body = new Uint8Array(20 + frame.length);
    const view = new DataView(body.buffer);
    const time = i % 2 === 0 ? 1_700_000_000_250_000n : 1_700_000_000_250_000_000n;
    view.setUint32(0, i % 2, le);
    view.setUint32(4, Number(time >> 32n), le);
    view.setUint32(8, Number(time & 0xffffffffn), le);
    view.setUint32(12, frame.length, le);
    view.setUint32(16, frame.length, le);
    body.set(frame, 20);
    return block(6, body, bigEndian);
  });
  // A block of a kind that nobody knows in between.
  return octetsOf(
    block(0x0a0d0d0a, section, bigEndian),
    describe(6),
    describe(9),
    block(0x0bad, section, bigEndian),
    ...packets,
  );
}
