/**
 * How the process fares that runs a speaker: memory, processor time, and how long the event loop was held up. A stall is
 * the time for which no timer and no socket could have been served; keepalives are late by as much.
 */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { cpuUsage, memoryUsage, resourceUsage } from 'node:process';

/** The clock of the histogram ticks so often; what it measures is longer by this. */
const RESOLUTION_MS = 10;

export interface ProcessView {
  /** Octets of memory: resident now and at most, JavaScript objects, typed arrays (tables, buffers). */
  readonly memory: {
    readonly residentBytes: number;
    readonly peakResidentBytes: number;
    readonly heapUsedBytes: number;
    readonly typedArrayBytes: number;
  };
  /** User and system time since the process began. */
  readonly cpuSeconds: number;
  readonly eventLoop: {
    /** Unix milliseconds: when measuring began. */
    readonly since: number;
    readonly longestStallMs: number;
    readonly p99StallMs: number;
    readonly p999StallMs: number;
  };
}

/** Measures from its construction on, or from the last `reset`, until `stop`. */
export class ProcessMonitor {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #since = Date.now();

  constructor() {
    this.#delays.enable();
  }

  view(): ProcessView {
    const { rss, heapUsed, arrayBuffers } = memoryUsage();
    const { user, system } = cpuUsage();
    const stall = (nanoseconds: number): number =>
      Math.max(0, Math.round(nanoseconds / 1e4 - RESOLUTION_MS * 100) / 100);
    const delays = this.#delays;
    return {
      memory: {
        residentBytes: rss,
        peakResidentBytes: resourceUsage().maxRSS * 1024,
        heapUsedBytes: heapUsed,
        typedArrayBytes: arrayBuffers,
      },
      cpuSeconds: (user + system) / 1e6,
      eventLoop: {
        since: this.#since,
        longestStallMs: stall(delays.max),
        p99StallMs: stall(delays.percentile(99)),
        p999StallMs: stall(delays.percentile(99.9)),
      },
    };
  }

  /** Forget the stalls so far. */
  reset(): void {
    this.#delays.reset();
    this.#since = Date.now();
  }

  stop(): void {
    this.#delays.disable();
  }
}
