import { MessageSplitter } from '../bgp/wire/message-splitter.js';
import { HEADER_LENGTH } from '../bgp/wire/header.js';
import type { ReplayedConnection } from './replay-machine.js';

/** A message of a neighbor, in the order in which they arrived on all connections. */
export interface ReplayedMessage {
  /** From 1. */
  readonly number: number;
  /** When it was read, Unix milliseconds. */
  readonly time: number;
  readonly neighbor: string;
  readonly connection: ReplayedConnection;
  /** `OPEN`, `UPDATE` …, or what stood where a message should. */
  readonly type: string;
  /** Header and body. */
  readonly octets: Uint8Array;
}

const TYPES = ['', 'OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE', 'ROUTE-REFRESH'];

interface Stream {
  readonly splitter: MessageSplitter;
  /** Octets pushed so far. */
  octets: number;
}

/** Finds the messages in what connections received. */
export class MessageCounter {
  readonly #streams = new Map<number, Stream>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The messages that a chunk completes, and where in the chunk each ends. */
  *push(
    connection: ReplayedConnection,
    octets: Uint8Array,
    time: number,
  ): Generator<{ readonly message: ReplayedMessage; readonly end: number }> {
    let stream = this.#streams.get(connection.number);
    if (stream === undefined)
      this.#streams.set(connection.number, (stream = { splitter: new MessageSplitter(), octets: 0 }));
    const begin = stream.octets;
    stream.octets += octets.length;
    for (const found of stream.splitter.push(octets)) {
      const message = {
        number: ++this.#count,
        time,
        neighbor: connection.remote.address,
        connection,
        type: typeOf(found.octets),
        octets: found.octets,
      };
      yield { message, end: found.offset + found.octets.length - begin };
    }
  }

  forget(connection: number): void {
    this.#streams.delete(connection);
  }
}

function typeOf(octets: Uint8Array): string {
  const code = octets.length < HEADER_LENGTH ? 0 : octets[HEADER_LENGTH - 1]!;
  return TYPES[code] ?? `type ${code}`;
}
