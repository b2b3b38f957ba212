import type { FsmAction, Step } from './actions.js';
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
  stay,
  stop,
} from './transitions.js';

/** OpenConfirm: both OPENs are accepted here, the peer's first KEEPALIVE is awaited. */
export function openConfirm(s: FsmState, e: FsmEvent): Step {
  switch (e.type) {
    case 'manualStart':
    case 'manualStartPassive':
    case 'stableTimerExpires':
      return ignore(s);
    case 'manualStop':
      return stop(s, e.notification);
    case 'automaticStop':
      return held(s, e.notification, e.idleHold);
    case 'bgpHeaderErr':
    case 'bgpOpenMsgErr':
      return held(s, e.notification);
    case 'holdTimerExpires':
      return holdTimerExpired(s);
    case 'keepaliveTimerExpires':
      return keepalive(s);
    case 'tcpCrAcked':
    case 'tcpConnectionConfirmed':
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
      return established(s);
    default:
      return fsmError(s, e.type);
  }
}

function established(s: FsmState): Step {
  const actions: FsmAction[] = [
    ...restartHold(s),
    { type: 'startTimer', timer: 'sendHold' },
    { type: 'startTimer', timer: 'stable' },
  ];
  return { state: { ...s, name: 'Established' }, actions };
}
