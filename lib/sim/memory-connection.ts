import { TransportError, UsageError } from '../net/errors.js';
import type { Connection, ConnectionHandler, Endpoint } from '../net/transport.js';
import type { MemoryMedium, MemoryPath } from './memory-links.js';

/** Message type (RFC 4271 section 4.1). */
const KEEPALIVE = 4;

/** One end of a connection in memory. Octets travel without being copied, unless the network cuts or scribbles. */
export class MemoryConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #links: MemoryMedium;
  readonly #path: MemoryPath;
  /** The connections of our host; this one is in it until closed. */
  readonly #siblings: Set<MemoryConnection>;
  #peer: MemoryConnection | undefined;
  #handler: ConnectionHandler | undefined;
  #closed = false;

  /** Accepted by `send`, not yet under way. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Under way, or arrived at the peer and not yet read there: limited by the window. */
  #unreadBytes = 0;
  /** When what was sent last arrives. */
  #arrivesAt = 0;
  #blocked = false;
  #ending = false;
  #pumpPlanned = false;

  /** For the tap: octets accepted and read so far, and up to which of them something matters; 0: nothing under way does. */
  #sentBytes = 0;
  #readBytes = 0;
  #matters = 0;

  /** Arrived here, not yet read because of `pause`. */
  #arrived: Uint8Array[] = [];
  #paused = false;
  /** The other side has ended, behind all that arrived. */
  #finArrived = false;

  constructor(
    links: MemoryMedium,
    path: MemoryPath,
    local: Endpoint,
    remote: Endpoint,
    siblings: Set<MemoryConnection>,
  ) {
    this.#links = links;
    this.#path = path;
    this.local = Object.freeze(local);
    this.remote = Object.freeze(remote);
    this.#siblings = siblings;
    siblings.add(this);
  }

  joinTo(peer: MemoryConnection): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  get hasHandler(): boolean {
    return this.#handler !== undefined;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closed || this.#ending) return false;
    if (bytes.length > 0) {
      // Like the chunks of TCP never a Buffer, whose slice() does not copy.
      this.#queue.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
      this.#queuedBytes += bytes.length;
      this.#note(bytes);
      // Cut at random: gather what is sent at this moment first.
      if (this.#links.rechunk === undefined) this.#pump();
      else this.#planPump(0);
    }
    if (this.#queuedBytes > this.#links.highWaterMark) this.#blocked = true;
    return !this.#blocked;
  }

  /** For who watches the network: all but KEEPALIVEs counts as something that is going on until it was read. */
  #note(bytes: Uint8Array): void {
    const { tap } = this.#links;
    if (tap === undefined) return;
    this.#sentBytes += bytes.length;
    tap.onSend(this.local, this.remote, bytes);
    if (bytes.length === 19 && bytes[18] === KEEPALIVE) return;
    if (this.#matters === 0) tap.onBusy();
    this.#matters = this.#sentBytes;
  }

  #noteRead(count: number): void {
    const { tap } = this.#links;
    if (tap === undefined) return;
    this.#readBytes += count;
    if (this.#matters > 0 && this.#readBytes >= this.#matters) this.#noteQuiet();
  }

  #noteQuiet(): void {
    if (this.#matters === 0) return;
    this.#matters = 0;
    this.#links.tap?.onQuiet();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#links.clock.after(0, () => this.#read());
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#pump();
  }

  destroy(): void {
    if (this.#closed) return;
    const peer = this.#peer!;
    this.travel(0, () => peer.#onFin());
    this.#close(undefined);
  }

  /** The process that had it is gone: closed by the system, and nobody here is told. */
  abandon(): void {
    this.#handler = undefined;
    this.destroy();
  }

  /** Gone without a word to either side's handler. */
  vanish(): void {
    this.#handler = undefined;
    this.#close(undefined);
  }

  #close(error: TransportError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#siblings.delete(this);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#arrived = [];
    this.#noteQuiet();
    const peer = this.#peer;
    if (peer !== undefined) peer.#noteQuiet();
    const handler = this.#handler;
    if (handler !== undefined) this.#links.clock.after(0, () => handler.onClose(error));
  }

  /** Run on the other side after the path's delay, in order, and not while it is cut. */
  travel(octets: number, arrive: () => void): void {
    const { clock } = this.#links;
    const path = this.#path;
    const deliver = (): void => {
      if (!path.waits(deliver)) arrive();
    };
    const now = clock.now();
    // What was sent earlier arrives earlier, whatever the delay is now.
    this.#arrivesAt = Math.max(this.#arrivesAt, now + path.delay(octets));
    clock.after(this.#arrivesAt - now, deliver);
  }

  #planPump(afterMs: number): void {
    if (this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    this.#links.clock.after(afterMs, () => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }

  /** Send on what the window takes. */
  #pump(): void {
    if (this.#closed) return;
    const peer = this.#peer!;
    while (this.#queuedBytes > 0 && this.#unreadBytes < this.#links.windowBytes) {
      const chunk = this.#nextChunk(this.#links.windowBytes - this.#unreadBytes);
      this.#unreadBytes += chunk.length;
      this.#queuedBytes -= chunk.length;
      this.travel(chunk.length, () => peer.#onChunk(chunk));
    }
    if (this.#queuedBytes > 0) return;
    if (this.#blocked) {
      this.#blocked = false;
      this.#links.clock.after(0, () => {
        if (!this.#closed) this.#handler?.onDrain();
      });
    }
    if (this.#ending) this.travel(0, () => peer.#onFin());
  }

  #nextChunk(limit: number): Uint8Array {
    const random = this.#links.rechunk;
    if (random !== undefined && this.#queue.length > 1) this.#queue = [concat(this.#queue, this.#queuedBytes)];
    const first = this.#queue[0]!;
    const wanted = random === undefined ? first.length : 1 + Math.floor(random() * first.length);
    const size = Math.min(wanted, limit);
    if (size === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(size);
    return first.subarray(0, size);
  }

  #onChunk(chunk: Uint8Array): void {
    if (this.#closed) {
      // Nobody is here any more: the kernel answers with a reset.
      const peer = this.#peer!;
      this.travel(0, () => peer.#close(new TransportError('ECONNRESET', 'connection reset by the peer')));
      return;
    }
    this.#arrived.push(chunk);
    this.#read();
  }

  #onFin(): void {
    this.#finArrived = true;
    this.#read();
  }

  #read(): void {
    while (!this.#paused && !this.#closed && this.#arrived.length > 0) {
      const chunk = this.#arrived.shift()!;
      this.#peer!.#onRead(chunk.length);
      this.#deliver(chunk);
    }
    if (this.#finArrived && !this.#paused && !this.#closed) {
      const peer = this.#peer!;
      this.travel(0, () => peer.#onFin());
      this.#close(undefined);
    }
  }

  /** The peer has read: its window is open again, which we hear one delay later. */
  #onRead(count: number): void {
    this.#unreadBytes -= count;
    this.#noteRead(count);
    if (this.#queuedBytes > 0) this.#planPump(this.#path.delay(0));
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#handler === undefined)
      throw new UsageError('no_handler', 'octets arrived at a connection without a handler');
    if (!this.#links.scribble) {
      this.#handler.onData(chunk);
      return;
    }
    const lent = new Uint8Array(chunk);
    this.#handler.onData(lent);
    lent.fill(0xdb);
  }
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
