/**
 * Routes that neighbors are not told because an aggregate stands for them. What is held back is a matter of a prefix and of
 * where its path comes from alone, not of whether the aggregate is there at the moment: the very route that makes it
 * come would otherwise be told first and withdrawn again.
 */
import { formatPrefix, type Prefix } from '../net/index.js';
import type { ExportPolicy } from '../policy/export-policy.js';
import type { Decision } from '../policy/program.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import { CoverIndex } from './cover-index.js';

/** Where a contributor of an aggregate may come from: from our own configuration, the kernel, or neighbors. */
export const CONTRIBUTOR_SOURCES = ['networks', 'learnt', 'received'] as const;
export type ContributorSource = (typeof CONTRIBUTOR_SOURCES)[number];

/** An aggregate whose contributors are not told. */
export interface Summary {
  readonly prefix: Prefix;
  readonly from: readonly ContributorSource[];
}

/** What a path is to aggregates; undefined: an aggregate itself, which is never part of another one. */
export function contributorSource(rib: FamilyRib, prefix: number, source: number): ContributorSource | undefined {
  if (source !== LOCAL_SOURCE) return 'received';
  const by = rib.describeLocal?.(prefix)?.by;
  return by === 'aggregate' ? undefined : by === 'learnt' ? 'learnt' : 'networks';
}

export class SummaryOnly {
  /** Equal keys hold back the same. */
  readonly key: string;
  private readonly four: CoverIndex<Summary>;
  private readonly six: CoverIndex<Summary>;

  constructor(summaries: readonly Summary[]) {
    this.key = summaries.map(({ prefix, from }) => `${formatPrefix(prefix)} ${[...from].sort().join(',')}`).join(' ');
    const of = (octets: number): [Prefix, Summary][] =>
      summaries.filter(({ prefix }) => prefix.octets.length === octets).map((summary) => [summary.prefix, summary]);
    this.four = new CoverIndex(of(4));
    this.six = new CoverIndex(of(16));
  }

  /** The aggregate that a path is held back for, if any. */
  of(rib: FamilyRib, prefix: number, source: number): Summary | undefined {
    const index = rib.family === 'ipv4-unicast' ? this.four : this.six;
    const covering = index.covering(rib.prefixes, prefix);
    if (covering.length === 0) return undefined;
    const from = contributorSource(rib, prefix, source);
    return from && covering.find((summary) => summary.from.includes(from));
  }
}

/** What an update group's routes go through where aggregates stand for some of them: then its export policy, if it has one. */
export class SummaryPolicy {
  constructor(
    private readonly rib: FamilyRib,
    private readonly summaries: SummaryOnly,
    private readonly policy: ExportPolicy | undefined,
  ) {}

  /** @returns the set to tell, -1 for none */
  apply(attributes: number, prefix: number, source: number): number {
    if (this.summaries.of(this.rib, prefix, source) !== undefined) return NONE;
    return this.policy === undefined ? attributes : this.policy.apply(attributes, prefix, source);
  }

  explain(attributes: number, prefix: number, source: number): Pick<Decision, 'accepted' | 'by'> {
    const summary = this.summaries.of(this.rib, prefix, source);
    if (summary) return { accepted: false, by: `the aggregate ${formatPrefix(summary.prefix)} (summaryOnly)` };
    return this.policy?.explain(attributes, prefix, source) ?? { accepted: true, by: '' };
  }
}
