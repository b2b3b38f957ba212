import type { WireContext } from '../../bgp/wire/index.js';
import { MrtDecoder } from '../../mrt/index.js';
import { UsageError } from '../../net/index.js';
import { CaptureError, PcapDecoder } from '../../pcap/index.js';
import type { Output } from '../output.js';
import { CommandError } from '../output.js';
import type { StreamDecoder } from './decoder.js';
import type { Format } from './detect.js';
import { detectFormat } from './detect.js';
import { HexDecoder } from './hex.js';
import type { Input } from './input.js';
import { openInput } from './input.js';
import type { DecodeOptions } from './options.js';
import { contextOf } from './options.js';
import { Progress } from './progress.js';
import { RawMessageDecoder } from './raw-messages.js';

/** Lines are gathered up to this many characters before they are written. */
const BATCH = 1 << 16;

/** The command `decode`. @throws CommandError when the input cannot be read or is of no known form */
export async function decode(file: string, options: DecodeOptions, out: Output): Promise<void> {
  const input = await openInput(file);
  const progress = new Progress(input);
  const lines = new LineOutput(out);
  try {
    await run(input, options, lines, progress);
  } catch (error) {
    throw error instanceof CaptureError || error instanceof UsageError
      ? new CommandError(`${input.name}: ${error.message}`)
      : error;
  } finally {
    await lines.flush();
    progress.done();
  }
}

async function run(input: Input, options: DecodeOptions, lines: LineOutput, progress: Progress): Promise<void> {
  let decoder = options.format === 'auto' ? undefined : await decoderOf(options.format, contextOf(options));
  let head: Uint8Array = new Uint8Array(0);
  const start = async (ended: boolean): Promise<void> => {
    const format = detectFormat(head, ended);
    if (format === 'unknown') throw new CommandError(`${input.name}: of no known form; --format tells which it is`);
    if (format !== undefined) decoder = await decoderOf(format, contextOf(options));
  };

  for await (const chunk of input.chunks()) {
    let octets = chunk;
    if (decoder === undefined) {
      octets = head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      await start(false);
    }
    if (decoder === undefined) continue;
    await lines.writeAll(decoder.push(octets));
    // Whoever types, or feeds us from a live source, gets the answer now.
    await lines.flush();
    progress.tick(lines.count);
  }
  if (decoder === undefined && head.length > 0) {
    await start(true);
    await lines.writeAll(decoder!.push(head));
  }
  await lines.writeAll(decoder?.end() ?? []);
}

async function decoderOf(format: Exclude<Format, 'auto'>, cx: WireContext): Promise<StreamDecoder> {
  switch (format) {
    case 'hex':
      return new HexDecoder(cx);
    case 'bgp':
      return new RawMessageDecoder(cx);
    case 'pcap':
      return new PcapDecoder(cx);
    case 'mrt':
      return new MrtDecoder();
    case 'record':
      // Brings the whole speaker with it.
      return new (await import('../../record/index.js')).RecordDecoder(cx);
  }
}

/** JSON lines, gathered: a write for each would cost more than the line. */
class LineOutput {
  count = 0;
  private text = '';

  constructor(private readonly out: Output) {}

  /** @param objects objects, or their JSON text already */
  async writeAll(objects: Iterable<object | string>): Promise<void> {
    for (const object of objects) {
      this.count++;
      this.text += typeof object === 'string' ? object : JSON.stringify(object);
      this.text += '\n';
      if (this.text.length >= BATCH) await this.flush();
    }
  }

  async flush(): Promise<void> {
    const { text } = this;
    this.text = '';
    if (text !== '') await this.out.result(text);
  }
}
