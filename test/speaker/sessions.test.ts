import { expect } from 'chai';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, oneInterface, type Probe } from '../support/lab.js';
import { announcement } from '../support/wire.js';

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

describe('Speaker: sessions', () => {
  let lab: Lab;
  let speaker: Speaker;
  let a: Probe;
  let b: Probe;

  beforeEach(async () => {
    lab = new Lab();
    speaker = await lab.speaker({ routerId: R, neighbors: [client('10.0.0.11'), client('10.0.0.12')] });
    a = lab.probe(R, '10.0.0.11');
    b = lab.probe(R, '10.0.0.12');
  });

  const states = () => speaker.neighbors().map(({ state }) => state);

  it('tells all that it has, then End-of-RIB for each family (RFC 4724 section 2)', async () => {
    await lab.up(a);
    expect(a.view.endOfRib).to.deep.equal(['1/1', '2/1']);
    expect(a.view.messages).to.equal(2);
    a.announce(V4).announce(V6);
    speaker.announce('10.2.0.0/16');
    await lab.settle();
    const order: string[] = [];
    b.onMessage = (body) => order.push(body.length === 4 || body.length === 10 ? 'end' : 'routes');
    await lab.up(b);
    expect(b.prefixes).to.deep.equal([V4, '10.2.0.0/16', V6]);
    expect(b.view.endOfRib.toSorted()).to.deep.equal(['1/1', '2/1']);
    expect(order.at(-1)).to.equal('end');
    expect(a.view.endOfRib).to.have.length(2);
  });

  it('hears End-of-RIB', async () => {
    const heard: unknown[] = [];
    speaker.on('endOfRib', (event) => heard.push(event));
    await lab.up(a);
    a.send(Uint8Array.from([...new Array<number>(16).fill(255), 0, 23, 2, 0, 0, 0, 0]));
    await lab.settle();
    expect(heard).to.deep.equal([{ neighbor: '10.0.0.11', family: 'ipv4-unicast' }]);
  });

  it('ROUTE-REFRESH: the routes of that family again, to nobody else (RFC 2918)', async () => {
    await lab.up(a, b);
    a.announce(V4, '10.2.0.0/16').announce(V6);
    await lab.settle();
    const others = b.view.log.length;
    b.view.log.length = 0;
    b.refresh(1);
    await lab.settle();
    expect(b.view.log.splice(0).toSorted()).to.deep.equal(
      [`+${V4}`, '+10.2.0.0/16', 'begin 1/1', 'end 1/1'].toSorted(),
    );
    b.refresh(2);
    await lab.settle();
    expect(b.view.log).to.deep.equal(['begin 2/1', `+${V6}`, 'end 2/1']);
    expect(others).to.equal(3);
    expect(a.view.log).to.deep.equal([]);
    // A family that is not in use is ignored, and so are the demarcations of RFC 7313 and unknown subtypes.
    b.refresh(1, 128).refresh(1, 1, 1).refresh(1, 1, 2).refresh(1, 1, 77);
    await lab.settle();
    expect(b.view.log).to.have.length(3);
    expect(states()).to.deep.equal(['Established', 'Established']);
  });

  it('tells and hears only the families that both sides have', async () => {
    const lab2 = new Lab();
    const one = await lab2.speaker({
      routerId: R,
      neighbors: [client('10.0.0.11', { families: ['ipv4-unicast'] }), client('10.0.0.12'), client('10.0.0.13')],
    });
    const [c, d, e] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'].map((address) => lab2.probe(R, address));
    const only6 = lab2.probe(R, '10.0.0.14', { families: [{ afi: 2, safi: 1 }] });
    one.addNeighbor(client('10.0.0.14'));
    await lab2.up(c!, d!, e!, only6);
    d!.announce(V4).announce(V6);
    await lab2.settle();
    expect([c!, e!, only6].map(({ prefixes }) => prefixes)).to.deep.equal([[V4], [V4, V6], [V6]]);
    expect([c!, e!, only6].map(({ view }) => view.endOfRib.toSorted())).to.deep.equal([
      ['1/1'],
      ['1/1', '2/1'],
      ['2/1'],
    ]);
    expect(one.neighbors().map(({ families }) => families)).to.deep.equal([
      ['ipv4-unicast'],
      ['ipv4-unicast', 'ipv6-unicast'],
      ['ipv4-unicast', 'ipv6-unicast'],
      ['ipv6-unicast'],
    ]);
    // Unasked for, from the one that has IPv4 only.
    c!.announce('2001:db8:9::/48').announce('10.9.0.0/16');
    await lab2.settle();
    expect(e!.prefixes).to.deep.equal([V4, '10.9.0.0/16', V6].toSorted());
  });

  it('IPv4 and IPv6 routes over an IPv6 session', async () => {
    const lab2 = new Lab();
    const networks = oneInterface(['2001:db8::1', '2001:db8::/64']);
    const host = lab2.host('2001:db8::1');
    const one = await lab2.speaker(
      {
        routerId: R,
        listen: [{ address: '2001:db8::1', port: 179 }],
        neighbors: [client('2001:db8::11'), client('2001:db8::12')],
      },
      { transport: host, networks },
    );
    const [c, d] = [11, 12].map((n) =>
      lab2.probe('2001:db8::1', `2001:db8::${n}`, { routerId: 0x0a000000 + n, localAs: 64512 }),
    );
    await lab2.up(c!, d!);
    one.announce(V4);
    one.announce(V6);
    c!.send(announcement({ prefixes: ['10.2.0.0/16'], nextHop: '10.0.0.11', attributes: c!.attributes() }));
    await lab2.settle();
    expect([V4, V6, '10.2.0.0/16'].map((prefix) => d!.view.routes.get(prefix)?.nextHop)).to.deep.equal([
      // Of a family that the interface has no address of, the router ID.
      R,
      '2001:db8::1',
      '10.0.0.11',
    ]);
  });

  it('routes of a neighbor that goes down go, and come back with it', async () => {
    await lab.up(a, b);
    a.announce(V4).announce(V6);
    await lab.settle();
    expect(b.prefixes).to.deep.equal([V4, V6]);
    void a.peer.stop();
    await lab.settle();
    expect(b.prefixes).to.deep.equal([]);
    expect([...speaker.routes('ipv4-unicast')]).to.deep.equal([]);
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
    await lab.up(a);
    a.announce(V4);
    await lab.settle();
    expect(b.prefixes).to.deep.equal([V4]);
    expect(b.view.needless).to.deep.equal([]);
  });

  it('a flap with the same routes leaves no trace, however often', async () => {
    await lab.up(a, b);
    for (let round = 0; round < 20; round++) {
      a.announce(V4, '10.2.0.0/16').announce(V6);
      await lab.settle();
      a.peer.reset();
      await lab.clock.runUntilAsync(() => a.isUp, 60_000);
      // At once, while the old routes may still be there.
      a.announce('10.3.0.0/16');
      await lab.settle();
      expect(b.prefixes).to.deep.equal(['10.3.0.0/16']);
      expect(speaker.summary().families['ipv4-unicast']).to.deep.equal({ prefixes: 1, paths: 1 });
    }
    expect(speaker.rib.peers.limit).to.be.lessThan(10);
  });

  it('a hold timer that expires takes the routes away', async () => {
    await lab.up(a, b);
    a.announce(V4);
    await lab.settle();
    lab.network.cut(R, '10.0.0.11');
    await lab.clock.runUntilAsync(() => b.prefixes.length === 0, 91_000);
    expect(speaker.neighbor('10.0.0.11').lastError).to.include({
      direction: 'sent',
      code: 4,
    });
    lab.network.restore(R, '10.0.0.11');
  });

  it('disable ends the session with a reason, enable brings it back (RFC 9003)', async () => {
    await lab.up(a, b);
    a.announce(V4);
    await lab.settle();
    speaker.disableNeighbor('10.0.0.11', 'maintenance');
    await lab.settle();
    expect(a.peer.lastError).to.include({
      direction: 'received',
      text: 'Cease/Administrative Shutdown',
      message: 'maintenance',
    });
    expect(speaker.neighbor('10.0.0.11')).to.include({ state: 'Idle', adminDown: true });
    expect(b.prefixes).to.deep.equal([]);
    await lab.clock.runAsync(600_000);
    expect(a.isUp, 'stays away').to.equal(false);
    speaker.enableNeighbor('10.0.0.11');
    await lab.clock.runUntilAsync(() => a.isUp, 200_000);
    expect(speaker.neighbor('10.0.0.11')).to.include({ state: 'Established', adminDown: false });
  });

  it('reset ends the session, which comes back by itself', async () => {
    await lab.up(a);
    speaker.resetNeighbor('10.0.0.11', 'new filter');
    await lab.settle();
    expect(a.peer.lastError).to.include({ text: 'Cease/Administrative Reset', message: 'new filter' });
    await lab.clock.runUntilAsync(() => a.isUp, 60_000);
    expect(speaker.neighbor('10.0.0.11').established).to.equal(2);
  });

  it('adds and removes neighbors at run time', async () => {
    await lab.up(a);
    a.announce(V4);
    const c = lab.probe(R, '10.0.0.13');
    c.peer.start();
    await lab.clock.runAsync(5000);
    expect(c.isUp, 'unknown: refused').to.equal(false);
    speaker.addNeighbor(client('10.0.0.13'));
    await lab.clock.runUntilAsync(() => c.isUp, 60_000);
    await lab.settle();
    expect(c.prefixes).to.deep.equal([V4]);
    speaker.removeNeighbor('10.0.0.13');
    await lab.settle();
    expect(c.peer.lastError).to.include({ text: 'Cease/Peer De-configured' });
    expect(() => speaker.neighbor('10.0.0.13'))
      .to.throw()
      .with.property('code', 'unknown_neighbor');
    await lab.clock.runAsync(300_000);
    expect(c.isUp).to.equal(false);
    expect(states()[0]).to.equal('Established');
  });

  it('refuses to add a neighbor twice, and stays as it was', () => {
    expect(() => speaker.addNeighbor(client('10.0.0.11'))).to.throw();
    expect(() => speaker.addNeighbor({ address: '10.0.0.13' })).to.throw();
    expect(speaker.neighbors().map(({ address }) => address)).to.deep.equal(['10.0.0.11', '10.0.0.12']);
    speaker.addNeighbor(client('10.0.0.13'));
    expect(speaker.neighbors()).to.have.length(3);
  });

  it('names what it does not know', () => {
    for (const call of [
      () => speaker.neighbor('10.0.0.99'),
      () => speaker.removeNeighbor('10.0.0.99'),
      () => speaker.enableNeighbor('10.0.0.99'),
      () => speaker.disableNeighbor('10.0.0.99'),
      () => speaker.resetNeighbor('10.0.0.99'),
      () => [...speaker.routes('ipv4-unicast', { receivedFrom: '10.0.0.99' })],
      () => [...speaker.routes('ipv4-unicast', { advertisedTo: '10.0.0.99' })],
    ]) {
      expect(call).to.throw().with.property('code', 'unknown_neighbor');
    }
  });

  it('stop: Cease/Administrative Shutdown with the reason to all, listeners closed, nothing left open', async () => {
    await lab.up(a, b);
    a.announce(V4);
    await lab.settle();
    await lab.during(speaker.stop('upgrade'));
    await lab.settle();
    for (const probe of [a, b]) {
      expect(probe.peer.lastError).to.include({ text: 'Cease/Administrative Shutdown', message: 'upgrade' });
    }
    expect(speaker.listening).to.deep.equal([]);
    expect(lab.connectionsOf(R)).to.equal(0);
    void a.peer.stop();
    void b.peer.stop();
    await lab.clock.runAsync(600_000);
    expect(lab.clock.pending, 'timers left').to.equal(0);
  });

  it('a neighbor that sends a broken UPDATE is reset, the others stay', async () => {
    await lab.up(a, b);
    b.announce(V4);
    a.announce('10.2.0.0/16');
    await lab.settle();
    // A prefix of 33 bits.
    a.send(Uint8Array.from([...new Array<number>(16).fill(255), 0, 25, 2, 0, 2, 33, 0, 0, 0]));
    await lab.settle();
    expect(a.peer.lastError).to.include({ direction: 'received', text: 'UPDATE Message Error/Invalid Network Field' });
    expect(b.prefixes).to.deep.equal([]);
    expect(states()[1]).to.equal('Established');
  });

  it('a flaw that does not end the session is told as an event', async () => {
    const errors: string[] = [];
    speaker.on('updateError', ({ neighbor, diagnostic }) => errors.push(`${neighbor} ${diagnostic.action}`));
    await lab.up(a, b);
    a.announceWith(
      [
        { code: 1, value: 'IGP' },
        { code: 2, value: [] },
      ],
      V4,
    );
    await lab.settle();
    expect(errors).to.deep.equal(['10.0.0.11 treat-as-withdraw']);
    expect(b.prefixes).to.deep.equal([]);
  });

  it('events of the state machine', async () => {
    const changes: string[] = [];
    speaker.on('neighborStateChange', ({ neighbor, from, to }) => changes.push(`${neighbor} ${from} ${to}`));
    await lab.up(a);
    expect(changes).to.deep.equal([
      '10.0.0.11 Active OpenSent',
      '10.0.0.11 OpenSent OpenConfirm',
      '10.0.0.11 OpenConfirm Established',
    ]);
  });
});
