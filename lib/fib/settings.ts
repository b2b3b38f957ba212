import { UsageError, type Clock } from '../net/index.js';
import type { RemovalLimit } from './removal-guard.js';
import type { FibWriter } from './writer.js';

export interface FibSettings {
  readonly writer: FibWriter;
  readonly clock: Clock;
  /** Number of the routing table; default 254 (`main`). */
  readonly table?: number;
  /** Number of the protocol that marks our routes; default 186 (`bgp`). */
  readonly protocol?: number;
  /** Default 32. A route is ours if protocol, table and metric are. */
  readonly metric?: number;
  /** Further metrics that targets may have: routes of our protocol and table with one of them are ours too. Default none. */
  readonly metrics?: readonly number[];
  /**
   * What happens to our routes of an earlier run that nobody wants in this one. `sweep` (default): removed at
   * {@link Fib.ready}; `flush`: removed at once; `adopt`: kept until they were wanted and then no longer.
   */
  readonly atStart?: 'sweep' | 'flush' | 'adopt';
  /** `keep` (default): our routes stay when we stop; `remove`: they go. */
  readonly atStop?: 'keep' | 'remove';
  /** Read and compare the kernel's tables at least so often; 0: only when there is a reason to. Default 60. */
  readonly reconcileSeconds?: number;
  /** Whether a default route may be what a next hop is reached by; default true. */
  readonly resolveViaDefault?: boolean;
  /** Whether next hops are looked up in `main` too when the table has no route to them; default true. Not so in a VRF. */
  readonly resolveViaMain?: boolean;
  /**
   * Never remove more of the kernel's routes than so many percent in so many seconds, unless {@link Fib.confirmRemovals}
   * is called. Ten are always allowed. Default: no limit.
   */
  readonly removalLimit?: RemovalLimit | null;
  /** Have routes refer to nexthop objects, so that the move of a next hop is one change; default false. The writer has to know them. */
  readonly nexthopObjects?: boolean;
  /** Changes per batch; default 500. */
  readonly batchSize?: number;
  /** The writer is reset when it does not acknowledge for so long; default 20. */
  readonly writeTimeoutSeconds?: number;
  /** The writer is reset when a reading takes longer; default 120. */
  readonly readTimeoutSeconds?: number;
}

/**
 * One route that is wanted, or that the kernel still holds although it is not. Times are wall-clock milliseconds since the
 * Unix epoch; null: never.
 */
export interface FibRoute {
  readonly prefix: string;
  /** `via 10.0.0.2 dev eth0`, `blackhole`, or `next hop 10.9.9.9` while it is unresolved. Not wanted: what the kernel holds. */
  readonly target: string;
  /**
   * `stale`: found at the start and not wanted in this run so far. `held`: to be removed, and kept for the reason in `error`.
   * `removing`: to be removed, soon.
   */
  readonly state: 'installed' | 'pending' | 'failed' | 'unresolved' | 'stale' | 'held' | 'removing';
  /** Why it is not as it should be. */
  readonly error: string | null;
  /** Failures in a row, and when it is tried again. */
  readonly failures: number;
  readonly retryAt: number | null;
  readonly wantedAt: number | null;
  readonly writtenAt: number | null;
  readonly acknowledgedAt: number | null;
}

export interface FibSummary {
  readonly writer: string;
  /** `starting`: the kernel was not read yet; `down`: the writer fails, tried again by itself. */
  readonly state: 'starting' | 'running' | 'down' | 'stopped';
  readonly wanted: number;
  readonly kernel: number;
  readonly failed: number;
  readonly queued: number;
  /** Routes in the kernel that are to be removed. */
  readonly removing: number;
  /** Routes of an earlier run that nobody has wanted yet. */
  readonly stale: number;
  /** Why routes that are to be removed stay ({@link Fib.holdRemovals}, `removalLimit`); null: they do not. */
  readonly removalsHeld: string | null;
  readonly lastError: string | null;
}

/** All settings with their defaults. @throws UsageError `bad_option` */
export function checkedSettings(settings: FibSettings): Required<FibSettings> {
  return {
    ...settings,
    table: integer('table', settings.table ?? 254, 1, 0xffffffff),
    protocol: integer('protocol', settings.protocol ?? 186, 1, 255),
    metric: integer('metric', settings.metric ?? 32, 0, 0xffffffff),
    metrics: (settings.metrics ?? []).map((one) => integer('metrics', one, 0, 0xffffffff)),
    atStart: settings.atStart ?? 'sweep',
    atStop: settings.atStop ?? 'keep',
    reconcileSeconds: integer('reconcileSeconds', settings.reconcileSeconds ?? 60, 0, 86_400),
    resolveViaDefault: settings.resolveViaDefault ?? true,
    resolveViaMain: settings.resolveViaMain ?? true,
    removalLimit: settings.removalLimit ? checkedLimit(settings.removalLimit) : null,
    nexthopObjects: checkedObjects(settings),
    batchSize: integer('batchSize', settings.batchSize ?? 500, 1, 10_000),
    writeTimeoutSeconds: integer('writeTimeoutSeconds', settings.writeTimeoutSeconds ?? 20, 1, 3600),
    readTimeoutSeconds: integer('readTimeoutSeconds', settings.readTimeoutSeconds ?? 120, 1, 3600),
  };
}

function checkedObjects({ nexthopObjects = false, writer }: FibSettings): boolean {
  if (!nexthopObjects || writer.nexthops) return nexthopObjects;
  throw new UsageError('bad_option', `the writer ${writer.name} knows no nexthop objects`, 'nexthopObjects');
}

function checkedLimit({ percent, seconds }: RemovalLimit): RemovalLimit {
  if (!(percent > 0 && percent <= 100)) {
    throw new UsageError(
      'bad_option',
      `removalLimit.percent is above 0 and at most 100, not ${percent}`,
      'removalLimit',
    );
  }
  return { percent, seconds: integer('removalLimit.seconds', seconds, 1, 86_400) };
}

function integer(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError('bad_option', `${option} is an integer from ${least} to ${most}, not ${value}`, option);
}
