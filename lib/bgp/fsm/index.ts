/** RFC 4271 section 8 without sockets and timers: the finite state machine, OPEN negotiation and the collision rule. */
export { step } from './step.js';
export { FSM_STATES, INITIAL_STATE, progressOf, type FsmState, type FsmStateName } from './state.js';
export { FSM_EVENTS, type FsmEvent, type FsmEventName, type NotificationContent } from './events.js';
export type { FsmAction, FsmTimer, Step } from './actions.js';
export { negotiate, type Negotiated, type OpenFacts, type PeerPolicy } from './negotiate.js';
export { HARD_RESET, isGracefulEnd, wantsHardReset, type SessionEnd } from './session-end.js';
export { dialedSurvives, type SpeakerIdentity } from './collision.js';
export { jittered, retryDelay } from './backoff.js';
