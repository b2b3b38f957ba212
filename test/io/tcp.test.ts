import { expect } from 'chai';
import { networkInterfaces } from 'node:os';
import { createServer, type AddressInfo, Socket } from 'node:net';
import { TcpTransport } from '../../lib/io/tcp.js';
import { endpointOf, TcpConnection, transportError } from '../../lib/io/tcp-connection.js';
import { realClock } from '../../lib/io/clock.js';
import { socketPair } from './socket-pair.js';
import { describeTransport, End } from './transport-contract.js';
import { until } from './until.js';

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

for (const address of hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
  const transport = new TcpTransport();
  describeTransport(`TcpTransport on ${address}`, () => ({ dialer: transport, acceptor: transport, address, until }));
}

describe('TcpTransport', () => {
  it('listens on 0.0.0.0 and :: with the same port', async function () {
    if (!hasIpv6) this.skip();
    const transport = new TcpTransport();
    const ends: End[] = [];
    const take = (connection: ConstructorParameters<typeof End>[0]): void => void ends.push(new End(connection));
    const v4 = await transport.listen({ address: '0.0.0.0', port: 0 }, take);
    const v6 = await transport.listen({ address: '::', port: v4.local.port }, take);
    const dialed: End[] = [];
    for (const address of ['127.0.0.1', '::1']) {
      const handler = { onConnect: (c: End['connection']) => dialed.push(new End(c)), onError: () => undefined };
      transport.connect({ remote: { address, port: v4.local.port } }, handler);
    }
    await until(() => ends.length === 2 && dialed.length === 2);
    expect(ends.map(({ connection }) => connection.local.address).sort()).to.deep.equal(['127.0.0.1', '::1']);
    for (const { connection } of dialed) connection.destroy();
    await until(() => ends.every(({ closes }) => closes === 1));
    await Promise.all([v4.close(), v6.close()]);
  });

  it('connects from the address and port asked for', async () => {
    const transport = new TcpTransport();
    const accepted: End[] = [];
    const listener = await transport.listen({ address: '127.0.0.1', port: 0 }, (c) => accepted.push(new End(c)));
    const spare = await transport.listen({ address: '127.0.0.2', port: 0 }, () => undefined);
    const { address: localAddress, port: localPort } = spare.local;
    await spare.close();
    const dialed: End[] = [];
    transport.connect(
      { remote: listener.local, localAddress, localPort },
      { onConnect: (c) => dialed.push(new End(c)), onError: (error) => expect.fail(error.message) },
    );
    await until(() => accepted.length === 1 && dialed.length === 1);
    expect(accepted[0]!.connection.remote).to.deep.equal({ address: localAddress, port: localPort });
    // Closed from the other side, so that the port is not kept waiting.
    accepted[0]!.connection.destroy();
    await until(() => dialed[0]!.closes === 1);
    await listener.close();
  });

  for (const state of ['idle', 'full', 'paused'] as const) {
    it(`reads what the other side said before it closed, though nothing can be written any more (${state})`, async () => {
      const pair = await socketPair();
      const end = new End(new TcpConnection(pair.near));
      pair.far.pause();
      if (state === 'full') while (end.connection.send(new Uint8Array(1_000_000)));
      // Nothing is read then, and the connection is given up after a second.
      if (state === 'paused') end.connection.pause();
      // As a peer that sends a NOTIFICATION and closes with UPDATEs of ours unread: TCP resets the connection.
      pair.far.write('why');
      pair.far.resetAndDestroy();
      if (state !== 'full') expect(end.connection.send(Uint8Array.of(1))).to.equal(false);
      await until(() => end.closes === 1);
      expect(Buffer.from(end.heard).toString()).to.equal(state === 'paused' ? '' : 'why');
      expect(end.error?.code).to.equal('ECONNRESET');
      expect(end.connection.send(Uint8Array.of(1))).to.equal(false);
      pair.close();
    });
  }

  it('gives up a connection that the other side has half closed', async () => {
    const transport = new TcpTransport();
    const accepted: End[] = [];
    const listener = await transport.listen({ address: '127.0.0.1', port: 0 }, (c) => accepted.push(new End(c)));
    const socket = new Socket({ allowHalfOpen: true }).connect(listener.local.port, '127.0.0.1');
    await until(() => accepted.length === 1);
    socket.end();
    await until(() => accepted[0]!.closes === 1);
    socket.destroy();
    await listener.close();
  });

  it('says stop above its high-water mark, on both sides', async () => {
    const highWaterMark = 100000;
    const transport = new TcpTransport({ highWaterMark });
    const ends: End[] = [];
    const take = (connection: End['connection']): void => void ends.push(new End(connection));
    const listener = await transport.listen({ address: '127.0.0.1', port: 0 }, take);
    transport.connect({ remote: listener.local }, { onConnect: take, onError: (error) => expect.fail(error.message) });
    await until(() => ends.length === 2);
    for (const { connection } of ends) connection.pause();
    for (const { connection } of ends) {
      while (connection.send(new Uint8Array(10000)));
      expect(connection.queuedBytes).to.be.within(highWaterMark, highWaterMark + 10000);
    }
    for (const { connection } of ends) connection.destroy();
    await until(() => ends.every(({ closes }) => closes === 1));
    await listener.close();
  });

  it('reads each connection for itself, though all are read into one buffer', async () => {
    const transport = new TcpTransport();
    const accepted: End[] = [];
    const dialed: End[] = [];
    const listener = await transport.listen({ address: '127.0.0.1', port: 0 }, (c) => accepted.push(new End(c)));
    const onConnect = (c: End['connection']): void => void dialed.push(new End(c));
    const onError = (error: Error): void => expect.fail(error.message);
    for (let i = 0; i < 5; i++) transport.connect({ remote: listener.local }, { onConnect, onError });
    await until(() => accepted.length === 5 && dialed.length === 5);
    const ends = [...dialed, ...accepted];
    const partOf = new Map(dialed.map((end) => [end.connection.local.port, end]));
    const peerOf = (end: End): End =>
      partOf.get(end.connection.remote.port) ??
      accepted.find(({ connection }) => connection.remote.port === end.connection.local.port)!;
    ends.forEach(({ connection }, i) => connection.send(new Uint8Array(200_000).fill(i + 1)));
    await until(() => ends.every(({ heard }) => heard.length === 200_000));
    for (const end of ends) {
      const octet = ends.indexOf(peerOf(end)) + 1;
      expect(end.heard.every((one) => one === octet)).to.equal(true);
    }
    for (const { connection } of dialed) connection.destroy();
    await until(() => accepted.every(({ closes }) => closes === 1));
    await listener.close();
  });

  it('reads and writes a socket as a stream where Node does not let it be done otherwise', async () => {
    const accepted: Socket[] = [];
    const server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket)).listen(0, '127.0.0.1');
    await until(() => server.listening);
    const { port } = server.address() as AddressInfo;
    const client = new Socket().connect(port, '127.0.0.1');
    await until(() => accepted.length === 1);
    // What is inside of it, without a part.
    const { _handle: handle } = accepted[0] as unknown as { _handle: { useUserBuffer: unknown } };
    handle.useUserBuffer = undefined;
    const end = new End(new TcpConnection(accepted[0]!));
    client.write('hello');
    await until(() => end.heard.length === 5);
    expect(String.fromCharCode(...end.heard)).to.equal('hello');
    let told = '';
    client.on('data', (chunk) => (told += chunk.toString()));
    end.connection.send(Buffer.from('hi'));
    end.connection.pause();
    client.write('more');
    await until(() => told === 'hi');
    expect(end.heard).to.have.length(5);
    end.connection.resume();
    await until(() => end.heard.length === 9);
    client.end();
    await until(() => end.closes === 1);
    server.close();
  });

  it('takes addresses, not names', () => {
    const transport = new TcpTransport();
    const handler = { onConnect: () => undefined, onError: () => undefined };
    const dial = (): unknown => transport.connect({ remote: { address: 'localhost', port: 179 } }, handler);
    expect(dial).to.throw('localhost').with.property('code', 'bad_address');
    expect(() => transport.listen({ address: 'localhost', port: 0 }, () => undefined)).to.throw('localhost');
  });

  it('writes addresses in canonical form', () => {
    expect(endpointOf('::ffff:192.0.2.1', 179)).to.deep.equal({ address: '192.0.2.1', port: 179 });
    expect(endpointOf('2001:0db8:0:0::1', 179).address).to.equal('2001:db8::1');
    expect(endpointOf('fe80:0::1%eth0', 179).address).to.equal('fe80::1%eth0');
  });

  it('says in words what the system says in codes', () => {
    const cause = Object.assign(new Error('connect EHOSTUNREACH 192.0.2.1:179'), { code: 'EHOSTUNREACH' });
    expect(transportError(cause)).to.include({ code: 'EHOSTUNREACH', message: 'no route to host', cause });
    expect(transportError(new Error('odd'))).to.include({ code: 'EUNKNOWN', message: 'odd' });
  });
});

describe('realClock', () => {
  it('runs timers, not those cancelled, and soon after I/O', async () => {
    const ran: string[] = [];
    realClock.after(1, () => ran.push('cancelled')).cancel();
    realClock.after(2, () => ran.push('timer'));
    realClock.soon(() => ran.push('soon'));
    expect(ran).to.deep.equal([]);
    await until(() => ran.length === 2);
    expect(ran).to.include.members(['timer', 'soon']);
  });

  it('takes delays of any length', () => {
    const timer = realClock.after(1e15, () => expect.fail('much too early'));
    timer.cancel();
  });

  it('goes on, and tells the wall-clock time', () => {
    const start = realClock.now();
    expect(realClock.now()).to.be.at.least(start);
    expect(Math.abs(realClock.wallTime() - Date.now())).to.be.lessThan(1000);
  });
});
