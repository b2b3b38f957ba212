import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { libc, whyNoLibc } from './libc.js';

const MIB = 1 << 20;
/** Program text, stacks and the like of a Node process, which is no table and no buffer. */
const BASE = 48 * MIB;
/** Less than this is not worth the call: it takes some ten milliseconds. */
const WORTHWHILE = 48 * MIB;
/** A table that shrank by so many paths at least … */
const MANY_PATHS = 100_000;
const LOOK_MS = 5_000;

type Usage = Pick<NodeJS.MemoryUsage, 'rss' | 'heapTotal' | 'arrayBuffers'>;

/** How many octets the C library seems to hold that nobody uses. */
export function heldBack({ rss, heapTotal, arrayBuffers }: Usage): number {
  return Math.max(0, rss - heapTotal - arrayBuffers - BASE);
}

/**
 * Gives memory back to the system after a large table was withdrawn. Columns that are not used any more are garbage, which
 * an idle program does not collect by itself; and the C library (glibc) keeps much of what is freed for what may come. So
 * it is asked to let go, through the optional package koffi; without that, what it keeps stays.
 */
export class MemoryKeeper {
  readonly #timer: NodeJS.Timeout;
  readonly #paths: () => number;
  #most = 0;
  #last = 0;

  /** @param paths how many paths the tables hold now */
  constructor(paths: () => number) {
    this.#paths = paths;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  #look(): void {
    const paths = this.#paths();
    const isSteady = paths === this.#last;
    this.#last = paths;
    this.#most = Math.max(this.#most, paths);
    // … to less than half, and does not move just now.
    if (!isSteady || this.#most - paths < MANY_PATHS || paths * 2 > this.#most) return;
    this.#most = paths;
    collectGarbage();
    if (heldBack(process.memoryUsage()) >= WORTHWHILE && whyNoLibc() === undefined) libc().trimMemory();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function collectGarbage(): void {
  // The function that `node --expose-gc` has: the flag takes effect in contexts made from now on.
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}
