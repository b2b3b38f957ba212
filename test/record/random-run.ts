import type { SpeakerConfig } from '../../lib/speaker/options.js';
import { FakeKernel, seededRandom } from '../../lib/sim/index.js';
import { clientOf, oneInterface, type Probe } from '../support/lab.js';
import { RecordingLab, workingClock } from './rig.js';

export const R = '10.0.0.1';
const CLIENTS = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];
export const EXTERNAL = '10.0.0.20';
const GONE = '10.0.0.30';

export type Step = (run: Run) => void | Promise<void>;

/** A speaker with its neighbors, to which steps of a script happen. */
export class Run {
  lab!: RecordingLab;
  speaker!: Awaited<ReturnType<RecordingLab['speaker']>>;
  probes: Probe[] = [];
  kernel!: FakeKernel;
  config!: SpeakerConfig;

  async begin(seed: number): Promise<this> {
    const random = seededRandom(seed);
    this.lab = new RecordingLab({ rechunk: random });
    this.kernel = new FakeKernel({ clock: this.lab.clock, latencyMs: seed % 3 });
    this.kernel.addLink('eth0', `${R}/24`, '2001:db8::1/64');
    this.config = {
      asn: 64512,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [
        ...CLIENTS.map((address) => clientOf(address)),
        { address: EXTERNAL, peerAs: 65001, passive: true, connectedCheck: false },
        { address: GONE, peerAs: 64512, connectRetry: 1 },
      ],
      fib: { type: 'ip-route', nexthopObjects: seed % 2 === 1, reconcileInterval: 2 },
    };
    this.speaker = await this.lab.speaker(this.config as SpeakerConfig & { routerId: string }, {
      clock: workingClock(this.lab.clock, random, (seed % 4) * 3),
      fibWriter: this.kernel.writer(),
      networks: oneInterface([R, '10.0.0.0/24'], ['2001:db8::1', '2001:db8::/64']),
    });
    this.probes = [
      ...CLIENTS.map((address) => this.lab.probe(R, address)),
      this.lab.probe(R, EXTERNAL, { localAs: 65001 }),
    ];
    await this.lab.up(...this.probes);
    return this;
  }

  probe(index: number): Probe | undefined {
    const probe = this.probes[index % this.probes.length]!;
    return probe.isUp ? probe : undefined;
  }
}
