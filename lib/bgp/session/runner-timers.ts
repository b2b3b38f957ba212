import type { FsmTimer } from '../fsm/actions.js';
import { jittered, retryDelay } from '../fsm/backoff.js';
import type { FsmEvent } from '../fsm/events.js';
import { Deadline } from './deadline.js';
import type { Link } from './link.js';
import type { ResolvedPeerOptions, SessionRuntime } from './options.js';

/** How often per send hold time it is looked whether the peer takes anything. */
const SEND_HOLD_LOOKS = 4;

const EXPIRY = {
  connectRetry: 'connectRetryTimerExpires',
  hold: 'holdTimerExpires',
  keepalive: 'keepaliveTimerExpires',
  idleHold: 'idleHoldTimerExpires',
  sendHold: 'sendHoldTimerExpires',
  stable: 'stableTimerExpires',
} as const satisfies Record<FsmTimer, FsmEvent['type']>;

const REASON: Record<FsmTimer, string> = {
  connectRetry: 'retry interval over',
  hold: 'hold timer expired',
  keepalive: 'keepalive timer expired',
  idleHold: 'retry interval over',
  sendHold: 'send hold timer expired',
  stable: 'session is stable',
};

/** The timers of one FSM: how long each runs, and what counts as life in between. */
export class RunnerTimers {
  readonly #runtime: SessionRuntime;
  readonly #options: ResolvedPeerOptions;
  readonly #link: Link;
  readonly #dispatch: (event: FsmEvent, reason: string) => void;
  readonly #deadlines: Partial<Record<FsmTimer, Deadline>> = {};
  /** Looks in a row at which the peer had taken nothing, and how much it had taken by then. */
  #idleLooks = 0;
  #takenAtLook = 0;

  constructor(
    runtime: SessionRuntime,
    options: ResolvedPeerOptions,
    link: Link,
    dispatch: (event: FsmEvent, reason: string) => void,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#link = link;
    this.#dispatch = dispatch;
  }

  /** @param seconds left out: options and the number of failures decide */
  start(timer: FsmTimer, seconds: number | undefined, failures: number): void {
    const ms = this.#durationMs(timer, seconds, failures);
    if (ms === 0) return;
    if (timer === 'sendHold') this.#takenAtLook = this.#link.octetsTaken;
    this.#deadlines[timer] ??= new Deadline(this.#runtime.clock, () => this.#expired(timer), timer === 'hold');
    this.#deadlines[timer].start(ms);
  }

  stopAll(): void {
    for (const deadline of Object.values(this.#deadlines)) deadline.stop();
    this.#idleLooks = 0;
  }

  /** Whole messages were read. */
  noteReceived(): void {
    this.#deadlines.hold?.touch(this.#runtime.clock.now());
  }

  /** Something was sent: the next KEEPALIVE can wait as long again (RFC 4271 section 4.4). */
  noteSent(): void {
    this.#deadlines.keepalive?.touch(this.#runtime.clock.now());
  }

  /** Milliseconds until the next attempt, if one is planned. */
  get retryLeft(): number | undefined {
    return this.#deadlines.idleHold?.left ?? this.#deadlines.connectRetry?.left;
  }

  #durationMs(timer: FsmTimer, seconds: number | undefined, failures: number): number {
    const { connectRetry, connectRetryMax, sendHoldTime } = this.#options;
    switch (timer) {
      case 'connectRetry':
      case 'idleHold':
        if (seconds !== undefined) return seconds * 1000;
        return jittered(retryDelay(failures, connectRetry, connectRetryMax) * 1000, this.#runtime.random);
      case 'keepalive':
        return jittered(seconds! * 1000, this.#runtime.random);
      case 'hold':
        return seconds! * 1000;
      case 'sendHold':
        return (sendHoldTime * 1000) / SEND_HOLD_LOOKS;
      case 'stable':
        return connectRetryMax * 1000;
    }
  }

  #expired(timer: FsmTimer): void {
    if (this.#isPremature(timer)) this.#deadlines[timer]!.restart();
    else this.#dispatch({ type: EXPIRY[timer] }, REASON[timer]);
  }

  /** Whether the timer's event would be wrong just now; it runs once more then. */
  #isPremature(timer: FsmTimer): boolean {
    switch (timer) {
      case 'hold':
        // We are the ones who do not listen.
        return this.#link.isPaused;
      case 'keepalive':
        // What is queued already says that we live, and must not grow while the peer takes nothing.
        return this.#link.isBlocked;
      case 'sendHold':
        return this.#peerTakes();
      default:
        return false;
    }
  }

  /** RFC 9687: the timer runs from the last time that the peer took something. Also counts a look. */
  #peerTakes(): boolean {
    const taken = this.#link.octetsTaken;
    const moved = this.#link.queuedBytes === 0 || taken > this.#takenAtLook;
    this.#takenAtLook = taken;
    this.#idleLooks = moved ? 0 : this.#idleLooks + 1;
    return this.#idleLooks < SEND_HOLD_LOOKS;
  }
}
