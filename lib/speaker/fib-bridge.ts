/**
 * Between the Loc-RIB and the FIB: best paths become wanted kernel routes, and what the kernel says of next hops goes to
 * the decision process.
 */
import type { Fib } from '../fib/fib.js';
import type { FibTarget } from '../fib/targets.js';
import { formatAddress, formatPrefix, isLinkLocal, parsePrefix, type LocalNetworks } from '../net/index.js';
import type { IdStack } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import type { Reachability } from '../rib/next-hop-table.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import type { Originator } from './originate.js';
import { locatePrefix } from './path-views.js';

const UNREACHABLE: Reachability = { reachable: 'no', metric: 0 };
const REACHABLE: Reachability = { reachable: 'yes', metric: 0 };
const OWN: Reachability = { reachable: 'own', metric: 0 };

/** Whether a next hop can be one at all: no multicast, no broadcast. */
function isUnicast(octets: Uint8Array): boolean {
  return octets.length === 4 ? octets[0]! < 224 : octets[0] !== 0xff;
}

function isUnspecified(octets: Uint8Array): boolean {
  return octets.every((octet) => octet === 0);
}

function isLoopback(octets: Uint8Array): boolean {
  return octets.length === 4 ? octets[0] === 127 : octets.every((octet, i) => octet === (i === 15 ? 1 : 0));
}

/** Of a global and a link-local address the global one, unless the sender has none and wrote `::` (RFC 2545 section 3). */
function forwardingAddress(nextHop: Uint8Array): Uint8Array {
  if (nextHop.length !== 32) return nextHop;
  const global = nextHop.subarray(0, 16);
  return isUnspecified(global) ? nextHop.subarray(16) : global;
}

/** Is the next hop of a route usable (RFC 4271 9.1.2.1)? Without a FIB all are that are not plainly wrong. */
export class NextHopResolver {
  private fib: Fib | undefined;

  constructor(private readonly networks: LocalNetworks) {}

  setFib(fib: Fib): void {
    this.fib = fib;
  }

  /** @param nextHop 4 octets, 16, or 32 (global and link-local) */
  resolve(nextHop: Uint8Array): Reachability {
    const address = forwardingAddress(nextHop);
    // Local routes without a next hop of their own carry the unspecified address.
    if (isUnspecified(address)) return OWN;
    if (!isUnicast(address)) return UNREACHABLE;
    const text = formatAddress(address);
    // A link-local address says nothing without its link: that of another one may be the same as ours.
    if (isLinkLocal(address)) return REACHABLE;
    if (!isLoopback(address) && this.networks.interfaceOf(text)) return OWN;
    if (!this.fib) return REACHABLE;
    const resolution = this.fib.resolve(text);
    if (resolution) return { reachable: 'yes', metric: resolution.metric };
    // A kernel that cannot be read must not stop BGP.
    return this.fib.knowsKernel ? UNREACHABLE : REACHABLE;
  }
}

export class FibBridge {
  constructor(
    private readonly fib: Fib,
    private readonly originator: Originator,
  ) {}

  /** Best paths changed: say what is wanted now. */
  apply(rib: FamilyRib, changed: IdStack): void {
    for (let i = 0; i < changed.length; i++) this.applyOne(rib, changed.at(i));
  }

  /** A route is originated anew: a blackhole is no attribute, so turning it on or off need not change the best path. */
  applyLocal(rib: Rib, prefix: string): void {
    const { family, id } = locatePrefix(rib, parsePrefix(prefix));
    if ((family.bestAttributes[id] ?? NONE) !== NONE && family.bestSource[id] === LOCAL_SOURCE)
      this.applyOne(family, id);
  }

  private applyOne(rib: FamilyRib, id: number): void {
    const prefix = rib.prefixes.prefixOf(id);
    const attributes = rib.bestAttributes[id]!;
    const text = formatPrefix(prefix);
    const source = rib.bestSource[id]!;
    let target: FibTarget | undefined;
    if (attributes !== NONE) {
      if (source !== LOCAL_SOURCE) target = this.target(rib, attributes, source);
      else if (this.originator.optionsOf(prefix)?.blackhole) target = 'blackhole';
    }
    if (target === undefined) this.fib.delete(text);
    else this.fib.set(text, target);
  }

  private target(rib: FamilyRib, attributes: number, source: number): FibTarget {
    const octets = rib.nextHops.octetsOf(rib.store.nextHop[attributes]!);
    const address = forwardingAddress(octets);
    if (!isLinkLocal(address)) return { nextHop: formatAddress(address) };
    const device = rib.peers.get(source).device;
    return device === undefined ? { nextHop: formatAddress(address) } : { nextHop: formatAddress(address), device };
  }
}
