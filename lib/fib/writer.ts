import type { RouteBody } from './body.js';
import type { KernelError } from './errors.js';
import type { KernelNexthop, NexthopChange } from './nexthop.js';

/** A route as the kernel holds it. Objects handed to callbacks are not kept by tsbgp. */
export interface KernelRoute {
  /** Canonical text with its length: `10.1.0.0/16`, `2001:db8::1/128`, `0.0.0.0/0`. */
  readonly prefix: string;
  /** Number of the routing table: 254 is `main`. */
  readonly table: number;
  /** Number of the protocol that wrote it (`/etc/iproute2/rt_protos`): 2 is `kernel`, 4 `static`, 186 `bgp`. */
  readonly protocol: number;
  /** Priority, lower wins. */
  readonly metric: number;
  /** IPv4 type of service the route is for; 0 in nearly all routes. */
  readonly tos: number;
  readonly body: RouteBody;
}

/**
 * One change to write.
 * - `add`: must fail with `EEXIST` when any route, also another program's, has this prefix, table and metric;
 * - `replace`: the kernel held our route when last seen; puts this one in its place, or adds it;
 * - `delete`: removes our route of this protocol, table and metric; `body` is what the kernel was last seen to hold.
 */
export interface RouteChange extends Omit<KernelRoute, 'tos'> {
  readonly op: 'add' | 'replace' | 'delete';
}

/** A change of a batch that the kernel refused. */
export interface WriteFailure {
  /** Position in the batch. */
  readonly index: number;
  /** As in {@link KernelError}. `ESRCH` on a delete and `EEXIST` on an add have the meaning their names say. */
  readonly code: string;
  readonly message: string;
}

/** The part of a {@link FibWriter} that knows nexthop objects. Like the others it only carries; nothing may throw synchronously. */
export interface NexthopWriter {
  /**
   * Report every object, ours and others'.
   * @throws KernelError (rejects); `EOPNOTSUPP`: this kernel knows no nexthop objects
   */
  read(visit: (nexthop: KernelNexthop) => void): Promise<void>;
  /** Apply changes in order, and after all routes and objects that were written before; as {@link FibWriter.write} does. */
  write(changes: readonly NexthopChange[]): Promise<readonly WriteFailure[]>;
}

/** What a reading of a kernel's tables told besides the routes. */
export interface ReadOutcome {
  /** False: tables changed meanwhile, so that absence of a route proves nothing. */
  readonly consistent: boolean;
  /**
   * All devices, and whether each can carry packets now. Optional: without it a device of which no event told is taken to be up, where a
   * route says by itself which device it takes.
   */
  readonly links?: readonly (readonly [device: string, up: boolean])[];
}

/** Told while a {@link FibWriter.watch} runs. */
export interface KernelWatcher {
  /** A route was added or replaced, or deleted. May be told late, twice, or not at all: it is a hint. */
  onRoute(route: KernelRoute, deleted: boolean): void;
  /**
   * A device or its addresses changed; `up` is whether it can carry packets now, if the event tells. IPv4 routes that go with it
   * are told by no event of their own.
   */
  onLink(device: string, up?: boolean): void;
  /** A nexthop object was added or replaced, or deleted; a hint. Who has nobody to tell calls `onResync`. */
  onNexthop?(nexthop: KernelNexthop, deleted: boolean): void;
  /** Something changed that single route events do not tell, such as lost events. The tables must be read again. */
  onResync(reason: string): void;
  /** The watch is over, by itself. */
  onEnd(error: KernelError): void;
}

/**
 * How routes reach a kernel. tsbgp comes with writers for `ip -batch`, for memory and for printing; implement this to
 * write routes elsewhere, and run `fibWriterConformance` of `tsbgp/fib/conformance` against it.
 *
 * What a {@link Fib} promises: `watch` before the first `read`; never a `read` while a `write` is unanswered; at most
 * eight unanswered writes; no two changes of one route in unanswered writes; valid, canonical prefixes and addresses.
 *
 * A writer needs no retry, no timer and no queue of its own: when it rejects, the Fib reports it, waits with growing
 * intervals, reads, and writes again whatever differs. Nothing here may throw synchronously.
 */
export interface FibWriter {
  /** For messages: `ip-route`. */
  readonly name: string;
  /**
   * `kernel`: next hops are resolved through the routes that `read` reports, and held back while there is none.
   * `unchecked`: every next hop is taken as it is, without a device.
   */
  readonly nextHops: 'kernel' | 'unchecked';

  /** Optional: nexthop objects, for routes whose body has a `nexthop`. Written in one order with {@link write}. */
  readonly nexthops?: NexthopWriter;

  /**
   * Report every route of these tables, ours and others', both families.
   * @throws KernelError (rejects) when the tables could not be read to the end
   */
  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome>;

  /**
   * Apply changes in order; a refused one does not stop those after it. Resolves when all were tried, which is the
   * acknowledgement for those not named in the result. May be called again before it has resolved; order holds.
   * @throws KernelError (rejects) when it is unknown which of the changes were made
   */
  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]>;

  /** Start telling of changes. Optional: without it foreign changes are found by the periodic reading only. */
  watch?(watcher: KernelWatcher): { close(): void };

  /** Give up what is under way: unanswered reads and writes must reject soon. Called when there was no answer for long. */
  reset(reason: string): void;

  /** Free everything; called once, last. Routes stay as they are. */
  close(): Promise<void>;
}
