/** The policy of the FIB at work: whether a best path becomes a kernel route, and with which metric, source address and so on. */
import type { FamilyRib } from '../rib/family-rib.js';
import type { KernelRouteActions } from './definition.js';
import { draft } from './intern.js';
import type { PolicyChain } from './policy-chain.js';
import { PolicyProgram, type Decision } from './program.js';
import { UNKNOWN, VerdictCache } from './verdict-cache.js';

/** A verdict: the route is not installed. All others are numbers for {@link FibPolicy.settings}. */
export const NOT_INSTALLED = -1;
/** The cache takes numbers from 0 on for attribute sets: verdicts are kept below those with a meaning of their own. */
const FIRST = -3;

export class FibPolicy {
  private readonly program: PolicyProgram;
  private readonly cache: VerdictCache;
  private readonly byText = new Map<string, number>();
  private readonly list: KernelRouteActions[] = [];

  constructor(
    private readonly rib: FamilyRib,
    readonly chain: PolicyChain,
  ) {
    // Nothing is told to anybody: there is no AS to put in.
    this.program = new PolicyProgram(chain, { family: rib.family, defaultPrependAs: 0 });
    this.cache = new VerdictCache(rib.store);
  }

  /** What the policy says of a path: a number, the same for all paths with the same settings. */
  verdictOf(attributes: number, prefix: number, source: number): number {
    const { rib, program, cache } = this;
    const cls = program.hasTests ? program.classify(rib.prefixes, prefix, rib.peers.get(source)) : 0;
    const known = cache.get(attributes, cls);
    if (known !== UNKNOWN) return known === NOT_INSTALLED ? known : FIRST - known;
    draft.load(rib.store, attributes);
    const verdict = program.run(draft).accepted ? this.numberOf(draft.kernelRoute) : NOT_INSTALLED;
    cache.put(attributes, cls, verdict === NOT_INSTALLED ? verdict : FIRST - verdict);
    return verdict;
  }

  private numberOf(settings: KernelRouteActions): number {
    const text = JSON.stringify(settings, Object.keys(settings).sort());
    let number = this.byText.get(text);
    if (number === undefined) {
      number = this.list.push(settings) - 1;
      this.byText.set(text, number);
    }
    return number;
  }

  /** The settings of a verdict. */
  settings(verdict: number): KernelRouteActions {
    return this.list[verdict]!;
  }

  /** What the policy says of a path, and which statement. */
  explain(attributes: number, prefix: number, source: number): Decision {
    const { rib, program } = this;
    if (program.hasTests) program.classify(rib.prefixes, prefix, rib.peers.get(source));
    draft.load(rib.store, attributes);
    return program.run(draft);
  }
}

/** The metrics that the policies of a chain give to routes. */
export function metricsOf(chain: PolicyChain): number[] {
  const metrics = new Set<number>();
  for (const { statement } of chain.statements()) {
    const metric = statement.actions?.kernelRoute?.metric;
    if (metric !== undefined) metrics.add(metric);
  }
  return [...metrics];
}
