/**
 * A failure of the kernel or of the program that talks to it. `code` is stable API: an errno name (`EEXIST`, `ENODEV`,
 * `EPERM`, `ENOENT` …) or one of ours (`EGATEWAY`: the kernel refuses the gateway; `EEXIT`: the helper process ended;
 * `ETIMEDOUT`: no answer in time; `ECLOSED`: the writer was closed; `EUNKNOWN`: none of these). The message is for people.
 */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export function asKernelError(error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  const { code, message } =
    error instanceof Error ? (error as Error & { code?: unknown }) : { code: null, message: String(error) };
  return new KernelError(typeof code === 'string' ? code : 'EUNKNOWN', message, { cause: error });
}

/** Errors by number, so that a row can have one. Number 0 is none. */
export class ErrorTable {
  readonly #errors: KernelError[] = [];
  readonly #ids = new Map<string, number>();

  get(id: number): KernelError | null {
    return id === 0 ? null : this.#errors[id - 1]!;
  }

  idOf(error: KernelError): number {
    const known = this.#ids.get(error.message);
    if (known !== undefined) return known;
    // Texts name devices at most, so they are few; should they not be, the last number stands for the rest.
    if (this.#errors.length >= 65_000) return this.#errors.length;
    this.#errors.push(error);
    this.#ids.set(error.message, this.#errors.length);
    return this.#errors.length;
  }
}
