/** What a scenario file may say, and reading it. */
import * as z from 'zod';
import { foundText, type ConfigPath, type ConfigProblem } from '../../speaker/config-errors.js';
import { didYouMean } from '../../speaker/config-suggest.js';

const seconds = z.number('expected seconds, 0 or more').min(0, 'expected seconds, 0 or more');
const name = z.string('expected a name').min(1, 'expected a name');
const names = z.union([name.transform((one) => [one]), z.array(name)], 'expected a name or a list of names');
const prefix = z.string('expected a prefix, such as 10.244.1.0/26');
const pair = z.tuple([name, name], 'expected two names: [a, b]');
const flag = z.boolean('expected true or false');
const count = z.int('expected a whole number').min(0, 'expected a whole number, 0 or more');
const positive = z.number('expected a number above 0').positive('expected a number above 0');
const open = z.record(z.string(), z.unknown(), 'expected a mapping');

const quality = {
  latencyMs: z.number('expected milliseconds').min(0).optional(),
  jitterMs: z.number('expected milliseconds').min(0).optional(),
  bandwidth: positive.optional(),
};

export const BUILDERS = [
  'fullMesh',
  'oneReflector',
  'redundantReflectors',
  'hierarchy',
  'leafSpine',
  'calico',
] as const;

const network = z.strictObject({
  ...quality,
  asn: count.optional(),
  rechunk: flag.optional(),
  igp: flag.optional(),
  igpDelayMs: z.number('expected milliseconds').min(0).optional(),
  builder: z.enum(BUILDERS, `expected ${BUILDERS.join(', ')}`).optional(),
  /** How many at the edge: routers, clients (per cluster), leaves or nodes. */
  size: count.optional(),
  blocks: count.optional(),
  reflectors: count.optional(),
  spines: count.optional(),
  clusters: count.optional(),
});

const router = z.strictObject({
  asn: count.optional(),
  address: z.string('expected an address').optional(),
  address6: z.string('expected an address').optional(),
  lan: z.string('expected the name of a LAN, or null').nullable().optional(),
  fib: flag.optional(),
  networks: z.array(z.union([z.string(), open]), 'expected a list of prefixes').optional(),
  config: open.optional(),
});

const link = z.strictObject({ between: pair, cost: count.min(1, 'expected 1 or more').optional(), ...quality });
const peer = z.strictObject({ between: pair, first: open.optional(), second: open.optional() });
const pod = z.strictObject({ on: name, address: z.string('expected an address') });

/** What can be done, and what can be expected; each step has exactly one of them. */
export const ACTIONS = {
  announce: z.strictObject({ router: name, prefix, options: open.optional() }),
  withdraw: z.strictObject({ router: name, prefix }),
  cut: pair,
  silence: pair,
  restore: pair,
  breakConnections: pair,
  isolate: name,
  rejoin: name,
  crash: name,
  kill: name,
  stop: names,
  start: names,
  reset: pair,
  peer,
  unpeer: pair,
  setLink: z.strictObject({ link: name, cost: count.optional(), ...quality }),
  configure: z.strictObject({ router: name, config: open }),
} as const;

export const EXPECTATIONS = {
  reaches: z.strictObject({ from: name, to: name, path: z.array(name).optional() }),
  doesNotReach: z.strictObject({ from: name, to: name }),
  best: z.strictObject({ router: name, prefix, is: open.nullable() }),
  routes: z.strictObject({ router: name, are: z.array(prefix, 'expected a list of prefixes') }),
  fib: z.strictObject({
    router: name,
    is: z.record(z.string(), z.string().nullable(), 'expected prefixes and targets'),
  }),
  session: z.strictObject({ between: pair, up: flag.optional() }),
  invariants: flag,
} as const;

const step = z.strictObject({
  at: seconds.optional(),
  ...optional(ACTIONS),
  ...optional(EXPECTATIONS),
});

function optional<T extends Readonly<Record<string, z.ZodType>>>(shape: T): { [K in keyof T]: z.ZodOptional<T[K]> } {
  return Object.fromEntries(Object.entries(shape).map(([key, schema]) => [key, z.optional(schema)])) as never;
}

const scenario = z.strictObject({
  title: z.string('expected a text').optional(),
  seed: count.optional(),
  network: network.optional(),
  routers: z.record(z.string(), router.nullable(), 'expected a mapping from names to routers').optional(),
  links: z.array(link, 'expected a list of links').optional(),
  peers: z.array(peer, 'expected a list of peers').optional(),
  pods: z.record(z.string(), pod, 'expected a mapping from names to pods').optional(),
  invariants: flag.optional(),
  steps: z.array(step, 'expected a list of steps').optional(),
});

export type Scenario = z.output<typeof scenario>;
export type Step = z.output<typeof step>;
export type StepKind = keyof typeof ACTIONS | keyof typeof EXPECTATIONS;

const KINDS = [...Object.keys(ACTIONS), ...Object.keys(EXPECTATIONS)] as StepKind[];

/** What a step does or expects. */
export function kindOf(one: Step): StepKind {
  return KINDS.find((kind) => one[kind] !== undefined)!;
}

export interface ScenarioResult {
  readonly config: Scenario | null;
  readonly problems: readonly ConfigProblem[];
}

/** Check the form of a scenario: keys and values, names that must be there, times in order. */
export function readScenario(input: unknown): ScenarioResult {
  const result = scenario.safeParse(input);
  if (!result.success)
    return { config: null, problems: result.error.issues.flatMap((issue) => fromIssue(issue, input, [])) };
  const problems = stepProblems(result.data.steps ?? []);
  if ((result.data.network?.builder ?? result.data.routers) === undefined) {
    problems.push({ path: [], message: 'no routers: expected routers, or network.builder' });
  }
  return problems.length > 0 ? { config: null, problems } : { config: result.data, problems };
}

function stepProblems(steps: readonly Step[]): ConfigProblem[] {
  let last = 0;
  return steps.flatMap((one, i): ConfigProblem[] => {
    const kinds = KINDS.filter((kind) => one[kind] !== undefined);
    if (kinds.length !== 1) {
      const found = kinds.length === 0 ? 'nothing' : kinds.join(' and ');
      return [{ path: ['steps', i], message: `found ${found}, expected one of ${KINDS.join(', ')}` }];
    }
    if (one.at === undefined) return [];
    if (one.at < last) {
      return [
        { path: ['steps', i, 'at'], message: `found ${one.at}, expected ${last} or later: steps stand in order` },
      ];
    }
    last = one.at;
    return [];
  });
}

function fromIssue(issue: z.core.$ZodIssue, input: unknown, base: ConfigPath): ConfigProblem[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      atKey: true,
      message: `unknown key${hint(key, keysAt(path))}`,
    }));
  }
  const found = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], input);
  const expected = issue.message.startsWith('expected') ? issue.message : `expected ${expectedOf(issue)}`;
  return [{ path, message: found === undefined ? `missing: ${expected}` : `found ${foundText(found)}, ${expected}` }];
}

function expectedOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return issue.expected === 'object' ? 'a mapping' : `a ${issue.expected}`;
  return issue.message.toLowerCase();
}

function hint(key: string, known: readonly string[]): string {
  const near = didYouMean(key, known);
  return near === undefined ? `; expected one of ${known.join(', ')}` : `; did you mean '${near}'?`;
}

function keysAt(path: ConfigPath): string[] {
  let schema: unknown = scenario;
  for (const key of path) {
    schema = bare(schema);
    if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, unknown>)[String(key)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
  }
  schema = bare(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape as object) : [];
}

function bare(schema: unknown): unknown {
  while (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) schema = schema.unwrap();
  return schema;
}
