import type { Clock, Timer } from '../../net/clock.js';
import type { Connection } from '../../net/transport.js';

/** How long a peer has to take our NOTIFICATION and close. */
const LONGEST_MS = 5000;
/** A peer that dials again and again and never closes must not pile up connections. */
const MOST = 4;

/** Connections that we are done with, but on which a NOTIFICATION is still on its way. */
export class Farewells {
  readonly #clock: Clock;
  readonly #closing = new Map<Connection, Timer>();
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** End the connection: what is queued is sent first, what still arrives is ignored. */
  add(connection: Connection): void {
    if (this.#closing.size >= MOST) this.#closing.keys().next().value!.destroy();
    this.#closing.set(
      connection,
      this.#clock.after(LONGEST_MS, () => connection.destroy()),
    );
    connection.setHandler({
      // Read on: closing with unread octets resets the connection, and the peer would lose the NOTIFICATION.
      onData: () => undefined,
      onDrain: () => undefined,
      onClose: () => this.#closed(connection),
    });
    connection.resume();
    connection.end();
  }

  #closed(connection: Connection): void {
    this.#closing.get(connection)?.cancel();
    this.#closing.delete(connection);
    if (this.#closing.size > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** When all are closed. */
  done(): Promise<void> {
    if (this.#closing.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
