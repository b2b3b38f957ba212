import { expect } from 'chai';
import type { AsPathSegment, EncodableAttribute } from '../../lib/bgp/wire/index.js';
import type { PeerOptions } from '../../lib/bgp/session/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement, octets, valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const AS = 64512;
const NO_EXPORT = 0xffffff01;
const NO_EXPORT_SUBCONFED = 0xffffff03;

const sequence = (...asns: number[]): AsPathSegment => ({ type: 'AS_SEQUENCE', asns });
const confed = (...asns: number[]): AsPathSegment => ({ type: 'AS_CONFED_SEQUENCE', asns });

interface Side {
  readonly peerAs: number;
  readonly here?: Partial<NeighborOptions>;
  readonly there?: Partial<PeerOptions>;
}

/** A speaker and a probe for each neighbor, at 10.0.0.11, 12 …; `expects` is the AS that a probe is told to find. */
async function star(
  sides: readonly Side[],
  config: Partial<SpeakerConfig> = {},
  shared = false,
): Promise<{ lab: Lab; speaker: Speaker; probes: Probe[] }> {
  const lab = new Lab();
  const addressOf = (i: number) => `10.0.0.${11 + i}`;
  const neighbors = sides.map(({ peerAs, here }, i) => ({ address: addressOf(i), peerAs, passive: true, ...here }));
  const networks = shared ? { networks: oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']) } : {};
  const speaker = await lab.speaker({ routerId: R, neighbors, ...config }, networks);
  const probes = sides.map(({ peerAs, there }, i) => lab.probe(R, addressOf(i), { localAs: peerAs, ...there }));
  await lab.up(...probes);
  return { lab, speaker, probes };
}

const of = (probe: Probe, prefix: string, code: number): unknown => {
  const route = probe.view.routes.get(prefix);
  expect(route, `${probe.address} has no ${prefix}`).not.to.equal(undefined);
  return valueOf(route!, code);
};

describe('localAs', () => {
  const OLD = 65010;
  const cases: readonly (readonly [string, Partial<NeighborOptions>, string, number[]])[] = [
    ['alone', {}, `${OLD} 65001`, [OLD, AS, 65002]],
    ['localAsNoPrepend', { localAsNoPrepend: true }, '65001', [OLD, AS, 65002]],
    ['localAsReplaceAs', { localAsReplaceAs: true }, `${OLD} 65001`, [OLD, 65002]],
    ['both', { localAsNoPrepend: true, localAsReplaceAs: true }, '65001', [OLD, 65002]],
  ];
  for (const [what, options, learnt, told] of cases) {
    it(what, async () => {
      const { lab, speaker, probes } = await star([
        { peerAs: 65001, here: { localAs: OLD, ...options }, there: { peerAs: OLD } },
        { peerAs: 65002 },
      ]);
      const [a, b] = probes as [Probe, Probe];
      expect(a.negotiated).to.include({ peerAs: OLD, peerType: 'ebgp' });
      expect(speaker.neighbor(a.address)).to.include({ localAs: OLD, type: 'ebgp' });
      a.announce('10.1.0.0/16');
      b.announce('10.2.0.0/16');
      await lab.settle();
      expect(speaker.explain('10.1.0.0/16').best?.asPath).to.equal(learnt);
      expect(of(a, '10.2.0.0/16', 2)).to.deep.equal([sequence(...told)]);
      const onwards = learnt.split(' ').map(Number);
      expect(of(b, '10.1.0.0/16', 2)).to.deep.equal([sequence(AS, ...onwards)]);
    });
  }

  it('of four octets, towards a two-octet neighbor (RFC 6793 4.2.2)', async () => {
    const old = 4_200_000_001;
    const { lab, speaker, probes } = await star([
      {
        peerAs: 65001,
        here: { localAs: old },
        there: { peerAs: old, capabilities: { fourOctetAs: false } },
      },
    ]);
    speaker.announce('10.2.0.0/16');
    await lab.settle();
    expect(of(probes[0]!, '10.2.0.0/16', 2)).to.deep.equal([sequence(23456, AS)]);
    expect(of(probes[0]!, '10.2.0.0/16', 17)).to.deep.equal([sequence(old, AS)]);
  });

  it('equal to peerAs: iBGP under the old AS, paths are not touched (RFC 7705 4)', async () => {
    const { lab, speaker, probes } = await star([
      { peerAs: OLD, here: { localAs: OLD, routeReflectorClient: true }, there: { peerAs: OLD } },
      { peerAs: AS },
    ]);
    const [a, b] = probes as [Probe, Probe];
    expect(speaker.neighbor(a.address)).to.include({ localAs: OLD, type: 'ibgp' });
    a.announce('10.1.0.0/16');
    b.announce('10.2.0.0/16');
    await lab.settle();
    expect(of(a, '10.2.0.0/16', 2)).to.deep.equal([]);
    expect(of(b, '10.1.0.0/16', 2)).to.deep.equal([]);
    expect(of(b, '10.1.0.0/16', 5)).to.equal(100);
  });
});

describe('a confederation (RFC 5065)', () => {
  const IDENTIFIER = 64500;
  const confederation = { identifier: IDENTIFIER, memberAs: [65102, 65103] };
  const inside = { peerAs: AS, confederationMembers: [AS, 65103] };
  const member = (peerAs: number): Side => ({ peerAs, there: inside });

  async function world(): Promise<
    { lab: Lab; speaker: Speaker; [name: string]: unknown } & Record<'m2' | 'm3' | 'i' | 'e', Probe>
  > {
    const { lab, speaker, probes } = await star(
      [member(65102), member(65103), { peerAs: AS }, { peerAs: 65001, there: { peerAs: IDENTIFIER } }],
      { confederation },
    );
    const [m2, m3, i, e] = probes as [Probe, Probe, Probe, Probe];
    return { lab, speaker, m2, m3, i, e };
  }

  const route = (path: AsPathSegment[], ...more: EncodableAttribute[]): EncodableAttribute[] => [
    { code: 1, value: 'IGP' },
    { code: 2, value: path },
    ...more,
  ];

  it('says the Member-AS inside and the identifier outside, in OPEN', async () => {
    const { speaker } = await world();
    const views = speaker.neighbors().map(({ type, localAs, state }) => `${type} ${localAs} ${state}`);
    expect(views).to.deep.equal([
      `confed ${AS} Established`,
      `confed ${AS} Established`,
      `ibgp ${AS} Established`,
      `ebgp ${IDENTIFIER} Established`,
    ]);
  });

  it('paths from a member: to a member, to iBGP, outside', async () => {
    const { lab, m2, m3, i, e } = await world();
    const attributes = route([confed(65102), sequence(65009)], { code: 4, value: 7 }, { code: 5, value: 300 });
    m2.announceWith(attributes, '10.1.0.0/16', '10.2.0.0/16');
    m2.announceWith(attributes, '2001:db8:1::/48');
    await lab.settle();
    for (const prefix of ['10.1.0.0/16', '2001:db8:1::/48']) {
      expect(of(m3, prefix, 2)).to.deep.equal([confed(AS, 65102), sequence(65009)]);
      expect(of(i, prefix, 2)).to.deep.equal([confed(65102), sequence(65009)]);
      expect(of(e, prefix, 2)).to.deep.equal([sequence(IDENTIFIER, 65009)]);
      for (const probe of [m3, i]) {
        expect([of(probe, prefix, 4), of(probe, prefix, 5)]).to.deep.equal([7, 300]);
        expect(probe.view.routes.get(prefix)?.nextHop).to.equal(prefix.includes(':') ? '2001:db8::11' : '10.0.0.11');
        expect([of(probe, prefix, 9), of(probe, prefix, 10)], 'not reflected').to.deep.equal([undefined, undefined]);
      }
      expect([of(e, prefix, 4), of(e, prefix, 5)]).to.deep.equal([undefined, undefined]);
    }
    expect(e.view.routes.get('10.1.0.0/16')?.nextHop).to.equal(R);
  });

  it('paths from inside and outside begin an AS_CONFED_SEQUENCE towards a member', async () => {
    const { lab, speaker, m2, i, e } = await world();
    i.announceWith(
      route([], { code: 5, value: 200 }, { code: 9, value: '10.0.0.77' }, { code: 10, value: ['10.0.0.78'] }),
      '10.1.0.0/16',
    );
    e.announce('10.2.0.0/16');
    speaker.announce('10.3.0.0/16', { med: 5, localPref: 150 });
    await lab.settle();
    expect(of(m2, '10.1.0.0/16', 2)).to.deep.equal([confed(AS)]);
    expect(of(m2, '10.2.0.0/16', 2)).to.deep.equal([confed(AS), sequence(65001)]);
    expect(of(m2, '10.3.0.0/16', 2)).to.deep.equal([confed(AS)]);
    expect(of(m2, '10.1.0.0/16', 5)).to.equal(200);
    expect(of(m2, '10.2.0.0/16', 5)).to.equal(100);
    expect([of(m2, '10.3.0.0/16', 4), of(m2, '10.3.0.0/16', 5)]).to.deep.equal([5, 150]);
    // RFC 4456 section 8: both are of one AS.
    expect([of(m2, '10.1.0.0/16', 9), of(m2, '10.1.0.0/16', 10)]).to.deep.equal([undefined, undefined]);
    expect(m2.view.routes.get('10.2.0.0/16')?.nextHop).to.equal('10.0.0.14');
  });

  it('NO_EXPORT goes to members, NO_EXPORT_SUBCONFED does not (RFC 1997)', async () => {
    const { lab, m2, m3, i, e } = await world();
    const path = [confed(65102)];
    m2.announceWith(route(path, { code: 8, value: [NO_EXPORT] }), '10.1.0.0/16');
    m2.announceWith(route(path, { code: 8, value: [NO_EXPORT_SUBCONFED] }), '10.2.0.0/16');
    await lab.settle();
    expect(m3.prefixes).to.deep.equal(['10.1.0.0/16']);
    expect(i.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    expect(e.prefixes).to.deep.equal([]);
  });

  it('a route from outside wins against one from a member: that is internal (5.3)', async () => {
    const { lab, speaker, m2, e } = await world();
    m2.announceWith(route([confed(65102), sequence(65009)]), '10.1.0.0/16');
    e.announceWith(route([sequence(65001)]), '10.1.0.0/16');
    await lab.settle();
    const { best, decisions } = speaker.explain('10.1.0.0/16');
    expect(best?.neighbor).to.equal(e.address);
    expect(decisions[1]).to.include({ lostAt: 'eBGP over iBGP', detail: 'confed (best: ebgp)' });
  });

  it('MEDs are compared by the first AS outside of the confederation (5.2)', async () => {
    const { lab, speaker, m2, m3 } = await world();
    m2.announceWith(route([confed(65102), sequence(65009)], { code: 4, value: 9 }), '10.1.0.0/16', '10.2.0.0/16');
    m3.announceWith(route([confed(65103, 65102), sequence(65009)], { code: 4, value: 3 }), '10.1.0.0/16');
    m3.announceWith(route([confed(65103, 65102), sequence(65008)], { code: 4, value: 3 }), '10.2.0.0/16');
    await lab.settle();
    expect(speaker.explain('10.1.0.0/16').decisions[1]).to.include({ lostAt: 'lowest MULTI_EXIT_DISC' });
    expect(speaker.explain('10.2.0.0/16').decisions[1]).to.include({ lostAt: 'lowest router ID or ORIGINATOR_ID' });
  });

  describe('malformed paths cost the route, not the session (section 5, RFC 7606 7.2)', () => {
    const cases: readonly (readonly [string, 'm2' | 'e', AsPathSegment[]])[] = [
      ['an AS_CONFED_SEQUENCE from outside', 'e', [confed(65102), sequence(65001)]],
      ['an AS_CONFED_SET behind, from outside', 'e', [sequence(65001), { type: 'AS_CONFED_SET', asns: [65102] }]],
      ['no AS_CONFED_SEQUENCE from a member', 'm2', [sequence(65102)]],
      ['an AS_CONFED_SET first from a member', 'm2', [{ type: 'AS_CONFED_SET', asns: [65102] }]],
      ['nothing from a member', 'm2', []],
    ];
    for (const [what, who, path] of cases) {
      it(what, async () => {
        const all = await world();
        const probe = all[who];
        const flaws: string[] = [];
        all.speaker.on('updateError', ({ diagnostic: { action, code, subcode } }) => {
          flaws.push(`${action} ${code}/${subcode}`);
        });
        probe.announceWith(route(who === 'e' ? [sequence(65001)] : [confed(65102)]), '10.1.0.0/16');
        await all.lab.settle();
        expect(all.i.prefixes).to.deep.equal(['10.1.0.0/16']);
        probe.announceWith(route(path), '10.1.0.0/16');
        await all.lab.settle();
        expect(all.i.prefixes).to.deep.equal([]);
        expect(flaws).to.deep.equal(['treat-as-withdraw 3/11']);
        expect(probe.isUp).to.equal(true);
      });
    }
  });

  it('ORIGINATOR_ID and CLUSTER_LIST from a member are dropped, its LOCAL_PREF counts (RFC 7606 7.9, 7.10)', async () => {
    const { lab, speaker, m2, i } = await world();
    const foreign: EncodableAttribute[] = [
      { code: 5, value: 333 },
      { code: 9, value: '10.0.0.77' },
      { code: 10, value: ['10.0.0.78'] },
    ];
    m2.announceWith(route([confed(65102)], ...foreign), '10.1.0.0/16');
    await lab.settle();
    expect(speaker.explain('10.1.0.0/16').best).to.include({ localPref: 333, originatorId: null });
    expect([of(i, '10.1.0.0/16', 5), of(i, '10.1.0.0/16', 9)]).to.deep.equal([333, undefined]);
  });

  it('AS4_PATH has no confederation segments (RFC 6793 3)', async () => {
    const big = 4_200_000_009;
    const { lab, probes } = await star(
      [
        member(65102),
        { peerAs: 65103, there: { ...inside, capabilities: { fourOctetAs: false } } },
        { peerAs: 65001, there: { peerAs: IDENTIFIER, capabilities: { fourOctetAs: false } } },
      ],
      { confederation },
    );
    const [from, to, out] = probes as [Probe, Probe, Probe];
    from.announceWith(route([confed(65102, big), sequence(65009)]), '10.1.0.0/16');
    from.announceWith(route([confed(65102), sequence(big)]), '10.2.0.0/16');
    await lab.settle();
    expect(of(to, '10.1.0.0/16', 2)).to.deep.equal([confed(AS, 65102, 23456), sequence(65009)]);
    expect(of(to, '10.1.0.0/16', 17)).to.equal(undefined);
    expect(of(to, '10.2.0.0/16', 2)).to.deep.equal([confed(AS, 65102), sequence(23456)]);
    expect(of(to, '10.2.0.0/16', 17)).to.deep.equal([sequence(big)]);
    expect(of(out, '10.1.0.0/16', 2)).to.deep.equal([sequence(IDENTIFIER, 65009)]);
    expect(of(out, '10.1.0.0/16', 17)).to.equal(undefined);
  });
});

describe('roles (RFC 9234)', () => {
  it('the attribute on its way through: provider, peer and customer', async () => {
    const { lab, speaker, probes } = await star([
      { peerAs: 65001, here: { role: 'customer' }, there: { role: 'provider' } },
      { peerAs: 65002, here: { role: 'peer' }, there: { role: 'peer' } },
      { peerAs: 65003, here: { role: 'provider' }, there: { role: 'customer' } },
      { peerAs: 65004, here: { role: 'routeServerClient' } },
      { peerAs: AS },
    ]);
    const [provider, peer, customer, server, inner] = probes as [Probe, Probe, Probe, Probe, Probe];
    provider.announce('10.1.0.0/16');
    peer.announce('10.2.0.0/16');
    customer.announce('10.3.0.0/16');
    server.announce('10.4.0.0/16');
    speaker.announce('10.5.0.0/16');
    await lab.settle();
    const marks = (probe: Probe) =>
      Object.fromEntries(probe.prefixes.map((prefix) => [Number(prefix.split('.')[1]), of(probe, prefix, 35)]));
    expect(marks(provider)).to.deep.equal({ 3: undefined, 5: undefined });
    expect(marks(peer)).to.deep.equal({ 3: AS, 5: AS });
    expect(marks(customer)).to.deep.equal({ 1: 65001, 2: 65002, 4: 65004, 5: AS });
    expect(marks(server)).to.deep.equal({ 3: undefined, 5: undefined });
    expect(marks(inner), 'iBGP: as it is').to.deep.equal({ 1: 65001, 2: 65002, 3: undefined, 4: 65004, 5: undefined });
  });

  it('a leak is never told, until it is announced without', async () => {
    const { lab, speaker, probes } = await star([{ peerAs: 65003, here: { role: 'provider' } }, { peerAs: AS }]);
    const [customer, inner] = probes as [Probe, Probe];
    customer.announceWith(customer.attributes([{ code: 35, value: 65009 }]), '10.1.0.0/16', '10.2.0.0/16');
    await lab.settle();
    expect(inner.prefixes).to.deep.equal([]);
    expect(speaker.neighbor(customer.address).prefixes['ipv4-unicast']).to.deep.equal({ received: 2, advertised: 0 });
    const { best, decisions } = speaker.explain('10.1.0.0/16');
    expect(best).to.equal(null);
    expect(decisions[0]).to.include({ lostAt: 'no route leak', rfc: 'RFC 9234 5' });
    customer.announce('10.1.0.0/16');
    await lab.settle();
    expect(inner.prefixes).to.deep.equal(['10.1.0.0/16']);
  });

  it('ONLY_TO_CUSTOMER on the wire: optional transitive, four octets (section 5)', async () => {
    const { lab, speaker, probes } = await star([{ peerAs: 65003, here: { role: 'provider' } }]);
    speaker.announce('10.5.0.0/16');
    await lab.settle();
    const sent = probes[0]!.updates.find((hex) => hex.includes('100a05'));
    // ORIGIN, AS_PATH, NEXT_HOP, ONLY_TO_CUSTOMER of AS 64512.
    expect(sent).to.equal('0000001b40010100400206020100 00fc004003040a000001c023040000fc00100a05'.replace(' ', ''));
  });

  const refusals: readonly (readonly [string, Partial<NeighborOptions>, Partial<PeerOptions>, string])[] = [
    ['provider and provider', { role: 'provider' }, { role: 'provider' }, "the peer's role is provider"],
    ['route server and customer', { role: 'routeServer' }, { role: 'customer' }, "the peer's role is customer"],
    ['strict, and none is announced', { role: 'peer', roleStrict: true }, {}, 'the peer announces no role'],
  ];
  for (const [what, here, there, reason] of refusals) {
    it(`${what}: NOTIFICATION 2/11 (section 4.2)`, async () => {
      const lab = new Lab();
      const speaker = await lab.speaker({
        routerId: R,
        neighbors: [{ address: '10.0.0.11', peerAs: 65001, passive: true, ...here }],
      });
      const probe = lab.probe(R, '10.0.0.11', { localAs: 65001, ...there });
      probe.peer.start();
      await lab.settle();
      expect(probe.isUp).to.equal(false);
      const { lastError } = speaker.neighbor('10.0.0.11');
      // Whose OPEN is read first says it.
      expect(lastError).to.include({ code: 2, subcode: 11 });
      if (lastError!.direction === 'sent') expect(lastError!.text).to.include(reason);
    });
  }

  it('a neighbor without a role, and one whose role we do not ask for', async () => {
    const { speaker, probes } = await star([
      { peerAs: 65001, here: { role: 'peer' } },
      { peerAs: 65002, there: { role: 'provider' } },
    ]);
    expect(probes.every(({ isUp }) => isUp)).to.equal(true);
    expect(speaker.neighbors().map(({ role, peerRole }) => [role, peerRole])).to.deep.equal([
      ['peer', null],
      [null, null],
    ]);
  });
});

describe('a route server (RFC 7947)', () => {
  const client = (peerAs: number): Side => ({ peerAs, here: { routeServerClient: true } });

  it('leaves AS_PATH, NEXT_HOP and MED of its clients alone, whatever the subnet', async () => {
    for (const shared of [false, true]) {
      const { lab, probes } = await star([client(65001), client(65002)], {}, shared);
      const [a, b] = probes as [Probe, Probe];
      const more: EncodableAttribute[] = [
        { code: 2, value: [sequence(65001, 65009)] },
        { code: 4, value: 77 },
        { code: 8, value: [0xfc000001] },
      ];
      a.announceWith(a.attributes(more), '10.1.0.0/16');
      a.announceWith(a.attributes(more), '2001:db8:1::/48');
      a.send(announcement({ prefixes: ['10.2.0.0/16'], nextHop: '192.0.2.77', attributes: a.attributes(more) }));
      await lab.settle();
      expect(b.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16', '2001:db8:1::/48']);
      const nextHops = b.prefixes.map((prefix) => b.view.routes.get(prefix)!.nextHop);
      expect(nextHops).to.deep.equal(['10.0.0.11', '192.0.2.77', '2001:db8::11']);
      for (const prefix of b.prefixes) {
        const attributes = [2, 4, 5, 8].map((code) => of(b, prefix, code));
        expect(attributes).to.deep.equal([[sequence(65001, 65009)], 77, undefined, [0xfc000001]]);
      }
      expect(a.prefixes).to.deep.equal([]);
    }
  });

  it('is a neighbor like others between clients and those who are none', async () => {
    const { lab, speaker, probes } = await star([client(65001), { peerAs: 65002 }, { peerAs: AS }]);
    const [a, other, inner] = probes as [Probe, Probe, Probe];
    a.announceWith(a.attributes([{ code: 4, value: 77 }]), '10.1.0.0/16');
    other.announceWith(other.attributes([{ code: 4, value: 77 }]), '10.2.0.0/16');
    inner.announce('10.3.0.0/16');
    speaker.announce('10.4.0.0/16');
    await lab.settle();
    expect(of(other, '10.1.0.0/16', 2)).to.deep.equal([sequence(AS, 65001)]);
    expect(of(a, '10.2.0.0/16', 2)).to.deep.equal([sequence(AS, 65002)]);
    expect(of(a, '10.2.0.0/16', 4)).to.equal(undefined);
    expect(of(a, '10.3.0.0/16', 2)).to.deep.equal([sequence(AS)]);
    expect(of(a, '10.4.0.0/16', 2)).to.deep.equal([sequence(AS)]);
    expect(a.view.routes.get('10.2.0.0/16')?.nextHop).to.equal(R);
    expect(of(inner, '10.1.0.0/16', 2)).to.deep.equal([sequence(65001)]);
  });

  it('passes the octets of an UPDATE on as they came', async () => {
    const { lab, probes } = await star([client(65001), client(65002)]);
    const [a, b] = probes as [Probe, Probe];
    const body = '0000 001b 40010100 400206 0201 0000fde9 400304 0a00000b 800404 00000007 100a01'.replaceAll(' ', '');
    a.send(octets('ff'.repeat(16) + (19 + body.length / 2).toString(16).padStart(4, '0') + '02' + body));
    await lab.settle();
    expect(b.updates).to.include(body);
  });
});
