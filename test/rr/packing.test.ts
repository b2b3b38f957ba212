import { expect } from 'chai';
import fc from 'fast-check';
import { DEFAULT_CONTEXT, type EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { formatIpv4, formatPrefix } from '../../lib/net/index.js';
import { announcement, splitMessages, withdrawal } from '../support/wire.js';
import { GroupRig, type RigNeighbor } from './rig.js';

const LONG = { ...DEFAULT_CONTEXT, maxMessageLength: 65535 };

function attributes(communities = 1): EncodableAttribute[] {
  return [
    { code: 1, value: 'IGP' },
    { code: 2, value: [] },
    { code: 5, value: 100 },
    { code: 8, value: Array.from({ length: communities }, (_, i) => i) },
  ];
}

const ipv4 = (i: number): string => `${formatIpv4(0x0b000000 + i)}/32`;
function ipv6(i: number): string {
  const octets = new Uint8Array(16).fill(0x20, 0, 1);
  octets.set([i >> 16, i >> 8, i], 13);
  return formatPrefix({ octets, length: 128 });
}

/** Two clients, the second one with this limit; what the second is sent is kept message by message. */
class Wire {
  readonly rig = new GroupRig();
  readonly from = this.rig.add('client', { maxMessageLength: 65535 });
  readonly to: RigNeighbor;
  readonly lengths: number[] = [];

  constructor(maxMessageLength = 4096) {
    this.to = this.rig.add('client', { maxMessageLength });
    this.from.up();
    this.to.up();
    this.rig.settle();
    const { view } = this.to;
    const apply = view.applyStream.bind(view);
    view.applyStream = (stream) => {
      for (const message of splitMessages(stream)) this.lengths.push(message.length);
      apply(stream);
    };
  }

  announce(prefixes: string[], communities = 1): this {
    const nextHop = prefixes[0]!.includes(':') ? '2001:db8::1' : '10.0.0.1';
    for (let i = 0; i < prefixes.length; i += 500) {
      const some = prefixes.slice(i, i + 500);
      this.from.say(announcement({ prefixes: some, nextHop, attributes: attributes(communities) }, LONG));
    }
    this.rig.settle();
    return this;
  }
}

const list = (count: number, prefix: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => prefix(i));

describe('packing of UPDATEs (RFC 4271 section 4.3, RFC 4760)', () => {
  // ORIGIN 4, AS_PATH 3, LOCAL_PREF 7, COMMUNITIES 7, ORIGINATOR_ID 7, CLUSTER_LIST 7; NEXT_HOP 7.
  const ATTRIBUTES = 35;
  for (const limit of [4096, 65535]) {
    it(`one attribute set, ${limit} octets a message: as few messages as can be`, () => {
      const v4 = new Wire(limit).announce(list(5000, ipv4));
      const perMessage4 = Math.floor((limit - 23 - ATTRIBUTES - 7) / 5);
      expect(v4.to.view.routes.size).to.equal(5000);
      expect(v4.lengths).to.have.length(Math.ceil(5000 / perMessage4));
      expect(Math.max(...v4.lengths)).to.be.at.most(limit);

      const v6 = new Wire(limit).announce(list(5000, ipv6));
      // MP_REACH_NLRI: header 4, AFI, SAFI, next hop 16 and its length, reserved octet.
      const perMessage6 = Math.floor((limit - 23 - ATTRIBUTES - 25) / 17);
      expect(v6.to.view.routes.size).to.equal(5000);
      expect(v6.lengths).to.have.length(Math.ceil(5000 / perMessage6));
      expect(Math.max(...v6.lengths)).to.be.at.most(limit);
    });

    it(`withdrawals, ${limit} octets a message: as few messages as can be`, () => {
      for (const [prefix, room, size] of [
        [ipv4, limit - 23, 5],
        [ipv6, limit - 23 - 7, 17],
      ] as const) {
        const wire = new Wire(limit).announce(list(5000, prefix));
        wire.lengths.length = 0;
        for (let i = 0; i < 5000; i += 200) {
          wire.from.say(withdrawal(list(200, (k) => prefix(i + k))));
        }
        wire.rig.settle();
        expect(wire.to.view.routes.size).to.equal(0);
        expect(wire.lengths).to.have.length(Math.ceil(5000 / Math.floor(room / size)));
        expect(Math.max(...wire.lengths)).to.be.at.most(limit);
      }
    });
  }

  it('sets and prefixes of every size: no message is too long, all routes arrive', () => {
    const nets = fc.array(fc.tuple(fc.nat({ max: 32 }), fc.nat({ max: 0xffffff })), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), nets, (communities, some) => {
        const prefixes = new Set(
          some.map(([length, n]) => {
            const address = length === 0 ? 0 : ((n * 257 + 0x0a000000) & (-1 << (32 - length))) >>> 0;
            return `${formatIpv4(address)}/${length}`;
          }),
        );
        const wire = new Wire().announce([...prefixes], communities);
        expect(wire.to.view.routes.size).to.equal(prefixes.size);
        expect(Math.max(...wire.lengths)).to.be.at.most(4096);
      }),
      { numRuns: 100 },
    );
  });

  it('attributes that leave no room for a prefix: the route is not told, an older one withdrawn (RFC 4271 9.2)', () => {
    for (const prefix of [ipv4(1), ipv6(1)]) {
      const wire = new Wire().announce([prefix]);
      expect([...wire.to.view.routes.keys()]).to.deep.equal([prefix]);
      wire.announce([prefix], 1100);
      expect([...wire.to.view.routes.keys()]).to.deep.equal([]);
      expect(wire.to.view.needless).to.deep.equal([]);
      const long = new Wire(65535).announce([prefix], 1100);
      expect([...long.to.view.routes.keys()]).to.deep.equal([prefix]);
    }
  });

  it('exactly at the limit, octet by octet', () => {
    // From well below to well above: the route is told or not, but no message is ever too long.
    for (const prefix of [ipv4(1), ipv6(1)]) {
      const outcomes: boolean[] = [];
      for (let communities = 960; communities < 1030; communities++) {
        const wire = new Wire().announce([prefix], communities);
        outcomes.push(wire.to.view.routes.has(prefix));
        expect(Math.max(0, ...wire.lengths)).to.be.at.most(4096);
      }
      expect(outcomes[0]).to.equal(true);
      expect(outcomes.at(-1)).to.equal(false);
      expect(outcomes.filter((told, i) => told !== outcomes[i - 1])).to.have.length(2);
    }
  });

  it('equal attributes of two sources are packed apart, so that each source can be spared its own', () => {
    const rig = new GroupRig();
    const [a, b, c] = [rig.add('client'), rig.add('client'), rig.add('client')];
    for (const neighbor of [a, b, c]) neighbor.up();
    rig.settle();
    for (const [i, from] of [a, b, a, b].entries()) {
      from.say(announcement({ prefixes: [ipv4(i)], nextHop: '10.0.0.9', attributes: attributes() }));
    }
    rig.settle();
    expect([...a.view.routes.keys()]).to.deep.equal([ipv4(1), ipv4(3)]);
    expect([...b.view.routes.keys()]).to.deep.equal([ipv4(0), ipv4(2)]);
    expect(c.view.routes.size).to.equal(4);
    expect(c.view.messages).to.equal(2);
  });
});
