import type { Clock } from '../net/index.js';
import type { KernelError } from './errors.js';
import type { RouteState } from './route-state.js';
import { FLAG } from './route-table.js';
import type { FibRoute } from './settings.js';
import type { WriteLoop } from './write-loop.js';

/** A wanted row in words. @param down why nothing can be written at present; null: it can */
export function routeView(
  ref: number,
  state: RouteState,
  loop: WriteLoop,
  clock: Clock,
  down: KernelError | null,
): FibRoute {
  const c = state.columns(ref);
  const row = ref >> 1;
  const wanted = c.wanted[row]!;
  const body = state.targets.bodyOf(wanted);
  const resolved = body !== 0;
  const installed = resolved && c.kernel[row] === body && c.inflight[row] === 0;
  const failed = (c.flags[row]! & FLAG.failed) !== 0;
  const wall = clock.wallTime() - clock.now();
  const time = (tenths: number): number | null => (tenths === 0 ? null : Math.round(wall + (tenths - 1) * 100));
  return {
    prefix: state.prefix(ref),
    target: resolved ? state.bodies.get(body).key : state.targets.text(wanted),
    state: !resolved ? 'unresolved' : installed ? 'installed' : failed ? 'failed' : 'pending',
    error: installed ? null : reasonOf(),
    wantedAt: time(c.wantedAt[row]!),
    writtenAt: time(c.writtenAt[row]!),
    acknowledgedAt: time(c.acknowledgedAt[row]!),
  };

  function reasonOf(): string | null {
    if (failed) return loop.errorOf(ref)?.message ?? 'another program keeps changing this route';
    return resolved ? (down?.message ?? null) : 'the next hop cannot be reached';
  }
}
