/**
 * Whether a prefix is in a set of prefixes with ranges of lengths: a hash per length over integers. A look-up costs one
 * probe for each length that occurs in the set and is not longer than the prefix, however many prefixes the set has.
 */
import { parsePrefix } from '../net/index.js';
import type { PrefixTable } from '../rib/prefix-table.js';
import type { PrefixSet } from './definition.js';

/** The prefix that is being looked at: four words, unused ones zero. Shared: nothing of it outlives a look-up. */
const words = new Uint32Array(4);
const nlri = new Uint8Array(17);
let wordsLength = 0;

/** Take the prefix to look at from a table. */
export function loadPrefix(table: PrefixTable, id: number): void {
  nlri.fill(0);
  table.writeNlri(id, nlri, 0);
  wordsLength = nlri[0]!;
  for (let w = 0; w < 4; w++) words[w] = wordAt(nlri, 1 + w * 4);
}

/** Take octets and a length in bits; the bits after the length must be zero. */
export function loadOctets(octets: Uint8Array, length: number): void {
  nlri.fill(0);
  nlri.set(octets, 1);
  wordsLength = length;
  for (let w = 0; w < 4; w++) words[w] = wordAt(nlri, 1 + w * 4);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** The first `length` bits of word `w`. */
function maskOf(length: number, w: number): number {
  const bits = length - w * 32;
  if (bits >= 32) return -1;
  return bits <= 0 ? 0 : -1 << (32 - bits);
}

const ENTRY_WORDS = 5;

export class PrefixMatcher {
  /** Lengths that occur, ascending. */
  private readonly lengths: readonly number[];
  /** Per entry: four words and the length. */
  private readonly entries: Int32Array;
  /** Per entry: a bit for each length of prefix that matches. */
  private readonly allowed: Uint32Array;
  private readonly allowedWords: number;
  /** Open addressing to entry + 1. */
  private readonly slots: Int32Array;

  /** @param bits 32 or 128: prefixes of the other family are left out */
  constructor(sets: readonly PrefixSet[], bits: number) {
    const ranges = new Map<string, { octets: Uint8Array; length: number; allowed: Set<number> }>();
    for (const entry of sets.flat()) {
      const { prefix: text, ge, le } = typeof entry === 'string' ? { prefix: entry } : entry;
      const { octets, length } = parsePrefix(text);
      if (octets.length * 8 !== bits) continue;
      const key = `${octets.join('.')}/${length}`;
      const range = ranges.get(key) ?? { octets, length, allowed: new Set<number>() };
      ranges.set(key, range);
      const most = le ?? (ge === undefined ? length : bits);
      for (let l = ge ?? length; l <= most; l++) range.allowed.add(l);
    }
    const all = [...ranges.values()];
    this.lengths = [...new Set(all.map(({ length }) => length))].sort((a, b) => a - b);
    this.entries = new Int32Array(all.length * ENTRY_WORDS);
    this.allowedWords = (bits >> 5) + 1;
    this.allowed = new Uint32Array(all.length * this.allowedWords);
    let capacity = 4;
    while (capacity < all.length * 2) capacity *= 2;
    this.slots = new Int32Array(capacity);
    for (const [i, { octets, length, allowed }] of all.entries()) {
      loadOctets(octets, length);
      for (let w = 0; w < 4; w++) this.entries[i * ENTRY_WORDS + w] = words[w]!;
      this.entries[i * ENTRY_WORDS + 4] = length;
      for (const l of allowed) this.allowed[i * this.allowedWords + (l >> 5)]! |= 1 << (l & 31);
      let slot = this.hash(length);
      while (this.slots[slot] !== 0) slot = (slot + 1) & (capacity - 1);
      this.slots[slot] = i + 1;
    }
  }

  /** Whether no prefix of the family can match. */
  get isEmpty(): boolean {
    return this.lengths.length === 0;
  }

  /** Where the first `length` bits of the loaded prefix are looked for. */
  private hash(length: number): number {
    let h = Math.imul(length + 1, 0x9e3779b1);
    for (let w = 0; w < 4; w++) {
      h = Math.imul(h ^ (words[w]! & maskOf(length, w)), 0x85ebca6b);
      h ^= h >>> 15;
    }
    return h & (this.slots.length - 1);
  }

  /** Whether the loaded prefix is in the set. */
  matches(): boolean {
    const { lengths, allowed, allowedWords } = this;
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i]!;
      if (length > wordsLength) return false;
      const entry = this.find(length);
      if (entry < 0) continue;
      if ((allowed[entry * allowedWords + (wordsLength >> 5)]! & (1 << (wordsLength & 31))) !== 0) return true;
    }
    return false;
  }

  private find(length: number): number {
    const { slots, entries } = this;
    const mask = slots.length - 1;
    for (let slot = this.hash(length); ; slot = (slot + 1) & mask) {
      const entry = slots[slot]! - 1;
      if (entry < 0) return -1;
      const at = entry * ENTRY_WORDS;
      if (
        entries[at + 4] === length &&
        entries[at] === (words[0]! & maskOf(length, 0)) &&
        entries[at + 1] === (words[1]! & maskOf(length, 1)) &&
        entries[at + 2] === (words[2]! & maskOf(length, 2)) &&
        entries[at + 3] === (words[3]! & maskOf(length, 3))
      ) {
        return entry;
      }
    }
  }
}
