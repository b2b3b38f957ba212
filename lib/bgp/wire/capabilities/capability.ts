import type { Reader } from '../../../net/reader.js';
import type { Writer } from '../../../net/writer.js';

/** Everything known about one capability (RFC 5492). */
export interface CapabilityType<C extends number = number, N extends string = string, V extends object = object> {
  readonly code: C;
  readonly name: N;
  readonly rfc: string;
  /**
   * Read the value; the reader ends where the value does, and octets left over make it malformed. Reserved bits are
   * skipped: the caller keeps the octets beside a typed form that would not give them back.
   */
  decode(reader: Reader): V;
  encode(writer: Writer, value: V): void;
}

/** Define a capability; types are inferred from the definition. */
export function capability<C extends number, N extends string, V extends object>(
  type: CapabilityType<C, N, V>,
): CapabilityType<C, N, V> {
  return type;
}

/** A capability without a value. */
export function emptyCapability<C extends number, N extends string>(
  code: C,
  name: N,
  rfc: string,
): CapabilityType<C, N, object> {
  return { code, name, rfc, decode: () => ({}), encode: () => undefined };
}

/** Read tuples until the value ends. */
export function readTuples<T>(reader: Reader, read: (reader: Reader) => T): readonly T[] {
  const tuples: T[] = [];
  while (reader.remaining > 0) {
    tuples.push(read(reader));
  }
  return tuples;
}

/** UTF-8 text behind a length octet; what is not UTF-8 reads as U+FFFD. */
export function readText(reader: Reader): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(reader.view(reader.u8()));
}

/** UTF-8 text behind a length octet. @throws RangeError over 255 octets */
export function writeText(writer: Writer, text: string): void {
  const octets = new TextEncoder().encode(text);
  if (octets.length > 255) throw new RangeError(`text of ${octets.length} octets, at most 255 fit`);
  writer.u8(octets.length);
  writer.octets(octets);
}
