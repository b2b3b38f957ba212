import { routeBody, type Hop, type RouteBody } from '../../fib/body.js';
import { formatPrefix, maskOctets, parseAddress } from '../../net/index.js';
import { PROTOCOL_IGP, type Host, type Port, type Segment } from './host.js';

interface Reached {
  readonly distance: number;
  /** First hops of all shortest ways. */
  readonly first: readonly Onward[];
}

interface Onward {
  readonly out: Port;
  readonly next: Port;
}

/** What a host belongs to: an AS, for example. */
export type DomainOf = (host: Host) => number | undefined;

/**
 * An interior routing protocol that always knows everything: routes to all loopbacks and links of a domain (also those that
 * leave it) by the least sum of costs, as protocol `ospf` with the sum as metric, equal ways together.
 */
export class Igp {
  readonly #installed = new Map<Host, Map<string, string>>();

  constructor(private readonly domainOf: DomainOf) {}

  /** Put into all kernels what follows from how things are now. */
  update(hosts: Iterable<Host>): void {
    for (const host of hosts) this.#install(host, this.#routesOf(host));
  }

  #routesOf(host: Host): Map<string, { body: RouteBody; metric: number }> {
    const wanted = new Map<string, { body: RouteBody; metric: number }>();
    if (!host.powered) return wanted;
    const own = new Set(host.kernel.routes(2).map(({ prefix }) => prefix));
    const offer = (prefix: string, metric: number, first: readonly Onward[]): void => {
      const known = wanted.get(prefix);
      if (own.has(prefix) || (known !== undefined && known.metric <= metric)) return;
      const v6 = prefix.includes(':');
      const hops = first.flatMap(({ out, next }): Hop[] => {
        const gateway = next.addresses.find((address) => address.includes(':') === v6);
        return gateway === undefined ? [] : [{ gateway, device: out.device }];
      });
      if (hops.length > 0) wanted.set(prefix, { body: routeBody({ type: 'unicast', hops }), metric });
    };
    for (const [other, { distance, first }] of distances(host, this.domainOf)) {
      if (other === host) continue;
      for (const prefix of other.loopbacks) offer(prefix, distance, first);
      for (const port of other.ports) {
        if (!port.segment.up || !port.up) continue;
        for (const { address, length } of port.subnets) {
          const octets = maskOctets(parseAddress(address), length);
          offer(formatPrefix({ octets, length }), distance + port.segment.cost, first);
        }
      }
    }
    return wanted;
  }

  #install(host: Host, wanted: ReadonlyMap<string, { body: RouteBody; metric: number }>): void {
    const before = this.#installed.get(host) ?? new Map<string, string>();
    const now = new Map<string, string>();
    const { kernel } = host;
    for (const [prefix, { body, metric }] of wanted) {
      const key = `${metric} ${body.key}`;
      now.set(prefix, key);
      const old = before.get(prefix);
      if (old === key && kernel.at(prefix).some((route) => route.protocol === PROTOCOL_IGP)) continue;
      if (old !== undefined && old !== key) kernel.remove(prefix, { metric: Number(old.split(' ')[0]) });
      kernel.putRoute({ prefix, table: 254, protocol: PROTOCOL_IGP, metric, tos: 0, body });
    }
    for (const [prefix, key] of before) {
      if (!now.has(prefix)) kernel.remove(prefix, { metric: Number(key.split(' ')[0]) });
    }
    this.#installed.set(host, now);
  }
}

/** Dijkstra's shortest paths from a host to the others of its domain; whole rounds of equal distance at a time. */
function distances(from: Host, domainOf: DomainOf): Map<Host, Reached> {
  const domain = domainOf(from);
  const done = new Map<Host, Reached>();
  const open = new Map<Host, Reached>([[from, { distance: 0, first: [] }]]);
  /** At which distance a segment was first gone over: from further away nothing gets nearer. */
  const crossed = new Map<Segment, number>();
  while (open.size > 0) {
    let least = Infinity;
    for (const { distance } of open.values()) least = Math.min(least, distance);
    const round = [...open].filter(([, { distance }]) => distance === least);
    for (const [host, best] of round) {
      open.delete(host);
      done.set(host, best);
    }
    for (const [host, best] of round) {
      for (const out of host.ports) {
        const { segment } = out;
        if (!segment.up || !out.up || least > (crossed.get(segment) ?? Infinity)) continue;
        crossed.set(segment, least);
        for (const next of segment.ports) {
          if (!next.up || !next.host.powered || done.has(next.host) || domainOf(next.host) !== domain) continue;
          const distance = least + segment.cost;
          const first = host === from ? [{ out, next }] : best.first;
          const known = open.get(next.host);
          if (known === undefined || distance < known.distance) open.set(next.host, { distance, first });
          else if (distance === known.distance) {
            const more = first.filter(({ next: n }) => !known.first.some(({ next: k }) => k === n));
            open.set(next.host, { distance, first: [...known.first, ...more] });
          }
        }
      }
    }
  }
  return done;
}
