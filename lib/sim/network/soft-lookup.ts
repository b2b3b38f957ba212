import { routeBody, type RouteBody } from '../../fib/body.js';
import { formatAddress } from '../../net/index.js';
import { NONE } from '../../rib/family-rib.js';
import { LOCAL_SOURCE } from '../../rib/peer-table.js';
import type { Host } from './host.js';
import { Router } from './router.js';

/** What the Loc-RIB of a router says that writes no kernel routes; next hops are resolved through its kernel. */
export function softLookup(host: Host, address: Uint8Array): { length: number; body: RouteBody } | undefined {
  if (!(host instanceof Router) || host.fib || !host.isRunning || host.process === undefined) return undefined;
  const rib = host.process.speaker.rib.of(address.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
  if (rib.prefixes.count === 0) return undefined;
  for (let length = address.length * 8; length >= 0; length--) {
    const id = rib.prefixes.find(length, address, 0);
    const attributes = id < 0 ? NONE : (rib.bestAttributes[id] ?? NONE);
    if (attributes === NONE || rib.bestSource[id] === LOCAL_SOURCE) continue;
    const nextHop = rib.nextHops.octetsOf(rib.store.nextHop[attributes]!).subarray(0, address.length === 4 ? 4 : 16);
    const route = host.kernel.lookup(nextHop);
    if (route?.body.type !== 'unicast') continue;
    const gateway = formatAddress(nextHop);
    const hops = route.body.hops.map((hop) => (hop.gateway === undefined ? { ...hop, gateway } : hop));
    return { length, body: routeBody({ type: 'unicast', hops }) };
  }
  return undefined;
}
