import type { Negotiated } from './negotiate.js';

/** How an Established session ended: a NOTIFICATION in one direction, or the connection was lost without one. */
export interface SessionEnd {
  readonly kind: 'sent' | 'received' | 'lost';
  /** Code and subcode of the NOTIFICATION; those inside of a Hard Reset. */
  readonly code?: number;
  readonly subcode?: number;
  /** The NOTIFICATION was, or came in, a Cease/Hard Reset (RFC 8538 section 3). */
  readonly hard?: boolean;
}

const CEASE = 6;
/** Subcode of Cease (RFC 8538 section 3). */
export const HARD_RESET = 9;

/**
 * Whether the routes of a session that ended so may be kept as stale: the connection was lost without a NOTIFICATION
 * (RFC 4724 section 4.2), or both sides announced the N bit and it was no Hard Reset (RFC 8538 section 4).
 */
export function isGracefulEnd(end: SessionEnd, negotiated: Negotiated): boolean {
  if (negotiated.gracefulRestart === undefined) return false;
  if (end.kind === 'lost') return true;
  return negotiated.notificationRestart && end.hard !== true;
}

/**
 * Which of our NOTIFICATIONs mean that nothing is to be kept: Cease for too many prefixes, Administrative Shutdown, Peer
 * De-configured, Administrative Reset. They are sent as Hard Reset where the N bit was agreed on (RFC 8538 section 5).
 */
export function wantsHardReset(code: number, subcode: number): boolean {
  return code === CEASE && subcode >= 1 && subcode <= 4;
}
