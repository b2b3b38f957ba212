import { KernelError } from '../fib/errors.js';
import { TransportError, UsageError } from '../net/index.js';

/** How something ended, so that it can be written down and be made again. */
export type Outcome = { readonly value?: unknown } | { readonly error: ErrorParts };

export interface ErrorParts {
  readonly kind: string;
  readonly code: string;
  readonly message: string;
  readonly option?: string | undefined;
}

export function errorParts(error: unknown): ErrorParts {
  const { name, code, message, option } = error as Error & { code?: unknown; option?: string };
  return { kind: name, code: String(code ?? ''), message, ...(option === undefined ? {} : { option }) };
}

/** An error like the one that was written down. */
export function errorOf(parts: ErrorParts): Error {
  switch (parts.kind) {
    case 'TransportError':
      return new TransportError(parts.code, parts.message);
    case 'KernelError':
      return new KernelError(parts.code, parts.message);
    case 'UsageError':
      return new UsageError(parts.code, parts.message, parts.option);
    default:
      return Object.assign(new Error(parts.message), { code: parts.code });
  }
}
