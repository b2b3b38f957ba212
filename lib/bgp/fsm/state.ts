/** The six states of RFC 4271 section 8.2.2, in the order in which a session comes up. */
export const FSM_STATES = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'] as const;
export type FsmStateName = (typeof FSM_STATES)[number];

/** Everything the FSM remembers of one connection (RFC 4271 section 8: the session attributes). A frozen value. */
export interface FsmState {
  readonly name: FsmStateName;
  /** Failures since the session was last stable or started by hand; decides how long the next attempt waits. */
  readonly connectRetryCounter: number;
  /** Never dials, only accepts (PassiveTcpEstablishment). */
  readonly passive: boolean;
  /** Negotiated HoldTime in seconds; 0: neither hold nor keepalive timer. Means something from OpenConfirm on. */
  readonly holdTimeSeconds: number;
  /** Negotiated KeepaliveTime in seconds. Means something from OpenConfirm on. */
  readonly keepaliveSeconds: number;
}

/** A neighbor that was not started yet. */
export const INITIAL_STATE: FsmState = Object.freeze({
  name: 'Idle',
  connectRetryCounter: 0,
  passive: false,
  holdTimeSeconds: 0,
  keepaliveSeconds: 0,
});

/** How far a state is on the way to Established: 0 (Idle) to 5. */
export function progressOf(name: FsmStateName): number {
  return FSM_STATES.indexOf(name);
}
