import { spawn } from 'node:child_process';
import type { ConntrackTable } from '../fib/conntrack.js';
import { KernelError } from '../fib/errors.js';

export interface ConntrackToolOptions {
  /** Name of the network namespace to work in; default: our own. */
  readonly netns?: string;
  /** The program; default `conntrack`, from PATH. conntrack-tools 1.4.7 or later. */
  readonly path?: string;
}

/** It takes a walk through the kernel's table for each line: a large one takes its time. */
const LIMIT_MS = 60_000;

/** It opens what `-` stands for by name, and a socket, which a child's stdin is here, cannot be opened so. */
const THROUGH_PIPE = 'cat | "$@"';

/** Deletes entries through the `conntrack` program: one process for each batch. Linux only; needs CAP_NET_ADMIN. */
export class ConntrackTool implements ConntrackTable {
  #kill: (() => void) | null = null;

  constructor(private readonly options: ConntrackToolOptions = {}) {}

  deleteEntries(addresses: readonly string[]): Promise<void> {
    const lines = addresses.flatMap((address) => {
      const family = address.includes(':') ? 'ipv6' : 'ipv4';
      // As Felix does: an endpoint is the original source of flows that it began, the reply source of those that it answers.
      return ['--orig-src', '--reply-src'].map((field) => `-D -f ${family} ${field} ${address}\n`);
    });
    return this.#run(lines.join(''));
  }

  #run(input: string): Promise<void> {
    const { netns, path = 'conntrack' } = this.options;
    const command = netns === undefined ? [path, '-R', '-'] : ['ip', 'netns', 'exec', netns, path, '-R', '-'];
    return new Promise((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', THROUGH_PIPE, 'sh', ...command], {
        // What it prints of each deleted entry is of no use, and may be much.
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { ...process.env, LC_ALL: 'C' },
        // A group of its own, to be ended as a whole.
        detached: true,
      });
      const kill = (): void => {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      };
      const limit = setTimeout(kill, LIMIT_MS);
      this.#kill = kill;
      let said = '';
      child.stderr.setEncoding('latin1').on('data', (chunk: string) => (said = (said + chunk).slice(-500)));
      child.stdin.on('error', () => undefined); // EPIPE: 'close' tells the same
      child.stdin.end(input);
      child.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(limit);
        this.#kill = null;
        reject(new KernelError(error.code ?? 'EUNKNOWN', `cannot run '${path}': ${error.message}`, { cause: error }));
      });
      child.on('close', (code, signal) => {
        clearTimeout(limit);
        this.#kill = null;
        if (code === 0) return resolve();
        const how = signal === null ? `with status ${code}` : `by ${signal}`;
        const last = said.trimEnd().split('\n').pop()!;
        // As the shell says that there is no such program.
        const missing = code === 127;
        reject(
          new KernelError(missing ? 'ENOENT' : 'EEXIT', `'${path}' ended ${how}${last === '' ? '' : `: ${last}`}`),
        );
      });
    });
  }

  close(): void {
    this.#kill?.();
  }
}
