/**
 * An update group that is told the best path that it may be told, not only the best one of all: a path that export policy keeps
 * back does not hide the ones behind it (RFC 7947 section 2.3). Nor does a member's own path: that member is told the best of
 * the others, the *second*. All other members share one stream.
 */
import { grow, IdStack, nextCapacity } from '../rib/columns.js';
import { bestOf, isUsable } from '../rib/decision.js';
import { NONE } from '../rib/family-rib.js';
import { DecidedGroup } from './decided-group.js';
import type { GroupMember, MemberSink } from './group-member.js';
import { NextBestMember } from './next-best-member.js';
import type { AdvertisedPath } from './update-group.js';

/** Scratch: the paths of a prefix that were not tried yet. */
const candidates = new IdStack();

export class NextBestGroup extends DecidedGroup {
  /** The source of the path found last by {@link next}. */
  private foundSource = 0;
  /** By prefix id: what the member is told from which the best path comes. */
  private secondAttributes = new Int32Array(16).fill(NONE);
  private secondSource = new Uint16Array(16);
  /** Prefixes with a second, by the source of the best path. */
  private readonly secondCount = new Map<number, number>();
  private readonly memberBySource = new Map<number, GroupMember>();
  /** Prefixes of which single members are to be told, how they stand at the end of a round. */
  private readonly forSingle = new Map<GroupMember, number[]>();

  override close(): void {
    this.stopListening();
    if (this.policy !== undefined) for (const attributes of this.secondAttributes) this.hold(NONE, attributes);
    this.secondAttributes = new Int32Array(0);
    super.close();
  }

  override shrink(): void {
    super.shrink();
    if (this.outCount > 0) return;
    this.secondAttributes = new Int32Array(16).fill(NONE);
    this.secondSource = new Uint16Array(16);
  }

  protected override createMember(source: number, sink: MemberSink): GroupMember {
    const member = new NextBestMember(this, source, sink);
    this.memberBySource.set(source, member);
    return member;
  }

  override leave(member: GroupMember): void {
    this.forSingle.delete(member);
    if (this.memberBySource.get(member.source) === member) this.memberBySource.delete(member.source);
    super.leave(member);
  }

  override outFor(member: GroupMember, prefix: number): number {
    const attributes = this.outAttributes[prefix] ?? NONE;
    if (attributes === NONE || this.outSource[prefix] !== member.source) return attributes;
    return this.secondAttributes[prefix] ?? NONE;
  }

  /** Where what a member is told for a prefix comes from. */
  sourceFor(member: GroupMember, prefix: number): number {
    const source = this.outSource[prefix] ?? 0;
    return source === member.source ? (this.secondSource[prefix] ?? 0) : source;
  }

  override advertisedCount(member: GroupMember): number {
    return super.advertisedCount(member) + (this.secondCount.get(member.source) ?? 0);
  }

  override *advertisedOf(member: GroupMember, prefix: number): IterableIterator<AdvertisedPath> {
    const attributes = this.outFor(member, prefix);
    if (attributes !== NONE) yield { attributes, source: this.sourceFor(member, prefix) };
  }

  /** Begin with the paths of a prefix, for {@link next}. */
  private collect(prefix: number): void {
    const { rib } = this;
    candidates.clear();
    for (let row = rib.headOf(prefix); row >= 0; row = rib.paths.next[row]!) {
      if (isUsable(rib, row)) candidates.push(row);
    }
  }

  /**
   * The attribute set to be told for a prefix, NONE for nothing: in the order in which paths would be best, the first that
   * may be.
   * @param but not from this source; -1: from any
   */
  private next(prefix: number, but: number): number {
    const { rib } = this;
    this.foundSource = 0;
    while (candidates.length > 0) {
      const row = bestOf(rib, candidates);
      for (let i = 0; i < candidates.length; i++) {
        if (candidates.at(i) !== row) continue;
        candidates.removeAt(i);
        break;
      }
      const source = rib.paths.source[row]!;
      const attributes = source === but ? NONE : this.exportedAs(rib.paths.attributes[row]!, prefix, source);
      if (attributes === NONE) continue;
      this.foundSource = source;
      return attributes;
    }
    return NONE;
  }

  protected override sendToSingleMembers(): void {
    for (const [member, prefixes] of this.forSingle) {
      for (const prefix of prefixes) {
        const attributes = this.outFor(member, prefix);
        this.encoder.add(prefix, attributes, attributes === NONE ? 0 : this.sourceFor(member, prefix));
      }
      member.sendPrivate(this.encoder.encode());
    }
    this.forSingle.clear();
  }

  override retell(source: number): void {
    for (const member of this.members) member.leaveStream();
    const limit = Math.max(this.outAttributes.length, this.rib.prefixes.idLimit);
    for (let prefix = 0; prefix < limit; prefix++) {
      const isTold = (this.outAttributes[prefix] ?? NONE) !== NONE;
      const isIts = isTold && (this.outSource[prefix] === source || this.secondSource[prefix] === source);
      if (!isIts && !this.rib.hasPath(source, prefix)) continue;
      // Also where the set stays the same: what is made of it may not.
      this.noteStale(prefix);
      this.update(prefix, false);
    }
    for (const member of this.members) member.catchUpSoon();
  }

  protected override noteStale(prefix: number): void {
    for (const member of this.members) {
      if (!member.attached) member.markStale(prefix, this.outFor(member, prefix) !== NONE);
    }
  }

  protected override update(prefix: number, tell: boolean): void {
    this.collect(prefix);
    const attributes = this.next(prefix, -1);
    const source = this.foundSource;
    const oldAttributes = this.outAttributes[prefix] ?? NONE;
    const oldSource = this.outSource[prefix] ?? 0;
    const oldSecond = this.secondAttributes[prefix] ?? NONE;
    const oldSecondSource = this.secondSource[prefix] ?? 0;
    const isSame = attributes === oldAttributes && (attributes === NONE || source === oldSource);
    if (!isSame) {
      if (this.detachedCount > 0) this.noteStale(prefix);
      this.setOut(prefix, attributes, source);
    }
    const second = attributes === NONE ? NONE : this.next(prefix, source);
    const secondSource = this.foundSource;
    const sameSecond = second === oldSecond && (second === NONE || secondSource === oldSecondSource);
    if (isSame && sameSecond) return;
    /** The member that is told the second, or was: for the others it is in the stream. */
    const single = this.memberBySource.get(attributes === NONE ? oldSource : source);
    if (isSame && single?.attached === false) single.markStale(prefix, oldSecond !== NONE);
    if (oldSecond !== NONE) this.countSecond(oldSource, -1);
    if (second !== NONE) this.countSecond(source, 1);
    if (!sameSecond) this.setSecond(prefix, second, secondSource);
    if (!tell) return;
    if (!isSame) this.encoder.add(prefix, attributes, attributes === NONE ? oldSource : source);
    if (single?.attached !== true) return;
    const hadFirst = oldAttributes !== NONE && oldSource !== single.source;
    if (!hadFirst && sameSecond) return;
    const list = this.forSingle.get(single);
    if (list) list.push(prefix);
    else this.forSingle.set(single, [prefix]);
  }

  private countSecond(source: number, change: number): void {
    this.secondCount.set(source, (this.secondCount.get(source) ?? 0) + change);
  }

  private setSecond(prefix: number, attributes: number, source: number): void {
    if (prefix >= this.secondAttributes.length) {
      const capacity = nextCapacity(this.secondAttributes.length, prefix + 1);
      this.secondAttributes = grow(this.secondAttributes, capacity, NONE);
      this.secondSource = grow(this.secondSource, capacity);
    }
    this.hold(attributes, this.secondAttributes[prefix]!);
    this.secondAttributes[prefix] = attributes;
    this.secondSource[prefix] = source;
  }
}
