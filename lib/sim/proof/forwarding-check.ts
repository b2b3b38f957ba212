/** Follows packets, and says whether the routes or a broken wire are to blame where they get lost. */
import { formatAddress, parseAddress, parsePrefix, prefixContains } from '../../net/index.js';
import { traceText, type Trace } from '../network/forwarding.js';
import type { Network } from '../network/network.js';
import type { Invariant } from './invariants.js';
import type { Choices, Oracle } from './oracle.js';

export class ForwardingCheck {
  readonly #answers = new Map<string, Choices>();

  constructor(
    private readonly net: Network,
    private readonly oracle: Oracle,
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
    const nextHop = this.#nextHopAt(host.name, trace.to);
    if (nextHop === undefined) return false;
    const decision = this.net.fabric.forwarding.decide(host, parseAddress(nextHop));
    return decision.kind === 'forward' && decision.hops.some(({ broken }) => broken === trace.reason);
  }

  /** The next hop that the oracle has for an address at a router. */
  #nextHopAt(name: string, address: string): string | undefined {
    const octets = parseAddress(address);
    let longest = -1;
    let nextHop: string | undefined;
    for (const prefix of this.oracle.snapshot.prefixes) {
      const { length } = parsePrefix(prefix);
      if (length <= longest || !prefixContains(parsePrefix(prefix), octets)) continue;
      const best = this.#choices(prefix).get(name)?.best;
      if (best === undefined) continue;
      longest = length;
      nextHop = best.route.nextHop;
    }
    return nextHop;
  }

  #choices(prefix: string): Choices {
    let choices = this.#answers.get(prefix);
    if (choices === undefined) this.#answers.set(prefix, (choices = this.oracle.answer(prefix).choices));
    return choices;
  }
}
