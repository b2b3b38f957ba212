import { HEADER_LENGTH } from '../bgp/wire/index.js';
import type { StreamSink } from './stream.js';

const MARKER_LENGTH = 16;

/** Cuts one direction's octets into BGP messages; begins, and begins again after a gap, where a segment begins with a marker. */
export class MessageStream implements StreamSink {
  private buffer: Uint8Array = new Uint8Array(0);
  private inStep = false;

  constructor(private readonly onMessage: (octets: Uint8Array, frame: number) => void) {}

  onStart(): void {
    this.inStep = true;
  }

  onGap(): void {
    this.inStep = false;
    this.buffer = new Uint8Array(0);
  }

  onOctets(octets: Uint8Array, frame: number): void {
    if (!this.inStep) {
      if (!beginsWithMarker(octets)) return;
      this.inStep = true;
    }
    this.buffer = this.buffer.length === 0 ? octets : join(this.buffer, octets);
    let at = 0;
    while (this.inStep && this.buffer.length - at >= HEADER_LENGTH) {
      const length = (this.buffer[at + 16]! << 8) | this.buffer[at + 17]!;
      if (!beginsWithMarker(this.buffer.subarray(at)) || length < HEADER_LENGTH) {
        // No message begins here: what is there is told as one, and the next marker awaited.
        this.onMessage(this.buffer.slice(at), frame);
        this.inStep = false;
      } else if (at + length > this.buffer.length) break;
      else {
        this.onMessage(this.buffer.slice(at, at + length), frame);
        at += length;
      }
    }
    this.buffer = this.inStep ? this.buffer.slice(at) : new Uint8Array(0);
  }
}

/** At least the first octets of a marker, as far as they are there. */
function beginsWithMarker(octets: Uint8Array): boolean {
  const count = Math.min(MARKER_LENGTH, octets.length);
  for (let i = 0; i < count; i++) if (octets[i] !== 0xff) return false;
  return count > 0;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
