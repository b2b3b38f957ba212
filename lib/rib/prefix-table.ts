/**
 * Prefix ↔ dense id, one table per address family: columns of typed arrays and an open-addressed index (HashIndex).
 * Ids start at 0, stay valid until `free`, and are reused. Prefixes come and go as NLRI octets (RFC 4271 section 4.3:
 * length in bits, then the fewest octets that hold it); bits after the length are ignored and read back as zero.
 */
import type { Prefix } from '../net/index.js';
import { grow, IdStack, nextCapacity } from './columns.js';
import { HashIndex, mix32 } from './hash-index.js';

/** What the RIB needs of a prefix table, whatever the family. */
export interface PrefixTable {
  /** Longest prefix length: 32 or 128. */
  readonly maxLength: number;
  /** Prefixes in the table. */
  readonly count: number;
  /** Upper bound of all ids ever given out: loops run from 0 to here. */
  readonly idLimit: number;
  /**
   * The id of a prefix; -1 when it is not in the table.
   * @param length prefix length in bits, checked by the caller
   * @param at where its octets begin in `bytes`
   */
  find(length: number, bytes: Uint8Array, at: number): number;
  /**
   * Read the slots of all prefixes of an NLRI field ahead of the look-ups. Alone in a short loop, the reads wait for
   * memory together; a look-up and what follows it would wait one by one. Worth it from some ten prefixes on.
   * @param end where to stop; what is malformed is left to the caller
   */
  touch(bytes: Uint8Array, start: number, end: number): void;
  /** Like `find`, but adds the prefix when it is missing. */
  intern(length: number, bytes: Uint8Array, at: number): number;
  /** Forget a prefix; its id will be reused. */
  free(id: number): void;
  /** Whether the id stands for a prefix now. */
  isUsed(id: number): boolean;
  lengthOf(id: number): number;
  /** Write length octet and prefix octets (at most 17); there must be room. @returns the offset after them */
  writeNlri(id: number, bytes: Uint8Array, at: number): number;
  /** A readable copy. */
  prefixOf(id: number): Prefix;
}

const UNUSED = 255;

/** Id management and length column shared by both tables. */
abstract class Ids {
  protected readonly index = new HashIndex();
  protected lengths = new Uint8Array(16).fill(UNUSED);
  private readonly freeIds = new IdStack();
  count = 0;
  idLimit = 0;
  /** Keeps the reads of `touch` from being optimized away. */
  protected touched = 0;

  protected allocate(): number {
    this.count++;
    const reused = this.freeIds.pop();
    if (reused >= 0) return reused;
    const id = this.idLimit++;
    if (id === this.lengths.length) {
      const capacity = nextCapacity(id, id + 1);
      this.lengths = grow(this.lengths, capacity, UNUSED);
      this.growColumns(capacity);
    }
    return id;
  }

  protected release(id: number): void {
    this.lengths[id] = UNUSED;
    this.count--;
    this.freeIds.push(id);
    if (this.count === 0) {
      // All gone: begin again at 0, with small columns, so that memory goes back.
      this.freeIds.clear();
      this.idLimit = 0;
      if (this.lengths.length > 1 << 16) {
        this.lengths = new Uint8Array(16).fill(UNUSED);
        this.shrinkColumns(16);
      }
    }
  }

  isUsed(id: number): boolean {
    return id < this.idLimit && this.lengths[id] !== UNUSED;
  }

  lengthOf(id: number): number {
    return this.lengths[id]!;
  }

  protected abstract growColumns(capacity: number): void;
  protected abstract shrinkColumns(capacity: number): void;
}

/** IPv4: the address in one unsigned 32-bit column. */
export class PrefixTable4 extends Ids implements PrefixTable {
  readonly maxLength = 32;
  private addresses = new Uint32Array(16);

  private static address(length: number, bytes: Uint8Array, at: number): number {
    if (length === 0) return 0;
    let address = bytes[at]! << 24;
    if (length > 8) address |= bytes[at + 1]! << 16;
    if (length > 16) address |= bytes[at + 2]! << 8;
    if (length > 24) address |= bytes[at + 3]!;
    return (address & (-1 << (32 - length))) >>> 0;
  }

  /** Eight neighbouring prefixes of one length share a hash but for its last bits: they lie in one cache line. */
  private static hash(address: number, length: number): number {
    const shift = 32 - length;
    const number = length === 0 ? 0 : address >>> shift;
    return ((mix32((number >>> 3) + Math.imul(length, 0x9e3779b1)) & ~7) | (number & 7)) >>> 0;
  }

  find(length: number, bytes: Uint8Array, at: number): number {
    const address = PrefixTable4.address(length, bytes, at);
    return this.lookup(address, length, PrefixTable4.hash(address, length));
  }

  touch(bytes: Uint8Array, start: number, end: number): void {
    const { segments } = this.index;
    let sum = 0;
    for (let at = start; at + 5 <= end;) {
      const length = bytes[at]!;
      if (length > 32) break;
      const hash = PrefixTable4.hash(PrefixTable4.address(length, bytes, at + 1), length);
      const slots = segments[hash >>> 28]!;
      sum += slots[(hash << 1) & (slots.length - 1)]!;
      at += 1 + ((length + 7) >> 3);
    }
    this.touched = sum | 0;
  }

  private lookup(address: number, length: number, hash: number): number {
    const slots = this.index.segments[hash >>> 28]!;
    const mask = slots.length - 1;
    for (let i = (hash << 1) & mask; ; i = (i + 2) & mask) {
      const id = slots[i]! - 1;
      if (id < 0) return -1;
      if (slots[i + 1] === (hash | 0) && this.addresses[id] === address && this.lengths[id] === length) return id;
    }
  }

  intern(length: number, bytes: Uint8Array, at: number): number {
    const address = PrefixTable4.address(length, bytes, at);
    const hash = PrefixTable4.hash(address, length);
    const found = this.lookup(address, length, hash);
    if (found >= 0) return found;
    const id = this.allocate();
    this.addresses[id] = address;
    this.lengths[id] = length;
    this.index.insert(hash, id);
    return id;
  }

  free(id: number): void {
    this.index.remove(PrefixTable4.hash(this.addresses[id]!, this.lengths[id]!), id);
    this.release(id);
  }

  writeNlri(id: number, bytes: Uint8Array, at: number): number {
    const length = this.lengths[id]!;
    const address = this.addresses[id]!;
    bytes[at++] = length;
    if (length > 0) bytes[at++] = address >>> 24;
    if (length > 8) bytes[at++] = address >>> 16;
    if (length > 16) bytes[at++] = address >>> 8;
    if (length > 24) bytes[at++] = address;
    return at;
  }

  prefixOf(id: number): Prefix {
    const a = this.addresses[id]!;
    return { octets: Uint8Array.of(a >>> 24, a >>> 16, a >>> 8, a), length: this.lengths[id]! };
  }

  protected growColumns(capacity: number): void {
    this.addresses = grow(this.addresses, capacity);
  }

  protected shrinkColumns(capacity: number): void {
    this.addresses = new Uint32Array(capacity);
  }
}

/** IPv6: the address as four unsigned 32-bit words, row by row in one column. */
export class PrefixTable6 extends Ids implements PrefixTable {
  readonly maxLength = 128;
  private words = new Uint32Array(16 * 4);
  /** The prefix being looked up, as words. */
  private readonly key = new Uint32Array(4);

  private loadKey(length: number, bytes: Uint8Array, at: number): number {
    const key = this.key;
    const octets = (length + 7) >> 3;
    for (let w = 0; w < 4; w++) {
      const first = w * 4;
      let word = 0;
      if (first < octets) {
        word = bytes[at + first]! << 24;
        if (first + 1 < octets) word |= bytes[at + first + 1]! << 16;
        if (first + 2 < octets) word |= bytes[at + first + 2]! << 8;
        if (first + 3 < octets) word |= bytes[at + first + 3]!;
        const kept = length - w * 32;
        if (kept < 32) word &= -1 << (32 - kept);
      }
      key[w] = word;
    }
    return PrefixTable6.hash(key, 0, length);
  }

  /** As in PrefixTable4: the last three bits of the prefix are the last bits of the hash. */
  private static hash(words: Uint32Array, row: number, length: number): number {
    const last = length === 0 ? 0 : (length - 1) >> 5;
    const shift = (128 - length) & 31;
    const tail = (words[row + last]! >>> shift) & 7;
    let h = Math.imul(length, 0x9e3779b1);
    for (let w = 0; w <= last; w++) {
      const word = w === last ? words[row + w]! & ~(7 << shift) : words[row + w]!;
      h = Math.imul(h ^ word ^ (word >>> 13), 0x85ebca6b);
      h ^= h >>> 15;
    }
    return ((mix32(h) & ~7) | tail) >>> 0;
  }

  private lookup(length: number, hash: number): number {
    const { key, words } = this;
    const slots = this.index.segments[hash >>> 28]!;
    const mask = slots.length - 1;
    for (let i = (hash << 1) & mask; ; i = (i + 2) & mask) {
      const id = slots[i]! - 1;
      if (id < 0) return -1;
      if (slots[i + 1] !== (hash | 0)) continue;
      const row = id * 4;
      if (
        words[row] === key[0] &&
        words[row + 1] === key[1] &&
        words[row + 2] === key[2] &&
        words[row + 3] === key[3] &&
        this.lengths[id] === length
      ) {
        return id;
      }
    }
  }

  touch(bytes: Uint8Array, start: number, end: number): void {
    const { segments } = this.index;
    let sum = 0;
    for (let at = start; at < end;) {
      const length = bytes[at]!;
      const next = at + 1 + ((length + 7) >> 3);
      if (length > 128 || next > end) break;
      const hash = this.loadKey(length, bytes, at + 1);
      const slots = segments[hash >>> 28]!;
      sum += slots[(hash << 1) & (slots.length - 1)]!;
      at = next;
    }
    this.touched = sum | 0;
  }

  find(length: number, bytes: Uint8Array, at: number): number {
    return this.lookup(length, this.loadKey(length, bytes, at));
  }

  intern(length: number, bytes: Uint8Array, at: number): number {
    const hash = this.loadKey(length, bytes, at);
    const found = this.lookup(length, hash);
    if (found >= 0) return found;
    const id = this.allocate();
    this.words.set(this.key, id * 4);
    this.lengths[id] = length;
    this.index.insert(hash, id);
    return id;
  }

  free(id: number): void {
    this.index.remove(PrefixTable6.hash(this.words, id * 4, this.lengths[id]!), id);
    this.release(id);
  }

  writeNlri(id: number, bytes: Uint8Array, at: number): number {
    const length = this.lengths[id]!;
    bytes[at++] = length;
    const octets = (length + 7) >> 3;
    const row = id * 4;
    for (let i = 0; i < octets; i++) bytes[at++] = this.words[row + (i >> 2)]! >>> (24 - (i & 3) * 8);
    return at;
  }

  prefixOf(id: number): Prefix {
    const octets = new Uint8Array(16);
    for (let i = 0; i < 16; i++) octets[i] = this.words[id * 4 + (i >> 2)]! >>> (24 - (i & 3) * 8);
    return { octets, length: this.lengths[id]! };
  }

  protected growColumns(capacity: number): void {
    this.words = grow(this.words, capacity * 4);
  }

  protected shrinkColumns(capacity: number): void {
    this.words = new Uint32Array(capacity * 4);
  }
}
