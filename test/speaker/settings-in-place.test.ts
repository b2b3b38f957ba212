import { expect } from 'chai';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { seededRandom } from '../../lib/sim/index.js';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const ADDRESSES = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];
type Settings = Partial<NeighborOptions>;

const config = (settings: readonly Settings[]): SpeakerConfig => ({
  asn: 64512,
  routerId: R,
  listen: [{ address: R, port: 179 }],
  neighbors: ADDRESSES.map((address, i) => ({ address, peerAs: 64512, passive: true, ...settings[i] })),
  networks: ['10.9.0.0/16', { prefix: '10.8.0.0/16', nextHop: '10.0.0.77' }],
});

/** What each probe holds: prefix, next hop, ORIGINATOR_ID, CLUSTER_LIST. */
const held = (probes: readonly Probe[]) =>
  probes.map(({ view }) =>
    [...view.routes]
      .map(([prefix, route]) => `${prefix} ${route.nextHop} ${String(valueOf(route, 9))} ${String(valueOf(route, 10))}`)
      .sort(),
  );

async function start(settings: readonly Settings[]): Promise<{ lab: Lab; speaker: Speaker; probes: Probe[] }> {
  const lab = new Lab();
  const speaker = await lab.speaker(config(settings) as SpeakerConfig & { routerId: string });
  const probes = ADDRESSES.map((address) => lab.probe(R, address));
  await lab.up(...probes);
  return { lab, speaker, probes };
}

function announceAll(probes: readonly Probe[]): void {
  probes.forEach((probe, i) => {
    probe.announce(`10.${i}.0.0/24`, `10.${i}.1.0/24`, '10.50.0.0/16').announce(`2001:db8:${i}::/48`);
  });
}

describe('Speaker: settings changed without a new session', () => {
  const changes: [string, readonly Settings[], readonly Settings[]][] = [
    ['a client becomes none', [{ routeReflectorClient: true }, {}, {}], [{}, {}, {}]],
    ['a non-client becomes a client', [{}, {}, {}], [{}, { routeReflectorClient: true }, {}]],
    [
      'roles are exchanged',
      [{ routeReflectorClient: true }, {}, { routeReflectorClient: true }],
      [{}, { routeReflectorClient: true }, {}],
    ],
    [
      'next hop self',
      [{ routeReflectorClient: true }, {}, {}],
      [{ routeReflectorClient: true }, { nextHopSelf: true }, {}],
    ],
    [
      'a client in another cluster',
      [{ routeReflectorClient: true }, { routeReflectorClient: true }, {}],
      [{ routeReflectorClient: true, clusterId: '9.9.9.9' }, { routeReflectorClient: true }, {}],
    ],
    [
      'clusters are exchanged',
      [{ routeReflectorClient: true, clusterId: '9.9.9.9' }, { routeReflectorClient: true, clusterId: '8.8.8.8' }, {}],
      [{ routeReflectorClient: true, clusterId: '8.8.8.8' }, { routeReflectorClient: true, clusterId: '9.9.9.9' }, {}],
    ],
    [
      'next hop self, in reflected routes too',
      [{ routeReflectorClient: true }, { nextHopSelf: true }, {}],
      [{ routeReflectorClient: true }, { nextHopSelf: 'force' }, {}],
    ],
    [
      'next hop self no more, and another interval',
      [{ routeReflectorClient: true, nextHopSelf: true }, { minimumAdvertisementInterval: 1 }, {}],
      [{ routeReflectorClient: true, minimumAdvertisementInterval: 1 }, { nextHopSelf: true }, {}],
    ],
  ];
  for (const [what, before, after] of changes) {
    it(`${what}: the neighbors hold what they would have been told from the start`, async () => {
      const fresh = await start(after);
      announceAll(fresh.probes);
      await fresh.lab.clock.runAsync(5000);
      const { lab, speaker, probes } = await start(before);
      announceAll(probes);
      await lab.clock.runAsync(5000);
      expect(held(probes)).to.not.deep.equal(held(fresh.probes));
      const result = await speaker.reconfigure(config(after));
      expect(result.reset).to.deep.equal([]);
      expect(result.changed).to.not.be.empty;
      await lab.clock.runAsync(5000);
      expect(held(probes)).to.deep.equal(held(fresh.probes));
      for (const { view, downs } of probes) {
        expect(downs).to.deep.equal([]);
        expect(view.needless).to.deep.equal([]);
        expect(view.endOfRib, 'End-of-RIB once').to.have.length(2);
      }
      // And the stream goes on.
      probes[0]!.withdraw('10.0.0.0/24', '10.50.0.0/16').announce('10.60.0.0/16');
      fresh.probes[0]!.withdraw('10.0.0.0/24', '10.50.0.0/16').announce('10.60.0.0/16');
      await Promise.all([lab.clock.runAsync(5000), fresh.lab.clock.runAsync(5000)]);
      expect(held(probes)).to.deep.equal(held(fresh.probes));
    });
  }

  it('edits of the AS_PATH towards another AS', async () => {
    const lab = new Lab();
    const external = (more: Settings): SpeakerConfig => ({
      asn: 1000,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [
        { address: '10.0.0.11', peerAs: 64513, passive: true },
        { address: '10.0.0.12', peerAs: 2000, passive: true, ...more },
      ],
    });
    const speaker = await lab.speaker(external({}) as SpeakerConfig & { routerId: string });
    const [from, to] = [
      lab.probe(R, '10.0.0.11', { localAs: 64513, peerAs: 1000 }),
      lab.probe(R, '10.0.0.12', { localAs: 2000, peerAs: 1000 }),
    ] as const;
    await lab.up(from, to);
    const path = () =>
      (valueOf(to.view.routes.get('10.1.0.0/16')!, 2) as { asns: number[] }[]).flatMap(({ asns }) => asns);
    from.announceWith(
      from.attributes([{ code: 2, value: [{ type: 'AS_SEQUENCE', asns: [64513, 2000] }] }]),
      '10.1.0.0/16',
    );
    await lab.settle();
    for (const [settings, expected] of [
      [{ removePrivateAs: 'removeAll' }, [1000, 2000]],
      [{ asOverride: true }, [1000, 64513, 1000]],
      [{}, [1000, 64513, 2000]],
    ] as const) {
      expect((await speaker.reconfigure(external(settings))).reset).to.deep.equal([]);
      await lab.settle();
      expect(path()).to.deep.equal(expected);
    }
    expect(to.downs).to.deep.equal([]);
  });

  it('another cluster ID: what is a loop is judged anew (RFC 4456 section 8), with an import policy too', async () => {
    for (const more of [{}, { importPolicy: ['low'], defaultImportPolicy: 'accept' as const }]) {
      const lab = new Lab();
      const reflector = (clusterId: string): SpeakerConfig & { routerId: string } => ({
        ...(config([{ routeReflectorClient: true, clusterId }, { routeReflectorClient: true, ...more }, {}]) as object),
        ...{ asn: 64512, routerId: R, networks: [] },
        policies: { low: [{ actions: { localPref: 50 } }] },
      });
      const speaker = await lab.speaker(reflector('9.9.9.9'));
      const [, from, to] = ADDRESSES.map((address) => lab.probe(R, address)) as [Probe, Probe, Probe];
      await lab.up(from, to);
      for (const [i, clusterId] of ['9.9.9.9', '8.8.8.8', '7.7.7.7'].entries()) {
        const attributes = from.attributes([
          { code: 9, value: '10.5.5.5' },
          { code: 10, value: [clusterId] },
        ]);
        from.announceWith(attributes, `10.${i}.0.0/16`);
      }
      await lab.settle();
      expect(to.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
      for (const [clusterId, prefixes] of [
        ['8.8.8.8', ['10.0.0.0/16', '10.2.0.0/16']],
        ['7.7.7.7', ['10.0.0.0/16', '10.1.0.0/16']],
        [R, ['10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16']],
        ['9.9.9.9', ['10.1.0.0/16', '10.2.0.0/16']],
      ] as const) {
        expect((await speaker.reconfigure(reflector(clusterId))).reset).to.deep.equal([]);
        await lab.settle();
        expect(to.prefixes.sort(), clusterId).to.deep.equal(prefixes);
      }
      speaker.removeNeighbor(ADDRESSES[0]!);
      await lab.settle();
      expect(to.prefixes).to.have.length(3);
      speaker.addNeighbor({ address: ADDRESSES[0]!, peerAs: 64512, routeReflectorClient: true, clusterId: '8.8.8.8' });
      await lab.settle();
      expect(to.prefixes.sort()).to.deep.equal(['10.0.0.0/16', '10.2.0.0/16']);
      expect(to.view.needless).to.deep.equal([]);
      await lab.during(speaker.stop());
    }
  });

  describe('rules for what a neighbor tells', () => {
    const external = (more: Settings): SpeakerConfig => ({
      asn: 1000,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [{ address: '10.0.0.11', peerAs: 2000, passive: true, ...more }],
    });

    async function scene(before: Settings, routeRefresh = true) {
      const lab = new Lab();
      const speaker = await lab.speaker(external(before) as SpeakerConfig & { routerId: string });
      const localAs = before.localAs ?? 1000;
      const capabilities = { routeRefresh };
      const from = lab.probe(R, '10.0.0.11', { localAs: 2000, peerAs: localAs, capabilities });
      await lab.up(from);
      const tell = () => {
        for (const [i, asns] of [[2000], [2000, 1000], [3000]].entries()) {
          from.announceWith(from.attributes([{ code: 2, value: [{ type: 'AS_SEQUENCE', asns }] }]), `10.${i}.0.0/16`);
        }
      };
      tell();
      await lab.settle();
      return { lab, speaker, from, tell };
    }
    const usable = (speaker: Speaker) =>
      [...speaker.routes('ipv4-unicast')].map(({ prefix, asPath }) => `${prefix} ${asPath}`).sort();

    for (const [what, before, after, at, then] of [
      [
        'allowOwnAs',
        {},
        { allowOwnAs: 1 },
        ['10.0.0.0/16 2000', '10.2.0.0/16 3000'],
        ['10.0.0.0/16 2000', '10.1.0.0/16 2000 1000', '10.2.0.0/16 3000'],
      ],
      ['enforceFirstAs', {}, { enforceFirstAs: true }, ['10.0.0.0/16 2000', '10.2.0.0/16 3000'], ['10.0.0.0/16 2000']],
      [
        'localAsNoPrepend',
        { localAs: 1500 },
        { localAs: 1500, localAsNoPrepend: true },
        ['10.0.0.0/16 1500 2000', '10.2.0.0/16 1500 3000'],
        ['10.0.0.0/16 2000', '10.2.0.0/16 3000'],
      ],
    ] as const) {
      it(`${what}: on and off, with what the neighbor tells when it is asked again`, async () => {
        const { lab, speaker, from, tell } = await scene(before);
        expect(usable(speaker)).to.deep.equal(at);
        for (const [settings, expected] of [
          [after, then],
          [before, at],
        ] as const) {
          const asked = from.refreshes.length;
          const plan = speaker.planReconfigure(external(settings));
          expect(plan.neighbors.changed).to.have.length(1);
          expect(plan.neighbors.changed[0]).to.include({ effect: 'refresh' });
          expect(plan.sessionsEnding).to.deep.equal([]);
          expect((await speaker.reconfigure(external(settings))).reset).to.deep.equal([]);
          await lab.settle();
          expect(from.refreshes.slice(asked)).to.deep.equal(['1/1 request', '2/1 request']);
          tell();
          await lab.settle();
          expect(usable(speaker)).to.deep.equal(expected);
        }
        expect(from.downs).to.deep.equal([]);
      });

      it(`${what}: a neighbor that cannot tell again is reset`, async () => {
        const { lab, speaker, from } = await scene(before, false);
        const plan = speaker.planReconfigure(external(after));
        expect(plan.neighbors.changed[0]).to.include({ effect: 'reset' });
        expect(plan.sessionsEnding).to.deep.equal(['10.0.0.11']);
        expect((await speaker.reconfigure(external(after))).reset).to.deep.equal(['10.0.0.11']);
        await lab.settle();
        expect(from.downs).to.have.length(1);
      });
    }

    it('without a session nothing has to be told again', async () => {
      const { lab, speaker, from } = await scene({}, false);
      void from.peer.stop();
      await lab.settle();
      expect((await speaker.reconfigure(external({ allowOwnAs: 1 }))).reset).to.deep.equal([]);
      from.peer.start();
      await lab.up(from);
      from.announceWith(
        from.attributes([{ code: 2, value: [{ type: 'AS_SEQUENCE', asns: [2000, 1000] }] }]),
        '10.1.0.0/16',
      );
      await lab.settle();
      expect(usable(speaker)).to.deep.equal(['10.1.0.0/16 2000 1000']);
    });
  });

  it('whatever happens at the same time, in any order', async function () {
    this.timeout(60_000);
    for (let seed = 1; seed <= 12; seed++) {
      const random = seededRandom(seed);
      const pick = (count: number) => Math.floor(random() * count);
      const { lab, speaker, probes } = await start([{}, {}, {}]);
      let settings: Settings[] = [{}, {}, {}];
      for (let step = 0; step < 60; step++) {
        const probe = probes[pick(3)]!;
        const prefix = `10.${pick(12)}.0.0/16`;
        const what = pick(4);
        if (what === 0) probe.withdraw(prefix);
        else if (what === 1) probe.refresh(1);
        else if (what === 2) probe.announceWith(probe.attributes([{ code: 4, value: pick(3) }]), prefix);
        else {
          settings = settings.map((old, i) =>
            i === pick(3)
              ? {
                  ...(pick(2) === 0 ? { routeReflectorClient: true } : {}),
                  ...(pick(2) === 0 ? { nextHopSelf: true } : {}),
                  ...(pick(3) === 0 ? { minimumAdvertisementInterval: 1 } : {}),
                }
              : old,
          );
          await speaker.reconfigure(config(settings));
        }
        await lab.clock.runAsync(pick(3) * 20);
      }
      await lab.clock.runAsync(5000);
      // A refresh tells what a speaker that starts now would tell.
      const now = held(probes);
      for (const probe of probes) {
        expect(probe.downs).to.deep.equal([]);
        expect(probe.view.needless, `seed ${seed}`).to.deep.equal([]);
        probe.view.routes.clear();
        probe.refresh(1).refresh(2);
      }
      await lab.clock.runAsync(5000);
      expect(held(probes), `seed ${seed}`).to.deep.equal(now);
      const routes = [...speaker.routes('ipv4-unicast', { bestOnly: false })];
      expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(new Set(routes.map(({ prefix }) => prefix)).size);
    }
  });

  it('adminDown: Cease/Administrative Shutdown (RFC 4486), a reset: Cease/Other Configuration Change', async () => {
    const { lab, speaker, probes } = await start([{}, {}, {}]);
    await speaker.reconfigure(config([{ adminDown: true }, { holdTime: 30 }, {}]));
    await lab.settle();
    expect(probes.map(({ peer }) => peer.lastError?.subcode)).to.deep.equal([2, 6, undefined]);
    expect(speaker.neighbor(ADDRESSES[0]!)).to.include({ state: 'Idle', adminDown: true });
  });

  it('passive: a session that is up stays; one that is not is dialed no more, or at once', async () => {
    const lab = new Lab();
    const peers = (passive: boolean): SpeakerConfig => ({
      asn: 64512,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [
        { address: '10.0.0.11', peerAs: 64512, passive },
        { address: '10.0.0.99', peerAs: 64512, passive },
      ],
    });
    const speaker = await lab.speaker(peers(false) as SpeakerConfig & { routerId: string });
    const probe = lab.probe(R, '10.0.0.11');
    await lab.up(probe);
    expect(lab.dialsTo('10.0.0.99')).to.equal(1);
    expect((await speaker.reconfigure(peers(true))).reset).to.deep.equal([]);
    await lab.clock.runAsync(600_000);
    expect(lab.dialsTo('10.0.0.99')).to.equal(1);
    expect(speaker.neighbor('10.0.0.99')).to.include({ state: 'Active' });
    expect(speaker.neighbor('10.0.0.99').reason).to.match(/waiting for the neighbor to connect/);
    await speaker.reconfigure(peers(false));
    await lab.settle();
    expect(lab.dialsTo('10.0.0.99')).to.equal(2);
    await lab.clock.runAsync(600_000);
    expect(lab.dialsTo('10.0.0.99')).to.be.greaterThan(5);
    expect(speaker.neighbor('10.0.0.11')).to.include({ state: 'Established', established: 1 });
  });
});
