import type { KernelError } from './errors.js';

/** What a {@link Fib} tells. Plain values, JSON-ready but for the errors. Prefixes are canonical text. */
export type FibEvent =
  /** The kernel refused a route. Told at the first failure and whenever the error changes; retried by itself. */
  | {
      readonly type: 'routeFailed';
      readonly prefix: string;
      /** `via 10.0.0.2 dev eth0`, or `delete`. */
      readonly change: string;
      readonly error: KernelError;
      readonly retryInMs: number;
    }
  /** A route that had failed is in the kernel as wanted. */
  | { readonly type: 'routeRecovered'; readonly prefix: string }
  /** Nothing can be written or read at all; tried again by itself. BGP goes on. */
  | { readonly type: 'writerDown'; readonly error: KernelError; readonly retryInMs: number }
  | { readonly type: 'writerUp' }
  /** Somebody else deleted or altered one of our routes, or added one under our protocol, table and metric. */
  | {
      readonly type: 'foreignChange';
      readonly prefix: string;
      readonly change: 'deleted' | 'altered' | 'added';
      /** Protocol of a route in the place of ours, or that bears our own marks; null: whoever did it left none. */
      readonly by: string | null;
      /** What the kernel holds; null: nothing. */
      readonly found: string | null;
      /** What it should hold; null: nothing. */
      readonly wanted: string | null;
    }
  /** A foreign change was put right. */
  | { readonly type: 'repaired'; readonly prefix: string }
  /** Another program changes a route again and again: it is left alone for a growing while. */
  | {
      readonly type: 'contended';
      readonly prefix: string;
      readonly changes: number;
      readonly retryInMs: number;
      /** As in `foreignChange`. */
      readonly by: string | null;
    }
  /** More routes were to be removed than the limit allows: the others stay until then, or until they are confirmed. */
  | { readonly type: 'removalsLimited'; readonly retryInMs: number }
  /** No route is removed from now on, and why; until `removalsReleased`. */
  | { readonly type: 'removalsHeld'; readonly reason: string }
  | { readonly type: 'removalsReleased' }
  /** Connection tracking entries of addresses that moved to another host were deleted (`fib.conntrack`). */
  | { readonly type: 'conntrackDeleted'; readonly addresses: readonly string[] }
  /** They could not be; told once until it works again, and tried again by itself. */
  | { readonly type: 'conntrackFailed'; readonly error: KernelError; readonly retryInMs: number }
  /** More addresses waited than are kept: for so many that waited longest, entries stay until they time out. Told every 10 s at most. */
  | { readonly type: 'conntrackForgotten'; readonly addresses: number }
  /**
   * A nexthop object cannot be written: the routes over it are written with their next hops themselves. Told at the first failure
   * and when the error changes; tried again by itself.
   */
  | {
      readonly type: 'nexthopFailed';
      readonly id: number;
      /** `via 10.0.0.2 dev eth0`; of a group, each of its ways with its weight. */
      readonly nexthop: string;
      readonly error: KernelError;
      readonly retryInMs: number;
    }
  | { readonly type: 'nexthopRecovered'; readonly id: number; readonly nexthop: string }
  /** Somebody else deleted a nexthop object of ours, and in the kernel all routes over it with it, or altered it. Put right at once. */
  | {
      readonly type: 'foreignNexthopChange';
      readonly id: number;
      readonly nexthop: string;
      readonly change: 'deleted' | 'altered';
      /** It happens again and again: for so long the routes do without the object. 0: it is put right at once. */
      readonly retryInMs: number;
    }
  /** This kernel, or this `ip`, knows no nexthop objects: all routes are written with their next hops themselves. */
  | { readonly type: 'nexthopObjectsUnavailable'; readonly error: KernelError }
  /** The kernel's tables were read and compared. */
  | {
      readonly type: 'reconciled';
      readonly reason: string;
      /** Routes of ours that the kernel held. */
      readonly own: number;
      /** Prefixes of others that it held in the tables that were read. */
      readonly foreign: number;
      /** Rows whose kernel state differs from what is wanted; they are being written now. */
      readonly different: number;
      readonly durationMs: number;
    };

export type FibEventListener = (event: FibEvent) => void;
