import { expect } from 'chai';
import type { GracefulRestartOffer } from '../../lib/bgp/session/index.js';
import type { AddPathTuple } from '../../lib/bgp/wire/index.js';
import { FakeKernel } from '../../lib/sim/index.js';
import type { AddPathOptions, NeighborOptions } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { clientOf, Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement, octets, valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const A = '10.0.0.11';
const B = '10.0.0.12';
const C = '10.0.0.13';
const P = '10.1.0.0/16';
const Q = '10.2.0.0/16';

const tuples = (sendReceive: number): { addPath: AddPathTuple[] } => ({
  addPath: [1, 2].map((afi) => ({ afi, safi: 1, sendReceive })),
});
const TX = tuples(2);

describe('Speaker: paths with identifiers are taken (RFC 7911)', () => {
  let lab: Lab;
  let speaker: Speaker;
  let a: Probe;
  let b: Probe;
  let c: Probe;

  beforeEach(async () => {
    lab = new Lab();
    const receive: Partial<NeighborOptions> = { addPath: { receive: true } };
    speaker = await lab.speaker({ routerId: R, neighbors: [clientOf(A, receive), clientOf(B, receive), clientOf(C)] });
    [a, b, c] = [lab.probe(R, A, TX), lab.probe(R, B), lab.probe(R, C)];
    await lab.up(a, b, c);
  });

  const med = (probe: Probe, value: number, ...prefixes: string[]): Probe =>
    probe.announceWith(probe.attributes([{ code: 4, value }]), ...prefixes);

  const paths = (filter: Parameters<Speaker['routes']>[1] = { bestOnly: false }): string[] =>
    [...speaker.routes('ipv4-unicast', filter)]
      .map(
        ({ prefix, neighbor, pathId, med, best }) =>
          `${prefix} ${neighbor} ${pathId ?? '-'} ${med ?? '-'}${best ? ' best' : ''}`,
      )
      .sort();

  it('the OPEN: capability 69 with Send/Receive 1 for each family, only where it is asked for', () => {
    expect(a.peer.capabilities).to.include('ADD_PATH');
    expect(c.peer.capabilities).not.to.include('ADD_PATH');
    expect([a, b].map(({ negotiated }) => [...negotiated!.send.addPath])).to.deep.equal([['1/1', '2/1'], []]);
    expect([...a.negotiated!.receive.addPath]).to.deep.equal([]);
    expect([A, B].map((one) => speaker.neighbor(one).prefixes['ipv6-unicast']!.addPath)).to.deep.equal([
      { receive: true, send: false },
      undefined,
    ]);
  });

  it('are all in the RIB, told apart by `pathId`; the best one is reflected', async () => {
    med(a, 20, `${P}#1`);
    med(a, 10, `${P}#2`);
    await lab.settle();
    expect(paths()).to.deep.equal([`${P} ${A} 1 20`, `${P} ${A} 2 10 best`]);
    expect(paths({})).to.deep.equal([`${P} ${A} 2 10 best`]);
    expect(paths({ receivedFrom: A })).to.have.length(2);
    expect(c.prefixes).to.deep.equal([P]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.received).to.equal(2);
    a.withdraw(`${P}#2`);
    await lab.settle();
    expect(paths()).to.deep.equal([`${P} ${A} 1 20 best`]);
    expect(c.view.routes.get(P)!.attributes.find(({ code }) => code === 4)).to.include({ value: 20 });
    expect(c.view.needless).to.deep.equal([]);
  });

  it('of two that are equal but for the identifier one is best; the other takes its place without an UPDATE', async () => {
    med(a, 10, `${P}#9`, `${P}#4`);
    await lab.settle();
    expect(paths()).to.deep.equal([`${P} ${A} 4 10 best`, `${P} ${A} 9 10`]);
    const { best, decisions } = speaker.explain(P);
    expect(best!.pathId).to.equal(4);
    expect(decisions.map(({ path, lostAt, detail }) => [path.pathId, path.best, lostAt, detail])).to.deep.equal([
      [4, true, null, null],
      [9, false, 'lowest path identifier', 'path ID 9 (best: path ID 4)'],
    ]);
    const { messages } = c.view;
    a.withdraw(`${P}#4`);
    await lab.settle();
    expect(paths()).to.deep.equal([`${P} ${A} 9 10 best`]);
    expect(c.view.messages).to.equal(messages);
  });

  it('a neighbor that does not send them is read as ever', async () => {
    b.announce(P);
    await lab.settle();
    expect(paths()).to.deep.equal([`${P} ${B} - - best`]);
  });

  it('are all gone when the session is', async () => {
    med(a, 10, `${P}#1`, `${P}#2`);
    b.announce(P);
    await lab.settle();
    await lab.during(a.peer.stop());
    await lab.settle();
    expect(paths()).to.deep.equal([`${P} ${B} - - best`]);
    await lab.up(a);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.received).to.equal(0);
  });

  it('a watch of all paths tells both', async () => {
    const watch = speaker.watch({ bestOnly: false });
    const seen: string[][] = [];
    void watch.forEach((event) => {
      if (event.type === 'route') seen.push(event.paths!.map(({ pathId, best }) => `${pathId}${best ? ' best' : ''}`));
    });
    med(a, 10, `${P}#2`, `${P}#1`);
    await lab.settle();
    expect(seen).to.deep.equal([['1 best', '2']]);
    watch.close();
  });
});

describe('Speaker: several paths are told (RFC 7911)', () => {
  const D = '10.0.0.14';
  let lab: Lab;
  let speaker: Speaker;
  let a: Probe;
  let b: Probe;
  let c: Probe;
  let d: Probe;

  const start = async (send: AddPathOptions['send'], more: Partial<NeighborOptions> = {}) => {
    lab = new Lab();
    speaker = await lab.speaker({
      routerId: R,
      neighbors: [
        clientOf(A, { addPath: { receive: true } }),
        clientOf(B),
        clientOf(C, { addPath: { send }, ...more }),
        clientOf(D, { addPath: { send } }),
      ],
    });
    a = lab.probe(R, A, TX);
    b = lab.probe(R, B);
    c = lab.probe(R, C, tuples(1));
    // Does not take several.
    d = lab.probe(R, D);
    await lab.up(a, b, c, d);
  };
  const local = (probe: Probe, value: number, ...prefixes: string[]): Probe =>
    probe.announceWith(probe.attributes([{ code: 5, value }]), ...prefixes);
  const heldBy = (probe: Probe): string[] =>
    [...probe.view.routes]
      .map(([key, route]) => `${key.split('#')[0]} ${String(valueOf(route, 5))} ${String(valueOf(route, 9))}`)
      .sort();

  it('the OPEN says 2, or 3 with `receive` too', async () => {
    await start('all');
    expect([a, c, d].map(({ peer }) => peer.capabilities.includes('ADD_PATH'))).to.deep.equal([true, true, true]);
    expect([...c.negotiated!.receive.addPath]).to.deep.equal(['1/1', '2/1']);
    expect([...c.negotiated!.send.addPath]).to.deep.equal([]);
    await start('all', { addPath: { receive: true, send: { best: 2 } } });
    const both = lab.probe(R, C, tuples(3));
    await lab.during(c.peer.stop());
    await lab.up(both);
    expect([both.negotiated!.send.addPath.size, both.negotiated!.receive.addPath.size]).to.deep.equal([2, 2]);
  });

  it('octets: four of Path Identifier before each prefix, announced and withdrawn (RFC 7911 section 3)', async () => {
    await start('all');
    b.announce(P);
    await lab.settle();
    // ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST; the path is the first of the table.
    expect(c.updates.at(-1)).to.equal(
      '0000' +
        '0023' +
        '40010100' +
        '400200' +
        '4003040a00000c' +
        '40050400000064' +
        '8009040a00000c' +
        '800a040a000001' +
        '00000001' +
        '100a01',
    );
    b.withdraw(P);
    await lab.settle();
    expect(c.updates.at(-1)).to.equal('0007' + '00000001' + '100a01' + '0000');
  });

  it('all: those of one neighbor too; a neighbor that does not take them gets the best', async () => {
    await start('all');
    local(a, 200, `${P}#1`);
    local(a, 300, `${P}#2`);
    local(b, 100, P);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100 ${B}`, `${P} 200 ${A}`, `${P} 300 ${A}`]);
    expect(heldBy(d)).to.deep.equal([`${P} 300 ${A}`]);
    const told = [...speaker.routes('ipv4-unicast', { advertisedTo: C })];
    expect(told.map(({ pathId }) => `${P}#${pathId}`).sort()).to.deep.equal([...c.view.routes.keys()].sort());
    expect(speaker.neighbor(C).prefixes['ipv4-unicast']!.advertised).to.equal(3);
    a.withdraw(`${P}#2`);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100 ${B}`, `${P} 200 ${A}`]);
    expect([c.view.needless, d.view.needless]).to.deep.equal([[], []]);
  });

  it('best N: the next one comes in when one of them goes', async () => {
    await start({ best: 2 });
    local(a, 200, `${P}#1`);
    local(a, 300, `${P}#2`);
    local(b, 100, P);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 200 ${A}`, `${P} 300 ${A}`]);
    a.withdraw(`${P}#2`);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100 ${B}`, `${P} 200 ${A}`]);
    await lab.during(a.peer.stop());
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100 ${B}`]);
  });

  it('in rounds, with minimumAdvertisementInterval: what came and went meanwhile is not told', async () => {
    await start('all', { minimumAdvertisementInterval: 10 });
    local(a, 200, `${P}#1`);
    local(a, 300, `${P}#2`);
    await lab.clock.runAsync(12_000);
    expect(heldBy(c)).to.deep.equal([`${P} 200 ${A}`, `${P} 300 ${A}`]);
    local(a, 210, `${P}#1`);
    await lab.settle();
    a.withdraw(`${P}#2`);
    local(a, 400, `${P}#3`, `${P}#4`);
    await lab.settle();
    local(a, 220, `${P}#1`);
    a.withdraw(`${P}#3`);
    await lab.clock.runAsync(12_000);
    expect(heldBy(c)).to.deep.equal([`${P} 220 ${A}`, `${P} 400 ${A}`]);
    expect(c.view.needless).to.deep.equal([]);
  });

  it('what the neighbor is told is put right without a new session when its role changes', async () => {
    await start('all', { routeReflectorClient: false });
    local(a, 200, `${P}#1`, `${Q}#1`);
    local(a, 300, `${P}#2`);
    local(b, 100, P);
    await lab.settle();
    const config = (client: boolean, fromB: boolean) => ({
      asn: 64512,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [
        clientOf(A, { addPath: { receive: true } }),
        clientOf(B, { routeReflectorClient: fromB }),
        clientOf(C, { addPath: { send: 'all' }, routeReflectorClient: client }),
        clientOf(D, { addPath: { send: 'all' } }),
      ],
    });
    const ids = [...c.view.routes.keys()].sort();
    expect(ids).to.have.length(4);
    // Between two that are no clients nothing is reflected.
    for (const [client, fromB, count] of [
      [false, false, 3],
      [true, false, 4],
      [false, false, 3],
      [false, true, 4],
    ] as const) {
      await lab.during(speaker.reconfigure(config(client, fromB)));
      await lab.settle();
      expect(c.view.routes.size, `C ${client} B ${fromB}`).to.equal(count);
      expect(ids).to.include.members([...c.view.routes.keys()]);
      expect([c.downs, b.downs, c.view.needless]).to.deep.equal([[], [], []]);
    }
    a.withdraw(`${P}#1`, `${P}#2`, `${Q}#1`);
    await lab.settle();
    expect([heldBy(c), c.view.needless]).to.deep.equal([[`${P} 100 ${B}`], []]);
  });
});

describe('Speaker: several paths over a graceful restart (RFC 4724 with RFC 7911)', () => {
  const restart: GracefulRestartOffer = {
    restartState: false,
    notification: false,
    restartTime: 60,
    tuples: [1, 2].map((afi) => ({ afi, safi: 1, forwarding: true })),
  };
  const endOfRib = octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000');

  it('each is kept, and at End-of-RIB the one not told again goes', async () => {
    const lab = new Lab();
    const neighbors = [clientOf(A, { addPath: { receive: true } }), clientOf(B, { addPath: { send: 'all' } })];
    const speaker = await lab.speaker({ routerId: R, neighbors });
    const a = lab.probe(R, A, { ...TX, gracefulRestart: restart });
    const b = lab.probe(R, B, tuples(1));
    await lab.up(a, b);
    a.announce(`${P}#1`, `${P}#2`, `${P}#3`).send(endOfRib);
    await lab.settle();
    const ids = [...b.view.routes.keys()];
    expect(ids).to.have.length(3);
    const stale = () =>
      [...speaker.routes('ipv4-unicast', { receivedFrom: A })].filter((path) => path.stale).map(({ pathId }) => pathId);

    void a.peer.leave();
    await lab.settle();
    expect(stale().sort()).to.deep.equal([1, 2, 3]);
    await lab.up(a);
    const { messages } = b.view;
    a.announce(`${P}#3`, `${P}#1`);
    await lab.settle();
    expect(stale()).to.deep.equal([2]);
    expect(b.view.messages, 'nothing is told again').to.equal(messages);
    a.send(endOfRib);
    await lab.settle();
    expect(stale()).to.deep.equal([]);
    expect(b.view.routes.size).to.equal(2);
    expect(ids).to.include.members([...b.view.routes.keys()]);
    expect(b.view.needless).to.deep.equal([]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.received).to.equal(2);
  });
});

/**
 * RFC 3345 section 2.1: two clusters, whose reflectors see the same exits over different IGP costs. AS 6 tells the route to two of
 * them with different MED, AS 10 to a third.
 */
describe('the persistent oscillation of RFC 3345', () => {
  const [RA, RD] = ['10.0.0.1', '10.0.0.4'];
  const PREFIX = '10.50.0.0/16';
  /** Exits: next hop, AS_PATH, MED, and the costs from Ra and Rd. */
  const EXITS = {
    rb: { nextHop: '10.9.1.1', asns: [10, 100], med: 10, costs: [5, 6] },
    rc: { nextHop: '10.9.2.1', asns: [6, 100], med: 1, costs: [4, 5] },
    re: { nextHop: '10.9.3.1', asns: [6, 100], med: 0, costs: [13, 12] },
  } as const;

  const run = async (addPath?: AddPathOptions) => {
    const lab = new Lab();
    const speakers: Speaker[] = [];
    const changes = [0, 0];
    for (const [index, [own, other, clients]] of (
      [
        [RA, RD, ['10.0.0.12', '10.0.0.13']],
        [RD, RA, ['10.0.0.15']],
      ] as const
    ).entries()) {
      const kernel = new FakeKernel({ clock: lab.clock });
      kernel.addLink('eth0', `${own}/24`);
      for (const { nextHop, costs } of Object.values(EXITS)) {
        kernel.put({ prefix: `${nextHop}/32`, via: '10.0.0.99', device: 'eth0', metric: costs[index]! });
      }
      const peer: NeighborOptions = { address: other, peerAs: 64512, ...(addPath ? { addPath } : {}) };
      const speaker = await lab.speaker(
        {
          routerId: own,
          neighbors: [peer, ...clients.map((address) => clientOf(address))],
          fib: { type: 'memory', reconcileInterval: 0 },
        },
        { fibWriter: kernel.writer(), networks: oneInterface([own, '10.0.0.0/24']) },
      );
      speaker.on('bestPathChange', () => changes[index]!++);
      speakers.push(speaker);
    }
    const probes = [lab.probe(RA, '10.0.0.12'), lab.probe(RA, '10.0.0.13'), lab.probe(RD, '10.0.0.15')];
    await lab.up(...probes);
    await lab.clock.runUntilAsync(
      () => speakers.every((one) => one.neighbor(one === speakers[0] ? RD : RA).state === 'Established'),
      60_000,
    );
    for (const [index, exit] of Object.values(EXITS).entries()) {
      const probe = probes[index]!;
      const attributes = probe.attributes([
        { code: 2, value: [{ type: 'AS_SEQUENCE', asns: [...exit.asns] }] },
        { code: 4, value: exit.med },
      ]);
      probe.send(announcement({ prefixes: [PREFIX], nextHop: exit.nextHop, attributes }, probe.negotiated!.send));
    }
    await lab.clock.runAsync(5000);
    const before = [...changes];
    await lab.clock.runAsync(10_000);
    return {
      later: changes.map((count, i) => count - before[i]!),
      best: speakers.map((speaker) => speaker.explain(PREFIX).best?.nextHop),
    };
  };

  it('goes on for ever when one path is told', async () => {
    const { later } = await run();
    expect(Math.min(...later)).to.be.greaterThan(10);
  });

  for (const send of ['all', { best: 1, perNeighborAs: true }] as const) {
    it(`is over when ${send === 'all' ? 'all paths are' : 'the best of each neighbor AS is'} told (RFC 7964 section 3)`, async () => {
      const { later, best } = await run({ receive: true, send });
      expect(later).to.deep.equal([0, 0]);
      // At both Re's lower MED rules out Rc, and Rb is nearer than Re.
      expect(best).to.deep.equal([EXITS.rb.nextHop, EXITS.rb.nextHop]);
    });
  }
});
