/** Which policies hold for a neighbor, and what RFC 8212 makes of a neighbor without. */
import { chainMeaning, type ChainOptions, type Direction } from '../policy/policy-chain.js';
import { neighborType } from './as-identity.js';
import type { LearnOptions, SpeakerConfig } from './options.js';
import type { EffectivePeerSettings } from './settings.js';

type PolicyConfig = Pick<
  SpeakerConfig,
  'asn' | 'confederation' | 'ebgpRequiresPolicy' | 'policies' | 'prefixSets' | 'communitySets' | 'asPathSets'
>;

/** The setting that a direction's policies stand in. */
export const POLICY_SETTING = { import: 'importPolicy', export: 'exportPolicy' } as const;
const DEFAULT_SETTING = { import: 'defaultImportPolicy', export: 'defaultExportPolicy' } as const;

/** Whether a neighbor has no policy for a direction: neither names nor a default. */
export function lacksPolicy(settings: EffectivePeerSettings, direction: Direction): boolean {
  return (settings[POLICY_SETTING[direction]] ?? []).length === 0 && settings[DEFAULT_SETTING[direction]] === null;
}

/** What a neighbor's settings say about one direction; undefined: all passes as it is. */
export function chainOptions(
  config: PolicyConfig,
  settings: EffectivePeerSettings,
  direction: Direction,
): ChainOptions | undefined {
  if (lacksPolicy(settings, direction)) {
    const denied = config.ebgpRequiresPolicy === true && neighborType(config, settings) === 'ebgp';
    return denied ? { names: [], defaultResult: 'reject', missing: true } : undefined;
  }
  const names = settings[POLICY_SETTING[direction]] ?? [];
  // OpenConfig: what no policy decides on is rejected.
  const defaultResult = settings[DEFAULT_SETTING[direction]] ?? 'reject';
  return names.length === 0 && defaultResult === 'accept' ? undefined : { names, defaultResult };
}

/** What routes of a learn rule go through; undefined: all are announced with the rule's attributes. */
export function learnChainOptions({
  importPolicy: names = [],
  defaultImportPolicy,
}: LearnOptions): ChainOptions | undefined {
  if (names.length === 0 && defaultImportPolicy !== 'reject') return undefined;
  return { names, defaultResult: defaultImportPolicy ?? 'reject' };
}

/** The policies of a neighbor, from one configuration to another, whatever their names. */
export class PolicyComparison {
  private readonly meanings = new Map<string, string>();

  constructor(
    private readonly before: PolicyConfig,
    private readonly after: PolicyConfig,
  ) {}

  /** The settings of the policies that mean something else now. */
  changed(from: EffectivePeerSettings, to: EffectivePeerSettings): ('importPolicy' | 'exportPolicy')[] {
    return (['import', 'export'] as const)
      .filter((direction) => this.meaning(this.before, from, direction) !== this.meaning(this.after, to, direction))
      .map((direction) => POLICY_SETTING[direction]);
  }

  /** Whether some rule has a policy that means something else now. */
  isLearntOtherwise(from: readonly LearnOptions[], to: readonly LearnOptions[]): boolean {
    const meanings = (config: PolicyConfig, rules: readonly LearnOptions[]): string =>
      JSON.stringify(rules.map(learnChainOptions).map((options) => options && this.meaningOf(config, options)));
    return meanings(this.before, from) !== meanings(this.after, to);
  }

  private meaning(config: PolicyConfig, settings: EffectivePeerSettings, direction: Direction): string {
    const options = chainOptions(config, settings, direction);
    return options === undefined ? '' : this.meaningOf(config, options);
  }

  private meaningOf(config: PolicyConfig, options: ChainOptions): string {
    const key = JSON.stringify([config === this.before, options]);
    let meaning = this.meanings.get(key);
    if (meaning === undefined) this.meanings.set(key, (meaning = chainMeaning(config, options)));
    return meaning;
  }
}
