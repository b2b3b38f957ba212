import type { BitReader } from './bit-reader.js';

const MAX_BITS = 20;
/** Symbols that one selector is good for. */
const GROUP = 50;

/** One code: symbols by the code's length and value. */
export interface HuffmanTable {
  /** Largest code of each length, -1 when there is none. */
  readonly limit: Int32Array;
  /** What to subtract from a code of a length to get the place of its symbol. */
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
  readonly minBits: number;
}

/** Read the codes of a bzip2 block and which of them is used when. @throws RangeError when they make no sense */
export function readHuffmanTables(
  bits: BitReader,
  alphabet: number,
): { tables: HuffmanTable[]; selectors: Uint8Array } {
  const count = bits.read(3);
  const selectorCount = bits.read(15);
  if (count < 2 || count > 6 || selectorCount === 0) throw new RangeError('bad Huffman table count');
  const front = Array.from({ length: count }, (_, i) => i);
  const selectors = new Uint8Array(selectorCount);
  for (let i = 0; i < selectorCount; i++) {
    let place = 0;
    while (bits.read(1) === 1) if (++place >= count) throw new RangeError('bad Huffman selector');
    const [table] = front.splice(place, 1);
    front.unshift(table!);
    selectors[i] = table!;
  }
  const tables = Array.from({ length: count }, () => tableOf(readLengths(bits, alphabet)));
  return { tables, selectors };
}

function readLengths(bits: BitReader, alphabet: number): Uint8Array {
  const lengths = new Uint8Array(alphabet);
  let length = bits.read(5);
  for (let i = 0; i < alphabet; i++) {
    while (bits.read(1) === 1) length += bits.read(1) === 0 ? 1 : -1;
    if (length < 1 || length > MAX_BITS) throw new RangeError('bad Huffman code length');
    lengths[i] = length;
  }
  return lengths;
}

function tableOf(lengths: Uint8Array): HuffmanTable {
  const counts = new Int32Array(MAX_BITS + 2);
  for (const length of lengths) counts[length]!++;
  const limit = new Int32Array(MAX_BITS + 2).fill(-1);
  const base = new Int32Array(MAX_BITS + 2);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= MAX_BITS; length++) {
    base[length] = code - place;
    code += counts[length]!;
    place += counts[length]!;
    limit[length] = counts[length] === 0 ? -1 : code - 1;
    code <<= 1;
  }
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return { limit, base, symbols: Uint16Array.from(order), minBits: Math.min(...lengths) };
}

/** Reads one symbol after the other, changing codes as the selectors say. */
export class SymbolReader {
  private group = 0;
  private left = 0;
  private table: HuffmanTable;

  constructor(
    private readonly bits: BitReader,
    private readonly tables: readonly HuffmanTable[],
    private readonly selectors: Uint8Array,
  ) {
    this.table = tables[0]!;
  }

  next(): number {
    if (this.left === 0) {
      const selector = this.selectors[this.group++];
      if (selector === undefined) throw new RangeError('no Huffman selector left');
      this.table = this.tables[selector]!;
      this.left = GROUP;
    }
    this.left--;
    const { limit, base, symbols, minBits } = this.table;
    let length = minBits;
    let code = this.bits.read(length);
    while (code > limit[length]!) {
      if (++length > MAX_BITS) throw new RangeError('bad Huffman code');
      code = (code << 1) | this.bits.read(1);
    }
    return symbols[code - base[length]!]!;
  }
}
