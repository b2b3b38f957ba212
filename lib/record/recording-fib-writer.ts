import type { KernelNexthop } from '../fib/nexthop.js';
import type {
  FibWriter,
  KernelRoute,
  KernelWatcher,
  ReadOutcome,
  NexthopWriter,
  RouteChange,
  WriteFailure,
} from '../fib/writer.js';
import { errorParts } from './errors-json.js';
import { KIND } from './kinds.js';
import type { Recorder } from './recorder.js';
import { answered } from './recording-transport.js';
import type { TapeWriter } from './tape-writer.js';

/** A FIB writer of which all that the kernel tells is written down: tables read, answers to writes, changes by others. */
export class RecordingFibWriter implements FibWriter {
  readonly name: string;
  readonly nextHops: FibWriter['nextHops'];
  readonly nexthops?: NexthopWriter;
  readonly watch?: (watcher: KernelWatcher) => { close(): void };

  constructor(
    private readonly recorder: Recorder,
    private readonly base: FibWriter,
  ) {
    this.name = base.name;
    this.nextHops = base.nextHops;
    if (base.nexthops) this.nexthops = this.#nexthops(base.nexthops);
    if (base.watch) this.watch = (watcher) => this.#watch(watcher);
  }

  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome> {
    const { recorder } = this;
    const id = recorder.nextId();
    return answered(recorder, id, this.base.read(tables, this.#visited(id, visit)), ({ consistent, links }) => ({
      consistent,
      ...(links === undefined ? {} : { links }),
    }));
  }

  /** @param id of the reading in which something is reported */
  #visited<T>(id: number, visit: (item: T) => void): (item: T) => void {
    const { recorder } = this;
    return (item) => {
      if (recorder.hasEnded) visit(item);
      else recorder.visit(id, recorder.value(JSON.stringify(item)), () => visit(item));
    };
  }

  #nexthops(base: NexthopWriter): NexthopWriter {
    const { recorder } = this;
    return {
      read: (visit) => {
        const id = recorder.nextId();
        return answered(recorder, id, base.read(this.#visited(id, visit)), () => null) as unknown as Promise<void>;
      },
      write: (changes) => answered(recorder, recorder.nextId(), base.write(changes), (failures) => failures),
    };
  }

  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    return answered(this.recorder, this.recorder.nextId(), this.base.write(changes), (failures) => failures);
  }

  #watch(watcher: KernelWatcher): { close(): void } {
    const { recorder } = this;
    const id = recorder.nextId();
    const tell = (event: unknown, run: () => void): void => {
      const write = (tape: TapeWriter): void => {
        tape.number(id);
        tape.text(JSON.stringify(event));
      };
      recorder.event(KIND.kernelEvent, write, run);
    };
    return this.base.watch!({
      onRoute: (route, deleted) => {
        const value = recorder.hasEnded ? 0 : recorder.value(JSON.stringify(route));
        const write = (tape: TapeWriter): void => {
          tape.number(id);
          tape.number(Number(deleted));
          tape.number(value);
        };
        recorder.event(KIND.kernelRoute, write, () => watcher.onRoute(route, deleted));
      },
      onLink: (device, up) => tell({ link: device, up }, () => watcher.onLink(device, up)),
      ...(watcher.onNexthop === undefined
        ? {}
        : {
            onNexthop: (nexthop: KernelNexthop, deleted: boolean) =>
              tell({ nexthop, deleted }, () => watcher.onNexthop!(nexthop, deleted)),
          }),
      onResync: (reason) => tell({ resync: reason }, () => watcher.onResync(reason)),
      onEnd: (error) => tell({ end: errorParts(error) }, () => watcher.onEnd(error)),
    });
  }

  reset(reason: string): void {
    this.base.reset(reason);
  }

  close(): Promise<void> {
    return answered(this.recorder, this.recorder.nextId(), this.base.close(), () => null);
  }
}
