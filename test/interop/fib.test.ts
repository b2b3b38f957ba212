import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import type { FibEvent } from '../../lib/fib/events.js';
import type { Fib } from '../../lib/fib/fib.js';
import type { FibOptions } from '../../lib/fib/options.js';
import { createFib } from '../../lib/io/create-fib.js';
import { IpRouteWriter, NetlinkWriter, realClock } from '../../lib/io/index.js';
import { fibWriterConformance } from '../../lib/fib/conformance.js';
import { FibNamespace } from './fib-namespace.js';
import { eventually } from './harness/eventually.js';
import { missing } from './harness/requirements.js';

const reason = missing(['socketOptions']);

if (reason !== undefined) {
  describe(`FIB on a real kernel (skipped: ${reason})`, () => {
    it('can run here', function () {
      if (process.env['TSBGP_REQUIRE_INTEROP'] === '1')
        throw new Error(`${reason}, and TSBGP_REQUIRE_INTEROP=1 asks for it`);
      this.skip();
    });
  });
} else {
  for (const [type, Writer] of [
    ['ip-route', IpRouteWriter],
    ['netlink', NetlinkWriter],
  ] as const) {
    fibWriterConformance(`${type} on a real kernel`, async () => {
      const ns = await FibNamespace.create();
      const foreign = {
        add: (prefix: string, metric: number) =>
          ns.ip(`route replace blackhole ${prefix} proto static metric ${metric}`),
        remove: (prefix: string) => ns.ip(`route del blackhole ${prefix} proto static`),
      };
      return { writer: new Writer({ netns: ns.name }), device: 'eth0', foreign, cleanUp: () => ns.remove() };
    });
    describe(`FIB on a real kernel, ${type}`, function () {
      this.timeout(120_000);
      tests(type);
    });
  }
}

function tests(writer: 'ip-route' | 'netlink'): void {
  let ns: FibNamespace;
  let fib: Fib;
  let events: FibEvent[];

  const make = async (options: Partial<FibOptions> = {}): Promise<void> => {
    fib = createFib({ type: writer, netns: ns.name, ...options }, { clock: realClock });
    events = [];
    fib.onEvent((event) => events.push(event));
    await fib.start();
  };
  const holds = (...lines: string[]): Promise<unknown> =>
    eventually(() => ns.routes(), {
      what: 'kernel routes',
      until: (seen) => expect(seen).to.deep.equal([...lines].sort()),
    });
  const told = (type: FibEvent['type']): Promise<unknown> =>
    eventually(() => events.map((event) => event.type), { what: type, until: (seen) => seen.includes(type) });

  beforeEach(async () => {
    ns = await FibNamespace.create();
  });
  afterEach(async () => {
    await fib.stop();
    await ns.remove();
  });

  it('installs IPv4, IPv6, blackhole, link-local, recursive and multipath routes', async () => {
    await ns.ip('route add 10.50.0.0/16 via 10.0.0.5 proto static');
    await make();
    fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    fib.set('10.2.0.0/16', { nextHop: '10.50.9.9' });
    fib.set('10.3.0.0/16', 'blackhole');
    fib.set('10.4.0.0/16', { nextHop: 'fe80::2', device: 'eth0' });
    fib.set('10.5.0.0/16', { nextHop: '198.51.100.1' });
    fib.set('10.6.0.0/16', { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2', weight: 2 }] });
    fib.set('10.7.7.7/32', { nextHop: '10.0.0.2' });
    fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
    fib.set('2001:db8:2::/48', { nextHop: 'fe80::2', device: 'eth1' });
    fib.set('2001:db8:3::/48', 'blackhole');
    // Covers the gateway of the next one, which the kernel believes with onlink only.
    fib.set('2001:db8::/96', { nextHop: '2001:db8::1:0:2' });
    fib.set('2001:db8:4::/48', { nextHop: '2001:db8::9' });
    await fib.idle();
    await holds(
      '10.1.0.0/16 via 10.0.0.2 dev eth0 metric 32',
      '10.2.0.0/16 via 10.0.0.5 dev eth0 metric 32',
      'blackhole 10.3.0.0/16 metric 32',
      '10.4.0.0/16 via inet6 fe80::2 dev eth0 metric 32',
      '10.6.0.0/16 metric 32 \\ nexthop via 10.0.0.2 dev eth0 weight 1 \\ nexthop via 10.0.1.2 dev eth1 weight 2',
      '10.7.7.7 via 10.0.0.2 dev eth0 metric 32',
      '2001:db8:1::/48 via 2001:db8::2 dev eth0 metric 32',
      '2001:db8:2::/48 via fe80::2 dev eth1 metric 32',
      'blackhole 2001:db8:3::/48 dev lo metric 32',
      '2001:db8::/96 via 2001:db8::1:0:2 dev eth0 metric 32',
      '2001:db8:4::/48 via 2001:db8::9 dev eth0 metric 32 onlink',
    );
    expect(fib.route('10.5.0.0/16')).to.include({ state: 'unresolved' });
    expect(events.filter(({ type }) => type !== 'reconciled')).to.deep.equal([]);
  });

  it('replaces and deletes, of every kind into every other', async () => {
    await make();
    const targets = [
      { nextHop: '10.0.0.2' },
      'blackhole',
      { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] },
      { nextHop: '10.0.1.3' },
      { nextHop: 'fe80::2', device: 'eth1' },
    ] as const;
    const six = [
      { nextHop: '2001:db8::2' },
      'blackhole',
      { nextHops: [{ nextHop: '2001:db8::2' }, { nextHop: 'fe80::2', device: 'eth1' }] },
      { nextHop: '2001:db8::3' },
      { nextHop: 'fe80::2', device: 'eth1' },
    ] as const;
    for (const from of targets.keys()) {
      for (const to of targets.keys()) {
        fib.set('10.1.0.0/16', targets[from]!);
        fib.set('2001:db8:1::/48', six[from]!);
        await fib.idle();
        fib.set('10.1.0.0/16', targets[to]!);
        fib.set('2001:db8:1::/48', six[to]!);
        await fib.idle();
        expect([...fib.routes()].map(({ state }) => state)).to.deep.equal(['installed', 'installed']);
        expect(await ns.routes(), `${from} to ${to}`).to.have.length(2);
      }
    }
    fib.delete('10.1.0.0/16');
    fib.delete('2001:db8:1::/48');
    await fib.idle();
    await holds();
    const before = events.length;
    fib.reconcile();
    await eventually(() => events.length, { what: 'reading', until: (count) => count > before });
    expect(events.filter(({ type }) => type !== 'reconciled')).to.deep.equal([]);
  });

  it('writes to a table of its own, which nobody made before', async () => {
    await make({ table: 4242, protocol: 201, metric: 5 });
    fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
    await fib.idle();
    expect(await ns.routes('201', '4242')).to.deep.equal([
      '10.1.0.0/16 via 10.0.0.2 dev eth0 metric 5',
      '2001:db8:1::/48 via 2001:db8::2 dev eth0 metric 5',
    ]);
    expect(await ns.routes('201')).to.deep.equal([]);
  });

  it('writes to the table of a VRF, and resolves next hops there alone', async function () {
    // Some kernels are built without.
    if (
      await ns.ip('link add blue type vrf table 4343').then(
        () => false,
        () => true,
      )
    ) {
      await make();
      this.skip();
    }
    await ns.ip(
      'link set blue up',
      'link set eth1 master blue',
      'route add 10.50.0.0/16 via 10.0.1.5 table 4343 proto static',
      'route add 10.60.0.0/16 via 10.0.0.6 proto static',
    );
    await make({ vrf: 'blue' });
    fib.set('10.1.0.0/16', { nextHop: '10.0.1.2' });
    fib.set('10.2.0.0/16', { nextHop: '10.50.1.1' });
    fib.set('10.3.0.0/16', { nextHop: '10.60.1.1' });
    fib.set('10.4.0.0/16', { nextHop: '10.0.1.1' });
    await fib.idle();
    expect(await ns.routes('186', '4343')).to.deep.equal([
      '10.1.0.0/16 via 10.0.1.2 dev eth1 metric 32',
      '10.2.0.0/16 via 10.0.1.5 dev eth1 metric 32',
    ]);
    expect(await ns.routes()).to.deep.equal([]);
    for (const elsewhere of ['10.3.0.0/16', '10.4.0.0/16']) {
      expect(fib.route(elsewhere), elsewhere).to.include({ state: 'unresolved' });
    }
    for (const wrong of ['eth0', 'nothing']) {
      expect(() => createFib({ type: 'ip-route', netns: ns.name, vrf: wrong }, { clock: realClock }))
        .to.throw(`not a VRF: '${wrong}'`)
        .with.property('code', 'bad_vrf');
    }
  });

  it('moves routes between metrics, over a tunnel device, with a source address and an MTU', async () => {
    await ns.ip('link add tunl9 type veth peer name tunl9p', 'link set tunl9p up', 'link set tunl9 up');
    await make();
    const base = { nextHop: '10.0.0.2' } as const;
    const six = { nextHop: '2001:db8::2' } as const;
    for (const metric of [50, 32, 0, 60]) {
      fib.set('10.1.0.0/16', { ...base, metric, source: '10.0.1.1', mtu: 1400 });
      fib.set('2001:db8:1::/48', { ...six, metric });
      fib.set('10.2.0.0/16', { type: 'prohibit', metric });
      await fib.idle();
      expect((await ns.routes()).map((line) => /metric (\d+)/.exec(line)?.[1] ?? '0')).to.deep.equal([
        String(metric),
        String(metric === 0 ? 1024 : metric),
        String(metric),
      ]);
      expect([...fib.routes()].map(({ state }) => state)).to.deep.equal(['installed', 'installed', 'installed']);
    }
    fib.set('10.3.0.0/16', { nextHop: '192.0.2.9', device: 'tunl9', onlink: true });
    await fib.idle();
    await holds(
      '10.1.0.0/16 via 10.0.0.2 dev eth0 src 10.0.1.1 metric 60 mtu 1400',
      'prohibit 10.2.0.0/16 metric 60',
      '10.3.0.0/16 via 192.0.2.9 dev tunl9 metric 32 onlink',
      '2001:db8:1::/48 via 2001:db8::2 dev eth0 metric 60',
    );
    fib.reconcile();
    await eventually(() => events.at(-1)?.type, { what: 'reading', until: (type) => type === 'reconciled' });
    expect(events.filter(({ type }) => type !== 'reconciled')).to.deep.equal([]);
    await ns.ip('link set tunl9 down');
    await eventually(() => fib.route('10.3.0.0/16')!.state, {
      what: 'the tunnel is down',
      until: (state) => state === 'unresolved',
    });
    for (const prefix of ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '2001:db8:1::/48']) fib.delete(prefix);
    await fib.idle();
    await holds();
  });

  it('waits for a tunnel device that is down, or not there, at the start', async () => {
    await ns.ip('link add tunl9 type veth peer name tunl9p', 'link set tunl9p up');
    await make();
    fib.set('10.3.0.0/16', { nextHop: '192.0.2.9', device: 'tunl9', onlink: true });
    fib.set('10.4.0.0/16', { nextHop: '192.0.2.9', device: 'tunl8', onlink: true });
    await fib.idle();
    const states = (): string[] => [...fib.routes()].map(({ state }) => state);
    expect(states()).to.deep.equal(['unresolved', 'unresolved']);
    await ns.ip('link set tunl9 up', 'link add tunl8 type veth peer name tunl8p');
    await ns.ip('link set tunl8p up', 'link set tunl8 up');
    await holds(
      '10.3.0.0/16 via 192.0.2.9 dev tunl9 metric 32 onlink',
      '10.4.0.0/16 via 192.0.2.9 dev tunl8 metric 32 onlink',
    );
    await ns.ip('link del tunl8');
    await eventually(states, { what: 'a tunnel is gone', until: (seen) => seen.includes('unresolved') });
    await holds('10.3.0.0/16 via 192.0.2.9 dev tunl9 metric 32 onlink');
    expect(events.filter(({ type }) => type !== 'reconciled')).to.deep.equal([]);
  });

  it('puts deleted and altered routes right', async () => {
    await make();
    fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    fib.set('10.2.0.0/16', 'blackhole');
    fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
    fib.ready();
    await fib.idle();
    const before = await ns.routes();
    await ns.ip(
      'route del 10.1.0.0/16',
      'route replace 10.2.0.0/16 via 10.0.0.66 proto bgp metric 32',
      'route del 2001:db8:1::/48',
      'route add 10.3.0.0/16 via 10.0.0.66 proto bgp metric 32',
    );
    await told('repaired');
    await holds(...before);
    await ns.ip('route flush proto bgp');
    await holds(...before);
  });

  it('follows its next hops: a static route, an address, a link', async () => {
    await make();
    fib.set('10.1.0.0/16', { nextHop: '10.50.9.9' });
    fib.set('10.2.0.0/16', { nextHop: '10.0.1.2' });
    fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
    await fib.idle();
    const six = '2001:db8:1::/48 via 2001:db8::2 dev eth0 metric 32';
    const two = '10.2.0.0/16 via 10.0.1.2 dev eth1 metric 32';
    await holds(two, six);
    await ns.ip('route add 10.50.0.0/16 via 10.0.0.5 proto static');
    await holds('10.1.0.0/16 via 10.0.0.5 dev eth0 metric 32', two, six);
    await ns.ip('route replace 10.50.0.0/16 via 10.0.1.5 proto static');
    await holds('10.1.0.0/16 via 10.0.1.5 dev eth1 metric 32', two, six);
    await ns.ip('link set eth1 down');
    await holds(six);
    await ns.ip('link set eth1 up');
    await holds(two, six);
    await ns.ip('addr del 10.0.1.1/24 dev eth1', 'addr del 2001:db8::1/64 dev eth0');
    await holds();
    await ns.ip('addr add 10.0.1.1/24 dev eth1', 'addr add 2001:db8::1/64 dev eth0 nodad');
    await holds(two, six);
    await ns.ip('link set eth0p down');
    await holds(two);
    await ns.ip('link set eth0p up');
    await holds(two, six);
  });

  it('writes to the new device when one of the same name takes the place of the old, or is renamed', async () => {
    await make();
    fib.set('10.1.0.0/16', { nextHop: '10.0.1.2' });
    await holds('10.1.0.0/16 via 10.0.1.2 dev eth1 metric 32');
    await ns.ip(
      'link del eth1',
      'link add eth9 type veth peer name eth9p',
      'link add eth1 type veth peer name eth1p',
      // Before it is up: else the gateway is taken with `onlink` in between.
      'addr add 10.0.1.1/24 dev eth1',
      'link set eth1p up',
      'link set eth1 up',
    );
    await holds('10.1.0.0/16 via 10.0.1.2 dev eth1 metric 32');
    fib.set('10.2.0.0/16', { nextHop: '10.0.1.2' });
    await holds('10.1.0.0/16 via 10.0.1.2 dev eth1 metric 32', '10.2.0.0/16 via 10.0.1.2 dev eth1 metric 32');
    await ns.ip('link set eth1 down', 'link set eth1 name wan0', 'link set wan0 up');
    await holds('10.1.0.0/16 via 10.0.1.2 dev wan0 metric 32', '10.2.0.0/16 via 10.0.1.2 dev wan0 metric 32');
    fib.set('10.3.0.0/16', { nextHop: '10.0.1.2' });
    await fib.idle();
    expect(await ns.routes()).to.include('10.3.0.0/16 via 10.0.1.2 dev wan0 metric 32');
  });

  it('never touches the routes of others, also in its own places', async () => {
    await ns.ip(
      'route add 10.1.0.0/16 via 10.0.0.66 proto static metric 32',
      'route add 2001:db8:1::/48 via 2001:db8::66 proto static metric 32',
      'route add 10.2.0.0/16 via 10.0.0.66 proto bird metric 32',
      'route add 10.3.0.0/16 via 10.0.0.66 proto bgp metric 20',
      'route add 10.4.0.0/16 via 10.0.0.66 proto bgp metric 32 table 100',
      'route add 10.5.0.0/16 via 10.0.0.66 proto static',
    );
    const before = [...(await ns.others()), ...(await ns.routes()), ...(await ns.routes('186', '100'))];
    await make({ atStop: 'remove' });
    for (const prefix of ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '10.4.0.0/16', '10.5.0.0/16']) {
      fib.set(prefix, { nextHop: '10.0.0.2' });
    }
    fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
    fib.ready();
    await fib.idle();
    expect(fib.route('10.1.0.0/16')!.error).to.equal('a route of protocol static has this prefix, table and metric');
    expect(fib.route('2001:db8:1::/48')!.state).to.equal('failed');
    expect(fib.route('10.2.0.0/16')!.error).to.equal('a route of protocol bird has this prefix, table and metric');
    expect(fib.route('10.5.0.0/16')!.state).to.equal('installed');
    await ns.ip('route del 10.1.0.0/16 proto static');
    await eventually(() => fib.route('10.1.0.0/16')!.state, {
      what: 'the place is taken',
      until: (s) => s === 'installed',
    });
    await ns.ip('route del 10.1.0.0/16', 'route add 10.1.0.0/16 via 10.0.0.66 proto static metric 32');
    await fib.stop();
    const after = [...(await ns.others()), ...(await ns.routes()), ...(await ns.routes('186', '100'))];
    expect(after).to.deep.equal(before);
  });

  it('learns the routes of pods and follows them', async () => {
    await ns.ip('link add cali1 type veth peer name cali1p', 'link set cali1p up', 'link set cali1 up');
    await ns.ip('route add 10.244.1.1/32 dev cali1');
    await make();
    const pods = new Set<string>();
    fib.learn({ protocols: [3], device: 'cali*' }, ({ learned, gone }) => {
      for (const { prefix } of learned) pods.add(prefix);
      for (const prefix of gone) pods.delete(prefix);
    });
    const sees = (...prefixes: string[]): Promise<unknown> =>
      eventually(() => [...pods].sort(), { what: 'pods', until: (seen) => expect(seen).to.deep.equal(prefixes) });
    await sees('10.244.1.1/32');
    await ns.ip(
      'route add 10.244.1.2/32 dev cali1',
      'route add 10.244.1.9/32 via 10.0.0.9',
      'route add fd00::1/128 dev cali1',
    );
    await sees('10.244.1.1/32', '10.244.1.2/32', 'fd00::1/128');
    await ns.ip('route del 10.244.1.1/32');
    await sees('10.244.1.2/32', 'fd00::1/128');
    await ns.ip('link del cali1');
    await sees();
  });

  it('is right after SIGKILL and a new start with other wishes', async () => {
    await make();
    await fib.stop();
    const script = ['--import', 'tsx', 'test/interop/fib-writer.ts', writer, ns.name, '0', '3000'];
    const child = spawn(process.execPath, script);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await eventually(() => output, { what: 'the writer is at work', until: (text) => text.includes('begun') });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await make();
    for (let i = 1000; i < 2000; i++)
      fib.set(`10.${64 + (i >> 8)}.${i & 255}.0/24`, { nextHop: i < 1500 ? '10.0.0.2' : '10.0.1.2' });
    fib.ready();
    await fib.idle();
    await eventually(() => ns.routes(), {
      what: 'exactly what is wanted',
      until: (routes) => {
        expect(routes).to.have.length(1000);
        expect(routes.filter((line) => line.includes('via 10.0.0.2 dev eth0'))).to.have.length(500);
      },
    });
  });

  it('starts a killed ip anew, in the middle of its work too', async function () {
    if (writer !== 'ip-route') this.skip();
    await make();
    // Again and again: it may be done before it is found.
    let round = 0;
    const kill = async (): Promise<boolean> => {
      const nextHop = `10.0.0.${2 + (round++ % 2)}`;
      for (let i = 0; i < 20_000; i++) fib.set(`10.${64 + (i >> 8)}.${i & 255}.0/24`, { nextHop });
      for (const pid of await ns.pids(/-batch/)) process.kill(pid, 'SIGKILL');
      return events.some(({ type }) => type === 'writerDown');
    };
    await eventually(kill, { what: 'writerDown', until: (down) => down, everyMs: 5 });
    await told('writerUp');
    await eventually(() => ns.routes(), { what: 'all routes', until: (routes) => routes.length === 20_000 });
    for (const pid of await ns.pids(/monitor/)) process.kill(pid, 'SIGKILL');
    await ns.ip('route del 10.64.0.0/24');
    await eventually(() => ns.routes(), { what: 'all routes', until: (routes) => routes.length === 20_000 });
    expect(events.filter(({ type }) => type === 'routeFailed').slice(0, 3)).to.deep.equal([]);
  });

  it('writes, moves and removes 10000 routes', async () => {
    await make();
    const prefixes = Array.from({ length: 10_000 }, (_, i) => `10.${64 + (i >> 8)}.${i & 255}.0/24`);
    for (const prefix of prefixes) fib.set(prefix, { nextHop: '10.0.0.2' });
    await fib.idle();
    expect(await ns.routes()).to.have.length(10_000);
    for (const prefix of prefixes) fib.set(prefix, { nextHop: '10.0.1.2' });
    await fib.idle();
    expect((await ns.routes()).filter((line) => line.includes('dev eth1'))).to.have.length(10_000);
    for (const prefix of prefixes) fib.delete(prefix);
    await fib.idle();
    expect(await ns.routes()).to.deep.equal([]);
  });

  it('reports a missing namespace and recovers when it appears', async () => {
    await make();
    await fib.stop();
    await ns.remove();
    await make();
    fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await fib.idle();
    expect(fib.summary().state).to.equal('down');
    expect(fib.summary().lastError).to.match(/network namespace/);
    const again = await FibNamespace.create(ns.name);
    ns = again;
    await holds('10.1.0.0/16 via 10.0.0.2 dev eth0 metric 32');
    await eventually(() => fib.summary().state, { what: 'running', until: (state) => state === 'running' });
  });
}
