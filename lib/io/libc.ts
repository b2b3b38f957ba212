import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import { TransportError } from '../net/errors.js';

/** Calls of the C library that Node does not offer. Each returns -1 on failure; {@link Libc.fail} then says why. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** @returns how many octets of `value` were filled */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  close(fd: number): number;
  /** Give memory that was freed back to the system. @returns 1 when there was some, 0 also where the C library cannot */
  trimMemory(): number;
  /** The failure of the call just made. @param what was tried, for people */
  fail(what: string): TransportError;
}

/** The part of koffi that is used: declared here because the package may be missing. */
interface Koffi {
  load(path: string | null): { func(prototype: string): (...args: unknown[]) => number };
  errno(): number;
}

let outcome: { readonly libc: Libc } | { readonly reason: string } | undefined;

/**
 * The C library, through the optional package koffi. Loaded the first time that it is asked for: 15 ms and a few megabytes
 * that nobody pays who does not need it.
 * @throws TransportError `ENOSYS`
 */
export function libc(): Libc {
  outcome ??= load();
  if ('reason' in outcome) throw new TransportError('ENOSYS', outcome.reason);
  return outcome.libc;
}

/** Why {@link libc} cannot be had; undefined: it can. */
export function whyNoLibc(): string | undefined {
  outcome ??= load();
  return 'reason' in outcome ? outcome.reason : undefined;
}

function load(): NonNullable<typeof outcome> {
  if (process.platform !== 'linux')
    return { reason: `socket options are set on Linux only, not on ${process.platform}` };
  let koffi: Koffi;
  try {
    // Not an import: whoever asks waits for the answer, and the bundled command has to find the package at run time.
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    const why = missing ? 'is not installed' : `cannot be loaded (${(error as Error).message.split('\n')[0]})`;
    return { reason: `the optional package koffi ${why}` };
  }
  try {
    return { libc: bindings(koffi) };
  } catch (error) {
    return { reason: `koffi cannot reach the C library (${(error as Error).message.split('\n')[0]})` };
  }
}

function bindings(koffi: Koffi): Libc {
  // What the process itself is linked with, whichever C library that is.
  const library = koffi.load(null);
  const socket = library.func('int socket(int family, int type, int protocol)');
  const bind = library.func('int bind(int fd, const void *address, uint32_t length)');
  const set = library.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');
  const get = library.func('int getsockopt(int fd, int level, int name, void *value, void *length)');
  const close = library.func('int close(int fd)');
  return {
    socket,
    bind: (fd, address) => bind(fd, address, address.length),
    setsockopt: (fd, level, name, value) => set(fd, level, name, value, value.length),
    getsockopt: (fd, level, name, value) => {
      const length = Uint32Array.of(value.length);
      return get(fd, level, name, value, length) < 0 ? -1 : length[0]!;
    },
    close,
    trimMemory: () => {
      try {
        return library.func('int malloc_trim(size_t pad)')(0);
      } catch {
        return 0; // not glibc
      }
    },
    fail: (what) => {
      const code = getSystemErrorName(-koffi.errno());
      return new TransportError(code, `${what}: ${code}`);
    },
  };
}
