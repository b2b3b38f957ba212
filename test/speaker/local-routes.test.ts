import { expect } from 'chai';
import type { Attribute } from '../../lib/bgp/wire/attributes/index.js';
import { FakeKernel } from '../../lib/sim/index.js';
import type { SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { clientOf, Lab, oneInterface, type Probe } from '../support/lab.js';

const R = '10.0.0.1';
const BLOCK = '10.244.1.0/26';
const FULL = { enabled: true };

/** A speaker on a fake kernel with one link to two clients, and one neighbor in another AS; pods hang on cali*. */
class Node {
  readonly lab = new Lab();
  readonly kernel = new FakeKernel({ clock: this.lab.clock });
  speaker!: Speaker;
  a!: Probe;
  b!: Probe;
  e!: Probe;
  config!: SpeakerConfig;

  constructor() {
    this.kernel.addLink('eth0', `${R}/24`, '2001:db8::1/64');
  }

  async start(config: Partial<SpeakerConfig>): Promise<this> {
    this.config = {
      asn: 64512,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [clientOf('10.0.0.11'), clientOf('10.0.0.12'), { address: '10.0.0.20', peerAs: 65020, passive: true }],
      fib: { type: 'ip-route', reconcileInterval: 0 },
      ...config,
    };
    this.speaker = await this.lab.speaker(this.config as SpeakerConfig & { routerId: string }, {
      fibWriter: this.kernel.writer(),
      networks: oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']),
    });
    return this;
  }

  async up(config: Partial<SpeakerConfig>): Promise<this> {
    await this.start(config);
    this.a = this.lab.probe(R, '10.0.0.11');
    this.b = this.lab.probe(R, '10.0.0.12');
    this.e = this.lab.probe(R, '10.0.0.20', { localAs: 65020 });
    await this.lab.up(this.a, this.b, this.e);
    return this;
  }

  addPod(number: number, prefix = `10.244.1.${number}/32`): void {
    this.kernel.addLink(`cali${number}`);
    this.kernel.put({ prefix, device: `cali${number}`, protocol: 3 });
  }

  async reload(change: Partial<SpeakerConfig>): Promise<void> {
    this.config = { ...this.config, ...change };
    await this.lab.during(this.speaker.reconfigure(this.config));
    await this.lab.settle();
  }

  settle(): Promise<void> {
    return this.lab.settle();
  }

  ours(): string[] {
    return this.kernel.dump(186);
  }
}

function attribute(probe: Probe, prefix: string, code: number): unknown {
  const held = probe.view.routes.get(prefix)?.attributes as Attribute[] | undefined;
  return held?.find((one) => one.code === code && 'value' in one) as unknown as undefined;
}

const valueOf = (probe: Probe, prefix: string, code: number): unknown =>
  (attribute(probe, prefix, code) as { value: unknown } | undefined)?.value;

const pods = { protocols: ['boot'], devices: ['cali*'] };

describe('Speaker: learning routes of the kernel', () => {
  it('announces them with the attributes of their rule, and withdraws them with the kernel', async () => {
    const node = await new Node().up({
      learn: [{ ...pods, communities: ['64512:7'], localPref: 150, med: 20 }, { protocols: ['static'] }],
    });
    node.addPod(1);
    node.kernel.put({ prefix: '10.7.0.0/16', via: '10.0.0.9', device: 'eth0', protocol: 4 });
    node.kernel.put({ prefix: '10.8.0.0/16', via: '10.0.0.9', device: 'eth0', protocol: 188 });
    await node.settle();
    expect(node.a.prefixes).to.deep.equal(['10.244.1.1/32', '10.7.0.0/16']);
    expect(node.e.prefixes).to.deep.equal(['10.244.1.1/32', '10.7.0.0/16']);
    expect(valueOf(node.a, '10.244.1.1/32', 1)).to.equal('INCOMPLETE');
    expect(valueOf(node.a, '10.244.1.1/32', 5)).to.equal(150);
    expect(valueOf(node.e, '10.244.1.1/32', 4)).to.equal(20);
    expect(node.a.view.routes.get('10.244.1.1/32')!.nextHop).to.equal(R);
    expect([...node.speaker.routes('ipv4-unicast')].map(({ originated }) => originated)).to.deep.equal([
      { by: 'learnt', protocol: 'boot', devices: ['cali1'], metric: 0 },
      { by: 'learnt', protocol: 'static', devices: ['eth0'], metric: 0 },
    ]);
    // Theirs stay theirs: we write nothing for what is in the kernel already.
    expect(node.ours()).to.deep.equal([]);
    node.kernel.remove('10.244.1.1/32');
    await node.settle();
    expect(node.a.prefixes).to.deep.equal(['10.7.0.0/16']);
    node.kernel.setLink('eth0', false);
    await node.settle();
    expect([...node.speaker.routes('ipv4-unicast')]).to.deep.equal([]);
  });

  it('learns connected networks, but nothing that means nothing elsewhere, and a default route only if told to', async () => {
    const node = await new Node().up({ learn: [{ protocols: ['connected', 'static'] }] });
    node.kernel.put({ prefix: '0.0.0.0/0', via: '10.0.0.9', device: 'eth0', protocol: 4 });
    node.kernel.put({ prefix: '169.254.1.1/32', device: 'eth0', protocol: 4 });
    await node.settle();
    expect(node.a.prefixes).to.deep.equal(['10.0.0.0/24', '2001:db8::/64']);
    await node.reload({ learn: [{ protocols: ['connected', 'static'], defaultRoute: true }] });
    expect(node.a.prefixes).to.deep.equal(['0.0.0.0/0', '10.0.0.0/24', '2001:db8::/64']);
    expect(node.a.view.log.filter((entry) => entry.startsWith('-'))).to.deep.equal([]);
  });

  it('never learns a route of ours, whatever its table or metric', async () => {
    const node = await new Node().up({ learn: [{}] });
    node.a.announce('10.1.0.0/16');
    await node.settle();
    expect(node.ours()).to.deep.equal(['10.1.0.0/16 via 10.0.0.11 dev eth0']);
    node.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.9', device: 'eth0', protocol: 186, metric: 5 });
    node.a.withdraw('10.1.0.0/16');
    await node.settle();
    await node.lab.clock.runAsync(60_000);
    expect(node.b.prefixes).to.deep.equal(['10.0.0.0/24', '2001:db8::/64']);
  });

  it('a route that is received too: our own is best, and the received one takes over when the kernel loses it', async () => {
    const node = await new Node().up({ learn: [pods] });
    node.addPod(1);
    node.a.announce('10.244.1.1/32');
    await node.settle();
    expect(node.speaker.explain('10.244.1.1/32').best).to.deep.include({ neighbor: null });
    expect(node.ours()).to.deep.equal([]);
    node.kernel.remove('10.244.1.1/32');
    await node.settle();
    expect(node.ours()).to.deep.equal(['10.244.1.1/32 via 10.0.0.11 dev eth0']);
    expect(node.b.view.routes.get('10.244.1.1/32')!.nextHop).to.equal('10.0.0.11');
  });

  it('a configured network comes first, and the learnt route is there again without it', async () => {
    const node = await new Node().up({ learn: [pods] });
    node.addPod(1);
    node.speaker.announce('10.244.1.1/32', { med: 7 });
    await node.settle();
    expect(valueOf(node.e, '10.244.1.1/32', 4)).to.equal(7);
    node.speaker.withdraw('10.244.1.1/32');
    await node.settle();
    expect(valueOf(node.e, '10.244.1.1/32', 4)).to.equal(undefined);
    expect(valueOf(node.e, '10.244.1.1/32', 1)).to.equal('INCOMPLETE');
    expect(() => node.speaker.withdraw('10.244.1.1/32'))
      .to.throw()
      .with.property('code', 'not_originated');
  });

  it('of several rules the first one that accepts a route decides; a reload changes what differs, in place', async () => {
    const first = { ...pods, within: ['10.244.1.0/30'], med: 1 };
    const node = await new Node().up({ learn: [first, { ...pods, med: 2 }] });
    for (const number of [1, 9]) node.addPod(number);
    await node.settle();
    expect([1, 9].map((n) => valueOf(node.e, `10.244.1.${n}/32`, 4))).to.deep.equal([1, 2]);
    node.e.view.log.length = 0;
    await node.reload({
      learn: [
        { ...first, med: 3 },
        { ...pods, med: 2 },
      ],
    });
    expect([1, 9].map((n) => valueOf(node.e, `10.244.1.${n}/32`, 4))).to.deep.equal([3, 2]);
    expect(node.e.view.log).to.deep.equal(['+10.244.1.1/32']);
    await node.reload({ learn: [{ ...pods, table: 100 }] });
    expect(node.e.prefixes).to.deep.equal([]);
    node.kernel.put({ prefix: '10.9.0.0/16', device: 'cali1', protocol: 3, table: 100 });
    await node.settle();
    expect(node.e.prefixes).to.deep.equal(['10.9.0.0/16']);
    await node.reload({ learn: [] });
    expect(node.e.prefixes).to.deep.equal([]);
    expect(node.e.downs).to.deep.equal([]);
  });

  it('goes through the policies of its rule: attributes, rejections, and both changed in place', async () => {
    const marked = (first: string): NonNullable<SpeakerConfig['policies']> => ({
      pods: [
        { conditions: { prefixSets: ['hidden'] }, actions: { result: 'reject' } },
        { conditions: { communities: { any: ['64512:1'] } }, actions: { communities: { add: [first] } } },
        {
          conditions: { family: 'ipv4-unicast', routeTypes: ['local'] },
          actions: { result: 'accept', med: { add: 5 }, localPref: 250, asPathPrepend: { times: 2 } },
        },
      ],
    });
    const rule = { ...pods, med: 10, communities: ['64512:1'], importPolicy: ['pods'] };
    const node = await new Node().up({
      learn: [rule, pods],
      prefixSets: { hidden: ['10.244.1.9/32'] },
      policies: marked('64512:244'),
    });
    for (const number of [1, 9]) node.addPod(number);
    node.addPod(2, 'fd00:1::5/128');
    await node.settle();
    // Rejected by a statement, and by no statement: not learnt by the rule after it either.
    expect(node.a.prefixes).to.deep.equal(['10.244.1.1/32']);
    expect(valueOf(node.a, '10.244.1.1/32', 5)).to.equal(250);
    expect(valueOf(node.e, '10.244.1.1/32', 4)).to.equal(15);
    expect(valueOf(node.e, '10.244.1.1/32', 8)).to.deep.equal([64512 * 65536 + 1, 64512 * 65536 + 244]);
    expect(valueOf(node.e, '10.244.1.1/32', 2)).to.deep.equal([{ type: 'AS_SEQUENCE', asns: [64512, 64512, 64512] }]);
    const [hidden] = node.speaker.explain('10.244.1.9/32').decisions;
    expect(hidden!.path).to.deep.include({ filtered: "policy 'pods', statement 1", med: 10 });
    node.a.view.log.length = node.e.view.log.length = 0;

    await node.reload({ policies: marked('64512:245') });
    expect(valueOf(node.e, '10.244.1.1/32', 8)).to.deep.equal([64512 * 65536 + 1, 64512 * 65536 + 245]);
    expect(node.e.view.log).to.deep.equal(['+10.244.1.1/32']);
    await node.reload({ prefixSets: { hidden: ['10.244.1.1/32'] } });
    expect(node.e.prefixes).to.deep.equal(['10.244.1.9/32']);
    // The same meaning under another name is no change.
    node.e.view.log.length = 0;
    await node.reload({ prefixSets: { hidden: ['10.244.1.1/32'], unused: ['10.0.0.0/8'] } });
    expect(node.e.view.log).to.deep.equal([]);
    await node.reload({ learn: [{ ...rule, defaultImportPolicy: 'accept' }] });
    expect(node.e.prefixes).to.deep.equal(['10.244.1.9/32', 'fd00:1::5/128']);
    await node.reload({ learn: [pods] });
    expect(node.e.prefixes).to.deep.equal(['10.244.1.1/32', '10.244.1.9/32', 'fd00:1::5/128']);
    expect(valueOf(node.e, '10.244.1.9/32', 4)).to.equal(undefined);
    expect(node.e.downs).to.deep.equal([]);
  });

  it('a pod whose route a policy rejects is reached as another node tells it', async () => {
    const node = await new Node().up({ learn: [{ ...pods, defaultImportPolicy: 'reject' }] });
    node.addPod(1);
    node.a.announce('10.244.1.1/32');
    await node.settle();
    expect(node.speaker.explain('10.244.1.1/32').best).to.deep.include({ neighbor: '10.0.0.11' });
    node.kernel.remove('10.244.1.1/32');
    node.a.withdraw('10.244.1.1/32');
    await node.settle();
    expect(
      [...node.speaker.routes('ipv4-unicast', { bestOnly: false })].filter(({ prefix }) => prefix.startsWith('10.244')),
    ).to.deep.equal([]);
  });

  it('after a restart all is learnt before End-of-RIB is told, also when the kernel cannot be read at first', async () => {
    const node = new Node();
    node.addPod(1);
    node.kernel.failNextRead({ code: 'EIO' });
    node.kernel.failNextRead({ code: 'EIO' });
    node.kernel.failNextRead({ code: 'EIO' });
    await node.start({ learn: [pods], neighbors: [clientOf('10.0.0.11', { gracefulRestart: FULL })] });
    const tuples = [{ afi: 1, safi: 1, forwarding: true }];
    const gracefulRestart = { restartState: false, notification: false, restartTime: 60, tuples };
    const a = node.lab.probe(R, '10.0.0.11', { gracefulRestart, connectRetry: 0.1 });
    const told: string[] = [];
    a.onMessage = (body) => told.push(body.length === 4 ? 'End-of-RIB' : 'route');
    a.peer.start();
    await node.lab.clock.runUntilAsync(() => a.isUp, 60_000);
    a.refresh(1);
    await node.lab.clock.runAsync(50);
    expect(told).to.deep.equal([]);
    a.send(new Uint8Array([...new Array<number>(16).fill(255), 0, 23, 2, 0, 0, 0, 0]));
    a.send(new Uint8Array([...new Array<number>(16).fill(255), 0, 29, 2, 0, 0, 0, 6, 128, 15, 3, 0, 2, 1]));
    await node.lab.clock.runAsync(3000);
    expect(told.slice(0, 2)).to.deep.equal(['route', 'End-of-RIB']);
    expect(a.prefixes).to.deep.equal(['10.244.1.1/32']);
  });

  it('a reading that was not complete takes no route away', async () => {
    const node = await new Node().up({ learn: [pods] });
    for (const number of [1, 2]) node.addPod(number);
    await node.settle();
    node.a.view.log.length = 0;
    node.kernel.loseNextRead('10.244.1.2/32');
    node.kernel.setLink('cali1', false);
    await node.lab.clock.runAsync(200);
    expect(node.a.view.log).to.deep.equal(['-10.244.1.1/32']);
    await node.lab.clock.runAsync(3000);
    expect(node.a.view.log).to.deep.equal(['-10.244.1.1/32']);
  });
});

describe('Speaker: aggregates (RFC 4271 section 9.2.2.2)', () => {
  it('a block stands for the pods in it, and goes with the last one', async () => {
    const node = await new Node().up({ learn: [pods], aggregates: [{ prefix: BLOCK, summaryOnly: true }] });
    expect(node.a.prefixes).to.deep.equal([]);
    expect(node.ours()).to.deep.equal([]);
    for (const number of [1, 2]) node.addPod(number);
    await node.settle();
    for (const probe of [node.a, node.e]) {
      // Exactly the block: no pod was told even for a moment.
      expect(probe.view.log).to.deep.equal([`+${BLOCK}`]);
    }
    expect(node.ours()).to.deep.equal([`${BLOCK} blackhole`]);
    expect(node.speaker.explain(BLOCK).best!.originated).to.deep.equal({ by: 'aggregate', contributors: 2 });
    expect(node.speaker.explain('10.244.1.1/32').exportRejected).to.deep.include({
      neighbor: '10.0.0.11',
      by: `the aggregate ${BLOCK} (summaryOnly)`,
    });
    node.kernel.remove('10.244.1.1/32');
    await node.settle();
    expect(node.a.view.log).to.deep.equal([`+${BLOCK}`]);
    node.kernel.remove('10.244.1.2/32');
    await node.settle();
    expect(node.a.view.log).to.deep.equal([`+${BLOCK}`, `-${BLOCK}`]);
    expect(node.ours()).to.deep.equal([]);
  });

  it('has ATOMIC_AGGREGATE if an AS_PATH is lost, AGGREGATOR, and the worst ORIGIN (5.1.6, 5.1.7, 9.2.2.2)', async () => {
    const node = await new Node().up({ aggregates: [{ prefix: '10.64.0.0/10', communities: ['64512:9'] }] });
    node.a.announce('10.65.0.0/16');
    await node.settle();
    expect(valueOf(node.b, '10.64.0.0/10', 1)).to.equal('IGP');
    expect(valueOf(node.b, '10.64.0.0/10', 2)).to.deep.equal([]);
    expect(attribute(node.b, '10.64.0.0/10', 6)).to.equal(undefined);
    expect(valueOf(node.b, '10.64.0.0/10', 7)).to.deep.equal({ as: 64512, ip: R });
    expect(valueOf(node.b, '10.64.0.0/10', 8)).to.have.length(1);
    node.e.announceWith(node.e.attributes([{ code: 1, value: 'EGP' }]), '10.66.0.0/16');
    await node.settle();
    expect(valueOf(node.b, '10.64.0.0/10', 1)).to.equal('EGP');
    expect(attribute(node.b, '10.64.0.0/10', 6)).to.not.equal(undefined);
    // Without summaryOnly all are told.
    expect(node.b.prefixes).to.deep.equal(['10.64.0.0/10', '10.65.0.0/16', '10.66.0.0/16']);
    node.e.withdraw('10.66.0.0/16');
    await node.settle();
    expect(attribute(node.b, '10.64.0.0/10', 6)).to.equal(undefined);
    expect(valueOf(node.b, '10.64.0.0/10', 1)).to.equal('IGP');
  });

  it('asSet joins what the paths begin with, an AS_SET of the others, and the communities', async () => {
    const node = await new Node().up({ aggregates: [{ prefix: '10.64.0.0/10', asSet: true }] });
    const path = (...asns: number[]) => ({ code: 2, value: [{ type: 'AS_SEQUENCE', asns }] }) as const;
    const tell = (prefix: string, ...asns: number[]): void =>
      void node.e.announceWith(node.e.attributes([path(...asns), { code: 8, value: [asns.at(-1)!] }]), prefix);
    tell('10.65.0.0/16', 65020, 1, 2, 9);
    await node.settle();
    expect(valueOf(node.a, '10.64.0.0/10', 2)).to.deep.equal([{ type: 'AS_SEQUENCE', asns: [65020, 1, 2, 9] }]);
    tell('10.66.0.0/16', 65020, 1, 7);
    await node.settle();
    expect(valueOf(node.a, '10.64.0.0/10', 2)).to.deep.equal([
      { type: 'AS_SEQUENCE', asns: [65020, 1] },
      { type: 'AS_SET', asns: [2, 7, 9] },
    ]);
    expect(valueOf(node.a, '10.64.0.0/10', 8)).to.deep.equal([7, 9]);
    expect(attribute(node.a, '10.64.0.0/10', 6)).to.equal(undefined);
  });

  it('is made of routes from where it says only, and holds back no others', async () => {
    const node = await new Node().up({
      learn: [pods],
      aggregates: [{ prefix: BLOCK, summaryOnly: true, from: ['learnt'], blackhole: false }],
    });
    node.a.announce('10.244.1.5/32');
    await node.settle();
    expect(node.b.prefixes).to.deep.equal(['10.244.1.5/32']);
    node.addPod(1);
    await node.settle();
    expect(node.b.prefixes).to.deep.equal([BLOCK, '10.244.1.5/32']);
    expect(node.ours()).to.deep.equal(['10.244.1.5/32 via 10.0.0.11 dev eth0']);
    // A pod that moved here: no longer told by itself.
    node.addPod(5);
    await node.settle();
    expect(node.b.prefixes).to.deep.equal([BLOCK]);
  });

  it('a contributor that is of another kind now, with the same attributes, counts as what it is', async () => {
    const node = await new Node().up({
      learn: [{ ...pods, origin: 'igp' }],
      networks: ['10.244.1.1/32'],
      aggregates: [{ prefix: BLOCK, summaryOnly: true, from: ['learnt'] }],
    });
    await node.settle();
    node.addPod(1);
    await node.settle();
    // The configured network hides the learnt route.
    expect(node.a.prefixes).to.deep.equal(['10.244.1.1/32']);
    await node.reload({ networks: [] });
    expect(node.a.prefixes).to.deep.equal([BLOCK]);
    expect(node.a.view.log).to.deep.equal(['+10.244.1.1/32', `+${BLOCK}`, '-10.244.1.1/32']);
    node.a.view.log.length = 0;
    expect(node.speaker.explain(BLOCK).best!.originated).to.deep.equal({ by: 'aggregate', contributors: 1 });
    await node.reload({ networks: ['10.244.1.1/32'] });
    expect(node.a.prefixes).to.deep.equal(['10.244.1.1/32']);
    expect(node.a.view.log).to.deep.equal(['+10.244.1.1/32', `-${BLOCK}`]);
    expect(node.ours()).to.deep.equal([]);
    node.kernel.remove('10.244.1.1/32');
    await node.settle();
    expect(node.a.prefixes).to.deep.equal(['10.244.1.1/32']);
  });

  it('one aggregate is no part of another, and IPv6 is as IPv4', async () => {
    const node = await new Node().up({
      learn: [pods],
      aggregates: [BLOCK, '10.244.0.0/16', 'fd00:1::/122'].map((prefix) => ({ prefix, summaryOnly: true })),
    });
    node.addPod(1);
    node.addPod(2, 'fd00:1::5/128');
    await node.settle();
    expect(node.a.prefixes).to.deep.equal(['10.244.0.0/16', BLOCK, 'fd00:1::/122'].sort());
    expect(node.speaker.explain('10.244.0.0/16').best!.originated!.contributors).to.equal(1);
  });

  it('to neighbors with ADD-PATH and behind an export policy too', async () => {
    const node = await new Node().up({
      learn: [pods],
      aggregates: [{ prefix: BLOCK, summaryOnly: true }],
      policies: { all: [{ actions: { med: 5, result: 'accept' } }] },
      neighbors: [
        clientOf('10.0.0.11', { addPath: { send: 'all' } }),
        clientOf('10.0.0.12', { exportPolicy: ['all'] }),
        { address: '10.0.0.20', peerAs: 65020, passive: true },
      ],
    });
    node.addPod(1);
    await node.settle();
    for (const probe of [node.a, node.b, node.e]) expect(probe.prefixes).to.deep.equal([BLOCK]);
  });

  it('a reload adds, changes and removes them in place, whatever is there already', async () => {
    const node = await new Node().up({ learn: [pods] });
    for (const number of [1, 2]) node.addPod(number);
    await node.settle();
    const both = ['10.244.1.1/32', '10.244.1.2/32'];
    expect(node.a.prefixes).to.deep.equal(both);
    await node.reload({ aggregates: [{ prefix: BLOCK }] });
    expect(node.a.prefixes).to.deep.equal([BLOCK, ...both]);
    await node.reload({ aggregates: [{ prefix: BLOCK, summaryOnly: true, med: 9 }] });
    expect(node.a.prefixes).to.deep.equal([BLOCK]);
    expect(valueOf(node.e, BLOCK, 4)).to.equal(9);
    expect(node.ours()).to.deep.equal([`${BLOCK} blackhole`]);
    node.a.view.log.length = 0;
    await node.reload({ aggregates: [] });
    expect(node.a.prefixes).to.deep.equal(both);
    // The pods are told before the block goes.
    expect(node.a.view.log.at(-1)).to.equal(`-${BLOCK}`);
    expect(node.ours()).to.deep.equal([]);
    expect([...node.a.downs, ...node.e.downs]).to.deep.equal([]);
  });
});
