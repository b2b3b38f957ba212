import type { FamilyName } from '../../bgp/wire/families.js';
import { canonicalAddress, formatPrefix, isAddress, parsePrefix, UsageError } from '../../net/index.js';
import type { FibRouteView, PathView } from '../../speaker/views.js';
import type { Trace } from './forwarding.js';
import type { Host } from './host.js';
import type { Router } from './router.js';
import { Topology } from './topology.js';

/** What can be asked of a network. */
export class Questions extends Topology {
  /** A router whose speaker runs. @throws UsageError `not_running` */
  protected running(name: string): Router {
    const router = this.routerOf(name);
    if (!router.isRunning) throw new UsageError('not_running', `${name} does not run: it is ${router.state}`);
    return router;
  }

  // --- routes ---

  /** The best path of a prefix; null: there is none. */
  best(name: string, prefix: string): PathView | null {
    return this.running(name).speaker.explain(formatPrefix(parsePrefix(prefix))).best;
  }

  /** Best paths, by prefix. */
  routes(name: string, family: FamilyName = 'ipv4-unicast'): Map<string, PathView> {
    return new Map([...this.running(name).speaker.routes(family)].map((path) => [path.prefix, path]));
  }

  /** What a speaker wants in its kernel. */
  fib(name: string): FibRouteView[] {
    return [...this.running(name).speaker.fibRoutes()];
  }

  /** What a router was told by another one, before its own policies (Adj-RIB-In). */
  adjRibIn(name: string, from: string, family: FamilyName = 'ipv4-unicast'): PathView[] {
    return [...this.running(name).speaker.routes(family, { receivedFrom: this.neighborAddress(name, from) })];
  }

  /** What a router has told another one (Adj-RIB-Out). */
  adjRibOut(name: string, to: string, family: FamilyName = 'ipv4-unicast'): PathView[] {
    return [...this.running(name).speaker.routes(family, { advertisedTo: this.neighborAddress(name, to) })];
  }

  /** The address that a router knows another one by. @throws UsageError `unknown_neighbor` */
  neighborAddress(name: string, other: string): string {
    const { addresses } = this.routerOf(other);
    const neighbors = this.running(name).speaker.neighbors();
    const known = neighbors.find(({ address }) => addresses.includes(address));
    if (known === undefined) throw new UsageError('unknown_neighbor', `${other} is no neighbor of ${name}`);
    return known.address;
  }

  // --- forwarding ---

  /**
   * Follow a packet from host to host through their kernels, there, not back.
   * @param from a host or a pod
   * @param to   a host, a pod, or an address
   * @param flow of several equal ways a flow takes one, another one perhaps for another number
   */
  trace(from: string, to: string, flow = 0): Trace {
    const start = this.#locate(from);
    return this.fabric.forwarding.trace(start.host, this.#addressOf(to, start.address), flow);
  }

  /** All ways that packets take, depending on the flow. */
  traces(from: string, to: string): Trace[] {
    const start = this.#locate(from);
    return this.fabric.forwarding.traces(start.host, this.#addressOf(to, start.address));
  }

  /** Whether packets of every flow arrive. */
  reaches(from: string, to: string): boolean {
    return this.traces(from, to).every(({ reached }) => reached);
  }

  #locate(name: string): { host: Host; address: string | undefined } {
    return this.pods.get(name) ?? { host: this.hostOf(name), address: undefined };
  }

  #addressOf(name: string, like: string | undefined): string {
    const pod = this.pods.get(name);
    if (pod !== undefined) return pod.address;
    if (isAddress(name)) return canonicalAddress(name);
    const host = this.hostOf(name);
    return host.address(like?.includes(':') === true ? 6 : 4) ?? host.addresses[0]!;
  }
}
