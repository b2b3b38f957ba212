import { expect } from 'chai';
import { frame } from '../../lib/bgp/wire/header.js';
import type { PeerOptions } from '../../lib/bgp/session/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import { clientOf, Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement, octets } from '../support/wire.js';

const R = '10.0.0.1';
const R6 = 'fd00::1';
const V4 = '10.1.0.0/16';
const NH = 'fd00::9';
const TWO = { capabilities: { extendedNextHop: true } };
const networks = oneInterface([R, '10.0.0.0/24'], [R6, 'fd00::/64'], ['fe80::1', 'fe80::/64']);

const neighbor = (address: string, more: Partial<NeighborOptions> = {}): NeighborOptions => ({
  address,
  peerAs: 64512,
  passive: true,
  ...more,
});
const client = (address: string, extendedNextHop: boolean, more: Partial<NeighborOptions> = {}): NeighborOptions =>
  clientOf(address, { extendedNextHop, ...more });

/** A speaker that can be reached over both families; probes by address. */
class Net {
  readonly lab = new Lab();

  async speaker(neighbors: readonly NeighborOptions[], more: Partial<SpeakerConfig> = {}) {
    const listen = [R, R6].map((address) => ({ address, port: 179 }));
    const host = this.lab.network.host(R, R6);
    return this.lab.speaker({ routerId: R, listen, neighbors, ...more }, { networks, transport: host });
  }

  probe(address: string, options: Partial<PeerOptions> = {}): Probe {
    const to = address.includes(':') ? R6 : R;
    const routerId = 0x0a000100 + this.lab.probes.length;
    return this.lab.probe(to, address, { routerId, ...options });
  }
}

const say = (probe: Probe, nextHop: string, ...prefixes: string[]): Probe =>
  probe.send(announcement({ prefixes, nextHop, attributes: probe.attributes() }, probe.negotiated!.send));

/**
 * The UPDATE with 10.1.0.0/16 from 10.0.1.0, reflected by us. RFC 7606 section 5.1: MP_REACH_NLRI first; no NEXT_HOP (RFC 4760
 * section 3); ORIGIN, AS_PATH, LOCAL_PREF; ORIGINATOR_ID and CLUSTER_LIST last.
 */
const reflected = (nextHop: string): string =>
  `00000038 900e0018 0001 01 10 ${nextHop} 00 10 0a01 40010100 400200 40050400000064 8009040a000100 800a040a000001`.replaceAll(
    ' ',
    '',
  );

const nextHops = (probe: Probe): Record<string, string | undefined> =>
  Object.fromEntries([...probe.view.routes].map(([prefix, route]) => [prefix, route.nextHop]));

describe('Speaker: IPv4 routes with IPv6 next hops (RFC 8950)', () => {
  it('the OPEN: capability 5 with AFI 1, SAFI 1, next hop AFI 2, only where it is asked for', async () => {
    const net = new Net();
    await net.speaker([client('10.0.0.11', true), client('10.0.0.12', false)]);
    const [a, b] = [net.probe('10.0.0.11', TWO), net.probe('10.0.0.12', TWO)];
    await net.lab.up(a, b);
    expect(a.peer.capabilities).to.include('EXTENDED_NEXT_HOP');
    expect(b.peer.capabilities).not.to.include('EXTENDED_NEXT_HOP');
    expect([a, b].map(({ negotiated }) => negotiated!.send.extendedNextHop)).to.deep.equal([true, false]);
  });

  for (const [what, nextHop, hex] of [
    ['16 octets', NH, '10 fd000000000000000000000000000009'],
    ['32 octets', NH, '20 fd000000000000000000000000000009 fe800000000000000000000000000009'],
  ] as const) {
    it(`a next hop of ${what} is taken in, and reflected in 16 octets`, async () => {
      const net = new Net();
      const speaker = await net.speaker([client('fd00::11', true), client('fd00::12', true)]);
      const [a, b] = [net.probe('fd00::11', TWO), net.probe('fd00::12', TWO)];
      await net.lab.up(a, b);
      // ORIGIN, AS_PATH, LOCAL_PREF, MP_REACH_NLRI: AFI 1, SAFI 1, next hop, reserved, 10.1.0.0/16.
      const reach = `0001 01 ${hex} 00 10 0a01`.replaceAll(' ', '');
      const attributes = `40010100 400200 40050400000064 800e ${(reach.length / 2).toString(16).padStart(2, '0')} ${reach}`;
      const length = octets(attributes).length;
      a.send(frame(2, octets(`0000 ${length.toString(16).padStart(4, '0')} ${attributes}`)));
      await net.lab.settle();
      const [path] = [...speaker.routes('ipv4-unicast')];
      expect(path).to.include({ prefix: V4, nextHop, neighbor: 'fd00::11' });
      expect(path!.linkLocalNextHop).to.equal(what === '32 octets' ? 'fe80::9' : undefined);
      expect(b.updates.at(-1)).to.equal(reflected('fd000000000000000000000000000009'));
      // Withdrawn as any IPv4 route.
      a.withdraw(V4);
      await net.lab.settle();
      expect(b.updates.at(-1)).to.equal('0003100a010000');
      expect(b.view.needless).to.deep.equal([]);
    });
  }

  it('is not told to an iBGP neighbor without; one that had an IPv4 next hop before is withdrawn there', async () => {
    const net = new Net();
    await net.speaker([client('fd00::11', true), client('10.0.0.12', true), client('10.0.0.13', false)]);
    const [a, b, old] = [net.probe('fd00::11', TWO), net.probe('10.0.0.12', TWO), net.probe('10.0.0.13', TWO)];
    await net.lab.up(a, b, old);
    say(a, '10.0.0.99', V4);
    await net.lab.settle();
    expect([nextHops(b), nextHops(old)]).to.deep.equal([{ [V4]: '10.0.0.99' }, { [V4]: '10.0.0.99' }]);
    say(a, NH, V4);
    await net.lab.settle();
    expect([nextHops(b), nextHops(old)]).to.deep.equal([{ [V4]: NH }, {}]);
    say(a, '10.0.0.99', V4);
    await net.lab.settle();
    expect([nextHops(b), nextHops(old)]).to.deep.equal([{ [V4]: '10.0.0.99' }, { [V4]: '10.0.0.99' }]);
    expect(old.view.needless).to.deep.equal([]);
  });

  it('eBGP: our own address, IPv6 on an IPv6 session that has it, else IPv4 with a NEXT_HOP attribute', async () => {
    const net = new Net();
    const external = { peerAs: 65001 };
    await net.speaker([
      client('fd00::11', true),
      neighbor('fd00::21', { ...external, extendedNextHop: true }),
      neighbor('fd00::22', external),
      neighbor('10.0.0.23', { ...external, extendedNextHop: true }),
    ]);
    const from = net.probe('fd00::11', TWO);
    const out = ['fd00::21', 'fd00::22', '10.0.0.23'].map((address) => net.probe(address, { ...TWO, localAs: 65001 }));
    await net.lab.up(from, ...out);
    // Not on the subnet shared with the neighbors: nobody else's address may stay.
    say(from, 'fd00:5::9', V4);
    say(from, '10.5.0.9', '10.2.0.0/16');
    await net.lab.settle();
    const told = (nextHop: string) => ({ [V4]: nextHop, '10.2.0.0/16': nextHop });
    expect(out.map(nextHops)).to.deep.equal([told(R6), told(R), told(R)]);
    expect(out[1]!.updates.join()).to.include('40010100' + '4002060201' + '0000fc00' + '4003040a000001');
    expect(out[1]!.updates.join()).not.to.include('0e');
  });

  it('eBGP: the address of a third party on the shared subnet stays (RFC 4271 5.1.3), IPv4 or IPv6', async () => {
    const net = new Net();
    await net.speaker([client('fd00::11', true), neighbor('fd00::21', { peerAs: 65001, extendedNextHop: true })]);
    const [from, out] = [net.probe('fd00::11', TWO), net.probe('fd00::21', { ...TWO, localAs: 65001 })];
    await net.lab.up(from, out);
    say(from, NH, V4);
    await net.lab.settle();
    expect(nextHops(out)).to.deep.equal({ [V4]: NH });
  });

  it('nextHopSelf makes eBGP routes with IPv6 next hops fit for iBGP without, but no reflected ones', async () => {
    const net = new Net();
    await net.speaker([
      neighbor('fd00::21', { peerAs: 65001, extendedNextHop: true }),
      client('fd00::11', true),
      client('10.0.0.12', false, { nextHopSelf: true }),
    ]);
    const external = net.probe('fd00::21', { ...TWO, localAs: 65001 });
    const [a, old] = [net.probe('fd00::11', TWO), net.probe('10.0.0.12')];
    await net.lab.up(external, a, old);
    say(external, NH, V4);
    say(a, NH, '10.2.0.0/16');
    await net.lab.settle();
    expect(nextHops(old)).to.deep.equal({ [V4]: R });
    expect(nextHops(a)).to.deep.equal({ [V4]: NH });
  });

  it('nextHopSelf: force makes reflected routes with IPv6 next hops fit for iBGP without', async () => {
    const net = new Net();
    await net.speaker([client('fd00::11', true), client('10.0.0.12', false, { nextHopSelf: 'force' })]);
    const [a, old] = [net.probe('fd00::11', TWO), net.probe('10.0.0.12')];
    await net.lab.up(a, old);
    say(a, NH, V4);
    await net.lab.settle();
    expect(nextHops(old)).to.deep.equal({ [V4]: R });
  });

  it('route server clients are told the next hop as it is (RFC 7947), so those without are not told an IPv6 one', async () => {
    const net = new Net();
    const member = (address: string, peerAs: number, extendedNextHop: boolean): NeighborOptions =>
      neighbor(address, { peerAs, extendedNextHop, routeServerClient: true });
    await net.speaker([
      member('fd00::21', 65001, true),
      member('fd00::22', 65002, true),
      member('fd00::23', 65003, false),
    ]);
    const [from, six, old] = [21, 22, 23].map((n, i) => net.probe(`fd00::${n}`, { ...TWO, localAs: 65_001 + i })) as [
      Probe,
      Probe,
      Probe,
    ];
    await net.lab.up(from, six, old);
    say(from, NH, V4);
    say(from, '10.0.0.99', '10.2.0.0/16');
    await net.lab.settle();
    expect(nextHops(six)).to.deep.equal({ [V4]: NH, '10.2.0.0/16': '10.0.0.99' });
    expect(nextHops(old)).to.deep.equal({ '10.2.0.0/16': '10.0.0.99' });
  });

  it('routes originated here: our IPv6 address where the session is IPv6, or the IPv6 next hop that was asked for', async () => {
    const net = new Net();
    const speaker = await net.speaker([client('fd00::11', true), client('10.0.0.12', true), client('fd00::13', false)]);
    const [six, four, old] = [net.probe('fd00::11', TWO), net.probe('10.0.0.12', TWO), net.probe('fd00::13')];
    await net.lab.up(six, four, old);
    speaker.announce(V4);
    speaker.announce('10.2.0.0/16', { nextHop: 'fd00::77' });
    await net.lab.settle();
    expect(nextHops(six)).to.deep.equal({ [V4]: R6, '10.2.0.0/16': 'fd00::77' });
    expect(nextHops(four)).to.deep.equal({ [V4]: R, '10.2.0.0/16': 'fd00::77' });
    expect(nextHops(old)).to.deep.equal({ [V4]: R });
    expect(
      [...speaker.routes('ipv4-unicast', { advertisedTo: 'fd00::11' })].map(({ nextHop }) => nextHop),
    ).to.have.members([R6, 'fd00::77']);
    expect(() => speaker.announce('2001:db8::/32', { nextHop: '10.0.0.9' })).to.throw('another family');
  });

  it('a late neighbor and one that asks again are told both kinds', async () => {
    const net = new Net();
    await net.speaker([client('fd00::11', true), client('fd00::12', true)]);
    const [a, b] = [net.probe('fd00::11', TWO), net.probe('fd00::12', TWO)];
    await net.lab.up(a);
    say(a, NH, V4, '10.3.0.0/16');
    say(a, '10.0.0.99', '10.2.0.0/16');
    await net.lab.up(b);
    const all = { [V4]: NH, '10.2.0.0/16': '10.0.0.99', '10.3.0.0/16': NH };
    expect(nextHops(b)).to.deep.equal(all);
    b.view.routes.clear();
    b.refresh(1);
    await net.lab.settle();
    expect(nextHops(b)).to.deep.equal(all);
  });

  it('an export policy sets an IPv6 next hop where the neighbor takes it, and has no effect on others', async () => {
    const net = new Net();
    const policies = { six: [{ actions: { nextHop: 'fd00:7::7', result: 'accept' as const } }] };
    const exportPolicy = ['six'];
    await net.speaker(
      [
        client('10.0.0.11', false),
        client('fd00::12', true, { exportPolicy }),
        client('10.0.0.13', false, { exportPolicy }),
        neighbor('fd00::21', { peerAs: 65001, extendedNextHop: true, exportPolicy }),
        // Asked for here, but not by the neighbor.
        client('10.0.0.14', true, { exportPolicy }),
      ],
      { policies },
    );
    const from = net.probe('10.0.0.11');
    const out = [
      net.probe('fd00::12', TWO),
      net.probe('10.0.0.13'),
      net.probe('fd00::21', { ...TWO, localAs: 65001 }),
      net.probe('10.0.0.14'),
    ];
    await net.lab.up(from, ...out);
    say(from, '10.0.0.99', V4);
    await net.lab.settle();
    expect(out.map((probe) => nextHops(probe)[V4])).to.deep.equal(['fd00:7::7', '10.0.0.99', 'fd00:7::7', '10.0.0.99']);
    expect(out[0]!.updates.at(-1)).to.equal(reflected('fd000007000000000000000000000007'));
    from.withdraw(V4);
    await net.lab.settle();
    expect(out.map(nextHops)).to.deep.equal([{}, {}, {}, {}]);
  });

  it('an import policy makes the neighbor the next hop of IPv4 routes, or sets another IPv6 address', async () => {
    const net = new Net();
    const policies = {
      peer: [{ actions: { nextHop: 'peer', result: 'accept' as const } }],
      other: [{ actions: { nextHop: 'fd00::77', result: 'accept' as const } }],
    };
    const speaker = await net.speaker(
      [
        client('fd00::11', true, { importPolicy: ['peer'] }),
        client('fd00::12', true, { importPolicy: ['other'] }),
        client('fd00::13', false, { importPolicy: ['peer'] }),
      ],
      { policies },
    );
    const from = ['fd00::11', 'fd00::12', 'fd00::13'].map((address) => net.probe(address, TWO));
    await net.lab.up(...from);
    for (const [i, probe] of from.entries()) say(probe, '10.0.0.99', `10.${i}.0.0/16`);
    await net.lab.settle();
    const held = Object.fromEntries([...speaker.routes('ipv4-unicast')].map((path) => [path.prefix, path.nextHop]));
    expect(held).to.deep.equal({ '10.0.0.0/16': 'fd00::11', '10.1.0.0/16': 'fd00::77', '10.2.0.0/16': '10.0.0.99' });
  });

  it('not negotiated: treated as withdrawn and told as a diagnostic, the session stays', async () => {
    const net = new Net();
    const speaker = await net.speaker([client('fd00::11', false)]);
    const errors: string[] = [];
    speaker.on('updateError', ({ diagnostic }) => errors.push(`${diagnostic.action}: ${diagnostic.reason}`));
    const a = net.probe('fd00::11', TWO);
    await net.lab.up(a);
    say(a, '10.0.0.99', V4);
    say(a, NH, V4);
    await net.lab.settle();
    expect([...speaker.routes('ipv4-unicast')]).to.deep.equal([]);
    expect(errors).to.deep.equal([
      'treat-as-withdraw: IPv6 next hop of an IPv4 route, which was not negotiated (RFC 8950)',
    ]);
    expect(a.downs).to.deep.equal([]);
  });

  for (const [what, nextHop] of [
    ['multicast', 'ff02::1'],
    ['unspecified', '::'],
  ] as const) {
    it(`a next hop that is ${what} is none: treated as withdrawn`, async () => {
      const net = new Net();
      const speaker = await net.speaker([client('fd00::11', true)]);
      const a = net.probe('fd00::11', TWO);
      await net.lab.up(a);
      say(a, NH, V4);
      say(a, nextHop, V4);
      await net.lab.settle();
      expect([...speaker.routes('ipv4-unicast')]).to.deep.equal([]);
      expect(a.downs).to.deep.equal([]);
    });
  }

  it('the decision process: an IPv6 next hop that is our own address leads nowhere', async () => {
    const net = new Net();
    const speaker = await net.speaker([client('fd00::11', true)]);
    const a = net.probe('fd00::11', TWO);
    await net.lab.up(a);
    say(a, R6, V4);
    await net.lab.settle();
    expect(speaker.explain(V4).best).to.equal(null);
    expect(speaker.explain(V4).decisions[0]).to.include({ lostAt: 'next hop resolvable' });
  });
});

describe('Speaker: sessions between link-local addresses (RFC 4007, RFC 2545)', () => {
  const L = 'fe80::1%eth0';
  const linkOnly = oneInterface(['fe80::1', 'fe80::/64']);

  async function speaker(net: Net, neighbors: readonly NeighborOptions[], networks = linkOnly) {
    const listen = [{ address: L, port: 179 }];
    const host = net.lab.network.host(L, 'fe80::1%eth1');
    return net.lab.speaker({ routerId: R, listen, neighbors }, { networks, transport: host });
  }
  const probe = (net: Net, address: string, options: Partial<PeerOptions> = {}): Probe =>
    net.lab.probe(L, address, { routerId: 0x0a000100 + net.lab.probes.length, ...TWO, ...options });

  it('a neighbor is known by address and zone, in views, routes and commands', async () => {
    const net = new Net();
    const s = await speaker(net, [client('fe80::11%eth0', true)]);
    const a = probe(net, 'fe80::11%eth0');
    await net.lab.up(a);
    say(a, NH, V4);
    await net.lab.settle();
    expect(s.neighbor('FE80:0::11%eth0')).to.include({
      address: 'fe80::11%eth0',
      localAddress: L,
      state: 'Established',
    });
    expect([...s.routes('ipv4-unicast')][0]).to.include({ neighbor: 'fe80::11%eth0', nextHop: NH });
    expect([...s.routes('ipv4-unicast', { receivedFrom: 'fe80::11%eth0' })]).to.have.length(1);
    expect(() => s.neighbor('fe80::11')).to.throw('there is no neighbor');
    s.resetNeighbor('fe80::11%eth0');
    expect(a.downs).to.have.length(0);
    await net.lab.settle();
    expect(a.downs).to.have.length(1);
  });

  it('our next hop is the link-local address alone, or behind a global one where the link has such', async () => {
    const both = oneInterface(['fe80::1', 'fe80::/64'], [R6, 'fd00::/64'], [R, '10.0.0.0/24']);
    for (const [networks, nextHop, linkLocal] of [
      [linkOnly, 'fe80::1', undefined],
      [both, R6, 'fe80::1'],
    ] as const) {
      const net = new Net();
      const s = await speaker(net, [client('fe80::11%eth0', true)], networks);
      const a = probe(net, 'fe80::11%eth0');
      await net.lab.up(a);
      s.announce(V4);
      s.announce('2001:db8:1::/48');
      await net.lab.settle();
      for (const prefix of [V4, '2001:db8:1::/48']) {
        expect(a.view.routes.get(prefix), prefix).to.include({ nextHop, linkLocal });
      }
    }
  });

  it('a link-local next hop goes to eBGP neighbors as our own, even those on a link with the same subnet', async () => {
    const net = new Net();
    await speaker(net, [
      client('fe80::11%eth0', true),
      neighbor('fe80::21%eth1', { peerAs: 65001, extendedNextHop: true }),
    ]);
    const from = probe(net, 'fe80::11%eth0');
    const out = probe(net, 'fe80::21%eth1', { localAs: 65001 });
    await net.lab.up(from, out);
    say(from, 'fe80::11', V4);
    await net.lab.settle();
    expect(nextHops(out)).to.deep.equal({ [V4]: 'fe80::1' });
  });

  it('a link-local next hop from outside goes to iBGP neighbors on other links as our own, reflected ones stay', async () => {
    const both = oneInterface(['fe80::1', 'fe80::/64'], [R, '10.0.0.0/24']);
    const net = new Net();
    const s = await net.lab.speaker(
      {
        routerId: R,
        listen: [L, R].map((address) => ({ address, port: 179 })),
        neighbors: [
          neighbor('fe80::21%eth0', { peerAs: 65001, extendedNextHop: true }),
          client('fe80::11%eth0', true),
          client('fe80::12%eth1', true),
          client('10.0.0.13', false),
        ],
      },
      { networks: both, transport: net.lab.network.host(L, R) },
    );
    const external = probe(net, 'fe80::21%eth0', { localAs: 65001 });
    const [same, other] = [probe(net, 'fe80::11%eth0'), probe(net, 'fe80::12%eth1')];
    const plain = net.lab.probe(R, '10.0.0.13');
    await net.lab.up(external, same, other, plain);
    say(external, 'fe80::21', V4);
    say(same, 'fe80::11', '10.2.0.0/16');
    await net.lab.settle();
    expect(s.neighbors().map(({ state }) => state)).to.deep.equal(new Array(4).fill('Established'));
    expect(nextHops(same)).to.deep.equal({ [V4]: 'fe80::21' });
    expect(nextHops(other)).to.deep.equal({ [V4]: 'fe80::1', '10.2.0.0/16': 'fe80::11' });
    expect(nextHops(plain)).to.deep.equal({ [V4]: R });
  });

  it('neighbors with one address on two links are two, and one path is better whatever came first', async () => {
    const best = async (order: readonly number[]) => {
      const net = new Net();
      // Both are one router: the same identifier, the same address on each link.
      const s = await speaker(net, [
        neighbor('fe80::11%eth0', { peerAs: 65001 }),
        neighbor('fe80::11%eth1', { peerAs: 65001 }),
      ]);
      const both = ['fe80::11%eth0', 'fe80::11%eth1'].map((address) =>
        probe(net, address, { localAs: 65001, routerId: 77 }),
      );
      await net.lab.up(...both);
      for (const i of order) {
        say(both[i]!, '10.0.0.99', V4);
        await net.lab.settle();
      }
      expect([...s.routes('ipv4-unicast', { bestOnly: false })]).to.have.length(2);
      return s.explain(V4).best!.neighbor;
    };
    expect([await best([0, 1]), await best([1, 0])]).to.deep.equal(['fe80::11%eth0', 'fe80::11%eth0']);
  });

  it('any neighbor on a link: dynamic neighbors of fe80::/10', async () => {
    const net = new Net();
    const peerGroups = { links: { peerAs: 65001, extendedNextHop: true } };
    const s = await net.lab.speaker(
      {
        routerId: R,
        listen: [{ address: L, port: 179 }],
        peerGroups,
        dynamicNeighbors: [{ prefix: 'fe80::/10', peerGroup: 'links' }],
      },
      { networks: linkOnly, transport: net.lab.network.host(L) },
    );
    const a = probe(net, 'fe80::5e:1%eth0', { localAs: 65001 });
    await net.lab.up(a);
    say(a, 'fe80::5e:1', V4);
    await net.lab.settle();
    expect([...s.routes('ipv4-unicast')][0]).to.include({ neighbor: 'fe80::5e:1%eth0', nextHop: 'fe80::5e:1' });
  });
});

describe('Speaker: IPv4 routes with IPv6 next hops, and policies', () => {
  const W4 = '10.2.0.0/16';
  const accept = { result: 'accept' } as const;
  const policies: NonNullable<SpeakerConfig['policies']> = {
    onlySix: [{ conditions: { nextHopIn: ['fd00::/64'] }, actions: accept }],
    onlyFour: [{ conditions: { nextHopIn: ['10.0.0.0/24'] }, actions: accept }],
    setFour: [{ actions: { ...accept, nextHop: '10.0.0.77' } }],
    setSix: [{ actions: { ...accept, nextHop: 'fd00::77' } }],
    self: [{ actions: { ...accept, nextHop: 'self' } }],
    unchanged: [{ actions: { ...accept, nextHop: 'unchanged' } }],
  };

  /** The neighbor that tells has one route with an IPv6 next hop and one with an IPv4 one. */
  async function scene(importPolicy: string | undefined, exportPolicy: string | undefined) {
    const net = new Net();
    const into = importPolicy === undefined ? {} : { importPolicy: [importPolicy] };
    const config = (name: string | undefined) => {
      const out = name === undefined ? {} : { exportPolicy: [name] };
      return [
        client('fd00::11', true, into),
        client('fd00::12', true, out),
        client('10.0.0.13', false, out),
        neighbor('fd00::21', { peerAs: 65001, extendedNextHop: true, ...out }),
        neighbor('10.0.0.22', { peerAs: 65001, ...out }),
      ];
    };
    const speaker = await net.speaker(config(exportPolicy), { policies });
    const from = net.probe('fd00::11', TWO);
    const to = [
      net.probe('fd00::12', TWO),
      net.probe('10.0.0.13'),
      net.probe('fd00::21', { ...TWO, localAs: 65001 }),
      net.probe('10.0.0.22', { localAs: 65001 }),
    ];
    await net.lab.up(from, ...to);
    // Not on the subnets shared with the neighbors, but for the first.
    say(from, NH, V4);
    say(from, '10.5.0.9', W4);
    await net.lab.settle();
    const reload = async (name: string | undefined) => {
      const result = await speaker.reconfigure({ ...speaker.config, neighbors: config(name) });
      expect(result.reset).to.deep.equal([]);
      await net.lab.settle();
    };
    /** Client with and without, eBGP with and without: next hops of the two routes. */
    const told = () => to.map((probe) => [V4, W4].map((prefix) => nextHops(probe)[prefix] ?? null));
    return { net, speaker, to, told, reload };
  }

  const PLAIN = [
    [NH, '10.5.0.9'],
    [null, '10.5.0.9'],
    [NH, R6],
    [R, R],
  ];

  for (const [policy, expected] of [
    [undefined, PLAIN],
    ['onlySix', PLAIN.map(([first]) => [first, null])],
    ['onlyFour', PLAIN.map(() => [null, null])],
    // What the neighbor told with an IPv6 next hop is fit for everybody then.
    ['setFour', [...Array.from({ length: 2 }, () => ['10.0.0.77', '10.0.0.77']), [R6, R6], ['10.0.0.77', '10.0.0.77']]],
    [
      'setSix',
      [
        ['fd00::77', 'fd00::77'],
        [null, null],
        ['fd00::77', 'fd00::77'],
        [R, R],
      ],
    ],
  ] as const) {
    it(`import ${policy ?? 'without'}`, async () => {
      const { told } = await scene(policy, undefined);
      expect(told()).to.deep.equal(expected);
    });
  }

  const EXPORTS = [
    [undefined, PLAIN],
    ['onlySix', PLAIN.map(([first]) => [first, null])],
    [
      'self',
      [
        [R6, R6],
        [R, R],
        [R6, R6],
        [R, R],
      ],
    ],
    // Unchanged is what a neighbor cannot take: it is not told.
    [
      'unchanged',
      [
        [NH, '10.5.0.9'],
        [null, '10.5.0.9'],
        [NH, '10.5.0.9'],
        [null, '10.5.0.9'],
      ],
    ],
    ['setFour', PLAIN.map(() => ['10.0.0.77', '10.0.0.77'])],
    // Where the neighbor cannot take it, it is left out.
    [
      'setSix',
      [
        ['fd00::77', 'fd00::77'],
        [null, '10.5.0.9'],
        ['fd00::77', 'fd00::77'],
        [R, R],
      ],
    ],
  ] as const;
  for (const [policy, expected] of EXPORTS) {
    it(`export ${policy ?? 'without'}`, async () => {
      const { told } = await scene(undefined, policy);
      expect(told()).to.deep.equal(expected);
    });
  }

  it('export, changed in place from each to each', async () => {
    const { to, told, reload } = await scene(undefined, undefined);
    for (const [before] of EXPORTS) {
      for (const [after, expected] of EXPORTS) {
        await reload(before);
        await reload(after);
        expect(told(), `${String(before)} -> ${String(after)}`).to.deep.equal(expected);
      }
    }
    for (const { view, downs } of to) {
      expect(view.needless).to.deep.equal([]);
      expect(downs).to.deep.equal([]);
    }
  });
});
