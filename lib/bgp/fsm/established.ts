import type { Step } from './actions.js';
import type { FsmEvent } from './events.js';
import type { FsmState } from './state.js';
import {
  collisionDump,
  fsmError,
  held,
  holdTimerExpired,
  ignore,
  keepalive,
  lost,
  notified,
  restartHold,
  sendHoldTimerExpired,
  stay,
  stop,
} from './transitions.js';

/** Established: routes are exchanged. */
export function established(s: FsmState, e: FsmEvent): Step {
  switch (e.type) {
    case 'manualStart':
    case 'manualStartPassive':
      return ignore(s);
    case 'manualStop':
      return stop(s, e.notification);
    case 'automaticStop':
      return held(s, e.notification, e.idleHold);
    case 'bgpHeaderErr':
    case 'updateMsgErr':
      return held(s, e.notification);
    case 'holdTimerExpires':
      return holdTimerExpired(s);
    case 'keepaliveTimerExpires':
      return keepalive(s);
    case 'sendHoldTimerExpires':
      return sendHoldTimerExpired(s);
    case 'stableTimerExpires':
      return stay({ ...s, connectRetryCounter: 0 });
    case 'tcpCrAcked':
    case 'tcpConnectionConfirmed':
      // Collision detection closes it when its OPEN arrives: an Established session stays (RFC 4271 section 6.8).
      return stay(s, { type: 'track' });
    case 'tcpConnectionFails':
      return lost(s);
    case 'openCollisionDump':
      return collisionDump(s);
    case 'notifMsgVerErr':
      return held(s);
    case 'notifMsg':
      return notified(s, e.code, e.subcode);
    case 'keepAliveMsg':
      return stay(s, ...restartHold(s));
    case 'updateMsg':
      return stay(s, ...restartHold(s), { type: 'deliver' });
    case 'routeRefreshMsg':
      return stay(s, { type: 'deliver' });
    default:
      return fsmError(s, e.type);
  }
}
