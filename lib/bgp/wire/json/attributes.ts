import { UsageError } from '../../../net/errors.js';
import type { NestedAttribute } from '../attributes/attribute.js';
import type { AttrSet } from '../attributes/attr-set.js';
import type { Attribute } from '../attributes/index.js';
import type { EncodableAttribute } from '../messages/attribute-block.js';
import { toHex } from '../text.js';
import { VALUE_FORMS } from './attribute-values.js';
import type { JsonObject } from './read.js';
import { readArray, readHex, readNumber, readObject } from './read.js';

const ATTR_SET = 128;

/** Path attributes to their JSON form, in order. */
export function attributesToJson(attributes: readonly Attribute[]): JsonObject[] {
  return attributes.map(attributeToJson);
}

/** What of an attribute has a JSON form. */
type AnyAttribute = NestedAttribute & { readonly length?: number; readonly discarded?: true };

function attributeToJson(attribute: AnyAttribute): JsonObject {
  const { code, name, flags, raw, length, discarded } = attribute;
  const json: JsonObject = { code, name, flags };
  if (raw === undefined) {
    json['value'] = valueToJson(code, attribute.value);
    return json;
  }
  json['raw'] = toHex(raw);
  if (length !== undefined) json['length'] = length;
  if (discarded === true) json['discarded'] = true;
  return json;
}

function valueToJson(code: number, value: unknown): unknown {
  if (code === ATTR_SET) {
    const { originAs, attributes } = value as AttrSet;
    return { origin_as: originAs, attributes: attributes.map(attributeToJson) };
  }
  const to = VALUE_FORMS[code]?.to;
  return to === undefined ? value : to(value as never);
}

/**
 * Path attributes from their JSON form.
 * @throws UsageError `bad_json`, `bad_address`, `bad_community`, `bad_rd`
 */
export function attributesFromJson(value: unknown): EncodableAttribute[] {
  return readArray(value, 'attributes').map((entry) => attributeFromJson(readObject(entry, 'attributes')));
}

function attributeFromJson(json: JsonObject): EncodableAttribute {
  const code = readNumber(json, 'code', 8);
  const flags = json['flags'] === undefined ? {} : { flags: readNumber(json, 'flags', 8) };
  if (json['raw'] !== undefined) {
    const length = json['length'] === undefined ? {} : { length: readNumber(json, 'length', 16) };
    return { code, ...flags, raw: readHex(json['raw'], 'raw'), ...length };
  }
  return { code, ...flags, value: valueFromJson(code, json['value']) } as EncodableAttribute;
}

function valueFromJson(code: number, json: unknown): unknown {
  if (code === ATTR_SET) {
    const value = readObject(json, 'value');
    return { originAs: readNumber(value, 'origin_as', 32), attributes: attributesFromJson(value['attributes']) };
  }
  const form = VALUE_FORMS[code];
  if (form === undefined) throw new UsageError('bad_json', `attribute ${code} needs 'raw'`, 'value');
  return form.from(json);
}
