import { expect } from 'chai';
import type { Connection, Endpoint, Listener, Transport } from '../../lib/net/transport.js';
import type { TransportError } from '../../lib/net/errors.js';

/** What a transport under test is reached by, and how to wait on it. */
export interface TransportBench {
  readonly dialer: Transport;
  readonly acceptor: Transport;
  readonly address: string;
  readonly until: (condition: () => boolean) => Promise<void>;
}

/** One end of a connection that keeps what it hears. */
export class End {
  heard: Uint8Array = new Uint8Array(0);
  drains = 0;
  closes = 0;
  error: TransportError | undefined;

  constructor(readonly connection: Connection) {
    connection.setHandler({
      onData: (chunk) => {
        expect(Buffer.isBuffer(chunk)).to.equal(false);
        this.heard = Buffer.concat([this.heard, chunk]);
      },
      onDrain: () => this.drains++,
      onClose: (error) => {
        this.closes++;
        this.error = error;
      },
    });
  }
}

async function pair(bench: TransportBench, from: Partial<Endpoint> = {}): Promise<[End, End, Listener]> {
  const accepted: End[] = [];
  const dialed: End[] = [];
  const listener = await bench.acceptor.listen({ address: bench.address, port: 0 }, (connection) => {
    accepted.push(new End(connection));
  });
  bench.dialer.connect(
    { remote: listener.local, ...(from.address === undefined ? {} : { localAddress: from.address }) },
    {
      onConnect: (connection) => dialed.push(new End(connection)),
      onError: (error) => expect.fail(error.message),
    },
  );
  await bench.until(() => accepted.length === 1 && dialed.length === 1);
  return [dialed[0]!, accepted[0]!, listener];
}

/** What every {@link Transport} does, whatever carries it. */
export function describeTransport(name: string, bench: () => TransportBench): void {
  describe(`${name}: connections`, () => {
    it('carry octets both ways, in order', async () => {
      const { until } = bench();
      const [dialed, accepted, listener] = await pair(bench());
      const big = Uint8Array.from({ length: 300000 }, (_, i) => i % 251);
      for (let at = 0; at < big.length; at += 7000) dialed.connection.send(big.subarray(at, at + 7000));
      accepted.connection.send(Uint8Array.of(1, 2, 3));
      await until(() => accepted.heard.length === big.length && dialed.heard.length === 3);
      expect(Buffer.compare(accepted.heard, big)).to.equal(0);
      expect([...dialed.heard]).to.deep.equal([1, 2, 3]);
      dialed.connection.destroy();
      await until(() => accepted.closes === 1);
      await listener.close();
    });

    it('know both ends', async () => {
      const [dialed, accepted, listener] = await pair(bench());
      expect(dialed.connection.remote).to.deep.equal(listener.local);
      expect(accepted.connection.local).to.deep.equal(listener.local);
      expect(accepted.connection.remote).to.deep.equal(dialed.connection.local);
      expect(listener.local.address).to.equal(bench().address);
      dialed.connection.destroy();
      await bench().until(() => accepted.closes === 1);
      await listener.close();
    });

    it('send what is queued before they end, and close on both sides once', async () => {
      const { until } = bench();
      const [dialed, accepted, listener] = await pair(bench());
      dialed.connection.send(new Uint8Array(200000));
      dialed.connection.end();
      await until(() => accepted.closes === 1 && dialed.closes === 1);
      expect(accepted.heard.length).to.equal(200000);
      expect(accepted.error).to.equal(undefined);
      expect(dialed.connection.send(Uint8Array.of(1))).to.equal(false);
      await listener.close();
    });

    it('close at once when destroyed', async () => {
      const { until } = bench();
      const [dialed, accepted, listener] = await pair(bench());
      accepted.connection.destroy();
      accepted.connection.destroy();
      await until(() => accepted.closes === 1 && dialed.closes === 1);
      await listener.close();
    });

    it('hold back a sender whose reader pauses, in bounded space', async () => {
      const { until } = bench();
      const [dialed, accepted, listener] = await pair(bench());
      accepted.connection.pause();
      const block = new Uint8Array(100000);
      let sent = 0;
      do sent += block.length;
      while (dialed.connection.send(block) && sent < 1e9);
      expect(dialed.connection.queuedBytes).to.be.greaterThan(0);
      expect(dialed.drains).to.equal(0);
      accepted.connection.resume();
      await until(() => accepted.heard.length === sent && dialed.drains === 1);
      expect(dialed.connection.queuedBytes).to.equal(0);
      dialed.connection.destroy();
      await until(() => accepted.closes === 1);
      await listener.close();
    });
  });

  describe(`${name}: connecting and listening`, () => {
    it('is refused where nobody listens', async () => {
      const { acceptor, dialer, address, until } = bench();
      const listener = await acceptor.listen({ address, port: 0 }, () => undefined);
      await listener.close();
      let error: TransportError | undefined;
      const handler = { onConnect: () => undefined, onError: (e: TransportError) => (error = e) };
      dialer.connect({ remote: listener.local }, handler);
      await until(() => error !== undefined);
      expect(error).to.include({ name: 'TransportError', code: 'ECONNREFUSED', message: 'connection refused' });
    });

    it('says nothing more once cancelled', async () => {
      const { acceptor, dialer, address, until } = bench();
      const accepted: End[] = [];
      const listener = await acceptor.listen({ address, port: 0 }, (connection) => accepted.push(new End(connection)));
      const fail = (): never => expect.fail('called after cancel');
      dialer.connect({ remote: listener.local }, { onConnect: fail, onError: fail }).cancel();
      const [other, far, second] = await pair(bench());
      other.connection.destroy();
      await until(() => far.closes === 1 && accepted.every(({ closes }) => closes === 1));
      await Promise.all([listener.close(), second.close()]);
    });

    it('closes connections that nobody takes', async () => {
      const { acceptor, dialer, address, until } = bench();
      const listener = await acceptor.listen({ address, port: 0 }, () => undefined);
      const dialed: End[] = [];
      dialer.connect(
        { remote: listener.local },
        { onConnect: (connection) => dialed.push(new End(connection)), onError: () => undefined },
      );
      await until(() => dialed[0]?.closes === 1);
      await listener.close();
    });

    it('cannot take an address and port twice', async () => {
      const { acceptor, address } = bench();
      const listener = await acceptor.listen({ address, port: 0 }, () => undefined);
      let error: TransportError | undefined;
      await acceptor.listen(listener.local, () => undefined).catch((e: TransportError) => (error = e));
      expect(error).to.include({ name: 'TransportError', code: 'EADDRINUSE' });
      await listener.close();
      await (await acceptor.listen(listener.local, () => undefined)).close();
    });

    it('cannot bind an address of somebody else', async () => {
      const { dialer, acceptor, until, address } = bench();
      const foreign = address.includes(':') ? '2001:db8::77' : '192.0.2.77';
      let error: TransportError | undefined;
      await acceptor.listen({ address: foreign, port: 0 }, () => undefined).catch((e: TransportError) => (error = e));
      expect(error).to.include({ code: 'EADDRNOTAVAIL' });
      error = undefined;
      const handler = { onConnect: () => undefined, onError: (e: TransportError) => (error = e) };
      dialer.connect({ remote: { address, port: 1 }, localAddress: foreign }, handler);
      await until(() => error !== undefined);
      expect(error).to.include({ name: 'TransportError', code: 'EADDRNOTAVAIL' });
    });
  });
}
