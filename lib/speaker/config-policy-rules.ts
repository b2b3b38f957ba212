/** Rules about policies: names that exist, sets of one kind, and what can be meant in a direction. */
import { kindOfText, type CommunityKind } from '../policy/communities.js';
import type { NumberRange, PolicyMatch, PolicyStatement } from '../policy/definition.js';
import type { Direction } from '../policy/policy-chain.js';
import { entries } from './config-address.js';
import type { ConfigDraft } from './config-draft.js';
import type { ConfigPath, ConfigProblem } from './config-errors.js';
import type { Peer } from './config-peer.js';
import { didYouMean } from './config-suggest.js';
import { chainOptions, lacksPolicy, POLICY_SETTING } from './neighbor-policy.js';
import { neighborType } from './as-identity.js';
import type { SpeakerConfig } from './options.js';
import { effectiveSettings } from './settings.js';

const COMMUNITY_KINDS = ['communities', 'largeCommunities', 'extendedCommunities'] as const;
const KIND_TEXT: Readonly<Record<CommunityKind, string>> = {
  communities: 'communities',
  largeCommunities: 'large communities',
  extendedCommunities: 'extended communities',
};

/** What a name stands for is looked up here; a definition with a flaw of its own counts as there. */
function* unknownName(
  what: string,
  name: string,
  known: Readonly<Record<string, unknown>> | undefined,
  path: ConfigPath,
): Generator<ConfigProblem> {
  if (Object.hasOwn(known ?? {}, name)) return;
  const names = Object.keys(known ?? {});
  const near = didYouMean(name, names);
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  yield { path, message: `there is no ${what} '${name}'${hint}`, found: name, expected: names.join(', ') };
}

/** Rules about the definitions alone. */
export function* policies(draft: ConfigDraft): Generator<ConfigProblem> {
  yield* fibPolicies(draft);
  yield* learnPolicies(draft);
  yield* prefixSets(draft);
  yield* communitySets(draft);
  for (const [name, statements] of Object.entries(draft.policies ?? {})) {
    for (const [i, statement] of (statements ?? []).entries())
      yield* statementRules(statement, draft, ['policies', name, i]);
  }
}

/** Rules about the policies that best paths go through on their way to the kernel. */
function* fibPolicies(draft: ConfigDraft): Generator<ConfigProblem> {
  const names = draft.fib?.exportPolicy ?? [];
  for (const [i, name] of names.entries()) {
    const path = ['fib', 'exportPolicy', i];
    yield* unknownName('policy', name, draft.policies, path);
    if (names.indexOf(name) !== i) yield { path, message: `policy '${name}' is listed twice` };
    for (const [k, { actions = {} }] of (draft.policies?.[name] ?? []).entries()) {
      for (const key of Object.keys(actions)) {
        if (key === 'result' || key === 'kernelRoute') continue;
        yield {
          path: ['policies', name, k, 'actions', key],
          message: `a kernel route has no ${key}, and '${name}' is in fib.exportPolicy: only result and kernelRoute count there`,
        };
      }
      const { type, ...rest } = actions.kernelRoute ?? {};
      const useless = (['prefSrc', 'mtu', 'device'] as const).find((key) => rest[key] !== undefined);
      if (type === undefined || useless === undefined) continue;
      yield {
        path: ['policies', name, k, 'actions', 'kernelRoute', useless],
        message: `a ${type} route has no ${useless}`,
      };
    }
  }
}

/** Rules about the policies that learnt routes go through. */
function* learnPolicies(draft: ConfigDraft): Generator<ConfigProblem> {
  for (const [i, { importPolicy: names = [] }] of entries(draft.learn)) {
    for (const [n, name] of names.entries()) {
      const path = ['learn', i, 'importPolicy', n];
      yield* unknownName('policy', name, draft.policies, path);
      if (names.indexOf(name) !== n) yield { path, message: `policy '${name}' is listed twice` };
      for (const [k, { actions }] of (draft.policies?.[name] ?? []).entries()) {
        const at = (key: string): ConfigPath => ['policies', name, k, 'actions', key];
        if (actions?.kernelRoute !== undefined) {
          const message = `kernelRoute is for policies of fib.exportPolicy, and '${name}' is in a learn rule`;
          yield { path: at('kernelRoute'), message };
        }
        if (NEXT_HOP_DIRECTION[actions?.nextHop ?? ''] !== undefined) {
          const message = `nextHop: ${actions!.nextHop} needs a neighbor, and '${name}' is in a learn rule`;
          yield { path: at('nextHop'), message };
        }
      }
    }
  }
}

function* prefixSets(draft: ConfigDraft): Generator<ConfigProblem> {
  for (const [name, set] of Object.entries(draft.prefixSets ?? {})) {
    for (const [i, entry] of (set ?? []).entries()) {
      if (typeof entry === 'string') continue;
      const { prefix, ge, le } = entry;
      const length = Number(prefix.split('/')[1]);
      const most = prefix.includes(':') ? 128 : 32;
      const path: ConfigPath = ['prefixSets', name, i];
      for (const [key, value] of Object.entries({ ge, le })) {
        if (value !== undefined && (value < length || value > most)) {
          yield { path: [...path, key], message: `found ${value}, expected ${length} to ${most} for ${prefix}` };
        }
      }
      if (ge !== undefined && le !== undefined && ge > le) {
        yield { path: [...path, 'le'], message: `le ${le} is less than ge ${ge}: no prefix can match` };
      }
    }
  }
}

function* communitySets(draft: ConfigDraft): Generator<ConfigProblem> {
  for (const [name, set] of Object.entries(draft.communitySets ?? {})) {
    if (kindOfText(name) !== undefined) {
      yield {
        path: ['communitySets', name],
        atKey: true,
        message: `'${name}' reads as a community: choose another name`,
      };
    }
    const kinds = new Set((set ?? []).map((item) => kindOfText(item)!));
    if (kinds.size > 1) {
      const found = [...kinds].map((kind) => KIND_TEXT[kind]).join(' and ');
      yield { path: ['communitySets', name], message: `found ${found} in one set, expected one kind` };
    }
  }
}

function* statementRules(statement: PolicyStatement, draft: ConfigDraft, path: ConfigPath): Generator<ConfigProblem> {
  const { conditions = {}, actions = {} } = statement;
  const { not, ...match } = conditions;
  yield* matchRules(match, draft, [...path, 'conditions']);
  yield* matchRules(not ?? {}, draft, [...path, 'conditions', 'not']);
  for (const kind of COMMUNITY_KINDS) {
    yield* communityNames(kind, actions[kind]?.remove ?? [], draft, [...path, 'actions', kind, 'remove']);
  }
  for (const key of ['localPref', 'med'] as const) {
    const edit = actions[key];
    if (typeof edit === 'object' && Object.keys(edit).length !== 1) {
      yield { path: [...path, 'actions', key], message: 'expected either add or subtract' };
    }
  }
}

function* matchRules(match: PolicyMatch, draft: ConfigDraft, path: ConfigPath): Generator<ConfigProblem> {
  const lists: [string, readonly string[] | undefined, Readonly<Record<string, unknown>> | undefined, ConfigPath][] = [
    ['prefix set', match.prefixSets, draft.prefixSets, [...path, 'prefixSets']],
    ['AS path set', match.asPath?.sets, draft.asPathSets, [...path, 'asPath', 'sets']],
    ['peer group', match.fromPeerGroups, draft.peerGroups, [...path, 'fromPeerGroups']],
  ];
  for (const [what, names, known, at] of lists) {
    for (const [i, name] of (names ?? []).entries()) yield* unknownName(what, name, known, [...at, i]);
  }
  for (const kind of COMMUNITY_KINDS) {
    for (const key of ['any', 'all', 'none'] as const) {
      yield* communityNames(kind, match[kind]?.[key] ?? [], draft, [...path, kind, key]);
    }
  }
  yield* range(match.med, [...path, 'med']);
  yield* range(match.localPref, [...path, 'localPref']);
  yield* range(match.asPath?.length, [...path, 'asPath', 'length']);
}

function* range(value: number | NumberRange | undefined, path: ConfigPath): Generator<ConfigProblem> {
  if (typeof value !== 'object') return;
  const { ge, le } = value;
  if (ge === undefined && le === undefined) yield { path, message: 'expected ge, le or both' };
  else if (ge !== undefined && le !== undefined && ge > le) {
    yield { path, message: `le ${le} is less than ge ${ge}: nothing can match` };
  }
}

/** Items without a colon that are no well-known community name a set, which must be of the same kind. */
function* communityNames(
  kind: CommunityKind,
  items: readonly string[],
  draft: ConfigDraft,
  path: ConfigPath,
): Generator<ConfigProblem> {
  for (const [i, item] of items.entries()) {
    if (kindOfText(item) !== undefined) continue;
    const what = kind === 'communities' ? 'well-known community or community set' : 'community set';
    yield* unknownName(what, item, draft.communitySets, [...path, i]);
    const first = draft.communitySets?.[item]?.[0];
    const held = first === undefined ? kind : kindOfText(first)!;
    if (held !== kind) {
      yield {
        path: [...path, i],
        message: `the community set '${item}' holds ${KIND_TEXT[held]}, and this is ${kind}`,
      };
    }
  }
}

/** What next hops mean in one direction only. */
const NEXT_HOP_DIRECTION: Readonly<Record<string, Direction>> = { self: 'export', unchanged: 'export', peer: 'import' };

/** Rules about the policies of one neighbor. */
export function* peerPolicies(
  { given, where }: Pick<Peer, 'given' | 'where'>,
  draft: ConfigDraft,
): Generator<ConfigProblem> {
  for (const direction of ['import', 'export'] as const) {
    const setting = POLICY_SETTING[direction];
    const names = given[setting] ?? [];
    for (const [i, name] of names.entries()) {
      const path = [...where(setting), i];
      yield* unknownName('policy', name, draft.policies, path);
      if (names.indexOf(name) !== i) yield { path, message: `policy '${name}' is listed twice` };
      for (const [k, { actions }] of (draft.policies?.[name] ?? []).entries()) {
        if (actions?.kernelRoute !== undefined) {
          yield {
            path: ['policies', name, k, 'actions', 'kernelRoute'],
            message: `kernelRoute is for policies of fib.exportPolicy, and '${name}' is in an ${setting}`,
          };
        }
        const only = NEXT_HOP_DIRECTION[actions?.nextHop ?? ''];
        if (only === undefined || only === direction) continue;
        yield {
          path: ['policies', name, k, 'actions', 'nextHop'],
          message: `nextHop: ${actions?.nextHop} is for ${only} policies, and '${name}' is in an ${setting}`,
        };
      }
    }
  }
}

/** What is allowed, but not what RFC 8212 recommends: a line for each eBGP neighbor or range without a policy. */
export function policyWarnings(config: SpeakerConfig): string[] {
  const peers = [
    ...(config.neighbors ?? []).map((own) => ({ who: `neighbor ${own.address}`, own })),
    ...(config.dynamicNeighbors ?? []).map(({ prefix, peerGroup }) => ({
      who: `neighbors in ${prefix}`,
      own: { peerGroup },
    })),
  ];
  const lines: string[] = [];
  for (const { who, own } of peers) {
    const settings = effectiveSettings(config, own);
    if (neighborType(config, settings) !== 'ebgp') continue;
    const lacking = (['import', 'export'] as const).filter((direction) => lacksPolicy(settings, direction));
    if (lacking.length === 0) continue;
    const denied = chainOptions(config, settings, lacking[0]!)?.missing === true;
    const effects = lacking.map((direction) => EFFECT[direction][denied ? 'denied' : 'open']);
    const missing = lacking.map((direction) => `${direction} policy`).join(' or ');
    lines.push(`${who}: eBGP without an ${missing} (RFC 8212): ${effects.join(', ')}`);
  }
  return lines;
}

const EFFECT: Readonly<Record<Direction, { readonly denied: string; readonly open: string }>> = {
  import: { denied: 'no route is accepted', open: 'every route is accepted' },
  export: { denied: 'no route is announced', open: 'every route is announced' },
};
