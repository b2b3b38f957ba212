import { runProgram } from '../../lib/cli/program.js';
import type { Output } from '../../lib/cli/output.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Run one command in this process and keep what it wrote. */
export async function tsbgp(...args: string[]): Promise<Ran> {
  const kept = { out: '', err: '' };
  const output: Output = {
    result: (text) => {
      kept.out += text;
      return Promise.resolve();
    },
    message: (line) => void (kept.err += `${line}\n`),
  };
  const code = await runProgram(args, output);
  return { code, ...kept };
}
