/**
 * Next hops, each once: address octets ↔ small id, and what is known of reaching it (RFC 4271 9.1.2.1).
 * There are few (about one per neighbor), so a Map by text is good enough. Counted by the attribute sets that use them.
 */
import { formatAddress } from '../net/index.js';

/**
 * Whether a next hop can be reached. `own`: it is an address of this machine; that is right for routes originated here,
 * and leads nowhere for learnt ones (RFC 4271 5.1.3).
 */
export type ReachabilityKind = 'no' | 'yes' | 'own';
const KINDS: Readonly<Record<ReachabilityKind, number>> = { no: 0, yes: 1, own: 2 };

/** How a next hop can be reached. `metric`: IGP cost, smaller is better. */
export interface Reachability {
  readonly reachable: ReachabilityKind;
  readonly metric: number;
  /** The prefix of the route of ours through which it is reached; left out: it needs none. */
  readonly via?: string | undefined;
}

export class NextHopTable {
  private readonly ids = new Map<string, number>();
  private readonly octetsById: (Uint8Array | undefined)[] = [];
  private readonly uses: number[] = [];
  private readonly freeIds: number[] = [];
  /** The id that `intern` gave last. */
  private last = 0;
  /** By id: 1 when the next hop can be reached, 2 when it is our own address, else 0. */
  private readonly reachable: number[] = [];
  /** By id: IGP cost to the next hop. */
  readonly metric: number[] = [];
  /** By id: see {@link Reachability.via}. */
  readonly via: (string | undefined)[] = [];

  /**
   * @param resolve tells whether and how a next hop is reachable; asked once per next hop, and again by `refresh`
   */
  constructor(private readonly resolve: (octets: Uint8Array) => Reachability) {}

  /** The id of a next hop (4 octets, 16, or 32 with a link-local one), with one use more. */
  intern(bytes: Uint8Array, at: number, length: number): number {
    if (this.isLast(bytes, at, length)) {
      this.uses[this.last]!++;
      return this.last;
    }
    let key = '';
    for (let i = at; i < at + length; i++) key += String.fromCharCode(bytes[i]!);
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.freeIds.pop() ?? this.octetsById.length;
      const octets = bytes.slice(at, at + length);
      this.ids.set(key, id);
      this.octetsById[id] = octets;
      this.uses[id] = 0;
      this.refreshOne(id);
    }
    this.uses[id]!++;
    this.last = id;
    return id;
  }

  /** Routes come in runs: mostly it is the next hop of the call before. */
  private isLast(bytes: Uint8Array, at: number, length: number): boolean {
    const octets = this.octetsById[this.last];
    if (octets === undefined || octets.length !== length) return false;
    for (let i = 0; i < length; i++) if (octets[i] !== bytes[at + i]) return false;
    return true;
  }

  release(id: number): void {
    if (--this.uses[id]! > 0) return;
    let key = '';
    for (const octet of this.octetsById[id]!) key += String.fromCharCode(octet);
    this.ids.delete(key);
    this.octetsById[id] = undefined;
    this.freeIds.push(id);
  }

  /** Octets of a next hop in use. */
  octetsOf(id: number): Uint8Array {
    return this.octetsById[id]!;
  }

  /** Text of a next hop: the global address. */
  textOf(id: number): string {
    return formatAddress(this.octetsById[id]!.subarray(0, this.octetsById[id]!.length === 4 ? 4 : 16));
  }

  /** The link-local address that came with a global one (RFC 2545 section 3). */
  linkLocalTextOf(id: number): string | undefined {
    const octets = this.octetsById[id]!;
    return octets.length === 32 ? formatAddress(octets.subarray(16)) : undefined;
  }

  /** Whether a route with this next hop is usable. @param local it is originated here */
  isUsable(id: number, local: boolean): boolean {
    return local ? this.reachable[id] !== 0 : this.reachable[id] === 1;
  }

  private refreshOne(id: number): boolean {
    const { reachable, metric, via } = this.resolve(this.octetsById[id]!);
    this.via[id] = via;
    const kind = KINDS[reachable];
    const changed = this.reachable[id] !== kind || this.metric[id] !== metric;
    this.reachable[id] = kind;
    this.metric[id] = metric;
    return changed;
  }

  /** Ask anew for every next hop, until so many answers are others than before. @returns the ids whose answer changed */
  refresh(most = Infinity): Set<number> {
    const changed = new Set<number>();
    for (const [id, octets] of this.octetsById.entries()) {
      if (octets === undefined || !this.refreshOne(id)) continue;
      changed.add(id);
      if (changed.size >= most) break;
    }
    return changed;
  }
}
