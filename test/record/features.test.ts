import { expect } from 'chai';
import { replay } from '../../lib/record/index.js';
import { KIND } from '../../lib/record/kinds.js';
import { PULL } from '../../lib/record/recorded-watch.js';
import { BlockReader, TapeReader } from '../../lib/record/tape-reader.js';
import { FakeKernel } from '../../lib/sim/index.js';
import type { NeighborOptions, SpeakerConfig, SpeakerRuntime } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { clientOf, oneInterface } from '../support/lab.js';
import { RecordingLab, ribOf } from './rig.js';

const R = '10.0.0.1';
const [A, B, C] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const;

interface Moment {
  /** Unix milliseconds. */
  readonly time: number;
  readonly rib: readonly string[];
  readonly fib: readonly string[];
}

/** A recorded speaker among others, and all that it knew at some moments. */
class Recorded {
  readonly moments: Moment[] = [];
  speaker!: Speaker;

  constructor(readonly lab = new RecordingLab()) {}

  async begin(config: Partial<SpeakerConfig>, runtime: SpeakerRuntime = {}): Promise<Speaker> {
    this.speaker = await this.lab.speaker({ routerId: R, ...config }, runtime);
    return this.speaker;
  }

  /** Another speaker, a neighbor of this one. */
  other(address: string, ofR: Partial<NeighborOptions> = {}, config: Partial<SpeakerConfig> = {}): Promise<Speaker> {
    const neighbors = [{ address: R, peerAs: 64512, localAddress: address, connectRetry: 1, ...ofR }];
    return this.lab.speaker({ routerId: address, neighbors, ...config });
  }

  /** Note how it is when all is at rest. */
  async moment(ms = 2000): Promise<Moment> {
    await this.lab.clock.runAsync(ms);
    const moment = { time: this.lab.clock.wallTime(), rib: ribOf(this.speaker), fib: fibOf(this.speaker) };
    this.moments.push(moment);
    await this.lab.clock.runAsync(5);
    return moment;
  }

  /** The replay is the same at each of these moments, and to the end. */
  async check(): Promise<void> {
    const octets = await this.lab.recordingOf(this.speaker);
    const whole = await replay(octets);
    expect(whole.difference?.text).to.equal(undefined);
    expect(whole.checkpoints).to.be.greaterThan(1);
    for (const { time, rib, fib } of this.moments) {
      const { speaker, difference } = await replay(octets, { untilTime: time });
      expect(difference?.text).to.equal(undefined);
      expect(ribOf(speaker)).to.deep.equal(rib);
      expect(fibOf(speaker)).to.deep.equal(fib);
    }
    // Nothing was compared if nothing ever changed.
    expect(new Set(this.moments.map((moment) => JSON.stringify(moment.rib))).size).to.equal(this.moments.length);
  }
}

function fibOf(speaker: Speaker): string[] {
  if (speaker.config.fib === undefined) return [];
  return [...speaker.fibRoutes()].map((route) => JSON.stringify(route)).sort();
}

/** What the listeners of all watches did, in order. */
function pullsIn(octets: Uint8Array): number[] {
  const pulls: number[] = [];
  for (const block of new BlockReader().push(octets)) {
    const reader = new TapeReader(block);
    while (!reader.ended) {
      if (reader.peek() !== KIND.pull) reader.skip();
      else {
        reader.u8();
        pulls.push([reader.number(), reader.number(), reader.number()][2]!);
      }
    }
  }
  return pulls;
}

describe('Record and replay: what a speaker can do besides', () => {
  it('ADD-PATH, in both directions', async () => {
    const recorded = new Recorded();
    const several = { addPath: { receive: true, send: 'all' as const } };
    await recorded.begin({ neighbors: [clientOf(A, several), clientOf(B, several), clientOf(C)] });
    const a = await recorded.other(A, several);
    const b = await recorded.other(B, several);
    await recorded.other(C);
    a.announce('10.1.0.0/16', { med: 1 });
    b.announce('10.1.0.0/16', { med: 2 });
    b.announce('2001:db8:1::/48');
    const { rib } = await recorded.moment();
    expect(rib.filter((line) => line.startsWith('path') && line.includes('10.1.0.0/16'))).to.have.length(2);
    recorded.speaker.announce('10.1.0.0/16', { med: 3 });
    const { rib: three } = await recorded.moment();
    expect(three.filter((line) => line.startsWith(`to ${A}`) && line.includes('10.1.0.0/16'))).to.have.length(2);
    b.announce('10.1.0.0/16', { med: 0, localPref: 200 });
    await recorded.moment();
    a.withdraw('10.1.0.0/16');
    await recorded.moment();
    await recorded.lab.during(b.stop());
    await recorded.moment();
    await recorded.check();
  });

  it('dynamic neighbors, who come, go and come back', async () => {
    const recorded = new Recorded();
    const config: Partial<SpeakerConfig> = {
      peerGroups: { nodes: { peerAs: 64512, routeReflectorClient: true } },
      dynamicNeighbors: [{ prefix: '10.0.0.0/24', peerGroup: 'nodes', limit: 2 }],
    };
    const speaker = await recorded.begin(config);
    const a = await recorded.other(A, {}, { networks: ['10.1.0.0/16'] });
    await recorded.moment();
    await recorded.other(B, {}, { networks: ['10.2.0.0/16'] });
    // One too many.
    await recorded.other(C, {}, { networks: ['10.3.0.0/16'] });
    const { rib } = await recorded.moment(10_000);
    expect(rib.filter((line) => line.startsWith('path'))).to.have.length(2);
    await recorded.lab.during(a.stop());
    const { rib: after } = await recorded.moment(60_000);
    expect(after.some((line) => line.includes('10.3.0.0/16'))).to.equal(true);
    await recorded.lab.during(
      speaker.reconfigure({
        ...(speaker.config as SpeakerConfig),
        dynamicNeighbors: [{ prefix: '10.0.0.0/29', peerGroup: 'nodes' }],
      }),
    );
    await recorded.moment();
    await recorded.check();
  });

  it('its own graceful restart: two lives, two recordings', async () => {
    const lab = new RecordingLab();
    const kernel = new FakeKernel({ clock: lab.clock });
    kernel.addLink('eth0', `${R}/24`);
    const graceful = { gracefulRestart: { enabled: true } };
    const config: Partial<SpeakerConfig> = {
      neighbors: [clientOf(A, graceful), clientOf(B, graceful)],
      gracefulRestart: { atStop: 'restart', selectionDeferralTime: 30 },
      fib: { type: 'memory' },
    };
    const runtime = (): SpeakerRuntime => ({ fibWriter: kernel.writer(), networks: oneInterface([R, '10.0.0.0/24']) });
    const first = new Recorded(lab);
    await first.begin(config, runtime());
    const a = await first.other(A, graceful, { networks: ['10.1.0.0/16'] });
    await first.other(B, graceful, { networks: ['10.2.0.0/16'] });
    await first.moment();
    first.speaker.announce('10.9.0.0/16');
    await first.moment();
    await lab.during(first.speaker.stop());
    await lab.clock.runAsync(500);
    expect([...a.routes('ipv4-unicast')].filter(({ stale }) => stale)).to.have.length(2);
    await first.check();

    const second = new Recorded(lab);
    await second.begin(config, runtime());
    await second.moment(200);
    expect(kernel.routes(186)).to.have.length(2);
    const { rib } = await second.moment(40_000);
    expect(rib.filter((line) => line.startsWith('path'))).to.have.length(2);
    // 10.9.0.0/16 was announced at run time: nobody told it again.
    expect([...a.routes('ipv4-unicast')].map(({ prefix, stale }) => [prefix, stale])).to.deep.equal([
      ['10.1.0.0/16', false],
      ['10.2.0.0/16', false],
    ]);
    await second.check();
  });

  it('nexthop objects, which another program deletes', async () => {
    const recorded = new Recorded();
    const kernel = new FakeKernel({ clock: recorded.lab.clock, latencyMs: 3 });
    kernel.addLink('eth0', `${R}/24`);
    await recorded.begin(
      { neighbors: [clientOf(A), clientOf(B)], fib: { type: 'ip-route', nexthopObjects: true, reconcileInterval: 5 } },
      { fibWriter: kernel.writer(), networks: oneInterface([R, '10.0.0.0/24']) },
    );
    const a = await recorded.other(A, {}, { networks: ['10.1.0.0/16', '10.3.0.0/16'] });
    await recorded.other(B, {}, { networks: ['10.2.0.0/16'] });
    const { fib } = await recorded.moment();
    expect(fib).to.have.length(3);
    const routes = kernel.routes().filter(({ protocol }) => protocol === 186);
    expect(routes.map(({ body }) => body.nexthop === undefined)).to.deep.equal([false, false, false]);
    const { nexthops } = kernel.writer();
    await recorded.lab.during(nexthops!.write([{ op: 'delete', id: routes[0]!.body.nexthop!, protocol: 186 }]));
    a.announce('10.4.0.0/16');
    await recorded.moment(12_000);
    expect(kernel.routes().filter(({ protocol }) => protocol === 186)).to.have.length(4);
    await recorded.check();
  });

  it('connection tracking: a replay deletes nothing', async () => {
    const recorded = new Recorded();
    const kernel = new FakeKernel({ clock: recorded.lab.clock });
    kernel.addLink('eth0', `${R}/24`);
    const deleted: string[] = [];
    const conntrack = {
      deleteEntries: (addresses: readonly string[]) => {
        deleted.push(...addresses);
        return Promise.resolve();
      },
      close: () => undefined,
    };
    await recorded.begin(
      { neighbors: [clientOf(A), clientOf(B)], fib: { type: 'ip-route', conntrack: 'delete' } },
      { fibWriter: kernel.writer(), networks: oneInterface([R, '10.0.0.0/24']), conntrack },
    );
    await recorded.other(A, {}, { networks: ['10.1.0.1/32'] });
    const b = await recorded.other(B);
    await recorded.moment();
    b.announce('10.1.0.1/32', { localPref: 200 });
    await recorded.moment(5000);
    expect(deleted).to.deep.equal(['10.1.0.1']);
    await recorded.check();
    expect(deleted).to.deep.equal(['10.1.0.1']);
  });

  it('watches: what their listeners do is written down, not what follows from it', async () => {
    const recorded = new Recorded();
    const speaker = await recorded.begin({ neighbors: [clientOf(A)], networks: ['10.9.0.0/16'] });
    await recorded.moment();
    const { lab } = recorded;
    const pulls = async (): Promise<number[]> => pullsIn(await lab.recordingOf(speaker));
    const { next, return: left, close } = PULL;

    // A listener that has had enough: the iteration closes the watch, then and in a replay.
    const ended = speaker.watch().forEach(() => {
      throw new Error('enough');
    });
    ended.catch(() => undefined);
    expect(await pulls()).to.deep.equal([next, left]);
    // By hand, before and after anything was asked for.
    const watch = speaker.watch();
    void watch.batches().next();
    await lab.clock.runAsync(10);
    watch.close();
    speaker.watch().close();
    expect((await pulls()).slice(2)).to.deep.equal([next, close, close]);
    // By a signal: before it began, and later.
    const abort = new AbortController();
    speaker.watch({ signal: abort.signal });
    abort.abort();
    speaker.watch({ signal: abort.signal });
    expect((await pulls()).slice(5)).to.deep.equal([close, close]);

    await recorded.other(A, {}, { networks: ['10.1.0.0/16'] });
    await recorded.moment();
    await recorded.check();
  });
});
