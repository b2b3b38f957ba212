/**
 * How the next hop of a route is reached (RFC 4271 9.1.2.1): at once, through others' kernel routes, or through routes of
 * our own, whose next hops are looked up in turn.
 */
import type { Fib } from '../fib/fib.js';
import type { NextHop } from '../fib/targets.js';
import { formatAddress, formatPrefix, isLinkLocal, type LocalNetworks } from '../net/index.js';
import type { Reachability } from '../rib/next-hop-table.js';
import type { FamilyRib } from '../rib/family-rib.js';
import type { Rib } from '../rib/rib.js';
import { forwardingAddress, isUnspecified } from './forwarding-address.js';
import type { KernelChoice } from './kernel-choice.js';

const UNREACHABLE: Reachability = { reachable: 'no', metric: 0 };
const OWN: Reachability = { reachable: 'own', metric: 0 };
/** So many routes of ours lead to each other at most. */
const MAX_DEPTH = 8;

/** Whether a next hop can be one at all: no multicast, no broadcast. */
function isUnicast(octets: Uint8Array): boolean {
  return octets.length === 4 ? octets[0]! < 224 : octets[0] !== 0xff;
}

function isLoopback(octets: Uint8Array): boolean {
  return octets.length === 4 ? octets[0] === 127 : octets.every((octet, i) => octet === (i === 15 ? 1 : 0));
}

/** The way to a next hop. */
interface Way {
  readonly reachability: Reachability;
  /** Addresses that others' kernel routes lead to, or that are on a link; null: the next hop itself, on its neighbor's link. */
  readonly exits: readonly NextHop[] | null;
  /** Whether routes of ours have, or could have, a say in it. */
  readonly open: boolean;
}

const NOWHERE: Way = { reachability: UNREACHABLE, exits: [], open: true };

/** What the resolver asks about our own routes. */
export interface OwnRoutes {
  readonly rib: Rib;
  readonly choice: KernelChoice;
  /** Whether next hops are looked up in them at all. */
  readonly use: boolean;
  /** Whether a default route counts. */
  readonly useDefault: boolean;
}

/** Is the next hop of a route usable? Without a FIB all are that are not plainly wrong. */
export class NextHopResolver {
  private fib: Fib | undefined;
  private own: OwnRoutes | undefined;
  /** By the octets object of a NextHopTable, which lives as long as the next hop is in use. */
  private readonly ways = new WeakMap<Uint8Array, Way>();
  private moved = false;
  private openOnes = false;

  constructor(private readonly networks: LocalNetworks) {}

  /** @param own left out: next hops are looked up in others' kernel routes alone */
  setFib(fib: Fib, own?: OwnRoutes): void {
    this.fib = fib;
    this.own = own;
  }

  /** @param nextHop 4 octets, 16, or 32 (global and link-local) */
  resolve(nextHop: Uint8Array): Reachability {
    const before = this.ways.get(nextHop);
    const way = this.wayTo(nextHop);
    this.ways.set(nextHop, way);
    if (before && textOf(before.exits) !== textOf(way.exits)) this.moved = true;
    if (way.open) this.openOnes = true;
    return way.reachability;
  }

  /** Where packets for a next hop of the RIB are to be sent; null: to the next hop itself, on its neighbor's link. */
  exitsOf(nextHop: Uint8Array): readonly NextHop[] | null {
    return (this.ways.get(nextHop) ?? this.wayTo(nextHop)).exits;
  }

  /** Whether changes of our own routes can change how next hops are reached. All are about to be resolved anew. */
  beginRefresh(): void {
    this.openOnes = false;
    this.moved = false;
  }

  /** The kernel told of changes: our own addresses may be others. */
  forgetAddresses(): void {
    this.networks.forget?.();
  }

  get dependsOnOwnRoutes(): boolean {
    return this.openOnes && this.own?.use === true;
  }

  /** Whether packets for some next hop go another way since {@link beginRefresh}. */
  get hasMoved(): boolean {
    return this.moved;
  }

  private wayTo(nextHop: Uint8Array): Way {
    const address = forwardingAddress(nextHop);
    // Local routes without a next hop of their own carry the unspecified address.
    if (isUnspecified(address)) return { reachability: OWN, exits: [], open: false };
    if (!isUnicast(address)) return { reachability: UNREACHABLE, exits: [], open: false };
    // A link-local address says nothing without its link: that of another one may be the same as ours.
    if (isLinkLocal(address)) return { reachability: { reachable: 'yes', metric: 0 }, exits: null, open: false };
    const text = formatAddress(address);
    // Asked for also when there is no answer yet, or the address is ours, so that we are told when that changes.
    const cover = this.fib?.cover(text);
    if (!isLoopback(address) && this.networks.interfaceOf(text)) return { reachability: OWN, exits: [], open: false };
    // A kernel that cannot be read must not stop BGP.
    if (!this.fib || !cover || (!cover.leads && !this.fib.knowsKernel)) {
      return { reachability: { reachable: 'yes', metric: 0 }, exits: [{ nextHop: text }], open: false };
    }
    return this.lookUp(this.fib, address, text, []);
  }

  /** @param asked the next hops that lead here: none of them may be needed again */
  private lookUp(fib: Fib, address: Uint8Array, text: string, asked: readonly Uint8Array[]): Way {
    const cover = fib.cover(text);
    // On a network of ours: nobody else's word counts for the way to it.
    const direct = cover.leads ? fib.resolve(text) : undefined;
    const way: Way = direct
      ? {
          reachability: { reachable: 'yes', metric: direct.metric },
          exits: [{ nextHop: text }],
          open: !cover.connected,
        }
      : NOWHERE;
    if (cover.connected || !this.own?.use) return way;
    const { rib, choice, useDefault } = this.own;
    const family = rib.of(address.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
    const shortest = Math.max(cover.length, useDefault ? 0 : 1);
    for (let length = address.length * 8; length >= shortest; length--) {
      const prefix = family.prefixes.find(length, address, 0);
      if (prefix < 0) continue;
      const metric = choice.metricOf(family, prefix);
      // As the kernel chooses between its routes.
      if (metric === undefined || (length === cover.length && cover.metric <= metric)) continue;
      const through = this.through(fib, family, prefix, [...asked, address]);
      if (through) return through;
    }
    return way;
  }

  /** The way through a route of ours; undefined: it is not there, or would lead back to where it came from. */
  private through(fib: Fib, family: FamilyRib, prefix: number, asked: readonly Uint8Array[]): Way | undefined {
    const { choice } = this.own!;
    if (asked.length > MAX_DEPTH || this.needsOneOf(family, prefix, asked)) return undefined;
    const members = choice.membersOf(family, prefix);
    if (members === 'rejects') return NOWHERE;
    const exits: NextHop[] = [];
    let metric: number | undefined;
    for (const { nextHop, device, weight } of members) {
      const address = forwardingAddress(nextHop);
      const text = formatAddress(address);
      if (isLinkLocal(address)) {
        if (device !== undefined) exits.push({ nextHop: text, device, weight });
        metric ??= 0;
        continue;
      }
      const way = this.lookUp(fib, address, text, asked);
      if (way.reachability.reachable !== 'yes') continue;
      const all = (way.exits ?? []).reduce((sum, exit) => sum + (exit.weight ?? 1), 0);
      for (const exit of way.exits ?? []) exits.push({ ...exit, weight: (weight * (exit.weight ?? 1)) / all });
      metric ??= way.reachability.metric;
    }
    if (exits.length === 0) return undefined;
    const via = formatPrefix(family.prefixes.prefixOf(prefix));
    return { reachability: { reachable: 'yes', metric: metric ?? 0, via }, exits, open: true };
  }

  /**
   * Whether any path of a prefix, also one that is not chosen now, has one of these next hops. A route must not be what makes
   * its own next hop resolvable (RFC 4271 9.1.2.1); and to look at all paths keeps it from being chosen and lost in turn.
   */
  private needsOneOf(family: FamilyRib, prefix: number, asked: readonly Uint8Array[]): boolean {
    const { paths, store, nextHops } = family;
    for (let row = family.headOf(prefix); row >= 0; row = paths.next[row]!) {
      const needed = forwardingAddress(nextHops.octetsOf(store.nextHop[paths.attributes[row]!]!));
      if (asked.some((address) => isSame(address, needed))) return true;
    }
    return false;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function textOf(exits: readonly NextHop[] | null): string {
  return exits === null
    ? 'link'
    : exits.map(({ nextHop, device, weight }) => `${nextHop}%${device}*${weight}`).join(' ');
}
