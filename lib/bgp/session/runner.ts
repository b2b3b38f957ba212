import type { Connection } from '../../net/transport.js';
import type { FsmAction } from '../fsm/actions.js';
import type { FsmEvent, NotificationContent } from '../fsm/events.js';
import { INITIAL_STATE, type FsmState, type FsmStateName } from '../fsm/state.js';
import { step } from '../fsm/step.js';
import { MessageError } from '../wire/errors.js';
import { HEADER_LENGTH, MESSAGE_TYPE } from '../wire/header.js';
import { KEEPALIVE } from '../wire/messages/keepalive.js';
import { decodeNotification, encodeNotification } from '../wire/messages/notification.js';
import { decodeOpen, encodeOpen, type OpenMessage } from '../wire/messages/open.js';
import { decodeRouteRefresh } from '../wire/messages/route-refresh.js';
import { notificationText } from '../wire/notification-names.js';
import { negotiate, type Negotiated } from '../fsm/negotiate.js';
import type { Counters } from './counters.js';
import { Framer, type MessageSink } from './framer.js';
import { notificationError, localError, type LastError } from './last-error.js';
import { localOpen, openFacts } from './open.js';
import type { ResolvedPeerOptions, SessionRuntime } from './options.js';
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
  /** An acceptable OPEN arrived. @returns false when another connection survives: dump this one */
  onOpen(runner: FsmRunner, open: OpenMessage): boolean;
  /** A second connection while this runner has one. */
  onCompeting(connection: Connection): void;
  onTransition(runner: FsmRunner, from: FsmStateName, to: FsmStateName, reason: string): void;
  onError(error: LastError): void;
  /** The runner is done with a connection on which a NOTIFICATION is still on its way. */
  closeGently(connection: Connection): void;
}

interface Occurrence {
  readonly event: FsmEvent;
  readonly reason: string;
  readonly connection: Connection | undefined;
}

/**
 * One FSM with its timers and at most one connection: feeds events to `step`, does what it answers. Events that come up
 * meanwhile wait in a queue, so actions always run in order and to the end.
 */
export class FsmRunner implements MessageSink {
  readonly timers: RunnerTimers;
  readonly #host: RunnerHost;
  #state: FsmState = INITIAL_STATE;
  readonly #occurrences: Occurrence[] = [];
  #running = false;

  #dialing: { cancel(): void } | undefined;
  #connection: Connection | undefined;
  #dialed = false;
  #framer = new Framer();
  #negotiated: Negotiated | undefined;
  #peerOpen: OpenMessage | undefined;
  /** A NOTIFICATION was sent: let it get through before the connection closes. */
  #farewell = false;
  #paused = false;
  #blocked = false;

  constructor(host: RunnerHost) {
    this.#host = host;
    this.timers = new RunnerTimers(host.runtime, host.options, this);
  }

  get state(): FsmState {
    return this.#state;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Whether we dialed the connection (else the peer did). */
  get dialed(): boolean {
    return this.#dialed;
  }

  get negotiated(): Negotiated | undefined {
    return this.#negotiated;
  }

  get peerOpen(): OpenMessage | undefined {
    return this.#peerOpen;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** `send` answered false and the queue has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** The sum of all octets that the peer's kernel has taken on this connection, as far as it can be seen. */
  get octetsTaken(): number {
    return this.#host.counters.octetsSent - this.queuedBytes;
  }

  get queuedBytes(): number {
    return this.#connection?.queuedBytes ?? 0;
  }

  /** Let another runner's settings and history go on here. */
  inherit({ passive, connectRetryCounter }: FsmState): void {
    this.#state = { ...this.#state, passive, connectRetryCounter };
  }

  /**
   * Something happened.
   * @param reason     for people, unless the FSM's answer is a NOTIFICATION: its text is the reason then
   * @param connection of tcpCrAcked and tcpConnectionConfirmed
   */
  dispatch(event: FsmEvent, reason: string, connection?: Connection): void {
    this.#occurrences.push({ event, reason, connection });
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
    const { state, actions } = step(this.#state, occurrence.event);
    this.#state = state;
    let reason = occurrence.reason;
    for (const action of actions) {
      this.#perform(action, occurrence);
      if (action.type === 'sendNotification') reason = sentReason(action.notification);
    }
    if (state.name !== from) this.#host.onTransition(this, from, state.name, reason);
  }

  #perform(action: FsmAction, { connection }: Occurrence): void {
    switch (action.type) {
      case 'dial':
        return this.#dial();
      case 'adopt':
        return this.#adopt(connection!);
      case 'track':
        return this.#host.onCompeting(connection!);
      case 'refuse':
        return connection!.destroy();
      case 'drop':
        return this.#drop();
      case 'sendOpen':
        return this.#sendOpen();
      case 'sendKeepalive':
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

  // ---- connection ----

  #dial(): void {
    const { remote, localAddress, localPort } = this.#host.options;
    const dialing = this.#host.runtime.transport.connect(
      {
        remote,
        ...(localAddress === undefined ? {} : { localAddress }),
        ...(localPort === undefined ? {} : { localPort }),
      },
      {
        onConnect: (connection) => {
          if (this.#dialing !== dialing) return connection.destroy();
          this.#dialing = undefined;
          this.#dialed = true;
          this.dispatch({ type: 'tcpCrAcked' }, `connected to ${remote.address} port ${remote.port}`, connection);
        },
        onError: (error) => {
          if (this.#dialing !== dialing) return;
          this.#dialing = undefined;
          this.#fail(error.message);
        },
      },
    );
    this.#dialing = dialing;
  }

  #adopt(connection: Connection): void {
    if (this.#dialing !== undefined) {
      this.#dialing.cancel();
      this.#dialing = undefined;
    }
    this.#connection = connection;
    this.#framer = new Framer();
    this.#paused = false;
    this.#blocked = false;
    connection.setHandler({
      onData: (chunk) => this.#onData(connection, chunk),
      onDrain: () => {
        if (this.#connection !== connection) return;
        this.#blocked = false;
        if (this.#state.name === 'Established') this.#host.handler.onDrain();
      },
      onClose: (error) => {
        if (this.#connection === connection) this.#fail(error?.message ?? 'connection closed by the peer');
      },
    });
  }

  /** The transport failed: noted, and told to the FSM. */
  #fail(text: string): void {
    this.#host.onError(localError(this.#host.runtime.clock.wallTime(), text));
    this.dispatch({ type: 'tcpConnectionFails' }, text);
  }

  #drop(): void {
    this.#dialing?.cancel();
    this.#dialing = undefined;
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    this.#dialed = false;
    this.#negotiated = undefined;
    this.#peerOpen = undefined;
    if (this.#farewell) this.#host.closeGently(connection);
    else connection.destroy();
    this.#farewell = false;
  }

  // ---- sending ----

  /** @returns false: stop until onDrain, or there is no session */
  send(bytes: Uint8Array): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    this.#host.counters.octetsSent += bytes.length;
    this.timers.noteSent();
    const hasRoom = connection.send(bytes);
    if (!hasRoom) this.#blocked = true;
    return hasRoom;
  }

  #sendOpen(): void {
    this.#host.counters.sent.open++;
    this.send(encodeOpen(localOpen(this.#host.options, this.#host.plainOpen)));
  }

  #sendKeepalive(): void {
    this.#host.counters.sent.keepalive++;
    this.send(KEEPALIVE);
  }

  #sendNotification(notification: NotificationContent): void {
    const { counters, runtime } = this.#host;
    counters.sent.notification++;
    this.send(encodeNotification(notification));
    this.#farewell = true;
    if (!isCollision(notification)) {
      const at = runtime.clock.wallTime();
      this.#host.onError(notificationError(at, 'sent', notification, notification.reason || undefined));
    }
  }

  // ---- receiving ----

  pause(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // What the peer has sent meanwhile is still to be read.
    this.timers.noteReceived();
    this.#connection?.resume();
  }

  #onData(connection: Connection, chunk: Uint8Array): void {
    if (this.#connection !== connection) return;
    this.#host.counters.octetsReceived += chunk.length;
    // Only whole messages keep the session alive, not octets that trickle in (RFC 4271 section 8.2.2).
    if (this.#framer.push(chunk, this) > 0) this.timers.noteReceived();
    if (this.#connection === connection && this.#state.name === 'Established') this.#host.handler.onReadDone();
  }

  onMessage(type: number, bytes: Uint8Array, start: number, end: number): boolean {
    const connection = this.#connection;
    this.#host.counters.countReceived(type);
    if (this.#state.name === 'Established') this.#onEstablishedMessage(type, bytes, start, end);
    else this.#onMessageBefore(type, bytes.subarray(start + HEADER_LENGTH, end));
    return this.#connection === connection;
  }

  onHeaderError(error: MessageError, type: number): void {
    // RFC 4271 section 6.4: a NOTIFICATION that cannot be read is not answered.
    if (type === MESSAGE_TYPE.notification && error.subcode === BAD_MESSAGE_LENGTH) {
      this.#fail('the peer sent a NOTIFICATION that cannot be read');
    } else this.dispatch({ type: 'bgpHeaderErr', notification: error }, error.reason);
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
      this.#onMessageBefore(type, bytes.subarray(start + HEADER_LENGTH, end));
    }
  }

  #onRouteRefresh(body: Uint8Array): void {
    // RFC 2918 section 4: not for us unless we announced that we understand it, nor for a family that is not in use.
    if (this.#negotiated!.routeRefresh === false) return;
    const message = decodeRouteRefresh(body);
    if (message instanceof MessageError) {
      this.dispatch({ type: 'automaticStop', notification: message }, message.reason);
    } else if (this.#negotiated!.families.some(({ afi, safi }) => afi === message.afi && safi === message.safi)) {
      this.#host.handler.onRouteRefresh(message.afi, message.safi, message.subtype);
    }
  }

  #onMessageBefore(type: number, body: Uint8Array): void {
    switch (type) {
      case MESSAGE_TYPE.open:
        return this.#onOpen(body);
      case MESSAGE_TYPE.notification:
        return this.#onNotification(body);
      case MESSAGE_TYPE.keepalive:
        return this.dispatch({ type: 'keepAliveMsg' }, 'KEEPALIVE received');
      case MESSAGE_TYPE.update:
        return this.dispatch({ type: 'updateMsg' }, 'UPDATE received');
      default:
        return this.dispatch({ type: 'routeRefreshMsg' }, 'ROUTE-REFRESH received');
    }
  }

  #onOpen(body: Uint8Array): void {
    const unexpected = { type: 'bgpOpen', holdTimeSeconds: 0, keepaliveSeconds: 0 } as const;
    if (this.#state.name !== 'OpenSent') return this.dispatch(unexpected, 'OPEN received');
    const { options, plainOpen } = this.#host;
    const open = decodeOpen(body);
    const result =
      open instanceof MessageError
        ? open
        : negotiate(openFacts(localOpen(options, plainOpen)), openFacts(open), {
            peerAs: options.peerAs,
            ...(options.keepaliveInterval === undefined ? {} : { keepaliveSeconds: options.keepaliveInterval }),
          });
    if (open instanceof MessageError || result instanceof MessageError) {
      const error = result as MessageError;
      return this.dispatch({ type: 'bgpOpenMsgErr', notification: error }, error.reason);
    }
    if (!this.#host.onOpen(this, open)) {
      return this.dispatch({ type: 'openCollisionDump' }, 'another connection to this peer survives');
    }
    this.#negotiated = result;
    this.#peerOpen = open;
    this.#framer.maxMessageLength = result.receive.maxMessageLength;
    const { holdTimeSeconds, keepaliveSeconds } = result;
    this.dispatch({ type: 'bgpOpen', holdTimeSeconds, keepaliveSeconds }, 'OPEN received');
  }

  #onNotification(body: Uint8Array): void {
    const notification = decodeNotification(body);
    const { code, subcode } = notification;
    const error = notificationError(this.#host.runtime.clock.wallTime(), 'received', notification);
    if (!isCollision(notification)) this.#host.onError(error);
    const reason = `received ${error.text}${error.message === undefined ? '' : `: ${error.message}`}`;
    if (code === 2 && subcode === 1) this.dispatch({ type: 'notifMsgVerErr' }, reason);
    else this.dispatch({ type: 'notifMsg', code, subcode }, reason);
  }
}

/** Subcode of code 1, Message Header Error. */
const BAD_MESSAGE_LENGTH = 2;

/** Cease/Connection Collision Resolution is business as usual, not an error worth keeping. */
function isCollision({ code, subcode }: { readonly code: number; readonly subcode: number }): boolean {
  return code === 6 && subcode === 7;
}

function sentReason({ code, subcode, reason }: NotificationContent): string {
  const text = `sent ${notificationText(code, subcode)}`;
  return reason === '' ? text : `${text}: ${reason}`;
}
