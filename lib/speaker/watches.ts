import { RIB_FAMILIES } from '../bgp/wire/families.js';
import type { FibEvent } from '../fib/events.js';
import { UsageError, type Clock } from '../net/index.js';
import type { IdStack } from '../rib/columns.js';
import type { DecidedListener, FamilyRib } from '../rib/family-rib.js';
import type { Rib } from '../rib/rib.js';
import type { NeighborView } from './views.js';
import { MultipathWatch } from './multipath-watch.js';
import type { WatchOptions } from './watch-events.js';
import { Watch } from './watch.js';
import type { WorkLoop } from './work-loop.js';

export interface WatchesHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  /** Addresses of all neighbors. */
  neighborAddresses(): readonly string[];
  neighborIfAny(address: string): NeighborView | undefined;
}

/** The watches of one speaker. Hooked into the work loop only while there are any. */
export class Watches {
  private readonly open = new Set<Watch>();
  private unhook: (() => void) | undefined;
  private ended = false;

  /** For those who watch best paths, of families in which several are used at once. */
  private readonly multipath = new Map<FamilyRib, MultipathWatch>();
  private readonly decidedListeners: ReadonlyMap<FamilyRib, DecidedListener>;

  constructor(private readonly host: WatchesHost) {
    const listen =
      (family: FamilyRib): DecidedListener =>
      (prefixes, from, to) => {
        for (const watch of this.open) if (!watch.bestOnly) watch.onRoutes(family, prefixes, from, to);
      };
    this.decidedListeners = new Map(host.rib.families.map((family) => [family, listen(family)]));
  }

  /** @throws UsageError `bad_family` */
  add(options: WatchOptions): Watch {
    const { rib, loop, clock } = this.host;
    for (const family of options.families ?? []) {
      if (!RIB_FAMILIES.includes(family)) throw new UsageError('bad_family', `unknown family '${family}'`, 'families');
    }
    const watch = new Watch(
      {
        clock,
        ribs: (families) => rib.families.filter(({ family }) => families?.includes(family) ?? true),
        neighbors: () => this.host.neighborAddresses(),
        neighbor: (address) => this.host.neighborIfAny(address),
        release: (family, prefix) => loop.release(family, prefix),
        closed: (closed) => this.remove(closed),
      },
      options,
    );
    if (!watch.isClosed) {
      this.open.add(watch);
      this.hook();
      if (this.ended) watch.end();
    }
    return watch;
  }

  private hook(): void {
    const { loop } = this.host;
    this.unhook ??= loop.watch({
      onBestPathChange: (family, changed) => {
        for (const watch of this.open) if (watch.bestOnly) watch.onRoutes(family, changed, 0, changed.length);
      },
      needs: (family, prefix) => [...this.open].some((watch) => watch.needs(family, prefix)),
    });
    this.followMultipath(true);
    if (![...this.open].some(({ bestOnly }) => !bestOnly)) return;
    for (const [family, listener] of this.decidedListeners) family.decidedListeners.add(listener);
  }

  /** @param wereUsed whether several paths were used at once so far */
  private followMultipath(wereUsed: boolean): void {
    if (![...this.open].some(({ bestOnly }) => bestOnly)) return;
    for (const family of this.host.rib.families) {
      if (family.multipath === undefined || this.multipath.has(family)) continue;
      const tell = (prefixes: IdStack): void => {
        for (const watch of this.open) if (watch.bestOnly) watch.onRoutes(family, prefixes, 0, prefixes.length);
      };
      this.multipath.set(family, new MultipathWatch(family, wereUsed, tell));
    }
  }

  /** Other paths may be used at once now. */
  onMultipath(): void {
    this.followMultipath(false);
    for (const [family, followed] of this.multipath) {
      const done = (): void => {
        if (family.multipath === undefined) this.forgetMultipath(family);
      };
      this.host.loop.addJob(followed.lookJob(done));
    }
  }

  private forgetMultipath(family: FamilyRib): void {
    this.multipath.get(family)?.close();
    this.multipath.delete(family);
  }

  private remove(watch: Watch): void {
    this.open.delete(watch);
    if (![...this.open].some(({ bestOnly }) => !bestOnly)) {
      for (const [family, listener] of this.decidedListeners) family.decidedListeners.delete(listener);
    }
    if (![...this.open].some(({ bestOnly }) => bestOnly)) {
      for (const family of [...this.multipath.keys()]) this.forgetMultipath(family);
    }
    if (this.open.size > 0) return;
    this.unhook?.();
    this.unhook = undefined;
  }

  onNeighbor(address: string): void {
    for (const watch of this.open) watch.onNeighbor(address);
  }

  onFib(event: FibEvent): void {
    for (const watch of this.open) watch.onFib(event);
  }

  /** The speaker has stopped. */
  end(): void {
    this.ended = true;
    for (const watch of this.open) watch.end();
  }
}
