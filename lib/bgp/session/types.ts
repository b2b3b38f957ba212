import type { FsmStateName } from '../fsm/state.js';
import type { Negotiated } from '../fsm/negotiate.js';
import type { MessageError } from '../wire/errors.js';

export type { FsmStateName, Negotiated };

/**
 * What a session's owner (the speaker) is told. Calls come synchronously, in wire order. Octets are lent for the
 * duration of the call.
 */
export interface SessionHandler {
  onStateChange(from: FsmStateName, to: FsmStateName, reason: string): void;
  /** Entered Established; from now on `send` may be used. */
  onEstablished(negotiated: Negotiated): void;
  /**
   * One UPDATE: its body (after the 19-octet header) is `bytes[start..end)`.
   * @returns an error when the session must be reset
   */
  onUpdate(bytes: Uint8Array, start: number, end: number): MessageError | undefined;
  /** All complete messages of one chunk from the network were handed over. */
  onReadDone(): void;
  onRouteRefresh(afi: number, safi: number, subtype: number): void;
  /** The transport takes octets again after `send` returned false. */
  onDrain(): void;
  /** Left Established; comes before onStateChange. */
  onDown(reason: string): void;
}
