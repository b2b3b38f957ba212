/** The defined sets of one configuration, compiled once and shared by all who use them. */
import { UsageError } from '../net/index.js';
import { isCommunityName, kindOfText, parsePattern, type CommunityKind, type CommunityPattern } from './communities.js';
import type { PolicyDefinitions } from './definition.js';
import { PrefixMatcher } from './prefix-matcher.js';

/**
 * The regular expression of a path: `_` stands for the begin, the end, or what is between two AS numbers.
 * @throws UsageError `bad_regex`
 */
export function compileAsPathRegex(text: string): RegExp {
  try {
    return new RegExp(text.replaceAll('_', '(?:^|$|[ {}()\\[\\],])'));
  } catch (error) {
    throw new UsageError('bad_regex', (error as Error).message);
  }
}

export class PolicySets {
  private readonly prefixes = new Map<string, PrefixMatcher>();
  private readonly patterns = new Map<string, readonly CommunityPattern[]>();
  private readonly expressions = new Map<string, readonly RegExp[]>();

  constructor(readonly definitions: PolicyDefinitions) {}

  /** @param bits 32 or 128 */
  prefixMatcher(names: readonly string[], bits: number): PrefixMatcher {
    return cached(this.prefixes, JSON.stringify([bits, names]), () => {
      return new PrefixMatcher(
        names.map((name) => this.definitions.prefixSets?.[name] ?? []),
        bits,
      );
    });
  }

  /** Communities, patterns and names of sets, of one kind. */
  communityPatterns(kind: CommunityKind, items: readonly string[]): readonly CommunityPattern[] {
    return items.flatMap((item) => {
      if (!this.isSet(item)) return [parsePattern(kind, item)];
      return cached(this.patterns, `${kind} ${item}`, () =>
        this.definitions.communitySets![item]!.map((text) => parsePattern(kind, text)),
      );
    });
  }

  private isSet(item: string): boolean {
    return (
      kindOfText(item) === undefined &&
      !isCommunityName(item) &&
      Object.hasOwn(this.definitions.communitySets ?? {}, item)
    );
  }

  asPathExpressions(names: readonly string[]): readonly RegExp[] {
    return names.flatMap((name) =>
      cached(this.expressions, name, () => (this.definitions.asPathSets?.[name] ?? []).map(compileAsPathRegex)),
    );
  }
}

function cached<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
