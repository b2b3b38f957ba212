import type { AttributeStore } from './attribute-store.js';

const EXTENDED_LENGTH = 0x10;

/** Where in a set's chunk the value of an attribute begins and ends; twice the end of the set when it has none. */
export function attributeValue(store: AttributeStore, id: number, code: number): readonly [start: number, end: number] {
  const bytes = store.chunkOf(id);
  const begin = store.offsetOf(id);
  const end = begin + store.lengthOf(id);
  for (let at = begin + store.nextHopLengthOf(id); at < end;) {
    const extended = (bytes[at]! & EXTENDED_LENGTH) !== 0;
    const start = at + (extended ? 4 : 3);
    const next = start + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
    if (bytes[at + 1] === code) return [start, next];
    at = next;
  }
  return [end, end];
}
