import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { UsageError } from '../net/errors.js';
import { Secret } from '../net/secret.js';

/**
 * Read a text file, such as a configuration.
 * @param path a file, or `-` for standard input
 * @throws UsageError `cannot_read` (rejects) with the system's reason; `not_text` when it is not UTF-8
 */
export async function readTextFile(path: string): Promise<string> {
  let octets: Uint8Array;
  try {
    octets = path === '-' ? await readStandardInput() : await readFile(path);
  } catch (error) {
    throw new UsageError('cannot_read', `${path}: ${reasonOf(error as NodeJS.ErrnoException)}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    throw new UsageError('not_text', `${path}: not a UTF-8 text file`);
  }
}

/**
 * The secret that a file holds: all of it, less one line break at its end.
 * @throws UsageError `cannot_read`
 */
export function readSecretFile(path: string): Secret {
  let octets: Uint8Array;
  try {
    octets = readFileSync(path);
  } catch (error) {
    throw new UsageError('cannot_read', `${path}: ${reasonOf(error as NodeJS.ErrnoException)}`);
  }
  let end = octets.length;
  if (octets[end - 1] === 10) end -= octets[end - 2] === 13 ? 2 : 1;
  return new Secret(octets.subarray(0, end));
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a directory',
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? error.message;
}
