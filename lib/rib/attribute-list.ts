import { DEFAULT_CONTEXT, type WireContext } from '../bgp/wire/context.js';
import { decodeAttribute } from '../bgp/wire/messages/attribute-block.js';
import type { Attribute } from '../bgp/wire/attributes/index.js';

/**
 * The attributes of a well-formed block as typed values.
 * @param block as `AttributeStore.attributesOf` or `UpdateEncoder.exportedOf` gives it
 * @param cx    how it is written; the default is right for canonical blocks
 */
export function decodeAttributeList(block: Uint8Array, cx: WireContext = DEFAULT_CONTEXT): Attribute[] {
  const attributes: Attribute[] = [];
  for (let at = 0; at < block.length;) {
    const flags = block[at]!;
    const extended = (flags & 0x10) !== 0;
    const start = at + (extended ? 4 : 3);
    const length = extended ? (block[at + 2]! << 8) | block[at + 3]! : block[at + 2]!;
    const place = {
      code: block[at + 1]!,
      flags,
      start,
      end: start + length,
      sentLength: length,
      malformed: false,
      discarded: false,
    };
    attributes.push(decodeAttribute(block, place, cx));
    at = start + length;
  }
  return attributes;
}
