import { expect } from 'chai';
import { BLACKHOLE, routeBody } from '../../lib/fib/body.js';
import { KernelError } from '../../lib/fib/errors.js';
import { Fib } from '../../lib/fib/fib.js';
import type { FibEvent } from '../../lib/fib/events.js';
import type { RouteChange } from '../../lib/fib/writer.js';
import { IpRouteWriter } from '../../lib/io/ip-route-writer.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';
import { fibWriterConformance } from '../../lib/fib/conformance.js';
import { FakeIp, type FakeChild } from './fake-ip.js';

const body = routeBody({ type: 'unicast', hops: [{ gateway: '10.0.0.2', device: 'eth0' }] });
const add = (prefix: string): RouteChange => ({ op: 'add', prefix, table: 254, protocol: 186, metric: 32, body });

function rig() {
  const kernel = new FakeKernel();
  kernel.addLink('eth0', '10.0.0.1/24', '2001:db8::1/64');
  const ip = new FakeIp(kernel);
  return { kernel, ip, writer: new IpRouteWriter({ spawn: ip.spawn }) };
}

fibWriterConformance('ip-route on a fake ip', () => {
  const { kernel, writer } = rig();
  const foreign = {
    add: (prefix: string, metric: number) => Promise.resolve(kernel.put({ prefix, metric })),
    remove: (prefix: string) => Promise.resolve(void kernel.remove(prefix)),
  };
  return Promise.resolve({ writer, device: 'eth0', foreign });
});

describe('IpRouteWriter', () => {
  it('uses one long-lived process for all batches', async () => {
    const { ip, writer } = rig();
    for (let i = 0; i < 20; i++) await writer.write([add(`10.1.${i}.0/24`)]);
    expect(ip.started).to.deep.equal([['-force', '-batch', '-']]);
  });

  it('works in another network namespace', async () => {
    const { ip, kernel } = rig();
    const writer = new IpRouteWriter({ spawn: ip.spawn, netns: 'blue' });
    await writer.write([add('10.1.0.0/16')]);
    await writer.read([254], () => undefined);
    writer.watch({
      onRoute: () => undefined,
      onLink: () => undefined,
      onResync: () => undefined,
      onEnd: () => undefined,
    });
    expect(ip.started).to.have.length(6);
    for (const args of ip.started) expect(args.slice(0, 2)).to.deep.equal(['-n', 'blue']);
    expect(kernel.dump(186)).to.have.length(1);
  });

  it('rejects what was unanswered when the process ends, and starts another', async () => {
    const { ip, writer } = rig();
    await writer.write([add('10.1.0.0/16')]);
    ip.stopped = true;
    const answers = [writer.write([add('10.2.0.0/16')]), writer.write([add('10.3.0.0/16')])];
    ip.batches[0]!.finish(new KernelError('EEXIT', "'ip' ended by SIGKILL"));
    const outcomes = await Promise.allSettled(answers);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    ip.stopped = false;
    expect(await writer.write([add('10.4.0.0/16')])).to.deep.equal([]);
    expect(ip.batches).to.have.length(2);
  });

  it('rejects with the reason when ip cannot be run', async () => {
    const { ip, writer } = rig();
    ip.refuseNext = new KernelError('ENOENT', "cannot run 'ip': not found");
    const error = await writer.write([add('10.1.0.0/16')]).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(KernelError).with.property('code', 'ENOENT');
    ip.refuseNext = new KernelError('ENOENT', "cannot run 'ip': not found");
    expect(await writer.read([254], () => undefined).catch((e: unknown) => e)).to.have.property('code', 'ENOENT');
  });

  it('gives up a stopped process on reset', async () => {
    const { ip, writer } = rig();
    ip.stopped = true;
    const answer = writer.write([add('10.1.0.0/16')]).catch((e: unknown) => e);
    writer.reset('no answer');
    expect(await answer).to.include({ code: 'ETIMEDOUT', message: 'no answer' });
    await writer.close();
  });

  it('counts the lines of the process, not of the batch', async () => {
    const { writer } = rig();
    const gone = (prefix: string): RouteChange => ({ ...add(prefix), op: 'delete', body: BLACKHOLE });
    for (let i = 0; i < 5; i++) {
      const failures = await writer.write([add(`10.${i}.0.0/16`), gone('10.99.0.0/16'), add(`10.${i}.0.0/16`)]);
      expect(failures.map(({ index, code }) => `${index} ${code}`)).to.deep.equal(['1 ESRCH', '2 EEXIST']);
    }
  });

  it('takes a fresh process when links changed, because ip remembers their numbers', async () => {
    const { ip, kernel, writer } = rig();
    writer.watch({
      onRoute: () => undefined,
      onLink: () => undefined,
      onResync: () => undefined,
      onEnd: () => undefined,
    });
    await writer.write([add('10.1.0.0/16')]);
    kernel.addLink('eth1');
    await writer.write([add('10.2.0.0/16')]);
    expect(ip.batches).to.have.length(2);
    await writer.write([add('10.3.0.0/16')]);
    kernel.addLink('eth1', '10.0.1.1/24');
    await writer.write([add('10.4.0.0/16')]);
    expect(ip.batches, 'nothing new about that link').to.have.length(2);
  });

  it('ends the watch when a link is renamed, because the monitor tells the old name', () => {
    const { ip, writer } = rig();
    const told: string[] = [];
    writer.watch({
      onRoute: () => undefined,
      onLink: (device, up) => told.push(`${device} ${up ? 'up' : 'down'}`),
      onResync: (reason) => told.push(reason),
      onEnd: (error) => told.push(error.message),
    });
    const say = (line: string) => ip.monitors[0]!.say(`[LINK]${line}\n`);
    say('3: eth1: <UP>');
    say('3: eth1: <UP,LOWER_UP>');
    say('3: wan0: <UP>');
    expect(told).to.deep.equal(['eth1 down', 'eth1 up', 'link eth1 is wan0 now']);
  });

  it('passes on what the monitor says, and that it lost events', () => {
    const { ip, writer } = rig();
    const told: string[] = [];
    writer.watch({
      onRoute: ({ prefix, table, protocol, metric, body: b }, deleted) =>
        told.push(`${deleted ? '-' : '+'} ${prefix} ${table} ${protocol} ${metric} ${b.key}`),
      onLink: (device, up) => told.push(`${device} ${up ?? 'changed'}`),
      onResync: (reason) => told.push(reason),
      onEnd: (error) => told.push(error.message),
    });
    const [monitor, routes] = ip.monitors as [FakeChild, FakeChild];
    routes.say('[ROUTE]10.1.0.0/16 via 10.0.0.2 dev eth0 proto 186 metric 32 \n');
    routes.say('[ROUTE]Deleted 2001:db8::/64 dev eth0 proto 2 metric 256 pref medium\n');
    routes.say('[ROUTE]2 10.0.9.1 dev d0 table 255 proto 2 scope 254 src 10.0.9.1 \n');
    monitor.say('[ADDR]3: d0    inet 10.0.9.1/24 scope 0 d0\\       valid_lft forever preferred_lft forever\n');
    monitor.say('[NEXTHOP]id 7 via 10.0.0.99 dev d0 scope 253 \n');
    routes.complain('netlink receive error No buffer space available (105)\n');
    monitor.finish(new KernelError('EEXIT', "'ip' ended by SIGKILL"));
    expect(told).to.deep.equal([
      '+ 10.1.0.0/16 254 186 32 via 10.0.0.2 dev eth0',
      '- 2001:db8::/64 254 2 256 dev eth0',
      '+ 10.0.9.1/32 255 2 0 local src 10.0.9.1',
      'd0 changed',
      'a nexthop object changed',
      'events were lost',
      "'ip' ended by SIGKILL",
    ]);
  });

  it('does not watch routes during a long burst, and has the tables read after it', async () => {
    const { ip, kernel, writer } = rig();
    const told: string[] = [];
    let wake: (() => void) | undefined;
    writer.watch({
      onRoute: ({ prefix }) => told.push(prefix),
      onLink: (device) => told.push(device),
      onResync: (reason) => {
        told.push(reason);
        wake?.();
      },
      onEnd: (error) => told.push(error.message),
    });
    const again = Array.from({ length: 50 }, (_, i) => add(`10.64.${i}.0/24`));
    const burst = Array.from({ length: 120 }, () => writer.write(again));
    const rested = new Promise<void>((resolve) => (wake = resolve));
    await Promise.all(burst);
    kernel.put({ prefix: '10.1.0.0/16', metric: 0 });
    kernel.addLink('eth1');
    expect(ip.monitors, 'no route monitor in place of the one that was ended').to.have.length(2);
    await rested;
    expect(told).to.deep.equal(['eth1', 'routes were not watched while many were written']);
    kernel.put({ prefix: '10.2.0.0/16', metric: 0 });
    expect(told.at(-1)).to.equal('10.2.0.0/16');
    await writer.close();
  });

  it('carries a Fib through crashes of ip', async () => {
    const { ip, kernel, writer } = rig();
    const clock = new VirtualClock();
    const fib = new Fib({ writer, clock, batchSize: 10 });
    const events: FibEvent['type'][] = [];
    fib.onEvent(({ type }) => events.push(type));
    const started = fib.start();
    await clock.runAsync(10);
    await clock.runAsync(10);
    await started;
    for (let round = 0; round < 5; round++) {
      ip.stopped = true;
      for (let i = 0; i < 40; i++) fib.set(`10.1.${round * 40 + i}.0/24`, { nextHop: '10.0.0.2' });
      await clock.runAsync(1);
      ip.batches.at(-1)!.kill();
      ip.stopped = false;
      await clock.runAsync(round * 500);
    }
    for (let i = 0; i < 50; i++) await clock.runAsync(1000);
    expect(kernel.dump(186)).to.have.length(200);
    expect(events).to.include('writerDown').and.to.include('writerUp').and.not.to.include('routeFailed');
  });
});
