import { expect } from 'chai';
import type { SpeakerConfig } from '../../lib/speaker/options.js';
import type { RouteFilter } from '../../lib/speaker/speaker-api.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';

const client = (address: string) => ({ address, peerAs: 64512, passive: true, routeReflectorClient: true });

describe('Speaker: routes', () => {
  let lab: Lab;
  let speaker: Speaker;
  let a: Probe;
  let b: Probe;

  beforeEach(async () => {
    lab = new Lab();
    speaker = await lab.speaker({ routerId: R, neighbors: [client('10.0.0.11'), client('10.0.0.12')] });
    a = lab.probe(R, '10.0.0.11');
    b = lab.probe(R, '10.0.0.12');
    await lab.up(a, b);
  });

  const list = (filter?: RouteFilter, family: 'ipv4-unicast' | 'ipv6-unicast' = 'ipv4-unicast'): string[] =>
    [...speaker.routes(family, filter)].map(({ prefix, neighbor }) => `${prefix} ${neighbor}`).sort();

  it('Loc-RIB, all paths, Adj-RIB-In and Adj-RIB-Out', async () => {
    a.announce(V4, '10.2.0.0/16').announce(V6);
    b.announceWith(b.attributes([{ code: 5, value: 200 }]), V4);
    speaker.announce('10.3.0.0/16');
    await lab.settle();
    const local = '10.3.0.0/16 null';
    expect(list()).to.deep.equal([`${V4} 10.0.0.12`, '10.2.0.0/16 10.0.0.11', local]);
    expect(list({ bestOnly: false })).to.deep.equal([
      `${V4} 10.0.0.11`,
      `${V4} 10.0.0.12`,
      '10.2.0.0/16 10.0.0.11',
      local,
    ]);
    expect(list({ receivedFrom: '10.0.0.11' })).to.deep.equal([`${V4} 10.0.0.11`, '10.2.0.0/16 10.0.0.11']);
    expect(list({ receivedFrom: '10.0.0.12' })).to.deep.equal([`${V4} 10.0.0.12`]);
    expect(list({ advertisedTo: '10.0.0.11' })).to.deep.equal([`${V4} 10.0.0.12`, local]);
    expect(list({ advertisedTo: '10.0.0.12' })).to.deep.equal(['10.2.0.0/16 10.0.0.11', local]);
    expect(list({}, 'ipv6-unicast')).to.deep.equal([`${V6} 10.0.0.11`]);
    // The counters say the same, and so do the neighbors.
    expect(speaker.neighbor('10.0.0.11').prefixes).to.deep.equal({
      'ipv4-unicast': { received: 2, advertised: 2 },
      'ipv6-unicast': { received: 1, advertised: 0 },
    });
    expect(a.prefixes).to.deep.equal([V4, '10.3.0.0/16']);
    expect(speaker.summary().families).to.deep.equal({
      'ipv4-unicast': { prefixes: 3, paths: 4 },
      'ipv6-unicast': { prefixes: 1, paths: 1 },
    });
  });

  it('what is shown as told is what was told', async () => {
    a.announceWith(a.attributes([{ code: 8, value: [65000 * 65536 + 7] }]), V4);
    await lab.settle();
    const shown = [...speaker.routes('ipv4-unicast', { advertisedTo: '10.0.0.12' })][0]!;
    expect(shown).to.deep.include({ originatorId: '10.0.0.11', clusterList: [R], communities: ['65000:7'] });
    const told = b.view.routes.get(V4)!;
    expect(valueOf(told, 9)).to.equal(shown.originatorId);
    expect(valueOf(told, 10)).to.deep.equal(shown.clusterList);
    expect(told.nextHop).to.equal(shown.nextHop);
  });

  it('a neighbor that is not up has sent and been told nothing', async () => {
    a.announce(V4);
    await lab.settle();
    void b.peer.stop();
    await lab.settle();
    expect(list({ receivedFrom: '10.0.0.12' })).to.deep.equal([]);
    expect(list({ advertisedTo: '10.0.0.12' })).to.deep.equal([]);
  });

  it('announce, change, withdraw', async () => {
    speaker.announce(V4, {
      nextHop: '10.7.7.7',
      origin: 'egp',
      med: 5,
      localPref: 150,
      communities: ['64512:1', 'no-export'],
      largeCommunities: ['64512:2:3'],
    });
    speaker.announce(V6, { nextHop: '2001:db8::7' });
    await lab.settle();
    const route = a.view.routes.get(V4)!;
    expect(route.attributes.map(({ code }) => [code, valueOf(route, code)])).to.deep.equal([
      [1, 'EGP'],
      [2, []],
      [3, '10.7.7.7'],
      [4, 5],
      [5, 150],
      [8, [64512 * 65536 + 1, 0xffffff01]],
      [32, [[64512, 2, 3]]],
    ]);
    expect(a.view.routes.get(V6)!.nextHop).to.equal('2001:db8::7');
    speaker.announce(V4, { med: 6 });
    await lab.settle();
    expect(valueOf(a.view.routes.get(V4)!, 4)).to.equal(6);
    expect(a.view.routes.get(V4)!.nextHop).to.equal(R);
    speaker.withdraw(V4);
    speaker.withdraw(V6);
    await lab.settle();
    expect(a.prefixes).to.deep.equal([]);
    expect(a.view.needless).to.deep.equal([]);
  });

  it('refuses what cannot be announced or withdrawn', () => {
    const wrong: readonly (readonly [() => void, string])[] = [
      [() => speaker.announce('10.1.0.0/33'), 'bad_prefix'],
      [() => speaker.announce('10.1.0.1/16'), 'bad_prefix'],
      [() => speaker.announce(V6, { nextHop: '10.0.0.9' }), 'bad_next_hop'],
      [() => speaker.announce(V4, { nextHop: 'nowhere' }), 'bad_address'],
      [() => speaker.announce(V4, { communities: ['70000:1'] }), 'bad_community'],
      [() => speaker.announce(V4, { largeCommunities: ['1:2'] }), 'bad_community'],
      [() => speaker.withdraw(V4), 'not_originated'],
      [() => speaker.withdraw('x'), 'bad_prefix'],
      [() => void speaker.explain('x'), 'bad_prefix'],
    ];
    for (const [call, code] of wrong) expect(call).to.throw().with.property('code', code);
    expect(list()).to.deep.equal([]);
  });

  it('a prefix that is withdrawn may be learnt from others', async () => {
    speaker.announce(V4);
    a.announce(V4);
    await lab.settle();
    expect(speaker.explain(V4).best?.neighbor).to.equal(null);
    speaker.withdraw(V4);
    await lab.settle();
    expect(speaker.explain(V4).best?.neighbor).to.equal('10.0.0.11');
    expect(() => speaker.withdraw(V4))
      .to.throw()
      .with.property('code', 'not_originated');
  });

  it('explain: all paths, best first, with the reason', async () => {
    a.announce(V4);
    b.announceWith(b.attributes([{ code: 5, value: 200 }]), V4);
    await lab.settle();
    const { best, decisions } = speaker.explain(V4);
    expect(best?.neighbor).to.equal('10.0.0.12');
    expect(decisions.map(({ path, lostAt, detail }) => [path.neighbor, lostAt, detail])).to.deep.equal([
      ['10.0.0.12', null, null],
      ['10.0.0.11', 'highest LOCAL_PREF', 'LOCAL_PREF 100 (best: LOCAL_PREF 200)'],
    ]);
  });

  it('bestPathChange: one event for each change, none for what changes nothing', async () => {
    const events: string[] = [];
    speaker.on('bestPathChange', ({ prefix, best }) => {
      events.push(best ? `${prefix} ${best.neighbor} ${best.localPref}` : prefix);
    });
    const step = async (act: () => void): Promise<string[]> => {
      act();
      await lab.settle();
      return events.splice(0);
    };
    const prefer = (probe: Probe, value: number) => probe.announceWith(probe.attributes([{ code: 5, value }]), V4);
    expect(await step(() => a.announce(V4))).to.deep.equal([`${V4} 10.0.0.11 100`]);
    expect(await step(() => a.announce(V4))).to.deep.equal([]);
    expect(await step(() => prefer(b, 50))).to.deep.equal([]);
    expect(await step(() => prefer(b, 200))).to.deep.equal([`${V4} 10.0.0.12 200`]);
    expect(await step(() => prefer(b, 201))).to.deep.equal([`${V4} 10.0.0.12 201`]);
    expect(await step(() => b.withdraw(V4))).to.deep.equal([`${V4} 10.0.0.11 100`]);
    expect(await step(() => a.withdraw(V4))).to.deep.equal([V4]);
    expect(await step(() => a.announce(V6))).to.deep.equal([`${V6} 10.0.0.11 100`]);
    expect(await step(() => void a.peer.stop())).to.deep.equal([V6]);
    // There and gone in one turn: nobody needs to know.
    expect(await step(() => b.announce(V4).withdraw(V4))).to.deep.equal([]);
  });

  it('a change goes out at once, not after a delay', async () => {
    let at = -1;
    b.onMessage = () => (at = lab.clock.now());
    const sent = lab.clock.now();
    a.announce(V4);
    await lab.settle();
    // One millisecond for each of the two links.
    expect(at - sent).to.equal(2);
  });
});

describe('Speaker: reconfigure', () => {
  const base = (): SpeakerConfig => ({
    asn: 64512,
    routerId: R,
    listen: [{ address: R, port: 179 }],
    peerGroups: { nodes: { peerAs: 64512, routeReflectorClient: true, passive: true } },
    neighbors: [
      { address: '10.0.0.11', peerGroup: 'nodes' },
      { address: '10.0.0.12', peerGroup: 'nodes' },
      { address: '10.0.0.13', peerGroup: 'nodes' },
    ],
    dynamicNeighbors: [{ prefix: '10.0.1.0/24', peerGroup: 'nodes' }],
    networks: ['10.5.0.0/16', { prefix: '10.6.0.0/16', med: 1 }],
  });
  let lab: Lab;
  let speaker: Speaker;
  let probes: [Probe, Probe, Probe];

  beforeEach(async () => {
    lab = new Lab();
    speaker = await lab.speaker(base());
    probes = [lab.probe(R, '10.0.0.11'), lab.probe(R, '10.0.0.12'), lab.probe(R, '10.0.0.13')];
    await lab.up(...probes);
  });

  const nothing = {
    added: [],
    removed: [],
    changed: [],
    reset: [],
    networksAdded: [],
    networksRemoved: [],
    needsRestart: [],
  };

  it('the same configuration changes nothing', async () => {
    const before = speaker.neighbors().map(({ established }) => established);
    expect(await speaker.reconfigure(base())).to.deep.equal(nothing);
    await lab.settle();
    expect(speaker.neighbors().map(({ established }) => established)).to.deep.equal(before);
    expect(probes.flatMap(({ downs }) => downs)).to.deep.equal([]);
  });

  it('touches only the difference', async () => {
    const [a, b, c] = probes;
    a.announce(V4);
    await lab.settle();
    c.view.log.length = 0;
    const config = base();
    const result = await speaker.reconfigure({
      ...config,
      neighbors: [
        // 10.0.0.11 is gone, 10.0.0.12 has another hold time, 10.0.0.13 a description, 10.0.0.14 is new.
        { address: '10.0.0.12', peerGroup: 'nodes', holdTime: 30 },
        { address: '10.0.0.13', peerGroup: 'nodes', description: 'rack 3' },
        { address: '10.0.0.14', peerGroup: 'nodes' },
      ],
      networks: [{ prefix: '10.6.0.0/16', med: 2 }, '10.7.0.0/16'],
    });
    expect(result).to.deep.equal({
      ...nothing,
      added: ['10.0.0.14'],
      removed: ['10.0.0.11'],
      changed: ['10.0.0.13'],
      reset: ['10.0.0.12'],
      networksAdded: ['10.7.0.0/16', '10.6.0.0/16'],
      networksRemoved: ['10.5.0.0/16'],
    });
    await lab.settle();
    expect(a.peer.lastError).to.include({ text: 'Cease/Peer De-configured' });
    expect(b.peer.lastError).to.include({ text: 'Cease/Other Configuration Change' });
    expect(c.downs).to.deep.equal([]);
    expect(speaker.neighbor('10.0.0.13').description).to.equal('rack 3');
    expect(c.view.log.toSorted()).to.deep.equal([`-${V4}`, '-10.5.0.0/16', '+10.6.0.0/16', '+10.7.0.0/16'].toSorted());
    expect(valueOf(c.view.routes.get('10.6.0.0/16')!, 4)).to.equal(2);
    await lab.clock.runUntilAsync(() => b.isUp, 60_000);
    expect(speaker.neighbor('10.0.0.12').holdTime).to.equal(30);
    const d = lab.probe(R, '10.0.0.14');
    await lab.up(d);
    expect(d.prefixes).to.deep.equal(['10.6.0.0/16', '10.7.0.0/16']);
  });

  it('a change of what is told needs no new session with the others', async () => {
    const [a, b, c] = probes;
    a.announce(V4);
    await lab.settle();
    expect(b.prefixes).to.include(V4);
    const neighbors = base().neighbors!.map((neighbor) =>
      neighbor.address === '10.0.0.12' ? neighbor : { ...neighbor, routeReflectorClient: false },
    );
    await speaker.reconfigure({ ...base(), neighbors });
    await lab.settle();
    await lab.clock.runUntilAsync(() => a.isUp && c.isUp, 60_000);
    a.announce(V4);
    await lab.settle();
    expect(b.downs).to.deep.equal([]);
    expect(b.prefixes).to.include(V4);
    expect(c.prefixes, 'non-client to non-client').not.to.include(V4);
  });

  it('retry intervals change in place, and count at once', async () => {
    const dialed = (connectRetry: number) => ({
      ...base(),
      neighbors: [
        ...base().neighbors!,
        { address: '10.0.0.20', peerAs: 64512, connectRetry, connectRetryMax: connectRetry },
      ],
    });
    await speaker.reconfigure(dialed(100));
    await lab.clock.runAsync(210_000);
    const slowly = lab.dialsTo('10.0.0.20');
    expect(slowly).to.be.lessThan(5);
    const result = await speaker.reconfigure(dialed(2));
    expect(result).to.deep.equal({ ...nothing, changed: ['10.0.0.20'] });
    await lab.clock.runAsync(210_000);
    expect(lab.dialsTo('10.0.0.20') - slowly).to.be.greaterThan(50);
  });

  it('what needs a restart is named and left as it is', async () => {
    const result = await speaker.reconfigure({ ...base(), routerId: '10.0.0.200', clientToClientReflection: false });
    expect(result.needsRestart).to.have.members(['routerId', 'clientToClientReflection']);
    expect(speaker.summary().routerId).to.equal(R);
    expect(probes.flatMap(({ downs }) => downs)).to.deep.equal([]);
  });

  it('a range that goes takes its neighbors along', async () => {
    const dynamic = lab.probe(R, '10.0.1.1');
    await lab.up(dynamic);
    const result = await speaker.reconfigure({ ...base(), dynamicNeighbors: [] });
    expect(result.reset).to.deep.equal(['10.0.1.1']);
    await lab.settle();
    expect(dynamic.peer.lastError).to.include({ text: 'Cease/Peer De-configured' });
    await lab.clock.runAsync(60_000);
    expect(dynamic.isUp).to.equal(false);
    expect(speaker.neighbors()).to.have.length(3);
  });

  it('a wrong configuration changes nothing', async () => {
    const error: unknown = await speaker
      .reconfigure({ ...base(), neighbors: [{ address: 'x' }] })
      .catch((e: unknown) => e);
    expect(error).to.be.instanceOf(Error);
    await lab.settle();
    expect(probes.every(({ isUp }) => isUp)).to.equal(true);
  });

  it('networks announced by hand stay', async () => {
    speaker.announce('10.8.0.0/16');
    await speaker.reconfigure({ ...base(), networks: [] });
    await lab.settle();
    expect([...speaker.routes('ipv4-unicast')].map(({ prefix }) => prefix)).to.deep.equal(['10.8.0.0/16']);
  });

  it('neighbors added by hand are part of the configuration: the file decides', async () => {
    speaker.addNeighbor({ address: '10.0.0.20', peerGroup: 'nodes' });
    const result = await speaker.reconfigure(base());
    expect(result.removed).to.deep.equal(['10.0.0.20']);
  });
});
