import { UsageError } from '../../../net/errors.js';
import { fromHex } from '../text.js';

/** A JSON object, as `JSON.parse` gives it. */
export type JsonObject = { [key: string]: unknown };

/** Reading JSON that people wrote: each function gives a typed value or says which field is wrong. @throws UsageError `bad_json` */

function bad(field: string, expected: string, value: unknown): UsageError {
  return new UsageError('bad_json', `${field}: expected ${expected}, not ${JSON.stringify(value) ?? 'nothing'}`, field);
}

export function readObject(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(field, 'an object', value);
  return value as JsonObject;
}

export function readArray(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(field, 'a list', value);
  return value;
}

/** An unsigned integer of at most `bits` bits (32 or fewer). */
export function readNumber(object: JsonObject, field: string, bits: number): number {
  const value = object[field];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
    throw bad(field, `a number of ${bits} bits`, value);
  }
  return value;
}

export function readUnsigned(value: unknown, field: string, bits: number): number {
  return readNumber({ [field]: value }, field, bits);
}

export function readString(value: unknown, field: string): string {
  if (typeof value !== 'string') throw bad(field, 'a text', value);
  return value;
}

export function readBoolean(object: JsonObject, field: string): boolean {
  const value = object[field];
  if (typeof value !== 'boolean') throw bad(field, 'true or false', value);
  return value;
}

/** Octets from hex; `length` of them when it is given. */
export function readHex(value: unknown, field: string, length?: number): Uint8Array {
  const octets = typeof value === 'string' ? fromHex(value) : undefined;
  if (octets === undefined || (length !== undefined && octets.length !== length)) {
    throw bad(field, length === undefined ? 'hex digits' : `${length * 2} hex digits`, value);
  }
  return octets;
}

/** One of a list of texts. */
export function readChoice<T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  if (!choices.includes(value as T)) throw bad(field, `one of ${choices.join(', ')}`, value);
  return value as T;
}
