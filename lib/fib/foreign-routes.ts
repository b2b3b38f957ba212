import type { BodyPool, RouteBody } from './body.js';
import { PrefixIndex } from './prefix-index.js';
import { newWords, parseWords, type PrefixWords } from './prefix-text.js';
import type { KernelRoute } from './writer.js';

/** A covering route that was found for an address. */
export interface Cover {
  /** Length of its prefix. */
  readonly length: number;
  readonly body: number;
  readonly metric: number;
  readonly protocol: number;
}

/** The route of a prefix that the kernel takes: the one of lowest metric. */
export interface BestRoute {
  readonly prefix: string;
  readonly metric: number;
  readonly protocol: number;
  readonly body: RouteBody;
}

/** In {@link ForeignRoutes.takeTouched}: in more than one table. */
export const SEVERAL_TABLES = -1;

/** Others' routes of one kernel table and family: chains of entries per prefix, lowest metric first. */
class ForeignTable {
  readonly index: PrefixIndex;
  #first = new Int32Array(16);
  #next = new Int32Array(16);
  #body = new Int32Array(16);
  #metric = new Uint32Array(16);
  #protocol = new Uint8Array(16);
  #tos = new Uint8Array(16);
  /** Entries that were given back, as a chain too. */
  #free = 0;
  /** Entry numbers start at 1; 0 ends a chain. */
  #high = 1;

  constructor(
    family: 4 | 6,
    private readonly bodies: BodyPool,
  ) {
    this.index = new PrefixIndex(family);
  }

  /**
   * @param replace the route takes the place of one that the kernel counts as the same
   * @returns whether there can be no doubt which one that is
   */
  put(p: PrefixWords, route: KernelRoute, replace: boolean): boolean {
    const before = this.index.size;
    const row = this.index.add(p);
    if (row >= this.#first.length) this.#first = grown(this.#first);
    if (this.index.size > before) this.#first[row] = 0;
    const body = this.bodies.retain(route.body);
    let sure = true;
    let previous = 0;
    let entry = this.#first[row]!;
    for (; entry !== 0 && this.#metric[entry]! <= route.metric; previous = entry, entry = this.#next[entry]!) {
      if (replace && this.#same(entry, route, body)) {
        this.bodies.release(this.#body[entry]!);
        this.#body[entry] = body;
        this.#protocol[entry] = route.protocol;
        return true;
      }
      if (this.#metric[entry] === route.metric) sure = false;
    }
    const made = this.#make(body, route);
    this.#next[made] = entry;
    if (previous === 0) this.#first[row] = made;
    else this.#next[previous] = made;
    return sure;
  }

  /** @returns whether there was such a route */
  delete(p: PrefixWords, route: KernelRoute): boolean {
    const row = this.index.find(p);
    if (row < 0) return false;
    let previous = 0;
    for (let entry = this.#first[row]!; entry !== 0; previous = entry, entry = this.#next[entry]!) {
      if (!this.#same(entry, route, this.bodies.find(route.body))) continue;
      if (previous === 0) this.#first[row] = this.#next[entry]!;
      else this.#next[previous] = this.#next[entry]!;
      this.bodies.release(this.#body[entry]!);
      this.#next[entry] = this.#free;
      this.#free = entry;
      if (this.#first[row] === 0) this.index.remove(row);
      return true;
    }
    return false;
  }

  /** The first entry of exactly this prefix that `want` accepts. */
  at(p: PrefixWords, want: (entry: Cover) => boolean): Cover | undefined {
    const row = this.index.find(p);
    if (row < 0) return undefined;
    for (let entry = this.#first[row]!; entry !== 0; entry = this.#next[entry]!) {
      if (this.#tos[entry] !== 0) continue;
      const cover = {
        length: p.length,
        body: this.#body[entry]!,
        metric: this.#metric[entry]!,
        protocol: this.#protocol[entry]!,
      };
      if (want(cover)) return cover;
    }
    return undefined;
  }

  /**
   * The kernel's key is (prefix, tos, metric); in IPv6 also the way out, as in the `fe80::/64` of each device. Routes that
   * were appended in IPv4 under an equal key are told apart by a full reading only.
   */
  #same(entry: number, route: KernelRoute, body: number): boolean {
    return (
      this.#metric[entry] === route.metric &&
      this.#tos[entry] === route.tos &&
      (this.index.family === 4 || this.#body[entry] === body)
    );
  }

  /** The entry of lowest metric of each prefix, where it is of one of these protocols. */
  *best(protocols: ReadonlySet<number> | undefined): IterableIterator<BestRoute> {
    for (let row = 0; row < this.index.high; row++) {
      if (!this.index.has(row)) continue;
      let entry = this.#first[row]!;
      while (entry !== 0 && this.#tos[entry] !== 0) entry = this.#next[entry]!;
      if (entry === 0 || (protocols && !protocols.has(this.#protocol[entry]!))) continue;
      yield {
        prefix: this.index.text(row),
        metric: this.#metric[entry]!,
        protocol: this.#protocol[entry]!,
        body: this.bodies.get(this.#body[entry]!),
      };
    }
  }

  releaseAll(): void {
    for (let row = 0; row < this.index.high; row++) {
      if (!this.index.has(row)) continue;
      for (let entry = this.#first[row]!; entry !== 0; entry = this.#next[entry]!)
        this.bodies.release(this.#body[entry]!);
    }
  }

  #make(body: number, route: KernelRoute): number {
    const entry = this.#free === 0 ? this.#high++ : this.#free;
    if (entry === this.#free) this.#free = this.#next[entry]!;
    if (entry >= this.#next.length) {
      this.#next = grown(this.#next);
      this.#body = grown(this.#body);
      this.#metric = grown(this.#metric);
      this.#protocol = grown(this.#protocol);
      this.#tos = grown(this.#tos);
    }
    this.#body[entry] = body;
    this.#metric[entry] = route.metric;
    this.#protocol[entry] = route.protocol;
    this.#tos[entry] = route.tos;
    return entry;
  }
}

function grown<T extends Int32Array | Uint32Array | Uint8Array>(old: T): T {
  const copy = new (old.constructor as new (n: number) => T)(old.length * 2);
  copy.set(old);
  return copy;
}

/** Everybody else's routes in the tables that matter for next hops, without an object per route. */
export class ForeignRoutes {
  readonly #tables = new Map<number, ForeignTable>();
  readonly #words = newWords();
  #touched = new Map<string, number>();
  /** False: the tables changed while they were read, so that there may be routes which are not here. */
  isComplete = true;
  /** Numbers of the tables that were read. */
  tables: ReadonlySet<number> = new Set();

  /** @param bodies told apart by `stateKey`: a hop without carrier matters here */
  constructor(private readonly bodies: BodyPool) {}

  get size(): number {
    let size = 0;
    for (const table of this.#tables.values()) size += table.index.size;
    return size;
  }

  /** A route met in a full reading. */
  add(route: KernelRoute): void {
    this.#put(route, false);
  }

  /** A route that was added or replaced, as a single event tells it. @returns whether the picture is surely right */
  put(route: KernelRoute): boolean {
    this.#touch(route);
    return this.#put(route, true);
  }

  #put(route: KernelRoute, replace: boolean): boolean {
    parseWords(route.prefix, this.#words);
    const key = route.table * 2 + (this.#words.family === 6 ? 1 : 0);
    let table = this.#tables.get(key);
    if (!table) this.#tables.set(key, (table = new ForeignTable(this.#words.family, this.bodies)));
    return table.put(this.#words, route, replace);
  }

  /** @returns whether there was such a route */
  delete(route: KernelRoute): boolean {
    this.#touch(route);
    parseWords(route.prefix, this.#words);
    return this.#table(route.table, this.#words.family)?.delete(this.#words, route) ?? false;
  }

  /** Longest match for a host in one table, no shorter than `shortest`; among equals the lowest metric that `want` accepts. */
  cover(table: number, host: PrefixWords, shortest: number, want: (entry: Cover) => boolean): Cover | undefined {
    const found = this.#table(table, host.family);
    if (!found) return undefined;
    const counts = found.index.lengthCounts;
    for (let length = counts.length - 1; length >= shortest; length--) {
      if (counts[length] === 0) continue;
      const cover = found.at(masked(host, length, this.#words), want);
      if (cover) return cover;
    }
    return undefined;
  }

  /** A route of exactly this prefix and metric. */
  exact(table: number, p: PrefixWords, metric: number): Cover | undefined {
    return this.#table(table, p.family)?.at(p, (entry) => entry.metric === metric);
  }

  /**
   * The route of lowest metric of each prefix of a table, both families.
   * @param protocols only where it is of one of these
   */
  *best(table: number, protocols?: ReadonlySet<number>): IterableIterator<BestRoute> {
    for (const family of [4, 6] as const) yield* this.#table(table, family)?.best(protocols) ?? [];
  }

  /** The route of lowest metric of one prefix of a table. */
  bestOf(table: number, prefix: string): BestRoute | undefined {
    parseWords(prefix, this.#words);
    const cover = this.#table(table, this.#words.family)?.at(this.#words, () => true);
    return cover && { prefix, metric: cover.metric, protocol: cover.protocol, body: this.bodies.get(cover.body) };
  }

  /** The prefixes that single events told of since the last call, each with the number of its table. */
  takeTouched(): ReadonlyMap<string, number> {
    const touched = this.#touched;
    this.#touched = new Map();
    return touched;
  }

  #touch({ prefix, table }: KernelRoute): void {
    this.#touched.set(prefix, (this.#touched.get(prefix) ?? table) === table ? table : SEVERAL_TABLES);
  }

  /** Give the bodies back; the object is not used afterwards. */
  discard(): void {
    for (const table of this.#tables.values()) table.releaseAll();
  }

  #table(table: number, family: 4 | 6): ForeignTable | undefined {
    return this.#tables.get(table * 2 + (family === 6 ? 1 : 0));
  }
}

function masked(p: PrefixWords, length: number, out: PrefixWords): PrefixWords {
  out.family = p.family;
  out.w0 = keep(p.w0, length);
  out.w1 = keep(p.w1, length - 32);
  out.w2 = keep(p.w2, length - 64);
  out.w3 = keep(p.w3, length - 96);
  out.length = length;
  return out;
}

function keep(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : (word & ~(0xffffffff >>> bits)) >>> 0;
}
