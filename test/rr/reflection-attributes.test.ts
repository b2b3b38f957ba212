import { expect } from 'chai';
import { encodeUpdate, type EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { parsePrefix } from '../../lib/net/index.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';

/** Numbers of the attributes of a route, in wire order. */
const codes = (probe: Probe, prefix = V4): number[] =>
  probe.view.routes.get(prefix)!.attributes.map(({ code }) => code);
const attribute = (probe: Probe, code: number, prefix = V4): unknown => valueOf(probe.view.routes.get(prefix)!, code);

/** A lab with one speaker at 10.0.0.1 and probes with these settings at the speaker's end. */
async function labWith(
  neighbors: readonly (readonly [
    address: string,
    options: { routeReflectorClient?: boolean; clusterId?: string; peerAs?: number; nextHopSelf?: boolean | 'force' },
  ])[],
  config: { clusterId?: string } = {},
): Promise<{ lab: Lab; speaker: Speaker; probes: Probe[] }> {
  const lab = new Lab();
  const speaker = await lab.speaker({
    routerId: R,
    ...config,
    neighbors: neighbors.map(([address, options]) => ({ address, passive: true, peerAs: 64512, ...options })),
  });
  const probes = neighbors.map(([address, { peerAs }]) => lab.probe(R, address, { localAs: peerAs ?? 64512 }));
  await lab.up(...probes);
  return { lab, speaker, probes };
}
const CLIENT = { routeReflectorClient: true };

describe('ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 section 8)', () => {
  it('are made: the originator is the router ID of the source', async () => {
    const { lab, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', CLIENT],
      ['10.0.0.21', {}],
    ]);
    const [c1, c2, n] = probes as [Probe, Probe, Probe];
    c1.announce(V4).announce(V6);
    n.announce('10.2.0.0/16');
    await lab.settle();
    for (const prefix of [V4, V6]) {
      for (const to of [c2, n]) {
        expect(attribute(to, 9, prefix)).to.equal('10.0.0.11');
        expect(attribute(to, 10, prefix)).to.deep.equal([R]);
      }
    }
    expect(codes(c2)).to.deep.equal([1, 2, 3, 5, 9, 10]);
    // From a non-client to a client.
    expect(attribute(c1, 9, '10.2.0.0/16')).to.equal('10.0.0.21');
    expect(attribute(c1, 10, '10.2.0.0/16')).to.deep.equal([R]);
  });

  it('are kept: the first originator stays, our cluster ID goes in front', async () => {
    const { lab, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', CLIENT],
    ]);
    const [c1, c2] = probes as [Probe, Probe];
    const more: EncodableAttribute[] = [
      { code: 9, value: '9.9.9.9' },
      { code: 10, value: ['1.1.1.1', '2.2.2.2'] },
    ];
    c1.announceWith(c1.attributes(more), V4).announceWith(c1.attributes(more), V6);
    await lab.settle();
    for (const prefix of [V4, V6]) {
      expect(attribute(c2, 9, prefix)).to.equal('9.9.9.9');
      expect(attribute(c2, 10, prefix)).to.deep.equal([R, '1.1.1.1', '2.2.2.2']);
    }
  });

  it('a CLUSTER_LIST that grows over 255 octets gets the long header', async () => {
    const { lab, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', CLIENT],
    ]);
    const [c1, c2] = probes as [Probe, Probe];
    for (const length of [62, 63, 64]) {
      const list = Array.from({ length }, (_, i) => `7.7.7.${i}`);
      c1.announceWith(c1.attributes([{ code: 10, value: list }]), V4);
      await lab.settle();
      expect(attribute(c2, 10)).to.deep.equal([R, ...list]);
    }
  });

  it('are not made for local and eBGP routes, nor towards eBGP', async () => {
    const { lab, speaker, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.21', {}],
      ['10.0.0.31', { peerAs: 65031 }],
    ]);
    const [c, n, e] = probes as [Probe, Probe, Probe];
    speaker.announce('10.2.0.0/16', { nextHop: R });
    e.announce(V4);
    await lab.settle();
    for (const probe of [c, n]) {
      expect(codes(probe, V4)).to.deep.equal([1, 2, 3, 5]);
      expect(codes(probe, '10.2.0.0/16')).to.deep.equal([1, 2, 3, 5]);
    }
    const more: EncodableAttribute[] = [
      { code: 9, value: '9.9.9.9' },
      { code: 10, value: ['1.1.1.1'] },
    ];
    c.announceWith(c.attributes(more), '10.3.0.0/16');
    await lab.settle();
    expect(codes(e, '10.3.0.0/16')).to.deep.equal([1, 2, 3]);
  });

  it('the cluster ID is configurable, also for each neighbor', async () => {
    const { lab, speaker, probes } = await labWith(
      [
        ['10.0.0.11', { ...CLIENT, clusterId: '5.0.0.1' }],
        ['10.0.0.12', { ...CLIENT, clusterId: '5.0.0.1' }],
        ['10.0.0.13', { ...CLIENT, clusterId: '5.0.0.2' }],
        ['10.0.0.14', CLIENT],
        ['10.0.0.21', {}],
      ],
      { clusterId: '5.0.0.9' },
    );
    const [a1, a2, b, c, n] = probes as [Probe, Probe, Probe, Probe, Probe];
    a1.announce(V4);
    n.announce('10.2.0.0/16');
    await lab.settle();
    expect(attribute(a2, 10), 'within a cluster').to.deep.equal(['5.0.0.1']);
    expect(attribute(n, 10), 'out of the cluster').to.deep.equal(['5.0.0.1']);
    expect(attribute(b, 10), 'from cluster to cluster').to.deep.equal(['5.0.0.2', '5.0.0.1']);
    expect(attribute(c, 10), "to the speaker's own cluster").to.deep.equal(['5.0.0.9', '5.0.0.1']);
    expect(attribute(a1, 10, '10.2.0.0/16'), 'into a cluster').to.deep.equal(['5.0.0.1']);
    expect(attribute(b, 10, '10.2.0.0/16')).to.deep.equal(['5.0.0.2']);
    // All of them are our own.
    for (const [i, own] of ['5.0.0.1', '5.0.0.2', '5.0.0.9'].entries()) {
      n.announceWith(n.attributes([{ code: 10, value: ['6.6.6.6', own] }]), `10.5.${i}.0/24`);
      await lab.settle();
      expect(speaker.explain(`10.5.${i}.0/24`).best).to.equal(null);
      expect(a1.view.routes.has(`10.5.${i}.0/24`)).to.equal(false);
    }
  });

  it('a route with our router ID as ORIGINATOR_ID is not used and not passed on', async () => {
    const { lab, speaker, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', CLIENT],
    ]);
    const [c1, c2] = probes as [Probe, Probe];
    c1.announceWith(c1.attributes([{ code: 9, value: R }]), V4);
    await lab.settle();
    expect(c2.prefixes).to.deep.equal([]);
    expect(speaker.explain(V4).decisions[0]).to.include({ lostAt: 'no loop', detail: 'own ORIGINATOR_ID' });
  });
});

describe('what reflection leaves alone (RFC 4456 section 10)', () => {
  it('NEXT_HOP, LOCAL_PREF, MED, AS_PATH, communities, aggregator and unknown transitive attributes', async () => {
    const { lab, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', CLIENT],
      ['10.0.0.21', {}],
    ]);
    const [c1, c2, n] = probes as [Probe, Probe, Probe];
    const more: EncodableAttribute[] = [
      { code: 1, value: 'EGP' },
      {
        code: 2,
        value: [
          { type: 'AS_SEQUENCE', asns: [65001, 4200000000] },
          { type: 'AS_SET', asns: [65002, 65003] },
        ],
      },
      { code: 4, value: 77 },
      { code: 5, value: 333 },
      { code: 6, value: true },
      { code: 7, value: { as: 4200000000, ip: '9.8.7.6' } },
      { code: 8, value: [65000 * 65536 + 1, 0xffff029a] },
      { code: 16, value: [Uint8Array.of(0, 2, 0xfd, 0xe8, 0, 0, 0, 1)] },
      { code: 32, value: [[4200000000, 1, 2]] },
      { code: 99, flags: 0xe0, raw: Uint8Array.of(1, 2, 3) },
    ];
    c1.announceWith(c1.attributes(more), V4).announceWith(c1.attributes(more), V6);
    await lab.settle();
    for (const to of [c2, n]) {
      for (const [prefix, nextHop] of [
        [V4, '10.0.0.11'],
        [V6, '2001:db8::11'],
      ] as const) {
        expect(to.view.routes.get(prefix)!.nextHop).to.equal(nextHop);
        for (const { code, ...rest } of more) {
          const value = 'value' in rest ? rest.value : rest.raw;
          expect(attribute(to, code, prefix), `attribute ${code}`).to.deep.equal(value);
        }
      }
      const unknown = to.view.routes.get(V4)!.attributes.find(({ code }) => code === 99)!;
      expect(unknown.flags).to.equal(0xe0);
    }
  });

  it('nextHopSelf does not touch reflected routes, only eBGP and local ones', async () => {
    const { lab, speaker, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', { ...CLIENT, nextHopSelf: true }],
      ['10.0.0.31', { peerAs: 65031 }],
    ]);
    const [c1, c2, e] = probes as [Probe, Probe, Probe];
    c1.announce('10.2.0.0/16');
    e.announce(V4);
    speaker.announce('10.3.0.0/16');
    await lab.settle();
    const nextHops = (probe: Probe) => ['10.2.0.0/16', V4, '10.3.0.0/16'].map((p) => probe.view.routes.get(p)?.nextHop);
    expect(nextHops(c2)).to.deep.equal(['10.0.0.11', R, R]);
    expect(nextHops(c1)).to.deep.equal([undefined, '10.0.0.31', R]);
  });

  it('nextHopSelf: force makes us the next hop of reflected routes too, and changes nothing else in them', async () => {
    const { lab, speaker, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', { ...CLIENT, nextHopSelf: 'force' }],
      ['10.0.0.13', CLIENT],
      ['10.0.0.31', { peerAs: 65031, nextHopSelf: 'force' }],
    ]);
    const [c1, c2, c3, e] = probes as [Probe, Probe, Probe, Probe];
    c1.announce('10.2.0.0/16');
    e.announce(V4);
    speaker.announce('10.3.0.0/16');
    await lab.settle();
    const nextHops = (probe: Probe) => ['10.2.0.0/16', V4, '10.3.0.0/16'].map((p) => probe.view.routes.get(p)?.nextHop);
    expect(nextHops(c2)).to.deep.equal([R, R, R]);
    expect(nextHops(e)).to.deep.equal([R, undefined, R]);
    const others = (probe: Probe) => probe.view.routes.get('10.2.0.0/16')!.attributes.filter(({ code }) => code !== 3);
    expect(others(c2)).to.deep.equal(others(c3));
    expect(others(c2).map(({ code }) => code)).to.include.members([9, 10]);
  });

  it('a link-local next hop stays on its link: only the global one is passed on (RFC 2545 section 3)', async () => {
    const { lab, probes } = await labWith([
      ['10.0.0.11', CLIENT],
      ['10.0.0.12', CLIENT],
    ]);
    const [c1, c2] = probes as [Probe, Probe];
    const mp = { afi: 2, safi: 1, nextHop: '2001:db8::11', linkLocal: 'fe80::11', nlri: [{ prefix: parsePrefix(V6) }] };
    c1.send(encodeUpdate({ attributes: [{ code: 14, value: mp }, ...c1.attributes()] }));
    await lab.settle();
    expect(c2.view.routes.get(V6)).to.include({ nextHop: '2001:db8::11', linkLocal: undefined });
  });
});

describe('several reflectors (RFC 4456 sections 5 and 7)', () => {
  /** A speaker that connects to nobody: its neighbors come. */
  const reflector = (
    lab: Lab,
    routerId: string,
    clusterId: string,
    neighbors: readonly (readonly [string, boolean])[],
    passive = true,
  ): Promise<Speaker> =>
    lab.speaker({
      routerId,
      clusterId,
      neighbors: neighbors.map(([address, routeReflectorClient]) => ({
        address,
        peerAs: 64512,
        routeReflectorClient,
        passive: passive || address < routerId,
      })),
    });
  const isUp = (speaker: Speaker, address: string): boolean => speaker.neighbor(address).state === 'Established';

  it('two clusters: both IDs, the last one first', async () => {
    const lab = new Lab();
    const r1 = await reflector(
      lab,
      '10.0.0.1',
      '1.1.1.1',
      [
        ['10.0.0.11', true],
        ['10.0.0.2', false],
      ],
      false,
    );
    await reflector(
      lab,
      '10.0.0.2',
      '2.2.2.2',
      [
        ['10.0.0.12', true],
        ['10.0.0.1', false],
      ],
      false,
    );
    const c1 = lab.probe('10.0.0.1', '10.0.0.11');
    const c2 = lab.probe('10.0.0.2', '10.0.0.12');
    await lab.up(c1, c2);
    await lab.clock.runUntilAsync(() => isUp(r1, '10.0.0.2'), 60_000);
    c1.announce(V4).announce(V6);
    await lab.settle();
    for (const prefix of [V4, V6]) {
      expect(attribute(c2, 9, prefix)).to.equal('10.0.0.11');
      expect(attribute(c2, 10, prefix)).to.deep.equal(['2.2.2.2', '1.1.1.1']);
    }
    expect(c1.view.log).to.deep.equal([]);
    c1.withdraw(V4);
    await lab.settle();
    expect(c2.prefixes).to.deep.equal([V6]);
  });

  it('two reflectors in one cluster: what came through the other is not used', async () => {
    const lab = new Lab();
    const cluster = '3.3.3.3';
    const r1 = await reflector(
      lab,
      '10.0.0.1',
      cluster,
      [
        ['10.0.0.11', true],
        ['10.0.0.2', false],
      ],
      false,
    );
    const r2 = await reflector(
      lab,
      '10.0.0.2',
      cluster,
      [
        ['10.0.0.12', true],
        ['10.0.0.1', false],
      ],
      false,
    );
    // Each client has a session with both.
    const [c1, c2] = [lab.probe('10.0.0.1', '10.0.0.11'), lab.probe('10.0.0.2', '10.0.0.12')];
    await lab.up(c1, c2);
    await lab.clock.runUntilAsync(() => isUp(r1, '10.0.0.2'), 60_000);
    c1.announce(V4);
    await lab.settle();
    expect(r2.explain(V4).best).to.equal(null);
    expect(r2.explain(V4).decisions[0]).to.include({
      lostAt: 'no loop',
      detail: 'own cluster ID in CLUSTER_LIST',
    });
    // A client with a session to one of them only is not reached: that is why clients have two.
    expect(c2.prefixes).to.deep.equal([]);
    expect(r1.explain(V4).best?.neighbor).to.equal('10.0.0.11');
  });

  it('a hierarchy: one cluster ID for each reflector on the way', async () => {
    const lab = new Lab();
    const top = await reflector(
      lab,
      '10.0.0.1',
      '1.0.0.1',
      [
        ['10.0.0.2', true],
        ['10.0.0.3', true],
      ],
      false,
    );
    await reflector(
      lab,
      '10.0.0.2',
      '1.0.0.2',
      [
        ['10.0.0.11', true],
        ['10.0.0.1', false],
      ],
      false,
    );
    await reflector(
      lab,
      '10.0.0.3',
      '1.0.0.3',
      [
        ['10.0.0.12', true],
        ['10.0.0.1', false],
      ],
      false,
    );
    const [l1, l2] = [lab.probe('10.0.0.2', '10.0.0.11'), lab.probe('10.0.0.3', '10.0.0.12')];
    await lab.up(l1, l2);
    await lab.clock.runUntilAsync(() => isUp(top, '10.0.0.2') && isUp(top, '10.0.0.3'), 60_000);
    l1.announce(V4);
    await lab.settle();
    expect(attribute(l2, 9)).to.equal('10.0.0.11');
    expect(attribute(l2, 10)).to.deep.equal(['1.0.0.3', '1.0.0.1', '1.0.0.2']);
    expect(l1.view.log).to.deep.equal([]);
    l1.peer.reset();
    await lab.clock.runUntilAsync(() => l2.prefixes.length === 0, 60_000);
  });
});
