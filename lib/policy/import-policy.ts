/** A neighbor's import policy at work: from a received attribute set to the one that the decision process sees. */
import type { FamilyRib } from '../rib/family-rib.js';
import type { FamilyImportPolicy, ImportPolicy } from '../rib/import-policy.js';
import type { Source } from '../rib/peer-table.js';
import { draft, internImported } from './intern.js';
import type { PolicyChain } from './policy-chain.js';
import { PolicyProgram, type Decision } from './program.js';
import { UNKNOWN, VerdictCache } from './verdict-cache.js';

/** What an import policy goes by, besides the session. */
export interface ImportPolicySettings {
  readonly peerAs: number;
  /** IPv4 routes may be given IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
}

class FamilyPolicy implements FamilyImportPolicy {
  private readonly program: PolicyProgram;
  private readonly cache: VerdictCache;

  constructor(
    private readonly rib: FamilyRib,
    chain: PolicyChain,
    private readonly source: Source,
    { peerAs, extendedNextHop }: ImportPolicySettings,
  ) {
    this.program = new PolicyProgram(chain, { family: rib.family, defaultPrependAs: peerAs, source, extendedNextHop });
    this.cache = new VerdictCache(rib.store);
  }

  get looksAtPrefix(): boolean {
    return this.program.hasTests;
  }

  apply(received: number, prefix: number): number {
    const { rib, program, cache } = this;
    const cls = program.hasTests ? program.classify(rib.prefixes, prefix, this.source) : 0;
    const known = cache.get(received, cls);
    if (known !== UNKNOWN) return known;
    draft.load(rib.store, received);
    const { accepted } = program.run(draft);
    const result = accepted && !draft.isEdited ? received : internImported(rib.store, received, accepted);
    cache.put(received, cls, result);
    return result;
  }

  /** What the policy says of a received set, and which statement. */
  explain(received: number, prefix: number): Decision {
    const { rib, program } = this;
    if (program.hasTests) program.classify(rib.prefixes, prefix, this.source);
    draft.load(rib.store, received);
    return program.run(draft);
  }
}

export class NeighborImportPolicy implements ImportPolicy {
  private readonly families = new Map<FamilyRib, FamilyPolicy>();

  /** @param source what the RIB knows of the neighbor's session */
  constructor(
    readonly chain: PolicyChain,
    private readonly source: Source,
    private readonly settings: ImportPolicySettings,
  ) {}

  of(rib: FamilyRib): FamilyPolicy {
    let policy = this.families.get(rib);
    if (policy === undefined) {
      policy = new FamilyPolicy(rib, this.chain, this.source, this.settings);
      this.families.set(rib, policy);
    }
    return policy;
  }
}
