import { BitReader } from './bit-reader.js';
import { readHuffmanTables, SymbolReader } from './huffman.js';

/** What is wrong with bzip2 data. */
export class BunzipError extends Error {
  override readonly name = 'BunzipError';
}

const BLOCK_MAGIC_HIGH = 0x314159;
const BLOCK_MAGIC_LOW = 0x265359;
const END_MAGIC_HIGH = 0x177245;
const END_MAGIC_LOW = 0x385090;
/** Octets that hold any whole block: 900000 symbols of at most 20 bits, and the tables in front. */
const ENOUGH = 2_500_000;
const RUN_A = 0;
const RUN_B = 1;

/**
 * Undoes bzip2: octets pushed in as they arrive, a block at a time out. Several streams one after the other are one. Bounded
 * memory.
 * @throws BunzipError
 */
export class Bunzip {
  private readonly bits = new BitReader();
  /** 100000 times the level in the stream's header; 0 outside a stream. */
  private blockSize = 0;
  private counted = 0;

  *push(chunk: Uint8Array): Generator<Uint8Array> {
    this.bits.append(chunk);
    while (this.bits.remainingOctets >= ENOUGH) yield* this.step();
  }

  *end(): Generator<Uint8Array> {
    try {
      while (this.bits.remainingOctets > 0) yield* this.step();
    } catch (error) {
      throw error instanceof RangeError ? new BunzipError('bzip2 data end inside a block') : error;
    }
    if (this.blockSize > 0 || this.counted === 0) throw new BunzipError('bzip2 data end too early');
  }

  /** Read a stream header, a block or a stream's end. */
  private *step(): Generator<Uint8Array> {
    const { bits } = this;
    if (this.blockSize === 0) return this.readStreamHeader();
    const [high, low] = [bits.read(24), bits.read(24)];
    if (high === END_MAGIC_HIGH && low === END_MAGIC_LOW) {
      bits.read(32);
      bits.alignToOctet();
      this.blockSize = 0;
      return;
    }
    if (high !== BLOCK_MAGIC_HIGH || low !== BLOCK_MAGIC_LOW)
      throw new BunzipError('no bzip2 block where one should be');
    const crc = bits.read(32);
    const block = this.readBlock();
    if (crc32(block) !== crc) throw new BunzipError('bzip2 block with a wrong checksum');
    this.counted++;
    yield block;
  }

  private readStreamHeader(): void {
    const magic = this.bits.read(24);
    const level = this.bits.read(8) - 48;
    if (magic !== 0x425a68 || level < 1 || level > 9) throw new BunzipError('no bzip2 header where one should be');
    this.blockSize = level * 100_000;
    this.counted++;
  }

  private readBlock(): Uint8Array {
    const { bits } = this;
    if (bits.read(1) !== 0) throw new BunzipError('randomised bzip2 blocks are not read');
    const origin = bits.read(24);
    const used = readUsedOctets(bits);
    const { tables, selectors } = readHuffmanTables(bits, used.length + 2);
    const permuted = this.readSymbols(new SymbolReader(bits, tables, selectors), used);
    if (origin >= permuted.length) throw new BunzipError('bzip2 block with a bad origin');
    return undoRunLengths(undoBurrowsWheeler(permuted, origin));
  }

  /** Undo the move-to-front and zero-run coding. */
  private readSymbols(symbols: SymbolReader, used: Uint8Array): Uint8Array {
    const endOfBlock = used.length + 1;
    const front = used.slice();
    const out = new Uint8Array(this.blockSize);
    let length = 0;
    let run = 0;
    let weight = 1;
    for (;;) {
      const symbol = symbols.next();
      if (symbol === RUN_A || symbol === RUN_B) {
        run += symbol === RUN_A ? weight : 2 * weight;
        weight *= 2;
        if (run > out.length - length) throw new BunzipError('bzip2 block is too long');
        continue;
      }
      if (run > 0) {
        out.fill(front[0]!, length, length + run);
        length += run;
        run = 0;
        weight = 1;
      }
      if (symbol === endOfBlock) return out.subarray(0, length);
      if (length >= out.length) throw new BunzipError('bzip2 block is too long');
      const octet = front[symbol - 1]!;
      front.copyWithin(1, 0, symbol - 1);
      front[0] = octet;
      out[length++] = octet;
    }
  }
}

function readUsedOctets(bits: BitReader): Uint8Array {
  const groups = bits.read(16);
  const used: number[] = [];
  for (let group = 0; group < 16; group++) {
    if ((groups & (0x8000 >> group)) === 0) continue;
    const members = bits.read(16);
    for (let i = 0; i < 16; i++) if ((members & (0x8000 >> i)) !== 0) used.push(group * 16 + i);
  }
  if (used.length === 0) throw new BunzipError('bzip2 block without octets');
  return Uint8Array.from(used);
}

function undoBurrowsWheeler(permuted: Uint8Array, origin: number): Uint8Array {
  const starts = new Uint32Array(257);
  for (const octet of permuted) starts[octet + 1]!++;
  for (let i = 1; i <= 256; i++) starts[i]! += starts[i - 1]!;
  const next = new Uint32Array(permuted.length);
  for (let i = 0; i < permuted.length; i++) next[starts[permuted[i]!]!++] = i;
  const out = new Uint8Array(permuted.length);
  let at = next[origin]!;
  for (let i = 0; i < out.length; i++) {
    out[i] = permuted[at]!;
    at = next[at]!;
  }
  return out;
}

/** Four equal octets are followed by a count of further ones. */
function undoRunLengths(input: Uint8Array): Uint8Array {
  let out = new Uint8Array(input.length + 1024);
  let length = 0;
  let same = 0;
  let last = -1;
  for (const octet of input) {
    const count = same === 4 ? octet : 1;
    if (length + count > out.length) out = grow(out, length + count);
    if (same === 4) {
      out.fill(last, length, length + count);
      length += count;
      same = 0;
      last = -1;
      continue;
    }
    same = octet === last ? same + 1 : 1;
    last = octet;
    out[length++] = octet;
  }
  return out.subarray(0, length);
}

function grow(out: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(needed, out.length * 2));
  grown.set(out);
  return grown;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i << 24;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80000000) !== 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** The checksum of bzip2: CRC-32 with the most significant bit first. */
function crc32(octets: Uint8Array): number {
  let crc = -1;
  for (const octet of octets) crc = (crc << 8) ^ CRC_TABLE[((crc >>> 24) ^ octet) & 0xff]!;
  return ~crc >>> 0;
}
