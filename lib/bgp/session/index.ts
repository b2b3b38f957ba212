/** One neighbor: framing, the FSM's actions on a transport and a clock, retries, counters, the last error. */
export { Peer } from './peer.js';
export type {
  CapabilityOptions,
  GracefulRestartOffer,
  PeerOptions,
  ResolvedPeerOptions,
  SessionRuntime,
} from './options.js';
export type { FsmStateName, Negotiated, SessionEnd, SessionHandler } from './types.js';
export type { LastError } from './last-error.js';
export type { MessageCounters, MessageName } from './counters.js';
export { Framer, type MessageSink } from './framer.js';
