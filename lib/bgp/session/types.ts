import type { AfiSafi } from '../wire/families.js';
import type { MessageError } from '../wire/errors.js';
import type { WireContext } from '../wire/context.js';

export type FsmStateName = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

/** What two OPENs agreed on. Frozen. */
export interface Negotiated {
  readonly peerAs: number;
  /** The peer's BGP Identifier, host order. */
  readonly peerRouterId: number;
  readonly peerType: 'ibgp' | 'ebgp';
  /** Seconds; 0: no keepalives. */
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
  /** Families that both sides announced; IPv4 unicast alone when the peer announced no multiprotocol capability. */
  readonly families: readonly AfiSafi[];
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** How to read what the peer sends. */
  readonly receive: WireContext;
  /** How to write what the peer reads. */
  readonly send: WireContext;
}

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
