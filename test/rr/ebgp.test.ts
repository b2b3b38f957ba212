import { expect } from 'chai';
import type { PeerOptions } from '../../lib/bgp/session/index.js';
import type { AsPathSegment, EncodableAttribute } from '../../lib/bgp/wire/index.js';
import type { LocalNetworks } from '../../lib/net/index.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement, valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const AS = 64512;
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';
const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
const NO_EXPORT_SUBCONFED = 0xffffff03;

interface Setting {
  readonly neighbor?: Partial<NeighborOptions>;
  readonly probe?: Partial<PeerOptions>;
}

/** A speaker (AS 64512 unless `asn` says otherwise), an iBGP client and two eBGP neighbors in AS 65031 and 65032. */
class Border {
  readonly lab = new Lab();
  speaker!: Speaker;
  client!: Probe;
  e1!: Probe;
  e2!: Probe;

  async up(settings: { asn?: number; networks?: LocalNetworks; e2?: Setting; client?: Setting } = {}): Promise<this> {
    const asn = settings.asn ?? AS;
    this.speaker = await this.lab.speaker(
      {
        asn,
        routerId: R,
        neighbors: [
          {
            address: '10.0.0.11',
            peerAs: asn,
            passive: true,
            routeReflectorClient: true,
            ...settings.client?.neighbor,
          },
          { address: '10.0.0.31', peerAs: 65031, passive: true },
          { address: '10.0.0.32', peerAs: 65032, passive: true, ...settings.e2?.neighbor },
        ],
      },
      settings.networks ? { networks: settings.networks } : {},
    );
    this.client = this.lab.probe(R, '10.0.0.11', { localAs: asn, peerAs: asn, ...settings.client?.probe });
    this.e1 = this.lab.probe(R, '10.0.0.31', { localAs: 65031, peerAs: asn });
    this.e2 = this.lab.probe(R, '10.0.0.32', { localAs: 65032, peerAs: asn, ...settings.e2?.probe });
    await this.lab.up(this.client, this.e1, this.e2);
    return this;
  }

  /** One neighbor announces; all hear. */
  async told(from: Probe, more: readonly EncodableAttribute[], ...prefixes: string[]): Promise<void> {
    for (const prefix of prefixes) from.announceWith(from.attributes(more), prefix);
    await this.lab.settle();
  }
}

const of = (probe: Probe, code: number, prefix = V4): unknown => {
  const route = probe.view.routes.get(prefix);
  expect(route, `${probe.address} has no ${prefix}`).not.to.equal(undefined);
  return valueOf(route!, code);
};
const nextHop = (probe: Probe, prefix = V4): string | undefined => probe.view.routes.get(prefix)?.nextHop;
const sequence = (...asns: number[]): AsPathSegment => ({ type: 'AS_SEQUENCE', asns });

describe('towards eBGP', () => {
  describe('AS_PATH (RFC 4271 5.1.2): our AS is put in front', () => {
    const long = Array.from({ length: 255 }, (_, i) => 65100 + i);
    const cases: readonly (readonly [string, AsPathSegment[], AsPathSegment[]])[] = [
      ['of an empty path', [], [sequence(AS)]],
      ['of a sequence', [sequence(65001, 65002)], [sequence(AS, 65001, 65002)]],
      ['of a set', [{ type: 'AS_SET', asns: [65001] }], [sequence(AS), { type: 'AS_SET', asns: [65001] }]],
      ['of a sequence of 254', [sequence(...long.slice(1))], [sequence(AS, ...long.slice(1))]],
      ['of a full sequence', [sequence(...long)], [sequence(AS), sequence(...long)]],
      [
        'of a sequence and a set',
        [sequence(65001), { type: 'AS_SET', asns: [65002, 65003] }],
        [sequence(AS, 65001), { type: 'AS_SET', asns: [65002, 65003] }],
      ],
      // The value grows from 250 to 254 octets and from 254 to 258: with and without the long header.
      ['of a path just under the long header', [sequence(...long.slice(0, 62))], [sequence(AS, ...long.slice(0, 62))]],
      ['of a path that gets the long header', [sequence(...long.slice(0, 63))], [sequence(AS, ...long.slice(0, 63))]],
    ];
    let border: Border;
    before(async () => {
      border = await new Border().up();
    });
    for (const [what, path, expected] of cases) {
      it(what, async () => {
        await border.told(border.client, [{ code: 2, value: path }], V4, V6);
        for (const prefix of [V4, V6]) expect(of(border.e1, 2, prefix)).to.deep.equal(expected);
      });
    }
    it('and of what came from another AS', async () => {
      await border.told(border.e1, [], '10.2.0.0/16');
      expect(of(border.e2, 2, '10.2.0.0/16')).to.deep.equal([sequence(AS, 65031)]);
      expect(of(border.client, 2, '10.2.0.0/16'), 'not towards iBGP').to.deep.equal([sequence(65031)]);
    });
  });

  it('MULTI_EXIT_DISC of others is not passed on, our own is told (RFC 4271 5.1.4)', async () => {
    const border = await new Border().up();
    await border.told(border.client, [{ code: 4, value: 5 }], V4);
    await border.told(border.e1, [{ code: 4, value: 6 }], '10.2.0.0/16');
    border.speaker.announce('10.3.0.0/16', { med: 7 });
    await border.lab.settle();
    expect(of(border.e2, 4)).to.equal(undefined);
    expect(of(border.e2, 4, '10.2.0.0/16')).to.equal(undefined);
    expect(of(border.client, 4, '10.2.0.0/16'), 'stays towards iBGP').to.equal(6);
    expect(of(border.e2, 4, '10.3.0.0/16')).to.equal(7);
  });

  it('LOCAL_PREF stays in the AS, and is added towards iBGP (RFC 4271 5.1.5)', async () => {
    const border = await new Border().up();
    await border.told(border.client, [{ code: 5, value: 300 }], V4, V6);
    await border.told(border.e1, [], '10.2.0.0/16', '2001:db8:2::/48');
    border.speaker.announce('10.3.0.0/16', { localPref: 50 });
    await border.lab.settle();
    for (const prefix of [V4, V6, '10.3.0.0/16']) expect(of(border.e2, 5, prefix)).to.equal(undefined);
    for (const prefix of ['10.2.0.0/16', '2001:db8:2::/48']) expect(of(border.client, 5, prefix)).to.equal(100);
    expect(of(border.client, 5, '10.3.0.0/16')).to.equal(50);
  });

  it('ORIGIN, communities, aggregator and unknown transitive attributes go on', async () => {
    const border = await new Border().up();
    const more: EncodableAttribute[] = [
      { code: 1, value: 'INCOMPLETE' },
      { code: 6, value: true },
      { code: 7, value: { as: 65099, ip: '9.8.7.6' } },
      { code: 8, value: [1, 2] },
      { code: 16, value: [Uint8Array.of(0, 2, 0, 1, 0, 0, 0, 1)] },
      { code: 32, value: [[1, 2, 3]] },
      { code: 99, flags: 0xc0, raw: Uint8Array.of(1) },
    ];
    await border.told(border.client, more, V4);
    for (const { code, ...rest } of more) {
      expect(of(border.e2, code), `attribute ${code}`).to.deep.equal('value' in rest ? rest.value : rest.raw);
    }
  });

  describe('next hop (RFC 4271 5.1.3)', () => {
    it('is ourselves: the address of the session, for the other family too', async () => {
      const border = await new Border().up();
      await border.told(border.client, [], V4, V6);
      expect(nextHop(border.e1)).to.equal(R);
      // No IPv6 address is known: the IPv4-mapped one.
      expect(nextHop(border.e1, V6)).to.equal('::ffff:a00:1');
    });

    const networks = oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']);

    it('is an address of the interface for the other family', async () => {
      const border = await new Border().up({ networks });
      border.speaker.announce(V6);
      await border.lab.settle();
      expect(nextHop(border.e1, V6)).to.equal('2001:db8::1');
      expect(nextHop(border.client, V6)).to.equal('2001:db8::1');
    });

    it('of a third party on the shared subnet stays', async () => {
      const border = await new Border().up({ networks });
      await border.told(border.e1, [], V4, V6);
      expect(nextHop(border.e2)).to.equal('10.0.0.31');
      expect(nextHop(border.e2, V6)).to.equal('2001:db8::31');
      expect(nextHop(border.client), 'unchanged towards iBGP').to.equal('10.0.0.31');
    });

    it('of a third party elsewhere does not', async () => {
      const border = await new Border().up({ networks: oneInterface([R, '10.0.0.0/28']) });
      await border.told(border.e1, [], V4);
      expect(nextHop(border.e2)).to.equal(R);
    });

    it('of a third party does not stay for a neighbor that is not on that subnet itself', async () => {
      const far = { neighbor: { multihop: 2 } };
      const border = await new Border().up({ networks: oneInterface([R, '10.0.0.0/24']), e2: far });
      await border.told(border.e1, [], V4);
      expect(nextHop(border.e2)).to.equal('10.0.0.31');
      const away = await new Border().up({ networks: oneInterface([R, '10.0.0.0/27']), e2: far });
      await away.told(away.e1, [], V4);
      expect(nextHop(away.e2)).to.equal(R);
    });

    it('is never the neighbor itself', async () => {
      const border = await new Border().up({ networks });
      const { client } = border;
      client.send(announcement({ prefixes: [V4], nextHop: '10.0.0.32', attributes: client.attributes() }));
      await border.lab.settle();
      expect(nextHop(border.e2)).to.equal(R);
    });

    it('is ourselves when nextHopSelf says so, shared subnet or not', async () => {
      const border = await new Border().up({ networks, e2: { neighbor: { nextHopSelf: true } } });
      await border.told(border.e1, [], V4);
      expect(nextHop(border.e2)).to.equal(R);
    });

    it('a local route goes with the next hop that was given for it, inside the AS', async () => {
      const border = await new Border().up();
      border.speaker.announce(V4, { nextHop: '10.7.7.7' });
      border.speaker.announce(V6);
      await border.lab.settle();
      expect(nextHop(border.client)).to.equal('10.7.7.7');
      expect(nextHop(border.e1)).to.equal(R);
    });
  });
});

describe('well-known communities (RFC 1997)', () => {
  const cases: readonly (readonly [string, number, boolean, boolean])[] = [
    ['NO_EXPORT', NO_EXPORT, true, false],
    ['NO_EXPORT_SUBCONFED', NO_EXPORT_SUBCONFED, true, false],
    ['NO_ADVERTISE', NO_ADVERTISE, false, false],
  ];
  for (const [name, community, internal, external] of cases) {
    it(`${name}: ${internal ? '' : 'not '}told inside the AS, not told outside`, async () => {
      const border = await new Border().up();
      await border.told(border.e1, [{ code: 8, value: [1, community] }], V4, V6);
      expect(border.client.prefixes).to.deep.equal(internal ? [V4, V6] : []);
      expect(border.e2.prefixes).to.deep.equal(external ? [V4, V6] : []);
      expect(border.speaker.explain(V4).best?.neighbor, 'it is used all the same').to.equal('10.0.0.31');
      if (internal) expect(of(border.client, 8)).to.deep.equal([1, community]);
      // Announced anew without it, and with it again.
      await border.told(border.e1, [], V4);
      expect([border.client.prefixes.includes(V4), border.e2.prefixes.includes(V4)]).to.deep.equal([true, true]);
      await border.told(border.e1, [{ code: 8, value: [community] }], V4);
      expect([border.client.prefixes.includes(V4), border.e2.prefixes.includes(V4)]).to.deep.equal([
        internal,
        external,
      ]);
    });
  }

  it('of a local route too', async () => {
    const border = await new Border().up();
    border.speaker.announce(V4, { communities: ['no-export'] });
    border.speaker.announce(V6, { communities: ['no-advertise'] });
    await border.lab.settle();
    expect(border.client.prefixes).to.deep.equal([V4]);
    expect(border.e1.prefixes).to.deep.equal([]);
  });
});

describe('towards neighbors with two-octet AS numbers (RFC 6793 section 4.2.2)', () => {
  const old = { capabilities: { fourOctetAs: false } };
  const AS4 = 4200000000;
  // The probe's view decodes by what was negotiated: two octets an AS.
  it('AS_PATH has AS_TRANS, AS4_PATH the truth', async () => {
    const border = await new Border().up({ e2: { probe: old } });
    await border.told(border.client, [{ code: 2, value: [sequence(65001, AS4, 65002)] }], V4, V6);
    for (const prefix of [V4, V6]) {
      expect(of(border.e2, 2, prefix)).to.deep.equal([sequence(AS, 65001, 23456, 65002)]);
      expect(of(border.e2, 17, prefix)).to.deep.equal([sequence(AS, 65001, AS4, 65002)]);
    }
    expect(of(border.e1, 17), 'four-octet neighbors get none').to.equal(undefined);
  });

  it('no AS4_PATH when all fit', async () => {
    const border = await new Border().up({ e2: { probe: old } });
    await border.told(border.client, [{ code: 2, value: [sequence(65001)] }], V4);
    expect(of(border.e2, 2)).to.deep.equal([sequence(AS, 65001)]);
    expect(of(border.e2, 17)).to.equal(undefined);
  });

  it('AGGREGATOR has AS_TRANS, AS4_AGGREGATOR the truth', async () => {
    const border = await new Border().up({ e2: { probe: old } });
    await border.told(border.client, [{ code: 7, value: { as: AS4, ip: '9.8.7.6' } }], V4);
    expect(of(border.e2, 7)).to.deep.equal({ as: 23456, ip: '9.8.7.6' });
    expect(of(border.e2, 18)).to.deep.equal({ as: AS4, ip: '9.8.7.6' });
    await border.told(border.client, [{ code: 7, value: { as: 65001, ip: '9.8.7.6' } }], V4);
    expect(of(border.e2, 7)).to.deep.equal({ as: 65001, ip: '9.8.7.6' });
    expect(of(border.e2, 18)).to.equal(undefined);
  });

  it('the AS4 attributes stand in order among larger type codes', async () => {
    const border = await new Border().up({ e2: { probe: old } });
    const more: EncodableAttribute[] = [
      { code: 2, value: [sequence(AS4)] },
      { code: 7, value: { as: AS4, ip: '9.8.7.6' } },
      { code: 16, value: [Uint8Array.of(0, 2, 0, 1, 0, 0, 0, 1)] },
      { code: 32, value: [[1, 2, 3]] },
    ];
    await border.told(border.client, more, V4);
    const codes = border.e2.view.routes.get(V4)!.attributes.map(({ code }) => code);
    expect(codes).to.deep.equal([1, 2, 3, 7, 16, 17, 18, 32]);
  });

  it('our own AS can be too large', async () => {
    const border = await new Border().up({ asn: AS4, e2: { probe: old } });
    await border.told(border.e1, [], V4);
    expect(of(border.e2, 2)).to.deep.equal([sequence(23456, 65031)]);
    expect(of(border.e2, 17)).to.deep.equal([sequence(AS4, 65031)]);
    border.speaker.announce(V6);
    await border.lab.settle();
    expect(of(border.e2, 2, V6)).to.deep.equal([sequence(23456)]);
    expect(of(border.e2, 17, V6)).to.deep.equal([sequence(AS4)]);
  });

  it('what they tell is merged and told to others whole', async () => {
    const border = await new Border().up({ e2: { probe: old } });
    const path = [{ code: 2, value: [sequence(65032, 23456)] }] as const;
    const as4: EncodableAttribute = { code: 17, value: [sequence(65032, AS4)] };
    await border.told(border.e2, [...path, as4], V4);
    expect(of(border.e1, 2)).to.deep.equal([sequence(AS, 65032, AS4)]);
    expect(of(border.client, 2)).to.deep.equal([sequence(65032, AS4)]);
    expect(of(border.e1, 17)).to.equal(undefined);
  });
});
