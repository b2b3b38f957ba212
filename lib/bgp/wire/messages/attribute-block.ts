import { isFourOctetAsn } from '../../../net/asn.js';
import { Reader } from '../../../net/reader.js';
import type { Writer } from '../../../net/writer.js';
import { UsageError } from '../../../net/errors.js';
import type { WireContext } from '../context.js';
import { attributeName } from '../attributes/names.js';
import type { Aggregator } from '../attributes/aggregator.js';
import { AGGREGATOR } from '../attributes/aggregator.js';
import { AS4_AGGREGATOR } from '../attributes/as4-aggregator.js';
import { AS4_PATH } from '../attributes/as4-path.js';
import type { AsPathSegment } from '../attributes/as-path.js';
import type { NestedCodec } from '../attributes/attribute.js';
import { FLAG } from '../attributes/attribute.js';
import type { Attribute, RawValueAttribute } from '../attributes/index.js';
import { attributeType } from '../attributes/index.js';
import { nestedContext } from './attribute-judge.js';
import { parseAttributes } from './parse-update.js';

const AS_PATH = 2;

/** Where an attribute is, and whether its value may be trusted. */
export interface AttributePlace {
  readonly code: number;
  readonly flags: number;
  readonly start: number;
  readonly end: number;
  readonly sentLength: number;
  readonly malformed: boolean;
  readonly discarded: boolean;
}

/**
 * The typed form of one attribute; its octets when it is malformed or has no exact typed form.
 * @param inside it stands inside another attribute, where no further nesting is looked into
 */
export function decodeAttribute(bytes: Uint8Array, place: AttributePlace, cx: WireContext, inside = false): Attribute {
  const { code, flags, start, end } = place;
  const type = attributeType(code);
  if (type?.decode !== undefined && !place.malformed && !(inside && type.nestedFrom !== undefined)) {
    const value = type.decode(
      new Reader(bytes, start, end),
      cx,
      type.nestedFrom === undefined ? NO_NESTED : nestedCodec(cx),
    );
    if (value !== undefined) return { code, name: type.name, flags, value } as Attribute;
  }
  const raw: RawValueAttribute = { code, name: attributeName(code), flags, raw: bytes.slice(start, end) };
  if (place.sentLength === end - start && !place.discarded) return raw;
  return {
    ...raw,
    ...(place.sentLength === end - start ? {} : { length: place.sentLength }),
    ...(place.discarded ? { discarded: true as const } : {}),
  };
}

/** Handed to the many attributes that hold no others. */
const NO_NESTED: NestedCodec = { decode: () => [], encode: () => undefined };
const NESTED_CODECS = new WeakMap<WireContext, NestedCodec>();

/** How attributes inside an attribute are read and written, by context. */
function nestedCodec(cx: WireContext): NestedCodec {
  let codec = NESTED_CODECS.get(cx);
  if (codec === undefined) {
    const inner = nestedContext(cx);
    codec = {
      decode: ({ bytes, offset, end }) =>
        parseAttributes(bytes, offset, end, inner, { inside: true }).attributes.map((place) =>
          decodeAttribute(bytes, place, inner, true),
        ),
      encode: (writer, attributes) => encodeAttributes(attributes as readonly EncodableAttribute[], inner, writer),
    };
    NESTED_CODECS.set(cx, codec);
  }
  return codec;
}

/**
 * Write attributes in the order given. The Extended Length bit is set where a value needs it.
 * Towards a two-octet speaker AS4_PATH and AS4_AGGREGATOR are added where they are needed.
 * @param attributes `flags` may be left out: the type's usual flags are taken
 * @throws UsageError `bad_attribute` when a value does not fit its attribute
 */
export function encodeAttributes(attributes: readonly EncodableAttribute[], cx: WireContext, writer: Writer): void {
  for (const attribute of attributes) encodeAttribute(attribute, cx, writer);
  if (!cx.asn4) for (const attribute of as4Attributes(attributes)) encodeAttribute(attribute, cx, writer);
}

/**
 * What a two-octet speaker must be told beside AS_PATH and AGGREGATOR where these cannot hold an AS number (RFC 6793
 * section 4.2.2); nothing where the caller gives it.
 */
function as4Attributes(attributes: readonly EncodableAttribute[]): EncodableAttribute[] {
  const given = (code: number) => attributes.some((attribute) => attribute.code === code);
  const added: EncodableAttribute[] = [];
  for (const attribute of attributes) {
    if (attribute.code === AS_PATH && 'value' in attribute && !given(AS4_PATH)) {
      const segments = attribute.value as readonly AsPathSegment[];
      // Confederation segments have no place in AS4_PATH.
      const value = segments.filter(({ type }) => type === 'AS_SEQUENCE' || type === 'AS_SET');
      if (value.some(({ asns }) => asns.some(isFourOctetAsn))) added.push({ code: AS4_PATH, value });
    } else if (attribute.code === AGGREGATOR && 'value' in attribute && !given(AS4_AGGREGATOR)) {
      const value = attribute.value as Aggregator;
      if (isFourOctetAsn(value.as)) added.push({ code: AS4_AGGREGATOR, value });
    }
  }
  return added;
}

/** An attribute to be written: `flags` and `name` are optional. */
export type EncodableAttribute = Attribute extends infer A
  ? A extends { flags: number; name: string }
    ? Omit<A, 'flags' | 'name'> & { readonly flags?: number; readonly name?: string }
    : never
  : never;

function encodeAttribute(attribute: EncodableAttribute, cx: WireContext, w: Writer): void {
  const type = attributeType(attribute.code);
  const flags = attribute.flags ?? type?.flags ?? FLAG.optional | FLAG.transitive;
  const headerAt = w.length;
  w.u8(flags);
  w.u8(attribute.code);
  w.u16(0);
  if ('raw' in attribute && attribute.raw !== undefined) w.octets(attribute.raw);
  else if (type?.encode !== undefined)
    type.encode(
      w,
      (attribute as { value: unknown }).value,
      cx,
      type.nestedFrom === undefined ? NO_NESTED : nestedCodec(cx),
    );
  else throw new UsageError('bad_attribute', `attribute ${attribute.code} has no typed form, give its octets as 'raw'`);
  const valueLength = w.length - headerAt - 4;
  const length = 'length' in attribute && attribute.length !== undefined ? attribute.length : valueLength;
  if (valueLength > 0xffff)
    throw new UsageError('bad_attribute', `attribute ${attribute.code} is over 65535 octets long`);
  if ((flags & FLAG.extendedLength) !== 0 || length > 255) {
    w.patch8(headerAt, flags | FLAG.extendedLength);
    w.patch16(headerAt + 2, length);
    return;
  }
  w.bytes.copyWithin(headerAt + 3, headerAt + 4, w.length);
  w.length--;
  w.patch8(headerAt + 2, length);
}
