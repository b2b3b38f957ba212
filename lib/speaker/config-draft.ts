import * as z from 'zod';
import type { Endpoint } from '../net/index.js';
import { foundText, type ConfigPath, type ConfigProblem } from './config-errors.js';
import { FORMS, configKeys, MAPPINGS, SECTIONS, type Section } from './config-schema.js';
import { policyKeysAt } from './config-policy-schema.js';
import { didYouMean } from './config-suggest.js';
import type { MismatchParams } from './config-values.js';
import type { PolicyDefinitions } from '../policy/definition.js';
import type {
  DynamicNeighborOptions,
  NeighborOptions,
  NetworkOptions,
  PeerSettings,
  SpeakerConfig,
} from './options.js';

type Entries<T> = readonly (T | undefined)[];
type Named<T> = { readonly [K in keyof T]: T[K] | undefined };

/**
 * What could be read of a configuration. An entry with a flaw of its own is undefined and keeps its place, so that the
 * rules between entries can be checked on all others and everything is reported at once.
 */
export interface ConfigDraft extends Omit<
  Partial<SpeakerConfig>,
  'listen' | 'peerGroups' | 'neighbors' | 'dynamicNeighbors' | 'networks' | keyof PolicyDefinitions
> {
  readonly listen?: Entries<Endpoint>;
  readonly peerGroups?: Readonly<Record<string, PeerSettings | undefined>>;
  readonly neighbors?: Entries<NeighborOptions>;
  readonly dynamicNeighbors?: Entries<DynamicNeighborOptions>;
  readonly networks?: Entries<string | NetworkOptions>;
  readonly policies?: Named<NonNullable<PolicyDefinitions['policies']>>;
  readonly prefixSets?: Named<NonNullable<PolicyDefinitions['prefixSets']>>;
  readonly communitySets?: Named<NonNullable<PolicyDefinitions['communitySets']>>;
  readonly asPathSets?: Named<NonNullable<PolicyDefinitions['asPathSets']>>;
}

export interface DraftResult {
  readonly draft: ConfigDraft;
  readonly problems: readonly ConfigProblem[];
}

/** Read all that can be read: types, ranges and known keys, entry by entry. */
export function readDraft(input: unknown): DraftResult {
  const problems: ConfigProblem[] = [];
  if (!isMapping(input)) {
    problems.push(mismatch([], input, 'a mapping with asn and routerId'));
    return { draft: {}, problems };
  }
  const draft: Record<string, unknown> = {};
  for (const key of Object.keys(input)) {
    if (!Object.hasOwn(SECTIONS, key)) problems.push(unknownKey([key], Object.keys(SECTIONS)));
  }
  for (const [key, section] of Object.entries(SECTIONS)) {
    const value = input[key];
    if (value !== undefined && value !== null) {
      const read = readSection(section, value, [key], problems);
      if (read !== undefined) draft[key] = read;
    } else if (section.required) readOne(section.schema, undefined, [key], problems);
    else if (value === null && section.holds === 'value') readOne(section.schema, null, [key], problems);
  }
  return { draft, problems };
}

function readSection(section: Section, value: unknown, path: ConfigPath, problems: ConfigProblem[]): unknown {
  if (section.holds === 'value') return readOne(section.schema, value, path, problems);
  if (section.holds === 'list') {
    if (Array.isArray(value)) return value.map((entry, i) => readOne(section.schema, entry, [...path, i], problems));
    problems.push(mismatch(path, value, 'a list'));
    return undefined;
  }
  if (!isMapping(value)) {
    problems.push(mismatch(path, value, 'a mapping from names to settings'));
    return undefined;
  }
  const named = Object.create(null) as Record<string, unknown>;
  for (const [name, entry] of Object.entries(value)) {
    // A group without settings of its own is written `name:` in YAML.
    named[name] = readOne(section.schema, entry ?? {}, [...path, name], problems);
  }
  return { ...named };
}

function readOne(schema: z.ZodType, value: unknown, path: ConfigPath, problems: ConfigProblem[]): unknown {
  const result = schema.safeParse(value);
  if (result.success) return withoutUndefined(result.data);
  for (const issue of result.error.issues) problems.push(...fromIssue(issue, value, path));
  return undefined;
}

function fromIssue(issue: z.core.$ZodIssue, value: unknown, base: ConfigPath): ConfigProblem[] {
  const inner = issue.path as (string | number)[];
  const path = [...base, ...inner];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], siblings(path)));
  }
  const found = inner.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], value);
  if (issue.code !== 'custom') {
    return [
      mismatch(path, found, issue.code === 'invalid_type' && issue.expected === 'array' ? 'a list' : 'a mapping'),
    ];
  }
  const { expected, hint, found: shown } = issue.params as unknown as MismatchParams;
  return [mismatch(path, found, expected, hint, shown)];
}

function mismatch(
  path: ConfigPath,
  value: unknown,
  expected: string,
  hint = '',
  found = foundText(value),
): ConfigProblem {
  const why = hint === '' ? '' : `; ${hint}`;
  const message = value === undefined ? `missing: expected ${expected}` : `found ${found}, expected ${expected}${why}`;
  return { path, message, found, expected };
}

function unknownKey(path: ConfigPath, known: readonly string[]): ConfigProblem {
  const key = String(path.at(-1));
  // A key of the other form of a mapping.
  const near = didYouMean(
    key,
    known.filter((one) => one !== key),
  );
  const hint = near === undefined ? elsewhere(key) : `; did you mean '${near}'?`;
  const expected = known.join(', ');
  return { path, atKey: true, message: `unknown key${hint}`, found: key, expected };
}

/** A right key at the wrong level. */
function elsewhere(key: string): string {
  const places = configKeys().filter((known) => known.split('.').at(-1) === key);
  return places.length === 0 ? '' : `; it belongs to ${places.join(' or ')}`;
}

/** The keys that a mapping may have, however deep it stands. */
function siblings(path: ConfigPath): string[] {
  const inPolicy = policyKeysAt(path);
  if (inPolicy.length > 0) return inPolicy;
  const inner = path.length > 1 ? MAPPINGS[String(path.at(-1))] : undefined;
  if (inner !== undefined) return Object.keys(inner);
  const section = (SECTIONS as Readonly<Record<string, Section>>)[String(path[0])];
  let shape: Readonly<Record<string, unknown>> = section?.shape ?? {};
  // The place of an entry is part of the path where there are several.
  for (const key of path.slice(section?.holds === 'value' ? 1 : 2)) {
    let schema = shape[String(key)];
    while (schema instanceof z.ZodOptional) schema = schema.unwrap();
    const forms = FORMS.get(schema as z.ZodType) ?? [schema];
    const shapes = forms.flatMap((form) => (form instanceof z.ZodObject ? [form.shape as object] : []));
    if (shapes.length > 0) shape = Object.assign({}, ...shapes) as Readonly<Record<string, unknown>>;
  }
  return Object.keys(shape);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutUndefined(value: unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));
}
