import { expect } from 'chai';
import { parseCommunity } from '../../lib/bgp/wire/communities.js';
import type { PeerSettings, SpeakerConfig } from '../../lib/speaker/options.js';
import type { PathView } from '../../lib/speaker/views.js';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const HUB = '10.0.0.1';
const A = '10.0.0.2';
const B = '10.0.0.3';

/** A speaker in AS 64512 between neighbors in AS 65001 and 65002. */
async function between(a: PeerSettings, b: PeerSettings, more: Partial<SpeakerConfig>) {
  const lab = new Lab();
  const config = (x: PeerSettings, y: PeerSettings, rest: Partial<SpeakerConfig>): SpeakerConfig => ({
    asn: 64512,
    routerId: HUB,
    listen: [{ address: HUB, port: 179 }],
    neighbors: [
      { address: A, peerAs: 65001, passive: true, ...x },
      { address: B, peerAs: 65002, passive: true, ...y },
    ],
    ...rest,
  });
  const speaker = await lab.speaker({ ...config(a, b, more), routerId: HUB });
  const first = lab.probe(HUB, A, { localAs: 65001, peerAs: 64512 });
  const second = lab.probe(HUB, B, { localAs: 65002, peerAs: 64512 });
  await lab.up(first, second);
  const reload = async (x: PeerSettings, y: PeerSettings, rest: Partial<SpeakerConfig>) => {
    const result = await speaker.reconfigure(config(x, y, rest));
    await lab.settle();
    return result;
  };
  return { lab, speaker, a: first, b: second, reload };
}

const told = (probe: Probe): string[] => probe.prefixes;
const communities = (probe: Probe, prefix: string): unknown => valueOf(probe.view.routes.get(prefix)!, 8);
const community = (text: string): number => parseCommunity(text);
const adjRibIn = (speaker: { routes: (f: 'ipv4-unicast', o: object) => IterableIterator<PathView> }, from: string) => [
  ...speaker.routes('ipv4-unicast', { receivedFrom: from }),
];

describe('policies of a speaker', () => {
  const prefixSets = { customers: [{ prefix: '10.10.0.0/16', le: 24 }], others: ['10.20.0.0/16'] };
  const policies: SpeakerConfig['policies'] = {
    customers: [
      {
        name: 'theirs',
        conditions: { prefixSets: ['customers'] },
        actions: { result: 'accept', localPref: 200, communities: { add: ['64512:100'] } },
      },
    ],
    everything: [{ actions: { result: 'accept' } }],
    lowered: [{ actions: { result: 'accept', communities: { add: ['64512:200', 'no-peer'] }, med: 7 } }],
  };

  it('import: keeps what it rejects, says why, and changes what it accepts', async () => {
    const { lab, speaker, a, b } = await between({ importPolicy: ['customers'] }, {}, { policies, prefixSets });
    a.announce('10.10.1.0/24', '10.10.0.0/25', '10.30.0.0/16');
    await lab.settle();
    expect(told(b)).to.deep.equal(['10.10.1.0/24']);
    expect(communities(b, '10.10.1.0/24')).to.deep.equal([community('64512:100')]);
    const best = [...speaker.routes('ipv4-unicast')];
    expect(best.map(({ prefix, localPref, communities }) => [prefix, localPref, communities])).to.deep.equal([
      ['10.10.1.0/24', 200, ['64512:100']],
    ]);
    expect(
      adjRibIn(speaker, A).map(({ prefix, filtered, communities, localPref }) => ({
        prefix,
        filtered,
        communities,
        localPref,
      })),
    ).to.deep.equal([
      { prefix: '10.10.1.0/24', filtered: undefined, communities: [], localPref: null },
      { prefix: '10.10.0.0/25', filtered: 'no statement of customers', communities: [], localPref: null },
      { prefix: '10.30.0.0/16', filtered: 'no statement of customers', communities: [], localPref: null },
    ]);
    const lost = speaker.explain('10.30.0.0/16').decisions[0]!;
    expect(lost.lostAt).to.equal('import policy');
    expect(lost.detail).to.equal('rejected by no statement of customers');
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.deep.equal({ received: 3, advertised: 0, filtered: 2 });
    expect(speaker.neighbor(A).importPolicy).to.equal('customers, else reject');
    a.withdraw('10.10.1.0/24', '10.30.0.0/16');
    await lab.settle();
    expect(told(b)).to.deep.equal([]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.include({ received: 1, filtered: 1 });
  });

  it('a changed import policy is applied to what is there: nothing is asked for, no session moves', async () => {
    const { lab, a, b, reload, speaker } = await between({ importPolicy: ['customers'] }, {}, { policies, prefixSets });
    a.announce('10.10.1.0/24', '10.20.0.0/16', '10.30.0.0/16');
    await lab.settle();
    b.view.log.length = 0;
    const result = await reload({ importPolicy: ['everything'] }, {}, { policies, prefixSets });
    expect(result).to.deep.include({ changed: [A], reset: [] });
    expect(told(b)).to.deep.equal(['10.10.1.0/24', '10.20.0.0/16', '10.30.0.0/16']);
    expect(communities(b, '10.10.1.0/24')).to.equal(undefined);
    // The set changes, not the name of the policy.
    b.view.log.length = 0;
    const narrower = {
      ...policies,
      everything: [{ conditions: { prefixSets: ['others'] }, actions: { result: 'accept' as const } }],
    };
    expect(await reload({ importPolicy: ['everything'] }, {}, { policies: narrower, prefixSets })).to.deep.include({
      changed: [A],
      reset: [],
    });
    expect(told(b)).to.deep.equal(['10.20.0.0/16']);
    // Exactly the two withdrawals: what stays is not told again.
    expect(b.view.log.sort()).to.deep.equal(['-10.10.1.0/24', '-10.30.0.0/16']);
    expect(speaker.neighbor(A).established).to.equal(1);
    // And what runs already is no change.
    expect(await reload({ importPolicy: ['everything'] }, {}, { policies: narrower, prefixSets })).to.deep.include({
      changed: [],
      reset: [],
    });
    await reload({}, {}, { policies, prefixSets });
    expect(told(b)).to.deep.equal(['10.10.1.0/24', '10.20.0.0/16', '10.30.0.0/16']);
  });

  it('export: a changed policy withdraws what is no longer allowed, and tells again only what looks otherwise', async () => {
    const { lab, a, b, reload, speaker } = await between(
      {},
      { exportPolicy: ['everything'] },
      { policies, prefixSets },
    );
    a.announce('10.10.1.0/24', '10.20.0.0/16', '10.30.0.0/16');
    await lab.settle();
    expect(told(b)).to.have.length(3);
    b.view.log.length = 0;
    const partly: SpeakerConfig['policies'] = {
      everything: [
        { name: 'no others', conditions: { prefixSets: ['others'] }, actions: { result: 'reject' } },
        { conditions: { prefixSets: ['customers'] }, actions: { communities: { add: ['64512:300'] }, med: 7 } },
        { actions: { result: 'accept' } },
      ],
    };
    expect(await reload({}, { exportPolicy: ['everything'] }, { policies: partly, prefixSets })).to.deep.include({
      changed: [B],
      reset: [],
    });
    expect(told(b)).to.deep.equal(['10.10.1.0/24', '10.30.0.0/16']);
    expect(communities(b, '10.10.1.0/24')).to.deep.equal([community('64512:300')]);
    expect(valueOf(b.view.routes.get('10.10.1.0/24')!, 4)).to.equal(7);
    // 10.30.0.0/16 is not told again.
    expect(b.view.log.sort()).to.deep.equal(['+10.10.1.0/24', '-10.20.0.0/16']);
    expect(speaker.explain('10.20.0.0/16').exportRejected).to.deep.equal([
      { neighbor: B, by: "policy 'everything', statement 'no others'" },
    ]);
    expect(
      [...speaker.routes('ipv4-unicast', { advertisedTo: B })].map(({ prefix, best, communities }) => [
        prefix,
        best,
        communities,
      ]),
    ).to.deep.equal([
      ['10.10.1.0/24', true, ['64512:300']],
      ['10.30.0.0/16', true, []],
    ]);
    a.withdraw('10.10.1.0/24');
    await lab.settle();
    expect(told(b)).to.deep.equal(['10.30.0.0/16']);
  });

  it('export: next hop, MULTI_EXIT_DISC and NO_EXPORT as the policy says', async () => {
    const forms: SpeakerConfig['policies'] = {
      unchanged: [{ actions: { result: 'accept', nextHop: 'unchanged', med: { add: 3 } } }],
      fixed: [{ actions: { result: 'accept', nextHop: '10.0.0.77', communities: { add: ['no-export'] } } }],
      own: [{ actions: { result: 'accept', nextHop: 'self', med: 'remove' } }],
    };
    const { lab, a, b, reload } = await between({}, { exportPolicy: ['unchanged'] }, { policies: forms });
    a.announceWith(a.attributes([{ code: 4, value: 4 }]), '10.30.0.0/16');
    await lab.settle();
    const held = () => b.view.routes.get('10.30.0.0/16')!;
    expect([held().nextHop, valueOf(held(), 4)]).to.deep.equal([A, 7]);
    await reload({}, { exportPolicy: ['fixed'] }, { policies: forms });
    // RFC 4271 section 5.1.4: that of another AS is not passed on, unless a policy sets it.
    expect([held().nextHop, valueOf(held(), 4)]).to.deep.equal(['10.0.0.77', undefined]);
    expect(communities(b, '10.30.0.0/16')).to.deep.equal([community('no-export')]);
    await reload({}, { exportPolicy: ['own'] }, { policies: forms });
    expect([held().nextHop, valueOf(held(), 4)]).to.deep.equal([HUB, undefined]);
  });

  it('export: what must not be told is not told, whatever a policy says', async () => {
    const remove: SpeakerConfig['policies'] = {
      remove: [{ actions: { result: 'accept', communities: { replace: [] } } }],
    };
    const { lab, a, b } = await between({}, { exportPolicy: ['remove'] }, { policies: remove });
    a.announceWith(a.attributes([{ code: 8, value: [community('no-export')] }]), '10.30.0.0/16');
    await lab.settle();
    expect(told(b)).to.deep.equal([]);
  });

  it('what policies made is freed when nobody uses it any more', async () => {
    const { lab, speaker, a, b, reload } = await between(
      { importPolicy: ['lowered'] },
      { exportPolicy: ['marked'] },
      { policies: { ...policies, marked: [{ actions: { result: 'accept', origin: 'egp' } }] }, prefixSets },
    );
    const sets = (): number => speaker.summary().attributeSets;
    a.announce('10.30.0.0/16');
    await lab.settle();
    // Received, imported, exported.
    expect(sets()).to.equal(3);
    void b.peer.stop(2);
    await lab.settle();
    a.announce('10.30.0.0/16');
    await lab.settle();
    expect(sets()).to.equal(2);
    await reload({}, {}, {});
    a.announce('10.30.0.0/16');
    await lab.settle();
    expect(sets()).to.equal(1);
  });

  it('a peer group is seen by conditions, also when it changes', async () => {
    const grouped: SpeakerConfig['policies'] = {
      gold: [{ conditions: { fromPeerGroups: ['gold'] }, actions: { result: 'accept' } }],
    };
    const peerGroups = { gold: {}, silver: {} };
    const rest = { policies: grouped, peerGroups };
    const { lab, a, b, speaker, reload } = await between({}, { exportPolicy: ['gold'] }, rest);
    a.announce('10.30.0.0/16');
    await lab.settle();
    expect(told(b)).to.deep.equal([]);
    const inGroup = (peerGroup: string): PeerSettings => ({ peerGroup }) as PeerSettings;
    expect(await reload(inGroup('gold'), { exportPolicy: ['gold'] }, rest)).to.deep.include({
      changed: [A],
      reset: [],
    });
    expect(told(b)).to.deep.equal(['10.30.0.0/16']);
    await reload({ ...inGroup('silver'), importPolicy: ['gold'] }, { defaultExportPolicy: 'accept' }, rest);
    expect(told(b)).to.deep.equal([]);
    await reload({ ...inGroup('gold'), importPolicy: ['gold'] }, { defaultExportPolicy: 'accept' }, rest);
    expect(told(b)).to.deep.equal(['10.30.0.0/16']);
    expect(speaker.neighbor(A).established).to.equal(1);
  });

  describe('RFC 8212', () => {
    it('is off unless it is asked for', async () => {
      const { lab, a, b } = await between({}, {}, {});
      a.announce('10.30.0.0/16');
      await lab.settle();
      expect(told(b)).to.deep.equal(['10.30.0.0/16']);
    });

    it('nothing comes in without an import policy, nothing goes out without an export policy', async () => {
      const on = { ebgpRequiresPolicy: true, policies, prefixSets };
      const { lab, a, b, speaker, reload } = await between({}, {}, on);
      a.announce('10.30.0.0/16');
      await lab.settle();
      expect(told(b)).to.deep.equal([]);
      expect(speaker.explain('10.30.0.0/16').decisions[0]!.detail).to.match(/rejected by no policy .* RFC 8212/);
      expect(speaker.neighbor(A).importPolicy).to.match(/RFC 8212/);
      // In alone is not enough.
      await reload({ importPolicy: ['everything'] }, {}, on);
      expect([...speaker.routes('ipv4-unicast')].map(({ prefix }) => prefix)).to.deep.equal(['10.30.0.0/16']);
      expect(told(b)).to.deep.equal([]);
      expect(speaker.explain('10.30.0.0/16').exportRejected![0]!.by).to.match(/RFC 8212/);
      await reload({ importPolicy: ['everything'] }, { defaultExportPolicy: 'accept' }, on);
      expect(told(b)).to.deep.equal(['10.30.0.0/16']);
      await reload({ importPolicy: ['everything'] }, {}, on);
      expect(told(b)).to.deep.equal([]);
    });

    it('says nothing about iBGP', async () => {
      const lab = new Lab();
      await lab.speaker({
        routerId: HUB,
        ebgpRequiresPolicy: true,
        neighbors: [
          { address: A, peerAs: 64512, routeReflectorClient: true },
          { address: B, peerAs: 64512 },
        ],
      });
      const [a, b] = [lab.probe(HUB, A), lab.probe(HUB, B)];
      await lab.up(a, b);
      a.announce('10.30.0.0/16');
      await lab.settle();
      expect(told(b)).to.deep.equal(['10.30.0.0/16']);
    });
  });
});
