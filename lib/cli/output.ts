import type { Writable } from 'node:stream';

/** Where a command writes: results and messages. */
export interface Output {
  /** A result, to stdout. Resolves when more can be taken, so that a slow reader slows us down. */
  result(text: string): Promise<void>;
  /** One line for a person, to stderr. */
  message(line: string): void;
}

/** Ends the command with its message and an exit code: 1 it failed, 2 it was called wrongly. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(message);
  }
}

/** By name, since a command's modules may have been loaded by another loader than ours. */
export function isCommandError(error: unknown): error is CommandError {
  return error instanceof Error && error.name === 'CommandError' && 'exitCode' in error;
}

/** Output to two streams. When the reader of results is gone (`tsbgp show routes | head`), `onGone` is called. */
export function outputTo(stdout: Writable, stderr: Writable, onGone: () => void): Output {
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') onGone();
    else throw error;
  });
  stderr.on('error', () => undefined);
  return {
    result: (text) =>
      stdout.write(text) ? Promise.resolve() : new Promise((resolve) => stdout.once('drain', () => resolve())),
    message: (line) => void stderr.write(`${line}\n`),
  };
}

/** Text from a neighbor or a file without anything that could steer a terminal. */
export function printable(text: string): string {
  // C0 and C1 controls, and the marks that reverse the direction of text.
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
