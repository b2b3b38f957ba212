import type { Connection } from '../../net/transport.js';
import type { Counters } from './counters.js';
import { Framer, type MessageSink } from './framer.js';
import type { ResolvedPeerOptions, SessionRuntime } from './options.js';
import { ReadTurns } from './read-turns.js';

/** So many octets are read before it is asked whether there is time for more. */
const PIECE = 1 << 13;

/** Who is told what happens on a {@link Link}. */
export interface LinkOwner extends MessageSink {
  /** Our connection attempt succeeded. */
  onConnected(connection: Connection): void;
  /** The attempt or the connection failed. */
  onFailed(text: string): void;
  /** A chunk was read. @param messages how many of its messages were complete */
  onRead(messages: number): void;
  onDrained(): void;
}

type LinkRuntime = Pick<SessionRuntime, 'transport' | 'clock' | 'readTurns'>;

/** An attempt to connect, or a connection; at most one of both. */
export class Link {
  readonly #runtime: LinkRuntime;
  readonly #options: ResolvedPeerOptions;
  readonly #counters: Counters;
  readonly #owner: LinkOwner;
  #dialing: { cancel(): void } | undefined;
  #connection: Connection | undefined;
  #dialed = false;
  #framer = new Framer();
  #paused = false;
  #blocked = false;
  /** The connection is closed, and its turn to be looked after has not come yet. */
  #closed = false;
  readonly #turns: ReadTurns;
  /** Received, and waiting for its turn. */
  #held: Uint8Array[] = [];
  #waiting = false;

  constructor(runtime: LinkRuntime, options: ResolvedPeerOptions, counters: Counters, owner: LinkOwner) {
    this.#runtime = runtime;
    this.#turns = runtime.readTurns ?? new ReadTurns(runtime.clock);
    this.#options = options;
    this.#counters = counters;
    this.#owner = owner;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Whether we dialed the connection (else the peer did). */
  get dialed(): boolean {
    return this.#dialed;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** `send` answered false and the queue has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  get queuedBytes(): number {
    return this.#connection?.queuedBytes ?? 0;
  }

  /** Octets that the network has taken so far; only its growth means something. */
  get octetsTaken(): number {
    return this.#counters.octetsSent - this.queuedBytes;
  }

  set maxMessageLength(octets: number) {
    this.#framer.maxMessageLength = octets;
  }

  dial(): void {
    const { remote, localAddress, localPort, socket } = this.#options;
    const from = {
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
    };
    const dialing = this.#runtime.transport.connect(
      { remote, socket, ...from },
      {
        onConnect: (connection) => {
          if (this.#dialing !== dialing) return connection.destroy();
          this.#dialing = undefined;
          this.#dialed = true;
          this.#owner.onConnected(connection);
        },
        onError: (error) => {
          if (this.#dialing !== dialing) return;
          this.#dialing = undefined;
          this.#owner.onFailed(error.message);
        },
      },
    );
    this.#dialing = dialing;
  }

  /** From now on this is our connection; an attempt that is under way is given up. */
  adopt(connection: Connection): void {
    this.#dialing?.cancel();
    this.#dialing = undefined;
    this.#connection = connection;
    this.#framer = new Framer();
    this.#paused = false;
    this.#blocked = false;
    this.#closed = false;
    this.#held = [];
    this.#waiting = false;
    connection.setHandler({
      onData: (chunk) => {
        if (this.#connection === connection) this.#onData(connection, chunk);
      },
      onDrain: () => {
        if (this.#connection !== connection) return;
        this.#blocked = false;
        this.#owner.onDrained();
      },
      onClose: (error) => {
        if (this.#connection !== connection) return;
        this.#closed = true;
        if (this.#turns.isOpen) this.#onClose(connection, error);
        else this.#turns.wait(() => this.#onClose(connection, error));
      },
    });
  }

  #onClose(connection: Connection, error: Error | undefined): void {
    if (this.#connection !== connection) return;
    // What came before the end counts, also when its turn has not come yet.
    this.#readHeld(connection, true);
    if (this.#connection !== connection) return;
    this.#turns.read(() => this.#owner.onFailed(error?.message ?? 'connection closed by the peer'));
  }

  #onData(connection: Connection, chunk: Uint8Array): void {
    this.#counters.octetsReceived += chunk.length;
    this.#held.push(chunk);
    if (!this.#waiting && this.#turns.isOpen) this.#readHeld(connection);
    if (this.#connection !== connection) return;
    const last = this.#held.length - 1;
    // Lent for this call only.
    if (last >= 0) this.#held[last] = this.#held[last]!.slice();
    if (last >= 0 || !this.#turns.hasTime) this.#wait(connection);
  }

  /** Read a piece of a chunk. @returns where the next one begins */
  #read(connection: Connection, chunk: Uint8Array, from: number): number {
    const framer = this.#framer;
    this.#turns.read(() => {
      const messages = framer.push(chunk, this.#owner, from, PIECE);
      if (this.#connection === connection) this.#owner.onRead(messages);
    });
    return framer.position;
  }

  /** Go on when it is our turn. */
  #wait(connection: Connection): void {
    if (this.#waiting) return;
    this.#waiting = true;
    connection.pause();
    this.#turns.wait(() => {
      if (this.#connection !== connection) return;
      this.#waiting = false;
      this.#readHeld(connection);
      if (this.#connection !== connection) return;
      if (!this.#turns.hasTime) this.#wait(connection);
      else if (!this.#paused) connection.resume();
    });
  }

  /** @param all whether there is time or not */
  #readHeld(connection: Connection, all = false): void {
    for (let chunk = this.#held.shift(); chunk !== undefined; chunk = this.#held.shift()) {
      let at = 0;
      do {
        at = this.#read(connection, chunk, at);
        if (this.#connection !== connection) return;
      } while (at < chunk.length && (all || this.#turns.hasTime));
      if (at < chunk.length) this.#held.unshift(chunk.subarray(at));
      if (!all && !this.#turns.hasTime) return;
    }
  }

  /** Give up the attempt, let go of the connection. @returns it, to be closed by the caller, unless it is closed already */
  release(): Connection | undefined {
    this.#dialing?.cancel();
    this.#dialing = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#dialed = false;
    return this.#closed ? undefined : connection;
  }

  /** @returns false: stop until `onDrained`, or there is no connection */
  send(bytes: Uint8Array): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    this.#counters.octetsSent += bytes.length;
    const hasRoom = connection.send(bytes);
    if (!hasRoom) this.#blocked = true;
    return hasRoom;
  }

  pause(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  /** @returns false when it was not paused */
  resume(): boolean {
    if (!this.#paused) return false;
    this.#paused = false;
    if (!this.#waiting) this.#connection?.resume();
    return true;
  }
}
