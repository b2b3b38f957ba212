import { expect } from 'chai';
import type { GracefulRestartOffer } from '../../lib/bgp/session/index.js';
import { encodeNotification } from '../../lib/bgp/wire/index.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import type { GracefulRestartSettings, LongLivedGracefulRestartSettings } from '../../lib/speaker/options.js';
import { Lab, type Probe } from '../support/lab.js';
import { octets, valueOf } from '../support/wire.js';

const CENTER = '10.0.0.254';
const V4 = { afi: 1, safi: 1 };
const V6 = { afi: 2, safi: 1 };

function offer(more: Partial<GracefulRestartOffer> = {}): GracefulRestartOffer {
  const tuples = [V4, V6].map((family) => ({ ...family, forwarding: true }));
  return { restartState: false, notification: false, restartTime: 60, tuples, ...more };
}

interface Settings {
  readonly gracefulRestart?: GracefulRestartSettings;
  readonly longLivedGracefulRestart?: LongLivedGracefulRestartSettings;
}

/** A reflector with two clients: one that restarts, one that watches what it is told meanwhile. */
async function scene(restart = offer(), settings: Settings = {}, watching = offer({ longLived: [] })) {
  const lab = new Lab();
  const client = (address: string) => ({ address, peerAs: 64512, routeReflectorClient: true, ...settings });
  const speaker = await lab.speaker({ routerId: CENTER, neighbors: ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(client) });
  const probe = lab.probe(CENTER, '10.0.0.1', { gracefulRestart: restart });
  const watcher = lab.probe(CENTER, '10.0.0.2', { gracefulRestart: { ...watching, tuples: [] } });
  await lab.up(probe, watcher);
  probe.announce('10.1.0.0/16', '10.2.0.0/16').announce('2001:db8:1::/48').send(endOfRib4(), endOfRib6());
  await lab.settle();
  expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16', '2001:db8:1::/48']);
  watcher.view.log.length = 0;
  return { lab, speaker, probe, watcher };
}

/** RFC 4724 section 2: an UPDATE without anything; for IPv6 an empty MP_UNREACH_NLRI. */
const endOfRib4 = () => octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000');
const endOfRib6 = () => octets('ffffffffffffffffffffffffffffffff 001d 02 0000 0006 80 0f 03 0002 01');

/** The connection is lost without a NOTIFICATION. */
async function cut(lab: Lab, probe: Probe): Promise<void> {
  void probe.peer.leave();
  await lab.settle();
}

async function back(lab: Lab, probe: Probe, more: Partial<GracefulRestartOffer> = {}): Promise<void> {
  probe.peer.setGracefulRestart(offer(more));
  await lab.up(probe);
}

const stale = (speaker: Speaker, family: 'ipv4-unicast' | 'ipv6-unicast' = 'ipv4-unicast') =>
  speaker.neighbor('10.0.0.1').prefixes[family]?.stale;
const stalePrefixes = (speaker: Speaker) =>
  [...speaker.routes('ipv4-unicast', { receivedFrom: '10.0.0.1' })].filter((path) => path.stale).map((p) => p.prefix);

describe('graceful restart: helper (RFC 4724 section 4.2)', () => {
  it('keeps the routes as stale, and refreshes them without a word to others', async () => {
    const { lab, speaker, probe, watcher } = await scene();
    const before = lab.clock.wallTime();
    await cut(lab, probe);
    expect(speaker.neighbor('10.0.0.1').state).to.not.equal('Established');
    expect(stale(speaker)).to.have.property('phase', 'restart');
    expect(stale(speaker)!.until! - before).to.be.within(60_000, 60_600);
    expect(stalePrefixes(speaker)).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    expect(speaker.explain('10.1.0.0/16').best).to.include({ stale: true, neighbor: '10.0.0.1' });

    await back(lab, probe, { restartState: true });
    expect(stale(speaker)).to.have.property('phase', 'resync');
    probe.announce('10.1.0.0/16');
    await lab.settle();
    expect(stalePrefixes(speaker)).to.deep.equal(['10.2.0.0/16']);
    probe.announce('10.2.0.0/16').announce('2001:db8:1::/48').send(endOfRib4(), endOfRib6());
    await lab.settle();
    expect(speaker.neighbor('10.0.0.1').prefixes).to.deep.equal({
      'ipv4-unicast': { received: 2, advertised: 0 },
      'ipv6-unicast': { received: 1, advertised: 0 },
    });
    expect(watcher.view.log).to.deep.equal([]);
  });

  it('End-of-RIB sweeps what was not told again, family by family', async () => {
    const { lab, speaker, probe, watcher } = await scene();
    await cut(lab, probe);
    await back(lab, probe, { restartState: true });
    probe.announce('10.2.0.0/16').send(endOfRib4());
    await lab.settle();
    expect(watcher.view.log).to.deep.equal(['-10.1.0.0/16']);
    expect(stale(speaker)).to.equal(undefined);
    expect(stale(speaker, 'ipv6-unicast')).to.have.property('phase', 'resync');
    expect(speaker.neighbor('10.0.0.1').prefixes['ipv4-unicast']!.received).to.equal(1);
    probe.send(endOfRib6());
    await lab.settle();
    expect(watcher.prefixes).to.deep.equal(['10.2.0.0/16']);
  });

  it('a route that changed, was withdrawn or is new meanwhile', async () => {
    const { lab, probe, watcher } = await scene();
    await cut(lab, probe);
    await back(lab, probe);
    probe.announceWith(probe.attributes([{ code: 5, value: 50 }]), '10.1.0.0/16');
    probe.withdraw('10.2.0.0/16').announce('10.3.0.0/16').announce('10.2.0.0/16').send(endOfRib4());
    await lab.settle();
    expect(watcher.prefixes).to.include.members(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']);
    expect(valueOf(watcher.view.routes.get('10.1.0.0/16')!, 5)).to.equal(50);
  });

  it('the restart time is over: all go', async () => {
    const { lab, speaker, probe, watcher } = await scene();
    await cut(lab, probe);
    await lab.clock.runAsync(58_000);
    expect(watcher.view.log).to.deep.equal([]);
    await lab.clock.runAsync(3_000);
    expect(watcher.prefixes).to.deep.equal([]);
    expect(speaker.neighbor('10.0.0.1').prefixes).to.deep.equal({});
    expect(speaker.summary().families['ipv4-unicast'].paths).to.equal(0);
    expect(speaker.rib.families.every(({ refreshes }) => refreshes.size === 0)).to.equal(true);
    // Its number was given back.
    await back(lab, probe);
    probe.announce('10.1.0.0/16');
    await lab.settle();
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16']);
  });

  it('End-of-RIB does not come: all that is stale goes after staleRoutesTime', async () => {
    const { lab, probe, watcher } = await scene(offer(), { gracefulRestart: { staleRoutesTime: 20 } });
    await cut(lab, probe);
    await back(lab, probe);
    probe.announce('10.1.0.0/16');
    await lab.clock.runAsync(18_000);
    expect(watcher.view.log).to.deep.equal([]);
    await lab.clock.runAsync(3_000);
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16']);
  });

  for (const [how, more] of [
    [
      'without the F bit of a family',
      {
        tuples: [
          { ...V4, forwarding: false },
          { ...V6, forwarding: true },
        ],
      },
    ],
    ['without a family', { tuples: [{ ...V6, forwarding: true }] }],
  ] as const) {
    it(`it comes back ${how}: that one is swept at once, the other one not`, async () => {
      const { lab, speaker, probe, watcher } = await scene();
      await cut(lab, probe);
      await back(lab, probe, more);
      expect(watcher.prefixes).to.deep.equal(['2001:db8:1::/48']);
      expect(stale(speaker, 'ipv6-unicast')).to.have.property('phase', 'resync');
      // What it tells now is fresh.
      probe.announce('10.1.0.0/16').send(endOfRib4());
      await lab.settle();
      expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '2001:db8:1::/48']);
    });
  }

  it('it comes back without the capability: all go', async () => {
    const { lab, probe, watcher } = await scene();
    await cut(lab, probe);
    probe.peer.setGracefulRestart(undefined);
    await lab.up(probe);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('it comes back with another router ID: it is another speaker', async () => {
    const { lab, probe, watcher } = await scene();
    await cut(lab, probe);
    const other = lab.probe(CENTER, '10.0.0.1', { routerId: 0x0a636363, gracefulRestart: offer() });
    await lab.up(other);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('only families that it named are kept', async () => {
    const { lab, probe, watcher } = await scene(offer({ tuples: [{ ...V6, forwarding: false }] }));
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal(['2001:db8:1::/48']);
  });

  it('a second restart during the first: what was stale already goes, what was told again stays', async () => {
    const { lab, speaker, probe, watcher } = await scene();
    await cut(lab, probe);
    await back(lab, probe);
    probe.announce('10.2.0.0/16', '10.3.0.0/16');
    await lab.settle();
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal(['10.2.0.0/16', '10.3.0.0/16']);
    expect(stalePrefixes(speaker)).to.deep.equal(['10.2.0.0/16', '10.3.0.0/16']);
    expect(speaker.neighbor('10.0.0.1').prefixes['ipv4-unicast']!.received).to.equal(2);
    // And a third one.
    await back(lab, probe);
    probe.announce('10.3.0.0/16');
    await lab.settle();
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal(['10.3.0.0/16']);
    await back(lab, probe);
    probe.announce('10.3.0.0/16', '10.1.0.0/16').send(endOfRib4(), endOfRib6());
    await lab.settle();
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.3.0.0/16']);
    expect(stale(speaker)).to.equal(undefined);
  });

  it('a restart after one that was completed keeps all', async () => {
    const { lab, probe, watcher } = await scene();
    for (let round = 0; round < 3; round++) {
      await cut(lab, probe);
      await back(lab, probe);
      probe.announce('10.1.0.0/16', '10.2.0.0/16').announce('2001:db8:1::/48').send(endOfRib4(), endOfRib6());
      await lab.settle();
    }
    expect(watcher.view.log).to.deep.equal([]);
  });

  it('a new connection of a neighbor that can restart replaces the session, without a NOTIFICATION', async () => {
    const { lab, speaker, probe, watcher } = await scene();
    const again = lab.probe(CENTER, '10.0.0.1', { routerId: probe.peer.options.routerId, gracefulRestart: offer() });
    again.peer.start();
    await lab.clock.runUntilAsync(() => probe.downs.length > 0, 10_000);
    // Else it would come back in turn.
    void probe.peer.leave();
    await lab.settle();
    expect(again.isUp).to.equal(true);
    expect(speaker.neighbor('10.0.0.1').sent.notification).to.equal(0);
    expect(probe.downs).to.have.length(1);
    expect(watcher.view.log).to.deep.equal([]);
    expect(stale(speaker)).to.have.property('phase', 'resync');
  });

  it('not after disable, reset or removal', async () => {
    for (const end of ['disableNeighbor', 'resetNeighbor', 'removeNeighbor'] as const) {
      const { lab, speaker, watcher } = await scene();
      speaker[end]('10.0.0.1');
      await lab.clock.runAsync(100);
      expect(watcher.prefixes, end).to.deep.equal([]);
    }
  });

  it('disable and removal also end what is kept of a neighbor that is down', async () => {
    for (const end of ['disableNeighbor', 'removeNeighbor'] as const) {
      const { lab, speaker, probe, watcher } = await scene();
      await cut(lab, probe);
      speaker[end]('10.0.0.1');
      await lab.settle();
      expect(watcher.prefixes, end).to.deep.equal([]);
    }
  });

  it('switched off, nothing is kept and no capability is sent', async () => {
    const { lab, probe, watcher } = await scene(offer(), { gracefulRestart: { enabled: false } });
    expect(probe.peer.capabilities).to.not.include('GRACEFUL_RESTART');
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('a dynamic neighbor is remembered as long as its routes are kept', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker({
      routerId: CENTER,
      peerGroups: { all: { peerAs: 64512, routeReflectorClient: true } },
      dynamicNeighbors: [{ prefix: '10.0.0.0/24', peerGroup: 'all' }],
    });
    const probe = lab.probe(CENTER, '10.0.0.1', { gracefulRestart: offer() });
    await lab.up(probe);
    probe.announce('10.1.0.0/16').send(endOfRib4(), endOfRib6());
    await lab.settle();
    await cut(lab, probe);
    expect(speaker.neighbors()).to.have.length(1);
    expect([...speaker.routes('ipv4-unicast')]).to.have.length(1);
    await lab.clock.runAsync(62_000);
    expect([...speaker.routes('ipv4-unicast')]).to.have.length(0);
    expect(speaker.neighbors()).to.have.length(0);
  });

  it('stop ends at once, with routes kept', async () => {
    const { lab, speaker, probe } = await scene();
    await cut(lab, probe);
    await lab.during(speaker.stop());
    expect(lab.connectionsOf(CENTER)).to.equal(0);
  });
});

describe('graceful restart: NOTIFICATION (RFC 8538)', () => {
  const graceful = offer({ notification: true });

  it('a NOTIFICATION from the neighbor keeps the routes when both have the N bit', async () => {
    const { lab, probe, watcher } = await scene(graceful);
    probe.send(encodeNotification({ code: 6, subcode: 4, data: new Uint8Array(0) }));
    await cut(lab, probe);
    expect(watcher.view.log).to.deep.equal([]);
  });

  it('without the N bit on our side it does not', async () => {
    const { lab, probe, watcher } = await scene(graceful, { gracefulRestart: { notification: false } });
    probe.send(encodeNotification({ code: 6, subcode: 4, data: new Uint8Array(0) }));
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('a Hard Reset does not, and its inner NOTIFICATION is shown', async () => {
    const { lab, speaker, probe, watcher } = await scene(graceful);
    // Section 3: Cease/Hard Reset, in it Cease/Administrative Shutdown with the text "bye".
    probe.send(octets('ffffffffffffffffffffffffffffffff 001b 03 06 09 06 02 03 627965'));
    await lab.settle();
    expect(watcher.prefixes).to.deep.equal([]);
    expect(speaker.neighbor('10.0.0.1').lastError).to.include({
      text: 'Cease/Hard Reset (Cease/Administrative Shutdown)',
      message: 'bye',
      direction: 'received',
    });
  });

  it('our hold timer expires: the routes are kept', async () => {
    const { lab, speaker, probe, watcher } = await scene(graceful);
    lab.network.cut('10.0.0.1', CENTER);
    await lab.clock.runUntilAsync(() => speaker.neighbor('10.0.0.1').state !== 'Established', 100_000);
    expect(speaker.neighbor('10.0.0.1').lastError).to.include({ code: 4, direction: 'sent' });
    await lab.settle();
    expect(watcher.view.log).to.deep.equal([]);
    lab.network.restore('10.0.0.1', CENTER);
    await lab.clock.runUntilAsync(() => probe.isUp && speaker.neighbor('10.0.0.1').state === 'Established', 100_000);
    probe.announce('10.1.0.0/16', '10.2.0.0/16').announce('2001:db8:1::/48').send(endOfRib4(), endOfRib6());
    await lab.settle();
    expect(watcher.view.log).to.deep.equal([]);
  });

  it('disable sends a Hard Reset', async () => {
    const { lab, speaker, probe } = await scene(graceful);
    speaker.disableNeighbor('10.0.0.1', 'bye');
    await lab.settle();
    expect(probe.peer.lastError).to.include({ code: 6, subcode: 9, data: '060203627965', message: 'bye' });
  });

  it('disable sends a plain Cease when nobody keeps anything', async () => {
    const { lab, speaker, watcher } = await scene(graceful);
    speaker.disableNeighbor('10.0.0.2');
    await lab.settle();
    expect(watcher.peer.lastError).to.include({ code: 6, subcode: 2 });
  });

  it('an UPDATE error keeps the routes', async () => {
    const { lab, probe, watcher } = await scene(graceful);
    // Withdrawn Routes Length runs over the end: UPDATE Message Error 3/1.
    probe.send(octets('ffffffffffffffffffffffffffffffff 0017 02 00ff 0000'));
    await lab.settle();
    expect(probe.peer.lastError).to.include({ code: 3, subcode: 1 });
    expect(watcher.view.log).to.deep.equal([]);
  });
});

describe('long-lived graceful restart (RFC 9494)', () => {
  const LLGR_STALE = 0xffff0006;
  const longLived = [
    { ...V4, forwarding: true, staleTime: 600 },
    { ...V6, forwarding: true, staleTime: 0 },
  ];
  const longOffer = offer({ longLived });

  it('begins when the restart time is over: LLGR_STALE is added, other families go', async () => {
    const { lab, speaker, probe, watcher } = await scene(longOffer);
    await cut(lab, probe);
    await lab.clock.runAsync(62_000);
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    for (const prefix of watcher.prefixes) {
      expect(valueOf(watcher.view.routes.get(prefix)!, 8), prefix).to.deep.equal([LLGR_STALE]);
    }
    expect(stale(speaker)).to.have.property('phase', 'longLived');
    expect(stalePrefixes(speaker)).to.have.length(2);
    await lab.clock.runAsync(600_000);
    expect(watcher.prefixes).to.deep.equal([]);
    expect(speaker.summary().families['ipv4-unicast'].paths).to.equal(0);
  });

  it('what is told again is a route like any other again, and End-of-RIB sweeps the rest', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    await cut(lab, probe);
    await lab.clock.runAsync(100_000);
    await back(lab, probe, { longLived });
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    probe.announce('10.1.0.0/16').send(endOfRib4());
    await lab.settle();
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16']);
    expect(valueOf(watcher.view.routes.get('10.1.0.0/16')!, 8)).to.equal(undefined);
  });

  it('adds to communities that are there, and takes routes with NO_LLGR away', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    const communities = Array.from({ length: 63 }, (_, i) => 0xfc000000 + i);
    probe.announceWith(probe.attributes([{ code: 8, value: communities }]), '10.3.0.0/16');
    probe.announceWith(probe.attributes([{ code: 8, value: [1, 0xffff0007] }]), '10.4.0.0/16');
    await lab.settle();
    expect(watcher.prefixes).to.include.members(['10.3.0.0/16', '10.4.0.0/16']);
    await cut(lab, probe);
    await lab.clock.runAsync(62_000);
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']);
    // 64 communities need the long form of the attribute's length.
    expect(valueOf(watcher.view.routes.get('10.3.0.0/16')!, 8)).to.deep.equal([...communities, LLGR_STALE]);
  });

  it('a stale route loses to any other one', async () => {
    const { lab, speaker, probe, watcher } = await scene(longOffer);
    watcher.announceWith(watcher.attributes([{ code: 5, value: 1 }]), '10.1.0.0/16');
    await lab.settle();
    expect(speaker.explain('10.1.0.0/16').best!.neighbor).to.equal('10.0.0.1');
    await cut(lab, probe);
    expect(speaker.explain('10.1.0.0/16').best!.neighbor).to.equal('10.0.0.1');
    await lab.clock.runAsync(62_000);
    const { best, decisions } = speaker.explain('10.1.0.0/16');
    expect(best!.neighbor).to.equal('10.0.0.2');
    expect(decisions[1]!.lostAt).to.equal('not long-lived stale');
  });

  it('a neighbor without the capability is not told stale routes', async () => {
    const { lab, probe, watcher } = await scene(longOffer, {}, offer());
    await cut(lab, probe);
    expect(watcher.prefixes).to.have.length(3);
    await lab.clock.runAsync(62_000);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('begins at once with a restart time of 0, or for a family that is not in the restart capability', async () => {
    for (const more of [{ restartTime: 0 }, { tuples: [] }]) {
      const { lab, probe, watcher } = await scene({ ...longOffer, ...more });
      await cut(lab, probe);
      expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
      expect(valueOf(watcher.view.routes.get('10.1.0.0/16')!, 8)).to.deep.equal([LLGR_STALE]);
    }
  });

  it('a second restart keeps what is stale, and does not begin the long-lived time anew', async () => {
    const { lab, probe, watcher } = await scene(longOffer, { gracefulRestart: { staleRoutesTime: 1000 } });
    await cut(lab, probe);
    await lab.clock.runAsync(360_000);
    await back(lab, probe, { longLived });
    probe.announce('10.1.0.0/16');
    await lab.settle();
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    await lab.clock.runAsync(62_000);
    expect(valueOf(watcher.view.routes.get('10.1.0.0/16')!, 8)).to.deep.equal([LLGR_STALE]);
    await lab.clock.runAsync(300_000);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('a second restart before the long-lived time began leaves all of it (section 4.2)', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    await cut(lab, probe);
    await back(lab, probe, { longLived });
    await lab.clock.runAsync(300_000);
    await cut(lab, probe);
    await lab.clock.runAsync(655_000);
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    await lab.clock.runAsync(10_000);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('its time runs on while the neighbor is back, and down again, until End-of-RIB (section 4.2)', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    await cut(lab, probe);
    // 60 s of restart time, and 600 s from then on.
    await lab.clock.runAsync(400_000);
    await back(lab, probe, { longLived });
    await cut(lab, probe);
    await lab.clock.runAsync(250_000);
    expect(watcher.prefixes).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    await lab.clock.runAsync(12_000);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('its time ends before End-of-RIB: what is stale goes, and all when the session ends then (section 4.2)', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    await cut(lab, probe);
    await lab.clock.runAsync(600_000);
    await back(lab, probe, { longLived });
    probe.announce('10.2.0.0/16');
    await lab.clock.runAsync(62_000);
    expect(watcher.prefixes).to.deep.equal(['10.2.0.0/16']);
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal([]);
    // The next session begins like the first one.
    await back(lab, probe, { longLived });
    probe.announce('10.2.0.0/16').send(endOfRib4());
    await lab.settle();
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal(['10.2.0.0/16']);
  });

  it('back without the F bit in the long-lived capability: what is long-lived stale goes (section 4.2)', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    await cut(lab, probe);
    await lab.clock.runAsync(100_000);
    await back(lab, probe, { longLived: [{ ...V4, forwarding: false, staleTime: 600 }] });
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('a session in which a family is not restartable any more: its end takes all of that family', async () => {
    const { lab, probe, watcher } = await scene();
    await cut(lab, probe);
    await back(lab, probe, { tuples: [{ ...V6, forwarding: true }] });
    probe.announce('10.1.0.0/16').announce('2001:db8:1::/48');
    await lab.settle();
    await cut(lab, probe);
    expect(watcher.prefixes).to.deep.equal(['2001:db8:1::/48']);
  });

  describe('partial deployment (section 4.6)', () => {
    const NO_EXPORT = 0xffffff01;
    const partial = { longLivedGracefulRestart: { partialDeployment: true } };

    it('a neighbor without the capability gets stale routes with NO_EXPORT and LOCAL_PREF 0, others as they are', async () => {
      const { lab, probe, watcher } = await scene(longOffer, partial, offer());
      const third = lab.probe(CENTER, '10.0.0.3', { gracefulRestart: offer({ longLived: [], tuples: [] }) });
      await lab.up(third);
      const communities = Array.from({ length: 62 }, (_, i) => 0xfc000000 + i);
      probe.announceWith(
        probe.attributes([
          { code: 8, value: communities },
          { code: 5, value: 300 },
        ]),
        '10.3.0.0/16',
      );
      probe.announceWith(probe.attributes([{ code: 8, value: [NO_EXPORT] }]), '10.4.0.0/16');
      await cut(lab, probe);
      await lab.clock.runAsync(62_000);
      const told = (probe: Probe, prefix: string) =>
        [5, 8].map((code) => valueOf(probe.view.routes.get(prefix)!, code));
      expect(told(watcher, '10.1.0.0/16')).to.deep.equal([0, [LLGR_STALE, NO_EXPORT]]);
      // 64 communities: the long form of the attribute's length.
      expect(told(watcher, '10.3.0.0/16')).to.deep.equal([0, [...communities, LLGR_STALE, NO_EXPORT]]);
      expect(told(watcher, '10.4.0.0/16')).to.deep.equal([0, [NO_EXPORT, LLGR_STALE]]);
      expect(told(third, '10.1.0.0/16')).to.deep.equal([100, [LLGR_STALE]]);
      expect(told(third, '10.3.0.0/16')).to.deep.equal([300, [...communities, LLGR_STALE]]);
    });

    it('routes that are not stale go out as they are', async () => {
      const { watcher } = await scene(longOffer, partial, offer());
      expect(valueOf(watcher.view.routes.get('10.1.0.0/16')!, 5)).to.equal(100);
      expect(valueOf(watcher.view.routes.get('10.1.0.0/16')!, 8)).to.equal(undefined);
    });

    it('is switched on and off without a new session', async () => {
      const { lab, speaker, probe, watcher } = await scene(longOffer, {}, offer());
      await cut(lab, probe);
      await lab.clock.runAsync(62_000);
      expect(watcher.prefixes).to.deep.equal([]);
      for (const on of [true, false]) {
        const neighbors = speaker.config.neighbors!.map((neighbor) => ({
          ...neighbor,
          longLivedGracefulRestart: { partialDeployment: on },
        }));
        await speaker.reconfigure({ ...speaker.config, neighbors });
        await lab.settle();
        expect(watcher.prefixes).to.deep.equal(on ? ['10.1.0.0/16', '10.2.0.0/16'] : []);
        expect(watcher.downs).to.deep.equal([]);
      }
    });
  });

  it('switched off, the restart time is all', async () => {
    const { lab, probe, watcher } = await scene(longOffer, { longLivedGracefulRestart: { enabled: false } });
    await cut(lab, probe);
    expect(watcher.prefixes).to.have.length(3);
    await lab.clock.runAsync(62_000);
    expect(watcher.prefixes).to.deep.equal([]);
  });

  it('many routes with few attribute sets, and few with many', async () => {
    const { lab, probe, watcher } = await scene(longOffer);
    const nth = (i: number): string => `10.${100 + (i >> 8)}.${i & 255}.0/24`;
    for (let i = 0; i < 9000; i += 250) probe.announce(...Array.from({ length: 250 }, (_, k) => nth(i + k)));
    for (let i = 0; i < 500; i++)
      probe.announceWith(probe.attributes([{ code: 8, value: [i] }]), `10.3.${i >> 8}.${i & 255}/32`);
    await lab.settle();
    expect(watcher.prefixes).to.have.length(9503);
    await cut(lab, probe);
    await lab.clock.runAsync(62_000);
    expect(watcher.prefixes).to.have.length(9502);
    const marked = [...watcher.view.routes.values()].filter((r) => (valueOf(r, 8) as number[])?.at(-1) === LLGR_STALE);
    expect(marked).to.have.length(9502);
    await back(lab, probe, { longLived });
    probe.announce(nth(0), nth(8999)).send(endOfRib4());
    await lab.settle();
    expect(watcher.prefixes.sort()).to.deep.equal([nth(0), nth(8999)].sort());
  });
});
