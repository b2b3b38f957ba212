import { closeSync, createReadStream, existsSync, openSync, renameSync, statSync, write, writeSync } from 'node:fs';
import { UsageError } from '../net/index.js';

/** So much may wait to be written; then the disk is too slow. */
const MOST_WAITING = 64e6;

/**
 * A file to which octets are appended, in order, without ever making anybody wait. Nothing is synchronized: it survives a
 * killed process, not a power cut.
 */
export class RecordFile {
  readonly path: string;
  /** Where the file is that was there before; undefined: there was none. */
  readonly previous: string | undefined;
  readonly #fd: number;
  #waiting: Uint8Array[] = [];
  #waitingOctets = 0;
  #offset = 0;
  #writing: Uint8Array | undefined;
  #error: NodeJS.ErrnoException | undefined;
  #closing: (() => void) | undefined;
  #closed = false;
  #last: (() => Uint8Array) | undefined;
  readonly #onExit = (): void => this.#atExit();

  /**
   * Begin a file. One that is there is kept as `PATH.1`, in the place of an earlier one: two restarts after a crash must
   * not fill a disk.
   * @throws UsageError `cannot_write`
   */
  constructor(path: string) {
    this.path = path;
    try {
      const isThere = existsSync(path);
      if (isThere && !statSync(path).isFile()) throw new Error('not a file');
      if (isThere && statSync(path).size > 0) renameSync(path, `${path}.1`);
      this.previous = isThere ? `${path}.1` : undefined;
      this.#fd = openSync(path, 'w', 0o600);
    } catch (error) {
      throw new UsageError('cannot_write', `${path}: ${reasonOf(error)}`, 'record');
    }
    process.on('exit', this.#onExit);
  }

  /** Why nothing is written any more. */
  get error(): string | undefined {
    return this.#error && reasonOf(this.#error);
  }

  append(octets: Uint8Array): boolean {
    if (this.#error !== undefined || this.#closed) return false;
    // The mark that something is missing is still taken: it is small.
    this.#waiting.push(octets);
    this.#waitingOctets += octets.length;
    this.#write();
    return this.#waitingOctets <= MOST_WAITING;
  }

  atExit(last: () => Uint8Array): void {
    this.#last = last;
  }

  #write(): void {
    if (this.#writing !== undefined || this.#closed) return;
    const next = this.#waiting.shift();
    if (next === undefined || this.#error !== undefined) {
      if (this.#closing) this.#finish();
      return;
    }
    this.#writing = next;
    write(this.#fd, next, 0, next.length, this.#offset, (error, written) => {
      if (this.#closed) return;
      this.#writing = undefined;
      this.#offset += written;
      this.#waitingOctets -= written;
      if (error) this.#error = error;
      else if (written < next.length) this.#waiting.unshift(next.subarray(written));
      this.#write();
    });
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closing = resolve;
      this.#write();
    });
  }

  #finish(): void {
    this.#closed = true;
    process.removeListener('exit', this.#onExit);
    closeSync(this.#fd);
    this.#closing?.();
  }

  /** The process ends, perhaps because of an error: what waits is what says most about it. */
  #atExit(): void {
    if (this.#closed || this.#error !== undefined) return;
    // What is being written may not get there any more: once more the same does no harm.
    const all = [...(this.#writing ? [this.#writing] : []), ...this.#waiting, this.#last?.() ?? new Uint8Array(0)];
    try {
      for (const octets of all) this.#offset += writeSync(this.#fd, octets, 0, octets.length, this.#offset);
    } catch {
      // It cannot be helped.
    }
  }
}

/** The octets of a file. @throws UsageError `cannot_read` */
export async function* readRecordFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new UsageError('cannot_read', `${path}: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file or directory';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'ENOSPC') return 'no space is left on the device';
  return message;
}
