import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from './process.js';

/** A folder and programs for each test of the suite in which it is made; gone after the test. */
export class Workbench {
  folder = '';
  readonly #programs: Program[] = [];

  constructor() {
    beforeEach(() => (this.folder = mkdtempSync(join(tmpdir(), 'tsbgp-cli-'))));
    afterEach(async () => {
      for (const program of this.#programs.splice(0)) await program.end();
      rmSync(this.folder, { recursive: true });
    });
  }

  /** @returns the path */
  readonly file = (name: string, text: string): string => {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  };

  /** The `tsbgp` command, in a process of its own. */
  readonly start = (...args: string[]): Program => {
    const program = new Program('lib/cli/main.ts', ...args);
    this.#programs.push(program);
    return program;
  };
}
