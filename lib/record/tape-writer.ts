import { crc32 } from 'node:zlib';
import { BLOCK_HEADER } from './kinds.js';

const encoder = new TextEncoder();

/**
 * Records gathered into a block: length and CRC-32 in front, so that a file that ends anywhere, or is damaged, is read up
 * to the last thing that is surely right.
 */
export class TapeWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = BLOCK_HEADER;

  /** Octets of records in the block so far. */
  get size(): number {
    return this.#length - BLOCK_HEADER;
  }

  /** The block, and a new one is begun. */
  take(): Uint8Array {
    const block = this.#bytes.slice(0, this.#length);
    const view = new DataView(block.buffer);
    view.setUint32(0, this.size);
    view.setUint32(4, crc32(block.subarray(BLOCK_HEADER)));
    this.#length = BLOCK_HEADER;
    return block;
  }

  #room(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + count));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = at + count;
    return at;
  }

  u8(value: number): void {
    this.#bytes[this.#room(1)] = value;
  }

  /** A number from 0 to 2^53: seven bits an octet, least first, the top bit says that more come. */
  number(value: number): void {
    let rest = value;
    // Only the low 31 bits can be shifted.
    while (rest > 0x7fffffff) {
      this.u8((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** 0, -1, 1, -2, … become 0, 1, 2, 3, … */
  signed(value: number): void {
    this.number(value < 0 ? -value * 2 - 1 : value * 2);
  }

  float(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value);
  }

  octets(source: Uint8Array): void {
    this.number(source.length);
    const at = this.#room(source.length);
    this.#bytes.set(source, at);
  }

  text(value: string): void {
    this.octets(encoder.encode(value));
  }
}
