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
  /** @returns how many octets of the address were filled */
  getsockname(fd: number, address: Uint8Array): number;
  send(fd: number, octets: Uint8Array, length: number, flags: number): number;
  recv(fd: number, octets: Uint8Array, flags: number): number;
  /** As `send` and `recv`, on a thread of their own; resolves to the result, or to the negative errno. */
  sendLater(fd: number, octets: Uint8Array, length: number, flags: number): Promise<number>;
  recvLater(fd: number, octets: Uint8Array, flags: number): Promise<number>;
  /** Have `to` stand for what `from` stands for. */
  dup3(from: number, to: number, flags: number): number;
  /** Move the calling thread to another namespace. */
  setns(fd: number, type: number): number;
  /** Let a socket take in only what a classic BPF program (instructions of 8 octets) accepts. */
  attachFilter(fd: number, program: Uint8Array): number;
  /** errno of the call just made. */
  errno(): number;
  /** The failure of the call just made. @param what was tried, for people */
  fail(what: string): TransportError;
}

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
/** struct sock_fprog: a short, and a pointer at its own alignment. */
const SOCK_FPROG_LENGTH = ['x64', 'arm64', 'riscv64', 'ppc64', 's390x', 'loong64'].includes(process.arch) ? 16 : 8;

/** The part of koffi that is used: declared here because the package may be missing. */
interface Koffi {
  load(path: string | null): {
    func(prototype: string): ForeignFunction;
    func(name: string, result: string, parameters: readonly unknown[]): ForeignFunction;
  };
  struct(members: Readonly<Record<string, string>>): unknown;
  pointer(type: unknown): unknown;
  errno(): number;
}

interface ForeignFunction {
  (...args: unknown[]): number;
  async(...args: unknown[]): void;
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
  const name = library.func('int getsockname(int fd, void *address, void *length)');
  const send = library.func('long send(int fd, const void *octets, size_t length, int flags)');
  const recv = library.func('long recv(int fd, void *octets, size_t length, int flags)');
  // Without a name, which could be given once only, also by another copy of this module in the process.
  const program = koffi.pointer(koffi.struct({ length: 'uint16_t', filter: 'const void *' }));
  const filter = library.func('setsockopt', 'int', ['int', 'int', 'int', program, 'uint32_t']);
  const later = (call: ForeignFunction, ...args: unknown[]): Promise<number> =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) => {
        if (error) reject(error);
        else resolve(result < 0 ? -koffi.errno() : result);
      });
    });
  const filled = (call: (length: Uint32Array) => number, size: number): number => {
    const length = Uint32Array.of(size);
    return call(length) < 0 ? -1 : length[0]!;
  };
  return {
    socket,
    bind: (fd, address) => bind(fd, address, address.length),
    setsockopt: (fd, level, name, value) => set(fd, level, name, value, value.length),
    getsockopt: (fd, level, name, value) => filled((length) => get(fd, level, name, value, length), value.length),
    close,
    trimMemory: () => {
      try {
        return library.func('int malloc_trim(size_t pad)')(0);
      } catch {
        return 0; // not glibc
      }
    },
    getsockname: (fd, address) => filled((length) => name(fd, address, length), address.length),
    send,
    recv: (fd, octets, flags) => recv(fd, octets, octets.length, flags),
    sendLater: (fd, octets, length, flags) => later(send, fd, octets, length, flags),
    recvLater: (fd, octets, flags) => later(recv, fd, octets, octets.length, flags),
    dup3: library.func('int dup3(int from, int to, int flags)'),
    setns: library.func('int setns(int fd, int type)'),
    attachFilter: (fd, code) =>
      filter(fd, SOL_SOCKET, SO_ATTACH_FILTER, { length: code.length / 8, filter: code }, SOCK_FPROG_LENGTH),
    errno: () => koffi.errno(),
    fail: (what) => {
      const code = getSystemErrorName(-koffi.errno());
      return new TransportError(code, `${what}: ${code}`);
    },
  };
}
