import { readDraft } from './config-draft.js';
import { ConfigError, toErrorItem, type ConfigProblem } from './config-errors.js';
import { checkRules } from './config-rules.js';
import type { Machine } from './config-socket-rules.js';
import type { NetworkOptions, SpeakerConfig } from './options.js';

/** A configuration that was read, or everything that is wrong with it. */
export type ConfigResult =
  | { readonly config: SpeakerConfig; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly ConfigProblem[] };

/** Configurations that were read: frozen, so that they need not be read again. */
const READ = new WeakSet<object>();

/** Check a configuration: types and ranges, known keys, possible combinations. Everything wrong is found at once. */
export function readConfig(input: unknown, machine?: Machine): ConfigResult {
  const isRead = typeof input === 'object' && input !== null && READ.has(input);
  if (isRead && machine === undefined) return { config: input as SpeakerConfig, problems: [] };
  const { draft, problems } = isRead ? { draft: input as SpeakerConfig, problems: [] } : readDraft(input);
  const all = [...problems, ...checkRules(draft, machine)];
  if (all.length > 0) return { config: null, problems: all };
  // Without problems each entry was read and both required keys are there.
  const config = deepFreeze(draft as SpeakerConfig);
  READ.add(config);
  return { config, problems: [] };
}

/**
 * Check a configuration object, as given to `new Speaker(config)`.
 * @param machine that it shall run on: what cannot be had there is an error too
 * @returns a frozen copy with addresses and prefixes in canonical form and defaults left out
 * @throws ConfigError with all errors, without places in a file
 */
export function checkConfig(input: unknown, machine?: Machine): SpeakerConfig {
  const { config, problems } = readConfig(input, machine);
  if (config === null) throw new ConfigError(problems.map(toErrorItem));
  return config;
}

/**
 * Check a route to originate, as in `networks` or in an API request.
 * @returns a frozen copy with prefix and next hop in canonical form
 * @throws ConfigError
 */
export function checkNetwork(input: unknown): NetworkOptions {
  const { draft, problems } = readDraft({ asn: 1, routerId: '1.1.1.1', networks: [input] });
  // Blackholes need a FIB, which the speaker knows about: not a matter of this route alone.
  const all = [...problems, ...checkRules({ ...draft, fib: { type: 'memory' } })];
  if (all.length > 0)
    throw new ConfigError(all.map((problem) => toErrorItem({ ...problem, path: problem.path.slice(2) })));
  const network = draft.networks![0]!;
  return deepFreeze(typeof network === 'string' ? { prefix: network } : network);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
