import { formatPrefix, parsePrefix, type Clock } from '../net/index.js';
import type { Availability } from './availability.js';
import { protocolName } from './names.js';
import type { RemovalGuard } from './removal-guard.js';
import type { Resolver } from './resolver.js';
import type { RouteState } from './route-state.js';
import { routeView } from './route-view.js';
import type { FibRoute, FibSummary } from './settings.js';
import type { WriteLoop } from './write-loop.js';

export interface FibViewsOptions {
  readonly state: RouteState;
  readonly loop: WriteLoop;
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly guard: RemovalGuard;
  readonly writerState: Availability;
  /** Name of the writer. */
  readonly writer: string;
  readonly mayRemove: (ref: number) => boolean;
}

/** What a Fib tells of itself. */
export class FibViews {
  constructor(private readonly o: FibViewsOptions) {}

  /** Routes that are wanted, or that the kernel holds although they are not; lazily, in no particular order. */
  *routes(): IterableIterator<FibRoute> {
    for (const ref of this.o.state.refs()) if (this.#isKnown(ref)) yield this.#view(ref);
  }

  /** One of {@link routes}. @throws UsageError `bad_prefix` */
  route(prefix: string): FibRoute | undefined {
    const ref = this.o.state.find(formatPrefix(parsePrefix(prefix)));
    return ref < 0 || !this.#isKnown(ref) ? undefined : this.#view(ref);
  }

  summary(phase: 'starting' | 'running' | 'stopped'): FibSummary {
    const { state, loop, guard, writer, writerState, mayRemove } = this.o;
    return {
      writer,
      state: phase !== 'stopped' && writerState.error ? 'down' : phase,
      ...state.counts(mayRemove),
      queued: loop.pending,
      removalsHeld: guard.waitsFor,
      lastError: writerState.error?.message ?? null,
    };
  }

  /** Protocol of another's route in the place of ours; null: there is none. */
  occupant(ref: number): string | null {
    const { index } = this.o.state.columns(ref);
    const { table } = this.o.state.identity;
    const metric = this.o.state.metricOf(index.family, this.o.state.wantedBody(ref));
    const other = this.o.resolver.occupant(table, index, ref >> 1, metric);
    return other === undefined ? null : protocolName(other);
  }

  #isKnown(ref: number): boolean {
    const c = this.o.state.columns(ref);
    return c.wanted[ref >> 1] !== 0 || c.kernel[ref >> 1] !== 0;
  }

  #view(ref: number): FibRoute {
    const { state, loop, clock, guard, writerState, mayRemove } = this.o;
    const [down, held] = [writerState.error, guard.waitsFor];
    return routeView(ref, { state, loop, clock, down, held, mayRemove, occupant: (row) => this.occupant(row) });
  }
}
