/**
 * An update group: neighbors with the same export profile. They share one Adj-RIB-Out, kept as columns by prefix id,
 * and one encoded stream. What one member was told is the group's Adj-RIB-Out less the routes whose source it is.
 *
 * A member whose transport does not keep up, or that has just come, is detached from the stream: see GroupMember.
 */
import { ATTR, VERDICT } from '../rib/attribute-store.js';
import { BitSet, grow, type IdStack, nextCapacity } from '../rib/columns.js';
import { ExportPolicy } from '../policy/export-policy.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { isTransparent, type ExportProfile } from './export-profile.js';
import { GroupMember, type MemberGroup, type MemberSink } from './group-member.js';
import { tellsOwnNextHop } from './next-hop.js';
import { isInternal, mayAdvertise } from './reflection.js';
import { SummaryPolicy } from './summary-only.js';
import { UpdateEncoder, type StreamChunk } from './update-encoder.js';

/** A path of an Adj-RIB-Out. */
export interface AdvertisedPath {
  readonly attributes: number;
  readonly source: number;
  /** The identifier under which it is told (RFC 7911). */
  readonly pathId?: number;
}

export class UpdateGroup implements MemberGroup {
  /** Adj-RIB-Out by prefix id: attribute set (NONE: not advertised) and source. */
  outAttributes = new Int32Array(16).fill(NONE);
  outSource = new Uint16Array(16);
  /** Prefixes below this are in the Adj-RIB-Out as they should be; Infinity: all. */
  protected filled = Infinity;
  /** Prefixes in the Adj-RIB-Out, in all and by source. */
  protected outCount = 0;
  protected outCountBySource = new Int32Array(8);
  readonly members = new Set<GroupMember>();
  protected detachedCount = 0;
  protected readonly encoder: UpdateEncoder;
  /** With more members than this the stream is sent to so many at a time, so that other work comes in between. */
  membersAtOnce = 32;
  /** The last of the stream, the sources of its ranges, and the members that are still to be sent it. */
  private unsent: readonly StreamChunk[] = [];
  private readonly streamSources = new BitSet();
  private readonly waiting = new Set<GroupMember>();
  /** Withdrawals for one member alone: it became the source of what it had been told. */
  private readonly privateWithdrawals = new Map<GroupMember, number[]>();
  /** Flags of sets that the group is told nothing of … */
  private readonly blocked: number;
  /** … and these together with those that need a second look. */
  private readonly looked: number;
  private readonly looksAfterPolicy: number;
  readonly policy: ExportPolicy | SummaryPolicy | undefined;

  constructor(
    readonly rib: FamilyRib,
    readonly profile: ExportProfile,
  ) {
    this.encoder = this.createEncoder();
    // RFC 1997: NO_ADVERTISE binds everywhere, NO_EXPORT_SUBCONFED towards other ASes, NO_EXPORT outside of a confederation.
    this.blocked =
      ATTR.noAdvertise |
      (profile.target === 'ebgp' ? ATTR.noExport : 0) |
      (isInternal(profile.target) ? 0 : ATTR.noExportSubconfed) |
      (profile.blockOnlyToCustomer ? ATTR.hasOnlyToCustomer : 0) |
      (profile.longLived === true || profile.longLivedAsLast === true ? 0 : ATTR.llgrStale);
    // RFC 8950 section 4: no IPv6 next hop of an IPv4 route for a neighbor that does not take it. eBGP gets our own,
    // unless it is a client of a route server.
    const keeps = profile.target !== 'ebgp' || profile.routeServerClient;
    const needsOwn = rib.family === 'ipv4-unicast' && !profile.extendedNextHop && keeps;
    const { policy } = profile;
    // A policy may choose another next hop: it is looked at afterwards.
    this.looked = this.blocked | (needsOwn && policy === null ? ATTR.ipv6NextHop : 0);
    this.looksAfterPolicy = needsOwn ? ATTR.ipv6NextHop : 0;
    const own = policy === null ? undefined : new ExportPolicy(rib, policy.chain, policy.asn, profile.extendedNextHop);
    const { summaryOnly } = profile;
    this.policy = summaryOnly === undefined ? own : new SummaryPolicy(rib, summaryOnly, own);
  }

  /** An encoder for this group's form of routes. */
  createEncoder(): UpdateEncoder {
    return new UpdateEncoder(this.rib, this.profile, (address) => this.hasMemberAt(address));
  }

  private hasMemberAt(address: Uint8Array): boolean {
    for (const member of this.members) {
      const own = this.rib.peers.get(member.source).address;
      if (own.length === address.length && own.every((octet, i) => octet === address[i])) return true;
    }
    return false;
  }

  /** A new group: its Adj-RIB-Out is to be filled from the Loc-RIB. */
  beginFill(): void {
    this.filled = this.rib.prefixes.idLimit === 0 ? Infinity : 0;
  }

  /** Whether the Adj-RIB-Out is whole; members are attached only then. */
  get isFilled(): boolean {
    return this.filled === Infinity;
  }

  /**
   * Fill on, a slice at a time.
   * @param budget how many prefixes to look at
   * @returns whether it is whole now
   */
  fill(budget: number): boolean {
    const { rib } = this;
    const end = Math.min(rib.prefixes.idLimit, this.filled + budget);
    for (let prefix = this.filled; prefix < end; prefix++) if (rib.prefixes.isUsed(prefix)) this.fillOne(prefix);
    this.filled = end < rib.prefixes.idLimit ? end : Infinity;
    return this.isFilled;
  }

  protected fillOne(prefix: number): void {
    const attributes = this.exported(prefix);
    if (attributes === NONE) return;
    this.noteStale(prefix, this.outAttributes[prefix] ?? NONE, this.outSource[prefix] ?? 0);
    this.setOut(prefix, attributes, this.rib.bestSource[prefix]!);
  }

  /** The attribute set that the group is to be told for a prefix, NONE for nothing. */
  private exported(prefix: number): number {
    const attributes = this.rib.bestAttributes[prefix] ?? NONE;
    return attributes === NONE ? NONE : this.exportedAs(attributes, prefix, this.rib.bestSource[prefix]!);
  }

  /** What the group is to be told of a path of a prefix, NONE for nothing. */
  protected exportedAs(attributes: number, prefix: number, source: number): number {
    const { rib } = this;
    const looks = rib.store.flags[attributes]! & this.looked;
    if (looks !== 0 && ((looks & this.blocked) !== 0 || !this.hasNextHopFor(attributes, source))) return NONE;
    if (!mayAdvertise(rib.peers.get(source), this.profile.target, this.profile.clientToClient)) return NONE;
    if (this.policy !== undefined) return this.exportedByPolicy(this.policy, attributes, prefix, source);
    return this.encoder.fits(attributes, source) ? attributes : NONE;
  }

  private exportedByPolicy(
    policy: ExportPolicy | SummaryPolicy,
    attributes: number,
    prefix: number,
    source: number,
  ): number {
    const { store, family } = this.rib;
    const told = policy.apply(attributes, prefix, source);
    if (told === NONE) return NONE;
    const verdict = store.verdictOf(told);
    if ((store.flags[told]! & ATTR.ipv6NextHop) !== 0 && (verdict & VERDICT.selfNextHop) === 0) {
      const mustKeep = (verdict & VERDICT.keepNextHop) !== 0;
      if (mustKeep && family === 'ipv4-unicast' && !this.profile.extendedNextHop) return NONE;
      if (!mustKeep && this.looksAfterPolicy !== 0 && !this.hasNextHopFor(told, source)) return NONE;
    }
    return this.encoder.fits(told, source) ? told : NONE;
  }

  /** Whether a route whose IPv6 next hop the group does not take can be told with our own instead. */
  private hasNextHopFor(attributes: number, source: number): boolean {
    const { profile } = this;
    const { store, nextHops, peers } = this.rib;
    const from = peers.get(source);
    if (profile.target === 'ebgp') return !isTransparent(profile, from);
    return tellsOwnNextHop(nextHops.octetsOf(store.nextHop[attributes]!), from, profile);
  }

  protected setOut(prefix: number, attributes: number, source: number): void {
    if (prefix >= this.outAttributes.length) {
      const capacity = nextCapacity(this.outAttributes.length, prefix + 1);
      this.outAttributes = grow(this.outAttributes, capacity, NONE);
      this.outSource = grow(this.outSource, capacity);
    }
    if (source >= this.outCountBySource.length) {
      this.outCountBySource = grow(this.outCountBySource, nextCapacity(this.outCountBySource.length, source + 1));
    }
    if (this.outAttributes[prefix] !== NONE) {
      this.outCount--;
      this.outCountBySource[this.outSource[prefix]!]!--;
    }
    if (attributes !== NONE) {
      this.outCount++;
      this.outCountBySource[source]!++;
    }
    this.hold(attributes, this.outAttributes[prefix]!);
    this.outAttributes[prefix] = attributes;
    this.outSource[prefix] = source;
  }

  /** Nothing is advertised and no prefix is left: give the memory of the columns back. */
  shrink(): void {
    if (this.outCount > 0) return;
    this.outAttributes = new Int32Array(16).fill(NONE);
    this.outSource = new Uint16Array(16);
  }

  /** A set that a policy made is used by nobody else: the Adj-RIB-Out counts as a use. */
  protected hold(attributes: number, old: number): void {
    if (this.policy === undefined) return;
    const { store } = this.rib;
    if (attributes !== NONE) store.retain(attributes);
    if (old !== NONE) store.release(old);
  }

  /** The group has no members any more and is forgotten. */
  close(): void {
    if (this.policy === undefined) return;
    for (const attributes of this.outAttributes) this.hold(NONE, attributes);
    this.outAttributes = new Int32Array(0);
  }

  /** How many prefixes a member has been told (or will have been, when it has caught up). */
  advertisedCount(member: GroupMember): number {
    return this.outCount - (this.outCountBySource[member.source] ?? 0);
  }

  /** What a member is told for a prefix: an attribute set, or NONE. */
  outFor(member: GroupMember, prefix: number): number {
    const attributes = this.outAttributes[prefix] ?? NONE;
    return attributes !== NONE && this.outSource[prefix] !== member.source ? attributes : NONE;
  }

  /** What a member is told for a prefix, for show. */
  *advertisedOf(member: GroupMember, prefix: number): IterableIterator<AdvertisedPath> {
    const attributes = this.outFor(member, prefix);
    if (attributes !== NONE) yield { attributes, source: this.outSource[prefix]! };
  }

  /** In which form a route is told: copies of the attributes (AS numbers as the profile says) and of the next hop. */
  exportedOf(attributes: number, source: number): { attributes: Uint8Array; nextHop: Uint8Array } {
    return this.encoder.exportedOf(attributes, source);
  }

  /** Take a neighbor in; it begins detached, with the whole Adj-RIB-Out to be told. */
  join(source: number, sink: MemberSink): GroupMember {
    const member = this.createMember(source, sink);
    this.members.add(member);
    this.detachedCount++;
    member.markAll(false);
    return member;
  }

  protected createMember(source: number, sink: MemberSink): GroupMember {
    return new GroupMember(this, source, sink);
  }

  leave(member: GroupMember): void {
    if (!this.members.delete(member)) return;
    member.close();
    this.waiting.delete(member);
    this.privateWithdrawals.delete(member);
    if (!member.attached) this.detachedCount--;
  }

  /** Called by a member when its state changes. */
  onAttachedChange(attached: boolean): void {
    this.detachedCount += attached ? -1 : 1;
  }

  /** Whether a member still has to be told of a prefix, so that its id must not be freed. */
  needs(prefix: number): boolean {
    if (this.detachedCount === 0) return false;
    for (const member of this.members) if (!member.attached && member.isStale(prefix)) return true;
    return false;
  }

  /** The best paths of these prefixes changed: update the Adj-RIB-Out and tell the members. */
  process(changed: IdStack): void {
    const { rib, encoder } = this;
    const anyAttached = this.members.size > this.detachedCount;
    for (let i = 0; i < changed.length; i++) {
      const prefix = changed.at(i);
      // Filling comes to it.
      if (prefix >= this.filled) continue;
      const attributes = this.exported(prefix);
      const source = attributes === NONE ? 0 : rib.bestSource[prefix]!;
      const oldAttributes = this.outAttributes[prefix] ?? NONE;
      const oldSource = this.outSource[prefix] ?? 0;
      if (attributes === oldAttributes && (attributes === NONE || source === oldSource)) continue;
      if (this.detachedCount > 0) this.noteStale(prefix, oldAttributes, oldSource);
      this.setOut(prefix, attributes, source);
      if (!anyAttached) continue;
      if (attributes === NONE) encoder.add(prefix, NONE, oldSource);
      else {
        encoder.add(prefix, attributes, source);
        if (oldAttributes !== NONE && source !== oldSource) this.withdrawFromNewSource(prefix, source);
      }
    }
    this.tellAttached();
    this.sendPrivateWithdrawals();
    if (this.detachedCount > 0) for (const member of this.members) member.wake();
  }

  /** Send what was added to the encoder. */
  protected tellAttached(): void {
    if (this.encoder.length > 0) this.distribute(this.encoder.encode());
  }

  /** What is known of a source has changed: its routes are judged anew and told again, in the form that they have now. */
  retell(source: number): void {
    const { rib } = this;
    for (const member of this.members) member.leaveStream();
    // Filling comes to the rest, and would not take away what has ceased to be told until then.
    const limit = Math.min(this.filled, Math.max(this.outAttributes.length, rib.bestAttributes.length));
    for (let prefix = 0; prefix < limit; prefix++) {
      const oldAttributes = this.outAttributes[prefix] ?? NONE;
      const oldSource = this.outSource[prefix] ?? 0;
      const wasIts = oldAttributes !== NONE && oldSource === source;
      const isIts = (rib.bestAttributes[prefix] ?? NONE) !== NONE && rib.bestSource[prefix] === source;
      if (!wasIts && !isIts) continue;
      const attributes = this.exported(prefix);
      this.noteStale(prefix, oldAttributes, oldSource);
      this.setOut(prefix, attributes, attributes === NONE ? 0 : rib.bestSource[prefix]!);
    }
    for (const member of this.members) member.catchUpSoon();
  }

  protected noteStale(prefix: number, oldAttributes: number, oldSource: number): void {
    for (const member of this.members) {
      if (!member.attached) member.markStale(prefix, oldAttributes !== NONE && oldSource !== member.source);
    }
  }

  /** The stream carries the announcement, which its source skips: it must forget what it was told before. */
  protected withdrawFromNewSource(prefix: number, source: number): void {
    for (const member of this.members) {
      if (member.source !== source) continue;
      if (!member.attached) return;
      const list = this.privateWithdrawals.get(member);
      if (list) list.push(prefix);
      else this.privateWithdrawals.set(member, [prefix]);
      return;
    }
  }

  private distribute(chunks: readonly StreamChunk[]): void {
    while (this.isSending) this.sendOn();
    const sources = this.streamSources;
    sources.clear();
    for (const chunk of chunks) for (const source of chunk.rangeSources) sources.add(source);
    if (this.members.size <= this.membersAtOnce) {
      for (const member of this.members) if (member.attached) member.sendShared(chunks, sources.has(member.source));
      return;
    }
    this.unsent = chunks;
    for (const member of this.members) if (member.attached) this.waiting.add(member);
    this.sendOn();
  }

  /** Whether some members are still to be sent the last of the stream: nothing is to be decided until `sendOn` has done so. */
  get isSending(): boolean {
    return this.waiting.size > 0;
  }

  /** Send the last of the stream to some more members. */
  sendOn(): void {
    let left = this.membersAtOnce;
    for (const member of this.waiting) {
      if (left-- === 0) return;
      this.settle(member);
    }
    this.unsent = [];
  }

  /** Before a member is sent anything else, or leaves the stream: it is sent what it waits for. */
  settle(member: GroupMember): void {
    if (this.waiting.delete(member)) member.sendShared(this.unsent, this.streamSources.has(member.source));
  }

  protected sendPrivateWithdrawals(): void {
    if (this.privateWithdrawals.size === 0) return;
    for (const [member, prefixes] of this.privateWithdrawals) {
      for (const prefix of prefixes) this.encoder.add(prefix, NONE, 0);
      member.sendPrivate(this.encoder.encode());
    }
    this.privateWithdrawals.clear();
  }
}
