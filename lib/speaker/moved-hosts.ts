/** Finds addresses that moved from one host to another, for `fib.conntrack: delete`. */
import { ConntrackCleaner, type ConntrackSummary, type ConntrackTable } from '../fib/conntrack.js';
import type { FibEvent } from '../fib/events.js';
import type { Fib } from '../fib/fib.js';
import { formatAddress, type Clock } from '../net/index.js';
import type { IdStack } from '../rib/columns.js';
import { NONE, type DecidedListener, type FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';

/** Where a host is: on this machine. */
const HERE = 'here';
/** Hosts whose last place is remembered; beyond, the ones that changed longest ago are forgotten. */
const MOST = 1_000_000;

export interface MovedHostsHost {
  readonly fib: Fib;
  readonly clock: Clock;
  readonly table: ConntrackTable;
  readonly emit: (event: FibEvent) => void;
}

/** A host that was found at a new place while its old one still announces it. */
interface Leaving {
  readonly address: string;
  readonly places: Set<string>;
}

/** Follows the best paths of host routes. Costs a look at the length of each prefix that changes. */
export class MovedHosts {
  /** Address to where it was last: also while nobody announces it, since it may come back elsewhere. */
  private readonly places = new Map<string, string>();
  private readonly cleaner: ConntrackCleaner;
  /** By prefix id: hosts at two places. They have moved when the old one is gone, which may be told by no best path. */
  private readonly leaving = new Map<FamilyRib, Map<number, Leaving>>();

  constructor(host: MovedHostsHost) {
    const { fib, clock, table, emit } = host;
    const isPending = (address: string): boolean =>
      fib.route(`${address}/${address.includes(':') ? 128 : 32}`)?.state === 'pending';
    this.cleaner = new ConntrackCleaner({ table, clock, emit, isPending });
  }

  /** Best paths changed. */
  onBestPathChange(rib: FamilyRib, changed: IdStack): void {
    const { prefixes } = rib;
    for (let i = 0; i < changed.length; i++) {
      const id = changed.at(i);
      if (prefixes.lengthOf(id) === prefixes.maxLength) this.look(rib, id);
    }
  }

  private look(rib: FamilyRib, id: number): void {
    const attributes = rib.bestAttributes[id]!;
    // Gone is not moved: flows survive a route that is away for a moment.
    if (attributes === NONE) return;
    const address = formatAddress(rib.prefixes.prefixOf(id).octets);
    const place = placeOf(rib, attributes, rib.bestSource[id]!);
    const before = this.places.get(address);
    if (before === place) return;
    this.places.delete(address);
    this.places.set(address, place);
    if (this.places.size > MOST) this.places.delete(this.places.keys().next().value!);
    if (before === undefined) return;
    if (this.isStillAt(rib, id, before)) this.noteLeaving(rib, id, address, before, place);
    else this.cleaner.moved(address);
  }

  /** Announced by several hosts at once: on its way from one to the other, or an anycast address, which never moves. */
  private noteLeaving(rib: FamilyRib, id: number, address: string, before: string, now: string): void {
    let hosts = this.leaving.get(rib);
    if (!hosts) {
      this.leaving.set(rib, (hosts = new Map()));
      rib.decidedListeners.add(this.onDecided(rib, hosts));
    }
    const host = hosts.get(id) ?? { address, places: new Set() };
    hosts.set(id, host);
    host.places.add(before);
    host.places.delete(now);
  }

  private onDecided(rib: FamilyRib, hosts: Map<number, Leaving>): DecidedListener {
    return (prefixes, from, to) => {
      for (let i = from; i < to && hosts.size > 0; i++) {
        const id = prefixes.at(i);
        const host = hosts.get(id);
        if (!host) continue;
        // Gone altogether: its number may stand for another prefix soon.
        if (rib.bestAttributes[id] === NONE) hosts.delete(id);
        for (const place of rib.bestAttributes[id] === NONE ? [] : host.places) {
          if (this.isStillAt(rib, id, place)) continue;
          host.places.delete(place);
          this.cleaner.moved(host.address);
        }
        if (host.places.size === 0) hosts.delete(id);
      }
    };
  }

  private isStillAt(rib: FamilyRib, id: number, place: string): boolean {
    const { paths } = rib;
    for (let row = rib.headOf(id); row >= 0; row = paths.next[row]!) {
      if (placeOf(rib, paths.attributes[row]!, paths.source[row]!) === place) return true;
    }
    return false;
  }

  summary(): ConntrackSummary {
    return this.cleaner.summary();
  }

  stop(): void {
    this.cleaner.close();
  }
}

function placeOf(rib: FamilyRib, attributes: number, source: number): string {
  return source === LOCAL_SOURCE ? HERE : rib.nextHops.textOf(rib.store.nextHop[attributes]!);
}
