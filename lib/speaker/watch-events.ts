import type { FamilyName } from '../bgp/wire/families.js';
import type { FibEvent } from '../fib/events.js';
import type { NeighborView, PathView } from './views.js';

/** What {@link WatchEvent}s have in common. */
interface Numbered {
  /** 1, 2, 3 … within one watch, without gaps. */
  readonly sequence: number;
  /** So many changes up to here were not told by an event of their own, because a newer one of the same thing was. */
  readonly coalesced: number;
}

/** How a prefix stands now. The newest event of a prefix is all there is to know of it. */
export interface RouteEvent extends Numbered {
  readonly type: 'route';
  readonly prefix: string;
  readonly family: FamilyName;
  /** Null: there is no usable path any more. */
  readonly best: PathView | null;
  /** With `multipath`: the paths that are used beside the best one; left out when there are none, and with `bestOnly: false`. */
  readonly beside?: readonly PathView[];
  /** With `bestOnly: false`: all paths, the best one first; empty when the last one has gone. */
  readonly paths?: readonly PathView[];
}

/** How a neighbor stands now: at the start, and whenever it enters a state, is added or removed. */
export interface NeighborEvent extends Numbered {
  readonly type: 'neighbor';
  readonly address: string;
  /** Null: it was removed. */
  readonly neighbor: NeighborView | null;
}

/** Something happened to kernel routes. These have no snapshot: `fibRoutes` has the state. */
export interface FibWatchEvent extends Numbered {
  readonly type: 'fib';
  readonly event: FibEvent;
}

/** All that was there at the start has been told. */
export interface EndOfSnapshot extends Numbered {
  readonly type: 'endOfSnapshot';
  /** Changes that wait. 0: what was told so far is exactly what there is at this moment. */
  readonly pending: number;
}

export type WatchEvent = RouteEvent | NeighborEvent | FibWatchEvent | EndOfSnapshot;

export interface WatchOptions {
  /** Of which families routes are told; default all. Empty: no routes. */
  readonly families?: readonly FamilyName[];
  /** Only the best path of each prefix; default true. Else every change of any path is told, with all paths. */
  readonly bestOnly?: boolean;
  /** Tell of neighbors; default false. */
  readonly neighbors?: boolean;
  /** Tell of kernel routes; default false. */
  readonly fib?: boolean;
  /** Ends the watch: the iteration is over then, without an error. */
  readonly signal?: AbortSignal;
}
