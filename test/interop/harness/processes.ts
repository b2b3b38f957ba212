import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** Processes of all labs, so that none outlives this one, whatever ends it. */
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

const LOG_LIMIT = 256 * 1024;

export interface SpawnOptions {
  /** Name in failure messages; default: the command. */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Its stdin is ours to write, its stdout ours to read, and not part of the log. */
  readonly stdin?: boolean;
}

/** A long-running process in the foreground, its output kept for failure messages. */
export class RunningProcess {
  readonly name: string;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  #log = '';

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.name = options.name ?? command;
    this.#child = spawn(command, args, {
      stdio: [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    alive.add(this.#child);
    if (!options.stdin) this.#child.stdout?.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    this.#child.stdin?.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      const ended = (why: string) => {
        alive.delete(this.#child);
        this.#keep(`[${why}]\n`);
        resolve();
      };
      this.#child.once('error', (error) => ended(String(error)));
      this.#child.once('exit', (code, signal) => ended(`exited: ${String(code ?? signal)}`));
    });
  }

  get pid(): number {
    const pid = this.#child.pid;
    if (pid === undefined) throw new Error(`${this.name} was not started: ${this.#log}`);
    return pid;
  }

  get running(): boolean {
    return alive.has(this.#child);
  }

  /** The end of stdout and stderr, as they came. */
  get log(): string {
    return this.#log;
  }

  /** With `stdin: true`. */
  get stdin(): Writable {
    if (this.#child.stdin === null) throw new Error(`${this.name} has no stdin`);
    return this.#child.stdin;
  }

  get stdout(): Readable {
    if (this.#child.stdout === null) throw new Error(`${this.name} has no stdout`);
    return this.#child.stdout;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * SIGTERM, and SIGKILL when it is not gone after `limitMs`.
   * @returns whether it went by itself
   */
  async stop(limitMs = 3000): Promise<boolean> {
    if (!this.running) return true;
    let killed = false;
    this.signal('SIGTERM');
    const waited = new AbortController();
    const tooLong = delay(limitMs, undefined, { signal: waited.signal, ref: false }).then(
      () => {
        killed = true;
        this.signal('SIGKILL');
      },
      () => undefined,
    );
    await this.exited;
    waited.abort();
    await tooLong;
    return !killed;
  }

  /** SIGKILL: no goodbye to anybody. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  #keep(text: string): void {
    this.#log = (this.#log + text).slice(-LOG_LIMIT);
  }
}
