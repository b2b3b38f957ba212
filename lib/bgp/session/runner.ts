import type { Connection } from '../../net/transport.js';
import type { FsmAction } from '../fsm/actions.js';
import type { FsmEvent, NotificationContent } from '../fsm/events.js';
import { negotiate, type Negotiated } from '../fsm/negotiate.js';
import { HARD_RESET, wantsHardReset, type SessionEnd } from '../fsm/session-end.js';
import { INITIAL_STATE, type FsmState, type FsmStateName } from '../fsm/state.js';
import { step } from '../fsm/step.js';
import { MessageError } from '../wire/errors.js';
import { HEADER_LENGTH, MESSAGE_TYPE } from '../wire/header.js';
import { KEEPALIVE } from '../wire/messages/keepalive.js';
import { decodeNotification, encodeNotification } from '../wire/messages/notification.js';
import { decodeOpen, encodeOpen, type OpenMessage } from '../wire/messages/open.js';
import { decodeRouteRefresh } from '../wire/messages/route-refresh.js';
import type { Counters } from './counters.js';
import { encapsulated, isCollision, localError, notificationError, type LastError } from './last-error.js';
import { Link, type LinkOwner } from './link.js';
import { localOpen, openFacts } from './open.js';
import type { ResolvedPeerOptions, SessionRuntime } from './options.js';
import { noAnswerText, sentReason } from './reason.js';
import { RunnerTimers } from './runner-timers.js';
import type { SessionHandler } from './types.js';

/** What a runner needs of the neighbor that it belongs to. */
export interface RunnerHost {
  readonly options: ResolvedPeerOptions;
  readonly runtime: SessionRuntime;
  readonly handler: SessionHandler;
  readonly counters: Counters;
  /** Send OPENs without Optional Parameters. */
  readonly plainOpen: boolean;
  /** An acceptable OPEN arrived: what collision detection says of this connection. */
  onOpen(runner: FsmRunner, open: OpenMessage): Verdict;
  /** The peer's KEEPALIVE would make this session Established. @returns whether that has to wait for {@link FsmRunner.decide} */
  awaitsChoice(runner: FsmRunner): boolean;
  /** A second connection while this runner has one. */
  onCompeting(connection: Connection): void;
  /** @param end how the session ended, if it was Established */
  onTransition(runner: FsmRunner, from: FsmStateName, to: FsmStateName, reason: string, end: SessionEnd): void;
  onError(error: LastError): void;
  /** The runner is done with a connection on which a NOTIFICATION is still on its way. */
  closeGently(connection: Connection): void;
}

/**
 * `survive`: go on; `dump`: another connection survives; `wait`: not known yet. The peer hears no KEEPALIVE then until
 * {@link FsmRunner.decide}.
 */
export type Verdict = 'survive' | 'dump' | 'wait';

/** An OPEN that waits for collision detection, and whether the peer's KEEPALIVE came after it. */
interface Undecided {
  readonly open: OpenMessage;
  readonly negotiated: Negotiated;
  hasKeepalive: boolean;
}

interface Occurrence {
  readonly event: FsmEvent;
  readonly reason: string;
  readonly connection: Connection | undefined;
  readonly end: SessionEnd | undefined;
}

const LOST: SessionEnd = Object.freeze({ kind: 'lost' });

const CEASE = 6;
/** Subcode of code 1, Message Header Error. */
const BAD_MESSAGE_LENGTH = 2;

/**
 * One FSM with its timers and its link: feeds events to `step` and does what it answers. Events that come up meanwhile wait
 * in a queue, so actions always run in order and to the end.
 */
export class FsmRunner implements LinkOwner {
  readonly link: Link;
  readonly timers: RunnerTimers;
  readonly #host: RunnerHost;
  #state: FsmState = INITIAL_STATE;
  readonly #occurrences: Occurrence[] = [];
  #running = false;
  #negotiated: Negotiated | undefined;
  #peerOpen: OpenMessage | undefined;
  #undecided: Undecided | undefined;
  /** In OpenConfirm: the peer's KEEPALIVE came, and waits for {@link decide}. */
  #isConfirmed = false;
  /** A NOTIFICATION was sent: let it get through before the connection closes. */
  #farewell = false;
  /** The KEEPALIVE that confirms the peer's OPEN was not sent yet. */
  #isHeld = false;
  /** What the event under way says of the end of the session. */
  #end: SessionEnd = LOST;

  constructor(host: RunnerHost) {
    this.#host = host;
    const { options, runtime, counters } = host;
    this.link = new Link(runtime, options, counters, this);
    this.timers = new RunnerTimers(runtime, options, this.link, (event, reason) => this.dispatch(event, reason));
  }

  get state(): FsmState {
    return this.#state;
  }

  get negotiated(): Negotiated | undefined {
    return this.#negotiated;
  }

  get peerOpen(): OpenMessage | undefined {
    return this.#peerOpen;
  }

  /** The peer's OPEN that waits for {@link decide}. */
  get undecidedOpen(): OpenMessage | undefined {
    return this.#undecided?.open;
  }

  /** Let another runner's settings and history go on here. */
  inherit({ passive, connectRetryCounter }: FsmState): void {
    this.#state = { ...this.#state, passive, connectRetryCounter };
  }

  /**
   * Something happened.
   * @param reason     for people, unless the FSM's answer is a NOTIFICATION: its text is the reason then
   * @param connection of tcpCrAcked and tcpConnectionConfirmed
   * @param end        what a received NOTIFICATION said
   */
  dispatch(event: FsmEvent, reason: string, connection?: Connection, end?: SessionEnd): void {
    this.#occurrences.push({ event, reason, connection, end });
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#occurrences.shift(); next !== undefined; next = this.#occurrences.shift()) {
        this.#process(next);
      }
    } finally {
      this.#running = false;
    }
  }

  #process(occurrence: Occurrence): void {
    const from = this.#state.name;
    if (from === 'Connect' && occurrence.event.type === 'connectRetryTimerExpires') this.#onNoAnswer();
    const { state, actions } = step(this.#state, occurrence.event);
    this.#state = state;
    this.#end = occurrence.end ?? LOST;
    let reason = occurrence.reason;
    for (const action of actions) {
      this.#perform(action, occurrence);
      if (action.type === 'sendNotification') reason = sentReason(action.notification);
    }
    if (state.name !== from) this.#host.onTransition(this, from, state.name, reason, this.#end);
  }

  #onNoAnswer(): void {
    const { options, runtime } = this.#host;
    this.#host.onError(localError(runtime.clock.wallTime(), noAnswerText(options.remote, options.socket)));
  }

  #perform(action: FsmAction, { event, connection }: Occurrence): void {
    switch (action.type) {
      case 'dial':
        return this.link.dial();
      case 'adopt':
        return this.link.adopt(connection!);
      case 'track':
        return this.#host.onCompeting(connection!);
      case 'refuse':
        return connection!.destroy();
      case 'drop':
        return this.#drop();
      case 'sendOpen':
        this.#host.counters.sent.open++;
        this.send(encodeOpen(localOpen(this.#host.options, this.#host.plainOpen)));
        return;
      case 'sendKeepalive':
        if (event.type === 'bgpOpen' && this.#host.handler.holdsConfirmation?.(this.#negotiated!)) {
          this.#isHeld = true;
          return;
        }
        this.#isHeld = false;
        return this.#sendKeepalive();
      case 'sendNotification':
        return this.#sendNotification(action.notification);
      case 'startTimer':
        return this.timers.start(action.timer, action.seconds, this.#state.connectRetryCounter);
      case 'stopTimers':
        return this.timers.stopAll();
      case 'deliver':
        // Done where the message is, see #onEstablishedMessage.
        return;
    }
  }

  #drop(): void {
    const connection = this.link.release();
    this.#negotiated = undefined;
    this.#peerOpen = undefined;
    this.#undecided = undefined;
    this.#isConfirmed = false;
    this.#isHeld = false;
    if (connection === undefined) return;
    if (this.#farewell) this.#host.closeGently(connection);
    else connection.destroy();
    this.#farewell = false;
  }

  // ---- sending ----

  /** @returns false: stop until onDrain, or there is no connection */
  send(bytes: Uint8Array): boolean {
    this.confirm();
    this.timers.noteSent();
    return this.link.send(bytes);
  }

  #sendKeepalive(): void {
    this.#host.counters.sent.keepalive++;
    this.send(KEEPALIVE);
  }

  /** Send the KEEPALIVE that was held back, if one was. */
  confirm(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#sendKeepalive();
  }

  #sendNotification(notification: NotificationContent): void {
    const { counters, runtime } = this.#host;
    const { code, subcode } = notification;
    // RFC 8538 section 3: code, subcode and data travel inside of a Hard Reset.
    const hard = this.#negotiated?.notificationRestart === true && wantsHardReset(code, subcode);
    const data = Uint8Array.of(code, subcode, ...notification.data);
    const sent = hard ? { ...notification, code: CEASE, subcode: HARD_RESET, data } : notification;
    this.#end = { kind: 'sent', code, subcode, hard };
    counters.sent.notification++;
    this.send(encodeNotification(sent));
    this.#farewell = true;
    if (!isCollision(notification)) {
      const at = runtime.clock.wallTime();
      this.#host.onError(notificationError(at, 'sent', sent, notification.reason || undefined));
    }
  }

  // ---- what the link says ----

  onConnected(connection: Connection): void {
    const { address, port } = connection.remote;
    this.dispatch({ type: 'tcpCrAcked' }, `connected to ${address} port ${port}`, connection);
  }

  onFailed(text: string): void {
    this.#host.onError(localError(this.#host.runtime.clock.wallTime(), text));
    this.dispatch({ type: 'tcpConnectionFails' }, text);
  }

  onDrained(): void {
    if (this.#state.name === 'Established') this.#host.handler.onDrain();
  }

  onRead(messages: number): void {
    // Only whole messages keep the session alive, not octets that trickle in (RFC 4271 section 8.2.2).
    if (messages > 0) this.timers.noteReceived();
    if (this.#state.name === 'Established') this.#host.handler.onReadDone();
  }

  onHeaderError(error: MessageError, type: number): void {
    // RFC 4271 section 6.4: a NOTIFICATION that cannot be read is not answered.
    if (type === MESSAGE_TYPE.notification && error.subcode === BAD_MESSAGE_LENGTH) {
      this.onFailed('the peer sent a NOTIFICATION that cannot be read');
    } else this.dispatch({ type: 'bgpHeaderErr', notification: error }, error.reason);
  }

  onMessage(type: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { connection } = this.link;
    this.#host.counters.countReceived(type);
    // Its session is Established: it has chosen.
    if (this.#isConfirmed && (type === MESSAGE_TYPE.update || type === MESSAGE_TYPE.routeRefresh)) this.#confirmed();
    if (this.#state.name === 'Established') this.#onEstablishedMessage(type, bytes, start, end);
    else this.#onOtherMessage(type, bytes.subarray(start + HEADER_LENGTH, end));
    return this.link.connection === connection;
  }

  /**
   * The usual messages of an Established session. `step` would answer KeepAliveMsg, UpdateMsg and RouteRefreshMsg with
   * "restart the hold timer, deliver": done here without asking, since this is the hot path.
   */
  #onEstablishedMessage(type: number, bytes: Uint8Array, start: number, end: number): void {
    if (type === MESSAGE_TYPE.update) {
      const error = this.#host.handler.onUpdate(bytes, start + HEADER_LENGTH, end);
      if (error !== undefined) this.dispatch({ type: 'updateMsgErr', notification: error }, error.reason);
    } else if (type === MESSAGE_TYPE.routeRefresh) {
      this.#onRouteRefresh(bytes.subarray(start + HEADER_LENGTH, end));
    } else if (type !== MESSAGE_TYPE.keepalive) {
      this.#onOtherMessage(type, bytes.subarray(start + HEADER_LENGTH, end));
    }
  }

  #onRouteRefresh(body: Uint8Array): void {
    const { options, handler } = this.#host;
    // RFC 2918 section 4: ignored unless we announced that we understand it, and for a family that is not in use.
    if (!options.routeRefresh) return;
    const message = decodeRouteRefresh(body);
    if (message instanceof MessageError) {
      this.dispatch({ type: 'automaticStop', notification: message }, message.reason);
    } else if (this.#negotiated!.families.some(({ afi, safi }) => afi === message.afi && safi === message.safi)) {
      handler.onRouteRefresh(message.afi, message.safi, message.subtype);
    }
  }

  #onOtherMessage(type: number, body: Uint8Array): void {
    switch (type) {
      case MESSAGE_TYPE.open:
        return this.#onOpen(body);
      case MESSAGE_TYPE.notification:
        return this.#onNotification(body);
      case MESSAGE_TYPE.keepalive:
        return this.#onKeepalive();
      case MESSAGE_TYPE.update:
        return this.dispatch({ type: 'updateMsg' }, 'UPDATE received');
      default:
        return this.dispatch({ type: 'routeRefreshMsg' }, 'ROUTE-REFRESH received');
    }
  }

  #onOpen(body: Uint8Array): void {
    // A second one is as wrong as in OpenConfirm.
    this.decide('survive');
    if (this.#state.name !== 'OpenSent') {
      // An FSM error, whatever it says.
      return this.dispatch({ type: 'bgpOpen', holdTimeSeconds: 0, keepaliveSeconds: 0 }, 'OPEN received');
    }
    const open = decodeOpen(body);
    const result = open instanceof MessageError ? open : this.#negotiate(open);
    if (open instanceof MessageError || result instanceof MessageError) {
      const error = result as MessageError;
      return this.dispatch({ type: 'bgpOpenMsgErr', notification: error }, error.reason);
    }
    this.#undecided = { open, negotiated: result, hasKeepalive: false };
    this.decide(this.#host.onOpen(this, open));
  }

  #onKeepalive(): void {
    if (this.#undecided !== undefined) this.#undecided.hasKeepalive = true;
    else if (this.#state.name === 'OpenConfirm' && this.#host.awaitsChoice(this)) this.#isConfirmed = true;
    else this.#confirmed();
  }

  #confirmed(): void {
    this.#isConfirmed = false;
    this.dispatch({ type: 'keepAliveMsg' }, 'KEEPALIVE received');
  }

  /** What becomes of a connection whose OPEN or KEEPALIVE waits. Without one: nothing. */
  decide(verdict: Verdict): void {
    if (verdict === 'wait') return;
    if (verdict === 'survive' && this.#isConfirmed) return this.#confirmed();
    const undecided = this.#undecided;
    if (undecided === undefined) return;
    this.#undecided = undefined;
    if (verdict === 'dump') {
      return this.dispatch({ type: 'openCollisionDump' }, 'another connection to this peer survives');
    }
    const { open, negotiated, hasKeepalive } = undecided;
    this.#negotiated = negotiated;
    this.#peerOpen = open;
    this.link.maxMessageLength = negotiated.receive.maxMessageLength;
    const { holdTimeSeconds, keepaliveSeconds } = negotiated;
    this.dispatch({ type: 'bgpOpen', holdTimeSeconds, keepaliveSeconds }, 'OPEN received');
    if (hasKeepalive) this.#onKeepalive();
  }

  #negotiate(open: OpenMessage): Negotiated | MessageError {
    const { options, plainOpen } = this.#host;
    const { peerAs, keepaliveInterval, confederationMembers, role, roleStrict } = options;
    return negotiate(openFacts(localOpen(options, plainOpen)), openFacts(open), {
      peerAs,
      confederationMembers,
      ...(role === undefined ? {} : { role, roleStrict }),
      ...(keepaliveInterval === undefined ? {} : { keepaliveSeconds: keepaliveInterval }),
    });
  }

  #onNotification(body: Uint8Array): void {
    const notification = decodeNotification(body);
    const { code, subcode } = encapsulated(notification) ?? notification;
    const end: SessionEnd = { kind: 'received', code, subcode, hard: encapsulated(notification) !== undefined };
    const error = notificationError(this.#host.runtime.clock.wallTime(), 'received', notification);
    if (!isCollision(notification)) this.#host.onError(error);
    const reason = `received ${error.text}${error.message === undefined ? '' : `: ${error.message}`}`;
    if (code === 2 && subcode === 1) this.dispatch({ type: 'notifMsgVerErr' }, reason, undefined, end);
    else this.dispatch({ type: 'notifMsg', code, subcode }, reason, undefined, end);
  }
}
