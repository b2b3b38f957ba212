import { readDraft } from './config-draft.js';
import { ConfigError, toErrorItem, type ConfigProblem } from './config-errors.js';
import { checkRules } from './config-rules.js';
import type { SpeakerConfig } from './options.js';

/** A configuration that was read, or everything that is wrong with it. */
export type ConfigResult =
  | { readonly config: SpeakerConfig; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly ConfigProblem[] };

/** Check a configuration: types and ranges, known keys, possible combinations. Everything wrong is found at once. */
export function readConfig(input: unknown): ConfigResult {
  const { draft, problems } = readDraft(input);
  const all = [...problems, ...checkRules(draft)];
  if (all.length > 0) return { config: null, problems: all };
  // Without problems each entry was read and both required keys are there.
  return { config: deepFreeze(draft as SpeakerConfig), problems: [] };
}

/**
 * Check a configuration object, as given to `new Speaker(config)`.
 * @returns a frozen copy with addresses and prefixes in canonical form and defaults left out
 * @throws ConfigError with all errors, without places in a file
 */
export function checkConfig(input: unknown): SpeakerConfig {
  const { config, problems } = readConfig(input);
  if (config === null) throw new ConfigError(problems.map(toErrorItem));
  return config;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
