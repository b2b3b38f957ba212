/**
 * The `tsbgp` command over and over in one process of a namespace: to begin a process for each question would cost far more
 * than the question. JSON lines on stdin, `{ id, args }`, are answered on stdout by `{ id, code, out, err }`. A script, so
 * that it needs no compiler to begin; the argument names the module with `runProgram`, built or not.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';

const { runProgram } = await import(process.argv[2]);

// A connection for each command, as if it were a process: none is left that a restart of the speaker could break.
const { fetch } = globalThis;
globalThis.fetch = (url, init) => fetch(url, { ...init, headers: { ...init?.headers, connection: 'close' } });

async function answer({ id, args }) {
  let [out, err] = ['', ''];
  const code = await runProgram(args, {
    result: async (text) => void (out += text),
    message: (line) => (err += `${line}\n`),
  }).catch((error) => {
    err += error.stack;
    return 'crashed';
  });
  process.stdout.write(`${JSON.stringify({ id, code, out, err })}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line)))
  .on('close', () => process.exit());
