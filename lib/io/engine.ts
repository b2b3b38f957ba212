import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

const MIB = 1 << 20;
/**
 * New objects live in two halves, of which one is in use: the half may have this size. The engine would let it grow to
 * 16 MiB. What lives per route is in typed arrays outside, so that little survives a collection and a small half is enough;
 * it also stays in the processor's cache.
 */
const YOUNG_MIB = 2;
const GROWTH = '--semi-space-growth-factor';

/**
 * Settings of the engine while a process that is nothing but a speaker starts: code that runs once is not worth the
 * optimizing compiler (4 MB of program text that an idle speaker would never touch), nor a large space for new objects.
 * New objects are collected by one thread, for good: with so few of them, the others take longer to be woken than to help,
 * and changes wait for them. A process that has more to do than BGP is left alone: only the `run` command calls this.
 * @returns to be called once the speaker runs: hot code is compiled from now on
 */
export function startFrugally(): () => void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-opt');
  setFlagsFromString(`${GROWTH}=1`);
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    setFlagsFromString('--opt');
    growOnce();
  };
}

/** One step of growth, when enough survives; the engine has no limit that could be set at run time. */
function growOnce(): void {
  const factor = Math.floor(YOUNG_MIB / youngMib());
  if (factor <= 1) return;
  setFlagsFromString(`${GROWTH}=${factor}`);
  const observer = new PerformanceObserver(() => {
    if (youngMib() < YOUNG_MIB) return;
    setFlagsFromString(`${GROWTH}=1`);
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}

function youngMib(): number {
  const space = getHeapSpaceStatistics().find((one) => one.space_name === 'new_space');
  return space === undefined ? Infinity : space.space_size / 2 / MIB;
}
