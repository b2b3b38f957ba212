import type { Step } from './actions.js';
import type { FsmEvent } from './events.js';
import type { FsmState } from './state.js';
import { begin, held, ignore, lost, open, stop } from './transitions.js';

/** Active: listening; unless passive, ConnectRetryTimer leads back to Connect. */
export function active(s: FsmState, e: FsmEvent): Step {
  switch (e.type) {
    case 'manualStart':
    case 'manualStartPassive':
    case 'stableTimerExpires':
      return ignore(s);
    case 'manualStop':
    case 'openCollisionDump':
      return stop(s);
    case 'connectRetryTimerExpires':
      return begin(s);
    case 'tcpCrAcked':
    case 'tcpConnectionConfirmed':
      return open(s);
    case 'tcpConnectionFails':
      return lost(s);
    default:
      return held(s);
  }
}
