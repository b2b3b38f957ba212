import type { Clock, Timer } from '../net/clock.js';
import { KIND } from './kinds.js';
import type { Recorder } from './recorder.js';

/** A clock of which all that matters is written down. Timers of whoever is not the speaker are left alone. */
export function recordingClock(recorder: Recorder, clock: Clock): Clock {
  return {
    now: () => recorder.now(),
    wallTime: () => recorder.wallTime(),
    after(ms: number, run: () => void): Timer {
      if (!recorder.isCore) return clock.after(ms, run);
      const id = recorder.nextId();
      return clock.after(ms, () => recorder.event(KIND.timer, (tape) => tape.number(id), run));
    },
    soon(run: () => void): void {
      if (!recorder.isCore) return clock.soon(run);
      const id = recorder.nextId();
      clock.soon(() => recorder.event(KIND.soon, (tape) => tape.number(id), run));
    },
  };
}
