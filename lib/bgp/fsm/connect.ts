import type { Step } from './actions.js';
import type { FsmEvent } from './events.js';
import type { FsmState } from './state.js';
import { held, ignore, lost, open, stay, stop } from './transitions.js';

/** Connect: our own connection attempt is under way. */
export function connect(s: FsmState, e: FsmEvent): Step {
  switch (e.type) {
    case 'manualStart':
    case 'manualStartPassive':
    case 'stableTimerExpires':
      return ignore(s);
    case 'manualStop':
      return stop(s);
    case 'connectRetryTimerExpires':
      // No answer for a whole interval: begin anew, the next one is longer.
      return stay(
        { ...s, connectRetryCounter: s.connectRetryCounter + 1 },
        { type: 'drop' },
        { type: 'startTimer', timer: 'connectRetry' },
        { type: 'dial' },
      );
    case 'tcpCrAcked':
      return open(s);
    case 'tcpConnectionConfirmed':
      // RFC 4271 would forget our own attempt. Two speakers doing that at the same moment close both connections,
      // again and again; so both go on, and section 6.8 chooses.
      return stay(s, { type: 'track' });
    case 'tcpConnectionFails':
      return lost(s);
    case 'openCollisionDump':
      return stop(s);
    default:
      return held(s);
  }
}
