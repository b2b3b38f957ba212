/** An export policy at work, for one update group: from the set in the Loc-RIB to the one in the Adj-RIB-Out. */
import type { FamilyRib } from '../rib/family-rib.js';
import { draft, internExported } from './intern.js';
import type { PolicyChain } from './policy-chain.js';
import { PolicyProgram, type Decision } from './program.js';
import { UNKNOWN, VerdictCache } from './verdict-cache.js';

const REJECTED = -1;

export class ExportPolicy {
  private readonly program: PolicyProgram;
  private readonly cache: VerdictCache;

  /**
   * @param asn our AS as the neighbor knows it
   * @param extendedNextHop whether the neighbor takes IPv6 next hops of IPv4 routes (RFC 8950)
   */
  constructor(
    private readonly rib: FamilyRib,
    chain: PolicyChain,
    asn: number,
    extendedNextHop: boolean,
  ) {
    this.program = new PolicyProgram(chain, { family: rib.family, defaultPrependAs: asn, extendedNextHop });
    this.cache = new VerdictCache(rib.store);
  }

  /** @returns the set to tell, -1 for none */
  apply(attributes: number, prefix: number, source: number): number {
    const { rib, program, cache } = this;
    const cls = program.hasTests ? program.classify(rib.prefixes, prefix, rib.peers.get(source)) : 0;
    const known = cache.get(attributes, cls);
    if (known !== UNKNOWN) return known;
    draft.load(rib.store, attributes);
    const { accepted } = program.run(draft);
    let result = REJECTED;
    if (accepted) result = draft.isEdited || draft.verdict !== 0 ? internExported(rib.store) : attributes;
    cache.put(attributes, cls, result);
    return result;
  }

  /** What the policy says of a route, and which statement. */
  explain(attributes: number, prefix: number, source: number): Decision {
    const { rib, program } = this;
    if (program.hasTests) program.classify(rib.prefixes, prefix, rib.peers.get(source));
    draft.load(rib.store, attributes);
    return program.run(draft);
  }
}
