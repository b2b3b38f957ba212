import type { Timer } from '../../net/clock.js';
import type { Connection } from '../../net/transport.js';
import { dialedSurvives } from '../fsm/collision.js';
import type { NotificationContent } from '../fsm/events.js';
import type { SessionEnd } from '../fsm/session-end.js';
import { progressOf, type FsmStateName } from '../fsm/state.js';
import type { MessageError } from '../wire/errors.js';
import type { OpenMessage } from '../wire/messages/open.js';
import { Counters } from './counters.js';
import { Farewells } from './farewells.js';
import type { LastError } from './last-error.js';
import { openFacts } from './open.js';
import type { ResolvedPeerOptions, SessionRuntime } from './options.js';
import { describeWait } from './reason.js';
import { FsmRunner, type RunnerHost, type Verdict } from './runner.js';
import type { SessionHandler } from './types.js';

/** Of a stop without a connection: not sent. */
const NOTHING_SAID: NotificationContent = { code: 6, subcode: 2, data: new Uint8Array(0), reason: '' };

/** So long the peer has to say which of two connections it keeps: less than the shortest hold time. */
const PATIENCE_MS = 1000;

/**
 * The one or two FSMs of a neighbor. The primary one dials, retries and has the session. A competing one runs only while a
 * second connection, dialed by the peer, waits for collision detection (RFC 4271 section 6.8); when it survives, it takes
 * the primary's place. To the outside both are one: the one that got further.
 */
export class Runners implements RunnerHost {
  readonly options: ResolvedPeerOptions;
  readonly runtime: SessionRuntime;
  readonly handler: SessionHandler;
  readonly counters = new Counters();
  readonly #farewells: Farewells;
  #primary: FsmRunner;
  #competing: FsmRunner | undefined;
  #patience: Timer | undefined;
  #establishedAt = 0;

  /** RFC 5492 section 3: the peer refused our Optional Parameters; until the next session ends we leave them out. */
  plainOpen = false;
  isStarted = false;
  lastError: LastError | undefined;
  state: FsmStateName = 'Idle';
  since: number;
  /** Why the neighbor last left a state in which it was connected, or could not connect. */
  #cause: string | undefined;

  constructor(options: ResolvedPeerOptions, runtime: SessionRuntime, handler: SessionHandler) {
    this.options = options;
    this.runtime = runtime;
    this.handler = handler;
    this.#farewells = new Farewells(runtime.clock);
    this.#primary = new FsmRunner(this);
    this.since = runtime.clock.wallTime();
  }

  /** The one that got further. */
  get shown(): FsmRunner {
    const competing = this.#competing;
    if (competing === undefined) return this.#primary;
    return progressOf(competing.state.name) > progressOf(this.#primary.state.name) ? competing : this.#primary;
  }

  get retryLeft(): number | undefined {
    return this.state === 'Idle' || this.state === 'Active' ? this.#primary.timers.retryLeft : undefined;
  }

  get reason(): string | undefined {
    return describeWait(this.state, {
      cause: this.#cause,
      retryLeftMs: this.retryLeft,
      failures: this.#primary.state.connectRetryCounter,
      remote: this.options.remote,
      isStarted: this.isStarted,
    });
  }

  start(): void {
    this.isStarted = true;
    this.#primary.dispatch({ type: this.options.passive ? 'manualStartPassive' : 'manualStart' }, 'started');
  }

  stop(notification: NotificationContent, reason: string): void {
    this.isStarted = false;
    this.plainOpen = false;
    this.#takeCompeting()?.dispatch({ type: 'manualStop', notification }, reason);
    this.#primary.dispatch({ type: 'manualStop', notification }, reason);
    this.#cause = reason;
  }

  /** Stop without a word to the peer. */
  leave(reason: string): void {
    this.isStarted = false;
    for (const runner of [this.#takeCompeting(), this.#primary]) {
      runner?.dispatch({ type: 'tcpConnectionFails' }, reason);
      runner?.timers.stopAll();
    }
    this.#primary.dispatch({ type: 'manualStop', notification: NOTHING_SAID }, reason);
    this.#cause = reason;
  }

  fail(error: MessageError, idleHold: number | null | undefined): void {
    // It must not go on with the peer's other connection.
    this.#takeCompeting()?.dispatch({ type: 'openCollisionDump' }, error.reason);
    const held = idleHold === undefined ? {} : { idleHold };
    this.#primary.dispatch({ type: 'automaticStop', notification: error, ...held }, error.reason);
  }

  setPassive(passive: boolean): void {
    this.options.passive = passive;
    const primary = this.#primary;
    primary.inherit({ ...primary.state, passive });
    // An attempt that is under way or planned is given up, or one is made now.
    const { name } = primary.state;
    if (this.isStarted && (passive ? name === 'Connect' : name === 'Active')) {
      primary.dispatch({ type: passive ? 'tcpConnectionFails' : 'connectRetryTimerExpires' }, 'settings changed');
    } else if (passive && name === 'Active') primary.timers.stopAll();
  }

  send(bytes: Uint8Array): boolean {
    return this.#primary.state.name === 'Established' && this.#primary.send(bytes);
  }

  accept(connection: Connection): boolean {
    const { localAddress } = this.options;
    if (localAddress !== undefined && connection.local.address !== localAddress) {
      connection.destroy();
      return false;
    }
    const { address, port } = connection.remote;
    this.#primary.dispatch({ type: 'tcpConnectionConfirmed' }, `connection from ${address} port ${port}`, connection);
    return this.#primary.link.connection === connection || this.#competing?.link.connection === connection;
  }

  confirm(): void {
    this.#primary.confirm();
    this.#competing?.confirm();
  }

  /** When no connection is open any more. */
  closed(): Promise<void> {
    return this.#farewells.done();
  }

  // ---- what the runners say ----

  onError(error: LastError): void {
    // A later attempt that fails to connect says less than the NOTIFICATION that ended the session; `reason` tells of it.
    const isAttempt = error.direction === 'local' && this.state !== 'Established';
    if (isAttempt) this.#cause = error.text;
    if (!isAttempt || this.lastError?.code === undefined) this.lastError = error;
    if (error.code === 2 && error.subcode === 4 && error.direction === 'received') this.plainOpen = true;
  }

  closeGently(connection: Connection): void {
    this.#farewells.add(connection);
  }

  onCompeting(connection: Connection): void {
    const earlier = this.#competing;
    if (earlier !== undefined) {
      // The peer dials anew although its last connection is open: it no longer knows that one, unless its OPEN came.
      if (earlier.state.name !== 'OpenSent' || earlier.undecidedOpen !== undefined) return connection.destroy();
      this.#competing = undefined;
      earlier.dispatch({ type: 'openCollisionDump' }, 'the peer dialed again');
    }
    const { address, port } = connection.remote;
    const competing = (this.#competing = new FsmRunner(this));
    competing.dispatch({ type: 'manualStartPassive' }, 'a second connection');
    competing.dispatch({ type: 'tcpConnectionConfirmed' }, `connection from ${address} port ${port}`, connection);
  }

  /**
   * Collision detection (RFC 4271 section 6.8). Who has sent OPENs and KEEPALIVEs on two connections cannot know in which
   * order the peer read them: each might close the one that the other keeps. So the connection of the speaker with the
   * lower BGP Identifier waits while the other one may still come up, and that speaker lets the other one choose.
   */
  onOpen(runner: FsmRunner, open: OpenMessage): Verdict {
    const other = runner === this.#primary ? this.#competing : this.#primary;
    if (other === undefined) return 'survive';
    const verdict = this.#judge(runner, other, open);
    if (verdict === 'wait') this.#bePatient();
    return verdict;
  }

  #bePatient(): void {
    this.#patience ??= this.runtime.clock.after(PATIENCE_MS, () => this.#decideNow());
  }

  /**
   * What becomes of a connection whose OPEN is here, beside the other one, which is closed at once where this one is to take its place.
   * @param patient whether the peer may still choose; `false` is what RFC 4271 says
   */
  #judge(runner: FsmRunner, other: FsmRunner, open: OpenMessage, patient = true): Verdict {
    const { name } = other.state;
    // Both dialed by the peer: it has begun anew, the older one is left over.
    const collide = runner.link.dialed !== other.link.dialed;
    if (name === 'Established') {
      const isYoung = this.runtime.clock.now() - this.#establishedAt < PATIENCE_MS;
      if (patient && isYoung && collide && (!this.#oursSurvives(open) || canRestart(other))) return 'wait';
      return this.#beginsAnew(other) ? 'survive' : 'dump';
    }
    // It got no further than SYN, and the peer is there: the attempt must not become a collision later.
    if (name === 'Connect') {
      this.#keepOnly(runner);
      return 'survive';
    }
    if (name !== 'OpenSent' && name !== 'OpenConfirm') return 'survive';
    const survives = collide ? runner.link.dialed === this.#oursSurvives(open) : runner === this.#competing;
    if (name === 'OpenSent' && other.undecidedOpen === undefined) {
      return patient && !survives && other.link.dialed ? 'wait' : 'survive';
    }
    if (!survives) return 'dump';
    // Our KEEPALIVE is out on the other one: for the peer, that may be an Established session already.
    if (patient && !runner.link.dialed && collide) return 'wait';
    this.#keepOnly(runner);
    return 'survive';
  }

  #oursSurvives(open: OpenMessage): boolean {
    const { localAs, routerId } = this.options;
    return dialedSurvives({ asn: localAs, routerId }, openFacts(open));
  }

  /**
   * The peer's KEEPALIVE came on a connection that we dialed, while its own one is under way: that one it keeps, unless it
   * reads our KEEPALIVE on this one before our OPEN there.
   */
  awaitsChoice({ link, peerOpen }: FsmRunner): boolean {
    if (!link.dialed || this.#competing?.link.dialed !== false || this.#oursSurvives(peerOpen!)) return false;
    this.#bePatient();
    return true;
  }

  /** The peer did not choose. */
  #decideNow(): void {
    this.#patience = undefined;
    const competing = this.#competing;
    if (competing === undefined) return;
    for (const [runner, other] of [
      [competing, this.#primary],
      [this.#primary, competing],
    ] as const) {
      const open = runner.undecidedOpen;
      if (open !== undefined) return runner.decide(this.#judge(runner, other, open, false));
    }
    this.#primary.decide('survive');
  }

  /**
   * RFC 4724 section 4.2: a peer that can restart and opens a new connection has restarted, whatever we think of the old
   * one, which is closed without a NOTIFICATION.
   */
  #beginsAnew(established: FsmRunner): boolean {
    if (!canRestart(established)) return false;
    established.dispatch({ type: 'tcpConnectionFails' }, 'the peer restarted: it opened a new session');
    return true;
  }

  /** `survivor` becomes (or stays) the primary one, the other one is dumped. */
  #keepOnly(survivor: FsmRunner): void {
    const competing = this.#takeCompeting();
    const loser = survivor === this.#primary ? competing : this.#primary;
    if (survivor !== this.#primary) survivor.inherit(this.#primary.state);
    this.#primary = survivor;
    if (loser === undefined) return;
    loser.dispatch({ type: 'openCollisionDump' }, 'another connection to this peer survives');
    // It may have been waiting for its next attempt.
    loser.timers.stopAll();
    survivor.decide('survive');
  }

  /** There is only one connection from now on. @returns the competing one there was */
  #takeCompeting(): FsmRunner | undefined {
    this.#patience?.cancel();
    this.#patience = undefined;
    const competing = this.#competing;
    this.#competing = undefined;
    return competing;
  }

  onTransition(runner: FsmRunner, from: FsmStateName, to: FsmStateName, reason: string, end: SessionEnd): void {
    const hasEnded = to === 'Idle' || to === 'Active';
    if (runner === this.#competing && hasEnded && from !== 'Idle') this.#endCompeting(runner);
    else if (runner === this.#primary) this.#onPrimary(from, hasEnded, reason, end);
    else if (runner !== this.#competing) return;

    if (to === 'Established') {
      this.counters.established++;
      this.#establishedAt = this.runtime.clock.now();
      this.#keepOnly(runner);
    }
    this.#publish(reason);
    if (to === 'Established' && runner.negotiated !== undefined) this.handler.onEstablished(runner.negotiated);
  }

  #endCompeting(runner: FsmRunner): void {
    this.#takeCompeting();
    runner.timers.stopAll();
    this.#primary.decide('survive');
  }

  #onPrimary(from: FsmStateName, hasEnded: boolean, reason: string, end: SessionEnd): void {
    if (from === 'Established') {
      this.plainOpen = false;
      this.handler.onDown(reason, end);
    }
    if (!hasEnded) return;
    if (progressOf(from) > 0) this.#cause = reason;
    // The peer's own connection is still there: go on with that one.
    if (this.#competing !== undefined && this.isStarted) this.#keepOnly(this.#competing);
  }

  #publish(reason: string): void {
    const from = this.state;
    const to = this.shown.state.name;
    if (from === to) return;
    this.state = to;
    this.since = this.runtime.clock.wallTime();
    this.handler.onStateChange(from, to, reason);
  }
}

function canRestart({ negotiated }: FsmRunner): boolean {
  return (negotiated?.gracefulRestart?.tuples.length ?? 0) > 0;
}
