import { expect } from 'chai';
import fc from 'fast-check';
import { dialedSurvives, jittered, negotiate, retryDelay } from '../../../lib/bgp/fsm/index.js';
import type { Negotiated, OpenFacts, PeerPolicy } from '../../../lib/bgp/fsm/index.js';
import { MessageError } from '../../../lib/bgp/wire/errors.js';

const V4 = { afi: 1, safi: 1 };
const V6 = { afi: 2, safi: 1 };

function facts(overrides: Partial<OpenFacts> = {}): OpenFacts {
  return {
    asn: 64512,
    holdTimeSeconds: 90,
    routerId: 0x0a000001,
    families: [V4, V6],
    fourOctetAs: true,
    routeRefresh: true,
    enhancedRouteRefresh: false,
    extendedMessage: false,
    roles: [],
    extendedNextHop: false,
    ...overrides,
  };
}

const PEER = { routerId: 0x0a000002 };

function agree(local: OpenFacts, peer: OpenFacts, policy: PeerPolicy = { peerAs: 'any' }): Negotiated {
  const result = negotiate(local, peer, policy);
  if (result instanceof MessageError) throw result;
  return result;
}

function refusal(peer: Partial<OpenFacts>, policy: PeerPolicy = { peerAs: 'any' }, local = facts()): MessageError {
  const result = negotiate(local, facts({ ...PEER, ...peer }), policy);
  expect(result).to.be.instanceOf(MessageError);
  return result as MessageError;
}

describe('negotiate', () => {
  it('takes the smaller hold time and a third of it for keepalives', () => {
    expect(agree(facts(), facts({ ...PEER, holdTimeSeconds: 30 }))).to.include({
      holdTimeSeconds: 30,
      keepaliveSeconds: 10,
    });
    expect(agree(facts({ holdTimeSeconds: 9 }), facts(PEER))).to.include({ holdTimeSeconds: 9, keepaliveSeconds: 3 });
  });

  it('sends no keepalives when either side wants a hold time of zero', () => {
    const zero = { holdTimeSeconds: 0, keepaliveSeconds: 0 };
    expect(agree(facts({ holdTimeSeconds: 0 }), facts(PEER))).to.include(zero);
    expect(agree(facts(), facts({ ...PEER, holdTimeSeconds: 0 }), { peerAs: 'any', keepaliveSeconds: 5 })).to.include(
      zero,
    );
  });

  it('keeps a configured keepalive interval within a third of the hold time', () => {
    expect(agree(facts(), facts(PEER), { peerAs: 'any', keepaliveSeconds: 5 }).keepaliveSeconds).to.equal(5);
    expect(agree(facts(), facts(PEER), { peerAs: 'any', keepaliveSeconds: 60 }).keepaliveSeconds).to.equal(30);
  });

  it('refuses hold times 1 and 2 with 2/6', () => {
    for (const holdTimeSeconds of [1, 2]) expect(refusal({ holdTimeSeconds })).to.include({ code: 2, subcode: 6 });
    expect(agree(facts(), facts({ ...PEER, holdTimeSeconds: 3 })).holdTimeSeconds).to.equal(3);
  });

  it('refuses a wrong AS with 2/2, and AS 0 always (RFC 7607)', () => {
    expect(refusal({ asn: 64513 }, { peerAs: 64512 })).to.include({ code: 2, subcode: 2 });
    expect(refusal({ asn: 64513 }, { peerAs: [64512, 64514] })).to.include({ code: 2, subcode: 2 });
    expect(refusal({ asn: 0 })).to.include({ code: 2, subcode: 2 });
    expect(agree(facts(), facts({ ...PEER, asn: 64514 }), { peerAs: [64512, 64514] }).peerAs).to.equal(64514);
  });

  it('refuses a BGP Identifier of zero, or our own within the AS, with 2/3 (RFC 6286)', () => {
    expect(refusal({ routerId: 0 })).to.include({ code: 2, subcode: 3 });
    expect(refusal({ routerId: 0x0a000001 })).to.include({ code: 2, subcode: 3 });
    expect(agree(facts(), facts({ asn: 64513 })).peerType).to.equal('ebgp');
  });

  it('has the families of both, in our order', () => {
    expect(agree(facts(), facts({ ...PEER, families: [V6, V4] })).families).to.deep.equal([V4, V6]);
    expect(agree(facts(), facts({ ...PEER, families: [V6] })).families).to.deep.equal([V6]);
  });

  it('takes IPv4 unicast for granted when the peer announces no family', () => {
    expect(agree(facts(), facts({ ...PEER, families: [] })).families).to.deep.equal([V4]);
  });

  it('names the families that we miss with 2/7 (RFC 5492 3)', () => {
    const error = refusal({ families: [] }, { peerAs: 'any' }, facts({ families: [V6, { afi: 25, safi: 70 }] }));
    expect(error).to.include({ code: 2, subcode: 7 });
    expect(Buffer.from(error.data).toString('hex')).to.equal('010400020001' + '010400190046');
  });

  it('uses what both announced', () => {
    const old = agree(facts(), facts({ ...PEER, fourOctetAs: false, routeRefresh: false, extendedMessage: true }));
    expect(old.routeRefresh).to.equal(false);
    expect(old.receive).to.include({ asn4: false, maxMessageLength: 4096, peerType: 'ibgp' });
    const long = agree(facts({ extendedMessage: true }), facts(PEER));
    expect([long.receive.maxMessageLength, long.send.maxMessageLength]).to.deep.equal([65535, 4096]);
    const both = agree(facts({ extendedMessage: true }), facts({ ...PEER, extendedMessage: true }));
    expect(both.send.maxMessageLength).to.equal(65535);
  });

  describe('ADD-PATH (RFC 7911 section 4)', () => {
    const tuple = (family: typeof V4, sendReceive: number) => ({ ...family, sendReceive });
    const paths = (ours: number[], theirs: number[]): string[][] => {
      const { receive, send } = agree(
        facts({ addPath: ours.map((value) => tuple(V4, value)) }),
        facts({ ...PEER, addPath: theirs.map((value) => tuple(V4, value)) }),
      );
      return [[...receive.addPath], [...send.addPath]];
    };

    for (const [ours, theirs, receive, send] of [
      [1, 2, true, false],
      [2, 1, false, true],
      [3, 3, true, true],
      [3, 1, false, true],
      [3, 2, true, false],
      [1, 1, false, false],
      [2, 2, false, false],
      [3, 0, false, false],
      [3, 4, false, false],
      [3, 7, false, false],
    ] as const) {
      it(`we say ${ours}, the peer says ${theirs}: receive ${receive}, send ${send}`, () => {
        expect(paths([ours], [theirs])).to.deep.equal([receive ? ['1/1'] : [], send ? ['1/1'] : []]);
      });
    }

    it('is nothing unless both say it', () => {
      expect([paths([3], []), paths([], [3])]).to.deep.equal([
        [[], []],
        [[], []],
      ]);
    });

    it('is by family, and only for those of the session', () => {
      const both = [tuple(V4, 3), tuple(V6, 3)];
      const { receive, send } = agree(
        facts({ addPath: [tuple(V4, 1), tuple(V6, 2)] }),
        facts({ ...PEER, addPath: both }),
      );
      expect([[...receive.addPath], [...send.addPath]]).to.deep.equal([['1/1'], ['2/1']]);
      const one = agree(facts({ addPath: both, families: [V6] }), facts({ ...PEER, addPath: both }));
      expect([...one.receive.addPath]).to.deep.equal(['2/1']);
    });
  });

  it('IPv6 next hops of IPv4 routes: only when both announced them (RFC 8950 section 4)', () => {
    for (const [ours, theirs] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const { receive, send } = agree(facts({ extendedNextHop: ours }), facts({ ...PEER, extendedNextHop: theirs }));
      expect([receive.extendedNextHop, send.extendedNextHop]).to.deep.equal([ours && theirs, ours && theirs]);
    }
  });

  it('gives a frozen value', () => {
    const result = agree(facts(), facts(PEER));
    expect([result, result.families, result.receive, result.send].every(Object.isFrozen)).to.equal(true);
  });
});

describe('dialedSurvives', () => {
  it('keeps the connection that the higher BGP Identifier dialed (RFC 4271 6.8)', () => {
    expect(dialedSurvives({ routerId: 2, asn: 1 }, { routerId: 1, asn: 9 })).to.equal(true);
    expect(dialedSurvives({ routerId: 0x7fffffff, asn: 1 }, { routerId: 0xc0000001, asn: 1 })).to.equal(false);
  });

  it('keeps that of the higher AS when identifiers are equal (RFC 6286 2.3)', () => {
    expect(dialedSurvives({ routerId: 1, asn: 2 }, { routerId: 1, asn: 1 })).to.equal(true);
    expect(dialedSurvives({ routerId: 1, asn: 1 }, { routerId: 1, asn: 2 })).to.equal(false);
  });

  it('has both ends choose the same connection', () => {
    const speaker = fc.record({ routerId: fc.integer({ min: 1, max: 3 }), asn: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(speaker, speaker, (a, b) => {
        fc.pre(a.routerId !== b.routerId || a.asn !== b.asn);
        return dialedSurvives(a, b) !== dialedSurvives(b, a);
      }),
    );
  });
});

describe('back-off', () => {
  it('doubles up to the limit', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => retryDelay(failures, 5, 120));
    expect(delays).to.deep.equal([5, 5, 10, 20, 40, 80, 120, 120, 120]);
  });

  it('is jittered between 0.75 and 1.0 (RFC 4271 10)', () => {
    expect(jittered(1000, () => 0)).to.equal(750);
    expect(jittered(1000, () => 0.999999)).to.be.within(999, 1000);
  });
});

describe('negotiate: roles (RFC 9234 section 4.2)', () => {
  const ALL = ['provider', 'routeServer', 'routeServerClient', 'customer', 'peer'] as const;
  const FITS = new Set(['provider 3', 'customer 0', 'routeServer 2', 'routeServerClient 1', 'peer 4']);
  for (const role of ALL) {
    it(`${role}: of all values one fits`, () => {
      for (const value of [0, 1, 2, 3, 4, 5, 255]) {
        const result = negotiate(facts(), facts({ ...PEER, asn: 65001, roles: [value] }), { peerAs: 'any', role });
        if (FITS.has(`${role} ${value}`)) expect(result).to.have.property('peerRole', ALL.at(value));
        else expect(result).to.include({ code: 2, subcode: 11 });
      }
    });
  }

  it('the same role twice is one, two different ones are none', () => {
    const say = (...roles: number[]) =>
      negotiate(facts(), facts({ ...PEER, asn: 65001, roles }), { peerAs: 'any', role: 'peer' });
    expect(say(4, 4)).to.have.property('peerRole', 'peer');
    expect(say(4, 0)).to.include({
      code: 2,
      subcode: 11,
      message: "the peer's role is peer and provider, but to our peer belongs peer",
    });
  });

  it('none is fine, unless ours is strict; without a role of ours nothing is looked at', () => {
    const say = (policy: Partial<PeerPolicy>, roles: number[]) =>
      negotiate(facts(), facts({ ...PEER, asn: 65001, roles }), { peerAs: 'any', ...policy });
    expect(say({ role: 'peer' }, [])).to.have.property('peerRole', null);
    expect(say({ role: 'peer', roleStrict: true }, [])).to.include({ code: 2, subcode: 11 });
    expect(say({}, [0, 1, 9])).to.have.property('peerRole', null);
  });
});

describe('negotiate: confederations (RFC 5065)', () => {
  it('a peer in another Member-AS is neither internal nor external', () => {
    const policy = { peerAs: 'any', confederationMembers: [65102, 65103] } as const;
    const typeOf = (asn: number) => agree(facts(), facts({ ...PEER, asn }), policy).peerType;
    expect([typeOf(64512), typeOf(65103), typeOf(65001)]).to.deep.equal(['ibgp', 'confed', 'ebgp']);
    expect(agree(facts(), facts({ ...PEER, asn: 65103 }), policy).receive.peerType).to.equal('confed');
  });
});
