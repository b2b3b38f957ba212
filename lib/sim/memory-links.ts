import type { Clock, Random, Timer } from '../net/clock.js';
import type { Endpoint } from '../net/transport.js';

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /** One-way delay of every link in milliseconds; default 1. */
  readonly latencyMs?: number;
  /** Octets that the receiving side takes before the reader does (its socket buffer); default 65536. */
  readonly windowBytes?: number;
  /** `send` answers false when more octets than this wait at the sender; default 65536. */
  readonly highWaterMark?: number;
  /** Join and cut what is sent at random places, as TCP may; left out: each `send` arrives as one chunk. */
  readonly rechunk?: Random;
  /** Overwrite every chunk after it was handed over, to find readers that keep what they were lent. */
  readonly scribble?: boolean;
}

/** What a connection knows of the way to its other end. */
export interface MemoryPath {
  /** How long octets that are sent now are under way, in milliseconds; asked once for each chunk, 0 octets for signals. */
  delay(octets: number): number;
  /** Whether what is sent now gets lost for good: there is no connection yet that could send it again. */
  isCut(): boolean;
  /** Run `deliver` once the way is open; false: it is open now, go on. */
  waits(deliver: () => void): boolean;
  /** How many hops away the other end is, for TTLs and GTSM; 1 is directly connected. */
  hops(): number;
}

/** What all connections of a network in memory share. */
export interface MemoryMedium {
  readonly clock: Clock;
  readonly windowBytes: number;
  readonly highWaterMark: number;
  readonly rechunk: Random | undefined;
  readonly scribble: boolean;
  /** The way from one address to another. */
  path(from: string, to: string): MemoryPath;
  /** Told of all that connections accept for sending, if there is one. */
  readonly tap?: MemoryTap;
}

/** Sees the octets of all connections. */
export interface MemoryTap {
  onSend(from: Endpoint, to: Endpoint, bytes: Uint8Array): void;
  /** Something that matters was accepted for sending, and nothing that matters was under way on this connection. */
  onBusy(): void;
  /** All that matters on a connection was read, or the connection is gone. */
  onQuiet(): void;
}

/** The links between all pairs of addresses in a network in memory, and what holds for every connection over them. */
export class MemoryLinks implements MemoryMedium {
  readonly clock: Clock;
  readonly windowBytes: number;
  readonly highWaterMark: number;
  readonly rechunk: Random | undefined;
  readonly scribble: boolean;
  readonly #latencyMs: number;
  readonly #hops = new Map<string, number>();
  /** Only pairs that differ from the rest, by {@link pairKey}. */
  readonly #latencies = new Map<string, number>();
  /** What waits on each link that is cut, or mended so lately that what waited is still under way. */
  readonly #cuts = new Map<string, (() => void)[]>();
  readonly #mending = new Map<string, Timer>();

  constructor(options: MemoryNetworkOptions) {
    this.clock = options.clock;
    this.#latencyMs = options.latencyMs ?? 1;
    this.windowBytes = options.windowBytes ?? 65536;
    this.highWaterMark = options.highWaterMark ?? 65536;
    this.rechunk = options.rechunk;
    this.scribble = options.scribble ?? false;
  }

  path(from: string, to: string): MemoryPath {
    return {
      delay: () => this.latency(from, to),
      isCut: () => this.isCut(from, to),
      waits: (deliver) => this.waitsForLink(from, to, deliver),
      hops: () => this.hops(from, to),
    };
  }

  setLatency(a: string, b: string, latencyMs: number): void {
    this.#latencies.set(pairKey(a, b), latencyMs);
  }

  latency(a: string, b: string): number {
    return this.#latencies.size === 0 ? this.#latencyMs : (this.#latencies.get(pairKey(a, b)) ?? this.#latencyMs);
  }

  /** How many hops apart two addresses are, for TTLs and GTSM; 1, the default, is directly connected. */
  setHops(a: string, b: string, hops: number): void {
    this.#hops.set(pairKey(a, b), hops);
  }

  hops(a: string, b: string): number {
    return this.#hops.size === 0 ? 1 : (this.#hops.get(pairKey(a, b)) ?? 1);
  }

  /**
   * Cut the link between two addresses: nothing arrives any more and nobody is told. What a connection sends meanwhile
   * waits in it, as TCP would send it again; connection requests are lost.
   */
  cut(a: string, b: string): void {
    const key = pairKey(a, b);
    if (!this.#cuts.has(key)) this.#cuts.set(key, []);
    this.#mending.get(key)?.cancel();
    this.#mending.delete(key);
  }

  /** Mend a cut link; what waited arrives, before all that is sent from now on. */
  restore(a: string, b: string): void {
    const key = pairKey(a, b);
    const waiting = this.#cuts.get(key);
    if (waiting === undefined || this.#mending.has(key)) return;
    const arrive = (): void => {
      this.#cuts.delete(key);
      this.#mending.delete(key);
      for (const deliver of waiting) deliver();
    };
    this.#mending.set(key, this.clock.after(this.latency(a, b), arrive));
  }

  isCut(a: string, b: string): boolean {
    if (this.#cuts.size === 0) return false;
    const key = pairKey(a, b);
    return this.#cuts.has(key) && !this.#mending.has(key);
  }

  /** Run `deliver` once the link is whole; false: it is whole now, go on. */
  waitsForLink(a: string, b: string, deliver: () => void): boolean {
    const waiting = this.#cuts.size === 0 ? undefined : this.#cuts.get(pairKey(a, b));
    waiting?.push(deliver);
    return waiting !== undefined;
  }
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
