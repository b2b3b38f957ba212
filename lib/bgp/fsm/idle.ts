import type { Step } from './actions.js';
import type { FsmEvent } from './events.js';
import type { FsmState } from './state.js';
import { begin, ignore, stay } from './transitions.js';

/** By hand, perhaps while held back. */
function start(s: FsmState): Step {
  const { state, actions } = begin(s);
  return { state, actions: [{ type: 'stopTimers' }, ...actions] };
}

/** Idle: stopped, or held back after an error. Connections are refused. */
export function idle(s: FsmState, e: FsmEvent): Step {
  switch (e.type) {
    case 'manualStart':
      return start({ ...s, passive: false, connectRetryCounter: 0 });
    case 'manualStartPassive':
      return start({ ...s, passive: true, connectRetryCounter: 0 });
    case 'idleHoldTimerExpires':
      return begin(s);
    case 'manualStop':
      return stay({ ...s, connectRetryCounter: 0 }, { type: 'stopTimers' });
    case 'tcpCrAcked':
    case 'tcpConnectionConfirmed':
      return stay(s, { type: 'refuse' });
    default:
      return ignore(s);
  }
}
