import { expect } from 'chai';
import fc from 'fast-check';
import { Framer, type MessageSink } from '../../../lib/bgp/session/index.js';
import type { MessageError } from '../../../lib/bgp/wire/errors.js';
import { frame, MESSAGE_TYPE } from '../../../lib/bgp/wire/header.js';
import { hex } from './rig.js';

class Sink implements MessageSink {
  readonly messages: string[] = [];
  /** Buffers that messages lay in. */
  readonly buffers: Uint8Array[] = [];
  error: MessageError | undefined;
  limit = Infinity;

  onMessage(type: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.messages.push(`${type} ${hex(bytes.subarray(start, end))}`);
    this.buffers.push(bytes);
    return this.messages.length < this.limit;
  }
  onHeaderError(error: MessageError): void {
    this.error = error;
  }
}

const update = (octets: number): Uint8Array =>
  frame(
    MESSAGE_TYPE.update,
    Uint8Array.from({ length: octets }, (_, i) => i % 256),
  );

describe('Framer', () => {
  it('finds the same messages however the stream is cut', () => {
    const sizes = fc.array(fc.integer({ min: 4, max: 4077 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.array(fc.nat({ max: 25000 }), { maxLength: 12 }), (lengths, cuts) => {
        const messages = lengths.map(update);
        const stream = new Uint8Array(Buffer.concat(messages));
        const [framer, sink] = [new Framer(), new Sink()];
        let at = 0;
        let count = 0;
        for (const cut of [...cuts.filter((c) => c < stream.length).sort((a, b) => a - b), stream.length]) {
          // A copy that is overwritten after the call: the framer must keep its own.
          const chunk = stream.slice(at, cut);
          count += framer.push(chunk, sink);
          chunk.fill(0xdb);
          at = cut;
        }
        expect(sink.messages).to.deep.equal(messages.map((message) => `2 ${hex(message)}`));
        expect(count).to.equal(messages.length);
      }),
    );
  });

  it('copies nothing but a split message', () => {
    const chunk = new Uint8Array(Buffer.concat([update(10), update(20), update(30)]));
    const [framer, sink] = [new Framer(), new Sink()];
    framer.push(chunk, sink);
    expect(sink.buffers.every((buffer) => buffer === chunk)).to.equal(true);
  });

  it('stops when the connection is gone', () => {
    const sink = new Sink();
    sink.limit = 1;
    expect(new Framer().push(new Uint8Array(Buffer.concat([update(4), update(4)])), sink)).to.equal(1);
    expect(sink.messages).to.have.length(1);
  });

  it('tells a wrong header as soon as it is there, before the body', () => {
    for (const at of [1, 16, 18, 19]) {
      const [framer, sink] = [new Framer(), new Sink()];
      const header = Uint8Array.from(Buffer.from('ff'.repeat(16) + '100102', 'hex'));
      framer.push(header.slice(0, at), sink);
      framer.push(header.slice(at), sink);
      expect(sink.error).to.include({ code: 1, subcode: 2 });
    }
  });

  it('takes long messages once they are negotiated (RFC 8654)', () => {
    const [framer, sink] = [new Framer(), new Sink()];
    framer.maxMessageLength = 65535;
    const message = update(65535 - 19);
    framer.push(message.subarray(0, 40000), sink);
    framer.push(message.subarray(40000), sink);
    expect(sink.messages).to.deep.equal([`2 ${hex(message)}`]);
    expect(framer.push(update(3000), sink)).to.equal(1);
  });
});
