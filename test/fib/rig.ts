import { Fib, type FibSettings } from '../../lib/fib/fib.js';
import type { FibEvent } from '../../lib/fib/events.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';

/** A Fib on a fake kernel with one link, in virtual time. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly kernel: FakeKernel;
  readonly events: FibEvent[] = [];
  fib: Fib;

  constructor(
    readonly settings: Partial<FibSettings> = {},
    latencyMs = 0,
  ) {
    this.kernel = new FakeKernel({ clock: this.clock, latencyMs });
    this.kernel.addLink('eth0', '10.0.0.1/24', '2001:db8::1/64');
    this.fib = this.make();
  }

  make(): Fib {
    const fib = new Fib({ writer: this.kernel.writer(), clock: this.clock, reconcileSeconds: 0, ...this.settings });
    fib.onEvent((event) => this.events.push(event));
    return fib;
  }

  async start(): Promise<this> {
    const started = this.fib.start();
    await this.clock.runAsync(100);
    await started;
    return this;
  }

  /** Until all is written, at most 10 s. */
  async settle(): Promise<void> {
    let idle = false;
    void this.fib.idle().then(() => (idle = true));
    await this.clock.runUntilAsync(() => idle, 10_000);
  }

  async run(ms: number): Promise<void> {
    await this.clock.runAsync(ms);
  }

  /** A new process after SIGKILL: the old Fib does nothing more, the kernel stays. */
  async restart(): Promise<void> {
    this.kernel.endWatches();
    this.events.length = 0;
    this.fib = this.make();
    await this.start();
  }

  dump(): string[] {
    return this.kernel.dump(186);
  }

  states(): Record<string, string> {
    return Object.fromEntries([...this.fib.routes()].map(({ prefix, state }) => [prefix, state]));
  }

  of<T extends FibEvent['type']>(type: T): Extract<FibEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<FibEvent, { type: T }> => event.type === type);
  }
}
