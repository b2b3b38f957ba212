/**
 * Path attribute sets, each once. A set is interned by its canonical wire octets; beside them, in columns, stands what
 * the decision process needs, computed once when the set is interned.
 *
 * Layout: id → (arena position, length) of the octets. In front of the attributes stand the octets of the next hop when
 * it came in MP_REACH_NLRI (`nextHopLength` of them; 0 when the set has a NEXT_HOP attribute). Canonical form: see
 * `scanAttributes`. The same octets can be there a second time with another *verdict*: what the rules of one session say
 * of them and those of others do not (see ImportRules). Sets are counted; one that nobody uses goes to limbo first and is freed by `sweep`, so that ids
 * compare safely between two runs of the decision process.
 */
import { countInAsPath } from '../bgp/wire/as-path.js';
import type { AttributeFacts } from '../bgp/wire/attribute-scan.js';
import { Arena } from './arena.js';
import { ATTR, DEFAULT_LOCAL_PREF, VERDICT } from './attribute-flags.js';
import { IdStack, nextCapacity, resized, SMALL_COLUMN } from './columns.js';
import { HashIndex } from './hash-index.js';
import type { NextHopTable } from './next-hop-table.js';

export { ATTR, DEFAULT_LOCAL_PREF, VERDICT };

const IMPORTED_FORM = VERDICT.imported << 8;
/** Loops and leaks are a matter of what was received, whatever a policy put into the path. */
const INHERITED = ATTR.anyLoop | ATTR.leak;

/** Who we are, for loop detection. */
export interface Identity {
  /** Our AS; in a confederation our Member-AS. */
  readonly asn: number;
  /** The AS Confederation Identifier (RFC 5065); left out: no confederation. */
  readonly confederation?: number | undefined;
  /** Host order. */
  readonly routerId: number;
  isOwnClusterId(clusterId: number): boolean;
}

export class AttributeStore {
  private readonly arena = new Arena();
  private readonly index = new HashIndex();
  private readonly freeIds = new IdStack();
  private limbo = new IdStack();
  private limboBefore = new IdStack();
  /** Whether what is in `limboBefore` was unused for a whole round of the decision process. */
  private isRipe = false;
  private capacity = 16;
  private idLimit = 0;
  private compactCursor = -1;
  /** Sets in use. */
  count = 0;
  /** Some set has or had LLGR_STALE: without, the decision process need not look for it. */
  hasLongLivedStale = false;

  private hashes = new Uint32Array(16);
  private positions = new Uint32Array(16);
  private lengths = new Uint16Array(16);
  /** See `find`. */
  private forms = new Uint16Array(16);
  private uses = new Int32Array(16);
  /** Period (see `sweep`) in which the set went to limbo last. */
  private dropped = new Uint8Array(16);
  private period = 0;
  /** Columns by id; only `lib/rib` and the exporter of `lib/rr` read them. */
  localPref = new Uint32Array(16);
  asPathLength = new Uint16Array(16);
  origin = new Uint8Array(16);
  med = new Uint32Array(16);
  neighborAs = new Uint32Array(16);
  nextHop = new Int32Array(16);
  originatorId = new Uint32Array(16);
  clusterListLength = new Uint8Array(16);
  flags = new Uint32Array(16);
  /** Counts how often an id was freed: (id, generation) never comes again. */
  generation = new Uint32Array(16);
  /** By id of a set with VERDICT.imported: the set that was received. Only as long as somebody has policies. */
  private received = new Int32Array(0);

  constructor(
    readonly nextHops: NextHopTable,
    private readonly identity: Identity,
  ) {}

  private static hash(bytes: Uint8Array, start: number, end: number, form: number): number {
    // Four octets a step: a multiply-xor hash in the manner of murmur3.
    let h = form + 0x9747b28c;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      k = Math.imul(k, 0xcc9e2d51);
      k = (k << 15) | (k >>> 17);
      h ^= Math.imul(k, 0x1b873593);
      h = (h << 13) | (h >>> 19);
      h = (Math.imul(h, 5) + 0xe6546b64) | 0;
    }
    for (; at < end; at++) h = Math.imul(h ^ bytes[at]!, 0x01000193);
    h ^= end - start;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }

  /** Hash of the last `find`: `add` of the same octets does not compute it again. */
  private lastHash = 0;

  /**
   * The id of a set by its octets (`nextHopLength` octets of next hop first), or -1.
   * It counts no use: see `retain`.
   * @param form the length of the next hop, and 256 times the verdict (bits of {@link VERDICT})
   */
  find(bytes: Uint8Array, start: number, end: number, form: number): number {
    const hash = AttributeStore.hash(bytes, start, end, form);
    this.lastHash = hash;
    const slots = this.index.segments[hash >>> 28]!;
    const mask = slots.length - 1;
    for (let i = (hash << 1) & mask; ; i = (i + 2) & mask) {
      const id = slots[i]! - 1;
      if (id < 0) return -1;
      if (slots[i + 1] === (hash | 0) && this.equals(id, bytes, start, end, form)) return id;
    }
  }

  private equals(id: number, bytes: Uint8Array, start: number, end: number, form: number): boolean {
    const length = this.lengths[id]!;
    if (length !== end - start || this.forms[id] !== form) return false;
    const position = this.positions[id]!;
    const chunk = this.arena.chunkOf(position);
    const at = Arena.offsetOf(position);
    for (let i = 0; i < length; i++) if (chunk[at + i] !== bytes[start + i]) return false;
    return true;
  }

  /**
   * Add a set that `find`, called just before with the same octets, did not know.
   * @param facts what `scanAttributes` found in these very octets
   */
  add(bytes: Uint8Array, start: number, end: number, form: number, facts: AttributeFacts): number {
    let id = this.freeIds.pop();
    if (id < 0) {
      id = this.idLimit++;
      if (id === this.capacity) this.growColumns();
    }
    const hash = this.lastHash;
    this.hashes[id] = hash;
    this.positions[id] = this.arena.store(bytes, start, end);
    this.lengths[id] = end - start;
    this.forms[id] = form;
    this.uses[id] = 0;
    this.fillFacts(id, bytes, start, form & 0xff, facts);
    if (form > 0xff) this.applyVerdict(id, form >> 8);
    this.index.insert(hash, id);
    this.count++;
    // Nobody uses it yet: if nobody ever does, the sweep takes it away.
    this.toLimbo(id);
    return id;
  }

  /** Like `find`, for what an import policy made of the set `received`: `form` has VERDICT.imported. */
  findImported(bytes: Uint8Array, length: number, form: number, received: number): number {
    const hash = AttributeStore.hash(bytes, 0, length, form + Math.imul(received, 0x9e3779b1));
    this.lastHash = hash;
    const slots = this.index.segments[hash >>> 28]!;
    const mask = slots.length - 1;
    for (let i = (hash << 1) & mask; ; i = (i + 2) & mask) {
      const id = slots[i]! - 1;
      if (id < 0) return -1;
      if (slots[i + 1] !== (hash | 0) || !this.equals(id, bytes, 0, length, form)) continue;
      if (this.received[id] === received) return id;
    }
  }

  /** Add a set that `findImported`, called just before, did not know. It holds `received` as long as it lives. */
  addImported(bytes: Uint8Array, length: number, form: number, facts: AttributeFacts, received: number): number {
    const id = this.add(bytes, 0, length, form, facts);
    if (id >= this.received.length) this.received = resized(this.received, this.capacity);
    this.received[id] = received;
    this.retain(received);
    this.flags[id] = (this.flags[id]! & ~INHERITED) | (this.flags[received]! & INHERITED);
    return id;
  }

  /** The set as it was received: before an import policy, if one changed it. */
  receivedOf(id: number): number {
    return (this.forms[id]! & IMPORTED_FORM) !== 0 ? this.received[id]! : id;
  }

  /** Bits of {@link VERDICT}. */
  verdictOf(id: number): number {
    return this.forms[id]! >> 8;
  }

  private fillFacts(id: number, bytes: Uint8Array, start: number, nextHopLength: number, facts: AttributeFacts): void {
    this.localPref[id] = facts.localPref >= 0 ? facts.localPref : DEFAULT_LOCAL_PREF;
    this.asPathLength[id] = facts.asPathLength;
    this.origin[id] = facts.origin;
    this.med[id] = facts.med >= 0 ? facts.med : 0;
    this.neighborAs[id] = facts.neighborAs;
    this.originatorId[id] = facts.originatorId;
    this.clusterListLength[id] = Math.min(facts.clusterCount, 255);
    this.nextHop[id] =
      nextHopLength > 0
        ? this.nextHops.intern(bytes, start, nextHopLength)
        : this.nextHops.intern(bytes, facts.nextHopAt, 4);
    let flags = (facts.communityFlags & 7) * ATTR.noExport + (facts.communityFlags >> 3) * ATTR.llgrStale;
    if ((flags & ATTR.llgrStale) !== 0) this.hasLongLivedStale = true;
    if (nextHopLength > 0) flags |= ATTR.ipv6NextHop;
    if (facts.hasOriginatorId) {
      flags |= ATTR.hasOriginatorId;
      if (facts.originatorId === this.identity.routerId) flags |= ATTR.originatorLoop;
    }
    if (facts.localPref >= 0) flags |= ATTR.hasLocalPref;
    if (facts.med >= 0) flags |= ATTR.hasMed;
    if (facts.hasOnlyToCustomer) flags |= ATTR.hasOnlyToCustomer;
    if (this.hasOwnAs(bytes, facts.asPathStart, facts.asPathEnd)) flags |= ATTR.asLoop;
    for (let i = 0; i < facts.clusterCount; i++) {
      const at = facts.clusterListAt + i * 4;
      const entry = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
      if (this.identity.isOwnClusterId(entry)) flags |= ATTR.clusterLoop;
    }
    this.flags[id] = flags;
  }

  /** RFC 5065 section 4: our Member-AS counts in confederation segments, the identifier of the confederation in the others. */
  private hasOwnAs(bytes: Uint8Array, start: number, end: number): boolean {
    const { asn, confederation } = this.identity;
    if (confederation === undefined) return countInAsPath(asn, bytes, start, end) > 0;
    return (
      countInAsPath(asn, bytes, start, end, 'confederation') > 0 ||
      countInAsPath(confederation, bytes, start, end, 'other') > 0
    );
  }

  private applyVerdict(id: number, verdict: number): void {
    if ((verdict & VERDICT.ownAsAllowed) !== 0) this.flags[id]! &= ~ATTR.asLoop;
    if ((verdict & VERDICT.ownAs) !== 0) this.flags[id]! |= ATTR.asLoop;
    if ((verdict & VERDICT.leak) !== 0) this.flags[id]! |= ATTR.leak;
    if ((verdict & VERDICT.filtered) !== 0) this.flags[id]! |= ATTR.filtered;
  }

  retain(id: number): void {
    this.uses[id]!++;
  }

  release(id: number): void {
    if (--this.uses[id]! === 0) this.toLimbo(id);
  }

  /** Sets that wait to be freed by `sweep`, some of which may be in use again. */
  get unusedCount(): number {
    return this.limbo.length + this.limboBefore.length;
  }

  private toLimbo(id: number): void {
    this.dropped[id] = this.period;
    this.limbo.push(id);
  }

  /**
   * Free at most `budget` of the sets that nobody has used since before the last call but one. Called when all prefixes that
   * were dirty at the call before have been decided.
   */
  sweep(budget = Infinity): void {
    if (!this.empty(this.limboBefore, budget)) return;
    this.age();
    this.isRipe = true;
  }

  /** Some round of the decision process has ended, and there are many unused sets: some may be freed from now on. */
  ripen(): void {
    this.isRipe = this.limboBefore.length > 0;
    if (!this.isRipe) this.age();
  }

  /** Free at most `budget` of the sets that may be freed at any time. */
  freeRipe(budget: number): void {
    if (this.isRipe) this.empty(this.limboBefore, budget);
  }

  /** @returns whether none is left */
  private empty(limbo: IdStack, budget: number): boolean {
    for (let left = budget; limbo.length > 0; left--) {
      if (left <= 0) return false;
      const id = limbo.pop();
      // One that was used again and dropped anew since then stands in the younger limbo too: not yet.
      if (this.uses[id] === 0 && this.lengths[id] !== 0 && this.dropped[id] !== this.period) this.remove(id);
    }
    return true;
  }

  private age(): void {
    const emptied = this.limboBefore;
    this.limboBefore = this.limbo;
    this.limbo = emptied;
    this.period ^= 1;
  }

  private remove(id: number): void {
    this.index.remove(this.hashes[id]!, id);
    this.arena.free(this.positions[id]!, this.lengths[id]!);
    this.nextHops.release(this.nextHop[id]!);
    if ((this.forms[id]! & IMPORTED_FORM) !== 0) this.release(this.received[id]!);
    this.lengths[id] = 0;
    this.generation[id]!++;
    this.freeIds.push(id);
    this.count--;
  }

  /** Move up to `budget` sets out of sparse chunks of the arena. @returns whether there is more to do */
  compact(budget: number): boolean {
    if (this.compactCursor < 0) {
      if (!this.arena.isSparse) return false;
      this.compactCursor = 0;
    }
    const end = Math.min(this.idLimit, this.compactCursor + budget);
    for (let id = this.compactCursor; id < end; id++) {
      const length = this.lengths[id]!;
      const position = this.positions[id]!;
      if (length === 0 || !this.arena.isInSparseChunk(position)) continue;
      const chunk = this.arena.chunkOf(position);
      const at = Arena.offsetOf(position);
      this.positions[id] = this.arena.store(chunk, at, at + length);
      this.arena.free(position, length);
    }
    this.compactCursor = end < this.idLimit ? end : -1;
    return this.compactCursor >= 0;
  }

  /** The chunk that holds the octets of a set; they begin at `offsetOf` and are `lengthOf` long. Valid until the next `add`. */
  chunkOf(id: number): Uint8Array {
    return this.arena.chunkOf(this.positions[id]!);
  }

  offsetOf(id: number): number {
    return Arena.offsetOf(this.positions[id]!);
  }

  /** Octets of a set, those of the next hop included. */
  lengthOf(id: number): number {
    return this.lengths[id]!;
  }

  /** Octets of next hop in front of the attributes; 0: the set has a NEXT_HOP attribute. */
  nextHopLengthOf(id: number): number {
    return this.forms[id]! & 0xff;
  }

  /** The form of a set, as `find` and `add` take it: length of the next hop, and 256 times the verdict. */
  formOf(id: number): number {
    return this.forms[id]!;
  }

  /** A copy of the attributes of a set, without the next hop octets in front. */
  attributesOf(id: number): Uint8Array {
    const at = this.offsetOf(id);
    return this.chunkOf(id).slice(at + this.nextHopLengthOf(id), at + this.lengthOf(id));
  }

  /** Highest id + 1, for scratch columns beside the store. */
  get limit(): number {
    return this.idLimit;
  }

  /** When no set is left: give the memory of the columns back. */
  shrink(): void {
    if (this.count > 0 || this.capacity <= SMALL_COLUMN) return;
    this.idLimit = 0;
    this.compactCursor = -1;
    this.freeIds.clear();
    this.limbo.clear();
    this.limboBefore.clear();
    this.resizeColumns(16);
  }

  private growColumns(): void {
    this.resizeColumns(nextCapacity(this.capacity, this.capacity + 1));
  }

  private resizeColumns(capacity: number): void {
    this.capacity = capacity;
    this.hashes = resized(this.hashes, capacity);
    this.positions = resized(this.positions, capacity);
    this.lengths = resized(this.lengths, capacity);
    this.forms = resized(this.forms, capacity);
    this.uses = resized(this.uses, capacity);
    this.dropped = resized(this.dropped, capacity);
    this.localPref = resized(this.localPref, capacity);
    this.asPathLength = resized(this.asPathLength, capacity);
    this.origin = resized(this.origin, capacity);
    this.med = resized(this.med, capacity);
    this.neighborAs = resized(this.neighborAs, capacity);
    this.nextHop = resized(this.nextHop, capacity);
    this.originatorId = resized(this.originatorId, capacity);
    this.clusterListLength = resized(this.clusterListLength, capacity);
    this.flags = resized(this.flags, capacity);
    // Never shorter: what it counts must not come again.
    if (capacity > this.generation.length) this.generation = resized(this.generation, capacity);
  }
}
