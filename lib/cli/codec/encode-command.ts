import { UsageError } from '../../net/errors.js';
import type { WireContext } from '../../bgp/wire/index.js';
import { messageFromJson, toHex } from '../../bgp/wire/index.js';
import { messageFromMrtJson } from '../../mrt/index.js';
import type { Output } from '../output.js';
import { openInput } from './input.js';
import type { OverlongLine } from './lines.js';
import { LineSplitter } from './lines.js';
import type { CodecOptions } from './options.js';
import { contextOf } from './options.js';

/** Room for the JSON of the longest message. */
const MAX_LINE = 1 << 24;

/**
 * The command `encode`: one line of hex for each JSON line. One that cannot be encoded gives an empty line, so that lines
 * correspond, and a message to stderr.
 */
export async function encode(file: string, options: CodecOptions, out: Output): Promise<void> {
  const input = await openInput(file);
  const encoder = new LineEncoder(contextOf(options), out);
  const lines = new LineSplitter(MAX_LINE);
  for await (const chunk of input.chunks()) await encoder.write(lines.push(chunk));
  await encoder.write(lines.end());
}

class LineEncoder {
  private lineNumber = 0;

  constructor(
    private readonly cx: WireContext,
    private readonly out: Output,
  ) {}

  async write(lines: Iterable<string | OverlongLine>): Promise<void> {
    let text = '';
    for (const line of lines) text += this.encode(line);
    if (text !== '') await this.out.result(text);
  }

  private encode(line: string | OverlongLine): string {
    this.lineNumber++;
    if (typeof line !== 'string') return this.refuse(`${line.overlong} characters`);
    if (line.trim() === '' || line.startsWith('#')) return '';
    try {
      return `${toHex(encodeObject(JSON.parse(line), this.cx))}\n`;
    } catch (error) {
      if (error instanceof UsageError || error instanceof SyntaxError) return this.refuse(error.message);
      throw error;
    }
  }

  private refuse(reason: string): string {
    this.out.message(`line ${this.lineNumber}: ${reason}`);
    return '\n';
  }
}

function encodeObject(json: unknown, cx: WireContext): Uint8Array {
  const type = typeof json === 'object' && json !== null ? (json as { type?: unknown }).type : undefined;
  return type === 'MRT' ? messageFromMrtJson(json) : messageFromJson(json, cx);
}
