import { UsageError } from './errors.js';

const HIDDEN = '[secret]';

/**
 * A password or key. It shows itself to nobody: as text, as JSON and to `util.inspect` it is `[secret]`, so that an object
 * that holds one can be logged.
 */
export class Secret {
  readonly #octets: Uint8Array;

  /** @param value text is taken as UTF-8 */
  constructor(value: string | Uint8Array) {
    this.#octets = typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(value);
  }

  /** Length in octets. */
  get length(): number {
    return this.#octets.length;
  }

  /** The octets themselves: a copy, for whoever must hand them to the system. */
  reveal(): Uint8Array {
    return this.#octets.slice();
  }

  equals(other: Secret): boolean {
    return this.length === other.length && this.#octets.every((octet, i) => octet === other.#octets[i]);
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN;
  }
}

/** Linux takes keys of so many octets at most (RFC 2385 section 4.5 asks for at least 80). */
export const MAX_MD5_KEY_LENGTH = 80;

/** @throws UsageError `bad_password` when no TCP MD5 key can be like this */
export function checkMd5Key(key: Secret): void {
  if (key.length < 1 || key.length > MAX_MD5_KEY_LENGTH) {
    const found = key.length === 0 ? 'empty' : `${key.length} octets long`;
    throw new UsageError(
      'bad_password',
      `the password is ${found}; it has 1 to ${MAX_MD5_KEY_LENGTH} octets`,
      'password',
    );
  }
}
