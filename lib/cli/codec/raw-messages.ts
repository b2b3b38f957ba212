import type { JsonObject, WireContext } from '../../bgp/wire/index.js';
import { MessageSplitter, messageToJson } from '../../bgp/wire/index.js';
import type { StreamDecoder } from './decoder.js';

/** Raw messages back to back: one object for each, with its `offset`. */
export class RawMessageDecoder implements StreamDecoder {
  private readonly splitter = new MessageSplitter();

  constructor(private readonly cx: WireContext) {}

  *push(chunk: Uint8Array): Generator<JsonObject> {
    for (const { offset, octets } of this.splitter.push(chunk)) yield { offset, ...messageToJson(octets, this.cx) };
  }

  *end(): Generator<JsonObject> {
    for (const { offset, octets } of this.splitter.end()) yield { offset, ...messageToJson(octets, this.cx) };
  }
}
