import { spawn } from 'node:child_process';
import { KernelError } from '../fib/errors.js';

/** A running child process with line-oriented output. */
export interface Child {
  /** Queue text for its standard input. Ignored after its end. */
  write(text: string): void;
  /** Close its standard input, so that it ends when it has read all. */
  end(): void;
  /** Kill it at once (SIGKILL). */
  kill(): void;
}

export interface ChildHandler {
  onStdout(chunk: string): void;
  onStderr(chunk: string): void;
  /** Its output is complete; called exactly once. `error` is set when it did not end with status 0. */
  onEnd(error: KernelError | null): void;
}

/** Starts `ip` with these arguments. Replaceable, so that tests need neither `ip` nor privileges. */
export type SpawnIp = (args: readonly string[], handler: ChildHandler) => Child;

/**
 * @param path the program, looked up in PATH
 */
export function spawnIp(path = 'ip'): SpawnIp {
  return (args, handler) => {
    // Its own session: a Ctrl-C on our terminal must not end it before we have removed our routes.
    const child = spawn(path, args, { stdio: 'pipe', detached: true, env: { ...process.env, LC_ALL: 'C' } });
    let ended = false;
    let tail = '';
    const end = (error: KernelError | null): void => {
      if (ended) return;
      ended = true;
      handler.onEnd(error);
    };
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => handler.onStdout(chunk));
    child.stderr.setEncoding('latin1').on('data', (chunk: string) => {
      tail = (tail + chunk).slice(-500);
      handler.onStderr(chunk);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      end(new KernelError(error.code ?? 'EUNKNOWN', `cannot run '${path}': ${error.message}`, { cause: error }));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return end(null);
      const how = signal === null ? `with status ${code}` : `by ${signal}`;
      const said = lastLine(tail);
      end(new KernelError('EEXIT', said === '' ? `'${path}' ended ${how}` : `'${path}' ended ${how}: ${said}`));
    });
    // EPIPE when it has ended; 'close' tells the same.
    child.stdin.on('error', () => undefined);
    return {
      // What write() returns is not needed: unacknowledged batches, and so queued octets, are limited by the callers.
      write: (text) => void child.stdin.write(text, 'latin1'),
      end: () => void child.stdin.end(),
      kill: () => void child.kill('SIGKILL'),
    };
  };
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').pop()!.trim();
}

/** Cuts chunks into lines. */
export class LineSplitter {
  #rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  push(chunk: string): void {
    let from = 0;
    for (let at = chunk.indexOf('\n'); at >= 0; at = chunk.indexOf('\n', from)) {
      const line = this.#rest === '' ? chunk.slice(from, at) : this.#rest + chunk.slice(from, at);
      this.#rest = '';
      from = at + 1;
      this.onLine(line);
    }
    if (from < chunk.length) this.#rest += chunk.slice(from);
  }
}
