import type { JsonObject, WireContext } from '../../bgp/wire/index.js';
import { fromHex, messageToJson } from '../../bgp/wire/index.js';
import type { StreamDecoder } from './decoder.js';
import type { OverlongLine } from './lines.js';
import { LineSplitter } from './lines.js';

/** Room for the hex of the longest message with separators. */
const MAX_LINE = 1 << 20;

/** One message for each line of hex digits; one answer for each line that is neither blank nor a comment. */
export class HexDecoder implements StreamDecoder {
  private readonly lines = new LineSplitter(MAX_LINE);
  private lineNumber = 0;

  constructor(private readonly cx: WireContext) {}

  *push(chunk: Uint8Array): Generator<JsonObject> {
    for (const line of this.lines.push(chunk)) yield* this.answer(line);
  }

  *end(): Generator<JsonObject> {
    for (const line of this.lines.end()) yield* this.answer(line);
  }

  private *answer(line: string | OverlongLine): Generator<JsonObject> {
    this.lineNumber++;
    if (typeof line !== 'string') {
      yield this.invalid(`line of ${line.overlong} characters`);
      return;
    }
    const text = line.trim();
    if (text === '' || text.startsWith('#')) return;
    const digits = text.replace(/^0x/i, '').replaceAll(/[\s:]/g, '');
    const octets = fromHex(digits);
    if (octets === undefined) yield this.invalid(reasonOf(digits));
    else if (octets.length === 0) yield this.invalid('no hex digits');
    else yield { line: this.lineNumber, ...messageToJson(octets, this.cx) };
  }

  private invalid(reason: string): JsonObject {
    return { line: this.lineNumber, type: 'INVALID', reason };
  }
}

function reasonOf(digits: string): string {
  const wrong = /[^0-9a-f]/i.exec(digits);
  return wrong === null ? `odd number of hex digits (${digits.length})` : `'${wrong[0]}' is not a hex digit`;
}
