import { maskOctets, parseAddress, prefixContains } from '../../net/index.js';
import type { Host } from '../network/host.js';
import type { Network } from '../network/network.js';
import { Router } from '../network/router.js';

/** IGP cost to an address; undefined: there is no way, or it is the router's own. */
export type CostTo = (address: string) => number | undefined;

/**
 * What it costs a router to reach addresses within its AS: relaxed over all links until nothing gets shorter (Bellman and Ford).
 */
export function costsOf(net: Network, router: Router): CostTo {
  // Without kernel routes a speaker asks nobody: each next hop counts as reachable, at no cost.
  if (router.speaker.config.fib === undefined) return (address) => (router.addresses.includes(address) ? undefined : 0);
  const distance = new Map<Host, number>([[router, 0]]);
  for (let better = true; better;) {
    better = false;
    for (const segment of net.segments.values()) {
      if (!segment.up) continue;
      const ends = segment.ports.filter(({ up, host }) => up && host.powered && sameAs(host, router));
      for (const { host: a } of ends) {
        for (const { host: b } of ends) {
          const through = (distance.get(a) ?? Infinity) + segment.cost;
          if (through >= (distance.get(b) ?? Infinity)) continue;
          distance.set(b, through);
          better = true;
        }
      }
    }
  }
  const known = new Map<string, number | undefined>();
  return (address) => {
    if (!known.has(address)) known.set(address, costTo(address, router, distance));
    return known.get(address);
  };
}

function sameAs(host: Host, router: Router): boolean {
  return host instanceof Router && host.asn === router.asn;
}

function costTo(address: string, router: Router, distance: ReadonlyMap<Host, number>): number | undefined {
  if (router.addresses.includes(address)) return undefined;
  if (holds(router, address) !== undefined) return 0;
  let least = Infinity;
  for (const [host, far] of distance) {
    if (host === router) continue;
    const more = host.loopbacks.some((prefix) => contains(prefix, address)) ? 0 : holds(host, address);
    if (more !== undefined) least = Math.min(least, far + more);
  }
  return least === Infinity ? undefined : least;
}

/** The cost of the link of a host that an address is on. */
function holds(host: Host, address: string): number | undefined {
  const ports = host.ports.filter(({ up, segment }) => up && segment.up);
  const port = ports.find(({ subnets }) => subnets.some((net) => contains(`${net.address}/${net.length}`, address)));
  return port?.segment.cost;
}

function contains(prefix: string, address: string): boolean {
  const [net, length] = prefix.split('/');
  const octets = maskOctets(parseAddress(net!), Number(length));
  return prefixContains({ octets, length: Number(length) }, parseAddress(address));
}
