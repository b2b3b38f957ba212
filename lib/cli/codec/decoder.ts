/** Octets in as they arrive, JSON objects (or their text) out as soon as they are complete. Bounded memory. */
export interface StreamDecoder {
  push(chunk: Uint8Array): Iterable<object | string>;
  /** The input has ended. */
  end(): Iterable<object | string>;
}
