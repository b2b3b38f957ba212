import type { Reader } from '../../../net/reader.js';
import type { Writer } from '../../../net/writer.js';
import type { WireContext } from '../context.js';
import type { ErrorAction } from '../errors.js';

/** Attribute Flags (RFC 4271 section 4.3). */
export const FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

export const WELL_KNOWN = FLAG.transitive;
export const OPTIONAL = FLAG.optional;
export const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;

/** An attribute inside another: typed by `value`, or octets. */
export interface NestedAttribute {
  readonly code: number;
  readonly name: string;
  readonly flags: number;
  readonly value?: unknown;
  readonly raw?: Uint8Array;
}

/** How an attribute that holds attributes reads and writes them. */
export interface NestedCodec {
  decode(reader: Reader): readonly NestedAttribute[];
  encode(writer: Writer, attributes: readonly NestedAttribute[]): void;
}

/**
 * Everything known about one path attribute. The loop in `messages/attribute-judge.ts` applies the rules;
 * an attribute's own functions see exactly its value octets.
 */
export interface AttributeType<C extends number = number, N extends string = string, V = unknown> {
  readonly code: C;
  /** Name as in the IANA registry, capitals with `_`. */
  readonly name: N;
  /** Optional and Transitive bits that it must have. */
  readonly flags: number;
  /** Exact length of the value. */
  readonly length?: number | ((cx: WireContext) => number);
  /** The length is a non-zero multiple of this. */
  readonly unit?: number;
  /** Shortest value. */
  readonly minLength?: number;
  /** What a malformed one costs. */
  readonly onError: ErrorAction;
  /** What wrong Optional or Transitive bits cost; `treat-as-withdraw` (RFC 7606 section 3 c) when left out. */
  readonly onFlagsError?: ErrorAction;
  /**
   * It belongs inside of one AS, or of one confederation, and is discarded when it comes from outside (RFC 7606 sections 7.5,
   * 7.9, 7.10, RFC 5065 section 5.2).
   */
  readonly scope?: 'as' | 'confederation';
  /** Meaningful only hop by hop for those who implement it: never passed on. */
  readonly notPropagated?: true;
  /** Path attributes begin at this octet of the value; they are judged like others. */
  readonly nestedFrom?: number;
  readonly rfc: string;
  /** NOTIFICATION subcode of a bad value; 9 (Optional Attribute Error) when left out. */
  readonly subcode?: number;
  /**
   * Judge the value, which has passed the length rule, without building anything.
   * @returns what is wrong with it
   */
  check?(bytes: Uint8Array, start: number, end: number, cx: WireContext): string | undefined;
  /** The typed value; undefined when the typed form could not give the octets back exactly. */
  decode?(reader: Reader, cx: WireContext, nested: NestedCodec): V | undefined;
  encode?(writer: Writer, value: V, cx: WireContext, nested: NestedCodec): void;
}

/** Define an attribute with a typed form; types are inferred from the definition. */
export function attribute<C extends number, N extends string, V>(
  type: AttributeType<C, N, V> & Required<Pick<AttributeType<C, N, V>, 'decode' | 'encode'>>,
): AttributeType<C, N, V> {
  return type;
}

/** Define an attribute that is carried as octets. */
export function opaqueAttribute<C extends number, N extends string>(
  type: AttributeType<C, N, never>,
): AttributeType<C, N, never> {
  return type;
}
