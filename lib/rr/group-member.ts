/**
 * One neighbor in an update group.
 *
 * Attached, it gets the group's stream as it is made. Detached (it has just come, or its transport is full), it only
 * remembers, a bit per prefix, of which prefixes it must be told (`stale`) and whether it holds a route for them
 * (`told`); when its transport takes octets again it is brought up to date from the group's Adj-RIB-Out, and then
 * attached. So a slow neighbor costs two bits per prefix, gets the newest state only, and delays nobody.
 *
 * With a pace (minimum advertisement interval) it is never attached: after each round of catching up it rests until the
 * interval is over.
 */
import { BitSet } from '../rib/columns.js';
import { NONE } from '../rib/family-rib.js';
import type { AdvertisementPace } from './advertisement-pace.js';
import type { StreamChunk, UpdateEncoder } from './update-encoder.js';

/** Where a member's octets go. */
export interface MemberSink {
  /**
   * @param messages UPDATE messages in these octets
   * @returns false when no more should be sent until `GroupMember.catchUp` is called after a drain
   */
  send(bytes: Uint8Array, messages: number): boolean;
  /** Octets accepted and not yet taken by the network. */
  queuedBytes(): number;
  /** The neighbor holds all that it must hold for the first time: time for End-of-RIB (RFC 4724 section 2). */
  onCaughtUp(): void;
  /** There is something to catch up with: call `catchUp` soon. */
  onBehind(): void;
  /** False: there is more to come that the Adj-RIB-Out does not know yet; End-of-RIB waits for `GroupMember.complete`. */
  isComplete?(): boolean;
  /** Where given: all is told again, beginning (BoRR), or ending (EoRR), here (RFC 7313 section 4). */
  onRefresh?(mark: 'begin' | 'end'): void;
}

/** What a member needs of its group. */
export interface MemberGroup {
  readonly outAttributes: ArrayLike<number>;
  readonly outSource: ArrayLike<number>;
  /** False: more prefixes are coming, which will be marked stale; not to be attached yet. */
  readonly isFilled: boolean;
  /** Fill on. @returns whether it is whole now */
  fill(budget: number): boolean;
  /** What this member is to be told for a prefix: an attribute set, or NONE. */
  outFor(member: GroupMember, prefix: number): number;
  createEncoder(): UpdateEncoder;
  /** Send an attached member what is left of the stream for it. */
  settle(member: GroupMember): void;
  onAttachedChange(attached: boolean): void;
}

/** A member this far behind its stream (in octets) is detached. */
const DETACH_OCTETS = 4 << 20;
/** Catching up goes on while no more than this is queued. */
const CATCH_UP_OCTETS = 1 << 18;
/** Prefixes sorted into buckets at once while catching up: bounds the time of one step. */
const PLAN_SIZE = 1 << 16;

export class GroupMember {
  attached = false;
  private stale = new BitSet();
  private told = new BitSet();
  /** Where the next plan begins to look for stale prefixes. */
  private cursor = 0;
  private encoder: UpdateEncoder | undefined;
  private announceCaughtUp = true;
  /** All is to be told again, and nothing of it was yet. */
  private refreshing = false;
  /** Between BoRR and EoRR. */
  private isDemarcated = false;
  /** To be refreshed when what is under way now was told. */
  private wantsRefresh = false;
  private pace: AdvertisementPace | undefined;
  /** All was told; what is stale since then waits for the pace. */
  private resting = false;

  constructor(
    private readonly group: MemberGroup,
    /** Its number in the PeerTable. */
    readonly source: number,
    private readonly sink: MemberSink,
  ) {}

  /**
   * Everything in the Adj-RIB-Out is to be told.
   * @param told whether the neighbor holds those routes already
   */
  markAll(told: boolean): void {
    const { group } = this;
    for (let prefix = 0; prefix < group.outAttributes.length; prefix++) {
      if (group.outFor(this, prefix) !== NONE) this.markStale(prefix, told);
    }
  }

  /** Tell all again, although the neighbor was told before (RFC 2918). Asked for again before it began: once is enough. */
  refresh(): void {
    if (this.refreshing) return;
    // RFC 7313 section 4.1: no BoRR before End-of-RIB; and one refresh ends before the next one begins.
    if (this.isBehind && (this.announceCaughtUp || this.isDemarcated)) {
      this.wantsRefresh = true;
      return;
    }
    if (this.sink.onRefresh && !this.announceCaughtUp) {
      this.isDemarcated = true;
      this.sink.onRefresh('begin');
    }
    this.refreshing = true;
    this.leaveStream();
    this.markAll(true);
    this.catchUpSoon();
  }

  /**
   * Go on where another member for the same neighbor was, in another group or this one: what it was told counts as told.
   * @param sameForm equal sets have the same form in both groups, so that they need not be told again
   */
  takeOver(old: GroupMember, sameForm = false): void {
    const { group } = this;
    old.group.settle(old);
    // What is not there yet would be withdrawn first, and announced again.
    while (!group.isFilled) group.fill(Infinity);
    const limit = Math.max(old.group.outAttributes.length, group.outAttributes.length);
    this.stale = new BitSet();
    this.told = new BitSet();
    for (let prefix = 0; prefix < limit; prefix++) {
      const had = old.holds(prefix);
      if (!had && group.outFor(this, prefix) === NONE) continue;
      if (sameForm && had && this.isAsIn(old, prefix)) continue;
      this.markStale(prefix, had);
    }
    this.announceCaughtUp = old.announceCaughtUp;
    this.isDemarcated = old.isDemarcated;
    this.wantsRefresh = old.wantsRefresh;
  }

  /** Whether another member's neighbor, which holds a route for a prefix, holds the one that it is to be told here. */
  private isAsIn(old: GroupMember, prefix: number): boolean {
    if (!old.attached && old.stale.has(prefix)) return false;
    const sameSet = old.group.outFor(old, prefix) === this.group.outFor(this, prefix);
    return sameSet && old.sourceOf(prefix) === this.sourceOf(prefix);
  }

  /** Where the route comes from that it is told for a prefix. */
  protected sourceOf(prefix: number): number {
    return this.group.outSource[prefix]!;
  }

  /** Whether the neighbor holds a route for a prefix, as far as it was told. */
  private holds(prefix: number): boolean {
    if (!this.attached && this.stale.has(prefix)) return this.told.has(prefix);
    return this.group.outFor(this, prefix) !== NONE;
  }

  /** From now on changes are only remembered, until `catchUp` is done. */
  leaveStream(): void {
    if (this.attached) this.detach();
  }

  /** Have `catchUp` called, as soon as the pace allows. */
  catchUpSoon(): void {
    if (this.resting) this.wake();
    else if (!this.attached) this.sink.onBehind();
  }

  /** Whether `catchUp` has something to do, now or when the transport takes octets again. */
  get isBehind(): boolean {
    return !this.attached && !this.resting;
  }

  /** Tell changes in rounds, as the pace allows; undefined: at once. */
  setPace(pace: AdvertisementPace | undefined): void {
    this.pace?.stop();
    this.pace = pace;
    if (pace === undefined) {
      if (this.resting) this.resume();
    } else if (this.attached) {
      this.detach();
      this.rest();
    } else this.wake();
  }

  /** It is gone: nothing more is planned. */
  close(): void {
    this.pace?.stop();
  }

  /** There may be something new to tell: begin the next round when it is time. */
  wake(): void {
    if (this.resting && this.stale.size > 0) this.pace!.request(this.resume);
  }

  private readonly resume = (): void => {
    this.resting = false;
    this.sink.onBehind();
  };

  private rest(): void {
    this.resting = true;
    this.pace!.roundOver();
    this.wake();
  }

  /** All that was to come is in the Adj-RIB-Out now. */
  complete(): void {
    if (this.isBehind || !this.announceCaughtUp) return;
    this.group.settle(this);
    this.announceCaughtUp = false;
    this.sink.onCaughtUp();
  }

  private detach(): void {
    this.group.settle(this);
    // It may have been detached by that: its transport is full.
    if (!this.attached) return;
    this.attached = false;
    this.stale = new BitSet();
    this.told = new BitSet();
    this.cursor = 0;
    this.group.onAttachedChange(false);
  }

  /** While detached: the group's route for a prefix changes. @param had whether the neighbor was told one before */
  markStale(prefix: number, had: boolean): void {
    if (!this.stale.add(prefix)) return;
    if (had) this.told.add(prefix);
    else this.told.delete(prefix);
  }

  isStale(prefix: number): boolean {
    return this.stale.has(prefix);
  }

  /** The smallest prefix id from `from` on of which it must still be told, or -1. */
  nextStale(from: number): number {
    return this.stale.next(from);
  }

  /** Attached: send the group's stream, without the ranges that came from this neighbor. */
  sendShared(chunks: readonly StreamChunk[], hasOwn: boolean): void {
    for (const chunk of chunks) {
      if (hasOwn) this.sendForeignRanges(chunk);
      else this.sink.send(chunk.bytes, sum(chunk.rangeMessages));
    }
    this.detachIfFull();
  }

  private sendForeignRanges(chunk: StreamChunk): void {
    const { bytes, rangeSources, rangeEnds, rangeMessages } = chunk;
    let start = 0;
    let messages = 0;
    let at = 0;
    for (let i = 0; i < rangeEnds.length; i++) {
      if (rangeSources[i] === this.source) {
        if (start < at) this.sink.send(bytes.subarray(start, at), messages);
        start = rangeEnds[i]!;
        messages = 0;
      } else messages += rangeMessages[i]!;
      at = rangeEnds[i]!;
    }
    if (start < at) this.sink.send(start === 0 ? bytes : bytes.subarray(start, at), messages);
  }

  /** Attached: send what is for this neighbor alone. */
  sendPrivate(chunks: readonly StreamChunk[]): void {
    this.group.settle(this);
    for (const chunk of chunks) this.sink.send(chunk.bytes, sum(chunk.rangeMessages));
    this.detachIfFull();
  }

  private detachIfFull(): void {
    if (!this.attached || this.sink.queuedBytes() <= DETACH_OCTETS) return;
    this.detach();
    this.sink.onBehind();
  }

  /**
   * Detached: tell one plan's worth of stale prefixes; attach when none is left.
   * @param onWithdrawn called for each prefix without a route that this member no longer needs: its id may be free now
   * @returns false when the transport is full: call again after it drained
   */
  catchUp(onWithdrawn: (prefix: number) => void): boolean {
    if (!this.isBehind) return true;
    if (this.sink.queuedBytes() > CATCH_UP_OCTETS) return false;
    this.refreshing = false;
    const { group, stale } = this;
    const encoder = (this.encoder ??= group.createEncoder());
    const withdrawn: number[] = [];
    let planned = 0;
    let prefix = stale.next(this.cursor);
    for (; prefix >= 0 && planned < PLAN_SIZE; prefix = stale.next(prefix + 1)) {
      planned++;
      stale.delete(prefix);
      if (!this.tell(prefix, encoder)) withdrawn.push(prefix);
    }
    this.cursor = prefix < 0 ? 0 : prefix;
    let open = true;
    for (const chunk of encoder.encode()) open = this.sink.send(chunk.bytes, sum(chunk.rangeMessages)) && open;
    // Only now: an id that is free stands for no prefix that could be encoded.
    for (const id of withdrawn) onWithdrawn(id);
    if (this.pace === undefined) {
      if (stale.size === 0 && group.isFilled) this.attach();
    } else if (prefix < 0 && group.isFilled) {
      // Also when more has changed meanwhile: that is for the next round.
      this.encoder = undefined;
      this.rest();
      this.tellCaughtUp();
    }
    return open;
  }

  /** Encode how a stale prefix stands now. @returns false when there is no route */
  protected tell(prefix: number, encoder: UpdateEncoder): boolean {
    const { group } = this;
    const attributes = group.outFor(this, prefix);
    if (attributes !== NONE) encoder.add(prefix, attributes, this.sourceOf(prefix));
    else if (this.told.has(prefix)) encoder.add(prefix, NONE, 0);
    return attributes !== NONE;
  }

  private attach(): void {
    this.attached = true;
    this.stale = new BitSet();
    this.told = new BitSet();
    this.cursor = 0;
    this.encoder = undefined;
    this.group.onAttachedChange(true);
    this.tellCaughtUp();
  }

  private tellCaughtUp(): void {
    if (this.sink.isComplete?.() ?? true) this.complete();
    if (this.isDemarcated) {
      this.isDemarcated = false;
      this.sink.onRefresh?.('end');
    }
    if (!this.wantsRefresh) return;
    this.wantsRefresh = false;
    this.refresh();
  }
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
