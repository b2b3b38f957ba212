/**
 * After a restart: until the neighbors have told all they know, no route is chosen and nobody is told anything, so that
 * what they and the kernel kept over the restart stays as it is (RFC 4724 section 4.1).
 *
 * Clients of ours that have restarted at the same time get their routes before the others: since our OPEN has the R bit, they
 * wait for nothing and drop what the kernel kept as soon as they are Established. So they are held back in OpenConfirm until all
 * others have sent End-of-RIB, and are then told their routes in the same breath. When the routes of such clients are here too,
 * all others are told, and End-of-RIB is sent to everybody.
 */
import type { Negotiated } from '../bgp/session/types.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { Clock, Timer } from '../net/index.js';
import type { Rib } from '../rib/rib.js';
import type { Neighbor } from './neighbor.js';
import type { SpeakerConfig } from './options.js';
import type { WorkLoop } from './work-loop.js';

/**
 * How long a client that has restarted at the same time is waited for, first before it may enter Established, then for its
 * End-of-RIB. RFC 4724 would not wait for it at all, and its routes would be swept everywhere although it is there.
 */
const RESTARTING_CLIENT_MS = 10_000;
/** Seconds; see `gracefulRestart.dynamicNeighborQuietTime`. */
const DEFAULT_QUIET_TIME_S = 30;

export interface DeferralHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  neighbors(): Iterable<Neighbor>;
  config(): SpeakerConfig;
  /** The application's own routes are all there. */
  isComplete(): boolean;
}

export class SelectionDeferral {
  /** Families in which nobody but clients that restart is told anything; `false`: and nothing is chosen. */
  private readonly waiting = new Map<FamilyName, boolean>();
  /** Clients that restart, and since when they are held back, or were let through. */
  private readonly held = new Map<Neighbor, number>();
  private readonly restarting = new Map<Neighbor, number>();
  private readonly limit: Timer;
  private recheck: Timer | undefined;
  private lastArrival: number;

  /** @param onEnd selection goes on in all families */
  constructor(
    private readonly host: DeferralHost,
    limitMs: number,
    private readonly onEnd: () => void,
  ) {
    const { rib, loop, clock } = host;
    for (const family of rib.families) {
      this.waiting.set(family.family, false);
      loop.muted.defer(family);
    }
    this.lastArrival = clock.now();
    this.limit = clock.after(limitMs, () => this.end());
  }

  get isActive(): boolean {
    return this.waiting.size > 0;
  }

  /** Whether a neighbor must not enter Established yet. */
  holds(neighbor: Neighbor, negotiated: Negotiated): boolean {
    if (!this.isActive || !neighbor.settings.routeReflectorClient || !isRestarting(negotiated)) return false;
    const isReady = this.isChosenFor(neighbor);
    (isReady ? this.restarting : this.held).set(neighbor, this.host.clock.now());
    return !isReady;
  }

  /** Whether all that a neighbor is to be told is chosen. */
  private isChosenFor({ settings }: Neighbor): boolean {
    return settings.families.every((family) => this.waiting.get(family) !== false);
  }

  /** A session came up. */
  onEstablished(neighbor: Neighbor): void {
    if (neighbor.dynamic !== null) this.lastArrival = this.host.clock.now();
    if (this.restarting.has(neighbor)) neighbor.unmute();
    this.check();
  }

  /** Something happened that selection may have been waiting for. */
  check(): void {
    if (!this.isActive || !this.host.isComplete()) return;
    let wait = Infinity;
    for (const [family, isChosen] of this.waiting) {
      if (isChosen) continue;
      const left = this.waitFor(family, () => 0);
      if (left <= 0) this.choose(family);
      else wait = Math.min(wait, left);
    }
    wait = Math.min(wait, this.checkHeld());
    for (const [family, isChosen] of this.waiting) {
      const left = isChosen ? this.waitFor(family, (neighbor) => this.patience(neighbor)) : Infinity;
      if (left <= 0) this.resume(family);
      else wait = Math.min(wait, left);
    }
    if (!this.isActive) return this.end();
    this.recheck?.cancel();
    this.recheck = wait === Infinity ? undefined : this.host.clock.after(wait, () => this.check());
  }

  private choose(family: FamilyName): void {
    this.waiting.set(family, true);
    this.host.loop.muted.decideOn(this.host.rib.of(family));
  }

  /** Let clients through: when all is chosen that they are to be told, or when they have waited long enough. */
  private checkHeld(): number {
    let wait = Infinity;
    for (const [neighbor, since] of this.held) {
      const left = this.isChosenFor(neighbor) ? 0 : since + RESTARTING_CLIENT_MS - this.host.clock.now();
      if (left <= 0) this.letThrough(neighbor);
      else wait = Math.min(wait, left);
    }
    return wait;
  }

  private letThrough(neighbor: Neighbor): void {
    this.held.delete(neighbor);
    this.restarting.set(neighbor, this.host.clock.now());
    // The first thing that it is told confirms its OPEN: its routes come in the same breath.
    if (this.isChosenFor(neighbor) && neighbor.negotiated) {
      neighbor.unmute();
      void this.host.loop.idle().then(() => neighbor.peer.confirm());
    } else neighbor.peer.confirm();
  }

  /** How much longer a client that restarts is waited for. */
  private patience(neighbor: Neighbor): number {
    if (this.held.has(neighbor)) return Infinity;
    const since = this.restarting.get(neighbor);
    return since === undefined ? 0 : Math.max(0, since + RESTARTING_CLIENT_MS - this.host.clock.now());
  }

  /**
   * Milliseconds after which to look again; 0: nothing to wait for; Infinity: until something happens.
   * @param patience with one that has restarted too
   */
  private waitFor(family: FamilyName, patience: (neighbor: Neighbor) => number): number {
    const { host } = this;
    let wait = this.waitForDynamic();
    for (const neighbor of host.neighbors()) wait = Math.max(wait, waitForNeighbor(neighbor, family, patience));
    return wait;
  }

  /** Nobody knows which dynamic neighbors will come: the last one is taken to be here when none came for a while. */
  private waitForDynamic(): number {
    const { dynamicNeighbors = [], gracefulRestart } = this.host.config();
    if (dynamicNeighbors.length === 0) return 0;
    const quietMs = (gracefulRestart?.dynamicNeighborQuietTime ?? DEFAULT_QUIET_TIME_S) * 1000;
    return Math.max(0, this.lastArrival + quietMs - this.host.clock.now());
  }

  private resume(family: FamilyName): void {
    this.waiting.delete(family);
    this.host.loop.muted.resume(this.host.rib.of(family));
  }

  private end(): void {
    this.cancel();
    for (const neighbor of this.held.keys()) neighbor.peer.confirm();
    this.held.clear();
    for (const family of this.waiting.keys()) this.resume(family);
    this.onEnd();
  }

  /** A pending timer would keep the process alive. */
  cancel(): void {
    this.limit.cancel();
    this.recheck?.cancel();
  }
}

function isRestarting({ gracefulRestart }: Negotiated): boolean {
  return gracefulRestart?.restartState ?? false;
}

function waitForNeighbor(neighbor: Neighbor, family: FamilyName, patience: (neighbor: Neighbor) => number): number {
  if (neighbor.adminDown || !neighbor.settings.families.includes(family)) return 0;
  const { negotiated } = neighbor;
  // One that came by range and is gone is not waited for.
  if (!negotiated) return neighbor.dynamic === null ? Infinity : 0;
  const isDone = !neighbor.families.includes(family) || neighbor.hasEndOfRib(family);
  // RFC 4724 section 4.1: who does not announce the capability may never send an End-of-RIB.
  if (isDone || !negotiated.gracefulRestart) return 0;
  return isRestarting(negotiated) ? patience(neighbor) : Infinity;
}
