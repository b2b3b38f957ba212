import type { FibWriter, KernelRoute, KernelWatcher, RouteChange, WriteFailure } from '../fib/writer.js';
import { errorParts } from './errors-json.js';
import { KIND } from './kinds.js';
import type { Recorder } from './recorder.js';
import { answered } from './recording-transport.js';
import type { TapeWriter } from './tape-writer.js';

/** A FIB writer of which all that the kernel tells is written down: tables read, answers to writes, changes by others. */
export class RecordingFibWriter implements FibWriter {
  readonly name: string;
  readonly nextHops: FibWriter['nextHops'];
  readonly watch?: (watcher: KernelWatcher) => { close(): void };

  constructor(
    private readonly recorder: Recorder,
    private readonly base: FibWriter,
  ) {
    this.name = base.name;
    this.nextHops = base.nextHops;
    if (base.watch) this.watch = (watcher) => this.#watch(watcher);
  }

  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<{ readonly consistent: boolean }> {
    const { recorder } = this;
    const id = recorder.nextId();
    const told = (route: KernelRoute): void => {
      if (recorder.hasEnded) visit(route);
      else recorder.visit(id, recorder.value(JSON.stringify(route)), () => visit(route));
    };
    return answered(recorder, id, this.base.read(tables, told), ({ consistent }) => ({ consistent }));
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
