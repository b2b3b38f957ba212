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
