import { MRT_TYPE } from './names.js';

/** One MRT record (RFC 6396 section 2), its body not looked into. */
export interface MrtRecord {
  /** Seconds since the epoch. */
  readonly timestamp: number;
  /** Of the extended timestamp types (BGP4MP_ET, RFC 6396 section 3). */
  readonly microseconds: number | undefined;
  readonly type: number;
  readonly subtype: number;
  /** Octets after the header (and microseconds); borrowed: valid until the next record is asked for. */
  readonly body: Uint8Array;
}

/** A record that cannot be had: the input ends inside it, or it is larger than any real one. */
export interface BrokenRecord {
  readonly broken: string;
}

const HEADER_LENGTH = 12;
const MICROSECONDS_LENGTH = 4;
/** 65535 peers with large attribute sets stay below it. */
const MAX_RECORD = 1 << 26;
const EXTENDED_TIMESTAMP = new Set<number>([MRT_TYPE.bgp4mpEt, 33, 49]);

/** Cuts a stream into MRT records as octets arrive, in bounded memory. */
export class MrtReader {
  private buffer = new Uint8Array(0);
  /** Octets of an oversized record still to be passed over. */
  private skipping = 0;

  /** The records that this chunk completes. */
  *push(chunk: Uint8Array): Generator<MrtRecord | BrokenRecord> {
    let input = chunk;
    if (this.skipping > 0) {
      const skipped = Math.min(this.skipping, chunk.length);
      this.skipping -= skipped;
      input = chunk.subarray(skipped);
    }
    const bytes = this.buffer.length === 0 ? input : join(this.buffer, input);
    let at = 0;
    while (at + HEADER_LENGTH <= bytes.length) {
      const length = readU32(bytes, at + 8);
      if (length > MAX_RECORD) {
        yield { broken: `record of ${length} octets` };
        this.skipping = Math.max(0, at + HEADER_LENGTH + length - bytes.length);
        at = Math.min(bytes.length, at + HEADER_LENGTH + length);
        break;
      }
      const end = at + HEADER_LENGTH + length;
      if (end > bytes.length) break;
      yield recordAt(bytes, at, end);
      at = end;
    }
    // The chunk belongs to the stream; what is left of it is copied.
    this.buffer = bytes.slice(at);
  }

  /** The input has ended: what is left is a record cut short. */
  *end(): Generator<BrokenRecord> {
    if (this.buffer.length > 0 || this.skipping > 0) yield { broken: 'truncated record' };
    this.buffer = new Uint8Array(0);
  }
}

function recordAt(bytes: Uint8Array, at: number, end: number): MrtRecord {
  const type = (bytes[at + 4]! << 8) | bytes[at + 5]!;
  const bodyAt = at + HEADER_LENGTH;
  const extended = EXTENDED_TIMESTAMP.has(type) && end - bodyAt >= MICROSECONDS_LENGTH;
  return {
    timestamp: readU32(bytes, at),
    microseconds: extended ? readU32(bytes, bodyAt) : undefined,
    type,
    subtype: (bytes[at + 6]! << 8) | bytes[at + 7]!,
    body: bytes.subarray(extended ? bodyAt + MICROSECONDS_LENGTH : bodyAt, end),
  };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
