import type { JsonObject, WireContext } from '../bgp/wire/index.js';
import { attributesToJson, toHex } from '../bgp/wire/index.js';
import type { RibNextHop } from './rib-attributes.js';
import { decodeRibAttributes } from './rib-attributes.js';

/** The cache is emptied at this many blocks, so that it stays small next to any table. */
const MAX_BLOCKS = 1 << 15;

/** JSON texts of attribute blocks, remembered by their octets. */
export class AttributeTexts {
  private readonly texts = new Map<string, string>();

  constructor(private readonly cx: WireContext) {}

  /** JSON text of a block: the list of its attributes. */
  of(block: Uint8Array): string {
    const key = keyOf(block);
    let text = this.texts.get(key);
    if (text === undefined) {
      text = JSON.stringify(decodeRibAttributes(block, this.cx).map(attributeToJson));
      if (this.texts.size >= MAX_BLOCKS) this.texts.clear();
      this.texts.set(key, text);
    }
    return text;
  }
}

/** One character for each octet. */
function keyOf(block: Uint8Array): string {
  return Buffer.from(block.buffer, block.byteOffset, block.length).toString('latin1');
}

function attributeToJson(attribute: ReturnType<typeof decodeRibAttributes>[number]): JsonObject {
  return isShort(attribute) ? shortToJson(attribute) : attributesToJson([attribute])[0]!;
}

function isShort(attribute: ReturnType<typeof decodeRibAttributes>[number]): attribute is RibNextHop {
  return attribute.code === 14 && attribute.value !== undefined && !('afi' in (attribute.value as object));
}

function shortToJson({ code, name, flags, value }: RibNextHop): JsonObject {
  const { nextHop, linkLocal, nextHopRaw } = value;
  return {
    code,
    name,
    flags,
    value: {
      ...(nextHopRaw === undefined ? { next_hop: nextHop } : { next_hop_raw: toHex(nextHopRaw) }),
      ...(linkLocal === undefined ? {} : { link_local: linkLocal }),
    },
  };
}
