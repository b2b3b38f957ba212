import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
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
 * Between two collections of everything the heap, and typed arrays with it, may grow by so many percent of its size. It is some
 * 10 MB whatever the number of routes, since their columns are outside: by its own rule the engine would look at all of it
 * whenever 8 MB of columns were added, and hold changes up for 2 to 14 ms.
 */
const HEAP_GROWTH_PERCENT = 300;
/** So much nicer are the engine's helpers: they get a tenth of a processor that the speaker or a neighbor wants as well. */
const HELPER_NICENESS = 10;
const MAX_NICENESS = 19;
/** Node starts as many before any other thread: four workers, and one for what is delayed. */
const HELPERS = 5;
const HELPER_NAMES = /^(V8Worker|DelayedTaskSch)/;

/**
 * Settings of the engine while a process that is nothing but a speaker starts: code that runs once is not worth the
 * optimizing compiler (4 MB of program text that an idle speaker would never touch), nor a large space for new objects.
 * New objects are collected by one thread, for good: with so few of them, the others take longer to be woken than to help,
 * and changes wait for them. The helpers that compile give way to everybody else: with two processors, changes waited
 * milliseconds for them. A process that has more to do than BGP is left alone: only the `run` command calls this.
 * @returns to be called once the speaker runs: hot code is compiled from now on
 */
export function startFrugally(): () => void {
  calmHelpers();
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-opt');
  setFlagsFromString(`${GROWTH}=1`);
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    setFlagsFromString('--opt');
    setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
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

/** Linux has a priority for each thread, by its number, and needs no privilege to lower it; elsewhere all stays as it is. */
function calmHelpers(): void {
  if (process.platform !== 'linux') return;
  try {
    const niceness = Math.min(getPriority() + HELPER_NICENESS, MAX_NICENESS);
    for (const thread of helperThreads()) setPriority(thread, niceness);
  } catch {
    // No /proc, or a sandbox that forbids it: nothing but time is lost.
  }
}

/** Numbers of the threads that compile and collect garbage, not of those that do system calls for us. */
function helperThreads(): number[] {
  const own = readdirSync('/proc/self/task').map(Number);
  const named = own.filter((thread) => HELPER_NAMES.test(nameOf(thread)));
  // Versions of Node name all of them, one, or none; without names: in the order in which they were started, the main thread first.
  const isKnown = named.length > 1 || sizeWasSet();
  return isKnown ? named : own.slice(1, 1 + HELPERS);
}

function nameOf(thread: number): string {
  return readFileSync(`/proc/self/task/${thread}/comm`, 'latin1');
}

function sizeWasSet(): boolean {
  return /--v8[-_]pool[-_]size/.test(`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`);
}
