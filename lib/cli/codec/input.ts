import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Bunzip } from '../../mrt/index.js';
import { CommandError } from '../output.js';

/** Octets to be read, with how far we are in them. */
export interface Input {
  /** `-` is called standard input. */
  readonly name: string;
  /** Octets of the file, before decompression; undefined for a pipe. */
  readonly size: number | undefined;
  /** Octets read so far, before decompression. */
  position(): number;
  /** Decompressed. @throws CommandError when it cannot be read */
  chunks(): AsyncGenerator<Uint8Array>;
}

const CHUNK = 1 << 20;

/** Open a file, or standard input for `-`. */
export async function openInput(file: string): Promise<Input> {
  const isStandard = file === '-';
  const name = isStandard ? 'standard input' : file;
  const size = isStandard ? undefined : await sizeOf(file);
  const source: Readable = isStandard ? process.stdin : createReadStream(file, { highWaterMark: CHUNK });
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      read += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  }
  return {
    name,
    size,
    position: () => read,
    chunks: () => failingAs(name, decompress(counted())),
  };
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new CommandError(`${file}: is a directory`);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${file}: ${reasonOf(error)}`);
  }
}

async function* failingAs(name: string, chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw new CommandError(`${name}: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  return message;
}

/** Undo gzip or bzip2 where the first octets are those of one; three octets are needed to tell. */
async function* decompress(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 3 && isPrefixOfMagic(head)) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  const all = prepend(head, chunks);
  if (head[0] === 0x1f && head[1] === 0x8b) yield* Readable.from(all).pipe(gunzip());
  else if (head[0] === 0x42 && head[1] === 0x5a && head[2] === 0x68) yield* bunzip(all);
  else yield* all;
}

/** Whether more octets could still make it a magic number: a pipe's first line must not wait for a third octet. */
function isPrefixOfMagic(head: Uint8Array): boolean {
  const magics = [
    [0x1f, 0x8b],
    [0x42, 0x5a, 0x68],
  ];
  return magics.some((magic) => head.length < magic.length && head.every((octet, i) => octet === magic[i]));
}

async function* prepend(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* bunzip(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bunzip = new Bunzip();
  for await (const chunk of chunks) yield* bunzip.push(chunk);
  yield* bunzip.end();
}

function gunzip() {
  return createGunzip({ chunkSize: CHUNK });
}
