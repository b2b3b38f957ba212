import type { KernelNexthop, NexthopChange } from '../fib/nexthop.js';
import type {
  FibWriter,
  NexthopWriter,
  KernelRoute,
  KernelWatcher,
  ReadOutcome,
  RouteChange,
  WriteFailure,
} from '../fib/writer.js';
import type { Clock } from '../net/index.js';

/** What of a {@link FakeKernel} its writer uses. */
export interface KernelCalls {
  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome>;
  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]>;
  readNexthops(visit: (nexthop: KernelNexthop) => void): Promise<void>;
  writeNexthops(changes: readonly NexthopChange[]): Promise<readonly WriteFailure[]>;
  watch(watcher: KernelWatcher): { close(): void };
  reset(reason: string): void;
}

/** How a Fib reaches a {@link FakeKernel}. */
export class FakeKernelWriter implements FibWriter {
  readonly name = 'fake-kernel';
  readonly nextHops = 'kernel';

  readonly nexthops: NexthopWriter = {
    read: (visit: (nexthop: KernelNexthop) => void) => this.#later(() => this.kernel.readNexthops(visit)),
    write: (changes: readonly NexthopChange[]) => this.#later(() => this.kernel.writeNexthops(changes)),
  };

  constructor(
    private readonly kernel: KernelCalls,
    private readonly options: { readonly clock?: Clock; readonly latencyMs?: number },
  ) {}

  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome> {
    return this.#later(() => this.kernel.read(tables, visit));
  }

  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    return this.#later(() => this.kernel.write(changes));
  }

  #later<T>(run: () => Promise<T>): Promise<T> {
    const { clock, latencyMs = 0 } = this.options;
    if (!clock || latencyMs === 0) return run();
    return new Promise((resolve, reject) => clock.after(latencyMs, () => void run().then(resolve, reject)));
  }

  watch(watcher: KernelWatcher): { close(): void } {
    return this.kernel.watch(watcher);
  }

  reset(reason: string): void {
    this.kernel.reset(reason);
  }

  close(): Promise<void> {
    this.kernel.reset('closed');
    return Promise.resolve();
  }
}
