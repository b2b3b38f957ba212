/** Caller misuse: a wrong option, address or argument. `code` is stable API, the message is for people. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
  constructor(
    readonly code: string,
    message: string,
    readonly option?: string,
  ) {
    super(message);
  }
}

/** A network failure below BGP. `code` is the system's errno name (`ECONNREFUSED`) or one of ours (`ETIMEDOUT`, `ECLOSED`). */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
