import { expect } from 'chai';
import { BLACKHOLE, routeBody } from '../../lib/fib/body.js';
import { Fib } from '../../lib/fib/fib.js';
import { MemoryFibWriter } from '../../lib/fib/memory-writer.js';
import { PrintFibWriter } from '../../lib/fib/print-writer.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';
import { fibWriterConformance } from '../../lib/fib/conformance.js';

fibWriterConformance('memory', () => Promise.resolve({ writer: new MemoryFibWriter() }));
fibWriterConformance('print', () => Promise.resolve({ writer: new PrintFibWriter(() => undefined) }));
fibWriterConformance('fake kernel', () => {
  const kernel = new FakeKernel();
  kernel.addLink('eth0', '10.0.0.1/24', '2001:db8::1/64');
  const foreign = {
    add: (prefix: string, metric: number) => Promise.resolve(kernel.put({ prefix, metric })),
    remove: (prefix: string) => Promise.resolve(void kernel.remove(prefix)),
  };
  return Promise.resolve({ writer: kernel.writer(), device: 'eth0', foreign });
});

describe('PrintFibWriter', () => {
  it('prints the lines that a host would run', async () => {
    const lines: string[] = [];
    const writer = new PrintFibWriter((line) => lines.push(line));
    const ours = { table: 254, protocol: 186, metric: 32 };
    const hops = [
      { gateway: '10.0.0.2', device: 'eth0', weight: 1 },
      { gateway: '10.0.0.3', device: 'eth0', weight: 2 },
    ];
    const one = routeBody({ type: 'unicast', hops: [{ gateway: 'fe80::2', device: 'eth0', onlink: true }] });
    await writer.write([
      { op: 'add', prefix: '10.1.0.0/16', body: routeBody({ type: 'unicast', hops }), ...ours },
      { op: 'add', prefix: '2001:db8:1::/48', body: one, ...ours },
      { op: 'add', prefix: '10.2.0.0/16', body: BLACKHOLE, ...ours, table: 100, protocol: 201 },
      { op: 'delete', prefix: '10.2.0.0/16', body: BLACKHOLE, ...ours, table: 100, protocol: 201 },
      { op: 'delete', prefix: '10.9.0.0/16', body: BLACKHOLE, ...ours },
    ]);
    expect(lines).to.deep.equal([
      'ip route add 10.1.0.0/16 proto bgp metric 32 table main' +
        ' nexthop via 10.0.0.2 dev eth0 weight 1 nexthop via 10.0.0.3 dev eth0 weight 2',
      'ip -6 route add 2001:db8:1::/48 proto bgp metric 32 table main via inet6 fe80::2 dev eth0 onlink',
      'ip route add blackhole 10.2.0.0/16 proto 201 metric 32 table 100',
      'ip route del 10.2.0.0/16 proto 201 metric 32 table 100',
    ]);
  });

  it('needs no kernel to resolve next hops', async () => {
    const lines: string[] = [];
    const clock = new VirtualClock();
    const fib = new Fib({ writer: new PrintFibWriter((line) => lines.push(line)), clock });
    const started = fib.start();
    fib.set('10.1.0.0/16', { nextHop: '192.0.2.7' });
    await clock.runAsync(100);
    await started;
    expect(lines).to.deep.equal(['ip route add 10.1.0.0/16 proto bgp metric 32 table main via 192.0.2.7']);
    expect(fib.resolve('192.0.2.7')).to.deep.equal({ metric: 0, device: '', gateway: '192.0.2.7' });
  });
});
