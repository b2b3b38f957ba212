/**
 * Aggregates (RFC 4271 section 9.2.2.2): routes that are originated while the Loc-RIB has more specific ones. FRR's
 * `aggregate-address`.
 */
import { isSame } from './config-diff.js';
import { parsePrefix, type Prefix } from '../net/index.js';
import type { IdStack } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import type { SourceJob } from '../rib/source-jobs.js';
import { CoverIndex } from '../rr/cover-index.js';
import { CONTRIBUTOR_SOURCES, contributorSource, SummaryOnly, type Summary } from '../rr/summary-only.js';
import { aggregateAttributes } from './aggregate-attributes.js';
import type { AggregateOptions } from './options.js';
import type { Originator } from './originate.js';
import type { WorkLoop } from './work-loop.js';

export interface AggregationHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly originator: Originator;
  /** For AGGREGATOR: our AS as the world knows it, and our router ID in host order. */
  readonly asn: number;
  readonly routerId: number;
  /** Whether kernel routes are written. */
  readonly hasFib: boolean;
  /** The summaries are others now. */
  onSummaries(summaries: SummaryOnly | undefined): void;
}

/** One aggregate and the routes that it is made of. */
class Aggregate {
  readonly prefix: Prefix;
  readonly from: readonly string[];
  /** Attribute set by prefix id of each contributor. */
  readonly contributors = new Map<number, number>();
  /** How many contributors have a set. */
  readonly sets = new Map<number, number>();
  isAnnounced = false;

  constructor(readonly options: AggregateOptions) {
    this.prefix = parsePrefix(options.prefix);
    this.from = options.from ?? CONTRIBUTOR_SOURCES;
  }

  /** Note the set of a contributor, NONE for one that is none. @returns whether the sets are others now */
  note(prefix: number, attributes: number): boolean {
    const known = this.contributors.get(prefix) ?? NONE;
    if (known === attributes) return false;
    if (attributes === NONE) this.contributors.delete(prefix);
    else this.contributors.set(prefix, attributes);
    const added = attributes !== NONE && this.count(attributes, 1) === 1;
    return (known !== NONE && this.count(known, -1) === 0) || added;
  }

  private count(attributes: number, change: 1 | -1): number {
    const count = (this.sets.get(attributes) ?? 0) + change;
    if (count === 0) this.sets.delete(attributes);
    else this.sets.set(attributes, count);
    return count;
  }
}

export class Aggregation {
  private aggregates: Aggregate[] = [];
  private index = new Map<FamilyRib, CoverIndex<Aggregate>>();
  private readonly changed = new Set<Aggregate>();

  constructor(private readonly host: AggregationHost) {}

  /** Aggregates of this configuration from now on. */
  configure(options: readonly AggregateOptions[]): void {
    const before = this.aggregates;
    const unchanged = (one: AggregateOptions): Aggregate | undefined =>
      before.find((aggregate) => isSame(aggregate.options, one));
    this.aggregates = options.map((one) => unchanged(one) ?? new Aggregate(one));
    const added = this.aggregates.filter((aggregate) => !before.includes(aggregate));
    const removed = before.filter((aggregate) => !this.aggregates.includes(aggregate));
    this.index = new Map(this.host.rib.families.map((rib) => [rib, indexOf(rib, this.aggregates)]));
    if (added.length + removed.length === 0) return;
    // First the new ones, then their contributors are held back; what is not held back any more is told before the old
    // ones go.
    const finish = (): void => {
      this.tellSummaries();
      if (removed.length > 0) void this.host.loop.idle().then(() => removed.forEach((one) => this.retire(one)));
    };
    if (this.host.rib.families.every(({ bestCount }) => bestCount === 0)) return finish();
    this.host.loop.addJob(
      new ScanJob(
        this.host.rib,
        (rib, id) => this.look(rib, id),
        () => this.settle(),
        finish,
      ),
    );
  }

  private tellSummaries(): void {
    const summaries = this.aggregates
      .filter(({ options }) => options.summaryOnly === true)
      .map(({ prefix, options }): Summary => ({ prefix, from: options.from ?? CONTRIBUTOR_SOURCES }));
    this.host.onSummaries(summaries.length === 0 ? undefined : new SummaryOnly(summaries));
  }

  private retire(aggregate: Aggregate): void {
    // Another one of the same prefix may have taken its place.
    const { originator, loop } = this.host;
    const { prefix } = aggregate.options;
    if (!aggregate.isAnnounced) return;
    aggregate.isAnnounced = false;
    if (this.aggregates.some((other) => other.options.prefix === prefix && other.isAnnounced)) return;
    originator.withdraw(prefix, 'aggregate');
    loop.scheduleIfDirty();
  }

  /** Best paths changed. */
  onBestPathChange(rib: FamilyRib, changed: IdStack): void {
    if (this.index.get(rib)?.isEmpty ?? true) return;
    for (let i = 0; i < changed.length; i++) this.look(rib, changed.at(i));
    this.settle();
  }

  /** A route that is originated here has another reason now. */
  recheck(rib: FamilyRib, id: number): void {
    const index = this.index.get(rib);
    if (id < 0 || (index?.isEmpty ?? true)) return;
    this.look(rib, id);
    this.settle();
    // Whether it is told may hang on the reason too.
    if (rib.bestSource[id] !== LOCAL_SOURCE || (rib.bestAttributes[id] ?? NONE) === NONE) return;
    const summaries = index!.covering(rib.prefixes, id).filter(({ options }) => options.summaryOnly === true);
    if (summaries.length === 0) return;
    const from = contributorSource(rib, id, LOCAL_SOURCE);
    // It is told before the aggregate goes that stood for it, and withdrawn after one has come.
    if (!summaries.some((aggregate) => from !== undefined && aggregate.from.includes(from))) {
      return this.host.loop.reconsider(rib, id);
    }
    const prefix = rib.prefixes.prefixOf(id);
    void this.host.loop.idle().then(() => {
      const now = rib.prefixes.find(prefix.length, prefix.octets, 0);
      if (now >= 0) this.host.loop.reconsider(rib, now);
    });
  }

  private look(rib: FamilyRib, id: number): void {
    const covering = this.index.get(rib)!.covering(rib.prefixes, id);
    if (covering.length === 0) return;
    const attributes = rib.bestAttributes[id] ?? NONE;
    const from = attributes === NONE ? undefined : contributorSource(rib, id, rib.bestSource[id]!);
    for (const aggregate of covering) {
      const counts = from !== undefined && aggregate.from.includes(from);
      if (aggregate.note(id, counts ? attributes : NONE)) this.changed.add(aggregate);
    }
  }

  /** Announce, change or withdraw what has other contributors now. */
  private settle(): void {
    // What is announced here is looked at itself at once.
    const changed = [...this.changed];
    this.changed.clear();
    for (const aggregate of changed) {
      if (aggregate.sets.size > 0) this.announce(aggregate);
      else if (aggregate.isAnnounced) {
        aggregate.isAnnounced = false;
        this.host.originator.withdraw(aggregate.options.prefix, 'aggregate');
      }
    }
  }

  private announce(aggregate: Aggregate): void {
    const { rib, originator, asn, routerId, hasFib } = this.host;
    const { options, prefix, sets } = aggregate;
    const { store } = rib.of(prefix.octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
    const made = aggregateAttributes(store, sets.keys(), options.asSet ?? false, asn);
    const { med, localPref } = options;
    originator.announce(
      options.prefix,
      {
        origin: options.origin ?? made.origin,
        ...(med === undefined ? {} : { med }),
        ...(localPref === undefined ? {} : { localPref }),
        communities: [...new Set([...made.communities, ...(options.communities ?? [])])],
        largeCommunities: [...new Set([...made.largeCommunities, ...(options.largeCommunities ?? [])])],
        blackhole: options.blackhole ?? (hasFib && prefix.length > 0),
      },
      'aggregate',
      {
        asPath: made.asPath,
        atomicAggregate: made.atomicAggregate,
        aggregator: { asn, routerId },
        view: () => ({ contributors: aggregate.contributors.size }),
      },
    );
    aggregate.isAnnounced = true;
  }
}

function indexOf(rib: FamilyRib, aggregates: readonly Aggregate[]): CoverIndex<Aggregate> {
  const octets = rib.prefixes.maxLength / 8;
  const own = aggregates.filter(({ prefix }) => prefix.octets.length === octets);
  return new CoverIndex(own.map((aggregate) => [aggregate.prefix, aggregate] as const));
}

/** Look at all prefixes with a best path, a slice at a time. */
class ScanJob implements SourceJob {
  private family = 0;
  private prefix = 0;

  constructor(
    private readonly rib: Rib,
    private readonly look: (rib: FamilyRib, id: number) => void,
    private readonly onSlice: () => void,
    private readonly onDone: () => void,
  ) {}

  step(budget: number): boolean {
    const family = this.rib.families[this.family]!;
    const end = Math.min(family.prefixes.idLimit, this.prefix + budget);
    for (; this.prefix < end; this.prefix++) if (family.prefixes.isUsed(this.prefix)) this.look(family, this.prefix);
    this.onSlice();
    if (end < family.prefixes.idLimit) return false;
    this.prefix = 0;
    if (++this.family < this.rib.families.length) return false;
    this.onDone();
    return true;
  }
}
