import { canonicalScopedAddress, parsePrefix, prefixContains, UsageError, type Prefix } from '../net/index.js';
import { RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import { didYouMean } from '../speaker/config-suggest.js';
import type { RouteFilter } from '../speaker/speaker-api.js';
import type { FibRouteView } from '../speaker/views.js';
import type { WatchOptions } from '../speaker/watch-events.js';
import type { StreamFormat } from './route-stream.js';

/** What `GET /v1/routes` was asked for. */
export interface RouteQuery {
  readonly families: readonly FamilyName[];
  readonly filter: RouteFilter;
  /** Only routes within this prefix. */
  readonly within: Prefix | null;
  readonly limit: number;
  readonly format: StreamFormat;
}

const PARAMETERS = ['family', 'receivedFrom', 'advertisedTo', 'prefix', 'all', 'limit', 'format'] as const;

/** The form of a list: as the parameter `format` says, else as the Accept header. */
export function readFormat(parameters: Readonly<Record<string, string>>, accept: string): StreamFormat {
  refuseUnknown(parameters, ['format']);
  return choice('format', parameters['format'], ['json', 'json-lines']) ?? preferred(accept);
}

/**
 * Read the query string of `GET /v1/routes`.
 * @throws UsageError `unknown_parameter`, `bad_parameter`, `bad_prefix`, `bad_address`
 */
export function readRouteQuery(parameters: Readonly<Record<string, string>>, accept: string): RouteQuery {
  refuseUnknown(parameters, PARAMETERS);
  const { receivedFrom, advertisedTo } = parameters;
  if (receivedFrom !== undefined && advertisedTo !== undefined) {
    throw new UsageError('bad_parameter', 'ask for receivedFrom or for advertisedTo, not for both', 'advertisedTo');
  }
  const within = parameters['prefix'] === undefined ? null : parsePrefix(parameters['prefix']);
  return {
    families: families(parameters['family'], within),
    filter: {
      ...(receivedFrom === undefined ? {} : { receivedFrom: canonicalScopedAddress(receivedFrom) }),
      ...(advertisedTo === undefined ? {} : { advertisedTo: canonicalScopedAddress(advertisedTo) }),
      ...(choice('all', parameters['all'], ['false', 'true']) === 'true' ? { bestOnly: false } : {}),
    },
    within,
    limit: count('limit', parameters['limit']),
    format: readFormat(parameters['format'] === undefined ? {} : { format: parameters['format'] }, accept),
  };
}

const FIB_STATES = ['installed', 'pending', 'failed', 'unresolved', 'stale', 'held', 'removing'] as const;

/** What `GET /v1/fib` was asked for. */
export interface FibQuery {
  readonly state: FibRouteView['state'] | undefined;
  /** Only routes within this prefix. */
  readonly within: Prefix | null;
  readonly format: StreamFormat;
}

/**
 * Read the query string of `GET /v1/fib`.
 * @throws UsageError `unknown_parameter`, `bad_parameter`, `bad_prefix`
 */
export function readFibQuery(parameters: Readonly<Record<string, string>>, accept: string): FibQuery {
  refuseUnknown(parameters, ['state', 'prefix', 'format']);
  return {
    state: choice('state', parameters['state'], FIB_STATES),
    within: parameters['prefix'] === undefined ? null : parsePrefix(parameters['prefix']),
    format: readFormat(parameters['format'] === undefined ? {} : { format: parameters['format'] }, accept),
  };
}

const WATCH_PARAMETERS = ['family', 'routes', 'all', 'neighbors', 'fib', 'format'] as const;

/** What `GET /v1/watch` was asked for. */
export interface WatchQuery {
  readonly options: WatchOptions;
  readonly format: 'json-lines' | 'events';
}

/**
 * Read the query string of `GET /v1/watch`.
 * @throws UsageError `unknown_parameter`, `bad_parameter`
 */
export function readWatchQuery(parameters: Readonly<Record<string, string>>, accept: string): WatchQuery {
  refuseUnknown(parameters, WATCH_PARAMETERS);
  const flag = (name: string): boolean | undefined => {
    const word = choice(name, parameters[name], ['false', 'true']);
    return word === undefined ? undefined : word === 'true';
  };
  const family = choice('family', parameters['family'], RIB_FAMILIES);
  const none = flag('routes') === false;
  return {
    options: {
      ...(none ? { families: [] } : family === undefined ? {} : { families: [family] }),
      bestOnly: !(flag('all') ?? false),
      neighbors: flag('neighbors') ?? false,
      fib: flag('fib') ?? false,
    },
    format:
      choice('format', parameters['format'], ['json-lines', 'events']) ??
      (/text\/event-stream/.test(accept) ? 'events' : 'json-lines'),
  };
}

function refuseUnknown(parameters: Readonly<Record<string, string>>, known: readonly string[]): void {
  for (const name of Object.keys(parameters)) {
    if (known.includes(name)) continue;
    const near = didYouMean(name, known);
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    throw new UsageError('unknown_parameter', `unknown parameter '${name}'${hint}`, name);
  }
}

/** Whether a path or a kernel route is wanted. */
export function matches(query: Pick<RouteQuery, 'within'>, { prefix }: { readonly prefix: string }): boolean {
  if (query.within === null) return true;
  const { octets, length } = parsePrefix(prefix);
  return length >= query.within.length && prefixContains(query.within, octets);
}

function preferred(accept: string): StreamFormat {
  return /application\/(x-ndjson|jsonl)/.test(accept) ? 'json-lines' : 'json';
}

function families(text: string | undefined, within: Prefix | null): readonly FamilyName[] {
  const family = choice('family', text, RIB_FAMILIES);
  const ofPrefix = within === null ? undefined : within.octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast';
  if (family !== undefined && ofPrefix !== undefined && family !== ofPrefix) {
    throw new UsageError('bad_parameter', `the prefix is not of the family ${family}`, 'family');
  }
  const one = family ?? ofPrefix;
  return one === undefined ? RIB_FAMILIES : [one];
}

function choice<T extends string>(name: string, text: string | undefined, words: readonly T[]): T | undefined {
  const word = words.find((known) => known === text);
  if (text !== undefined && word === undefined) {
    throw new UsageError('bad_parameter', `${name}: found '${text}', expected ${words.join(' or ')}`, name);
  }
  return word;
}

function count(name: string, text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError('bad_parameter', `${name}: found '${text}', expected a whole number`, name);
  return Number(text);
}
