/** One captured frame; `data` is borrowed: valid until the next one is asked for. */
export interface CapturedFrame {
  /** 1 for the first of the capture. */
  readonly frame: number;
  /** Seconds since the epoch. */
  readonly time: number;
  /** Link type, as in https://www.tcpdump.org/linktypes.html. */
  readonly linkType: number;
  /** What was captured; may be less than what was on the wire. */
  readonly data: Uint8Array;
}

/** The octets are not those of a capture. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

/** Larger frames and blocks are taken for damage. */
const MAX_BLOCK = 1 << 26;

const PCAP_HEADER = 24;
const PCAP_FRAME_HEADER = 16;
const MICROSECOND_MAGIC = 0xa1b2c3d4;
const NANOSECOND_MAGIC = 0xa1b23c4d;
const PCAP_MAGICS = new Set([MICROSECOND_MAGIC, NANOSECOND_MAGIC]);

const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BLOCK = { interface: 1, oldPacket: 2, simplePacket: 3, enhancedPacket: 6 } as const;
const OPTION = { end: 0, timestampResolution: 9, timestampOffset: 14 } as const;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Ticks in a second. */
  readonly resolution: bigint;
  readonly offset: number;
}

/** Cuts a pcap or pcapng file into frames as octets arrive, in bounded memory. */
export class CaptureReader {
  private buffer: Uint8Array = new Uint8Array(0);
  private count = 0;
  private form: 'pcap' | 'pcapng' | undefined;
  private littleEndian = false;
  // pcap
  private ticks = 1e6;
  /** -1 until the file's header has been read. */
  private linkType = -1;
  // pcapng
  private interfaces: Interface[] = [];

  /**
   * The frames that this chunk completes.
   * @throws CaptureError when the octets cannot be those of a capture
   */
  *push(chunk: Uint8Array): Generator<CapturedFrame> {
    const bytes = this.buffer.length === 0 ? chunk : join(this.buffer, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (;;) {
      const length = this.pieceLength(view, at);
      if (length === 0 || at + length > bytes.length) break;
      const frame = this.readPiece(bytes, view, at, length);
      if (frame !== undefined) yield frame;
      at += length;
    }
    this.buffer = bytes.slice(at);
  }

  /** Octets of the header, frame or block at `at`; 0 while too few are there to tell. */
  private pieceLength(view: DataView, at: number): number {
    const available = view.byteLength - at;
    if (this.form === undefined) {
      if (available < 4) return 0;
      this.form = formOf(view, at);
    }
    const length = this.form === 'pcap' ? this.frameLength(view, at) : this.blockLength(view, at);
    if (length > MAX_BLOCK) throw new CaptureError(`frame of ${length} octets`);
    return length;
  }

  private frameLength(view: DataView, at: number): number {
    if (this.linkType < 0) return PCAP_HEADER;
    if (view.byteLength - at < PCAP_FRAME_HEADER) return 0;
    return PCAP_FRAME_HEADER + view.getUint32(at + 8, this.littleEndian);
  }

  private blockLength(view: DataView, at: number): number {
    if (view.byteLength - at < 12) return 0;
    if (view.getUint32(at) === SECTION_HEADER) {
      this.littleEndian = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
      if (!this.littleEndian && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC)
        throw new CaptureError('bad byte-order magic');
    }
    const length = view.getUint32(at + 4, this.littleEndian);
    if (length < 12) throw new CaptureError(`block of ${length} octets`);
    return length;
  }

  private readPiece(bytes: Uint8Array, view: DataView, at: number, length: number): CapturedFrame | undefined {
    if (this.form === 'pcapng') return this.readBlock(bytes, view, at, length);
    if (this.linkType < 0) {
      this.readPcapHeader(view, at);
      return undefined;
    }
    const seconds = view.getUint32(at, this.littleEndian);
    const fraction = view.getUint32(at + 4, this.littleEndian);
    // One division of exact numbers: the nearest double to the decimal fraction.
    const time = this.ticks === 1e6 ? (seconds * 1e6 + fraction) / 1e6 : seconds + fraction / this.ticks;
    return this.frame(time, this.linkType, bytes.subarray(at + PCAP_FRAME_HEADER, at + length));
  }

  private frame(time: number, linkType: number, data: Uint8Array): CapturedFrame {
    return { frame: ++this.count, time, linkType, data };
  }

  private readPcapHeader(view: DataView, at: number): void {
    this.littleEndian = PCAP_MAGICS.has(view.getUint32(at, true));
    this.ticks = view.getUint32(at, this.littleEndian) === NANOSECOND_MAGIC ? 1e9 : 1e6;
    // The upper bits tell of frame check sequences.
    this.linkType = view.getUint32(at + 20, this.littleEndian) & 0xffff;
  }

  private readBlock(bytes: Uint8Array, view: DataView, at: number, length: number): CapturedFrame | undefined {
    const type = view.getUint32(at, this.littleEndian);
    const body = at + 8;
    const end = at + length - 4;
    const u32 = (offset: number) => view.getUint32(offset, this.littleEndian);
    if (view.getUint32(at) === SECTION_HEADER) this.interfaces = [];
    else if (type === BLOCK.interface && end - body >= 8) this.interfaces.push(this.readInterface(view, body, end));
    else if (type === BLOCK.enhancedPacket && end - body >= 20) {
      return this.packet(bytes, u32(body), body + 4, body + 20, u32(body + 12), end);
    } else if (type === BLOCK.oldPacket && end - body >= 20) {
      const index = view.getUint16(body, this.littleEndian);
      return this.packet(bytes, index, body + 4, body + 20, u32(body + 12), end);
    } else if (type === BLOCK.simplePacket && end - body >= 4) {
      const snapLength = this.interfaces[0]?.snapLength ?? 0;
      const captured = snapLength === 0 ? u32(body) : Math.min(u32(body), snapLength);
      return this.packet(bytes, 0, -1, body + 4, captured, end);
    }
    return undefined;
  }

  private packet(
    bytes: Uint8Array,
    index: number,
    timeAt: number,
    dataAt: number,
    captured: number,
    end: number,
  ): CapturedFrame | undefined {
    const found = this.interfaces[index];
    if (found === undefined) throw new CaptureError(`packet of interface ${index}, which is not described`);
    const time = timeAt < 0 ? 0 : this.timeAt(bytes, timeAt, found);
    return this.frame(time, found.linkType, bytes.subarray(dataAt, Math.min(dataAt + captured, end)));
  }

  private timeAt(bytes: Uint8Array, at: number, { resolution, offset }: Interface): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const high = view.getUint32(at, this.littleEndian);
    const low = view.getUint32(at + 4, this.littleEndian);
    const ticks = high * 2 ** 32 + low;
    if (ticks <= Number.MAX_SAFE_INTEGER) return ticks / Number(resolution) + offset;
    const exact = (BigInt(high) << 32n) | BigInt(low);
    return Number(exact / resolution) + Number(exact % resolution) / Number(resolution) + offset;
  }

  private readInterface(view: DataView, body: number, end: number): Interface {
    let resolution = 1_000_000n;
    let offset = 0;
    for (let at = body + 8; at + 4 <= end;) {
      const code = view.getUint16(at, this.littleEndian);
      const length = view.getUint16(at + 2, this.littleEndian);
      if (code === OPTION.end || at + 4 + length > end) break;
      if (code === OPTION.timestampResolution && length >= 1) {
        const value = view.getUint8(at + 4);
        resolution = (value & 0x80) === 0 ? 10n ** BigInt(value) : 2n ** BigInt(value & 0x7f);
      }
      if (code === OPTION.timestampOffset && length >= 8) offset = Number(view.getBigInt64(at + 4, this.littleEndian));
      at += 4 + ((length + 3) & ~3);
    }
    return {
      linkType: view.getUint16(body, this.littleEndian),
      snapLength: view.getUint32(body + 4, this.littleEndian),
      resolution,
      offset,
    };
  }
}

function formOf(view: DataView, at: number): 'pcap' | 'pcapng' {
  const [magic, swapped] = [view.getUint32(at), view.getUint32(at, true)];
  if (magic === SECTION_HEADER) return 'pcapng';
  if (PCAP_MAGICS.has(magic) || PCAP_MAGICS.has(swapped)) return 'pcap';
  throw new CaptureError('no pcap or pcapng header');
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
