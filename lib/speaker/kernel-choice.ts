/** What of a prefix goes to the kernel: nothing, the best path, or several at once, and what the policy of the FIB says of it. */
import type { RejectType } from '../fib/targets.js';
import type { KernelRouteActions } from '../policy/definition.js';
import { FibPolicy, NOT_INSTALLED } from '../policy/fib-policy.js';
import type { PolicyChain } from '../policy/policy-chain.js';
import { IdStack } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Originator } from './originate.js';
import { isUnspecified } from './forwarding-address.js';

/** A path that is used. */
export interface KernelMember {
  /** Number of the next hop; it is used again when the next hop is gone. */
  readonly id: number;
  /** Octets of the next hop, as the RIB's NextHopTable has them. */
  readonly nextHop: Uint8Array;
  /** The link of its neighbor, where link-local next hops are. */
  readonly device: string | undefined;
  readonly weight: number;
}

const PLAIN: KernelRouteActions = {};
/** Scratch: nothing of it outlives a call. */
const rows = new IdStack();

export class KernelChoice {
  private policies: ReadonlyMap<FamilyRib, FibPolicy> | undefined;

  /** @param metric of routes of which no policy says otherwise */
  constructor(
    private readonly originator: Originator,
    private readonly metric: number,
  ) {}

  /** The policies that routes go through on their way to the kernel; undefined: all do. */
  setPolicy(families: readonly FamilyRib[], chain: PolicyChain | undefined): void {
    this.policies = chain && new Map(families.map((rib) => [rib, new FibPolicy(rib, chain)]));
  }

  policyOf(rib: FamilyRib): FibPolicy | undefined {
    return this.policies?.get(rib);
  }

  /** What the policy says of a path: a number; below 0: it does not go to the kernel. */
  verdictOf(rib: FamilyRib, prefix: number, attributes: number, source: number): number {
    return this.policies ? this.policies.get(rib)!.verdictOf(attributes, prefix, source) : 0;
  }

  settings(rib: FamilyRib, verdict: number): KernelRouteActions {
    return this.policies ? this.policies.get(rib)!.settings(verdict) : PLAIN;
  }

  /** Whether several paths of a prefix may be used at once. */
  isShared(rib: FamilyRib, prefix: number): boolean {
    if (rib.multipath === undefined) return false;
    const head = rib.headOf(prefix);
    return head >= 0 && rib.paths.next[head]! >= 0;
  }

  /** The learnt paths that are used, the best one first. Those that the policy rejects are left out. */
  sharedMembers(rib: FamilyRib, prefix: number): KernelMember[] {
    const multipath = rib.multipath!;
    multipath.select(rib, rib.headOf(prefix), rows);
    for (let i = rows.length - 1; i > 0; i--) {
      const [attributes, source] = [rib.paths.attributes[rows.at(i)]!, rib.paths.source[rows.at(i)]!];
      if (this.verdictOf(rib, prefix, attributes, source) === NOT_INSTALLED) rows.removeAt(i);
    }
    const members: KernelMember[] = [];
    for (const [i, weight] of multipath.weights(rib, rows).entries()) {
      const row = rows.at(i);
      if (weight > 0) members.push(this.member(rib, rib.paths.attributes[row]!, rib.paths.source[row]!, weight));
    }
    return members;
  }

  private member(rib: FamilyRib, attributes: number, source: number, weight: number): KernelMember {
    const id = rib.store.nextHop[attributes]!;
    return { id, nextHop: rib.nextHops.octetsOf(id), device: rib.peers.get(source).device, weight };
  }

  /** What a route that was originated here is in the kernel: it is there only as a blackhole. */
  localType(rib: FamilyRib, prefix: number): RejectType | undefined {
    return this.originator.optionsOf(rib.prefixes.prefixOf(prefix))?.blackhole ? 'blackhole' : undefined;
  }

  /**
   * The metric of a prefix's route in the kernel; undefined: no route of ours for it can lead anywhere. One that was
   * originated here with a next hop counts, though it is not in the kernel: what it says of the way there is as good.
   */
  metricOf(rib: FamilyRib, prefix: number): number | undefined {
    const attributes = rib.bestAttributes[prefix] ?? NONE;
    if (attributes === NONE) return undefined;
    const verdict = this.verdictOf(rib, prefix, attributes, rib.bestSource[prefix]!);
    if (verdict === NOT_INSTALLED) return undefined;
    const isBare = rib.bestSource[prefix] === LOCAL_SOURCE && this.localType(rib, prefix) === undefined;
    if (isBare && isUnspecified(rib.nextHops.octetsOf(rib.store.nextHop[attributes]!))) return undefined;
    return this.settings(rib, verdict).metric ?? this.metric;
  }

  /** The paths of a prefix for which `metricOf` has a metric; `rejects`: packets end here. */
  membersOf(rib: FamilyRib, prefix: number): readonly KernelMember[] | 'rejects' {
    const attributes = rib.bestAttributes[prefix]!;
    const source = rib.bestSource[prefix]!;
    if (this.settings(rib, this.verdictOf(rib, prefix, attributes, source)).type !== undefined) return 'rejects';
    if (source === LOCAL_SOURCE && this.localType(rib, prefix) !== undefined) return 'rejects';
    if (source !== LOCAL_SOURCE && this.isShared(rib, prefix)) return this.sharedMembers(rib, prefix);
    return [this.member(rib, attributes, source, 1)];
  }
}
