import { expect } from 'chai';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { clientOf, Lab, type LabSpeakerOptions, type Probe } from '../support/lab.js';

const R = '10.0.0.1';
const COUNT = 200;

/** A speaker with many clients, each of which announces one prefix and holds those of all others. */
class Crowd {
  readonly lab = new Lab();
  readonly probes: Probe[] = [];
  speaker!: Speaker;

  async start(options: Partial<LabSpeakerOptions> = {}, restartable = false): Promise<this> {
    const addresses = Array.from({ length: COUNT }, (_, i) => `10.0.1.${i + 1}`);
    this.speaker = await this.lab.speaker({ routerId: R, neighbors: addresses.map((a) => clientOf(a)), ...options });
    const tuples = [{ afi: 1, safi: 1, forwarding: true }];
    const gracefulRestart = { restartState: false, notification: false, restartTime: 120, tuples };
    for (const address of addresses) {
      this.probes.push(this.lab.probe(R, address, restartable ? { gracefulRestart } : {}));
    }
    await this.lab.up(...this.probes);
    for (const [i, probe] of this.probes.entries()) probe.announce(`10.1.${i}.0/24`);
    await this.lab.settle();
    for (const probe of this.probes) expect(probe.prefixes).to.have.length(COUNT - 1);
    for (const probe of this.probes) probe.updates = [];
    return this;
  }

  /** How many sessions go down in each turn of the event loop, until all are. */
  turns(): number[] {
    const counts: number[] = [];
    let now = 0;
    let left = this.speaker.neighbors().filter(({ state }) => state === 'Established').length;
    this.speaker.on('neighborStateChange', ({ from }) => {
      if (from !== 'Established') return;
      left--;
      now++;
    });
    const turn = (): void => {
      if (now > 0) counts.push(now);
      now = 0;
      if (left > 0) this.lab.clock.soon(turn);
    };
    this.lab.clock.soon(turn);
    return counts;
  }

  async end(): Promise<void> {
    for (const probe of this.probes) void probe.peer.stop();
    await this.lab.clock.runAsync(600_000);
    expect(this.lab.clock.pending, 'timers left').to.equal(0);
  }
}

describe('Speaker: many sessions that end at once', () => {
  for (const kind of ['shutdown', 'restart'] as const) {
    it(`stop (${kind}): some in each turn of the event loop, and no route is withdrawn from those that come later`, async () => {
      const isRestart = kind === 'restart';
      const gracefulRestart = { enabled: true };
      const options = isRestart
        ? {
            gracefulRestart: { atStop: kind, selectionDeferralTime: 1 },
            neighbors: Array.from({ length: COUNT }, (_, i) => clientOf(`10.0.1.${i + 1}`, { gracefulRestart })),
          }
        : {};
      const crowd = await new Crowd().start(options, isRestart);
      const { lab, speaker, probes } = crowd;
      const turns = crowd.turns();
      const stopping = speaker.stop('upgrade');
      await lab.during(stopping);
      await lab.settle();
      expect(Math.max(...turns)).to.be.at.most(64);
      expect(turns.reduce((sum, count) => sum + count, 0)).to.equal(COUNT);
      for (const probe of probes) {
        expect(probe.updates, probe.address).to.deep.equal([]);
        expect(probe.downs).to.have.length(1);
        const { lastError } = probe.peer;
        if (isRestart) expect(lastError).to.include({ direction: 'local' });
        else expect(lastError).to.include({ text: 'Cease/Administrative Shutdown', message: 'upgrade' });
      }
      expect(lab.connectionsOf(R)).to.equal(0);
      expect(speaker.summary().families['ipv4-unicast']!.paths).to.equal(0);
      await crowd.end();
    });
  }

  it('stop: a neighbor whose turn has not come yet is not enabled, and none is added, any more', async () => {
    const { lab, speaker, probes, ...rest } = await new Crowd().start();
    void rest;
    const last = probes.at(-1)!.address;
    speaker.disableNeighbor(last);
    await lab.settle();
    const stopping = speaker.stop();
    speaker.enableNeighbor(last);
    speaker.addNeighbor({ address: '10.0.2.1', peerAs: 64512 });
    await lab.during(stopping);
    expect(speaker.neighbors().map(({ state }) => state)).to.deep.equal(new Array(COUNT + 1).fill('Idle'));
    for (const probe of probes) void probe.peer.stop();
    await lab.clock.runAsync(600_000);
    expect(lab.clock.pending, 'timers left').to.equal(0);
  });

  const configOf = (speaker: Speaker, neighbors: readonly NeighborOptions[]): SpeakerConfig => ({
    ...speaker.config,
    neighbors,
  });

  it('reconfigure: neighbors are removed, reset and added some in each turn; the result names all of them', async () => {
    const crowd = await new Crowd().start();
    const { lab, speaker, probes } = crowd;
    const removed = probes.slice(0, 90).map(({ address }) => address);
    const reset = probes.slice(90).map(({ address }) => address);
    const neighbors = [...reset.map((a) => clientOf(a, { holdTime: 33 })), clientOf('10.0.2.1')];
    const turns = crowd.turns();
    const result = await lab.during(speaker.reconfigure(configOf(speaker, neighbors)));
    await lab.settle();
    expect(result).to.deep.include({ added: ['10.0.2.1'], removed, reset, changed: [] });
    expect(Math.max(...turns)).to.be.at.most(64);
    expect(turns.reduce((sum, count) => sum + count, 0)).to.equal(COUNT);
    await lab.clock.runUntilAsync(() => probes.slice(90).every(({ isUp }) => isUp), 60_000);
    expect(new Set(probes.slice(0, 90).map(({ peer }) => peer.lastError?.text))).to.deep.equal(
      new Set(['Cease/Peer De-configured']),
    );
    expect(new Set(probes.slice(90).map(({ peer }) => peer.lastError?.text))).to.deep.equal(
      new Set(['Cease/Other Configuration Change']),
    );
    expect(speaker.neighbors()).to.have.length(COUNT - 90 + 1);
    await lab.during(speaker.stop());
    await crowd.end();
  });

  it('reconfigure: whatever else changes neighbors has it finished first', async () => {
    const crowd = await new Crowd().start();
    const { lab, speaker, probes } = crowd;
    const full = speaker.config;
    const last = probes.at(-1)!.address;
    const states = () => speaker.neighbors().map(({ address }) => address);

    // Its turn has not come: nevertheless it can be added again, and nothing else is left to do.
    const first = speaker.reconfigure(configOf(speaker, []));
    expect(states()).to.include(last);
    speaker.addNeighbor(clientOf(last));
    expect(states()).to.deep.equal([last]);
    await lab.during(first);
    expect(states()).to.deep.equal([last]);

    // Two at once: what the second one says holds.
    const second = speaker.reconfigure(full);
    const third = speaker.reconfigure(configOf(speaker, [clientOf(last)]));
    await lab.during(Promise.all([second, third]));
    expect(states()).to.deep.equal([last]);

    // A stop in the midst of it.
    await lab.during(speaker.reconfigure(full));
    await lab.clock.runUntilAsync(() => probes.every(({ isUp }) => isUp), 120_000);
    const fourth = speaker.reconfigure(configOf(speaker, [clientOf(last)]));
    await lab.during(Promise.all([fourth, speaker.stop()]));
    await lab.settle();
    expect(states()).to.deep.equal([last]);
    expect(lab.connectionsOf(R)).to.equal(0);
    await crowd.end();
  });

  it('all clients but one gone at once: that one is told of each, and their numbers are free again', async () => {
    const crowd = await new Crowd().start();
    const { lab, speaker, probes } = crowd;
    const [first, ...others] = probes;
    for (const probe of others) void probe.peer.stop();
    await lab.settle();
    await lab.during(speaker.idle());
    expect(first!.prefixes).to.deep.equal([]);
    expect(speaker.summary().families['ipv4-unicast']!.paths).to.equal(1);
    const { limit } = speaker.rib.peers;
    await lab.up(...others);
    expect(speaker.rib.peers.limit).to.equal(limit);
    await lab.during(speaker.stop());
    await crowd.end();
  });
});
