import { expect } from 'chai';
import { Bird, Frr, Tsbgp, established, eventually, holds, lab, steadily } from './harness/index.js';
import type { Host } from './harness/index.js';

const AS = 64512;
const BIRD_ROUTES = ['10.1.0.0/16', '10.2.0.0/16'];
const FRR_ROUTE = '10.3.0.0/16';
const ALL = [...BIRD_ROUTES, FRR_ROUTE];

/** A node with two reflectors, killed and started again; meanwhile a route is gone. */
lab('kernel routes of an earlier run, with graceful restart', { needs: ['bird', 'frr'], timeoutMs: 180_000 }, (lab) => {
  let node: Host;
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;

  const ours = async (): Promise<string[]> =>
    (await node.kernelRoutes(4)).filter(({ protocol }) => protocol === 'bgp').map(({ dst }) => dst);
  const become = (...prefixes: string[]): Promise<unknown> =>
    eventually(ours, {
      what: 'kernel routes',
      limitMs: 40_000,
      until: (held) => expect([...held].sort()).to.deep.equal([...prefixes].sort()),
    });
  /** What is in the kernel has been told by this run, too. */
  const told = (): Promise<unknown> =>
    eventually(() => tsbgp.fib(), {
      what: 'kernel routes, all told',
      until: (routes) => expect(routes.map(({ state }) => state)).to.deep.equal(ALL.map(() => 'installed')),
    });
  const configure = (fib: object): void => {
    Object.assign(tsbgp.settings, { config: { fib: { type: 'ip-route', ...fib } } });
  };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    node = await lab.network.host('node', [lan, 1]);
    const [two, three] = [await lab.network.host('bird', [lan, 2]), await lab.network.host('frr', [lan, 3])];
    const gracefulRestart = { restartTime: 30 };
    const families = ['ipv4'] as const;
    tsbgp = new Tsbgp(node, {
      asn: AS,
      neighbors: [two, three].map(({ v4 }) => ({ address: v4, peerAs: AS, families, gracefulRestart })),
      config: { fib: { type: 'ip-route' } },
    });
    const toNode = [{ address: node.v4, peerAs: AS, families, restartHelper: true, reflectorClient: true }];
    bird = new Bird(two, { asn: AS, neighbors: toNode, announce: BIRD_ROUTES });
    frr = new Frr(three, { asn: AS, neighbors: toNode, announce: [FRR_ROUTE] });
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    await established(tsbgp, two.v4, three.v4);
    await become(...ALL);
  });

  /** SIGKILL, a route is gone from BIRD meanwhile, and a new process. */
  const restart = async (meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> => {
    await tsbgp.kill();
    await meanwhile();
    await bird.withdraw(BIRD_ROUTES[1]!);
    await tsbgp.start();
  };
  const recover = async (): Promise<void> => {
    await bird.announce(BIRD_ROUTES[1]!);
    await become(...ALL);
  };

  it('sweep: what is still told is never away, what is not goes when both have told all', async () => {
    let frrTells = false;
    const stay = async (): Promise<boolean> => {
      // FRR sends End-of-RIB first and its own networks later (docs/interop.md).
      const held = await ours();
      return held.includes(BIRD_ROUTES[0]!) && (frrTells || held.includes(FRR_ROUTE));
    };
    const good = steadily(stay, { what: 'routes that are still told stay', forMs: 6000 });
    await restart(() => frr.kill());
    // One of the two has told nothing yet: selection is deferred, and nothing is swept.
    await steadily(async () => (await ours()).length === 3, { what: 'all stay', forMs: 2000 });
    expect((await tsbgp.fib()).map(({ state }) => state)).to.deep.equal(['stale', 'stale', 'stale']);
    frrTells = true;
    await frr.start();
    await good;
    await become(BIRD_ROUTES[0]!, FRR_ROUTE);
    await recover();
  });

  it('adopt: what is not told any more stays', async () => {
    configure({ atStart: 'adopt' });
    await restart();
    await established(tsbgp, bird.host.v4, frr.host.v4);
    await holds(tsbgp, 'ipv4', [{ prefix: BIRD_ROUTES[0]! }, { prefix: FRR_ROUTE }]);
    await eventually(() => tsbgp.fib(), {
      what: 'two are wanted, one is left alone',
      until: (routes) =>
        expect(Object.fromEntries(routes.map(({ prefix, state }) => [prefix, state]))).to.deep.equal({
          [BIRD_ROUTES[0]!]: 'installed',
          [BIRD_ROUTES[1]!]: 'stale',
          [FRR_ROUTE]: 'installed',
        }),
    });
    await steadily(async () => (await ours()).length === 3, { what: 'all stay', forMs: 1000 });
    await recover();
  });

  it('flush: all go at once, and those that are told come back', async () => {
    configure({ atStart: 'flush' });
    await tsbgp.kill();
    await bird.kill();
    await frr.kill();
    expect(await ours()).to.have.length(3);
    await tsbgp.start();
    await become();
    await bird.start();
    await frr.start();
    await become(...ALL);
  });

  it('holdWithout: without any reflector nothing goes, also not over a restart, until one is back or it is confirmed', async () => {
    configure({ holdWithout: { neighbors: 'reflectors' } });
    await tsbgp.kill();
    await tsbgp.start();
    await established(tsbgp, bird.host.v4, frr.host.v4);
    await told();
    await eventually(() => tsbgp.cli('show', 'fib'), { what: 'no hold', until: (text) => !text.includes('no route') });
    // With FRR there, what BIRD told goes with it; with FRR the rest would.
    await bird.kill();
    await become(FRR_ROUTE);
    await frr.kill();
    const stays = (): Promise<void> =>
      steadily(async () => (await ours()).join() === FRR_ROUTE, { what: 'the last good table', forMs: 2000 });
    await stays();
    expect(await tsbgp.cli('show', 'fib')).to.match(
      /no route is removed: no reflector is Established and has told all its routes; 1 route waiting/,
    );
    await tsbgp.kill();
    await tsbgp.start();
    await stays();
    await Promise.all([bird.start(), frr.start()]);
    await told();
    await bird.kill();
    await become(FRR_ROUTE);
    await frr.kill();
    await eventually(() => tsbgp.cli('show', 'fib', '--state', 'held'), {
      what: 'the last one is held',
      until: (text) => text.includes(FRR_ROUTE),
    });
    expect(await tsbgp.cli('fib', 'confirm-removals')).to.equal('confirmed the removal of 1 route\n');
    await become();
  });
});
