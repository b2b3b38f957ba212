import type { RecordSink } from './recorder.js';

/** A recording in memory, for tests. */
export class MemorySink implements RecordSink {
  readonly #parts: Uint8Array[] = [];

  append(octets: Uint8Array): boolean {
    this.#parts.push(octets);
    return true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** All octets so far. */
  get octets(): Uint8Array {
    const whole = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
