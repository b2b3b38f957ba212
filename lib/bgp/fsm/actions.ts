import type { NotificationContent } from './events.js';
import type { FsmState } from './state.js';

/**
 * `connectRetry`, `hold`, `keepalive`: RFC 4271 section 10. `idleHold`: how long Idle refuses connections after an error
 * (RFC 4271 section 8.1.1). `sendHold`: RFC 9687. `stable`: after it, earlier failures no longer count.
 */
export type FsmTimer = 'connectRetry' | 'hold' | 'keepalive' | 'idleHold' | 'sendHold' | 'stable';

/** What the session does, in the order given. */
export type FsmAction =
  /** Start a connection to the peer; ends in Tcp_CR_Acked or TcpConnectionFails. */
  | { readonly type: 'dial' }
  /** The connection of this event is now the one of this FSM. */
  | { readonly type: 'adopt' }
  /** The connection of this event competes with ours: run it in an FSM of its own until collision detection decides. */
  | { readonly type: 'track' }
  /** Close the connection of this event. */
  | { readonly type: 'refuse' }
  /** Give up dialing and close the connection, after what is queued (a NOTIFICATION) was sent. Harmless when there is none. */
  | { readonly type: 'drop' }
  | { readonly type: 'sendOpen' }
  | { readonly type: 'sendKeepalive' }
  | { readonly type: 'sendNotification'; readonly notification: NotificationContent }
  /** Hand the message of this event to the session's owner. */
  | { readonly type: 'deliver' }
  /** (Re)start a timer. `seconds` left out: the session's options and ConnectRetryCounter decide. */
  | { readonly type: 'startTimer'; readonly timer: FsmTimer; readonly seconds?: number }
  /** Stop all timers. */
  | { readonly type: 'stopTimers' };

/** An answer of the FSM: the next state and what to do on the way. */
export interface Step {
  readonly state: FsmState;
  readonly actions: readonly FsmAction[];
}
