import { expect } from 'chai';
import fc from 'fast-check';
import { encodeUpdate, type EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { parsePrefix } from '../../lib/net/index.js';
import type { FibEvent } from '../../lib/fib/events.js';
import type { FibOptions } from '../../lib/fib/options.js';
import { FakeKernel } from '../../lib/sim/index.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement } from '../support/wire.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';
const BGP = 186;

const client = (address: string): NeighborOptions => ({
  address,
  peerAs: 64512,
  passive: true,
  routeReflectorClient: true,
});

/** A speaker on a fake kernel with one link, and two clients on that link. */
class FibLab {
  readonly lab = new Lab();
  readonly kernel = new FakeKernel({ clock: this.lab.clock });
  speaker!: Speaker;
  a!: Probe;
  b!: Probe;

  constructor() {
    this.kernel.addLink('eth0', `${R}/24`, '2001:db8::1/64');
  }

  async start(fib: Partial<FibOptions> = {}): Promise<this> {
    this.speaker = await this.lab.speaker(
      {
        routerId: R,
        neighbors: [client('10.0.0.11'), client('10.0.0.12')],
        fib: { type: 'memory', reconcileInterval: 0, ...fib },
      },
      { fibWriter: this.kernel.writer(), networks: oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']) },
    );
    return this;
  }

  async up(): Promise<this> {
    await this.start();
    this.a = this.lab.probe(R, '10.0.0.11');
    this.b = this.lab.probe(R, '10.0.0.12');
    await this.lab.up(this.a, this.b);
    return this;
  }

  /** `prefix target` of our routes, sorted. */
  async routes(): Promise<string[]> {
    await this.lab.settle();
    return this.kernel.dump(BGP);
  }

  /** The prefixes of learnt best paths, sorted. */
  learnt(): string[] {
    const paths = (['ipv4-unicast', 'ipv6-unicast'] as const).flatMap((family) => [...this.speaker.routes(family)]);
    return paths
      .filter(({ neighbor }) => neighbor !== null)
      .map(({ prefix, nextHop }) => `${prefix} via ${nextHop} dev eth0`);
  }
}

describe('Speaker: kernel routes', () => {
  it('are those of the Loc-RIB', async () => {
    const { lab, a, b, speaker, ...rig } = await new FibLab().up();
    const routes = async (): Promise<string[]> => {
      await lab.settle();
      return rig.kernel.dump(BGP);
    };
    a.announce(V4).announce(V6);
    expect(await routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`, `${V6} via 2001:db8::11 dev eth0`]);
    b.announceWith(b.attributes([{ code: 5, value: 200 }]), V4);
    expect(await routes()).to.deep.equal([`${V4} via 10.0.0.12 dev eth0`, `${V6} via 2001:db8::11 dev eth0`]);
    // Originated here: no kernel route, also in the place of a learnt one.
    speaker.announce('10.2.0.0/16');
    speaker.announce(V4, { localPref: 300 });
    expect(await routes()).to.deep.equal([`${V6} via 2001:db8::11 dev eth0`]);
    speaker.withdraw(V4);
    expect(await routes()).to.deep.equal([`${V4} via 10.0.0.12 dev eth0`, `${V6} via 2001:db8::11 dev eth0`]);
    void a.peer.stop();
    void b.peer.stop();
    expect(await routes()).to.deep.equal([]);
    await lab.during(speaker.idle());
    expect([...speaker.fibRoutes()]).to.deep.equal([]);
  });

  it('a blackhole for an own aggregate comes and goes with the option', async () => {
    const rig = await new FibLab().up();
    const { speaker } = rig;
    speaker.announce(V4, { blackhole: true });
    expect(await rig.routes()).to.deep.equal([`${V4} blackhole`]);
    speaker.announce(V4);
    expect(await rig.routes()).to.deep.equal([]);
    speaker.announce(V4, { blackhole: true });
    expect(await rig.routes()).to.deep.equal([`${V4} blackhole`]);
    expect([...speaker.fibRoutes()][0]).to.include({
      prefix: V4,
      target: 'blackhole',
      state: 'installed',
      error: null,
    });
    speaker.withdraw(V4);
    expect(await rig.routes()).to.deep.equal([]);
    speaker.announce(V6, { blackhole: true });
    expect(await rig.routes()).to.deep.equal([`${V6} blackhole`]);
  });

  it('a next hop that cannot be reached: not best, not told, no kernel route; and back again (RFC 4271 9.1.2.1)', async () => {
    const rig = await new FibLab().up();
    const { a, b, speaker, kernel } = rig;
    kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0' });
    await rig.lab.settle();
    const remote = (nextHop: string) => announcement({ prefixes: [V4], nextHop, attributes: a.attributes() });
    a.send(remote('10.9.0.1'));
    b.announce('10.5.0.0/16');
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.99 dev eth0`, '10.5.0.0/16 via 10.0.0.12 dev eth0']);
    expect(b.prefixes).to.deep.equal([V4]);
    kernel.remove('10.9.0.0/16');
    expect(await rig.routes()).to.deep.equal(['10.5.0.0/16 via 10.0.0.12 dev eth0']);
    expect(b.prefixes).to.deep.equal([]);
    expect(speaker.explain(V4).best).to.equal(null);
    expect(speaker.explain(V4).decisions[0]).to.include({ lostAt: 'next hop resolvable', detail: 'unresolvable' });
    expect(speaker.explain(V4).decisions[0]!.path.nextHopResolvable).to.equal(false);
    kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.98', device: 'eth0' });
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.98 dev eth0`);
    expect(b.prefixes).to.deep.equal([V4]);
  });

  it('the nearer next hop wins, and the other when costs change (RFC 4271 9.1.2.2 e)', async () => {
    const rig = await new FibLab().up();
    const { a, b, kernel, speaker } = rig;
    kernel.put({ prefix: '10.8.0.0/16', via: '10.0.0.88', device: 'eth0', metric: 10 });
    kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0', metric: 20 });
    await rig.lab.settle();
    a.send(announcement({ prefixes: [V4], nextHop: '10.9.0.1', attributes: a.attributes() }));
    b.send(announcement({ prefixes: [V4], nextHop: '10.8.0.1', attributes: b.attributes() }));
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.88 dev eth0`]);
    expect(speaker.explain(V4).decisions[1]!.lostAt).to.equal('lowest IGP cost to the next hop');
    kernel.remove('10.9.0.0/16');
    kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0', metric: 5 });
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.99 dev eth0`]);
  });

  it('our own address as next hop of a learnt route leads nowhere (RFC 4271 5.1.3)', async () => {
    const rig = await new FibLab().up();
    const { a, b } = rig;
    a.send(announcement({ prefixes: [V4], nextHop: R, attributes: a.attributes() }));
    expect(await rig.routes()).to.deep.equal([]);
    expect(b.prefixes).to.deep.equal([]);
  });

  it('link-local next hops go with their device (RFC 2545)', async () => {
    const rig = await new FibLab().up();
    const { a } = rig;
    const tell = (prefix: string, nextHop: string, linkLocal?: string): void => {
      const value = {
        afi: 2,
        safi: 1,
        nextHop,
        ...(linkLocal ? { linkLocal } : {}),
        nlri: [{ prefix: parsePrefix(prefix) }],
      };
      const attributes: EncodableAttribute[] = [{ code: 14, value }, ...a.attributes()];
      a.send(encodeUpdate({ attributes }));
    };
    tell('2001:db8:1::/48', 'fe80::11');
    // Some senders have no global address and write `::`, then the link-local one.
    tell('2001:db8:2::/48', '::', 'fe80::11');
    // A global one that can be reached is enough.
    tell('2001:db8:3::/48', '2001:db8::11', 'fe80::11');
    expect(await rig.routes()).to.deep.equal([
      '2001:db8:1::/48 via fe80::11 dev eth0',
      '2001:db8:2::/48 via fe80::11 dev eth0',
      '2001:db8:3::/48 via 2001:db8::11 dev eth0',
    ]);
  });

  it('a kernel that refuses and fails never stops BGP', async () => {
    const rig = await new FibLab().up();
    const { a, b, kernel, speaker } = rig;
    const events: string[] = [];
    speaker.on('fib', ({ type }) => events.push(type));
    kernel.refuse(V4, 'EINVAL');
    a.announce(V4, '10.2.0.0/16');
    expect(await rig.routes()).to.deep.equal(['10.2.0.0/16 via 10.0.0.11 dev eth0']);
    expect(b.prefixes).to.deep.equal([V4, '10.2.0.0/16']);
    expect(events).to.include('routeFailed');
    expect([...speaker.fibRoutes()].find(({ prefix }) => prefix === V4)).to.include({ state: 'failed' });
    kernel.relent();
    await rig.lab.clock.runAsync(600_000);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`, '10.2.0.0/16 via 10.0.0.11 dev eth0']);
    expect(events).to.include('routeRecovered');
  });

  it('stop keeps the routes, or removes them', async () => {
    for (const atStop of ['keep', 'remove'] as const) {
      const rig = await new FibLab().start({ atStop });
      const a = rig.lab.probe(R, '10.0.0.11');
      await rig.lab.up(a);
      a.announce(V4);
      const before = await rig.routes();
      expect(before).to.have.length(1);
      await rig.lab.during(rig.speaker.stop());
      await rig.lab.clock.runAsync(60_000);
      expect(rig.kernel.dump(BGP)).to.deep.equal(atStop === 'keep' ? before : []);
    }
  });

  it('routes of an earlier run stay until all neighbors have told all that they have', async () => {
    const rig = new FibLab();
    const { kernel, lab } = rig;
    kernel.put({ prefix: V4, via: '10.0.0.11', device: 'eth0', protocol: BGP, metric: 32 });
    kernel.put({ prefix: '10.66.0.0/16', via: '10.0.0.12', device: 'eth0', protocol: BGP, metric: 32 });
    kernel.put({ prefix: '10.77.0.0/16', via: '10.0.0.12', device: 'eth0', protocol: 4 });
    await rig.start();
    const a = lab.probe(R, '10.0.0.11');
    const b = lab.probe(R, '10.0.0.12');
    await lab.up(a, b);
    a.announce(V4);
    const stale = '10.66.0.0/16 via 10.0.0.12 dev eth0';
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`, stale]);
    const endOfRib = [
      encodeUpdate({}),
      encodeUpdate({ attributes: [{ code: 15, value: { afi: 2, safi: 1, nlri: [] } }] }),
    ];
    a.send(...endOfRib);
    expect(await rig.routes()).to.include(stale);
    b.send(...endOfRib);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`]);
    expect(kernel.dump(4)).to.have.length(1);
  });

  it('a neighbor that never comes does not keep stale routes for ever', async () => {
    const rig = new FibLab();
    rig.kernel.put({ prefix: '10.66.0.0/16', via: '10.0.0.12', device: 'eth0', protocol: BGP, metric: 32 });
    await rig.start();
    await rig.lab.clock.runAsync(20_000);
    expect(rig.kernel.dump(BGP)).to.have.length(1);
    await rig.lab.clock.runAsync(20_000);
    expect(rig.kernel.dump(BGP)).to.deep.equal([]);
  });

  it('whatever happens, the kernel ends with exactly the Loc-RIB', async () => {
    const prefixes = [V4, '10.2.0.0/16', '10.2.3.0/24', V6, '2001:db8:2::/48'];
    const step = fc.record({
      op: fc.constantFrom(
        'announce',
        'announce',
        'announce',
        'withdraw',
        'local',
        'unlocal',
        'flap',
        'foreign',
        'wait',
      ),
      first: fc.boolean(),
      prefix: fc.constantFrom(...prefixes),
      localPref: fc.constantFrom(100, 200),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), async (steps) => {
        const rig = await new FibLab().up();
        const local = new Set<string>();
        for (const { op, first, prefix, localPref } of steps) {
          const probe = first ? rig.a : rig.b;
          if (op === 'wait') await rig.lab.settle();
          else if (op === 'local') {
            local.add(prefix);
            rig.speaker.announce(prefix, { localPref });
          } else if (op === 'unlocal') {
            if (local.delete(prefix)) rig.speaker.withdraw(prefix);
          } else if (op === 'foreign') rig.kernel.remove(prefix, { metric: 32 });
          else if (!probe.isUp) await rig.lab.up(probe);
          else if (op === 'announce') probe.announceWith(probe.attributes([{ code: 5, value: localPref }]), prefix);
          else if (op === 'withdraw') probe.withdraw(prefix);
          else probe.peer.reset();
        }
        await rig.lab.clock.runAsync(5000);
        expect(rig.kernel.dump(BGP)).to.deep.equal(rig.learnt().sort());
      }),
      { numRuns: 40 },
    );
  });

  it('a watch tells what happens to them: in order, the newest of each prefix to a listener that is slow', async () => {
    const rig = await new FibLab().up();
    rig.kernel.refuse(V4, 'EINVAL');
    const fast: string[] = [];
    const slow: string[] = [];
    const textOf = (event: FibEvent): string => `${event.type} ${'prefix' in event ? event.prefix : ''}`.trim();
    let busy = true;
    void rig.speaker.watch({ families: [], fib: true }).forEach((event) => {
      if (event.type === 'fib') fast.push(textOf(event.event));
    });
    const slowWatch = rig.speaker.watch({ families: [], fib: true });
    void slowWatch.forEach(async (event) => {
      while (busy) await new Promise<void>((resolve) => rig.lab.clock.after(1000, resolve));
      if (event.type === 'fib') slow.push(textOf(event.event));
    });
    rig.a.announce(V4);
    await rig.lab.settle();
    expect(fast).to.deep.equal([`routeFailed ${V4}`]);
    rig.kernel.relent();
    await rig.lab.clock.runAsync(60_000);
    expect(fast).to.deep.equal([`routeFailed ${V4}`, `routeRecovered ${V4}`]);
    busy = false;
    await rig.lab.clock.runAsync(5000);
    expect(slow).to.deep.equal([`routeRecovered ${V4}`]);
    expect(slowWatch.coalesced).to.equal(1);
  });
});
