import { createHash } from 'node:crypto';
import type { Clock, Endpoint } from '../../net/index.js';
import type { MemoryTap } from '../memory-links.js';

/** Watches all octets of a network: what is going on, how much there was, and a digest of everything. */
export class Traffic implements MemoryTap {
  /** Octets and writes of all connections. */
  readonly counts = { octets: 0, writes: 0 };
  /** When something last happened that is more than a KEEPALIVE, in milliseconds. */
  lastActivity = 0;
  /** Connections on which something that matters is under way. */
  busy = 0;
  readonly #hash = createHash('sha256');
  readonly #time = new Float64Array(1);
  readonly #timeOctets = new Uint8Array(this.#time.buffer);

  constructor(private readonly clock: Clock) {}

  onSend(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    this.counts.octets += bytes.length;
    this.counts.writes++;
    this.#time[0] = this.clock.now();
    this.#hash.update(this.#timeOctets);
    this.#hash.update(`${from.address} ${from.port} ${to.address} ${to.port} ${bytes.length}\n`);
    this.#hash.update(bytes);
  }

  onBusy(): void {
    this.busy++;
    this.touch();
  }

  onQuiet(): void {
    this.busy--;
    this.touch();
  }

  /** Something happened. */
  touch(): void {
    this.lastActivity = this.clock.now();
  }

  /** SHA-256, in hex, of all octets sent so far, who sent them to whom, and when. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
