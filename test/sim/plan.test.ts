import { expect } from 'chai';
import { calico, Network, type NetworkConfig, type PlanReport } from '../../lib/sim/index.js';
import type { SpeakerConfig } from '../../lib/speaker/options.js';

const NODES = 6;

/** Two routers `rr1` and `rr2` and nodes `n1` …, which are in a full mesh, or clients of both. */
function cluster(form: 'mesh' | 'reflectors'): Network {
  const net = calico(NODES, { reflectors: 2 });
  if (form === 'reflectors') return net;
  const nodes = Array.from({ length: NODES }, (_, i) => `n${i + 1}`);
  for (const node of nodes) for (const rr of ['rr1', 'rr2']) net.unpeer(rr, node);
  nodes.forEach((a, i) => nodes.slice(i + 1).forEach((b) => net.peer(a, b)));
  return net;
}

const mesh = (): NetworkConfig => cluster('mesh').configuration();
const reflectors = (): NetworkConfig => cluster('reflectors').configuration();

const lostRoutes = ({ steps }: PlanReport): number => steps.reduce((sum, { lost }) => sum + lost.length, 0);

describe('Network.plan', () => {
  it('goes from a full mesh to reflectors without loss', async () => {
    const net = cluster('mesh');
    const report = await net.plan(mesh(), reflectors());
    expect(report.steps.map(({ title }) => title)).to.deep.equal([
      'make: new sessions and routes beside the old ones',
      ...Array.from({ length: NODES - 1 }, (_, i) => `break: old sessions and routes of n${i + 1} go`),
    ]);
    expect(report.lossless, report.text).to.equal(true);
    expect(report.text).to.include('No route is lost on the way.');
    // And it has arrived.
    await net.converged();
    net.assert.session('rr1', 'n1');
    net.assert.session('n1', 'n2', false);
    net.assert.reaches('pod-n1', 'pod-n6');
    net.assert.best('n1', '10.128.0.64/26', { clusterList: ['10.0.0.1'] });
  });

  it('says what is lost, where and for how long, when it is done in another order', async () => {
    const report = await cluster('mesh').plan(mesh(), reflectors(), { order: 'atOnce', stagger: 5 });
    expect(report.lossless).to.equal(false);
    expect(lostRoutes(report)).to.be.greaterThan(NODES);
    for (const { router, prefix, seconds } of report.steps.flatMap(({ lost }) => lost)) {
      expect(router).to.match(/^(n|rr)\d$/);
      expect(prefix).to.match(/^10\.128\./);
      expect(seconds).to.be.greaterThan(0);
      expect(seconds).to.be.lessThan(120);
    }
    // The kernels follow: where a route is missing packets are lost, as long.
    const routes = report.steps[0]!.lost.map(({ router, prefix }) => `${router} ${prefix}`);
    const packets = report.steps[0]!.lostPackets!.map(({ from, prefix }) => `${from} ${prefix}`);
    expect(packets.sort()).to.deep.equal(routes.sort());
    expect(report.text).to.match(
      / routes are lost:\n {3}- n\d: 10\.128\.\d+\.\d+\/26, after \d+\.\d{3} s, for \d+\.\d{3} s\n/,
    );
  });

  it('goes back: only the reflectors, which have no neighbors in the end, lose all', async () => {
    const net = cluster('reflectors');
    const report = await net.plan(reflectors(), mesh());
    const lost = report.steps.flatMap((step) => step.lost);
    expect(lost.filter(({ router, seconds }) => router.startsWith('n') || seconds !== null)).to.deep.equal([]);
    expect(lost).to.have.length(2 * NODES);
    expect(report.text).to.match(/rr1: 10\.128\.0\.0\/26, after \d\.\d{3} s, and not back/);
    net.assert.reaches('pod-n1', 'pod-n6');
  });

  it('restarts what needs it', async () => {
    const net = calico(2);
    const before = net.configuration();
    const report = await net.plan(before, { ...before, n1: { ...before.n1!, alwaysCompareMed: true } });
    expect(report.steps.map(({ title }) => title)).to.deep.equal(['restart n1']);
    const lost = report.steps[0]!.lost.map(({ router, prefix }) => `${router} ${prefix}`);
    expect(lost).to.deep.equal(['n2 10.128.0.0/26']);
    expect(net.routerOf('n1').speaker.config.alwaysCompareMed).to.equal(true);
  });

  it('follows packets: over a graceful restart none is lost', async () => {
    const net = calico(3);
    const graceful = (config: SpeakerConfig): SpeakerConfig => ({
      ...config,
      gracefulRestart: { atStop: 'restart' },
      neighbors: config.neighbors!.map((each) => ({ ...each, gracefulRestart: { enabled: true } })),
    });
    const before = Object.fromEntries(Object.entries(net.configuration()).map(([name, c]) => [name, graceful(c)]));
    const report = await net.plan(before, { ...before, n1: { ...before.n1!, alwaysCompareMed: true } });
    expect(report.steps.map(({ title }) => title)).to.deep.equal(['restart n1']);
    expect(report.lossless, report.text).to.equal(true);
    expect(report.steps[0]!.lostPackets).to.deep.equal([]);
    expect(report.text).to.include('No packet is lost on the way.');
  });

  it('follows packets: they get lost where all routes are still there', async () => {
    // A line over eBGP; the one in the middle is to drop a part of what it forwards.
    const net = new Network({ igp: false });
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      net.router(name, { asn: 65001 + i, lan: null, networks: name === 'a' ? ['10.128.0.0/26'] : [] });
    }
    for (const [left, right] of [
      ['a', 'b'],
      ['b', 'c'],
    ] as const) {
      net.link(left, right);
      net.peer(left, right);
    }
    const before = net.configuration();
    const dropped = { prefix: '10.128.0.0/27', blackhole: true };
    const report = await net.plan(before, { ...before, b: { ...before.b!, networks: [dropped] } });
    const [step] = report.steps;
    expect(step!.lost).to.deep.equal([]);
    expect(report.lossless).to.equal(false);
    expect(
      step!.lostPackets!.map(({ from, prefix, seconds, reason }) => [from, prefix, seconds, reason]),
    ).to.deep.equal([
      // The origin was told the more specific one, too.
      ['a', '10.128.0.0/26', null, 'a → b ✗ b: 10.128.0.0/27 is a blackhole route'],
      ['b', '10.128.0.0/26', null, 'b ✗ b: 10.128.0.0/27 is a blackhole route'],
      ['c', '10.128.0.0/26', null, 'c → b ✗ b: 10.128.0.0/27 is a blackhole route'],
    ]);
    expect(report.text).to.match(/ - c to 10\.128\.0\.0\/26, after 0\.\d{3} s, and not back: c → b ✗ b: /);
  });

  it('does not follow packets where it is told not to', async () => {
    const net = cluster('mesh');
    const report = await net.plan(mesh(), reflectors(), { order: 'atOnce', packets: false });
    expect(report.steps.map(({ lostPackets }) => lostPackets)).to.deep.equal([null]);
    expect(report.text).to.not.include('packet');
  });

  it('refuses a wrong configuration, naming the router', async () => {
    const net = calico(2);
    const before = net.configuration();
    const error = await net.plan(before, { ...before, n2: { ...before.n2!, asn: 0 } }).catch((e: Error) => e);
    expect((error as Error).message).to.match(/^n2: .*asn/);
  });

  it('resets sessions router by router, and says what that costs', async () => {
    const net = calico(3);
    const before = net.configuration();
    const slower = (name: string): NetworkConfig[string] => ({
      ...before[name]!,
      neighbors: before[name]!.neighbors!.map((neighbor) => ({ ...neighbor, holdTime: 30 })),
    });
    const report = await net.plan(before, { ...before, n1: slower('n1') });
    expect(report.steps.map(({ title }) => title)).to.deep.equal(['change settings of n1: sessions are reset']);
    const lost = report.steps[0]!.lost.map(({ router, prefix }) => `${router} ${prefix}`);
    expect(new Set(lost)).to.deep.equal(
      new Set(['n1 10.128.0.64/26', 'n1 10.128.0.128/26', 'n2 10.128.0.0/26', 'n3 10.128.0.0/26']),
    );
  });

  it('starts new routers first, and stops old ones last', async () => {
    const net = calico(4);
    const all = net.configuration();
    const names = (n: string): string[] => Object.keys(all).filter((name) => name !== n);
    const address = (name: string): string => net.routerOf(name).address(4)!;
    const without = (gone: string): NetworkConfig =>
      Object.fromEntries(
        names(gone).map((name) => [
          name,
          { ...all[name]!, neighbors: all[name]!.neighbors!.filter((n) => n.address !== address(gone)) },
        ]),
      );
    const report = await net.plan(without('n4'), without('n1'));
    expect(report.steps.map(({ title }) => title)).to.deep.equal([
      'start what is new',
      'make: new sessions and routes beside the old ones',
      'stop n1',
    ]);
    // What n1 had originated is not wanted any more.
    expect(report.lossless, report.text).to.equal(true);
    net.assert.routes('n4', ['10.128.0.64/26', '10.128.0.128/26', '10.128.0.192/26']);
  });

  it('has nothing to do where nothing changes', async () => {
    const net = calico(2);
    const report = await net.plan(net.configuration(), net.configuration());
    expect(report).to.deep.include({ steps: [], lossless: true, text: 'Nothing is to be done.\n' });
  });
});
