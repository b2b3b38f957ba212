import type { Diagnostic } from '../bgp/wire/errors.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { FsmStateName } from '../bgp/session/types.js';
import type { FibEvent } from '../fib/events.js';
import type { PrefixLimitNotice } from '../rib/prefix-limit.js';
import type { PathView } from './views.js';

export interface NeighborStateChange {
  readonly neighbor: string;
  readonly from: FsmStateName;
  readonly to: FsmStateName;
  readonly reason: string;
}

/** The best path of a prefix is another one, or has other attributes. */
export interface BestPathChange {
  readonly prefix: string;
  readonly family: FamilyName;
  /** Null: there is no usable path any more. */
  readonly best: PathView | null;
}

/** What a speaker tells, and with which arguments. Listeners are called synchronously and should be quick. */
export interface SpeakerEvents {
  neighborStateChange: [NeighborStateChange];
  /** Only computed while somebody listens; one event per changed prefix. */
  bestPathChange: [BestPathChange];
  endOfRib: [{ readonly neighbor: string; readonly family: FamilyName }];
  /** A flaw in a received UPDATE that did not end the session (RFC 7606). */
  updateError: [{ readonly neighbor: string; readonly diagnostic: Diagnostic }];
  /** A neighbor has passed the warning threshold of its prefixes, or their limit; again only after it was below. */
  prefixLimit: [{ readonly neighbor: string } & PrefixLimitNotice];
  fib: [FibEvent];
}
