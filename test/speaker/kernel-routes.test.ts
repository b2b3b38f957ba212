import { expect } from 'chai';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { FakeKernel } from '../../lib/sim/index.js';
import type { SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement } from '../support/wire.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const BGP = 186;

/** A speaker on a fake kernel with one link, eBGP neighbors of AS 65001 and 65002, and two iBGP neighbors. */
class KernelLab {
  readonly lab = new Lab();
  readonly kernel = new FakeKernel({ clock: this.lab.clock });
  config!: SpeakerConfig;
  speaker!: Speaker;
  networks = oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']);
  /** eBGP: a, b of AS 65001, c of AS 65002; iBGP: i, k. */
  readonly probes = new Map<string, Probe>();

  constructor() {
    this.kernel.addLink('eth0', `${R}/24`, '2001:db8::1/64');
  }

  async up(config: Partial<SpeakerConfig> = {}): Promise<this> {
    const plan = { a: [11, 65001], b: [12, 65001], c: [13, 65002], i: [21, 64512], k: [22, 64512] } as const;
    this.config = {
      asn: 64512,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: Object.values(plan).map(([host, peerAs]) => ({
        address: `10.0.0.${host}`,
        peerAs,
        passive: true,
        ...(peerAs === 64512 ? {} : { connectedCheck: false }),
        extendedNextHop: true,
      })),
      fib: { type: 'memory', reconcileInterval: 0, ...config.fib },
      ...Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'fib')),
    };
    this.speaker = await this.lab.speaker(
      { ...this.config, routerId: R },
      { fibWriter: this.kernel.writer(), networks: this.networks },
    );
    for (const [name, [host, asn]] of Object.entries(plan)) {
      const capabilities = { extendedNextHop: true };
      this.probes.set(name, this.lab.probe(R, `10.0.0.${host}`, { localAs: asn, capabilities }));
    }
    await this.lab.up(...this.probes.values());
    return this;
  }

  tell(name: string, prefix: string, nextHop?: string, more: readonly EncodableAttribute[] = []): this {
    const probe = this.probes.get(name)!;
    const internal: EncodableAttribute[] =
      probe.negotiated!.peerType === 'ibgp' ? [{ code: 2, value: [{ type: 'AS_SEQUENCE', asns: [65001] }] }] : [];
    const attributes = probe.attributes([...internal, ...more]);
    if (nextHop === undefined) probe.announceWith(attributes, prefix);
    else probe.send(announcement({ prefixes: [prefix], nextHop, attributes }, probe.negotiated!.send));
    return this;
  }

  withdraw(name: string, prefix: string): this {
    this.probes.get(name)!.withdraw(prefix);
    return this;
  }

  async routes(): Promise<string[]> {
    await this.lab.settle();
    return this.kernel.dump(BGP);
  }

  async reconfigure(change: Partial<SpeakerConfig>): Promise<void> {
    this.config = { ...this.config, ...change };
    await this.lab.during(this.speaker.reconfigure(this.config));
  }
}

const bandwidth = (value: number): EncodableAttribute => {
  const octets = new Uint8Array(8);
  octets.set([0x40, 0x04, 0xfd, 0xe9]);
  new DataView(octets.buffer).setFloat32(4, value);
  return { code: 16, value: [octets] };
};

const hops = (...parts: (string | readonly [string, number])[]): string =>
  parts
    .map((part) => (typeof part === 'string' ? ([part, 1] as const) : part))
    .map(([hop, weight]) => `nexthop via ${hop} dev eth0 weight ${weight}`)
    .join(' ');

describe('Speaker: kernel routes over several paths', () => {
  it('follow every path, also when the best one stays', async () => {
    const rig = await new KernelLab().up({ multipath: { ebgp: 4, asPathRelax: true } });
    rig.tell('a', V4).tell('c', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.13')}`]);
    rig.tell('b', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.12', '10.0.0.13')}`]);
    const changes: string[] = [];
    rig.speaker.on('bestPathChange', ({ prefix }) => changes.push(prefix));
    rig.withdraw('c', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.12')}`]);
    rig.withdraw('b', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`]);
    expect(changes).to.deep.equal([]);
    rig.withdraw('a', V4);
    expect(await rig.routes()).to.deep.equal([]);
  });

  it('are not written anew for what makes no difference', async () => {
    const rig = await new KernelLab().up({ multipath: { ebgp: 4, asPathRelax: true } });
    rig.tell('a', V4).tell('c', V4);
    await rig.routes();
    const before = rig.kernel.counts.changes;
    // Other attributes, another best path, a path that is not used.
    rig.tell('a', V4, undefined, [{ code: 8, value: [0xfde90001] }]);
    rig.tell('i', V4);
    rig.tell('a', V4);
    expect(await rig.routes()).to.have.length(1);
    expect(rig.kernel.counts.changes).to.equal(before);
  });

  it('have shares by the bandwidth of the links', async () => {
    const rig = await new KernelLab().up({ multipath: { ebgp: 4 } });
    rig.tell('a', V4, undefined, [bandwidth(1.25e8)]).tell('b', V4, undefined, [bandwidth(5e8)]);
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', ['10.0.0.12', 4])}`]);
    rig.tell('b', V4, undefined, [bandwidth(2.5e8)]);
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', ['10.0.0.12', 2])}`]);
    rig.tell('b', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.12')}`]);
  });

  it('IPv6, and IPv4 with IPv6 next hops (RFC 8950)', async () => {
    const rig = await new KernelLab().up({ multipath: { ebgp: 2, ibgp: 2 } });
    const six = '2001:db8:1::/48';
    rig.tell('a', six).tell('b', six);
    rig.tell('i', V4, '2001:db8::21').tell('k', V4, '2001:db8::22');
    expect(await rig.routes()).to.deep.equal([
      `${V4} ${hops('2001:db8::21', '2001:db8::22')}`,
      `${six} ${hops('2001:db8::11', '2001:db8::12')}`,
    ]);
  });

  it('lose a path whose next hop cannot be reached any more', async () => {
    const rig = await new KernelLab().up({ multipath: { ibgp: 2 } });
    rig.kernel.put({ prefix: '10.8.0.0/16', via: '10.0.0.88', device: 'eth0', metric: 5 });
    rig.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0', metric: 5 });
    await rig.lab.settle();
    rig.tell('i', V4, '10.8.0.1').tell('k', V4, '10.9.0.1');
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.88', '10.0.0.99')}`]);
    rig.kernel.remove('10.9.0.0/16');
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.88 dev eth0`]);
    rig.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0', metric: 6 });
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.88 dev eth0`]);
    rig.kernel.remove('10.9.0.0/16');
    rig.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0', metric: 5 });
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.88', '10.0.0.99')}`]);
  });

  it('show and explain say which paths are used', async () => {
    const rig = await new KernelLab().up({ multipath: { ebgp: 2 } });
    rig.tell('a', V4).tell('b', V4).tell('c', V4);
    await rig.routes();
    const seen = [...rig.speaker.routes('ipv4-unicast', { bestOnly: false })].map(
      ({ nextHop, best, multipathWeight }) => [nextHop, best, multipathWeight],
    );
    expect(seen.sort()).to.deep.equal([
      ['10.0.0.11', true, 1],
      ['10.0.0.12', false, 1],
      ['10.0.0.13', false, undefined],
    ]);
    expect([...rig.speaker.routes('ipv4-unicast')][0]).to.include({ best: true, multipathWeight: 1 });
    const last = rig.speaker.explain(V4).decisions.find(({ path }) => path.nextHop === '10.0.0.13');
    expect(last!.notMultipath).to.match(/another neighbor AS/);
  });

  it('a new setting is applied in place', async () => {
    const rig = await new KernelLab().up();
    rig.tell('a', V4).tell('b', V4).tell('c', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`]);
    await rig.reconfigure({ multipath: { ebgp: 2 } });
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.12')}`]);
    await rig.reconfigure({ multipath: { ebgp: 3, asPathRelax: true } });
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.12', '10.0.0.13')}`]);
    const rest = Object.entries(rig.config).filter(([key]) => key !== 'multipath');
    await rig.lab.during(rig.speaker.reconfigure(Object.fromEntries(rest) as unknown as SpeakerConfig));
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`]);
    rig.withdraw('b', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`]);
    for (const probe of rig.probes.values()) expect(probe.downs).to.deep.equal([]);
  });
});

describe('Speaker: next hops through our own routes', () => {
  const LOOPBACK = '10.255.0.1/32';

  it('a next hop that BGP leads to, at the cost of the way there; and back', async () => {
    const rig = await new KernelLab().up();
    rig.tell('i', V4, '10.255.0.1');
    expect(await rig.routes()).to.deep.equal([]);
    rig.tell('k', LOOPBACK);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.22 dev eth0`, `${LOOPBACK} via 10.0.0.22 dev eth0`]);
    expect(rig.speaker.explain(V4).best).to.include({ nextHop: '10.255.0.1', nextHopVia: LOOPBACK });
    // The resolving route moves: its dependants follow, though nothing of theirs has changed.
    rig.tell('k', LOOPBACK, '10.0.0.77');
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.77 dev eth0`, `${LOOPBACK} via 10.0.0.77 dev eth0`]);
    rig.withdraw('k', LOOPBACK);
    expect(await rig.routes()).to.deep.equal([]);
    expect(rig.speaker.explain(V4).best).to.equal(null);
  });

  it('not with resolveViaBgp: false', async () => {
    const rig = await new KernelLab().up({ fib: { type: 'memory', resolveViaBgp: false } });
    rig.tell('i', V4, '10.255.0.1').tell('k', LOOPBACK);
    expect(await rig.routes()).to.deep.equal([`${LOOPBACK} via 10.0.0.22 dev eth0`]);
  });

  it('cost of the next hop is that of the end of the chain (RFC 4271 9.1.2.2 e)', async () => {
    const rig = await new KernelLab().up();
    rig.kernel.put({ prefix: '10.8.0.0/16', via: '10.0.0.88', device: 'eth0', metric: 30 });
    rig.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.99', device: 'eth0', metric: 20 });
    await rig.lab.settle();
    rig.tell('i', '10.255.0.1/32', '10.8.0.1').tell('i', '10.255.0.2/32', '10.9.0.1');
    rig.tell('i', V4, '10.255.0.1').tell('k', V4, '10.255.0.2');
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.99 dev eth0`);
    const { decisions } = rig.speaker.explain(V4);
    expect(decisions[1]).to.include({ detail: 'cost 30 (best: cost 20)' });
  });

  it('several steps, and several ways: shares are divided', async () => {
    const rig = await new KernelLab().up({ multipath: { ibgp: 4 } });
    rig.tell('i', '10.254.0.0/16').tell('k', '10.254.0.0/16');
    rig.tell('i', '10.255.0.0/16', '10.254.0.1');
    rig.tell('i', V4, '10.255.0.1');
    const both = hops('10.0.0.21', '10.0.0.22');
    expect(await rig.routes()).to.deep.equal([`${V4} ${both}`, `10.254.0.0/16 ${both}`, `10.255.0.0/16 ${both}`]);
    // One path over both, another one straight on: a quarter each, and a half.
    rig.tell('k', V4, '10.0.0.77');
    rig.kernel.put({ prefix: '10.250.0.0/16', via: '10.0.0.77', device: 'eth0' });
    rig.withdraw('k', '10.254.0.0/16');
    const one = 'via 10.0.0.21 dev eth0';
    expect(await rig.routes()).to.deep.equal([
      `${V4} ${hops('10.0.0.21', '10.0.0.77')}`,
      `10.254.0.0/16 ${one}`,
      `10.255.0.0/16 ${one}`,
    ]);
    rig.tell('k', '10.254.0.0/16');
    expect((await rig.routes())[0]).to.equal(`${V4} ${hops('10.0.0.21', '10.0.0.22', ['10.0.0.77', 2])}`);
  });

  it('a route never leads to its own next hop, also when another path of it would', async () => {
    const rig = await new KernelLab().up();
    // Its next hop lies in it, and nothing else leads there.
    rig.tell('i', V4, '10.1.0.1');
    expect(await rig.routes()).to.deep.equal([]);
    // Another path for it makes the first one no better: without an end it would be chosen and lost in turn.
    rig.tell('k', V4, undefined, [{ code: 5, value: 50 }]);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.22 dev eth0`]);
    const seen = rig.speaker.explain(V4).decisions.map(({ path, lostAt }) => [path.nextHop, lostAt]);
    expect(seen).to.deep.equal([
      ['10.0.0.22', null],
      ['10.1.0.1', 'next hop resolvable'],
    ]);
    // Two that need each other.
    rig.withdraw('k', V4);
    rig.tell('i', '10.2.0.0/16', '10.3.0.1').tell('i', '10.3.0.0/16', '10.2.0.1');
    expect(await rig.routes()).to.deep.equal([]);
    rig.kernel.put({ prefix: '0.0.0.0/0', via: '10.0.0.254', device: 'eth0' });
    const out = 'via 10.0.0.254 dev eth0';
    expect(await rig.routes()).to.deep.equal([`${V4} ${out}`, `10.2.0.0/16 ${out}`, `10.3.0.0/16 ${out}`]);
  });

  it('a chain that is too long leads nowhere', async () => {
    const rig = await new KernelLab().up();
    for (let n = 1; n <= 12; n++) rig.tell('i', `10.100.${n}.0/24`, n === 1 ? undefined : `10.100.${n - 1}.1`);
    const routes = await rig.routes();
    expect(routes).to.have.length(9);
    expect(routes).to.include('10.100.9.0/24 via 10.0.0.21 dev eth0');
  });

  it('the longer match counts; a network of ours always; and of equals the lower metric', async () => {
    const rig = await new KernelLab().up();
    rig.kernel.put({ prefix: '10.255.0.0/16', via: '10.0.0.50', device: 'eth0', metric: 100 });
    await rig.lab.settle();
    rig.tell('i', V4, '10.255.0.1');
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.50 dev eth0`]);
    rig.tell('k', '10.255.0.0/24');
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.22 dev eth0`);
    rig.kernel.put({ prefix: '10.255.0.1/32', via: '10.0.0.51', device: 'eth0', metric: 500 });
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.51 dev eth0`);
    // Same length: metric 32 is ours.
    rig.tell('k', '10.255.0.1/32');
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.22 dev eth0`);
    rig.kernel.remove('10.255.0.1/32', { metric: 500 });
    rig.kernel.put({ prefix: '10.255.0.1/32', via: '10.0.0.51', device: 'eth0', metric: 20 });
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.51 dev eth0`);
    // A neighbor cannot draw the next hops of others on our network to itself.
    rig.tell('i', '10.2.0.0/16', '10.0.0.77').tell('k', '10.0.0.77/32');
    expect(await rig.routes()).to.include('10.2.0.0/16 via 10.0.0.77 dev eth0');
  });

  it("what drops packets covers too: our own blackhole, and another's that is longer", async () => {
    const rig = await new KernelLab().up();
    rig.kernel.put({ prefix: '0.0.0.0/0', via: '10.0.0.254', device: 'eth0' });
    await rig.lab.settle();
    rig.tell('i', V4, '10.255.0.1');
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.254 dev eth0`]);
    rig.speaker.announce('10.255.0.0/16', { blackhole: true });
    expect(await rig.routes()).to.deep.equal(['10.255.0.0/16 blackhole']);
    rig.tell('k', '10.255.0.0/24');
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.22 dev eth0`);
    rig.kernel.put({ prefix: '10.255.0.1/32' });
    expect(await rig.routes()).to.deep.equal(['10.255.0.0/16 blackhole', '10.255.0.0/24 via 10.0.0.22 dev eth0']);
    rig.kernel.remove('10.255.0.1/32');
    expect((await rig.routes())[0]).to.equal(`${V4} via 10.0.0.22 dev eth0`);
  });

  it('a route originated here with a next hop leads there; one without leads nowhere', async () => {
    const rig = await new KernelLab().up();
    rig.tell('i', V4, '10.255.0.1');
    rig.speaker.announce('10.255.0.0/16');
    expect(await rig.routes()).to.deep.equal([]);
    rig.speaker.announce('10.255.0.0/16', { nextHop: '10.0.0.60' });
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.60 dev eth0`]);
  });

  it('a default route of ours counts unless resolveViaDefault: false', async () => {
    for (const resolveViaDefault of [true, false]) {
      const rig = await new KernelLab().up({ fib: { type: 'memory', resolveViaDefault } });
      rig.tell('a', '0.0.0.0/0').tell('i', V4, '10.255.0.1');
      const all = ['0.0.0.0/0 via 10.0.0.11 dev eth0', `${V4} via 10.0.0.11 dev eth0`];
      expect(await rig.routes()).to.deep.equal(resolveViaDefault ? all : all.slice(0, 1));
    }
  });

  it('IPv6 too, and an IPv4 route with an IPv6 next hop that BGP leads to', async () => {
    const rig = await new KernelLab().up();
    rig.tell('k', '2001:db8:ff::/48').tell('i', '2001:db8:1::/48', '2001:db8:ff::1').tell('i', V4, '2001:db8:ff::2');
    expect(await rig.routes()).to.deep.equal([
      `${V4} via 2001:db8::22 dev eth0`,
      '2001:db8:1::/48 via 2001:db8::22 dev eth0',
      '2001:db8:ff::/48 via 2001:db8::22 dev eth0',
    ]);
  });

  it('routes that could change each other without end come to rest', async () => {
    const rig = await new KernelLab().up();
    const better: EncodableAttribute = { code: 5, value: 200 };
    // The better path of each is there as long as the other one does not go that way: in step they would change for ever.
    rig.tell('k', '10.1.0.0/16').tell('k', '10.2.0.0/16');
    await rig.lab.settle();
    let changes = 0;
    rig.speaker.on('bestPathChange', () => changes++);
    rig.tell('i', '10.1.0.0/16', '10.2.0.1', [better]).tell('i', '10.2.0.0/16', '10.1.0.1', [better]);
    await rig.lab.clock.runAsync(60_000);
    expect(changes).to.be.within(3, 40);
    const seen = changes;
    await rig.lab.clock.runAsync(600_000);
    expect(changes).to.equal(seen);
    expect(await rig.routes()).to.have.length(2);
  });
});

describe('Speaker: the policy on the way to the kernel', () => {
  const policies: SpeakerConfig['policies'] = {
    kernel: [
      {
        conditions: { communities: { any: ['65535:666'] } },
        actions: { result: 'accept', kernelRoute: { type: 'blackhole', metric: 1 } },
      },
      { conditions: { prefixSets: ['private'] }, actions: { result: 'reject' } },
      { conditions: { prefixSets: ['tunneled'] }, actions: { result: 'accept', kernelRoute: { device: 'tunl0' } } },
      { conditions: { routeTypes: ['external'] }, actions: { kernelRoute: { metric: 50, mtu: 1400 } } },
      { actions: { result: 'accept', kernelRoute: { prefSrc: R } } },
    ],
  };
  const fib = { type: 'memory', exportPolicy: ['kernel'] } as const;
  const prefixSets = { private: ['192.168.0.0/16'], tunneled: ['10.7.0.0/16'] };

  it('metric, source address, MTU, type, device, and what is not installed', async () => {
    const rig = await new KernelLab().up({ fib, policies, prefixSets });
    rig.kernel.addLink('tunl0');
    rig.tell('a', V4).tell('i', '10.2.0.0/16').tell('i', '192.168.0.0/16').tell('i', '10.7.0.0/16');
    rig.tell('a', '10.66.0.1/32', undefined, [{ code: 8, value: [0xffff029a] }]);
    rig.tell('i', '2001:db8:1::/48');
    expect(await rig.routes()).to.deep.equal([
      `${V4} via 10.0.0.11 dev eth0 src ${R} mtu 1400`,
      `10.2.0.0/16 via 10.0.0.21 dev eth0 src ${R}`,
      '10.66.0.1/32 blackhole',
      '10.7.0.0/16 via 10.0.0.21 dev tunl0',
      '2001:db8:1::/48 via 2001:db8::21 dev eth0',
    ]);
    const metrics = rig.kernel.routes(BGP).map(({ prefix, metric }) => [prefix, metric]);
    expect(Object.fromEntries(metrics)).to.deep.equal({
      [V4]: 50,
      '10.2.0.0/16': 32,
      '10.66.0.1/32': 1,
      '10.7.0.0/16': 32,
      '2001:db8:1::/48': 32,
    });
    expect([...rig.speaker.fibRoutes()].map(({ state }) => state)).to.deep.equal(Array(5).fill('installed'));
    const tunnel = rig.kernel.routes(BGP).find(({ prefix }) => prefix === '10.7.0.0/16')!;
    expect(tunnel.body.hops[0]!.onlink).to.equal(true);
  });

  it('another metric: the new route is there before the old one goes, and back', async () => {
    const rig = await new KernelLab().up({ fib, policies, prefixSets });
    rig.tell('i', V4);
    await rig.routes();
    const held: number[] = [];
    const watch = rig.kernel.writer().watch!({
      onRoute: () => held.push(rig.kernel.routes(BGP).length),
      onLink: () => undefined,
      onResync: () => undefined,
      onEnd: () => undefined,
    });
    rig.tell('a', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0 src ${R} mtu 1400`]);
    expect(rig.kernel.routes(BGP)[0]!.metric).to.equal(50);
    rig.withdraw('a', V4);
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.21 dev eth0 src ${R}`]);
    expect(rig.kernel.routes(BGP)[0]!.metric).to.equal(32);
    expect(held.every((count) => count > 0)).to.equal(true);
    watch.close();
  });

  it('routes of an earlier run with a metric that a policy names are ours: kept where right, else swept', async () => {
    const rig = new KernelLab();
    const mine = { via: '10.0.0.11', device: 'eth0', protocol: BGP };
    rig.kernel.put({ prefix: '10.90.0.0/16', ...mine, metric: 50 });
    rig.kernel.put({ prefix: '10.91.0.0/16', ...mine, metric: 50 });
    rig.kernel.put({ prefix: '10.91.0.0/16', ...mine, metric: 32 });
    rig.kernel.put({ prefix: '10.92.0.0/16', ...mine, metric: 51 });
    await rig.up({ fib, policies, prefixSets });
    await rig.lab.clock.runAsync(60_000);
    expect(rig.kernel.dump(BGP)).to.deep.equal(['10.92.0.0/16 via 10.0.0.11 dev eth0']);
  });

  it("another program's route in the place with that metric is left alone", async () => {
    const rig = new KernelLab();
    rig.kernel.put({ prefix: V4, via: '10.0.0.66', device: 'eth0', protocol: 4, metric: 50 });
    await rig.up({ fib, policies, prefixSets });
    rig.tell('a', V4);
    expect(await rig.routes()).to.deep.equal([]);
    expect([...rig.speaker.fibRoutes()][0]!.error).to.equal(
      'a route of protocol static has this prefix, table and metric',
    );
    rig.kernel.remove(V4);
    expect(await rig.routes()).to.have.length(1);
  });

  it('a changed policy is applied in place', async () => {
    const rig = await new KernelLab().up({ fib, policies, prefixSets });
    rig.tell('a', V4).tell('i', '10.2.0.0/16');
    await rig.routes();
    await rig.reconfigure({ policies: { kernel: [{ actions: { result: 'accept', kernelRoute: { metric: 77 } } }] } });
    expect(await rig.routes()).to.deep.equal([`${V4} via 10.0.0.11 dev eth0`, '10.2.0.0/16 via 10.0.0.21 dev eth0']);
    expect(rig.kernel.routes(BGP).map(({ metric }) => metric)).to.deep.equal([77, 77]);
    await rig.reconfigure({ policies: { kernel: [{ actions: { result: 'reject' } }] } });
    expect(await rig.routes()).to.deep.equal([]);
    expect([...rig.speaker.routes('ipv4-unicast')]).to.have.length(2);
    for (const probe of rig.probes.values()) expect(probe.downs).to.deep.equal([]);
  });

  it('judges each of several paths, and what it rejects resolves no next hop', async () => {
    const rejected: SpeakerConfig['policies'] = {
      kernel: [
        { conditions: { fromNeighbors: ['10.0.0.12'] }, actions: { result: 'reject' } },
        { actions: { result: 'accept' } },
      ],
    };
    const rig = await new KernelLab().up({ fib, policies: rejected, multipath: { ebgp: 4, asPathRelax: true } });
    rig.tell('a', V4).tell('b', V4).tell('c', V4);
    rig.tell('b', '10.255.0.0/16').tell('i', '10.2.0.0/16', '10.255.0.1');
    expect(await rig.routes()).to.deep.equal([`${V4} ${hops('10.0.0.11', '10.0.0.13')}`]);
  });
});

describe('a next hop that is an address of our own', () => {
  it('is followed as the address comes and goes, whatever was remembered of the machine', async () => {
    const rig = new KernelLab();
    const tunnel = '172.31.0.1';
    /** What the machine has, and what is remembered of it until somebody has it forgotten. */
    let [real, remembered]: [boolean, boolean | undefined] = [true, undefined];
    const base = oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']);
    const withTunnel = oneInterface([R, '10.0.0.0/24'], [tunnel, '172.31.0.0/24']);
    rig.networks = {
      interfaceOf: (address) => {
        remembered ??= real;
        return (remembered ? withTunnel : base).interfaceOf(address);
      },
      forget: () => (remembered = undefined),
    };
    rig.kernel.addLink('tunl0', `${tunnel}/24`);
    await rig.up({ networks: [{ prefix: V4, nextHop: tunnel }] });
    const isBest = async (): Promise<boolean> => {
      await rig.lab.settle();
      return [...rig.speaker.routes('ipv4-unicast')].some(({ prefix, best }) => prefix === V4 && best);
    };
    expect(await isBest()).to.equal(true);
    for (const exists of [false, true, false, true]) {
      real = exists;
      if (exists) rig.kernel.addLink('tunl0', `${tunnel}/24`);
      else rig.kernel.removeLink('tunl0');
      await rig.lab.settle();
      expect(await isBest(), `the address is ${exists ? 'there' : 'gone'}`).to.equal(exists);
    }
  });
});
