import type { FsmAction, Step } from './actions.js';
import type { FsmEvent } from './events.js';
import type { FsmState } from './state.js';
import { collisionDump, fsmError, held, holdTimerExpired, ignore, lost, notified, stay, stop } from './transitions.js';

/** OpenSent: connected, our OPEN is out, the peer's is awaited. */
export function openSent(s: FsmState, e: FsmEvent): Step {
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
    case 'tcpCrAcked':
    case 'tcpConnectionConfirmed':
      return stay(s, { type: 'track' });
    case 'tcpConnectionFails':
      return lost(s);
    case 'bgpOpen':
      return accepted(s, e.holdTimeSeconds, e.keepaliveSeconds);
    case 'openCollisionDump':
      return collisionDump(s);
    case 'notifMsgVerErr':
      return held(s);
    case 'notifMsg':
      return notified(s, e.code, e.subcode);
    default:
      return fsmError(s, e.type);
  }
}

function accepted(s: FsmState, holdTimeSeconds: number, keepaliveSeconds: number): Step {
  const actions: FsmAction[] = [{ type: 'stopTimers' }, { type: 'sendKeepalive' }];
  // RFC 4271 section 4.2: with a hold time of zero neither timer runs.
  if (holdTimeSeconds > 0) {
    actions.push({ type: 'startTimer', timer: 'hold', seconds: holdTimeSeconds });
    actions.push({ type: 'startTimer', timer: 'keepalive', seconds: keepaliveSeconds });
  }
  return { state: { ...s, name: 'OpenConfirm', holdTimeSeconds, keepaliveSeconds }, actions };
}
