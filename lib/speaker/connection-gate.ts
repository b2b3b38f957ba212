import type { Clock } from '../net/index.js';
import type { ConnectionRateLimit } from './options.js';

/** Connections per second from neighbors that may connect. A lone neighbor needs one in some seconds. */
export const DEFAULT_RATE_LIMIT = Object.freeze({ perAddress: 5, total: 1000 });

/** What is taken at once after a quiet time, in seconds' worth. */
const BURST_SECONDS = 4;
/** Addresses remembered: those that were quiet for BURST_SECONDS are forgotten first, then all. */
const MOST_ADDRESSES = 10_000;

/** A bucket of tokens: one for each connection, refilled evenly. */
class Bucket {
  private tokens: number;

  constructor(
    private readonly rate: number,
    private at: number,
  ) {
    this.tokens = rate * BURST_SECONDS;
  }

  take(now: number): boolean {
    this.refill(now);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  isFull(now: number): boolean {
    this.refill(now);
    return this.tokens === this.rate * BURST_SECONDS;
  }

  private refill(now: number): void {
    this.tokens = Math.min(this.rate * BURST_SECONDS, this.tokens + ((now - this.at) / 1000) * this.rate);
    this.at = now;
  }
}

/**
 * Decides whether one more connection is taken, before anything is done for it: one address that connects in a loop, or
 * very many at once, must not keep the speaker from its sessions.
 */
export class ConnectionGate {
  private readonly byAddress = new Map<string, Bucket>();
  private perAddress = 0;
  private total: Bucket | undefined;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    limit: ConnectionRateLimit | undefined,
  ) {
    this.setLimit(limit);
  }

  setLimit(limit: ConnectionRateLimit | undefined): void {
    const { perAddress = DEFAULT_RATE_LIMIT.perAddress, total = DEFAULT_RATE_LIMIT.total } = limit ?? {};
    this.perAddress = perAddress;
    this.total = total === 0 ? undefined : new Bucket(total, this.clock.now());
    this.byAddress.clear();
  }

  /** @returns false: close the connection */
  admits(address: string): boolean {
    const now = this.clock.now();
    if (this.perAddress > 0 && !this.bucketOf(address, now).take(now)) return false;
    return this.total?.take(now) ?? true;
  }

  private bucketOf(address: string, now: number): Bucket {
    let bucket = this.byAddress.get(address);
    if (bucket === undefined) {
      if (this.byAddress.size >= MOST_ADDRESSES) this.forget(now);
      bucket = new Bucket(this.perAddress, now);
      this.byAddress.set(address, bucket);
    }
    return bucket;
  }

  private forget(now: number): void {
    for (const [address, bucket] of this.byAddress) if (bucket.isFull(now)) this.byAddress.delete(address);
    if (this.byAddress.size >= MOST_ADDRESSES) this.byAddress.clear();
  }
}
