import type { Clock } from '../net/index.js';
import type { KernelError } from './errors.js';
import type { RouteState } from './route-state.js';
import { FLAG } from './route-table.js';
import type { FibRoute } from './settings.js';
import type { WriteLoop } from './write-loop.js';

export interface RouteViewContext {
  readonly state: RouteState;
  readonly loop: WriteLoop;
  readonly clock: Clock;
  /** Why nothing can be written at present; null: it can. */
  readonly down: KernelError | null;
  /** Why what is to be removed stays at present; null: it does not. */
  readonly held: string | null;
  readonly mayRemove: (ref: number) => boolean;
  /** Protocol of another's route in its place; null: there is none. */
  readonly occupant: (ref: number) => string | null;
}

/** A row in words: one that is wanted, or that the kernel holds. */
export function routeView(ref: number, cx: RouteViewContext): FibRoute {
  const { state, loop, clock, down } = cx;
  const c = state.columns(ref);
  const row = ref >> 1;
  const wall = clock.wallTime() - clock.now();
  const time = (tenths: number): number | null => (tenths === 0 ? null : Math.round(wall + (tenths - 1) * 100));
  const failed = (c.flags[row]! & FLAG.failed) !== 0;
  return {
    prefix: state.prefix(ref),
    ...(c.wanted[row] === 0 ? unwanted() : wanted(c.wanted[row]!)),
    failures: c.attempts[row]!,
    retryAt: failed ? time(c.retryAt[row]!) : null,
    wantedAt: time(c.wantedAt[row]!),
    writtenAt: time(c.writtenAt[row]!),
    acknowledgedAt: time(c.acknowledgedAt[row]!),
  };

  function wanted(target: number): Pick<FibRoute, 'target' | 'state' | 'error'> {
    const body = state.targets.bodyOf(target);
    if (body === 0) {
      const kept = c.kernel[row] !== 0 && cx.held !== null ? `; what the kernel holds stays: ${cx.held}` : '';
      return {
        target: state.targets.text(target),
        state: 'unresolved',
        error: `the next hop cannot be reached${kept}`,
      };
    }
    const key = state.text(body);
    if (c.kernel[row] === body && c.inflight[row] === 0) return { target: key, state: 'installed', error: null };
    return { target: key, state: failed ? 'failed' : 'pending', error: reason() };
  }

  function unwanted(): Pick<FibRoute, 'target' | 'state' | 'error'> {
    const target = state.text(c.kernel[row]!);
    if (!cx.mayRemove(ref)) return { target, state: 'stale', error: null };
    if (failed) return { target, state: 'failed', error: reason() };
    if (cx.held !== null && c.inflight[row] === 0) return { target, state: 'held', error: cx.held };
    return { target, state: 'removing', error: down?.message ?? null };
  }

  function reason(): string | null {
    if (!failed) return down?.message ?? null;
    const other = cx.occupant(ref);
    return (
      loop.retries.errorOf(ref)?.message ??
      `another program${other === null ? '' : ` (${other})`} keeps changing this route`
    );
  }
}
