import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { expect } from 'chai';
import { readOptions } from '../../lib/io/socket-calls.js';
import type { TcpConnection } from '../../lib/io/tcp-connection.js';
import { TcpTransport } from '../../lib/io/tcp.js';
import { parsePrefix, Secret } from '../../lib/net/index.js';
import type { Connection, Listener, PeerSocketOptions, SocketOptions, TransportError } from '../../lib/net/index.js';
import { End } from './transport-contract.js';
import { until } from './until.js';

const transport = new TcpTransport();
const key = new Secret('a key that both know');
const other = new Secret('another key');
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
const FAMILIES = hasIpv6 ? (['127.0.0.1', '::1'] as const) : (['127.0.0.1'] as const);

const from = (address: string, options: SocketOptions): PeerSocketOptions => ({
  prefix: parsePrefix(address),
  ...options,
});

/** An attempt to connect, and what became of it. */
class Attempt {
  end: End | undefined;
  error: TransportError | undefined;
  readonly #attempt: { cancel(): void };

  constructor(listener: Listener, socket: SocketOptions, localAddress?: string) {
    this.#attempt = transport.connect(
      { remote: listener.local, socket, ...(localAddress === undefined ? {} : { localAddress }) },
      { onConnect: (c) => (this.end = new End(c)), onError: (error) => (this.error = error) },
    );
  }

  close(): void {
    this.#attempt.cancel();
    this.end?.connection.destroy();
  }
}

describe('TcpTransport: socket options', function () {
  this.timeout(60_000);
  const reason = transport.whyNot({ md5Key: key });
  if (reason !== undefined) {
    it.skip(`skipped: ${reason}`);
    return;
  }

  let accepted: End[];
  let listeners: Listener[];
  let attempts: Attempt[];
  beforeEach(() => {
    [accepted, listeners, attempts] = [[], [], []];
  });
  afterEach(async () => {
    for (const attempt of attempts) attempt.close();
    for (const { connection } of accepted) connection.destroy();
    await Promise.all(listeners.map((listener) => listener.close()));
  });

  const listen = async (address: string, peers: readonly PeerSocketOptions[], port = 0): Promise<Listener> => {
    const take = (c: Connection): void => void accepted.push(new End(c));
    const listener = await transport.listen({ address, port }, take, peers);
    listeners.push(listener);
    return listener;
  };
  const dial = (listener: Listener, socket: SocketOptions, localAddress?: string): Attempt => {
    const attempt = new Attempt(listener, socket, localAddress);
    attempts.push(attempt);
    return attempt;
  };
  /** The listener has looked at the connections that waited while its keys were changed. */
  const looked = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  /** These connect, and octets pass; those do not, though they had as long. */
  const outcome = async (good: readonly Attempt[], bad: readonly Attempt[] = []): Promise<void> => {
    await until(() => good.every(({ end }) => end !== undefined) && accepted.length >= good.length);
    for (const { end } of good) end!.connection.send(Uint8Array.of(1, 2, 3));
    await until(() => accepted.filter(({ heard }) => heard.length === 3).length === good.length);
    for (const { end, error } of bad) expect([end, error]).to.deep.equal([undefined, undefined]);
    expect(accepted.length).to.equal(good.length);
  };

  for (const address of FAMILIES) {
    describe(address, () => {
      const length = address.includes(':') ? 16 : 4;

      it('a key lets in who has it, and is silent to all others (RFC 2385)', async () => {
        const listener = await listen(address, [from(address, { md5Key: key })]);
        const bad = [dial(listener, {}), dial(listener, { md5Key: other })];
        await outcome([dial(listener, { md5Key: key })], bad);
      });

      it('who signs is not let in where nothing is signed', async () => {
        const listener = await listen(address, []);
        const bad = dial(listener, { md5Key: key });
        await outcome([dial(listener, {})], [bad]);
      });

      it('keys are added, changed and removed while it listens', async () => {
        const listener = await listen(address, []);
        listener.setPeers!([from(address, { md5Key: key })]);
        await looked();
        await outcome([dial(listener, { md5Key: key })], [dial(listener, {})]);
        listener.setPeers!([from(address, { md5Key: other })]);
        await looked();
        const second = dial(listener, { md5Key: other });
        await until(() => accepted.length === 2);
        const stale = dial(listener, { md5Key: key });
        listener.setPeers!([]);
        const third = dial(listener, {});
        await until(() => accepted.length === 3);
        expect([second.end, stale.end, third.end].map((end) => end !== undefined)).to.deep.equal([true, false, true]);
      });

      it('a connection made before the key was set is not taken', async () => {
        const listener = await listen(address, []);
        // The kernel completes it; we look at it only after the key was set.
        const early = dial(listener, {});
        await new Promise((resolve) => process.nextTick(resolve));
        listener.setPeers!([from(address, { md5Key: key })]);
        await until(() => early.end?.closes === 1 || early.error !== undefined);
        expect(accepted).to.deep.equal([]);
        await outcome([dial(listener, { md5Key: key })]);
      });

      it('GTSM drops what a sender begins with less than 255 (RFC 5082)', async () => {
        const listener = await listen(address, [from(address, { ttlSecurityHops: 1 })]);
        await outcome([dial(listener, { ttlSecurityHops: 1 }), dial(listener, { ttl: 255 })]);
        const far = dial(listener, { ttl: 254 });
        await until(() => far.end?.closes === 1 || far.error !== undefined);
        expect(accepted.length).to.equal(2);
      });

      it('GTSM on our side only: the answers of the other one are dropped', async () => {
        const listener = await listen(address, []);
        const strict = dial(listener, { ttlSecurityHops: 1 });
        const loose = dial(listener, { ttlSecurityHops: 200 });
        await until(() => loose.end !== undefined);
        expect(strict.end).to.equal(undefined);
      });

      it('sets TTL and DSCP on both sides', async () => {
        const options = { ttl: 7, dscp: 48 };
        const listener = await listen(address, [from(address, options)]);
        const dialed = dial(listener, { ttl: 9, dscp: 10 });
        await until(() => accepted.length === 1 && dialed.end !== undefined);
        const read = (end: End): unknown => readOptions((end.connection as TcpConnection).descriptor!, length);
        expect(read(accepted[0]!)).to.deep.equal({ ttl: 7, leastTtl: 0, dscp: 48 });
        expect(read(dialed.end!)).to.deep.equal({ ttl: 9, leastTtl: 0, dscp: 10 });
      });
    });
  }

  it('connections from others keep the TTL of the system, also beside GTSM', async () => {
    const listener = await listen('0.0.0.0', [from('127.0.0.2', { ttlSecurityHops: 1 })], 0);
    const at: Listener = { ...listener, local: { address: '127.0.0.1', port: listener.local.port } };
    dial(at, {});
    await until(() => accepted.length === 1);
    const { ttl, leastTtl } = readOptions((accepted[0]!.connection as TcpConnection).descriptor!, 4);
    expect([ttl < 255, leastTtl]).to.deep.equal([true, 0]);
  });

  it('a key of a range, and a longer one inside of it', async () => {
    const peers = [from('127.0.0.0/24', { md5Key: key }), from('127.0.0.9', { md5Key: other })];
    const listener = await listen('127.0.0.1', peers);
    const bad = [dial(listener, { md5Key: other }, '127.0.0.8'), dial(listener, { md5Key: key }, '127.0.0.9')];
    const good = [dial(listener, { md5Key: key }, '127.0.0.8'), dial(listener, { md5Key: other }, '127.0.0.9')];
    // Outside of the range nobody signs.
    await outcome([...good, dial(listener, {}, '127.0.1.1')], bad);
  });

  it('a key that cannot be set changes nothing', async () => {
    const listener = await listen('127.0.0.1', [from('127.0.0.1', { md5Key: key })]);
    const many = Array.from({ length: 20_000 }, (_, i) => {
      return from(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, { md5Key: key });
    });
    expect(() => listener.setPeers!([from('127.0.0.1', { md5Key: other }), ...many]))
      .to.throw('optmem_max')
      .with.property('code', 'ENOMEM');
    await looked();
    await outcome([dial(listener, { md5Key: key })], [dial(listener, { md5Key: other })]);
  });

  it('tells failures of the system later and once, and keeps no descriptor', async () => {
    const listener = await listen('127.0.0.1', []);
    const before = readdirSync('/proc/self/fd').length;
    const foreign = dial(listener, { ttl: 5 }, '192.0.2.77');
    expect(foreign.error).to.equal(undefined);
    await until(() => foreign.error !== undefined);
    expect(foreign.error).to.include({ code: 'EADDRNOTAVAIL' });
    let error: TransportError | undefined;
    const peers = [from('127.0.0.1', { ttl: 5 })];
    await transport.listen(listener.local, () => undefined, peers).catch((e: TransportError) => (error = e));
    expect(error).to.include({ name: 'TransportError', code: 'EADDRINUSE', message: 'address and port are in use' });
    for (let i = 0; i < 20; i++) dial(listener, { md5Key: key }).close();
    await until(() => readdirSync('/proc/self/fd').length <= before);
  });

  it('says what the kernel does not take', () => {
    expect(transport.whyNot({ ttl: 256, dscp: 1 })).to.equal('TTL, DSCP cannot be set: cannot set TTL: EINVAL');
    expect(transport.whyNot({ ttl: 255, dscp: 1, md5Key: key })).to.equal(undefined);
    expect(transport.whyNot({})).to.equal(undefined);
  });

  it('refuses a key that is too long', () => {
    const long = new Secret('x'.repeat(81));
    expect(() => transport.whyNot({ md5Key: long }))
      .to.throw('81 octets')
      .with.property('code', 'bad_password');
  });
});
