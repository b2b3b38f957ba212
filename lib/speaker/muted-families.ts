/**
 * What is held back after a restart, until it is opened again (RFC 4724 section 4.1): families in which no best path is
 * chosen, and families in which nobody is told anything. A family is opened, for all or for a single member, only when all
 * that is known of it is decided, so that nobody is told half of it.
 */
import type { FamilyRib } from '../rib/family-rib.js';
import type { GroupMember } from '../rr/group-member.js';

export class MutedFamilies {
  /** Families in which no best path is chosen for now. */
  private readonly deferred = new Set<FamilyRib>();
  /** Families in which nobody is told anything, but for these members. */
  private readonly muted = new Set<FamilyRib>();
  private readonly unmuted = new Map<GroupMember, FamilyRib>();
  /** Members that wait to be told. */
  private readonly parked = new Map<GroupMember, FamilyRib>();
  /** To be told as soon as all that is dirty now is decided: whole families, or single members. */
  private readonly opening = new Map<FamilyRib | GroupMember, FamilyRib>();

  /**
   * @param onChange there may be something to decide or to open now
   * @param onOpen   a member that was parked is to be told
   */
  constructor(
    private readonly onChange: () => void,
    private readonly onOpen: (member: GroupMember) => void,
  ) {}

  /** Choose no best paths of a family until {@link decideOn}, and tell nobody anything until {@link resume}. */
  defer(rib: FamilyRib): void {
    this.deferred.add(rib);
    this.muted.add(rib);
  }

  isDeferred(rib: FamilyRib): boolean {
    return this.deferred.has(rib);
  }

  /** Choose best paths again. */
  decideOn(rib: FamilyRib): void {
    this.deferred.delete(rib);
    this.onChange();
  }

  /** Whether there is more to come before End-of-RIB. */
  isMuted(rib: FamilyRib): boolean {
    return this.muted.has(rib);
  }

  /** Tell a single member all there is, when it is decided. Its End-of-RIB waits for {@link resume}. */
  unmute(rib: FamilyRib, member: GroupMember): void {
    if (!this.muted.has(rib)) return;
    this.opening.set(member, rib);
    this.onChange();
  }

  /** Choose best paths again, and tell everybody all there is, when it is decided. */
  resume(rib: FamilyRib): void {
    this.opening.set(rib, rib);
    this.decideOn(rib);
  }

  /** A member is to be told something. @returns true: it has to wait, and is told when it may */
  park(rib: FamilyRib, member: GroupMember): boolean {
    if (!this.muted.has(rib) || this.unmuted.has(member)) return false;
    this.parked.set(member, rib);
    return true;
  }

  /** A member is gone. */
  forget(member: GroupMember): void {
    this.parked.delete(member);
    this.unmuted.delete(member);
    this.opening.delete(member);
  }

  /** Open what was asked for, where all is decided. */
  open(): void {
    for (const [who, rib] of this.opening) {
      if (rib.hasWork) continue;
      this.opening.delete(who);
      if (who === rib) this.endMute(rib);
      else this.unmuted.set(who as GroupMember, rib);
      for (const [member, its] of this.parked) {
        if (member !== who && its !== who) continue;
        this.parked.delete(member);
        this.onOpen(member);
      }
    }
  }

  private endMute(rib: FamilyRib): void {
    this.muted.delete(rib);
    for (const [member, its] of this.unmuted) {
      if (its !== rib) continue;
      this.unmuted.delete(member);
      member.complete();
    }
  }
}
