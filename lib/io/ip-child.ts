import { spawn, spawnSync } from 'node:child_process';
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

/** Has the kernel kill what it is put before when we end in any way, also by SIGKILL: `prctl(PR_SET_PDEATHSIG)` by util-linux. */
const WITH_US = ['setpriv', '--pdeathsig', 'KILL'] as const;
/** What it ends with when it cannot run the program. */
const NOT_FOUND = 127;

let canEndWithUs: boolean | undefined;

/** Put before a command whose process must not outlive ours; empty where this system does not know how. */
export function endingWithUs(): readonly string[] {
  const [command, ...args] = WITH_US;
  canEndWithUs ??= spawnSync(command, [...args, command, '--version'], { stdio: 'ignore' }).status === 0;
  return canEndWithUs ? WITH_US : [];
}

/**
 * @param path   the program, looked up in PATH
 * @param before see {@link endingWithUs}: else `ip monitor` stays after a SIGKILL until there is something to tell
 */
export function spawnIp(path = 'ip', before = endingWithUs): SpawnIp {
  return (args, handler) => {
    const [command, ...rest] = [...before(), path, ...args] as [string, ...string[]];
    // Its own session: a Ctrl-C on our terminal must not end it before we have removed our routes.
    const child = spawn(command, rest, { stdio: 'pipe', detached: true, env: { ...process.env, LC_ALL: 'C' } });
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
      if (command !== path && code === NOT_FOUND)
        return end(new KernelError('ENOENT', `cannot run '${path}': ENOENT: ${said}`));
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
