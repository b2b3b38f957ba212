import { spawn, type ChildProcess } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { BestPathChange } from '../../lib/speaker/events.js';
import { Speaker } from '../../lib/speaker/speaker.js';
import { eventually } from '../interop/harness/eventually.js';
import * as bgp from '../interop/harness/messages.js';
import { goodOpen, ROUTE_REFRESH } from './cases.js';
import { AS, type Progress } from './stage.js';

const FLOODER = fileURLToPath(new URL('./flooder.ts', import.meta.url));
const [SOURCE, OBSERVER, BAD] = ['127.0.0.2', '127.0.0.3', '127.0.0.66'] as const;

/** What only real sockets show: resets, thousands of connections, and who gets how much of the processor. */
describe('hostile neighbors over TCP on loopback', function () {
  this.timeout(120_000);
  let speaker: Speaker;
  let source: Speaker;
  let observer: Speaker;
  let port: number;
  const moves: string[] = [];
  const children: ChildProcess[] = [];
  const sockets = new Set<Socket>();

  before(async () => {
    const client = { peerAs: AS, passive: true, routeReflectorClient: true };
    speaker = new Speaker({
      asn: AS,
      routerId: '127.0.0.1',
      listen: [{ address: '127.0.0.1', port: 0 }],
      // The tests connect far more often than a neighbor does.
      connectionRateLimit: { perAddress: 30, total: 1000 },
      neighbors: [SOURCE, OBSERVER, BAD].map((address) => ({
        ...client,
        address,
        connectRetry: 0.1,
        connectRetryMax: 0.2,
      })),
    });
    await speaker.start();
    port = speaker.listening[0]!.port;
    const good = (address: string) =>
      new Speaker({
        asn: AS,
        routerId: address,
        neighbors: [{ address: '127.0.0.1', port, peerAs: AS, localAddress: address, connectRetry: 0.5 }],
      });
    [source, observer] = [good(SOURCE), good(OBSERVER)];
    for (let i = 0; i < 500; i++) source.announce(`10.${i >> 8}.${i & 255}.0/24`);
    await Promise.all([source.start(), observer.start()]);
    await eventually(() => observer.summary().families['ipv4-unicast'].prefixes, {
      what: 'routes at the observer',
      until: (count) => count === 500,
    });
    observer.on('bestPathChange', ({ prefix }) => {
      if (!prefix.startsWith('192.0.2.') && !prefix.startsWith('10.66.')) moves.push(prefix);
    });
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  });
  after(async () => {
    await Promise.all([source, observer, speaker].map((one) => one.stop()));
  });

  const state = () => speaker.neighbor(BAD).state;
  const until = (what: string, wanted: () => boolean) => eventually(wanted, { what, until: (is) => is, everyMs: 10 });

  function dial(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress: BAD });
      sockets.add(socket);
      socket.on('data', () => undefined);
      socket.once('connect', () => resolve(socket));
      socket.on('error', reject);
      socket.once('close', () => sockets.delete(socket));
    });
  }

  async function upTo(progress: Progress): Promise<Socket> {
    speaker.enableNeighbor(BAD);
    const socket = await dial();
    if (progress !== 'OpenSent') socket.write(goodOpen());
    if (progress === 'Established') socket.write(bgp.keepalive());
    await until(progress, () => state() === progress);
    return socket;
  }

  /** Milliseconds that a change of the source takes to the observer. */
  async function latency(): Promise<number> {
    const prefix = '192.0.2.0/24';
    const began = performance.now();
    await new Promise<void>((resolve) => {
      const heard = (change: BestPathChange): void => {
        if (change.prefix !== prefix) return;
        observer.off('bestPathChange', heard);
        resolve();
      };
      observer.on('bestPathChange', heard);
      source.announce(prefix, { med: Math.floor(began * 1000) });
    });
    return performance.now() - began;
  }

  async function checkOthers(): Promise<void> {
    await latency();
    expect(moves, 'good routes that moved').to.deep.equal([]);
    for (const address of [SOURCE, OBSERVER]) {
      expect(speaker.neighbor(address)).to.include({ state: 'Established', established: 1 });
    }
  }

  for (const progress of ['OpenSent', 'OpenConfirm', 'Established'] as const) {
    it(`a TCP reset in ${progress}, ten times`, async () => {
      for (let i = 0; i < 10; i++) {
        const socket = await upTo(progress);
        socket.resetAndDestroy();
        await until('the neighbor is given up', () => state() === 'Active');
      }
      if (progress === 'Established') expect(speaker.neighbor(BAD).lastError).to.include({ direction: 'local' });
      await checkOthers();
    });

    it(`a TCP reset in ${progress}, right behind a NOTIFICATION and half a message`, async () => {
      for (let i = 0; i < 5; i++) {
        const socket = await upTo(progress);
        socket.write(bgp.message(bgp.NOTIFICATION, Buffer.from([6, 4])));
        socket.write(goodOpen().subarray(0, 20));
        socket.resetAndDestroy();
        await until('the neighbor is given up', () => ['Idle', 'Active'].includes(state()));
      }
      await checkOthers();
    });
  }

  it('2,000 connections from one address, all kept open', async () => {
    speaker.disableNeighbor(BAD);
    speaker.enableNeighbor(BAD);
    const before = speaker.summary().connectionsRefused;
    const opens = speaker.neighbor(BAD).sent.open;
    const began = performance.now();
    const answered = new Set<Socket>();
    const dials = Array.from({ length: 2000 }, async () => {
      const socket = await dial().catch(() => undefined);
      socket?.once('data', () => answered.add(socket));
      socket?.once('close', () => answered.delete(socket));
    });
    const during: number[] = [];
    const all = Promise.all(dials).then(() => true);
    while (!(await Promise.race([all, new Promise<false>((resolve) => setTimeout(() => resolve(false), 20))]))) {
      during.push(await latency());
    }
    // Those that fell out of the kernel's queue were never offered to the speaker, and it never answers them.
    await until('all but two that were answered are closed', () => answered.size <= 2);
    // 30 a second, and four seconds' worth at once.
    const seconds = (performance.now() - began) / 1000;
    expect(speaker.neighbor(BAD).sent.open - opens, 'taken').to.be.at.most(121 + 30 * seconds);
    expect(speaker.summary().connectionsRefused - before, 'refused').to.be.greaterThan(0);
    expect(Math.max(0, ...during), `latency of others: ${during.join(' ')}`).to.be.lessThan(5000);
    await checkOthers();
    for (const socket of sockets) socket.destroy();
    await until('the last ones are gone', () => state() === 'Active');
    // What the kernel still offers of them takes its share: like a real neighbor, try again.
    await eventually(
      async () => {
        const socket = await dial();
        socket.write(Buffer.concat([goodOpen(), bgp.keepalive()]));
        await new Promise((resolve) => setTimeout(resolve, 200));
        return state();
      },
      { what: 'the session', until: (now) => now === 'Established', limitMs: 30_000 },
    );
    await checkOthers();
  });

  const route = [
    bgp.attribute.origin(0),
    bgp.attribute.asPath(),
    bgp.attribute.nextHop(BAD),
    bgp.attribute.localPref(100),
  ];
  const many = Array.from({ length: 250 }, (_, i) => `10.66.${i}.0/24`);
  const flap = [1, 2].map((as) => {
    const [origin, , nextHop, localPref] = route;
    return bgp.update({ attributes: [origin!, bgp.attribute.asPath(as), nextHop!, localPref!], announced: many });
  });
  const FLOODS: readonly [what: string, message: Buffer][] = [
    ['KEEPALIVEs', bgp.keepalive()],
    ['UPDATEs that say the same', bgp.update({ attributes: route, announced: many.slice(0, 1) })],
    ['UPDATEs that change 250 routes each', Buffer.concat(flap)],
    ['ROUTE-REFRESHs', bgp.message(ROUTE_REFRESH, Buffer.from([0, 1, 0, 1]))],
    ['flawed UPDATEs', bgp.update({ attributes: [bgp.attribute.origin(9)], announced: many.slice(0, 1) })],
  ];
  for (const [what, message] of FLOODS) {
    it(`a flood of ${what} does not starve the others`, async () => {
      speaker.resetNeighbor(BAD);
      const hello = Buffer.concat([goodOpen(), bgp.keepalive()]).toString('hex');
      const args = ['--import', 'tsx', FLOODER, String(port), BAD, hello, message.toString('hex')];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      children.push(child);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const octets = speaker.neighbor(BAD).octetsReceived;
      await until('the flood', () => speaker.neighbor(BAD).octetsReceived > octets + 1_000_000);
      // In processor time, of which other processes take nothing. Reading goes on all the while, so that it is what a wait costs.
      const took: number[] = [];
      for (let i = 0; i < 15; i++) {
        const before = process.cpuUsage();
        await latency();
        const { user, system } = process.cpuUsage(before);
        took.push((user + system) / 1000);
      }
      took.sort((a, b) => a - b);
      // Without a limit on what is read of one neighbor at a time, flawed UPDATEs take more than a second here.
      expect(took[7]!, `latencies ${took.map(Math.round).join(' ')}`).to.be.lessThan(500);
      expect(state()).to.equal('Established');
      child.kill();
      await until('it is gone', () => state() !== 'Established');
      await checkOthers();
    });
  }
});
