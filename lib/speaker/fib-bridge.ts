/** From the Loc-RIB to the FIB: what is chosen becomes wanted kernel routes. */
import type { Fib } from '../fib/fib.js';
import type { FibTarget, NextHop } from '../fib/targets.js';
import { wholeWeights } from '../fib/weights.js';
import { formatAddress, formatPrefix, isLinkLocal, parsePrefix } from '../net/index.js';
import type { KernelRouteActions } from '../policy/definition.js';
import { NOT_INSTALLED } from '../policy/fib-policy.js';
import { grow, nextCapacity, type IdStack } from '../rib/columns.js';
import { NONE, type DecidedListener, type FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import { forwardingAddress } from './forwarding-address.js';
import type { KernelChoice, KernelMember } from './kernel-choice.js';
import type { NextHopResolver } from './next-hop-resolver.js';
import { locatePrefix } from './path-views.js';
import { WantedTargets } from './wanted-targets.js';

/** What a next hop became, while nothing about it changes. */
interface Known {
  readonly octets: Uint8Array;
  /** For a link-local next hop. */
  readonly device: string | undefined;
  readonly verdict: number;
  readonly target: number;
}

/** What is remembered of a family. */
interface FamilyState {
  /** By prefix id: the number of the target that the FIB was told; 0: none. */
  told: Uint32Array;
  /** By next hop id. */
  known: (Known | undefined)[];
  /** What several paths together became, by their next hops, links and shares, and the verdict. */
  readonly shared: Map<string, Shared>;
}

interface Shared {
  readonly octets: readonly Uint8Array[];
  readonly target: number;
}

/** So many combinations of paths are remembered. */
const MOST_SHARED = 4096;

export interface FibBridgeOptions {
  readonly fib: Fib;
  readonly rib: Rib;
  readonly choice: KernelChoice;
  readonly resolver: NextHopResolver;
  /** Paths changed, perhaps only some that are used beside a best one. */
  readonly onPathsChange: () => void;
}

export class FibBridge {
  private readonly targets = new WantedTargets();
  private readonly families = new Map<FamilyRib, FamilyState>();
  private readonly listeners = new Map<FamilyRib, DecidedListener>();

  constructor(private readonly o: FibBridgeOptions) {
    for (const rib of o.rib.families)
      this.families.set(rib, { told: new Uint32Array(16), known: [], shared: new Map() });
    this.followPaths();
  }

  /** Best paths changed: say what is wanted now. */
  apply(rib: FamilyRib, changed: IdStack): void {
    if (this.listeners.has(rib)) return; // it was told all that was decided
    for (let i = 0; i < changed.length; i++) this.applyOne(rib, changed.at(i));
  }

  /** Several paths may be used at once, or not any more: then all that is decided counts, not only new best paths. */
  followPaths(): void {
    for (const rib of this.o.rib.families) {
      const known = this.listeners.get(rib);
      if (rib.multipath !== undefined && !known) {
        const listener: DecidedListener = (prefixes, from, to) => {
          for (let i = from; i < to; i++) this.applyOne(rib, prefixes.at(i));
          this.o.onPathsChange();
        };
        this.listeners.set(rib, listener);
        rib.decidedListeners.add(listener);
      } else if (rib.multipath === undefined && known) {
        rib.decidedListeners.delete(known);
        this.listeners.delete(rib);
      }
    }
  }

  /** A route is originated anew: a blackhole is no attribute, so turning it on or off need not change the best path. */
  applyLocal(prefix: string): void {
    const { family, id } = locatePrefix(this.o.rib, parsePrefix(prefix));
    if ((family.bestAttributes[id] ?? NONE) !== NONE && family.bestSource[id] === LOCAL_SOURCE)
      this.applyOne(family, id);
  }

  /** Next hops lead elsewhere, or policies say something else. @returns a job that goes through all routes, in slices */
  reapplyJob(): { step(budget: number): boolean } {
    for (const state of this.families.values()) {
      for (const known of state.known) if (known) this.targets.release(known.target);
      state.known = [];
      this.forgetShared(state);
    }
    const families = [...this.families.keys()];
    let [at, prefix] = [0, 0];
    const step = (budget: number): boolean => {
      const rib = families[at]!;
      const end = Math.min(rib.prefixes.idLimit, prefix + budget);
      for (; prefix < end; prefix++) {
        if ((rib.bestAttributes[prefix] ?? NONE) !== NONE) this.applyOne(rib, prefix);
      }
      if (prefix < rib.prefixes.idLimit) return false;
      prefix = 0;
      return ++at === families.length;
    };
    return { step };
  }

  private applyOne(rib: FamilyRib, prefix: number): void {
    const state = this.families.get(rib)!;
    const attributes = rib.bestAttributes[prefix]!;
    const target = attributes === NONE ? 0 : this.targetFor(rib, state, prefix, attributes);
    const before = state.told[prefix] ?? 0;
    if (target === before) return this.targets.release(target);
    if (prefix >= state.told.length) state.told = grow(state.told, nextCapacity(state.told.length, prefix + 1));
    state.told[prefix] = target;
    const text = formatPrefix(rib.prefixes.prefixOf(prefix));
    if (target === 0) this.o.fib.delete(text);
    else this.o.fib.set(text, this.targets.get(target));
    this.targets.release(before);
  }

  /** The number of a prefix's target, held. */
  private targetFor(rib: FamilyRib, state: FamilyState, prefix: number, attributes: number): number {
    const { choice } = this.o;
    const source = rib.bestSource[prefix]!;
    const verdict = choice.verdictOf(rib, prefix, attributes, source);
    if (verdict === NOT_INSTALLED) return 0;
    const settings = choice.settings(rib, verdict);
    if (source === LOCAL_SOURCE) {
      const type = choice.localType(rib, prefix);
      return type === undefined ? 0 : this.targets.retain(rejecting({ type, ...settings }));
    }
    if (choice.isShared(rib, prefix))
      return this.sharedTarget(state, choice.sharedMembers(rib, prefix), verdict, settings);
    const nextHop = rib.store.nextHop[attributes]!;
    const octets = rib.nextHops.octetsOf(nextHop);
    const { device } = rib.peers.get(source);
    const known = state.known[nextHop];
    if (known && known.octets === octets && known.verdict === verdict && known.device === device) {
      this.targets.hold(known.target);
      return known.target;
    }
    const target = this.retain([{ id: nextHop, nextHop: octets, device, weight: 1 }], settings);
    if (known) this.targets.release(known.target);
    this.targets.hold(target);
    state.known[nextHop] = { octets, device, verdict, target };
    return target;
  }

  private sharedTarget(
    { shared }: Pick<FamilyState, 'shared'>,
    members: readonly KernelMember[],
    verdict: number,
    settings: KernelRouteActions,
  ): number {
    let key = `${verdict}`;
    for (const { id, weight, device } of members) key += ` ${id}*${weight}%${device}`;
    const known = shared.get(key);
    if (known && members.every(({ nextHop }, i) => known.octets[i] === nextHop)) {
      this.targets.hold(known.target);
      return known.target;
    }
    if (known) this.targets.release(known.target);
    else if (shared.size >= MOST_SHARED) this.forgetShared({ shared });
    const target = this.retain(members, settings);
    this.targets.hold(target);
    shared.set(key, { octets: members.map(({ nextHop }) => nextHop), target });
    return target;
  }

  private forgetShared({ shared }: Pick<FamilyState, 'shared'>): void {
    for (const { target } of shared.values()) this.targets.release(target);
    shared.clear();
  }

  private retain(members: readonly KernelMember[], settings: KernelRouteActions): number {
    if (settings.type !== undefined) return this.targets.retain(rejecting(settings));
    const nextHops = this.nextHopsOf(members, settings.device);
    if (nextHops.length === 0) return 0;
    const { prefSrc, mtu, metric } = settings;
    return this.targets.retain({
      ...(nextHops.length === 1 ? nextHops[0]! : { nextHops }),
      ...(prefSrc === undefined ? {} : { source: prefSrc }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(metric === undefined ? {} : { metric }),
    });
  }

  /** All ways out, each once, in an order that does not depend on that of the paths; the share of a path is divided among its ways. */
  private nextHopsOf(members: readonly KernelMember[], tunnel: string | undefined): NextHop[] {
    const shares = new Map<string, { readonly exit: NextHop; share: number }>();
    const add = (exit: NextHop, share: number): void => {
      const key = `${exit.nextHop}%${exit.device}`;
      const known = shares.get(key);
      if (known) known.share += share;
      else shares.set(key, { exit, share });
    };
    for (const { nextHop, device, weight } of members) {
      const text = formatAddress(forwardingAddress(nextHop));
      if (tunnel !== undefined) {
        add({ nextHop: text, device: tunnel, onlink: true }, weight);
        continue;
      }
      const exits = this.o.resolver.exitsOf(nextHop) ?? [linkLocal(text, forwardingAddress(nextHop), device)];
      const all = exits.reduce((sum, exit) => sum + (exit.weight ?? 1), 0);
      for (const exit of exits) add(exit, (weight * (exit.weight ?? 1)) / all);
    }
    const sorted = [...shares].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    const weights = sorted.length > 1 ? wholeWeights(sorted.map(({ share }) => share)) : [1];
    const areEqual = weights.every((weight) => weight === weights[0]);
    return sorted.map(({ exit: { nextHop, device, onlink } }, i) => ({
      nextHop,
      ...(device === undefined ? {} : { device }),
      ...(onlink ? { onlink } : {}),
      ...(areEqual ? {} : { weight: weights[i]! }),
    }));
  }
}

function linkLocal(nextHop: string, address: Uint8Array, device: string | undefined): NextHop {
  return device === undefined || !isLinkLocal(address) ? { nextHop } : { nextHop, device };
}

function rejecting({ type, metric }: KernelRouteActions): FibTarget {
  return metric === undefined ? type! : { type: type!, metric };
}
