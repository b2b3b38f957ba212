import type { FsmAction, Step } from './actions.js';
import type { FsmEventName, NotificationContent } from './events.js';
import type { FsmState, FsmStateName } from './state.js';

/** The moves that several states share. Each leaves no timer running that its new state does not want. */

/** NOTIFICATION error codes that the FSM itself sends (RFC 4271 section 4.5, RFC 4486, RFC 9687). */
export const HOLD_TIMER_EXPIRED = 4;
export const FSM_ERROR = 5;
export const CEASE = 6;
export const SEND_HOLD_TIMER_EXPIRED = 8;
const CONNECTION_COLLISION_RESOLUTION = 7;

/** RFC 4271 section 8.2.2, OpenSent: a hold timer of 4 minutes until the peer's OPEN names a better one. */
export const LARGE_HOLD_TIME_SECONDS = 240;

const NOTHING = new Uint8Array(0);
const NO_ACTIONS: readonly FsmAction[] = [];
const STOP_TIMERS: FsmAction = { type: 'stopTimers' };
const DROP: FsmAction = { type: 'drop' };

/** The event changes nothing. */
export function ignore(s: FsmState): Step {
  return { state: s, actions: NO_ACTIONS };
}

/** Stay, and do this. */
export function stay(s: FsmState, ...actions: FsmAction[]): Step {
  return { state: s, actions };
}

export function go(s: FsmState, name: FsmStateName, ...actions: FsmAction[]): Step {
  return { state: { ...s, name }, actions };
}

/** To Connect: dial, and let ConnectRetryTimer limit how long that may take. */
export function dial(s: FsmState): Step {
  return go(s, 'Connect', { type: 'startTimer', timer: 'connectRetry' }, { type: 'dial' });
}

/** Start, or start again: dial, or only listen. */
export function begin(s: FsmState): Step {
  return s.passive ? go(s, 'Active') : dial(s);
}

/** To OpenSent over the connection of this event. */
export function open(s: FsmState): Step {
  return go(
    s,
    'OpenSent',
    { type: 'adopt' },
    STOP_TIMERS,
    { type: 'sendOpen' },
    { type: 'startTimer', timer: 'hold', seconds: LARGE_HOLD_TIME_SECONDS },
  );
}

/** Idle until started by hand. */
export function stop(s: FsmState, notification?: NotificationContent): Step {
  return end({ ...s, name: 'Idle', connectRetryCounter: 0 }, notification);
}

/**
 * The connection is lost, but nobody did anything wrong: listen at once, dial again after a growing interval. RFC 4271
 * goes to Idle here except in OpenSent; Active instead lets a peer that restarts come back without waiting for us.
 */
export function lost(s: FsmState, notification?: NotificationContent): Step {
  const state: FsmState = { ...s, name: 'Active', connectRetryCounter: s.connectRetryCounter + 1 };
  return end(state, notification, s.passive ? undefined : { type: 'startTimer', timer: 'connectRetry' });
}

/**
 * One side broke the protocol: Idle, refusing connections, for a growing interval (RFC 4271 8.1.1, DampPeerOscillations).
 * @param idleHold seconds instead of that interval; null: until started by hand (RFC 4271 section 6.7)
 */
export function held(s: FsmState, notification?: NotificationContent, idleHold?: number | null): Step {
  const state: FsmState = { ...s, name: 'Idle', connectRetryCounter: s.connectRetryCounter + 1 };
  if (idleHold === null) return end(state, notification);
  const seconds = idleHold === undefined ? {} : { seconds: idleHold };
  return end(state, notification, { type: 'startTimer', timer: 'idleHold', ...seconds });
}

function end(state: FsmState, notification: NotificationContent | undefined, last?: FsmAction): Step {
  const actions: FsmAction[] = [];
  if (notification !== undefined) actions.push({ type: 'sendNotification', notification });
  actions.push(STOP_TIMERS, DROP);
  if (last !== undefined) actions.push(last);
  return { state, actions };
}

/** The other connection to this peer survives (RFC 4271 section 6.8). */
export function collisionDump(s: FsmState): Step {
  const reason = 'another connection to this peer survives';
  return end({ ...s, name: 'Idle' }, { code: CEASE, subcode: CONNECTION_COLLISION_RESOLUTION, data: NOTHING, reason });
}

export function holdTimerExpired(s: FsmState): Step {
  return lost(s, { code: HOLD_TIMER_EXPIRED, subcode: 0, data: NOTHING, reason: 'nothing heard within the hold time' });
}

/** A NOTIFICATION arrived. It is never answered with one (RFC 4271 section 6.4). */
export function notified(s: FsmState, code: number, subcode: number): Step {
  return isPeaceful(code, subcode) ? lost(s) : held(s);
}

/**
 * Whether a received NOTIFICATION blames nobody: the peer closes (Cease; but not for too many prefixes or out of
 * resources, RFC 4486 section 4), timed out, or cannot read our optional parameters, which the next OPEN leaves out.
 */
function isPeaceful(code: number, subcode: number): boolean {
  if (code === CEASE) return subcode !== 1 && subcode !== 8;
  return code === HOLD_TIMER_EXPIRED || code === SEND_HOLD_TIMER_EXPIRED || (code === 2 && subcode === 4);
}

const MESSAGE_TYPES: Partial<Record<FsmEventName, number>> = {
  bgpOpen: 1,
  updateMsg: 2,
  updateMsgErr: 2,
  keepAliveMsg: 4,
  routeRefreshMsg: 5,
};
const UNEXPECTED_MESSAGE_SUBCODE: Partial<Record<FsmStateName, number>> = {
  OpenSent: 1,
  OpenConfirm: 2,
  Established: 3,
};

/** An event that cannot be in this state: FSM Error, for a message with its type as data (RFC 6608). */
export function fsmError(s: FsmState, event: FsmEventName): Step {
  const messageType = MESSAGE_TYPES[event];
  return held(s, {
    code: FSM_ERROR,
    subcode: messageType === undefined ? 0 : UNEXPECTED_MESSAGE_SUBCODE[s.name]!,
    data: messageType === undefined ? NOTHING : Uint8Array.of(messageType),
    reason: `${event} in ${s.name}`,
  });
}

/** RFC 9687: the peer takes nothing. The NOTIFICATION is sent for completeness; the peer will hardly read it. */
export function sendHoldTimerExpired(s: FsmState): Step {
  const reason = 'the peer took nothing within the send hold time';
  return lost(s, { code: SEND_HOLD_TIMER_EXPIRED, subcode: 0, data: NOTHING, reason });
}

/** KeepaliveTimer_Expires while a session is up or coming up. */
export function keepalive(s: FsmState): Step {
  return stay(s, { type: 'sendKeepalive' }, { type: 'startTimer', timer: 'keepalive', seconds: s.keepaliveSeconds });
}

/** The peer lives: the hold timer begins again, unless the hold time is zero. */
export function restartHold(s: FsmState): readonly FsmAction[] {
  return s.holdTimeSeconds > 0 ? [{ type: 'startTimer', timer: 'hold', seconds: s.holdTimeSeconds }] : NO_ACTIONS;
}
