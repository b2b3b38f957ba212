import type { Connection, Endpoint } from '../../net/transport.js';
import type { NotificationContent } from '../fsm/events.js';
import type { Negotiated } from '../fsm/negotiate.js';
import type { FsmStateName } from '../fsm/state.js';
import type { MessageError } from '../wire/errors.js';
import { encodeShutdownCommunication } from '../wire/shutdown-communication.js';
import type { MessageCounters, MessageName } from './counters.js';
import type { LastError } from './last-error.js';
import { capabilityNames } from './open.js';
import {
  requireSocketOptions,
  resolveOptions,
  type GracefulRestartOffer,
  type PeerOptions,
  type ResolvedPeerOptions,
  type SessionRuntime,
} from './options.js';
import { Runners } from './runners.js';
import type { SessionHandler } from './types.js';

const CEASE = 6;
const ADMINISTRATIVE_SHUTDOWN = 2;
const ADMINISTRATIVE_RESET = 4;

/**
 * One BGP neighbor: keeps a session with it up over an injected transport and clock, tells its owner what arrives, and
 * can say at any time how it stands and why.
 */
export class Peer {
  readonly options: ResolvedPeerOptions;
  readonly #runtime: SessionRuntime;
  readonly #runners: Runners;

  /** @throws UsageError `bad_option`, `bad_address` or `unsupported_socket_option`, naming the option */
  constructor(options: PeerOptions, runtime: SessionRuntime, handler: SessionHandler) {
    this.options = resolveOptions(options);
    requireSocketOptions(this.options, runtime);
    this.#runtime = runtime;
    this.#runners = new Runners(this.options, runtime, handler);
  }

  // ---- control ----

  /** Begin to connect, or only to accept if passive. Harmless when started already. */
  start(): void {
    this.#runners.start();
  }

  /**
   * End the session, stay Idle and refuse connections until `start`.
   * @param subcode of Cease (RFC 4486); default Administrative Shutdown
   * @param text    shutdown communication for subcodes 2 and 4, at most 255 octets of UTF-8, the rest is cut (RFC 9003)
   * @returns       when all connections are closed: the peer has taken the NOTIFICATION, or 5 seconds passed
   */
  stop(subcode: number = ADMINISTRATIVE_SHUTDOWN, text = ''): Promise<void> {
    this.#runners.stop(cease(subcode, text, 'stopped'), text === '' ? 'stopped' : `stopped: ${text}`);
    return this.#runners.closed();
  }

  /**
   * Close the connection without a NOTIFICATION and stay Idle until `start`: a peer with graceful restart keeps our
   * routes, since it takes this for a restart (RFC 4724 section 4.1).
   */
  leave(): Promise<void> {
    this.#runners.leave('stopped for a restart');
    return this.#runners.closed();
  }

  /**
   * End the session and begin anew at once, with all failures forgotten. Also cuts short the wait for the next attempt.
   * Does nothing to a stopped neighbor.
   * @param subcode of Cease; default Administrative Reset
   */
  reset(subcode: number = ADMINISTRATIVE_RESET, text = ''): void {
    if (!this.#runners.isStarted) return;
    this.#runners.stop(cease(subcode, text, 'reset'), text === '' ? 'reset' : `reset: ${text}`);
    this.#runners.start();
  }

  /**
   * End the session because of an error, tell the peer, and try again later. For errors that the owner finds outside of
   * `onUpdate` (there: return them), or after which the usual wait is wrong.
   * @param idleHold seconds to refuse connections and not to dial; null: until `start` or `reset`. Default: the interval that
   *                 doubles with each failure
   */
  fail(error: MessageError, idleHold?: number | null): void {
    this.#runners.fail(error, idleHold);
  }

  /** Other retry intervals, in seconds, from the next attempt on. A session that is up notices nothing. */
  setRetry(connectRetry: number, connectRetryMax: number): void {
    this.options.connectRetry = connectRetry;
    this.options.connectRetryMax = connectRetryMax;
  }

  /** Never connect from now on, or connect again. A session that is up, or coming up, notices nothing. */
  setPassive(passive: boolean): void {
    this.#runners.setPassive(passive);
  }

  /** Let the peer enter Established, if `holdsConfirmation` held that back. */
  confirm(): void {
    this.#runners.confirm();
  }

  /** Say something else of our restarts from the next OPEN on. @param offer undefined: no capability */
  setGracefulRestart(offer: GracefulRestartOffer | undefined): void {
    this.options.gracefulRestart = offer;
  }

  /**
   * A connection from this neighbor arrived. Must be called at once when the listener hands it over.
   * @returns false: refused and closed, because the neighbor is stopped, held back after an error, or has a session
   */
  accept(connection: Connection): boolean {
    return this.#runners.accept(connection);
  }

  // ---- messages ----

  /**
   * Send encoded messages, any number in one go; count them with {@link countSent}.
   * @param bytes shared, never changed here, and not to be changed by the caller until sent
   * @returns     false: the queue is over its limit, stop until `onDrain`; or not Established, and nothing was sent
   */
  send(bytes: Uint8Array): boolean {
    return this.#runners.send(bytes);
  }

  /** Count messages given to {@link send}. */
  countSent(message: MessageName, count = 1): void {
    this.#runners.counters.sent[message] += count;
  }

  /** Octets that `send` took and the network has not yet. */
  get queuedBytes(): number {
    return this.#runners.shown.link.queuedBytes;
  }

  /** Read nothing more from the peer for now. The hold timer waits meanwhile. */
  pauseReading(): void {
    this.#runners.shown.link.pause();
  }

  resumeReading(): void {
    const { link, timers } = this.#runners.shown;
    // What the peer has sent meanwhile is still to be read.
    if (link.resume()) timers.noteReceived();
  }

  // ---- how it stands ----

  get state(): FsmStateName {
    return this.#runners.state;
  }

  /** When the state was entered, Unix milliseconds. */
  get since(): number {
    return this.#runners.since;
  }

  /** Why the neighbor is not Established, and what happens next; undefined when it is. */
  get reason(): string | undefined {
    return this.#runners.reason;
  }

  /** When the next attempt is due, Unix milliseconds; undefined when none is planned. */
  get nextAttemptAt(): number | undefined {
    const left = this.#runners.retryLeft;
    return left === undefined ? undefined : this.#runtime.clock.wallTime() + left;
  }

  /** What the OPENs agreed on, from OpenConfirm on. */
  get negotiated(): Negotiated | undefined {
    return this.#runners.shown.negotiated;
  }

  /** Names of the capabilities in the peer's OPEN; empty without one. */
  get capabilities(): readonly string[] {
    const open = this.#runners.shown.peerOpen;
    return open === undefined ? [] : capabilityNames(open);
  }

  /**
   * The last NOTIFICATION sent or received, or failure of the transport. Outlives the next session; a failure to connect
   * does not replace a NOTIFICATION.
   */
  get lastError(): LastError | undefined {
    return this.#runners.lastError;
  }

  /** Our end of the connection, if there is one. */
  get local(): Endpoint | undefined {
    return this.#runners.shown.link.connection?.local;
  }

  /** The peer's end of the connection, if there is one. */
  get remote(): Endpoint | undefined {
    return this.#runners.shown.link.connection?.remote;
  }

  get received(): Readonly<MessageCounters> {
    return this.#runners.counters.received;
  }

  get sent(): Readonly<MessageCounters> {
    return this.#runners.counters.sent;
  }

  get octetsReceived(): number {
    return this.#runners.counters.octetsReceived;
  }

  get octetsSent(): number {
    return this.#runners.counters.octetsSent;
  }

  /** How often the session became Established. */
  get establishedCount(): number {
    return this.#runners.counters.established;
  }
}

function cease(subcode: number, text: string, reason: string): NotificationContent {
  return { code: CEASE, subcode, data: encodeShutdownCommunication(text), reason: text === '' ? reason : text };
}
