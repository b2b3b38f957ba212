/**
 * The RIB of one address family: Adj-RIB-In of all sources and the Loc-RIB (RFC 4271 section 3.2).
 *
 * Layout: prefix id → head of the chain of its paths, and (attributes, source) of the path chosen last. A change only
 * marks its prefix dirty; `decide` runs the decision process over the dirty prefixes, in the order in which they were
 * touched, and reports those whose best path is another one now.
 */
import type { FamilyName } from '../bgp/wire/families.js';
import { AttributeStore, type Identity } from './attribute-store.js';
import { BitSet, grow, IdStack, nextCapacity, SMALL_COLUMN } from './columns.js';
import { selectBest, type DecisionContext } from './decision.js';
import type { Multipath } from './multipath.js';
import { NextHopTable, type Reachability } from './next-hop-table.js';
import { PathTable } from './path-table.js';
import type { PeerTable } from './peer-table.js';
import { PrefixTable4, PrefixTable6, type PrefixTable } from './prefix-table.js';
import type { SourceRefresh } from './source-refresh.js';

export interface FamilyRibOptions {
  readonly family: FamilyName;
  readonly peers: PeerTable;
  readonly identity: Identity;
  readonly alwaysCompareMed: boolean;
  readonly resolve: (nextHop: Uint8Array) => Reachability;
}

/** When so many attribute sets are unused, some are freed even while changes come in … */
const MANY_UNUSED = 1 << 17;
/** … at least so many with each batch of decisions. */
const LEAST_FREED = 512;

/** Gets the prefixes decided, `prefixes[from..to)`: all of which any path changed. */
export type DecidedListener = (prefixes: IdStack, from: number, to: number) => void;

/** What a view says of a route that is originated here. */
export interface LocalRoute {
  /** Configured or asked for at run time; made of more specific routes; another program's route in the kernel. */
  readonly by: 'network' | 'aggregate' | 'learnt';
  /** Of a learnt one: the protocol that wrote it, its devices, table and metric. */
  readonly protocol?: string;
  readonly devices?: readonly string[];
  readonly table?: string;
  readonly metric?: number;
  /** Of an aggregate: how many routes it is made of. */
  readonly contributors?: number;
}

/** No attribute set: in columns that hold one. */
export const NONE = -1;

export class FamilyRib implements DecisionContext {
  readonly family: FamilyName;
  readonly prefixes: PrefixTable;
  readonly nextHops: NextHopTable;
  readonly store: AttributeStore;
  readonly paths = new PathTable();
  readonly peers: PeerTable;
  readonly alwaysCompareMed: boolean;
  /** By prefix id: first path, -1 for none. */
  private heads = new Int32Array(16).fill(-1);
  /** By prefix id: the best path's attribute set, NONE when there is none, and its source. */
  bestAttributes = new Int32Array(16).fill(NONE);
  bestSource = new Uint16Array(16);
  /** Prefixes with a best path. */
  bestCount = 0;
  /** By source: those that are telling all their routes again. Empty nearly always. */
  readonly refreshes = new Map<number, SourceRefresh>();
  /** Called after each batch of decisions. Empty nearly always. */
  readonly decidedListeners = new Set<DecidedListener>();
  /** Which paths are used beside the best one. The decision process itself does not look at it. */
  multipath: Multipath | undefined;
  /** Where a route that is originated here comes from, for views. */
  describeLocal: ((prefix: number) => LocalRoute | undefined) | undefined;
  private dirty = new IdStack();
  private dirtyNext = new IdStack();
  private dirtyCursor = 0;
  private readonly isDirty = new BitSet();

  constructor(options: FamilyRibOptions) {
    this.family = options.family;
    this.peers = options.peers;
    this.alwaysCompareMed = options.alwaysCompareMed;
    this.prefixes = options.family === 'ipv4-unicast' ? new PrefixTable4() : new PrefixTable6();
    this.nextHops = new NextHopTable(options.resolve);
    this.store = new AttributeStore(this.nextHops, options.identity);
  }

  /** First path of a prefix, -1 for none; go on with `paths.next`. */
  headOf(prefix: number): number {
    return prefix < this.heads.length ? this.heads[prefix]! : -1;
  }

  private makeRoom(prefix: number): void {
    const capacity = nextCapacity(this.heads.length, prefix + 1);
    this.heads = grow(this.heads, capacity, -1);
    this.bestAttributes = grow(this.bestAttributes, capacity, NONE);
    this.bestSource = grow(this.bestSource, capacity);
  }

  /** Have the decision process look at a prefix. */
  markDirty(prefix: number): void {
    if (this.isDirty.add(prefix)) this.dirtyNext.push(prefix);
  }

  /** Whether the decision process has work. */
  get hasWork(): boolean {
    return this.isDirty.size > 0;
  }

  /** Whether the last call of `decide` left prefixes that had been dirty when the first ones of them were decided. */
  get isInRound(): boolean {
    return this.dirty.length > 0;
  }

  /**
   * A source announces a prefix (an implicit withdrawal of what it said before).
   * @returns 1 when the source had no path for the prefix before, else 0
   */
  announce(source: number, prefix: number, attributes: number): 0 | 1 {
    if (prefix >= this.heads.length) this.makeRoom(prefix);
    const { paths, store } = this;
    const head = this.heads[prefix]!;
    for (let row = head; row >= 0; row = paths.next[row]!) {
      if (paths.source[row] !== source) continue;
      const old = paths.attributes[row]!;
      if (old === attributes) return 0;
      store.retain(attributes);
      paths.attributes[row] = attributes;
      store.release(old);
      this.markDirty(prefix);
      return 0;
    }
    store.retain(attributes);
    this.heads[prefix] = paths.add(prefix, source, attributes, head);
    this.markDirty(prefix);
    return 1;
  }

  /** Whether a source has announced a prefix. */
  hasPath(source: number, prefix: number): boolean {
    const { paths } = this;
    for (let row = this.headOf(prefix); row >= 0; row = paths.next[row]!) if (paths.source[row] === source) return true;
    return false;
  }

  /** A source withdraws a prefix. @returns 1 when it had announced it, else 0 */
  withdraw(source: number, prefix: number): 0 | 1 {
    if (prefix >= this.heads.length) return 0;
    const { paths } = this;
    let before = -1;
    for (let row = this.heads[prefix]!; row >= 0; row = paths.next[row]!) {
      if (paths.source[row] === source) {
        const next = paths.next[row]!;
        if (before < 0) this.heads[prefix] = next;
        else paths.next[before] = next;
        this.store.release(paths.attributes[row]!);
        paths.remove(row);
        this.markDirty(prefix);
        return 1;
      }
      before = row;
    }
    return 0;
  }

  /** The row of a source's path for a prefix (-1: none in the table) with a Path Identifier, or -1. */
  findPath(source: number, prefix: number, pathId: number): number {
    const { paths } = this;
    for (let row = prefix < 0 ? -1 : this.headOf(prefix); row >= 0; row = paths.next[row]!) {
      if (paths.source[row] === source && paths.pathIdOf(row) === pathId) return row;
    }
    return -1;
  }

  /** Like `announce`, of a source that announces several paths for a prefix (RFC 7911). */
  announcePath(source: number, prefix: number, pathId: number, attributes: number): 0 | 1 {
    if (prefix >= this.heads.length) this.makeRoom(prefix);
    const { paths, store } = this;
    const row = this.findPath(source, prefix, pathId);
    if (row >= 0) {
      if (paths.attributes[row] !== attributes) this.repoint(row, attributes);
      return 0;
    }
    store.retain(attributes);
    const added = paths.add(prefix, source, attributes, this.heads[prefix]!);
    paths.setPathId(added, pathId);
    this.heads[prefix] = added;
    this.markDirty(prefix);
    return 1;
  }

  /** Withdraw one path, by its row. */
  withdrawRow(row: number): void {
    const { paths } = this;
    const prefix = paths.prefix[row]!;
    const next = paths.next[row]!;
    if (this.heads[prefix] === row) this.heads[prefix] = next;
    else {
      let before = this.heads[prefix]!;
      while (paths.next[before] !== row) before = paths.next[before]!;
      paths.next[before] = next;
    }
    this.store.release(paths.attributes[row]!);
    paths.setPathId(row, 0);
    paths.remove(row);
    this.markDirty(prefix);
  }

  /**
   * The row of the path that was chosen last, or -1. Of several with the same source and attributes it is the one with the
   * lowest Path Identifier, as the decision process says.
   */
  bestRowOf(prefix: number): number {
    const { paths } = this;
    const attributes = this.bestAttributes[prefix] ?? NONE;
    let best = -1;
    for (let row = attributes === NONE ? -1 : this.headOf(prefix); row >= 0; row = paths.next[row]!) {
      if (paths.attributes[row] !== attributes || paths.source[row] !== this.bestSource[prefix]) continue;
      if (best < 0 || paths.pathIdOf(row) < paths.pathIdOf(best)) best = row;
    }
    return best;
  }

  /**
   * Withdraw all paths of some sources, a slice at a time.
   * @param cursor 0 at first, then what the last call returned
   * @param budget how many paths to withdraw at most
   * @returns where to go on, or -1 when none is left
   */
  dropSources(sources: BitSet, cursor: number, budget: number): number {
    const { paths } = this;
    let left = budget;
    // Looking at a row of another source costs about a fiftieth of withdrawing one.
    let looks = budget * 50;
    for (let row = cursor; row < paths.limit; row++) {
      if (--looks <= 0) return row;
      if (paths.prefix[row]! < 0 || !sources.has(paths.source[row]!)) continue;
      if (--left < 0) return row;
      this.withdrawRow(row);
    }
    return -1;
  }

  /** The row of a source's path for a prefix (-1: none in the table), or -1. */
  rowOf(source: number, prefix: number): number {
    const { paths } = this;
    for (let row = prefix < 0 ? -1 : this.headOf(prefix); row >= 0; row = paths.next[row]!) {
      if (paths.source[row] === source) return row;
    }
    return -1;
  }

  /** Whether a path's source is telling its routes again, and has not told this one yet. */
  isStale(row: number): boolean {
    return this.refreshes.size > 0 && (this.refreshes.get(this.paths.source[row]!)?.isStale(row) ?? false);
  }

  /** Note all prefixes of well-formed NLRI, just announced by a source, if it is telling its routes again. */
  noteAnnounced(source: number, bytes: Uint8Array, start: number, end: number): void {
    const refresh = this.refreshes.get(source);
    if (!refresh) return;
    for (let at = start; at < end;) {
      const length = bytes[at]!;
      const row = this.rowOf(source, this.prefixes.find(length, bytes, at + 1));
      if (row >= 0) refresh.fresh.add(row);
      at += 1 + ((length + 7) >> 3);
    }
  }

  /** How many paths of a source have an attribute set with one of these flags. */
  countFlagged(source: number, flags: number): number {
    const { paths, store } = this;
    let count = 0;
    for (let row = 0; row < paths.limit; row++) {
      if (paths.prefix[row]! < 0 || paths.source[row] !== source) continue;
      if ((store.flags[paths.attributes[row]!]! & flags) !== 0) count++;
    }
    return count;
  }

  /** Give a path another attribute set. */
  repoint(row: number, attributes: number): void {
    const { paths, store } = this;
    store.retain(attributes);
    store.release(paths.attributes[row]!);
    paths.attributes[row] = attributes;
    this.markDirty(paths.prefix[row]!);
  }

  /**
   * Resolve next hops anew, and mark the prefixes of all paths that use a changed one.
   * @param most stop when so many have changed
   * @returns whether one has
   */
  refreshNextHops(most = Infinity): boolean {
    const changed = this.nextHops.refresh(most);
    if (changed.size === 0) return false;
    const { paths, store } = this;
    for (let row = 0; row < paths.limit; row++) {
      if (paths.prefix[row]! >= 0 && changed.has(store.nextHop[paths.attributes[row]!]!)) {
        this.markDirty(paths.prefix[row]!);
      }
    }
    return true;
  }

  /**
   * Run the decision process over at most `budget` dirty prefixes.
   * @param changed gets the prefixes whose best path is another one now (or has other attributes)
   * @param emptied gets the prefixes that have no path left
   */
  decide(budget: number, changed: IdStack, emptied: IdStack): void {
    if (this.dirtyCursor === this.dirty.length) this.beginRound();
    const begin = this.dirtyCursor;
    const end = Math.min(this.dirty.length, begin + budget);
    for (; this.dirtyCursor < end; this.dirtyCursor++) {
      const prefix = this.dirty.at(this.dirtyCursor);
      this.isDirty.delete(prefix);
      const head = this.heads[prefix]!;
      if (head < 0) emptied.push(prefix);
      const best = selectBest(this, head);
      const attributes = best < 0 ? NONE : this.paths.attributes[best]!;
      const source = best < 0 ? 0 : this.paths.source[best]!;
      const oldAttributes = this.bestAttributes[prefix]!;
      if (attributes === oldAttributes && source === this.bestSource[prefix]) continue;
      this.bestAttributes[prefix] = attributes;
      this.bestSource[prefix] = source;
      this.bestCount += Number(attributes !== NONE) - Number(oldAttributes !== NONE);
      changed.push(prefix);
    }
    for (const listener of this.decidedListeners) listener(this.dirty, begin, end);
    if (this.store.unusedCount >= MANY_UNUSED) this.store.freeRipe(LEAST_FREED + 2 * (end - begin));
    if (this.dirtyCursor === this.dirty.length) this.endRound();
  }

  private beginRound(): void {
    const used = this.dirty;
    this.dirty = this.dirtyNext;
    this.dirtyNext = used;
    this.dirtyCursor = 0;
  }

  /** When no prefix is left: give the memory of the columns back. @returns whether there was some */
  shrink(): boolean {
    this.store.shrink();
    if (this.prefixes.idLimit > 0 || this.heads.length <= SMALL_COLUMN) return false;
    this.heads = new Int32Array(16).fill(-1);
    this.bestAttributes = new Int32Array(16).fill(NONE);
    this.bestSource = new Uint16Array(16);
    return true;
  }

  /**
   * When there is no work: free attribute sets that nobody uses.
   * @param budget how many to look at, about
   * @returns whether there is more to do
   */
  freeUnusedSets(budget = Infinity): boolean {
    if (this.hasWork) return false;
    // Two rounds free a set, two more the received one that it holds.
    for (let left = budget; left > 0 && this.store.unusedCount > 0;) {
      const before = this.store.unusedCount;
      this.store.sweep(left);
      left -= Math.max(1, before - this.store.unusedCount);
    }
    return this.store.unusedCount > 0;
  }

  private endRound(): void {
    this.dirty.clear();
    this.dirtyCursor = 0;
    // Every prefix that was dirty when the round began is decided, so nothing refers to sets dropped before it. Freeing them
    // can wait until there is nothing better to do, unless they are many.
    if (this.store.unusedCount >= MANY_UNUSED) this.store.ripen();
  }

  /** Whether a prefix has neither a path nor a best path nor work pending: its id may be freed if nobody else needs it. */
  isUnused(prefix: number): boolean {
    return this.heads[prefix]! < 0 && this.bestAttributes[prefix] === NONE && !this.isDirty.has(prefix);
  }
}
