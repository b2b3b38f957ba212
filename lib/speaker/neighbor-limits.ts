/** How many prefixes a neighbor may announce, family by family (RFC 4271 section 6.7). */
import type { MessageError } from '../bgp/wire/errors.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { Clock, Timer } from '../net/index.js';
import type { AdjRibIn } from '../rib/adj-rib-in.js';
import { PrefixLimiter, type PrefixLimitNotice } from '../rib/prefix-limit.js';
import { prefixLimitOf, type EffectivePeerSettings } from './settings.js';

/** After routes were dropped: how often to look whether there is room for them again. */
const LOOK_FOR_ROOM_MS = 30_000;
/** The least time between two requests for all routes of a family: a neighbor around its limit must not tell them all the time. */
const REFRESH_PAUSE_MS = 300_000;

export interface LimitsOwner {
  readonly clock: Clock;
  readonly settings: EffectivePeerSettings;
  /** What was not taken may be taken now: have the neighbor tell it again. @returns false when it cannot */
  requestRefresh(family: FamilyName): boolean;
  onNotice(notice: PrefixLimitNotice): void;
  /** End the session. @param restartTime seconds; null: until it is started */
  end(error: MessageError, restartTime: number | null): void;
}

export class NeighborLimits {
  /** The session ends, or has ended, because of this limit. */
  private over: PrefixLimiter | undefined;
  /** Families of which routes were dropped, until there is room for them. */
  private readonly looking = new Map<FamilyName, Timer>();
  /** When all routes of a family were last asked for, on the clock's `now`. */
  private readonly askedAt = new Map<FamilyName, number>();

  constructor(private readonly owner: LimitsOwner) {}

  /** A session begins. */
  begin(adjRibIn: AdjRibIn): void {
    this.over = undefined;
    for (const family of adjRibIn.counts.keys()) this.set(adjRibIn, family);
  }

  /** The session is over. */
  leave(): void {
    for (const timer of this.looking.values()) timer.cancel();
    this.looking.clear();
    this.askedAt.clear();
  }

  /** The settings are other ones. @returns whether a session that was held back by a limit gets another chance */
  change(adjRibIn: AdjRibIn | undefined): boolean {
    const { over } = this;
    this.over = undefined;
    for (const family of adjRibIn?.counts.keys() ?? []) this.set(adjRibIn!, family);
    this.check();
    return this.over === undefined && over !== undefined;
  }

  /** End the session if it is over a limit. */
  check(): void {
    const { over } = this;
    if (over?.exceeded) this.owner.end(over.exceeded, over.limit.restartTime);
  }

  /** Put the limit on a family that the settings say. */
  private set(adjRibIn: AdjRibIn, family: FamilyName): void {
    const { limits } = adjRibIn;
    const limit = prefixLimitOf(this.owner.settings, family);
    const count = adjRibIn.counts.get(family)!;
    const before = limits.get(family);
    if (limit === undefined) limits.delete(family);
    else if (before) before.change(limit, count);
    else {
      const limiter: PrefixLimiter = new PrefixLimiter(
        family,
        limit,
        (notice) => this.onNotice(limiter, notice),
        () => this.lookForRoom(adjRibIn, limiter),
      );
      limits.set(family, limiter);
      limiter.note(count);
    }
    if (before && (limit === undefined || hasRoom(before, count))) this.askAgain(before);
  }

  /** Routes were dropped: they are asked for when others are gone (RFC 2918). */
  private lookForRoom(adjRibIn: AdjRibIn, limiter: PrefixLimiter): void {
    const { family } = limiter;
    const { clock } = this.owner;
    this.looking.get(family)?.cancel();
    const look = (): void => {
      this.looking.delete(family);
      if (limiter.dropped === 0 || adjRibIn.limits.get(family) !== limiter) return;
      const isSoon = clock.now() - (this.askedAt.get(family) ?? -Infinity) < REFRESH_PAUSE_MS;
      const isAsked = !isSoon && hasRoom(limiter, adjRibIn.counts.get(family)!) && this.askAgain(limiter);
      if (!isAsked) this.lookForRoom(adjRibIn, limiter);
    };
    this.looking.set(family, clock.after(LOOK_FOR_ROOM_MS, look));
  }

  private askAgain(limiter: PrefixLimiter): boolean {
    if (limiter.dropped === 0 || !this.owner.requestRefresh(limiter.family)) return false;
    limiter.dropped = 0;
    this.askedAt.set(limiter.family, this.owner.clock.now());
    return true;
  }

  private onNotice(limiter: PrefixLimiter, notice: PrefixLimitNotice): void {
    if (notice.reached === 'limit' && notice.limit.action === 'stop') this.over = limiter;
    this.owner.onNotice(notice);
  }
}

function hasRoom(limiter: PrefixLimiter, count: number): boolean {
  return limiter.roomFor(count) > 0;
}
