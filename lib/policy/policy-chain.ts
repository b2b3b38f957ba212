import type { PolicyDefinitions, PolicyResult, PolicyStatement } from './definition.js';
import { PolicySets } from './policy-sets.js';

export type Direction = 'import' | 'export';

/** What a neighbor's configuration says about one direction. */
export interface ChainOptions {
  /** Names of policies, in order. */
  readonly names: readonly string[];
  readonly defaultResult: PolicyResult;
  /** Nothing was configured, and RFC 8212 has it that nothing passes. */
  readonly missing?: boolean;
}

let lastKey = 0;

/** Policies in a row: the first statement that accepts or rejects decides, else the default. */
export class PolicyChain {
  /** Different for chains that may decide otherwise: part of the key of an update group. */
  readonly key = ++lastKey;
  readonly defaultResult: PolicyResult;

  constructor(
    readonly options: ChainOptions,
    readonly sets: PolicySets,
  ) {
    this.defaultResult = options.defaultResult;
  }

  *statements(): Generator<{ policy: string; statement: PolicyStatement; name: string }> {
    for (const policy of this.options.names) {
      for (const [i, statement] of (this.sets.definitions.policies?.[policy] ?? []).entries()) {
        yield { policy, statement, name: statement.name === undefined ? String(i + 1) : `'${statement.name}'` };
      }
    }
  }

  /** Why a route is rejected, or accepted, that no statement decided on. */
  get defaultReason(): string {
    if (this.options.missing === true) return 'no policy is configured, which RFC 8212 asks for (ebgpRequiresPolicy)';
    return this.options.names.length === 0 ? 'the default policy' : `no statement of ${this.options.names.join(', ')}`;
  }

  /** For `show`: `customers, else reject`. */
  get text(): string {
    if (this.options.missing === true) return 'none: reject (RFC 8212, ebgpRequiresPolicy)';
    return [
      ...this.options.names,
      this.options.names.length === 0 ? this.defaultResult : `else ${this.defaultResult}`,
    ].join(', ');
  }
}

/**
 * The chains of one configuration. A chain that means the same as one of the configuration before is the same object, so
 * that a reload leaves alone what did not change.
 */
export class PolicyBook {
  private readonly chains = new Map<string, PolicyChain>();
  private readonly byOptions = new Map<string, PolicyChain>();
  private readonly sets: PolicySets;

  constructor(
    readonly definitions: PolicyDefinitions,
    private readonly previous?: Pick<PolicyBook, 'known'>,
  ) {
    this.sets = new PolicySets(definitions);
  }

  /** The chain that these options mean. */
  chain(options: ChainOptions): PolicyChain {
    const asked = JSON.stringify(options);
    const before = this.byOptions.get(asked);
    if (before !== undefined) return before;
    const meaning = chainMeaning(this.definitions, options);
    const chain = this.previous?.known(meaning) ?? new PolicyChain(options, this.sets);
    this.chains.set(meaning, chain);
    this.byOptions.set(asked, chain);
    return chain;
  }

  /** A chain by its meaning. */
  known(meaning: string): PolicyChain | undefined {
    return this.chains.get(meaning);
  }
}

/** All that decides what a chain does, as text: its statements and the sets that they name. */
export function chainMeaning(definitions: PolicyDefinitions, options: ChainOptions): string {
  const policies = options.names.map((name) => [name, definitions.policies?.[name] ?? []]);
  const { prefixSets = {}, communitySets = {}, asPathSets = {} } = definitions;
  const written = JSON.stringify(policies);
  // A set that is not named by any string of the statements cannot matter.
  const named = (sets: Readonly<Record<string, unknown>>): unknown[] =>
    Object.entries(sets).filter(([name]) => written.includes(JSON.stringify(name)));
  return JSON.stringify([options, policies, named(prefixSets), named(communitySets), named(asPathSets)]);
}
