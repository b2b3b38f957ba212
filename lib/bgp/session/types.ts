import type { FsmStateName } from '../fsm/state.js';
import type { Negotiated } from '../fsm/negotiate.js';
import type { SessionEnd } from '../fsm/session-end.js';
import type { MessageError } from '../wire/errors.js';

export type { FsmStateName, Negotiated, SessionEnd };

/**
 * What a session's owner (the speaker) is told. Calls come synchronously, in wire order. Octets are lent for the
 * duration of the call.
 */
export interface SessionHandler {
  onStateChange(from: FsmStateName, to: FsmStateName, reason: string): void;
  /**
   * The peer's OPEN is accepted. True: our KEEPALIVE, which lets the peer enter Established, is held back until `Peer.confirm`,
   * something is sent, or the keepalive timer expires. Left out: never.
   */
  holdsConfirmation?(negotiated: Negotiated): boolean;
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
  /** Left Established; comes before onStateChange. `end` says whether routes may be kept, see `isGracefulEnd`. */
  onDown(reason: string, end: SessionEnd): void;
}
