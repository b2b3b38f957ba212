import type { Reader } from '../../../net/reader.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

/** Unsigned 32-bit numbers in wire order; `formatCommunity` gives the text. */
export const communities = attribute({
  code: 8,
  name: 'COMMUNITIES',
  flags: OPTIONAL_TRANSITIVE,
  unit: 4,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 1997, RFC 7606 7.8',
  decode: readAll,
  encode: (w, values: readonly number[]) => {
    for (const value of values) w.u32(value);
  },
});

function readAll(r: Reader): readonly number[] {
  const values: number[] = [];
  while (r.remaining > 0) values.push(r.u32());
  return values;
}
