import { execFile } from 'node:child_process';

export interface RunOptions {
  /** Octets for the command's stdin; left out: empty. */
  readonly input?: string;
  readonly limitMs?: number;
}

/**
 * Run a short command to its end.
 * @returns its stdout
 * @throws Error with the command line, the exit code and stderr, when it fails or takes longer than `limitMs` (20 s)
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = {
      timeout: options.limitMs ?? 20_000,
      maxBuffer: 256 * 1024 * 1024,
      killSignal: 'SIGKILL',
    } as const;
    const child = execFile(command, [...args], settings, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const how = error.killed ? 'took too long' : `failed (${String(error.code)})`;
      reject(new Error(`${command} ${args.join(' ')} ${how}\n${stderr}${stdout.slice(0, 2000)}`, { cause: error }));
    });
    // A command that ends without reading its input is not a failure of ours.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** One `ip -batch` run, many `ip` commands in one process, in this namespace or another. */
export async function ip(lines: readonly string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  await run('ip', [...where, '-batch', '-'], { input: lines.map((line) => `${line}\n`).join('') });
}
