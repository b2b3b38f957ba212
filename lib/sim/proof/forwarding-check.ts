/** Follows packets, and says whether the routes or a broken wire are to blame where they get lost. */
import { formatAddress, parseAddress, parsePrefix, prefixContains } from '../../net/index.js';
import { traceText, type Trace } from '../network/forwarding.js';
import type { Network } from '../network/network.js';
import type { Invariant } from './names.js';
import type { Choices } from './oracle.js';
import type { Snapshot } from './snapshot.js';

export class ForwardingCheck {
  /** @param choicesOf what routers should have chosen for a prefix */
  constructor(
    private readonly net: Network,
    private readonly snapshot: Snapshot,
    private readonly choicesOf: (prefix: string) => Choices,
  ) {}

  /** What becomes of packets that a router sends by a route of its own; undefined: all is well. */
  lost(name: string, prefix: string): { readonly invariant: Invariant; readonly text: string } | undefined {
    const { octets, length } = parsePrefix(prefix);
    const address = new Uint8Array(octets);
    if (length < address.length * 8 - 1) address[address.length - 1]! |= 1;
    for (const trace of this.net.traces(name, formatAddress(address))) {
      if (trace.reached || (trace.failure === 'cut' && this.#isExcused(trace))) continue;
      return { invariant: trace.failure === 'loop' ? 'no forwarding loop' : 'no black hole', text: traceText(trace) };
    }
    return undefined;
  }

  /**
   * Packets got lost on a broken wire. Routes are not to blame where the oracle would send them over this wire too: it knows all
   * that the protocols can know, which is sessions that are up (none that needs this wire is, in a network at rest) and links
   * whose ends see that they are down.
   */
  #isExcused(trace: Trace): boolean {
    const host = this.net.hostOf(trace.path.at(-1)!);
    return this.#nextHopsAt(host.name, trace.to).some((nextHop) => {
      const decision = this.net.fabric.forwarding.decide(host, parseAddress(nextHop));
      return decision.kind === 'forward' && decision.hops.some(({ broken }) => broken === trace.reason);
    });
  }

  /** The next hops that the oracle has for an address at a router. */
  #nextHopsAt(name: string, address: string): string[] {
    const octets = parseAddress(address);
    const multipath = this.snapshot.routers.get(name)?.multipath ?? false;
    let longest = -1;
    let nextHops: string[] = [];
    for (const prefix of this.snapshot.prefixes) {
      const { length } = parsePrefix(prefix);
      if (length <= longest || !prefixContains(parsePrefix(prefix), octets)) continue;
      const choice = this.choicesOf(prefix).get(name);
      if (choice?.best === undefined) continue;
      longest = length;
      // Which of the others are equally good is not among the plain rules.
      nextHops = (multipath ? choice.usable : [choice.best]).map(({ route }) => route.nextHop);
    }
    return nextHops.filter((nextHop) => nextHop !== '');
  }
}
