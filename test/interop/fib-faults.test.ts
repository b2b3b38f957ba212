import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { routeBody } from '../../lib/fib/body.js';
import type { FibEvent } from '../../lib/fib/events.js';
import { Fib } from '../../lib/fib/fib.js';
import type { FibSettings } from '../../lib/fib/settings.js';
import type { FibWriter } from '../../lib/fib/writer.js';
import { endingWithUs, spawnIp, type SpawnIp } from '../../lib/io/ip-child.js';
import { IpRouteWriter, NetlinkWriter, realClock } from '../../lib/io/index.js';
import { FibNamespace } from './fib-namespace.js';
import { eventually } from './harness/eventually.js';
import { missing } from './harness/requirements.js';
import { run } from './harness/run.js';

const reason = missing(['socketOptions']);
const COUNT = 2000;
const prefixOf = (i: number): string => `10.${64 + (i >> 8)}.${i & 255}.0/24`;

if (reason !== undefined) {
  describe(`FIB faults on a real kernel (skipped: ${reason})`, () => {
    it('can run here', function () {
      if (process.env['TSBGP_REQUIRE_INTEROP'] === '1')
        throw new Error(`${reason}, and TSBGP_REQUIRE_INTEROP=1 asks for it`);
      this.skip();
    });
  });
} else {
  for (const type of ['ip-route', 'netlink'] as const) {
    describe(`FIB faults on a real kernel, ${type}`, function () {
      this.timeout(120_000);
      tests(type);
    });
  }
}

function tests(type: 'ip-route' | 'netlink'): void {
  let ns: FibNamespace;
  let fib: Fib;
  let events: FibEvent[];
  let directory: string;
  let others: string[];

  const make = (spawn: SpawnIp = spawnIp(), settings: Partial<FibSettings> = {}): Promise<void> =>
    start(
      type === 'netlink' ? new NetlinkWriter({ netns: ns.name }) : new IpRouteWriter({ netns: ns.name, spawn }),
      settings,
    );
  const start = async (writer: FibWriter, settings: Partial<FibSettings> = {}): Promise<void> => {
    fib = new Fib({
      writer,
      clock: realClock,
      reconcileSeconds: 0,
      ...settings,
    });
    events = [];
    fib.onEvent((event) => events.push(event));
    await fib.start();
  };
  const want = (from: number, count: number, nextHop = '10.0.0.2'): void => {
    for (let i = from; i < from + count; i++) fib.set(prefixOf(i), { nextHop });
  };
  /** In the end the kernel holds exactly what is wanted, and all else is as it was. */
  const equal = async (): Promise<void> => {
    const wanted = (): string[] =>
      [...fib.routes()]
        .filter(({ wantedAt }) => wantedAt !== null)
        .map(({ prefix, target }) => `${prefix} ${target} metric 32`)
        .sort();
    await eventually(async () => ({ routes: await ns.routes(), lines: wanted() }), {
      what: 'the kernel equals what is wanted',
      until: ({ routes, lines }) => routes.length === lines.length && routes.every((line, i) => line === lines[i]),
      limitMs: 40_000,
    });
    expect(await ns.others()).to.deep.equal(others);
  };
  /** Our routes are flushed and others put in their place, more of them than a small buffer can tell of. */
  const survivesFloods = async (): Promise<void> => {
    want(0, COUNT);
    fib.ready();
    await fib.idle();
    for (let round = 0; round < 3; round++) {
      await ns.ip(
        'route flush proto bgp',
        ...Array.from({ length: COUNT }, (_, i) => `route add ${prefixOf(5000 + i)} via 10.0.1.66 proto bgp metric 32`),
      );
      await equal();
    }
  };
  const types = (): Set<FibEvent['type']> => new Set(events.map(({ type }) => type));

  beforeEach(async () => {
    ns = await FibNamespace.create(undefined, false);
    directory = await mkdtemp(join(tmpdir(), 'tsbgp-fib-'));
    await ns.ip(
      'route add 10.200.0.0/16 via 10.0.0.9 proto static metric 32',
      'route add 10.201.0.0/16 via 10.0.0.9 proto bird',
      'route add 2001:db8:200::/48 via 2001:db8::9 proto static metric 32',
    );
    others = await ns.others();
  });
  afterEach(async () => {
    await fib.stop();
    await ns.remove();
    await rm(directory, { recursive: true });
  });

  if (type === 'ip-route') ipFaults();
  else netlinkFaults();

  it('the table is full of the routes of another', async () => {
    await ns.ip(
      ...Array.from(
        { length: 20_000 },
        (_, i) => `route add 11.${i >> 8}.${i & 255}.0/24 via 10.0.0.9 proto bird metric 32`,
      ),
    );
    others = await ns.others();
    await make();
    want(0, COUNT);
    for (let i = 0; i < 100; i++) fib.set(`11.0.${i}.0/24`, { nextHop: '10.0.0.2' });
    await fib.idle();
    expect(fib.summary()).to.include({ wanted: COUNT + 100, kernel: COUNT, failed: 100 });
    expect(events.filter(({ type }) => type === 'routeFailed')).to.have.length(100);
    expect(await ns.others()).to.deep.equal(others);
    for (let i = 0; i < 100; i++) fib.delete(`11.0.${i}.0/24`);
    await equal();
  });

  it('routes are deleted and altered behind our back by the thousand', async () => {
    await make();
    want(0, COUNT);
    await fib.idle();
    await ns.ip(
      ...Array.from({ length: COUNT / 2 }, (_, i) => `route del ${prefixOf(i)} proto bgp metric 32`),
      ...Array.from(
        { length: COUNT / 2 },
        (_, i) => `route replace ${prefixOf(COUNT / 2 + i)} via 10.0.1.66 proto bgp metric 32`,
      ),
      ...Array.from(
        { length: COUNT / 2 },
        (_, i) => `route add ${prefixOf(COUNT + i)} via 10.0.1.66 proto bgp metric 32`,
      ),
    );
    await equal();
  });

  it('the device goes and comes back while routes are written', async () => {
    await make();
    want(0, COUNT, '10.0.1.2');
    await ns.ip('link set eth1 down');
    await eventually(() => [...fib.routes()], {
      what: 'unresolved',
      until: (routes) => routes.every(({ state }) => state === 'unresolved'),
    });
    expect(await ns.routes()).to.deep.equal([]);
    await ns.ip('link set eth1 up');
    await eventually(() => ns.routes(), { what: 'all back', until: (routes) => routes.length === COUNT });
  });

  it('the time of day jumps', async () => {
    let offset = 0;
    const clock = { ...realClock, wallTime: () => realClock.wallTime() + offset };
    await make(spawnIp(), { clock });
    want(0, 100);
    offset = -86_400_000 * 365;
    want(100, 100);
    await fib.idle();
    offset = 86_400_000 * 365;
    await ns.ip('route flush proto bgp');
    await equal();
  });

  function ipFaults(): void {
    it('ip is missing, and installed later', async () => {
      const path = join(directory, 'ip');
      await make(spawnIp(path));
      want(0, COUNT);
      await fib.idle();
      expect(fib.summary().lastError).to.match(/cannot run .*ENOENT/);
      await symlink('/usr/sbin/ip', path).catch(() => symlink('/sbin/ip', path));
      await equal();
    });

    it('no ip stays when its parent is killed, though nothing happens that it could tell', async function () {
      if (endingWithUs().length === 0) this.skip();
      const script = fileURLToPath(new URL('fib-writer.ts', import.meta.url));
      const parent = spawn(process.execPath, ['--import', 'tsx', script, type, ns.name, '0', '600'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      parent.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await eventually(() => said, { what: 'its routes', until: (text) => text.includes('done running') });
      expect(await ns.pids(/ monitor .*link/), 'ip monitor').to.have.length(1);
      expect(await ns.pids(/-batch/), 'ip -batch').to.have.length(1);
      const exit = once(parent, 'exit');
      parent.kill('SIGKILL');
      await exit;
      await eventually(() => ns.pids(/ip/), { what: 'no ip', until: (pids) => pids.length === 0, limitMs: 40_000 });
      await make();
      want(0, 600);
      await equal();
      expect(types().has('foreignChange')).to.equal(false);
    });

    it('does without setpriv where there is none', async () => {
      await make(spawnIp('ip', () => []));
      want(0, 100);
      await equal();
    });

    it('ip is killed again and again in the middle of its work', async () => {
      await make();
      const killer = setInterval(() => {
        void ns.pids(/-batch/).then(
          (pids) => pids.forEach((pid) => process.kill(pid, 'SIGKILL')),
          () => undefined,
        );
      }, 40);
      want(0, COUNT * 5);
      await eventually(() => types(), { what: 'a failure', until: (seen) => seen.has('writerDown') });
      clearInterval(killer);
      await equal();
      expect(types().has('routeFailed')).to.equal(false);
      expect(types().has('foreignChange')).to.equal(false);
    });

    it('ip is stopped and does not answer', async () => {
      await make(spawnIp(), { writeTimeoutSeconds: 1 });
      want(0, 10);
      await fib.idle();
      for (const pid of await ns.pids(/-batch/)) process.kill(pid, 'SIGSTOP');
      want(10, COUNT);
      await equal();
      const down = events.find((event) => event.type === 'writerDown');
      expect(down).to.have.nested.property('error.code', 'ETIMEDOUT');
      expect(await ns.pids(/-batch/), 'the stopped one is gone').to.have.length(1);
    });

    it('ip prints rubbish and ends', async () => {
      const path = join(directory, 'ip');
      const bad = join(directory, 'bad');
      await writeFile(bad, '');
      await writeFile(
        path,
        `#!/bin/sh\nif [ -e ${bad} ]; then echo rubbish; echo "more rubbish" >&2; exit 3; fi\nexec ip "$@"\n`,
      );
      await chmod(path, 0o755);
      await make(spawnIp(path));
      want(0, COUNT);
      await fib.idle();
      expect(fib.summary()).to.include({ state: 'down' });
      await rm(bad);
      await equal();
    });

    it('there is no memory for ip, after the one that ran was killed for it, and later there is', async () => {
      const path = join(directory, 'ip');
      const starved = join(directory, 'starved');
      await writeFile(path, `#!/bin/sh\nif [ -e ${starved} ]; then ulimit -v 2500; fi\nexec ip "$@"\n`);
      await chmod(path, 0o755);
      await make(spawnIp(path));
      want(0, COUNT);
      await equal();
      await writeFile(starved, '');
      // Again and again: one that has nothing to do any more is not missed.
      let round = 0;
      const starve = async (): Promise<string> => {
        want(COUNT / 2, COUNT, `10.0.0.${3 + (round++ % 2)}`);
        for (const pid of await ns.pids(/-batch/)) process.kill(pid, 'SIGKILL');
        return fib.summary().state;
      };
      await eventually(starve, { what: 'down', until: (state) => state === 'down' });
      fib.delete(prefixOf(0));
      await rm(starved);
      await equal();
      expect([...types()].filter((type) => type === 'routeFailed' || type === 'foreignChange')).to.deep.equal([]);
    });

    it('permission is denied, and granted later', async function () {
      if (
        await run('setpriv', ['--version']).then(
          () => false,
          () => true,
        )
      )
        this.skip();
      const path = join(directory, 'ip');
      const denied = join(directory, 'denied');
      await writeFile(denied, '');
      const drop = 'setpriv --bounding-set=-net_admin --inh-caps=-net_admin';
      await writeFile(path, `#!/bin/sh\nif [ -e ${denied} ]; then exec ${drop} ip "$@"; fi\nexec ip "$@"\n`);
      await chmod(path, 0o755);
      await make(spawnIp(path));
      want(0, COUNT);
      await eventually(() => fib.summary(), {
        what: 'down',
        until: ({ lastError }) => /not permitted/.test(lastError ?? ''),
      });
      expect(events.filter(({ type }) => type === 'routeFailed')).to.deep.equal([]);
      await rm(denied);
      // The process that was denied is still there; nobody told it.
      for (const pid of await ns.pids(/-batch/)) process.kill(pid, 'SIGKILL');
      await equal();
    });

    it('ip monitor loses events', async () => {
      // A receive buffer of the least size that the kernel gives.
      const small: SpawnIp = (args, handler) => {
        const at = args.indexOf('-rcvbuf');
        return spawnIp()(at < 0 ? args : args.with(at + 1, '1'), handler);
      };
      await make(small);
      await survivesFloods();
    });

    it('ip monitor tells nothing at all: the periodic reading finds out', async () => {
      const deaf: SpawnIp = (args, handler) =>
        spawnIp()(
          args,
          args.includes('monitor') ? { ...handler, onStdout: () => undefined, onStderr: () => undefined } : handler,
        );
      await make(deaf, { reconcileSeconds: 1 });
      want(0, COUNT);
      fib.ready();
      await fib.idle();
      await ns.ip('route flush proto bgp', 'route add 10.250.0.0/16 via 10.0.1.66 proto bgp metric 32');
      await equal();
    });
  }

  function netlinkFaults(): void {
    it('events are lost', async () => {
      // The least that the kernel gives: a few events.
      await start(new NetlinkWriter({ netns: ns.name, watchBuffer: 1 }));
      await survivesFloods();
      // Nobody reads meanwhile.
      const lines = Array.from(
        { length: COUNT },
        (_, i) => `route add ${prefixOf(5000 + i)} via 10.0.1.66 proto bgp metric 32`,
      );
      spawnSync('ip', ['-n', ns.name, '-batch', '-'], { input: lines.join('\n') });
      const isLoss = (event: FibEvent): boolean => event.type === 'reconciled' && event.reason === 'events were lost';
      await eventually(() => events, { what: 'a loss', until: (seen) => seen.some(isLoss) });
      await equal();
    });

    it('answers are lost, and more of them than can be kept are refusals', async () => {
      const occupied = 1500;
      await ns.ip(
        ...Array.from({ length: occupied }, (_, i) => `route add ${prefixOf(i)} via 10.0.0.9 proto static metric 32`),
      );
      const before = others;
      others = await ns.others();
      // The least that the kernel gives: a few answers.
      await start(new NetlinkWriter({ netns: ns.name, answerBuffer: 1 }));
      want(0, occupied * 2);
      await eventually(() => fib.summary(), {
        what: 'all that has room is written',
        until: (seen) => seen.state === 'running' && seen.kernel === occupied && seen.failed === occupied,
        limitMs: 40_000,
      });
      expect(await ns.routes()).to.have.length(occupied);
      expect(await ns.others()).to.deep.equal(others);
      const lost = events.filter((event) => event.type === 'writerDown' && event.error.code === 'ENOBUFS');
      expect(lost.length, 'fewer requests in one frame after each loss').to.be.within(1, 4);
      expect(types().has('foreignChange')).to.equal(false);
      for (let i = 0; i < 10; i++) expect(fib.route(prefixOf(i))!.error).to.match(/protocol static has this prefix/);
      await ns.ip('route flush root 10.64.0.0/10 proto static');
      others = before;
      // Most have just failed: they are tried again, at once or within some seconds.
      await equal();
    });

    it('does not hear of its own changes', async () => {
      const writer = new NetlinkWriter({ netns: ns.name });
      const told: string[] = [];
      const hear = (text: string): void => void told.push(text);
      writer.watch({
        onRoute: ({ prefix }) => hear(prefix),
        onLink: hear,
        onResync: hear,
        onEnd: ({ message }) => hear(message),
      });
      // Keeps the hooks content: what is compared afterwards is not this writer's doing.
      await start(new NetlinkWriter({ netns: ns.name }));
      const body = routeBody({ type: 'unicast', hops: [{ gateway: '10.0.0.2', device: 'eth0' }] });
      const place = { prefix: '10.1.0.0/16', table: 254, protocol: 186, metric: 77, body };
      for (const op of ['add', 'delete', 'add'] as const)
        expect(await writer.write([{ op, ...place }])).to.deep.equal([]);
      await ns.ip('route add blackhole 10.2.0.0/16 proto static');
      await eventually(() => told, { what: 'an event of another', until: (seen) => seen.length > 0 });
      expect(told).to.deep.equal(['10.2.0.0/16']);
      await writer.close();
    });

    it('the watch tells nothing at all: the periodic reading finds out', async () => {
      const deaf = new NetlinkWriter({ netns: ns.name });
      Object.assign(deaf, { watch: undefined });
      await start(deaf, { reconcileSeconds: 1 });
      want(0, COUNT);
      fib.ready();
      await fib.idle();
      await ns.ip('route flush proto bgp', 'route add 10.250.0.0/16 via 10.0.1.66 proto bgp metric 32');
      await equal();
    });

    it('is reset again and again in the middle of its work', async () => {
      const writer = new NetlinkWriter({ netns: ns.name });
      await start(writer);
      want(0, COUNT * 5);
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        writer.reset('test');
      }
      await eventually(() => types(), { what: 'a failure', until: (seen) => seen.has('writerDown') });
      await equal();
      expect(types().has('routeFailed')).to.equal(false);
      expect(types().has('foreignChange')).to.equal(false);
    });

    it('another namespace takes the name of ours', async () => {
      await make(undefined, { reconcileSeconds: 1 });
      want(0, COUNT);
      await fib.idle();
      await ns.remove();
      ns = await FibNamespace.create(ns.name, false);
      others = await ns.others();
      await equal();
      want(COUNT, 10);
      await equal();
      await ns.ip('route flush proto bgp');
      await equal();
    });

    it('permission is denied', async function () {
      const missingSetpriv = await run('setpriv', ['--version']).then(
        () => false,
        () => true,
      );
      if (missingSetpriv) this.skip();
      await make();
      const script = ['node', '--import', 'tsx', 'test/interop/fib-writer.ts', 'netlink', ns.name, '0', '600'];
      const said = await run('setpriv', ['--bounding-set=-net_admin', '--inh-caps=-net_admin', ...script]);
      expect(said).to.match(/^begun\ndone down .*not permitted/);
    });
  }
}
