import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A program of this project in a process of its own, with what it has written so far. */
export class Program {
  readonly child: ChildProcess;
  out = '';
  err = '';
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  #watchers: (() => void)[] = [];

  constructor(file: string, ...args: string[]) {
    this.child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#add('out', text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#add('err', text));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        resolve(code ?? signal ?? 'gone');
        this.#wake();
      });
    });
  }

  #add(where: 'out' | 'err', text: string): void {
    this[where] += text;
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  /** Resolves when the text has been written, to stdout or stderr, `count` times; fails with all output when the program ends first. */
  async says(text: string | RegExp, count = 1): Promise<void> {
    const pattern = typeof text === 'string' ? text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : text.source;
    const all = new RegExp(pattern, 'gm');
    for (;;) {
      if ([...`${this.out}\n${this.err}`.matchAll(all)].length >= count) return;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the program ended without saying ${pattern}:\n${this.out}\n${this.err}`);
      }
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** End it if it still runs. */
  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}
