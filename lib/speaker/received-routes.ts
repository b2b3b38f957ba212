/**
 * The routes of one neighbor, under one source number that outlives its sessions when they may be kept: graceful restart
 * as a helper (RFC 4724 section 4.2), its long-lived form (RFC 9494), and refreshes (RFC 7313).
 *
 * A route that the neighbor tells again unchanged after its restart is still the same path of the same source: no best
 * path changes, and nobody is told anything.
 */
import type { Negotiated } from '../bgp/session/types.js';
import { familyOf, type AfiSafi, type FamilyName } from '../bgp/wire/families.js';
import type { Clock, Timer } from '../net/index.js';
import type { Source } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import { LongLivedJob, SweepJob, SweepLeftOversJob } from '../rib/source-jobs.js';
import { SourceRefresh } from '../rib/source-refresh.js';
import type { EffectivePeerSettings } from './settings.js';
import type { WorkLoop } from './work-loop.js';

/**
 * `restart`: the session is down, the neighbor has its restart time to come back. `longLived`: it did not, and its long-lived
 * stale time runs. `resync`: it is back and tells its routes again. `refresh`: between BoRR and EoRR. `sweep`: what it did
 * not tell again is being withdrawn.
 */
export type StalePhase = 'restart' | 'longLived' | 'resync' | 'refresh' | 'sweep';

interface StaleState {
  readonly phase: StalePhase;
  /** When patience ends, on the clock's `now`; of `sweep`: no more. */
  readonly until: number;
  readonly timer: Timer | undefined;
}

export interface ReceivedRoutesHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
}

export class ReceivedRoutes {
  readonly source: number;
  /** Prefixes by family. While a session is up, its Adj-RIB-In counts in it. */
  counts = new Map<FamilyName, number>();
  private readonly states = new Map<FamilyName, StaleState>();
  /**
   * When a family's long-lived stale time is over, on the clock's `now`: once begun, nothing but End-of-RIB ends it (RFC 9494
   * section 4.2).
   */
  private readonly longLivedEnds = new Map<FamilyName, number>();
  private isUp = true;
  private isGone = false;

  /** @param onGone all routes are withdrawn, or about to be: the number must not be used any more */
  constructor(
    private readonly host: ReceivedRoutesHost,
    public description: Source,
    private readonly onGone: () => void,
  ) {
    this.source = host.rib.peers.add(description);
  }

  /** Whether a new session is with the same speaker, and its routes count the same. */
  isFrom({ type, routerId, client, clusterId, routeServerClient, addPath }: Source): boolean {
    const own = this.description;
    return (
      own.type === type &&
      own.routerId === routerId &&
      own.client === client &&
      own.clusterId === clusterId &&
      own.routeServerClient === routeServerClient &&
      // Else what is told again could not be matched to what is kept.
      String(own.addPath) === String(addPath)
    );
  }

  /** What is known of the neighbor is other than before. */
  update(description: Source): void {
    this.description = description;
    this.host.rib.peers.update(this.source, description);
  }

  /**
   * The session ended in a way that allows to keep routes.
   * @returns false when none are kept: they are all withdrawn then
   */
  lost(negotiated: Negotiated): boolean {
    this.isUp = false;
    const families = [...this.counts.keys()];
    const kept = families.filter((family) => this.mayKeep(family, negotiated));
    // One walk for all that is dropped, not one for each family and each neighbor.
    if (kept.length === 0) this.drop();
    else for (const family of families) this.keepOrSweep(family, negotiated, kept.includes(family));
    return kept.length > 0;
  }

  private mayKeep(family: FamilyName, negotiated: Negotiated): boolean {
    // RFC 9494 section 4.2: its time ended before the session that just ended got to its End-of-RIB.
    if (this.longLivedLeft(family) <= 0) return false;
    return isRestartable(negotiated, family) || longLivedTime(negotiated, family) > 0;
  }

  private keepOrSweep(family: FamilyName, negotiated: Negotiated, isKept: boolean): void {
    if (!isKept) return this.sweepAll(family);
    const longLived = longLivedTime(negotiated, family) * 1000;
    this.begin(family, longLived > 0);
    const restartMs = isRestartable(negotiated, family) ? negotiated.gracefulRestart!.restartTime * 1000 : 0;
    this.enter(family, 'restart', Math.min(restartMs, this.longLivedLeft(family)), () => {
      if (longLived > 0 && this.longLivedLeft(family) > 0) this.beginLongLived(family, longLived);
      else this.giveUp(family);
    });
  }

  /** What is left of a long-lived stale time that has begun; Infinity: none has. */
  private longLivedLeft(family: FamilyName): number {
    return (this.longLivedEnds.get(family) ?? Infinity) - this.host.clock.now();
  }

  private beginLongLived(family: FamilyName, full: number): void {
    const ms = Math.min(full, this.longLivedLeft(family));
    this.longLivedEnds.set(family, this.host.clock.now() + ms);
    const rib = this.host.rib.of(family);
    const refresh = rib.refreshes.get(this.source)!;
    this.host.loop.addJob(new LongLivedJob(rib, this.source, refresh, (count) => this.countDown(family, count)));
    this.enter(family, 'longLived', ms, () => this.giveUp(family));
  }

  /** The neighbor did not come back, or did not tell everything, in time. */
  private giveUp(family: FamilyName): void {
    const isWaiting = [...this.states].some(([other, { phase }]) => other !== family && phase !== 'sweep');
    if (this.isUp || isWaiting) this.sweep(family);
    else this.drop();
  }

  /**
   * The neighbor is back.
   * @param counts of the new session's Adj-RIB-In, which took over what `counts` was
   */
  resumed(counts: Map<FamilyName, number>, negotiated: Negotiated, settings: EffectivePeerSettings): void {
    this.isUp = true;
    this.counts = counts;
    const patience = settings.gracefulRestart.staleRoutesTime * 1000;
    for (const [family, { phase }] of this.states) {
      if (phase === 'sweep') continue;
      const isLongLived = this.longLivedEnds.has(family);
      if (!counts.has(family) || !isPreserved(negotiated, family, isLongLived)) this.sweep(family);
      else {
        this.enter(family, 'resync', Math.min(this.longLivedLeft(family), patience), () => {
          // Our patience is over, not the long-lived time: the neighbor counts as synchronized from here on.
          if (this.longLivedLeft(family) > 0) this.longLivedEnds.delete(family);
          this.giveUp(family);
        });
      }
    }
  }

  /** End-of-RIB: what was not told by now is gone. */
  endOfRib(family: FamilyName): void {
    this.longLivedEnds.delete(family);
    if (this.states.get(family)?.phase === 'resync') this.sweep(family);
  }

  /** BoRR: all is told again from here on (RFC 7313 section 4). */
  beginRefresh(family: FamilyName, settings: EffectivePeerSettings): void {
    this.begin(family, false);
    this.enter(family, 'refresh', settings.gracefulRestart.staleRoutesTime * 1000, () => this.giveUp(family));
  }

  /** EoRR. One without a BoRR is ignored. */
  endRefresh(family: FamilyName): void {
    if (this.states.get(family)?.phase === 'refresh') this.sweep(family);
  }

  /** Withdraw everything. */
  drop(): void {
    if (this.isGone) return;
    this.isGone = true;
    for (const { timer } of this.states.values()) timer?.cancel();
    this.states.clear();
    this.host.loop.dropSource(this.source);
    this.onGone();
  }

  /**
   * Everything is stale from now on.
   * @param keepsLeftOvers also what was stale already from an earlier restart: else it is swept
   */
  private begin(family: FamilyName, keepsLeftOvers: boolean): void {
    const rib = this.host.rib.of(family);
    const phase = this.states.get(family)?.phase;
    // Routes that were only not refreshed yet by a peer that had not restarted are as good as before.
    const earlier = phase === 'refresh' || keepsLeftOvers ? undefined : rib.refreshes.get(this.source);
    const refresh = new SourceRefresh(earlier);
    rib.refreshes.set(this.source, refresh);
    if (!earlier) return;
    const onWithdrawn = (count: number): void => this.countDown(family, count);
    this.host.loop.addJob(new SweepLeftOversJob(rib, this.source, refresh, onWithdrawn));
  }

  /** Also what was told by the session that just ended. */
  private sweepAll(family: FamilyName): void {
    this.host.rib.of(family).refreshes.set(this.source, new SourceRefresh());
    this.sweep(family);
  }

  private sweep(family: FamilyName): void {
    const rib = this.host.rib.of(family);
    let refresh = rib.refreshes.get(this.source);
    if (!refresh) rib.refreshes.set(this.source, (refresh = new SourceRefresh()));
    this.host.loop.addJob(new SweepJob(rib, this.source, refresh, (count) => this.countDown(family, count)));
    this.enter(family, 'sweep');
  }

  private enter(family: FamilyName, phase: StalePhase, ms?: number, onExpired?: () => void): void {
    const { clock } = this.host;
    this.states.get(family)?.timer?.cancel();
    const timer = onExpired && clock.after(ms!, onExpired);
    this.states.set(family, { phase, until: clock.now() + (ms ?? 0), timer });
  }

  private countDown(family: FamilyName, count: number): void {
    const before = this.counts.get(family);
    if (before !== undefined) this.counts.set(family, before - count);
  }

  /** Why routes of a family are stale, and until when at most (Unix milliseconds, null: they go right now). */
  staleOf(family: FamilyName): { readonly phase: StalePhase; readonly until: number | null } | undefined {
    const { rib, clock } = this.host;
    const state = this.states.get(family);
    if (!state || !rib.of(family).refreshes.has(this.source)) return undefined;
    const until = state.timer ? Math.round(clock.wallTime() + state.until - clock.now()) : null;
    return { phase: state.phase, until };
  }
}

function isOf(family: FamilyName, { afi, safi }: AfiSafi): boolean {
  return familyOf(afi, safi) === family;
}

function isRestartable({ gracefulRestart }: Negotiated, family: FamilyName): boolean {
  return gracefulRestart!.tuples.some((tuple) => isOf(family, tuple));
}

/** Seconds; 0: not kept beyond the restart time. */
function longLivedTime({ longLived = [] }: Negotiated, family: FamilyName): number {
  return longLived.find((tuple) => isOf(family, tuple))?.staleTime ?? 0;
}

/**
 * Whether the F bit of a family says that the neighbor went on forwarding: that of either capability (RFC 4724 section 4.2), or,
 * for long-lived stale routes, that of theirs (RFC 9494 section 4.2).
 */
function isPreserved(negotiated: Negotiated, family: FamilyName, isLongLived: boolean): boolean {
  const { gracefulRestart, longLived = [] } = negotiated;
  if (!gracefulRestart) return false;
  const tuples = isLongLived ? longLived : [...gracefulRestart.tuples, ...longLived];
  return tuples.some((tuple) => tuple.forwarding && isOf(family, tuple));
}
