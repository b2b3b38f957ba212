import { expect } from 'chai';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const client = (address: string) => ({ address, peerAs: 64512, passive: true, routeReflectorClient: true });
const PREFIXES = Array.from({ length: 400 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);

/** A MULTI_EXIT_DISC for each prefix and round: every route has an attribute set of its own. */
function announceAll(probe: Probe, round: number): void {
  PREFIXES.forEach((prefix, i) => probe.announceWith(probe.attributes([{ code: 4, value: round * 1000 + i }]), prefix));
}
const meds = ({ view }: Probe) => new Map([...view.routes].map(([prefix, route]) => [prefix, valueOf(route, 4)]));

describe('Speaker: a neighbor that does not read', () => {
  it('costs bounded memory, delays nobody, and catches up with the newest state', async function () {
    this.timeout(60_000);
    const lab = new Lab({ scribble: false });
    const addresses = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];
    const speaker = await lab.speaker({ routerId: R, neighbors: addresses.map(client) });
    const [source, slow, fast] = addresses.map((address) => lab.probe(R, address)) as [Probe, Probe, Probe];
    await lab.up(source, slow, fast);
    slow.peer.pauseReading();
    let most = 0;
    let rounds = 0;
    for (; rounds < 300; rounds++) {
      announceAll(source, rounds);
      await lab.clock.runAsync(100);
      expect(valueOf(fast.view.routes.get(PREFIXES[399]!)!, 4), 'nobody waits').to.equal(rounds * 1000 + 399);
      most = Math.max(most, speaker.neighbor('10.0.0.12').queuedOctets);
    }
    // 300 rounds of 400 messages of about 70 octets were made.
    const made = fast.peer.octetsReceived;
    expect(made).to.be.greaterThan(7e6);
    expect(most).to.be.within(4 << 20, 5 << 20);
    // Some of it goes altogether.
    source.withdraw(...PREFIXES.slice(0, 100));
    await lab.settle();
    expect(speaker.rib.of('ipv4-unicast').prefixes.count, 'kept for the slow one').to.equal(400);

    slow.peer.resumeReading();
    await lab.clock.runUntilAsync(() => slow.view.routes.size === 300, 60_000);
    await lab.settle();
    expect([...meds(slow)].sort()).to.deep.equal([...meds(fast)].sort());
    expect(slow.view.needless).to.deep.equal([]);
    expect(slow.peer.octetsReceived).to.be.lessThan(made * 0.8);
    expect(slow.downs).to.deep.equal([]);
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(300);
    // And it is in the stream again.
    announceAll(source, 999);
    await lab.settle();
    expect([...meds(slow)].sort()).to.deep.equal([...meds(fast)].sort());
  });

  it('is given up when it takes nothing for too long (RFC 9687)', async () => {
    const lab = new Lab({ windowBytes: 4096, highWaterMark: 4096 });
    const speaker = await lab.speaker({ routerId: R, neighbors: ['10.0.0.11', '10.0.0.12'].map(client) });
    const [source, slow] = [lab.probe(R, '10.0.0.11'), lab.probe(R, '10.0.0.12')];
    await lab.up(source, slow);
    slow.peer.pauseReading();
    announceAll(source, 1);
    await lab.settle();
    expect(speaker.neighbor('10.0.0.12').queuedOctets).to.be.greaterThan(0);
    await lab.clock.runUntilAsync(() => speaker.neighbor('10.0.0.12').state !== 'Established', 600_000);
    expect(speaker.neighbor('10.0.0.12').lastError).to.include({ code: 8, direction: 'sent' });
    source.withdraw(...PREFIXES);
    await lab.settle();
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
  });
});
