import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { FibEvent } from '../../lib/fib/events.js';
import type { Fib } from '../../lib/fib/fib.js';
import type { NexthopChange } from '../../lib/fib/nexthop.js';
import type { FibWriter, RouteChange } from '../../lib/fib/writer.js';
import { createFib, createFibWriter } from '../../lib/io/create-fib.js';
import { realClock } from '../../lib/io/index.js';
import { FibNamespace } from './fib-namespace.js';
import { eventually } from './harness/eventually.js';
import { missing } from './harness/requirements.js';
import { run } from './harness/run.js';

const reason = missing(['socketOptions']);
const COUNT = 2500;
const prefix = (i: number): string => `10.${64 + (i >> 8)}.${i & 255}.0/24`;

for (const type of ['ip-route', 'netlink'] as const) {
  describe(`nexthop objects on a real kernel, ${type}${reason === undefined ? '' : ` (skipped: ${reason})`}`, function () {
    this.timeout(120_000);
    let ns: FibNamespace;
    let fib: Fib;
    let events: FibEvent[];
    let written: (RouteChange | NexthopChange)[];

    before(function () {
      if (reason !== undefined) this.skip();
    });
    beforeEach(async () => {
      ns = await FibNamespace.create(undefined, false);
    });
    afterEach(async () => {
      await fib.stop();
      await ns.remove();
    });

    /** The writer, with an account of what it is given. */
    const counted = (): FibWriter => {
      const writer = createFibWriter({ type, netns: ns.name });
      const nexthops = writer.nexthops!;
      written = [];
      return {
        name: writer.name,
        nextHops: writer.nextHops,
        nexthops: {
          read: (visit) => nexthops.read(visit),
          write: (changes) => (written.push(...changes), nexthops.write(changes)),
        },
        read: (tables, visit) => writer.read(tables, visit),
        write: (changes) => (written.push(...changes), writer.write(changes)),
        watch: (watcher) => writer.watch!(watcher),
        reset: (why) => writer.reset(why),
        close: () => writer.close(),
      };
    };
    const make = async (): Promise<void> => {
      fib = createFib({ type, nexthopObjects: true }, { clock: realClock, writer: counted() });
      events = [];
      fib.onEvent((event) => events.push(event));
      await fib.start();
    };
    const objects = async (): Promise<string[]> => {
      const text = await run('ip', ['-n', ns.name, '-N', '-o', 'nexthop', 'show']);
      const lines = text.split('\n').filter((line) => line !== '');
      return lines.map((line) => line.replace(/ scope \d+| proto 186/g, '').trim()).sort();
    };
    /** How many routes go each way. */
    const ways = async (): Promise<Record<string, number>> => {
      const count: Record<string, number> = {};
      for (const line of await ns.routes()) {
        const way = line
          .replace(/^\S+ nhid \d+ /, '')
          .replace(/metric 32 ?/, '')
          .replaceAll('\\ ', '')
          .trim();
        count[way] = (count[way] ?? 0) + 1;
      }
      return count;
    };
    const comes = (expected: Record<string, number>): Promise<unknown> =>
      eventually(ways, { what: 'ways of the routes', until: (seen) => expect(seen).to.deep.equal(expected) });
    const objectsCome = (...expected: RegExp[]): Promise<unknown> =>
      eventually(objects, {
        what: 'nexthop objects',
        until: (seen) => {
          expect(seen).to.have.length(expected.length);
          for (const each of expected) expect(seen.filter((line) => each.test(line))).to.have.length(1);
        },
      });
    const many = async (target: Parameters<Fib['set']>[1]): Promise<void> => {
      for (let i = 0; i < COUNT; i++) fib.set(prefix(i), target);
      await fib.idle();
    };

    it('moves all routes over a next hop with one write', async () => {
      await ns.ip('route add 10.50.0.0/16 via 10.0.0.5 proto static');
      await make();
      await many({ nextHop: '10.50.9.9' });
      await comes({ 'via 10.0.0.5 dev eth0': COUNT });
      await objectsCome(/via 10.0.0.5 dev eth0/);
      written.length = 0;
      await ns.ip('route replace 10.50.0.0/16 via 10.0.1.5 proto static');
      await comes({ 'via 10.0.1.5 dev eth1': COUNT });
      expect(written).to.have.length(1);
      expect(written[0]).to.deep.include({ op: 'replace', hop: { gateway: '10.0.1.5', device: 'eth1' } });
      // Nothing of that is taken for somebody else's doing, and a reading finds it right.
      fib.reconcile();
      await eventually(() => events.filter(({ type: kind }) => kind === 'reconciled').length, {
        what: 'a reading',
        until: (seen) => expect(seen).to.be.greaterThan(1),
      });
      await fib.idle();
      expect(written).to.have.length(1);
      expect(events.filter(({ type: kind }) => kind !== 'reconciled')).to.deep.equal([]);
      for (let i = 0; i < COUNT; i++) fib.delete(prefix(i));
      await fib.idle();
      expect(await objects()).to.deep.equal([]);
    });

    it('shrinks a group when a link fails, without a write of a route, and grows it again', async () => {
      await make();
      await many({ nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2', weight: 2 }] });
      const both = 'nexthop via 10.0.0.2 dev eth0 weight 1 nexthop via 10.0.1.2 dev eth1 weight 2';
      await comes({ [both]: COUNT });
      written.length = 0;
      await ns.ip('link set eth1 down');
      await comes({ 'via 10.0.0.2 dev eth0': COUNT });
      await objectsCome(/via 10.0.0.2 dev eth0/, /group \d+$/);
      await ns.ip('link set eth1 up');
      await comes({ [both]: COUNT });
      await objectsCome(/via 10.0.0.2/, /via 10.0.1.2/, /group/);
      expect(written.filter((change) => 'prefix' in change)).to.deep.equal([]);
      expect(events.filter(({ type: kind }) => kind === 'foreignNexthopChange')).to.deep.equal([]);
    });

    it('writes all kinds: IPv6, link-local, RFC 8950, a source address and an MTU', async () => {
      await make();
      fib.set('10.1.0.0/16', { nextHop: '10.0.0.2', source: '10.0.0.1', mtu: 1400 });
      fib.set('10.4.0.0/16', { nextHop: '2001:db8::2' });
      fib.set('10.5.0.0/16', { nextHop: '10.9.9.9', device: 'eth1', onlink: true });
      fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
      fib.set('2001:db8:2::/48', { nextHops: [{ nextHop: '2001:db8::2' }, { nextHop: '2001:db8::3' }] });
      fib.set('10.3.0.0/16', 'blackhole');
      await fib.idle();
      expect((await ns.routes()).map((line) => line.replace(/ nhid \d+/, ''))).to.deep.equal([
        '10.1.0.0/16 via 10.0.0.2 dev eth0 src 10.0.0.1 metric 32 mtu 1400',
        '10.4.0.0/16 via inet6 2001:db8::2 dev eth0 metric 32',
        '10.5.0.0/16 via 10.9.9.9 dev eth1 metric 32 onlink',
        '2001:db8:1::/48 via 2001:db8::2 dev eth0 metric 32',
        '2001:db8:2::/48 metric 32\\ nexthop via 2001:db8::2 dev eth0 weight 1 \\ nexthop via 2001:db8::3 dev eth0 weight 1',
        'blackhole 10.3.0.0/16 metric 32',
      ]);
      written.length = 0;
      events.length = 0;
      fib.reconcile();
      await eventually(() => events.length, { what: 'a reading', until: (seen) => seen > 0 });
      await fib.idle();
      expect(written).to.deep.equal([]);
    });

    it('puts right what another program deletes, and all routes that went with it', async () => {
      await ns.ip('nexthop add id 7 via 10.0.0.77 dev eth0 proto static');
      await make();
      await many({ nextHop: '10.0.0.2' });
      const [mine] = (await objects()).filter((line) => line.includes('10.0.0.2'));
      await ns.ip(`nexthop del id ${mine!.split(' ')[1]}`);
      await comes({ 'via 10.0.0.2 dev eth0': COUNT });
      await ns.ip(`nexthop replace id ${mine!.split(' ')[1]} via 10.0.0.66 dev eth0 proto 186`);
      await comes({ 'via 10.0.0.2 dev eth0': COUNT });
      const told = events.flatMap((event) => (event.type === 'foreignNexthopChange' ? event.change : []));
      expect(told).to.deep.equal(['deleted', 'altered']);
      expect(events.filter((event) => event.type === 'foreignChange')).to.deep.equal([]);
      expect(await objects()).to.include('id 7 via 10.0.0.77 dev eth0 proto 4');
    });

    it('finds its objects again after SIGKILL, and removes those that are left', async () => {
      const path = fileURLToPath(new URL('fib-writer.ts', import.meta.url));
      const child = spawn(process.execPath, ['--import', 'tsx', path, type, ns.name, '0', String(COUNT), 'objects'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await eventually(() => said, { what: 'its routes', until: (text) => expect(text).to.include('done running') });
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
      await comes({ 'via 10.0.0.2 dev eth0': COUNT });
      const before = await objects();
      // One of our range that nobody uses any more.
      const id = Number(before[0]!.split(' ')[1]) + 1;
      await ns.ip(`nexthop add id ${id} via 10.0.0.99 dev eth0 proto 186`);
      await make();
      await many({ nextHop: '10.0.0.2' });
      fib.ready();
      await fib.idle();
      expect(await objects()).to.deep.equal(before);
      await comes({ 'via 10.0.0.2 dev eth0': COUNT });
      expect(written.map(({ op, ...rest }) => `${op} ${'id' in rest ? rest.id : rest.prefix}`)).to.deep.equal([
        `delete ${id}`,
      ]);
    });
  });
}
