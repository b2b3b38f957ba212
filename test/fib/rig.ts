import type { Clock } from '../../lib/net/index.js';
import { Fib } from '../../lib/fib/fib.js';
import type { FibSettings } from '../../lib/fib/settings.js';
import type { FibEvent } from '../../lib/fib/events.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';

/** A Fib on a fake kernel with one link, in virtual time. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly kernel: FakeKernel;
  readonly events: FibEvent[] = [];
  /** Ends when the process that the present Fib stands for is killed. */
  #life = { alive: true };
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
    const life = (this.#life = { alive: true });
    const mortal = (run: () => void) => () => {
      if (life.alive) run();
    };
    const clock: Clock = {
      now: () => this.clock.now(),
      wallTime: () => this.clock.wallTime(),
      after: (ms, run) => this.clock.after(ms, mortal(run)),
      soon: (run) => this.clock.soon(mortal(run)),
    };
    const fib = new Fib({ writer: this.kernel.writer(), clock, reconcileSeconds: 0, ...this.settings });
    fib.onEvent((event) => this.events.push(event));
    return fib;
  }

  async start(): Promise<this> {
    const started = this.fib.start();
    await this.clock.runAsync(200);
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

  /** A new process after SIGKILL: the old Fib begins nothing more, what it had handed over is still applied. */
  async restart(): Promise<void> {
    this.#life.alive = false;
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
