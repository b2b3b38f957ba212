import { expect } from 'chai';
import type { FibEvent } from '../../lib/fib/events.js';
import type { FibOptions } from '../../lib/fib/options.js';
import { FakeKernel } from '../../lib/sim/index.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { octets } from '../support/wire.js';

const R = '10.0.0.1';
/** RFC 4724 section 2: both families. */
const END_OF_RIB = [
  octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000'),
  octets('ffffffffffffffffffffffffffffffff 001d 02 0000 0006 800f03 000201'),
];
const PREFIXES = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];
const HELD = PREFIXES.map((prefix) => `${prefix} via 10.0.0.11 dev eth0`);

/** A node with two reflectors and one neighbor in another AS. */
class Node {
  readonly lab = new Lab();
  readonly kernel = new FakeKernel({ clock: this.lab.clock });
  readonly events: FibEvent[] = [];
  speaker!: Speaker;
  a!: Probe;
  b!: Probe;

  async start(fib: Partial<FibOptions>): Promise<this> {
    this.kernel.addLink('eth0', `${R}/24`, '2001:db8::1/64');
    this.speaker = await this.lab.speaker(
      {
        routerId: R,
        neighbors: [
          { address: '10.0.0.11', peerAs: 64512, passive: true },
          { address: '10.0.0.12', peerAs: 64512, passive: true },
          { address: '10.0.0.20', peerAs: 65020, passive: true },
        ],
        fib: { type: 'ip-route', reconcileInterval: 0, ...fib },
      },
      { fibWriter: this.kernel.writer(), networks: oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']) },
    );
    this.speaker.on('fib', (event) => this.events.push(event));
    this.a = this.lab.probe(R, '10.0.0.11');
    this.b = this.lab.probe(R, '10.0.0.12');
    return this;
  }

  async up(fib: Partial<FibOptions>): Promise<this> {
    await this.start(fib);
    await this.lab.up(this.a, this.b);
    this.a.announce(...PREFIXES).send(...END_OF_RIB);
    this.b.send(...END_OF_RIB);
    await this.lab.settle();
    return this;
  }

  async leave(...probes: Probe[]): Promise<void> {
    for (const probe of probes) void probe.peer.stop();
    await this.lab.settle();
  }

  async wait(ms: number): Promise<void> {
    await this.lab.clock.runAsync(ms);
  }

  ours(): string[] {
    return this.kernel.dump(186);
  }

  states(): Record<string, string> {
    return Object.fromEntries([...this.speaker.fibRoutes()].map(({ prefix, state }) => [prefix, state]));
  }

  told(): string[] {
    return this.events.map(({ type }) => type).filter((type) => type !== 'reconciled');
  }
}

const reflectors = { holdWithout: { neighbors: 'reflectors' } } as const;

describe('Speaker: the last good table stays while all reflectors are gone', () => {
  it('until one is back and has told its End-of-RIB', async () => {
    const node = await new Node().up(reflectors);
    expect(node.ours()).to.deep.equal(HELD);
    await node.leave(node.b);
    expect(node.speaker.fibSummary().removalsHeld).to.equal(null);
    await node.leave(node.a);
    expect([...node.speaker.routes('ipv4-unicast')]).to.deep.equal([]);
    expect(node.ours()).to.deep.equal(HELD);
    const why = 'no reflector is Established and has told all its routes';
    expect(node.speaker.fibSummary()).to.include({ removalsHeld: why, removing: 3 });
    expect(node.speaker.fibRoute('10.1.0.0/16')).to.include({ state: 'held', error: why });
    await node.wait(600_000);
    expect(node.ours()).to.deep.equal(HELD);
    await node.lab.up(node.b);
    node.b.announce(PREFIXES[0]!, PREFIXES[1]!);
    await node.lab.settle();
    // What it has told already is written, what it has not stays.
    expect(node.ours()).to.deep.equal([...PREFIXES.slice(0, 2).map((p) => `${p} via 10.0.0.12 dev eth0`), HELD[2]]);
    node.b.send(...END_OF_RIB);
    await node.lab.settle();
    expect(node.ours()).to.deep.equal(PREFIXES.slice(0, 2).map((p) => `${p} via 10.0.0.12 dev eth0`));
    expect(node.told()).to.deep.equal(['removalsReleased', 'removalsHeld', 'removalsReleased']);
  });

  it('no longer than timeLimit, and once only', async () => {
    const node = await new Node().up({ holdWithout: { neighbors: 'all', timeLimit: 100 } });
    await node.leave(node.a, node.b);
    await node.wait(98_000);
    expect(node.ours()).to.deep.equal(HELD);
    await node.wait(3_000);
    expect(node.ours()).to.deep.equal([]);
    await node.wait(600_000);
    expect(node.told().filter((type) => type === 'removalsHeld')).to.have.length(1);
  });

  it('a neighbor that tells no End-of-RIB is taken to be done after half a minute', async () => {
    const node = await new Node().up({ holdWithout: { neighbors: ['10.0.0.12'] } });
    await node.leave(node.b);
    node.a.withdraw(PREFIXES[0]!);
    await node.lab.settle();
    expect(node.ours()).to.deep.equal(HELD);
    await node.lab.up(node.b);
    await node.wait(28_000);
    expect(node.ours()).to.deep.equal(HELD);
    await node.wait(3_000);
    expect(node.ours()).to.deep.equal(HELD.slice(1));
  });

  it('at the start what an earlier run left stays until a reflector is here, however long that takes', async () => {
    const node = new Node();
    for (const prefix of PREFIXES)
      node.kernel.put({ prefix, via: '10.0.0.11', device: 'eth0', protocol: 186, metric: 32 });
    await node.start({ ...reflectors, holdWithout: { neighbors: 'reflectors', timeLimit: 0 } });
    await node.wait(20_000);
    expect(node.states()).to.deep.equal(Object.fromEntries(PREFIXES.map((prefix) => [prefix, 'stale'])));
    await node.wait(3600_000);
    expect(node.ours()).to.deep.equal(HELD);
    expect(new Set(Object.values(node.states()))).to.deep.equal(new Set(['held']));
    await node.lab.up(node.a);
    node.a.announce(PREFIXES[0]!).send(...END_OF_RIB);
    await node.lab.settle();
    expect(node.ours()).to.deep.equal([HELD[0]]);
  });

  it('what is confirmed goes all the same, and the hold goes on', async () => {
    const node = await new Node().up(reflectors);
    await node.leave(node.a, node.b);
    expect(node.speaker.confirmFibRemovals()).to.equal(3);
    await node.lab.settle();
    expect(node.ours()).to.deep.equal([]);
    expect(node.speaker.fibSummary()).to.include({ removing: 0 });
    expect(node.speaker.fibSummary().removalsHeld).to.not.equal(null);
  });

  it('stopping with atStop: remove is not hindered', async () => {
    const node = await new Node().up({ ...reflectors, atStop: 'remove' });
    await node.leave(node.a, node.b);
    await node.lab.during(node.speaker.stop());
    expect(node.ours()).to.deep.equal([]);
  });
});

describe('Speaker: removalLimit', () => {
  it('holds what is over the limit, says so, and lets it go when confirmed', async () => {
    const node = await new Node().up({ removalLimit: { percent: 1, seconds: 3600 } });
    const many = Array.from({ length: 40 }, (_, i) => `10.9.${i}.0/24`);
    node.a.announce(...many);
    await node.lab.settle();
    expect(node.ours()).to.have.length(43);
    node.a.withdraw(...many, ...PREFIXES);
    await node.lab.settle();
    // Ten are always allowed.
    expect(node.ours()).to.have.length(33);
    const why = 'no more than 1 % of the routes may be removed in 3600 s';
    expect(node.speaker.fibSummary()).to.include({ removing: 33, removalsHeld: why });
    expect([...node.speaker.fibRoutes()].every(({ state, error }) => state === 'held' && error === why)).to.equal(true);
    expect(node.told()).to.include('removalsLimited');
    expect(node.speaker.confirmFibRemovals()).to.equal(33);
    await node.lab.settle();
    expect(node.ours()).to.deep.equal([]);
    expect(node.speaker.fibSummary()).to.include({ removing: 0, removalsHeld: null });
  });

  it('without a FIB there is nothing to confirm', async () => {
    const speaker = await new Lab().speaker({ routerId: R });
    expect(() => speaker.confirmFibRemovals())
      .to.throw()
      .with.property('code', 'no_fib');
  });
});
