import type { Socket } from 'node:net';
import { expect } from 'chai';
import { SocketReader } from '../../lib/io/socket-reader.js';
import { socketPair, type SocketPair } from './socket-pair.js';
import { until } from './until.js';

/** Keeps what a reader tells. */
class Heard {
  octets = Buffer.alloc(0);
  ends: (Error | undefined)[] = [];
  readonly reader: SocketReader;

  constructor(
    readonly socket: Socket,
    onChunk: () => void = () => undefined,
  ) {
    const hooks = {
      onChunk: (chunk: Uint8Array) => {
        expect(Buffer.isBuffer(chunk)).to.equal(false);
        this.octets = Buffer.concat([this.octets, chunk]);
        onChunk();
      },
      onEnd: (error?: Error) => this.ends.push(error),
    };
    this.reader = new SocketReader(socket, hooks);
  }
}

describe('SocketReader', () => {
  let pair: SocketPair;
  beforeEach(async () => (pair = await socketPair()));
  afterEach(() => pair.close());

  it('reads nothing before it is told to, then all that came, and nothing goes through the stream', async () => {
    const { near, far } = pair;
    near.push = () => expect.fail('the stream is not used');
    const heard = new Heard(near);
    far.write('one');
    await new Promise((resolve) => far.write('two', resolve));
    expect(heard.octets).to.have.length(0);
    heard.reader.resume();
    await until(() => heard.octets.length === 6);
    expect(heard.octets.toString()).to.equal('onetwo');
  });

  it('pauses and goes on, also within what it tells', async () => {
    const { near, far } = pair;
    let chunks = 0;
    const heard: Heard = new Heard(near, () => {
      chunks++;
      heard.reader.pause();
      heard.reader.pause();
    });
    heard.reader.resume();
    const sent = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, i) => i % 251));
    far.write(sent);
    for (let before = 0; heard.octets.length < sent.length; before = chunks) {
      await until(() => chunks > before);
      // One chunk is told for each time that it goes on.
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      expect(chunks).to.equal(before + 1);
      heard.reader.resume();
      heard.reader.resume();
    }
    expect(Buffer.compare(heard.octets, sent)).to.equal(0);
  });

  it('tells the end of the other side once, after all that came before, and leaves the socket open', async () => {
    const { near, far } = pair;
    const heard = new Heard(near);
    far.end('last words');
    heard.reader.resume();
    await until(() => heard.ends.length === 1);
    expect(heard.octets.toString()).to.equal('last words');
    expect(heard.ends).to.deep.equal([undefined]);
    expect(near.destroyed).to.equal(false);
    heard.reader.pause();
    heard.reader.resume();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(heard.ends).to.have.length(1);
  });

  it('tells a connection that breaks, with the error of the system', async () => {
    const { near, far } = pair;
    const heard = new Heard(near);
    heard.reader.resume();
    far.resetAndDestroy();
    await until(() => heard.ends.length === 1);
    expect(heard.ends[0]).to.include({ code: 'ECONNRESET', syscall: 'read', message: 'read ECONNRESET' });
  });

  it('does nothing with a socket that was destroyed', async () => {
    const { near, far } = pair;
    const heard = new Heard(near);
    heard.reader.resume();
    near.destroy();
    heard.reader.pause();
    heard.reader.resume();
    far.on('error', () => undefined);
    await until(() => near.closed && far.closed);
    expect(heard.ends).to.deep.equal([]);
  });
});
