import { expect } from 'chai';
import { ConntrackCleaner, KernelError, type ConntrackTable, type FibEvent } from '../../lib/fib/index.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement } from '../support/wire.js';

const R = '10.0.0.1';
const POD = '10.244.1.7/32';
const POD6 = 'fd00:1::7/128';

class FakeTable implements ConntrackTable {
  readonly deleted: string[][] = [];
  /** The kernel's routes when each batch was deleted. */
  readonly routes: string[][] = [];
  failures = 0;
  closed = false;

  constructor(private readonly dump: () => string[]) {}

  deleteEntries(addresses: readonly string[]): Promise<void> {
    if (this.failures-- > 0) return Promise.reject(new KernelError('ENOENT', "cannot run 'conntrack'"));
    this.deleted.push([...addresses]);
    this.routes.push(this.dump());
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}

/** A node with two neighbors that hosts move between, and pods of its own. */
class Node {
  readonly lab = new Lab();
  readonly kernel = new FakeKernel({ clock: this.lab.clock, latencyMs: 20 });
  readonly table = new FakeTable(() => this.kernel.dump(186));
  readonly events: FibEvent[] = [];
  speaker!: Speaker;
  a!: Probe;
  b!: Probe;

  async up(conntrack: 'keep' | 'delete' = 'delete'): Promise<this> {
    this.kernel.addLink('eth0', `${R}/24`, '2001:db8::1/64');
    this.kernel.addLink('cali7');
    this.speaker = await this.lab.speaker(
      {
        routerId: R,
        neighbors: ['10.0.0.11', '10.0.0.12'].map((address) => ({ address, peerAs: 64512, passive: true })),
        learn: [{ devices: ['cali*'] }],
        fib: { type: 'ip-route', reconcileInterval: 0, conntrack },
      },
      {
        fibWriter: this.kernel.writer(),
        networks: oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']),
        conntrack: this.table,
      },
    );
    this.speaker.on('fib', (event) => this.events.push(event));
    this.a = this.lab.probe(R, '10.0.0.11');
    this.b = this.lab.probe(R, '10.0.0.12');
    await this.lab.up(this.a, this.b);
    return this;
  }

  of(type: FibEvent['type']): FibEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

describe('Speaker: connection tracking entries of hosts that moved', () => {
  it('go when the new route is written; those of what is no host route, or new, or gone, do not', async () => {
    const node = await new Node().up();
    node.a.announce(POD, '10.9.0.0/16').announce(POD6);
    await node.lab.settle();
    expect(node.table.deleted).to.deep.equal([]);
    node.b.announce(POD, '10.9.0.0/16').announce(POD6);
    node.a.withdraw(POD, '10.9.0.0/16').withdraw(POD6);
    await node.lab.settle();
    expect(node.table.deleted).to.deep.equal([['10.244.1.7', 'fd00:1::7']]);
    expect(node.table.routes[0]).to.include(`${POD} via 10.0.0.12 dev eth0`);
    expect(node.of('conntrackDeleted')).to.deep.equal([
      { type: 'conntrackDeleted', addresses: ['10.244.1.7', 'fd00:1::7'] },
    ]);
    node.b.withdraw(POD).withdraw(POD6);
    await node.lab.settle();
    expect(node.table.deleted).to.have.length(1);
    // It was away for a moment, and is back where it was.
    node.b.announce(POD);
    await node.lab.settle();
    expect(node.table.deleted).to.have.length(1);
    node.b.withdraw(POD);
    await node.lab.settle();
    node.a.announce(POD);
    await node.lab.settle();
    expect(node.table.deleted).to.deep.equal([['10.244.1.7', 'fd00:1::7'], ['10.244.1.7']]);
  });

  it('go for pods that come here, or leave here', async () => {
    const node = await new Node().up();
    node.a.announce(POD);
    await node.lab.settle();
    node.kernel.put({ prefix: POD, device: 'cali7', protocol: 3 });
    node.a.withdraw(POD);
    await node.lab.settle();
    expect(node.table.deleted).to.deep.equal([['10.244.1.7']]);
    node.kernel.remove(POD, { metric: 0 });
    node.b.announce(POD);
    await node.lab.settle();
    expect(node.table.deleted).to.deep.equal([['10.244.1.7'], ['10.244.1.7']]);
  });

  it('stay while the old host still announces it: an anycast address has not moved', async () => {
    const node = await new Node().up();
    node.a.announce(POD);
    await node.lab.settle();
    node.b.announceWith(node.b.attributes([{ code: 5, value: 200 }]), POD);
    await node.lab.settle();
    expect(node.kernel.dump(186)).to.deep.equal([`${POD} via 10.0.0.12 dev eth0`]);
    expect(node.table.deleted).to.deep.equal([]);
  });

  it('come in batches with a rest between, however many move at once', async () => {
    const node = await new Node().up();
    const many = Array.from({ length: 300 }, (_, i) => `10.244.${2 + (i >> 8)}.${i & 255}/32`);
    const tell = (probe: Probe): Probe =>
      probe.send(
        ...[0, 100, 200].map((at) =>
          announcement({ prefixes: many.slice(at, at + 100), nextHop: probe.address, attributes: probe.attributes() }),
        ),
      );
    tell(node.a);
    await node.lab.settle();
    tell(node.b);
    node.a.withdraw(...many);
    await node.lab.clock.runAsync(200);
    expect(node.table.deleted.map((batch) => batch.length)).to.deep.equal([128]);
    await node.lab.clock.runAsync(2000);
    expect(node.table.deleted.map((batch) => batch.length)).to.deep.equal([128, 128, 44]);
  });

  it('those of more than wait are forgotten, the oldest first, and it is told', async () => {
    const clock = new VirtualClock();
    const events: FibEvent[] = [];
    const table = new FakeTable(() => []);
    const cleaner = new ConntrackCleaner({ table, clock, emit: (event) => events.push(event), isPending: () => false });
    for (let i = 0; i < 100_005; i++) cleaner.moved(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(cleaner.summary()).to.deep.equal({ waiting: 100_000, deleted: 0, forgotten: 5 });
    await clock.runAsync(150);
    expect(events[0]).to.deep.equal({ type: 'conntrackForgotten', addresses: 5 });
    expect(table.deleted[0]!.slice(0, 1)).to.deep.equal(['10.0.0.5']);
    expect(cleaner.summary()).to.deep.equal({ waiting: 99_872, deleted: 128, forgotten: 5 });
    for (let i = 0; i < 140; i++) cleaner.moved(`11.0.0.${i}`);
    await clock.runAsync(9000);
    expect(events.filter(({ type }) => type === 'conntrackForgotten')).to.have.length(1);
    await clock.runAsync(2000);
    expect(events.filter(({ type }) => type === 'conntrackForgotten').slice(1)).to.deep.equal([
      { type: 'conntrackForgotten', addresses: 12 },
    ]);
    cleaner.close();
  });

  it('a failure is told once, and tried again', async () => {
    const node = await new Node().up();
    node.table.failures = 3;
    node.a.announce(POD);
    await node.lab.settle();
    node.b.announce(POD);
    node.a.withdraw(POD);
    await node.lab.clock.runAsync(2000);
    expect(node.of('conntrackFailed')).to.have.length(1);
    expect(node.table.deleted).to.deep.equal([]);
    await node.lab.clock.runAsync(10_000);
    expect(node.table.deleted).to.deep.equal([['10.244.1.7']]);
    expect(node.of('conntrackFailed')).to.have.length(1);
    // Routes were never in its way.
    expect(node.kernel.dump(186)).to.deep.equal([`${POD} via 10.0.0.12 dev eth0`]);
    await node.lab.during(node.speaker.stop());
    expect(node.table.closed).to.equal(true);
  });

  it('are none of our business by default', async () => {
    const node = await new Node().up('keep');
    node.a.announce(POD);
    await node.lab.settle();
    node.b.announce(POD);
    node.a.withdraw(POD);
    await node.lab.clock.runAsync(5000);
    expect(node.table.deleted).to.deep.equal([]);
  });
});
