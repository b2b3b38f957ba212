import { expect } from 'chai';
import { Bird, Frr, Tsbgp, eventually, holds, lab } from './harness/index.js';
import type { Host } from './harness/index.js';

const AS = 64512;

/** What is seen twice, with longer in between than a block waits to be written. */
function unchanging(
  host: Host,
  look: () => Promise<string[]>,
  isWhole: (rows: readonly string[]) => unknown,
): Promise<string[]> {
  const twice = async (): Promise<string[]> => {
    const rows = await look();
    await host.exec('sleep', ['0.3']);
    expect(await look()).to.deep.equal(rows);
    return rows;
  };
  return eventually(twice, { what: 'a table in which nothing changes any more', until: isWhole });
}

lab('a recorded reflector is killed with SIGKILL, and replayed', { needs: ['bird', 'frr'] }, (lab) => {
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let node: Host;

  const settings = (...announce: string[]) => ({
    asn: AS,
    neighbors: [bird.host, frr.host].map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true })),
    announce,
    kernel: true,
    record: true,
  });

  /** Everything that it knows, as it shows it. */
  const table = async (): Promise<string[]> => {
    const paths = [...(await tsbgp.paths('ipv4', '--all')), ...(await tsbgp.paths('ipv6', '--all'))];
    return paths.map((path) => JSON.stringify(path)).sort();
  };

  const replayed = (lines: readonly Record<string, unknown>[]): string[] =>
    lines
      .filter(({ type }) => type === 'route')
      .map((line) => JSON.stringify({ ...line, type: undefined }))
      .sort();

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    node = await lab.network.host('rr', [lan, 100]);
    const first = await lab.network.host('bird', [lan, 1]);
    const second = await lab.network.host('frr', [lan, 2]);
    const neighbors = [{ address: node.v4, peerAs: AS }];
    bird = new Bird(first, { asn: AS, neighbors, announce: ['10.1.0.0/24', '10.9.0.0/24', '2001:db8:1::/48'] });
    frr = new Frr(second, { asn: AS, neighbors, announce: ['10.2.0.0/24', '10.9.0.0/24', '2001:db8:2::/48'] });
    tsbgp = new Tsbgp(node, settings('10.100.0.0/24'));
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    await holds(
      frr,
      'ipv4',
      ['10.1.0.0/24', '10.9.0.0/24', '10.100.0.0/24'].map((prefix) => ({ prefix })),
    );
  });

  it('gives the RIB that it had just before', async () => {
    await bird.withdraw('10.1.0.0/24');
    await bird.announce('10.3.0.0/24');
    await tsbgp.announce({ prefix: '10.101.0.0/24', med: 7 });
    await tsbgp.neighborCommand('soft-in', frr.host.v4);
    // A session that ends and comes back.
    await tsbgp.neighborCommand('reset', bird.host.v4);
    await eventually(() => tsbgp.neighbor(bird.host.v4), {
      what: 'the session with BIRD is back',
      until: (neighbor) => expect(neighbor).to.include({ state: 'Established', established: 2 }),
    });
    await tsbgp.reconfigure(settings('10.100.0.0/24', '10.102.0.0/24'));
    await holds(
      frr,
      'ipv4',
      ['10.3.0.0/24', '10.9.0.0/24', '10.100.0.0/24', '10.101.0.0/24', '10.102.0.0/24'].map((prefix) => ({ prefix })),
    );
    const before = await unchanging(node, table, (rows) => {
      expect(rows).to.have.length(9);
      expect(rows.join()).to.not.include('"stale":true');
    });
    await tsbgp.kill();

    const lines = await tsbgp.replay('--changes', '--show', 'all-routes');
    expect(replayed(lines)).to.deep.equal(before);
    const end = lines.at(-1)!;
    expect(end).to.include({ type: 'end', end: 'open' });
    expect(end).to.not.have.property('difference');
    expect(end.checkpoints).to.be.greaterThan(0);
    expect(end.messages).to.equal(lines.filter(({ type }) => type === 'message').length);

    // What a message did: BIRD's withdrawal.
    const gone = lines.find(
      ({ type, prefix, after }) => type === 'change' && prefix === '10.1.0.0/24' && after === null,
    )!;
    expect(gone).to.include({ cause: `UPDATE from ${bird.host.v4}` });
    const earlier = await tsbgp.replay('--until', String((gone.message as number) - 1));
    expect(replayed(earlier).some((row) => row.includes('10.1.0.0/24'))).to.equal(true);
    const then = await tsbgp.replay('--until', String(gone.message));
    expect(replayed(then).some((row) => row.includes('10.1.0.0/24'))).to.equal(false);
  });
});

lab(
  'a recorded node with netlink, nexthop objects, ADD-PATH and dynamic neighbors, and its replay',
  { needs: ['bird', 'frr'] },
  (lab) => {
    let tsbgp: Tsbgp;
    let bird: Bird;
    let frr: Frr;

    before(async () => {
      const lan = await lab.network.lan('10.0.0', 'fd00');
      const node = await lab.network.host('rr', [lan, 100]);
      const first = await lab.network.host('bird', [lan, 1]);
      const second = await lab.network.host('frr', [lan, 2]);
      const center = { address: node.v4, peerAs: AS };
      const both = { familyLines: { ipv4: ['add paths on;'], ipv6: ['add paths on;'] } };
      bird = new Bird(first, {
        asn: AS,
        neighbors: [{ ...center, ...both }],
        announce: ['10.1.0.0/24', '10.9.0.0/24'],
      });
      frr = new Frr(second, { asn: AS, neighbors: [center], announce: ['10.9.0.0/24'] });
      tsbgp = new Tsbgp(node, {
        asn: AS,
        neighbors: [],
        announce: ['10.100.0.0/24'],
        record: true,
        config: {
          peerGroups: {
            nodes: { peerAs: AS, routeReflectorClient: true, addPath: { receive: true, send: 'all' } },
          },
          dynamicNeighbors: [{ prefix: '10.0.0.0/24', peerGroup: 'nodes' }],
          fib: { type: 'netlink', nexthopObjects: true },
        },
      });
      await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
      await holds(
        frr,
        'ipv4',
        ['10.1.0.0/24', '10.9.0.0/24', '10.100.0.0/24'].map((prefix) => ({ prefix })),
      );
    });

    it('gives the RIB, the neighbors and the kernel routes that it had', async () => {
      const { host } = tsbgp;
      await bird.withdraw('10.1.0.0/24');
      await bird.announce('10.3.0.0/24');
      // Another program takes the object under its routes away.
      const objects = await host.exec('ip', ['nexthop', 'show', 'proto', '186']);
      const id = /id (\d+)/.exec(objects)![1]!;
      await host.exec('ip', ['nexthop', 'del', 'id', id]);
      const fib = await eventually(() => tsbgp.cli('show', 'fib', '--json'), {
        what: 'kernel routes that are right again',
        until: async (text) => {
          expect(text).to.include('10.3.0.0/24').and.not.include('10.1.0.0/24');
          const routes = await host.exec('ip', ['route', 'show', 'proto', 'bgp']);
          expect(routes.match(/nhid/g)).to.have.length(2);
        },
      });
      expect(fib).to.include('10.9.0.0/24');
      const paths = async (): Promise<string[]> =>
        (await tsbgp.paths('ipv4', '--all')).map((path) => JSON.stringify(path)).sort();
      const before = await unchanging(host, paths, (rows) => {
        expect(rows).to.have.length(4);
        expect(rows.filter((path) => path.includes('10.9.0.0/24'))).to.have.length(2);
      });
      await tsbgp.kill();

      const lines = await tsbgp.replay('--show', 'all-routes', '--show', 'fib');
      const end = lines.at(-1)!;
      expect(end).to.not.have.property('difference');
      expect(end).to.include({ type: 'end', end: 'open' });
      const again = lines
        .filter(({ type, prefix }) => type === 'route' && !String(prefix).includes(':'))
        .map((line) => JSON.stringify({ ...line, type: undefined }))
        .sort();
      expect(again).to.deep.equal(before);
    });
  },
);
