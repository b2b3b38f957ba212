/** Which of a few configured prefixes cover a prefix of a table: a hash per length. */
import type { Prefix } from '../net/index.js';
import type { PrefixTable } from '../rib/prefix-table.js';

const nlri = new Uint8Array(17);

/** Values by prefix of one family. Costs one look-up for each length that occurs and is shorter than the prefix asked for. */
export class CoverIndex<T> {
  private readonly byLength = new Map<number, Map<number | string, T>>();
  private readonly found: T[] = [];

  constructor(entries: Iterable<readonly [Prefix, T]>) {
    for (const [{ octets, length }, value] of entries) {
      nlri.fill(0);
      nlri.set(octets, 1);
      const values = this.byLength.get(length) ?? new Map<number | string, T>();
      this.byLength.set(length, values.set(keyOf(length, octets.length === 4 ? 32 : 128), value));
    }
  }

  get isEmpty(): boolean {
    return this.byLength.size === 0;
  }

  /** The values of all prefixes that cover one of a table and are shorter. The list is used again by the next call. */
  covering(table: PrefixTable, id: number): readonly T[] {
    const { found } = this;
    found.length = 0;
    nlri.fill(0);
    table.writeNlri(id, nlri, 0);
    for (const [length, values] of this.byLength) {
      if (length >= nlri[0]!) continue;
      const value = values.get(keyOf(length, table.maxLength));
      if (value !== undefined) found.push(value);
    }
    return found;
  }
}

/** The first bits of the prefix in `nlri`, as something to look up by. */
function keyOf(length: number, maxLength: number): number | string {
  if (maxLength === 32) return word(0, length);
  let key = '';
  for (let w = 0; w < 4; w++) key += `${word(w, length - w * 32)}.`;
  return key;
}

function word(w: number, bits: number): number {
  if (bits <= 0) return 0;
  const at = 1 + w * 4;
  const whole = (nlri[at]! << 24) | (nlri[at + 1]! << 16) | (nlri[at + 2]! << 8) | nlri[at + 3]!;
  return (bits >= 32 ? whole : whole & (-1 << (32 - bits))) >>> 0;
}
