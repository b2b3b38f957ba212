/**
 * When the work on the RIB is done: never while octets are being read, but in slices afterwards.
 *
 * A slice decides dirty prefixes, tells the update groups and the FIB what changed, brings members that are behind
 * forward, and goes on with jobs on the routes of one source: withdrawing those of an ended session, sweeping stale
 * ones. When idle a change goes out at the end of the turn of the event loop in which it came; when all was done, the
 * next slice waits twice as long as the last one took, so that under load more changes share an UPDATE and a write.
 */
import type { Clock } from '../net/index.js';
import { IdStack } from '../rib/columns.js';
import type { FamilyRib } from '../rib/family-rib.js';
import type { Rib } from '../rib/rib.js';
import { DropJob, type SourceJob } from '../rib/source-jobs.js';
import { createGroup } from '../rr/create-group.js';
import { profileKey, type ExportProfile } from '../rr/export-profile.js';
import type { GroupMember } from '../rr/group-member.js';
import type { UpdateGroup } from '../rr/update-group.js';
import { LeftOvers } from './left-overs.js';
import { MutedFamilies } from './muted-families.js';

/** A slice ends after this time: keepalives and reads go on between slices. */
const SLICE_MS = 6;
/** Prefixes decided at once: as many as are done and told in about this time … */
const BATCH_MS = 4;
/** … but enough to pack well, and to be worth a write to each neighbor. */
const LEAST_BATCH = 2048;
const DECIDE_BATCH = 8192;
/** Deciding that takes longer than this is told at once: the code is not compiled yet, and telling will take long too. */
const DECIDE_MS = 1;
const DECIDE_STEP = 1024;
/** Paths changed at once by a job on the paths of a source. */
const JOB_BATCH = 4096;
/** The wait before the next slice, in times of what the last one took … */
const PAUSE_FACTOR = 2;
/** … and at most. */
const MAX_PAUSE_MS = 15;
/** Attribute sets looked at per idle slice while memory is being compacted. */
const COMPACT_BATCH = 8192;

/** Somebody who is told of changes by and by. */
export interface LoopWatcher {
  readonly onBestPathChange: BestPathListener;
  /** Whether a prefix must still be told of, so that its id must not be freed. */
  needs(rib: FamilyRib, prefix: number): boolean;
}

export type BestPathListener = (rib: FamilyRib, changed: IdStack) => void;

export class WorkLoop {
  private readonly groups: ReadonlyMap<FamilyRib, Map<string, UpdateGroup>>;
  private readonly behind = new Set<GroupMember>();
  private readonly owners = new Map<GroupMember, UpdateGroup>();
  private readonly jobs: SourceJob[] = [];
  /** The last of the jobs that withdraw the routes of ended sessions. */
  private dropJob: DropJob | undefined;
  private readonly doneSources: number[] = [];
  private readonly changed = new IdStack();
  private readonly one = new IdStack();
  private readonly emptied = new IdStack();
  private readonly leftOvers: LeftOvers;
  private listeners: readonly BestPathListener[] = [];
  private watcher: LoopWatcher | undefined;
  /** What is held back after a restart. */
  readonly muted: MutedFamilies;
  /** Groups whose Adj-RIB-Out is not whole yet. */
  private readonly filling = new Set<UpdateGroup>();
  /** Groups with members that are still to be sent the last of the stream. */
  private readonly sending = new Set<UpdateGroup>();
  private scheduled = false;
  private isHeld = false;
  /** A slice was due while all was held. */
  private isOverdue = false;
  /** How many prefixes are decided at once: see BATCH_MS. */
  private batch = DECIDE_BATCH;
  /** When prefixes were decided last. */
  private decidedAt = -Infinity;
  private notBefore = 0;
  /** The next slice is due in this turn of the event loop, which has had one. */
  private isTurnOver = false;
  private idleWaiters: (() => void)[] = [];

  constructor(
    private readonly rib: Rib,
    private readonly clock: Clock,
  ) {
    this.groups = new Map(rib.families.map((family) => [family, new Map<string, UpdateGroup>()]));
    const isNeeded = (family: FamilyRib, prefix: number): boolean => this.isNeeded(family, prefix);
    const schedule = (): void => this.schedule();
    this.leftOvers = new LeftOvers(rib, clock, isNeeded, schedule);
    this.muted = new MutedFamilies(schedule, (member) => this.behind.add(member));
  }

  /** Called with the prefixes whose best path changed, before their ids can be reused. @returns ends it */
  onBestPathChange(listener: BestPathListener): () => void {
    this.listeners = [...this.listeners, listener];
    return () => (this.listeners = this.listeners.filter((one) => one !== listener));
  }

  /** Have a watcher told of changes, and asked before prefix ids are freed; one at a time. @returns ends it */
  watch(watcher: LoopWatcher): () => void {
    this.watcher = watcher;
    return () => (this.watcher = undefined);
  }

  /** The watcher needs a prefix no more: its id may be free now. */
  release(rib: FamilyRib, prefix: number): void {
    this.leftOvers.freeIfUnused(rib, prefix);
  }

  /** The update group of a profile, made on first use. */
  groupFor(rib: FamilyRib, profile: ExportProfile): UpdateGroup {
    const groups = this.groups.get(rib)!;
    const key = profileKey(profile);
    let group = groups.get(key);
    if (!group) {
      group = createGroup(rib, profile);
      groups.set(key, group);
      group.beginFill();
      if (!group.isFilled) this.filling.add(group);
    }
    return group;
  }

  /** A member that is behind: bring it forward in the next slices. */
  addBehind(group: UpdateGroup, member: GroupMember): void {
    this.owners.set(member, group);
    if (this.muted.park(group.rib, member)) return;
    this.behind.add(member);
    this.schedule();
  }

  /** A member is gone. A group without members is forgotten. */
  leave(group: UpdateGroup, member: GroupMember): void {
    group.leave(member);
    this.behind.delete(member);
    this.muted.forget(member);
    this.owners.delete(member);
    // Prefixes that were only kept for this member.
    for (let prefix = member.nextStale(0); prefix >= 0; prefix = member.nextStale(prefix + 1)) {
      this.leftOvers.freeIfUnused(group.rib, prefix);
    }
    if (group.members.size > 0) return;
    this.filling.delete(group);
    this.sending.delete(group);
    const groups = this.groups.get(group.rib)!;
    for (const [key, value] of groups) if (value === group) groups.delete(key);
    group.close();
  }

  /** What is known of a source has changed: tell its routes anew. */
  retell(source: number): void {
    for (const groups of this.groups.values()) for (const group of groups.values()) group.retell(source);
  }

  /** What may be told of a prefix has changed, though its best path has not: tell it anew. */
  reconsider(rib: FamilyRib, prefix: number): void {
    this.one.length = 0;
    this.one.push(prefix);
    const groups = this.groups.get(rib)!;
    for (const group of groups.values()) group.process(this.one);
    this.noteSending(groups);
    // For groups that go by all paths.
    rib.markDirty(prefix);
    this.schedule();
  }

  /** Withdraw all routes of an ended session, then forget its source number. */
  dropSource(source: number): void {
    if (this.dropJob?.add(source)) return;
    this.dropJob = new DropJob(this.rib.families, (done) => this.doneSources.push(done));
    this.dropJob.add(source);
    this.addJob(this.dropJob);
  }

  /** Do this in the next slices, after the jobs that are there already. */
  addJob(job: SourceJob): void {
    this.jobs.push(job);
    this.schedule();
  }

  /** Decide nothing and tell nobody anything until {@link goOn}. What comes meanwhile is done then. */
  hold(): void {
    this.isHeld = true;
  }

  goOn(): void {
    this.isHeld = false;
    if (!this.isOverdue) return;
    this.isOverdue = false;
    this.clock.soon(() => this.run());
  }

  /** Whether nothing is left to do but to wait for the network. */
  get isIdle(): boolean {
    return !this.scheduled && this.jobs.length === 0 && !this.hasDecisions();
  }

  /** Whether somebody is still to be told something: now, or when its minimum advertisement interval is over. */
  get hasUntold(): boolean {
    for (const groups of this.groups.values()) {
      for (const group of groups.values()) {
        if (group.isSending) return true;
        for (const member of group.members) if (member.nextStale(0) >= 0) return true;
      }
    }
    return false;
  }

  /** Resolves when all work is done that is known now. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** There may be work: run a slice soon. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const wait = this.notBefore - this.clock.now();
    if (wait < 1) this.clock.soon(() => this.run());
    else this.clock.after(wait, () => this.runOnTimer());
  }

  /** Like `schedule`, when a read left dirty prefixes behind. */
  scheduleIfDirty(): void {
    if (!this.scheduled && this.hasDecisions()) this.schedule();
  }

  /** `soon` would be in this very turn of the event loop, which may be long already: what is left is for the next one. */
  private runOnTimer(): void {
    this.run();
    if (!this.scheduled || this.notBefore !== 0) return;
    this.isTurnOver = true;
  }

  private run(): void {
    if (this.isHeld) {
      this.isOverdue = true;
      return;
    }
    if (this.isTurnOver) {
      this.isTurnOver = false;
      this.clock.soon(() => this.run());
      return;
    }
    const begin = this.clock.now();
    const deadline = begin + SLICE_MS;
    this.scheduled = false;
    this.runJobs(begin + SLICE_MS / 2);
    for (const family of this.rib.families) {
      // Not one more than fits, going by the last one.
      for (let tookMs = 0; this.runSending(deadline) && family.hasWork && !this.muted.isDeferred(family);) {
        if (this.clock.now() + tookMs > deadline && tookMs > 0) break;
        tookMs = this.decide(family);
      }
    }
    this.muted.open();
    if (this.filling.size > 0) this.runFilling(deadline);
    if (this.behind.size > 0) this.runBehind(deadline);
    const { leftOvers } = this;
    if (!this.hasUrgentWork()) leftOvers.freeFewSets();
    const rest = this.hasUrgentWork() ? 0 : leftOvers.rest(this.decidedAt);
    if (!this.hasUrgentWork() && rest <= 0) leftOvers.run(deadline);
    if (this.hasUrgentWork() || (rest <= 0 && leftOvers.any)) {
      // What is left does not get better by waiting; reads come in between all the same.
      this.notBefore = 0;
      this.schedule();
    } else {
      const end = this.clock.now();
      this.notBefore = end + Math.min((end - begin) * PAUSE_FACTOR, MAX_PAUSE_MS);
      if (leftOvers.any) leftOvers.wait(rest);
      else this.finish();
    }
  }

  private hasUrgentWork(): boolean {
    const { jobs, behind, filling, sending } = this;
    return jobs.length > 0 || behind.size > 0 || filling.size > 0 || sending.size > 0 || this.hasDecisions();
  }

  private hasDecisions(): boolean {
    return this.rib.families.some((family) => family.hasWork && !this.muted.isDeferred(family));
  }

  private finish(): void {
    // Nothing refers to the routes of ended sessions any more: their numbers may be used again.
    for (const source of this.doneSources) this.rib.peers.free(source);
    this.doneSources.length = 0;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
    for (const family of this.rib.families) {
      if (family.shrink()) for (const group of this.groups.get(family)!.values()) group.shrink();
      if (family.store.compact(COMPACT_BATCH)) this.schedule();
    }
  }

  /** @returns how many milliseconds it took */
  private decide(rib: FamilyRib): number {
    const { changed, emptied } = this;
    changed.length = 0;
    emptied.length = 0;
    this.decidedAt = this.clock.now();
    const groups = this.groups.get(rib)!;
    const { batch } = this;
    for (let left = batch; left > 0; left -= DECIDE_STEP) {
      rib.decide(Math.min(left, DECIDE_STEP), changed, emptied);
      if (!rib.isInRound || this.clock.now() - this.decidedAt > DECIDE_MS) break;
    }
    if (changed.length > 0) {
      for (const group of groups.values()) group.process(changed);
      for (const listener of this.listeners) listener(rib, changed);
      this.watcher?.onBestPathChange(rib, changed);
    }
    this.noteSending(groups);
    if (emptied.length > 0) this.leftOvers.add(rib, emptied);
    const tookMs = this.clock.now() - this.decidedAt;
    if (changed.length + emptied.length >= batch) this.adaptBatch(tookMs);
    return tookMs;
  }

  private noteSending(groups: ReadonlyMap<string, UpdateGroup>): void {
    for (const group of groups.values()) if (group.isSending) this.sending.add(group);
  }

  /** @returns whether all members have the stream so far */
  private runSending(deadline: number): boolean {
    for (const group of this.sending) {
      while (group.isSending) {
        if (this.clock.now() >= deadline) return false;
        group.sendOn();
      }
      this.sending.delete(group);
    }
    return true;
  }

  private adaptBatch(tookMs: number): void {
    if (tookMs > BATCH_MS) this.batch = Math.max(LEAST_BATCH, this.batch >> 1);
    else if (tookMs < BATCH_MS / 2) this.batch = Math.min(DECIDE_BATCH, this.batch << 1);
  }

  private runFilling(deadline: number): void {
    for (const group of this.filling) {
      while (!group.fill(DECIDE_BATCH)) if (this.clock.now() >= deadline) return;
      this.filling.delete(group);
    }
  }

  /** Whether somebody has still to be told of a prefix that has no path. */
  private isNeeded(rib: FamilyRib, prefix: number): boolean {
    for (const group of this.groups.get(rib)!.values()) if (group.needs(prefix)) return true;
    return this.watcher?.needs(rib, prefix) ?? false;
  }

  private runJobs(deadline: number): void {
    while (this.jobs.length > 0) {
      if (this.jobs[0]!.step(JOB_BATCH)) this.jobs.shift();
      if (this.clock.now() >= deadline) return;
    }
  }

  private runBehind(deadline: number): void {
    for (const member of [...this.behind]) {
      // Taken out and put back at the end, so that all get their turn. Gone: it left while another one was told.
      if (!this.behind.delete(member)) continue;
      const { rib } = this.owners.get(member)!;
      const open = member.catchUp((prefix) => this.leftOvers.freeIfUnused(rib, prefix));
      // Not open: its transport is full, and says so when it drained.
      if (open && member.isBehind && this.owners.has(member)) this.behind.add(member);
      if (this.clock.now() >= deadline) return;
    }
  }
}
