import { expect } from 'chai';
import { DataCentre } from './datacentre.js';
import { eventually, lab } from './harness/index.js';
import type { RunningProcess, SpeakerDriver } from './harness/index.js';

const RESTART_TIME_S = 30;

/** Echo requests between all pods, in both directions and over IPv4 and IPv6, all the time. */
class Traffic {
  readonly #pings: RunningProcess[] = [];

  constructor({ pods }: DataCentre) {
    for (const from of pods) {
      for (const to of pods.filter((pod) => pod !== from)) {
        for (const address of [to.v4, to.v6]) {
          this.#pings.push(
            from.spawn('ping', ['-n', '-O', '-i', '0.05', '-W', '1', address], { name: `ping ${address}` }),
          );
        }
      }
    }
  }

  /** Stop, and be sure that nothing was lost. */
  async end(): Promise<void> {
    const logs = () => this.#pings.map(({ log }) => log);
    await eventually(logs, {
      what: 'enough was sent to know',
      until: (all) => all.every((log) => /icmp_seq=(2[5-9]|[3-9]\d|\d{3,})/.test(log)),
    });
    for (const ping of this.#pings) ping.signal('SIGINT');
    await Promise.all(this.#pings.map(({ exited }) => exited));
    await eventually(logs, {
      what: 'what was sent and received',
      until: (all) => all.every((log) => log.includes('packets transmitted')),
    });
    const lost: string[] = [];
    for (const { name, log } of this.#pings) {
      const missing = log.split('\n').filter((line) => /no answer|unreachable/i.test(line));
      const [, sent = 0, received = 0] = (/(\d+) packets transmitted, (\d+) received/.exec(log) ?? []).map(Number);
      expect(sent, name).to.be.greaterThan(20);
      // The last one may still be under way. An answer that only comes late is missed at first, and counted in the end.
      if (sent - received > 1) lost.push(`${name}: ${sent - received} of ${sent}: ${missing.join()}`);
    }
    expect(lost).to.deep.equal([]);
  }
}

lab('restarts under traffic', { needs: ['bird', 'ping'], timeoutMs: 180_000 }, (lab) => {
  let center: DataCentre;
  let traffic: Traffic;

  before(async () => {
    center = await DataCentre.create(lab.network, {
      peer: { gracefulRestart: { restartTime: RESTART_TIME_S } },
      config: { gracefulRestart: { atStop: 'restart', selectionDeferralTime: 60 } },
    });
    await center.kernelsAreRight();
  });

  /** All sessions of the reflector are up, and nothing is stale any more. */
  const allIsWell = async () => {
    await eventually(() => center.reflector.neighbors(), {
      what: 'all sessions are up, nothing is stale',
      limitMs: 40_000,
      until: (neighbors) => {
        for (const { address, state, prefixes } of neighbors) {
          expect(state, address).to.equal('Established');
          expect(
            Object.values(prefixes).map(({ stale }) => stale?.phase),
            address,
          ).to.deep.equal([undefined, undefined]);
          expect(prefixes['ipv4-unicast'], address).to.include({ received: 1, advertised: 2 });
        }
      },
    });
    await center.kernelsAreRight();
  };

  beforeEach(() => {
    traffic = new Traffic(center);
  });

  const loseNothing = async (...speakers: readonly SpeakerDriver[]) => {
    await Promise.all(speakers.map((speaker) => speaker.kill()));
    const isDead = speakers.includes(center.reflector);
    const sessions = async () =>
      isDead ? [] : (await center.reflector.neighbors()).map(({ established }) => established);
    const before = await sessions();
    await Promise.all(speakers.map((speaker) => speaker.start()));
    await eventually(sessions, {
      what: 'a new session',
      until: (after) => isDead || expect(after).to.not.deep.equal(before),
    });
    await allIsWell();
    await traffic.end();
  };

  it('the reflector is killed', () => loseNothing(center.reflector));
  it('a tsbgp host is killed', () => loseNothing(center.speakers[0]));
  it('the BIRD host is killed', () => loseNothing(center.speakers[2]));
  it('the reflector and a tsbgp host are killed at once', () => loseNothing(center.reflector, center.speakers[1]));
  it('the reflector and the BIRD host are killed at once', () => loseNothing(center.reflector, center.speakers[2]));
  it('the reflector and both tsbgp hosts are killed at once', () =>
    loseNothing(center.reflector, center.speakers[0], center.speakers[1]));

  it('the reflector restarts with SIGTERM, then a host', async () => {
    for (const speaker of [center.reflector, center.speakers[1]]) {
      await speaker.stop();
      await speaker.start();
      await allIsWell();
    }
    await traffic.end();
  });
});
