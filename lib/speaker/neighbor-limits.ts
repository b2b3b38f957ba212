/** How many prefixes a neighbor may announce, family by family (RFC 4271 section 6.7). */
import type { MessageError } from '../bgp/wire/errors.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { AdjRibIn } from '../rib/adj-rib-in.js';
import { PrefixLimiter, type PrefixLimitNotice } from '../rib/prefix-limit.js';
import { prefixLimitOf, type EffectivePeerSettings } from './settings.js';

export interface LimitsOwner {
  readonly settings: EffectivePeerSettings;
  /** What was not taken may be taken now: have the neighbor tell it again, if it can. */
  requestRefresh(family: FamilyName): void;
  onNotice(notice: PrefixLimitNotice): void;
  /** End the session. @param restartTime seconds; null: until it is started */
  end(error: MessageError, restartTime: number | null): void;
}

export class NeighborLimits {
  /** The session ends, or has ended, because of this limit. */
  private over: PrefixLimiter | undefined;

  constructor(private readonly owner: LimitsOwner) {}

  /** A session begins. */
  begin(adjRibIn: AdjRibIn): void {
    this.over = undefined;
    for (const family of adjRibIn.counts.keys()) this.set(adjRibIn, family);
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
      const limiter: PrefixLimiter = new PrefixLimiter(family, limit, (notice) => this.onNotice(limiter, notice));
      limits.set(family, limiter);
      limiter.note(count);
    }
    const room = limit === undefined ? Infinity : limits.get(family)!.roomFor(count);
    if (before && before.dropped > 0 && room > 0) {
      before.dropped = 0;
      this.owner.requestRefresh(family);
    }
  }

  private onNotice(limiter: PrefixLimiter, notice: PrefixLimitNotice): void {
    if (notice.reached === 'limit' && notice.limit.action === 'stop') this.over = limiter;
    this.owner.onNotice(notice);
  }
}
