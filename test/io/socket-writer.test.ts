import { once } from 'node:events';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { SocketWriter } from '../../lib/io/socket-writer.js';
import { seededRandom } from '../../lib/sim/index.js';
import { socketPair, type SocketPair } from './socket-pair.js';
import { until } from './until.js';

const onBroken = (error: Error): void => expect.fail(error.message);

describe('SocketWriter', () => {
  const highWaterMark = 50_000;
  let near: Socket;
  let far: Socket;
  let pair: SocketPair;

  beforeEach(async () => {
    pair = await socketPair({ writableHighWaterMark: highWaterMark });
    ({ near, far } = pair);
  });

  afterEach(() => pair.close());

  it('hands octets to the system before it returns, and nothing to the stream', async () => {
    const writer = new SocketWriter(near, { onDrain: () => expect.fail('nothing was full'), onBroken });
    let taken = 0;
    near.write = () => expect.fail('the stream is not used');
    for (let i = 0; i < 1000; i++) {
      expect(writer.send(Uint8Array.of(i))).to.equal(true);
      expect(writer.queuedBytes).to.equal(0);
      expect(near.bytesWritten).to.equal(i + 1);
    }
    far.on('data', ({ length }) => (taken += length));
    await until(() => taken === 1000);
  });

  it('keeps order and counts what waits, however the other side reads', async () => {
    const random = seededRandom(7);
    let drains = 0;
    let stops = 0;
    let blocked = false;
    const writer = new SocketWriter(near, {
      onDrain: () => {
        expect(blocked, 'told without having been full').to.equal(true);
        expect(writer.queuedBytes).to.equal(0);
        blocked = false;
        drains++;
      },
      onBroken,
    });
    let received = 0;
    far.on('data', (chunk: Buffer) => {
      const wrong = chunk.findIndex((octet, i) => octet !== (received + i) % 251);
      if (wrong >= 0) expect.fail(`octet ${received + wrong} is another one`);
      received += chunk.length;
      if (random() < 0.1) far.pause();
    });
    let sent = 0;
    const pattern = Uint8Array.from({ length: 400_000 }, (_, i) => i % 251);
    for (let turn = 0; turn < 400; turn++) {
      for (let i = 0; i < 5 && !blocked; i++) {
        const from = sent % 251;
        // Small and large ones, some of them more than may wait at once.
        const length = Math.ceil(random() ** 6 * 300_000);
        blocked = !writer.send(pattern.subarray(from, from + length));
        expect(blocked).to.equal(writer.queuedBytes >= highWaterMark);
        if (blocked) stops++;
        sent += length;
      }
      if (random() < 0.3) far.resume();
      await new Promise(setImmediate);
    }
    const resumed = setInterval(() => far.resume(), 1);
    await until(() => received === sent && !blocked);
    clearInterval(resumed);
    expect(writer.queuedBytes).to.equal(0);
    expect(stops).to.be.greaterThan(5);
    expect(drains).to.equal(stops);
  });

  it('sends all that waits before an end', async () => {
    const writer = new SocketWriter(near, { onDrain: () => undefined, onBroken });
    far.pause();
    let sent = 0;
    for (let i = 0; i < 100 && writer.send(new Uint8Array(1_000_000)); i++) sent += 1_000_000;
    sent += 1_000_000;
    expect(writer.queuedBytes).to.be.greaterThan(0);
    near.end();
    expect(writer.send(Uint8Array.of(1))).to.equal(false);
    let received = 0;
    far.on('data', ({ length }) => (received += length)).resume();
    await once(far, 'end');
    expect(received).to.equal(sent);
  });

  for (const state of ['idle', 'full'] as const) {
    it(`tells once that the connection is broken, with the error of the system, and leaves the socket open (${state})`, async () => {
      const errors: NodeJS.ErrnoException[] = [];
      const hooks = { onDrain: () => expect.fail('it is over'), onBroken: (error: Error) => errors.push(error) };
      const writer = new SocketWriter(near, hooks);
      near.on('error', (error) => expect.fail(error.message));
      far.pause();
      if (state === 'full') while (writer.send(new Uint8Array(1_000_000)));
      far.resetAndDestroy();
      const poke = setInterval(() => writer.send(Uint8Array.of(1)), 1);
      await until(() => errors.length > 0);
      expect(writer.send(Uint8Array.of(1))).to.equal(false);
      await new Promise(setImmediate);
      clearInterval(poke);
      expect(errors.map(({ code }) => code)).to.have.length(1);
      expect(errors[0]!.code).to.be.oneOf(['ECONNRESET', 'EPIPE']);
      expect(near.destroyed).to.equal(false);
    });
  }

  it('is silent about what waits when the socket is destroyed', async () => {
    const writer = new SocketWriter(near, { onDrain: () => expect.fail('it is over'), onBroken });
    near.on('error', (error) => expect.fail(error.message));
    far.pause();
    while (writer.send(new Uint8Array(1_000_000)));
    near.destroy();
    await once(near, 'close');
    expect(writer.send(Uint8Array.of(1))).to.equal(false);
  });

  it('writes to a stream where Node does not tell what is inside', async () => {
    const stream = new PassThrough({ highWaterMark: 10 });
    let drains = 0;
    const writer = new SocketWriter(stream as unknown as Socket, { onDrain: () => drains++, onBroken });
    expect(writer.send(Uint8Array.of(1, 2, 3))).to.equal(true);
    expect(writer.send(new Uint8Array(20))).to.equal(false);
    stream.resume();
    await until(() => drains === 1);
    expect(writer.queuedBytes).to.equal(0);
  });
});
