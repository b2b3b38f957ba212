import { canonicalAddress } from '../net/index.js';
import { BodyPool, type Hop } from './body.js';
import { ForeignRoutes, type Cover } from './foreign-routes.js';
import { addressWords, newWords } from './prefix-text.js';
import type { PrefixIndex } from './prefix-index.js';
import type { KernelRoute, ReadOutcome } from './writer.js';

/** The kernel's table of its own addresses. */
export const TABLE_LOCAL = 255;
export const TABLE_MAIN = 254;
const PROTOCOL_KERNEL = 2;

/** How a BGP next hop is reached. */
export interface Resolution {
  /** Metric of the covering route; 0 when the next hop is on a connected network. */
  readonly metric: number;
  /** The next hop is on one of our networks. */
  readonly connected: boolean;
  /** One for a single route, several when the covering route has several. Never empty. */
  readonly hops: readonly Hop[];
}

/** The longest of others' routes that covers a next hop. */
export interface NextHopCover {
  /** Length of its prefix; -1: there is none, or only a default route where that does not count. */
  readonly length: number;
  readonly metric: number;
  /** The next hop is on a network of ours, or every next hop is taken as it is: there is nothing to look up. */
  readonly connected: boolean;
  /** Whether packets can go that way. */
  readonly leads: boolean;
}

interface Asked {
  readonly nextHop: string;
  readonly device: string | undefined;
  answer: Resolution | undefined;
  length: number;
  metric: number;
}

export interface ResolverOptions {
  /** The table our routes go to; the kernel looks there first for a gateway, then in `main`. */
  readonly table: number;
  /** May a default route be the only cover of a next hop? */
  readonly viaDefault: boolean;
  /** Look in `main` when the table has no route. */
  readonly viaMain: boolean;
  /** Take every next hop as it is, without a device. */
  readonly unchecked: boolean;
}

/**
 * Resolves next hops through routes that are not ours (RFC 4271 section 5.1.3 and 9.1.2.1: the immediate next hop).
 * Answers undefined for all until the kernel has been read once.
 */
export class Resolver {
  #routes: ForeignRoutes | null = null;
  readonly #words = newWords();
  /** Of the route that the last {@link look} found, whether it leads anywhere or not. */
  #length = -1;
  #metric = 0;
  readonly #asked = new Map<string, Asked>();

  readonly #bodies = new BodyPool('stateKey');
  /** Devices that lost their link since the kernel was read. */
  readonly #down = new Set<string>();
  /** Whether each device is up, by its last word: what is sent over a device by decree needs no route that would tell. */
  #links = new Map<string, boolean>();
  /** A device that is not there is down: the kernel told all that there are. */
  #knowsLinks = false;
  /** How often a link was told to have changed. */
  linkChanges = 0;

  constructor(private readonly options: ResolverOptions) {}

  /** An empty picture to be filled by a reading and handed to {@link replace}. */
  newPicture(): ForeignRoutes {
    return new ForeignRoutes(this.#bodies);
  }

  get routes(): ForeignRoutes | null {
    return this.#routes;
  }

  /** The numbers of the tables that next hops are looked up in. */
  get tables(): readonly number[] {
    return this.options.viaMain ? [this.options.table, TABLE_MAIN, TABLE_LOCAL] : [this.options.table];
  }

  /** Hops whose device has a link. */
  usable(hops: readonly Hop[]): Hop[] {
    return hops.filter((hop) => !hop.down && hop.device !== undefined && !this.#down.has(hop.device));
  }

  /** A complete new picture of others' routes. */
  replace(routes: ForeignRoutes): void {
    this.#routes?.discard();
    this.#routes = routes;
    this.#down.clear();
  }

  /** One route came or went. @returns whether the picture is surely right after it */
  apply(route: KernelRoute, deleted: boolean): boolean {
    if (!this.#routes) return false;
    return deleted ? this.#routes.delete(route) : this.#routes.put(route);
  }

  /** A device lost its link or has it again: known at once, without waiting for its routes to be read. */
  setDown(device: string, down: boolean): void {
    this.linkChanged();
    if (down) this.#down.add(device);
    else this.#down.delete(device);
    this.#links.set(device, !down);
  }

  /** Something of a device changed that does not tell whether it has its link. */
  linkChanged(): void {
    this.linkChanges++;
  }

  /** Words about links may have been lost, and only a reading that tells of links would bring them. */
  forgetLinks(): void {
    if (!this.#knowsLinks) this.#links.clear();
  }

  /**
   * All links, as a reading found them.
   * @param newer devices that were told of since it began
   * @returns devices that are up and were not thought to be
   */
  takeLinks(links: ReadOutcome['links'], newer: ReadonlySet<string>): string[] {
    if (!links) return [];
    const found = new Map(links);
    for (const device of newer) {
      const up = this.#links.get(device);
      if (up !== undefined) found.set(device, up);
    }
    const risen = [...found].filter(([device, up]) => up && !this.#isUp(device)).map(([device]) => device);
    this.#links = found;
    this.#knowsLinks = true;
    return risen;
  }

  #isUp(device: string): boolean {
    return this.#links.get(device) ?? !this.#knowsLinks;
  }

  /**
   * @param nextHop address text
   * @param device  given with link-local next hops: only routes through it count
   * @throws UsageError `bad_prefix` or `bad_address`
   */
  resolve(nextHop: string, device?: string): Resolution | undefined {
    const key = device === undefined ? nextHop : `${nextHop}%${device}`;
    return this.#ask(key, nextHop, device).answer;
  }

  /** What covers a next hop; changes of it are told as those of {@link resolve} are. @throws UsageError `bad_address` */
  cover(nextHop: string): NextHopCover {
    const { answer, length, metric } = this.#ask(nextHop, nextHop, undefined);
    return { length, metric, connected: answer?.connected ?? false, leads: answer !== undefined };
  }

  #ask(key: string, nextHop: string, device: string | undefined): Asked {
    const known = this.#asked.get(key);
    if (known) return known;
    const answer = this.look(nextHop, device);
    const asked = { nextHop, device, answer, length: this.#length, metric: this.#metric };
    this.#asked.set(key, asked);
    return asked;
  }

  /** Protocol of another's route with the same prefix, table and metric as one of ours would have. */
  occupant(table: number, index: PrefixIndex, row: number, metric: number): number | undefined {
    index.read(row, this.#words);
    return this.#routes?.exact(table, this.#words, metric)?.protocol;
  }

  /** No longer tell about this next hop. */
  forget(nextHop: string, device?: string): void {
    this.#asked.delete(device === undefined ? nextHop : `${nextHop}%${device}`);
  }

  /** Look at every next hop again that was asked for. @returns those whose answer is another now */
  recheck(): { nextHop: string; device: string | undefined }[] {
    const changed: { nextHop: string; device: string | undefined }[] = [];
    for (const asked of this.#asked.values()) {
      const answer = this.look(asked.nextHop, asked.device);
      if (same(answer, asked.answer) && asked.length === this.#length && asked.metric === this.#metric) continue;
      asked.answer = answer;
      asked.length = this.#length;
      asked.metric = this.#metric;
      changed.push({ nextHop: asked.nextHop, device: asked.device });
    }
    return changed;
  }

  /** A next hop that is on the link of a device because somebody says so; empty while the device has no link. */
  onLink(nextHop: string, device: string): Hop[] {
    return this.#isUp(device) ? [{ gateway: canonicalAddress(nextHop), device, onlink: true }] : [];
  }

  /** Like {@link resolve}, but without remembering that it was asked. */
  look(nextHop: string, device: string | undefined): Resolution | undefined {
    this.#length = -1;
    this.#metric = 0;
    if (!this.#routes) return undefined;
    const gateway = canonicalAddress(nextHop);
    if (this.options.unchecked) {
      return { metric: 0, connected: true, hops: [device === undefined ? { gateway } : { gateway, device }] };
    }
    const host = this.#words;
    addressWords(gateway, host);
    const routes = this.#routes;
    // A link-local address says nothing without its link. One of the host's own addresses, a broadcast or a multicast
    // address is no next hop.
    if (device === undefined && (host.w0 & 0xffc00000) >>> 0 === 0xfe800000 && host.family === 6) return undefined;
    const widest = host.family === 4 ? 32 : 128;
    if (device === undefined && routes.cover(TABLE_LOCAL, host, 0, () => true)) {
      this.#length = widest;
      return undefined;
    }
    const want = (entry: Cover): boolean => device === undefined || this.#leadsOnto(entry, device);
    const shortest = this.options.viaDefault ? 0 : 1;
    let cover = routes.cover(this.options.table, host, shortest, want);
    // `throw` means: look in the next table.
    if (!cover || this.#bodies.get(cover.body).type === 'throw') {
      cover = this.options.viaMain ? routes.cover(TABLE_MAIN, host, shortest, want) : undefined;
    }
    if (!cover) return undefined;
    this.#length = cover.length;
    this.#metric = cover.metric;
    const body = this.#bodies.get(cover.body);
    if (body.type !== 'unicast') return undefined;
    const hops = this.usable(body.hops)
      .filter((hop) => device === undefined || hop.device === device)
      .map((hop) => (hop.gateway === undefined ? { ...hop, gateway } : hop));
    if (hops.length === 0) return undefined;
    const connected = cover.protocol === PROTOCOL_KERNEL && body.hops.every((hop) => hop.gateway === undefined);
    return { metric: connected ? 0 : cover.metric, connected, hops };
  }

  #leadsOnto(entry: Cover, device: string): boolean {
    return this.#bodies.get(entry.body).hops.some((hop) => hop.device === device && hop.gateway === undefined);
  }
}

function same(a: Resolution | undefined, b: Resolution | undefined): boolean {
  if (!a || !b) return a === b;
  return (
    a.metric === b.metric &&
    a.connected === b.connected &&
    a.hops.length === b.hops.length &&
    a.hops.every((hop, i) => {
      const other = b.hops[i]!;
      return (
        hop.gateway === other.gateway &&
        hop.device === other.device &&
        (hop.weight ?? 1) === (other.weight ?? 1) &&
        !!hop.onlink === !!other.onlink
      );
    })
  );
}
