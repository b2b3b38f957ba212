import { expect } from 'chai';
import { seededRandom } from '../../lib/sim/index.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import { Lab } from '../support/lab.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';

const client = (address: string, more: Partial<NeighborOptions> = {}): NeighborOptions => ({
  address,
  peerAs: 64512,
  passive: true,
  routeReflectorClient: true,
  ...more,
});

describe('Speaker: dynamic neighbors', () => {
  const config = {
    routerId: R,
    peerGroups: { nodes: { peerAs: 64512, routeReflectorClient: true } },
    dynamicNeighbors: [
      { prefix: '10.0.1.0/24', peerGroup: 'nodes', limit: 2 },
      { prefix: '10.0.2.0/24', peerGroup: 'nodes' },
    ],
  };

  it('whoever connects from the prefix is a neighbor while connected', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker(config);
    const [a, b, stranger] = ['10.0.1.1', '10.0.2.2', '10.0.3.1'].map((address) => lab.probe(R, address));
    await lab.up(a!, b!);
    stranger!.peer.start();
    a!.announce(V4);
    await lab.settle();
    expect(b!.prefixes).to.deep.equal([V4]);
    expect(speaker.neighbor('10.0.1.1')).to.include({ dynamic: true, peerGroup: 'nodes', routeReflectorClient: true });
    expect(stranger!.isUp).to.equal(false);
    void a!.peer.stop();
    await lab.settle();
    expect(speaker.neighbors().map(({ address }) => address)).to.deep.equal(['10.0.2.2']);
    expect(b!.prefixes).to.deep.equal([]);
    await lab.up(a!);
    expect(speaker.neighbor('10.0.1.1').state).to.equal('Established');
  });

  it('up to the limit', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker(config);
    const probes = ['10.0.1.1', '10.0.1.2', '10.0.1.3'].map((address) => lab.probe(R, address));
    await lab.up(probes[0]!, probes[1]!);
    probes[2]!.peer.start();
    await lab.clock.runAsync(20_000);
    expect(probes[2]!.isUp).to.equal(false);
    expect(speaker.neighbors()).to.have.length(2);
    void probes[0]!.peer.stop();
    await lab.clock.runUntilAsync(() => probes[2]!.isUp, 200_000);
  });

  it('one that does wrong is held back before it is forgotten', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker(config);
    const a = lab.probe(R, '10.0.1.1');
    await lab.up(a);
    a.send(Uint8Array.from([...new Array<number>(16).fill(255), 0, 25, 2, 0, 2, 33, 0, 0, 0]));
    await lab.settle();
    expect(speaker.neighbor('10.0.1.1').state).to.equal('Idle');
    expect(speaker.neighbor('10.0.1.1').lastError).to.include({ code: 3, subcode: 10 });
    void a.peer.stop();
    await lab.clock.runUntilAsync(() => speaker.neighbors().length === 0, 300_000);
  });

  it('one that is disabled stays disabled', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker(config);
    const a = lab.probe(R, '10.0.1.1');
    await lab.up(a);
    speaker.disableNeighbor('10.0.1.1');
    await lab.clock.runAsync(300_000);
    expect(a.isUp).to.equal(false);
    expect(speaker.neighbor('10.0.1.1').adminDown).to.equal(true);
    speaker.enableNeighbor('10.0.1.1');
    await lab.clock.runUntilAsync(() => a.isUp, 300_000);
  });

  it('one that connects and says nothing is forgotten, too', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker(config);
    const host = lab.network.host('10.0.1.1');
    const nothing = { onData: () => undefined, onDrain: () => undefined, onClose: () => undefined };
    host.connect(
      { remote: { address: R, port: 179 } },
      { onConnect: (connection) => connection.setHandler(nothing), onError: () => undefined },
    );
    await lab.settle();
    expect(speaker.neighbors()).to.have.length(1);
    await lab.clock.runAsync(300_000);
    expect(speaker.neighbors()).to.have.length(0);
  });
});

describe('Speaker: start', () => {
  it('two speakers find each other, whoever connects', async () => {
    const lab = new Lab();
    const one = await lab.speaker({ routerId: R, neighbors: [{ address: '10.0.0.2', peerAs: 64512 }] });
    const two = await lab.speaker({ routerId: '10.0.0.2', neighbors: [{ address: R, peerAs: 64512 }] });
    await lab.clock.runUntilAsync(() => one.summary().neighbors.established === 1, 60_000);
    await lab.settle();
    one.announce(V4);
    two.announce(V6);
    await lab.settle();
    expect([...two.routes('ipv4-unicast')].map(({ prefix }) => prefix)).to.deep.equal([V4]);
    expect([...one.routes('ipv6-unicast')].map(({ prefix }) => prefix)).to.deep.equal([V6]);
    // Local routes of the one arrive without an AS, at the other.
    expect(two.explain(V4).best).to.include({ asPath: '', localPref: 100, nextHop: R, neighbor: R });
  });

  it('starts once, and not with an address that is not there', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker({ routerId: R });
    let error: unknown;
    await speaker.start().catch((e: unknown) => (error = e));
    expect(error).to.have.property('code', 'already_started');
    await lab.speaker({ routerId: '10.0.0.2', listen: [{ address: '10.9.9.9', port: 179 }] }).catch((e: unknown) => {
      error = e;
    });
    expect(error).to.have.property('code', 'EADDRNOTAVAIL');
  });

  it('a neighbor that is adminDown is left alone', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker({ routerId: R, neighbors: [client('10.0.0.11', { adminDown: true })] });
    const a = lab.probe(R, '10.0.0.11');
    a.peer.start();
    await lab.clock.runAsync(60_000);
    expect(a.isUp).to.equal(false);
    expect(speaker.neighbor('10.0.0.11')).to.include({ state: 'Idle', adminDown: true });
    speaker.enableNeighbor('10.0.0.11');
    await lab.clock.runUntilAsync(() => a.isUp, 200_000);
  });

  it('TCP may cut and join as it likes', async () => {
    const lab = new Lab({ rechunk: seededRandom(7) });
    await lab.speaker({ routerId: R, neighbors: [client('10.0.0.11'), client('10.0.0.12')] });
    const [a, b] = [lab.probe(R, '10.0.0.11'), lab.probe(R, '10.0.0.12')];
    await lab.up(a, b);
    const prefixes = Array.from({ length: 300 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);
    for (let i = 0; i < 300; i += 50) a.announce(...prefixes.slice(i, i + 50));
    await lab.clock.runUntilAsync(() => b.prefixes.length === 300, 60_000);
  });
});
