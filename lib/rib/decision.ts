/**
 * The decision process (RFC 4271 section 9.1): one list of named steps. The same list chooses the best path and
 * answers `explain`.
 *
 * Each step keeps, of the candidates that are left, those that it likes best; so the outcome does not depend on the
 * order in which paths arrived, also with MED, which is no total order (RFC 4271 9.1.2.2 c).
 */
import { formatIpv4 } from '../net/index.js';
import type { AttributeStore } from './attribute-store.js';
import { ATTR } from './attribute-store.js';
import { grow, type IdStack } from './columns.js';
import { onlyToCustomerOf } from './import-rules.js';
import type { NextHopTable } from './next-hop-table.js';
import type { PathTable } from './path-table.js';
import { compareSources, LOCAL_SOURCE, type PeerTable } from './peer-table.js';

/** What the steps look at. */
export interface DecisionContext {
  readonly paths: PathTable;
  readonly store: AttributeStore;
  readonly nextHops: NextHopTable;
  readonly peers: PeerTable;
  /** Compare MED also between different neighbor ASes. */
  readonly alwaysCompareMed: boolean;
}

export interface DecisionStep {
  readonly name: string;
  readonly rfc: string;
  /** Negative: row `a` is preferred to row `b`. */
  readonly compare: (cx: DecisionContext, a: number, b: number) => number;
  /** Only rows for which this gives true are compared with each other. */
  readonly comparable?: (cx: DecisionContext, a: number, b: number) => boolean;
  /** What the step looked at, for people. */
  readonly show: (cx: DecisionContext, row: number) => string;
}

const ORIGIN_NAMES = ['igp', 'egp', 'incomplete'];

const flagsOf = (cx: DecisionContext, row: number): number => cx.store.flags[cx.paths.attributes[row]!]!;

const loopOf = (cx: DecisionContext, row: number): number => flagsOf(cx, row) & ATTR.anyLoop;

const isLeak = (cx: DecisionContext, row: number): boolean => (flagsOf(cx, row) & ATTR.leak) !== 0;

function loopText(cx: DecisionContext, row: number): string {
  const loop = loopOf(cx, row);
  if ((loop & ATTR.asLoop) !== 0) return 'own AS in AS_PATH';
  if ((loop & ATTR.originatorLoop) !== 0) return 'own ORIGINATOR_ID';
  return loop === 0 ? 'no loop' : 'own cluster ID in CLUSTER_LIST';
}

function leakText(cx: DecisionContext, row: number): string {
  const asn = onlyToCustomerOf(cx.store, cx.paths.attributes[row]!);
  if (isLeak(cx, row)) return `route leak: ONLY_TO_CUSTOMER ${asn} may not come from this neighbor`;
  return asn === undefined ? 'no ONLY_TO_CUSTOMER' : `ONLY_TO_CUSTOMER ${asn}`;
}

const isReachable = (cx: DecisionContext, row: number): boolean =>
  cx.nextHops.isUsable(cx.store.nextHop[cx.paths.attributes[row]!]!, cx.paths.source[row] === LOCAL_SOURCE);

const isLocal = (cx: DecisionContext, row: number): number => Number(cx.paths.source[row] === LOCAL_SOURCE);

const isExternal = (cx: DecisionContext, row: number): number =>
  Number(cx.peers.get(cx.paths.source[row]!).type === 'ebgp');

const igpCost = (cx: DecisionContext, row: number): number =>
  cx.nextHops.metric[cx.store.nextHop[cx.paths.attributes[row]!]!]!;

function identifierOf(cx: DecisionContext, row: number): number {
  const attributes = cx.paths.attributes[row]!;
  return (cx.store.flags[attributes]! & ATTR.hasOriginatorId) !== 0
    ? cx.store.originatorId[attributes]!
    : cx.peers.get(cx.paths.source[row]!).routerId;
}

/** A step that compares one number of the attribute set. `sign` 1: smaller is better, -1: larger. */
function byColumn(
  name: string,
  rfc: string,
  sign: 1 | -1,
  column: (store: AttributeStore) => ArrayLike<number>,
  text: (value: number) => string,
): DecisionStep {
  return {
    name,
    rfc,
    compare: (cx, a, b) => {
      const values = column(cx.store);
      return sign * (values[cx.paths.attributes[a]!]! - values[cx.paths.attributes[b]!]!);
    },
    show: (cx, row) => text(column(cx.store)[cx.paths.attributes[row]!]!),
  };
}

const isLongLivedStale = (cx: DecisionContext, row: number): number =>
  Number((flagsOf(cx, row) & ATTR.llgrStale) !== 0);

const isFiltered = (cx: DecisionContext, row: number): boolean => (flagsOf(cx, row) & ATTR.filtered) !== 0;

/** The steps in order. A path that loses at one of the first four is not usable at all. */
export const DECISION_STEPS: readonly DecisionStep[] = [
  {
    name: 'no loop',
    rfc: 'RFC 4271 9.1.2, RFC 4456 8',
    compare: (cx, a, b) => Number(loopOf(cx, a) !== 0) - Number(loopOf(cx, b) !== 0),
    show: loopText,
  },
  {
    name: 'no route leak',
    rfc: 'RFC 9234 5',
    compare: (cx, a, b) => Number(isLeak(cx, a)) - Number(isLeak(cx, b)),
    show: leakText,
  },
  {
    name: 'import policy',
    rfc: 'RFC 4271 9.1.1, RFC 8212',
    compare: (cx, a, b) => Number(isFiltered(cx, a)) - Number(isFiltered(cx, b)),
    show: (cx, row) => (isFiltered(cx, row) ? 'rejected' : 'accepted'),
  },
  {
    name: 'next hop resolvable',
    rfc: 'RFC 4271 9.1.2.1',
    compare: (cx, a, b) => Number(isReachable(cx, b)) - Number(isReachable(cx, a)),
    show: (cx, row) => (isReachable(cx, row) ? 'resolvable' : 'unresolvable'),
  },
  {
    name: 'not long-lived stale',
    rfc: 'RFC 9494 4.3',
    compare: (cx, a, b) => isLongLivedStale(cx, a) - isLongLivedStale(cx, b),
    show: (cx, row) => (isLongLivedStale(cx, row) ? 'LLGR_STALE' : 'not stale'),
  },
  byColumn(
    'highest LOCAL_PREF',
    'RFC 4271 9.1.1',
    -1,
    (s) => s.localPref,
    (v) => `LOCAL_PREF ${v}`,
  ),
  {
    name: 'locally originated',
    rfc: 'RFC 4271 9.1.1',
    compare: (cx, a, b) => isLocal(cx, b) - isLocal(cx, a),
    show: (cx, row) => (isLocal(cx, row) ? 'local' : 'learnt'),
  },
  byColumn(
    'shortest AS_PATH',
    'RFC 4271 9.1.2.2 a',
    1,
    (s) => s.asPathLength,
    (v) => `AS_PATH length ${v}`,
  ),
  byColumn(
    'lowest ORIGIN',
    'RFC 4271 9.1.2.2 b',
    1,
    (s) => s.origin,
    (v) => `ORIGIN ${ORIGIN_NAMES[v]}`,
  ),
  {
    ...byColumn(
      'lowest MULTI_EXIT_DISC',
      'RFC 4271 9.1.2.2 c',
      1,
      (s) => s.med,
      (v) => `MULTI_EXIT_DISC ${v}`,
    ),
    comparable: (cx, a, b) =>
      cx.alwaysCompareMed ||
      cx.store.neighborAs[cx.paths.attributes[a]!] === cx.store.neighborAs[cx.paths.attributes[b]!],
  },
  {
    name: 'eBGP over iBGP',
    // RFC 5065 section 5.3: a route from anywhere in the confederation is internal.
    rfc: 'RFC 4271 9.1.2.2 d, RFC 5065 5.3',
    compare: (cx, a, b) => isExternal(cx, b) - isExternal(cx, a),
    show: (cx, row) => cx.peers.get(cx.paths.source[row]!).type,
  },
  {
    name: 'lowest IGP cost to the next hop',
    rfc: 'RFC 4271 9.1.2.2 e',
    compare: (cx, a, b) => igpCost(cx, a) - igpCost(cx, b),
    show: (cx, row) => `cost ${igpCost(cx, row)}`,
  },
  {
    name: 'lowest router ID or ORIGINATOR_ID',
    rfc: 'RFC 4271 9.1.2.2 f, RFC 4456 9',
    compare: (cx, a, b) => identifierOf(cx, a) - identifierOf(cx, b),
    show: (cx, row) => formatIpv4(identifierOf(cx, row)),
  },
  byColumn(
    'shortest CLUSTER_LIST',
    'RFC 4456 9',
    1,
    (s) => s.clusterListLength,
    (v) => `CLUSTER_LIST length ${v}`,
  ),
  {
    name: 'lowest peer address',
    rfc: 'RFC 4271 9.1.2.2 g',
    compare: (cx, a, b) => compareSources(cx.peers.get(cx.paths.source[a]!), cx.peers.get(cx.paths.source[b]!)),
    show: (cx, row) => cx.peers.addressText(cx.paths.source[row]!) ?? 'local',
  },
  {
    // Paths of one neighbor, all else equal: any fixed order will do.
    name: 'lowest path identifier',
    rfc: 'RFC 7911 3',
    compare: (cx, a, b) => cx.paths.pathIdOf(a) - cx.paths.pathIdOf(b),
    show: (cx, row) => `path ID ${cx.paths.pathIdOf(row)}`,
  },
];

/** Whether a path may be used at all: no loop, no leak, not rejected, next hop resolvable. */
export function isUsable(cx: DecisionContext, row: number): boolean {
  return (flagsOf(cx, row) & ATTR.barred) === 0 && isReachable(cx, row);
}

/** How many steps say whether a path is usable; all others compare usable ones. */
const USABILITY_STEPS = 4;

/** The step at which an unusable path is lost. */
function unusableAt(cx: DecisionContext, row: number): number {
  if (loopOf(cx, row) !== 0) return 0;
  if (isLeak(cx, row)) return 1;
  return isFiltered(cx, row) ? 2 : 3;
}

/** Candidates of the decision under way, reused. */
let candidates = new Int32Array(16);

/**
 * Choose the best of a chain of paths.
 * @param head first row of the chain, -1 for none
 * @param lostAt where given: by row, the index of the step at which the path lost is noted
 * @returns the best row, or -1 when no path is usable
 */
export function selectBest(cx: DecisionContext, head: number, lostAt?: Map<number, number>): number {
  if (head < 0) return -1;
  if (cx.paths.next[head]! < 0) {
    if (isUsable(cx, head)) return head;
    lostAt?.set(head, unusableAt(cx, head));
    return -1;
  }
  let count = 0;
  for (let row = head; row >= 0; row = cx.paths.next[row]!) {
    if (!isUsable(cx, row)) {
      lostAt?.set(row, unusableAt(cx, row));
      continue;
    }
    if (count === candidates.length) {
      const longer = new Int32Array(count * 2);
      longer.set(candidates);
      candidates = longer;
    }
    candidates[count++] = row;
  }
  return runSteps(cx, count, lostAt);
}

/** The first step that compares usable paths; it only looks for LLGR_STALE. */
function firstStep(cx: DecisionContext): number {
  return USABILITY_STEPS + Number(!cx.store.hasLongLivedStale);
}

/** Compare the usable candidates. @returns the best row, or -1 when there is none */
function runSteps(cx: DecisionContext, count: number, lostAt?: Map<number, number>, from = 0): number {
  for (let s = Math.max(from, firstStep(cx)); s < DECISION_STEPS.length && count > 1; s++)
    count = applyStep(cx, s, count, lostAt);
  return count === 0 ? -1 : candidates[0]!;
}

/** The first of the steps that only break ties: paths that come so far are equally good (RFC 4271 9.1.2.2 f and after). */
export const FIRST_TIE_BREAK = DECISION_STEPS.findIndex(({ name }) => name.startsWith('lowest router ID'));

/**
 * The usable paths of a chain that no step but those breaking ties tells from the best.
 * @param equal gets their rows, the best one too; what is in it before is dropped
 */
export function equalPaths(cx: DecisionContext, head: number, equal: IdStack): void {
  equal.clear();
  let count = 0;
  for (let row = head; row >= 0; row = cx.paths.next[row]!) {
    if (!isUsable(cx, row)) continue;
    if (count === candidates.length) candidates = grow(candidates, count * 2);
    candidates[count++] = row;
  }
  for (let s = firstStep(cx); s < FIRST_TIE_BREAK && count > 1; s++) count = applyStep(cx, s, count);
  for (let i = 0; i < count; i++) equal.push(candidates[i]!);
}

/** The best row of a list of usable ones, by the steps from one on; -1 when it is empty. */
export function bestOf(cx: DecisionContext, rows: IdStack, from = 0): number {
  const count = rows.length;
  if (count > candidates.length) candidates = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) candidates[i] = rows.at(i);
  return runSteps(cx, count, undefined, from);
}

/** Keep the candidates that a step likes best. @returns how many */
function applyStep(cx: DecisionContext, index: number, count: number, lostAt?: Map<number, number>): number {
  const { compare, comparable } = DECISION_STEPS[index]!;
  if (comparable) return applyPartialStep(cx, index, count, compare, comparable, lostAt);
  let kept = 1;
  for (let i = 1; i < count; i++) {
    const row = candidates[i]!;
    const order = compare(cx, row, candidates[0]!);
    if (order > 0) {
      lostAt?.set(row, index);
      continue;
    }
    if (order < 0) {
      if (lostAt) for (let k = 0; k < kept; k++) lostAt.set(candidates[k]!, index);
      kept = 0;
    }
    candidates[kept++] = row;
  }
  return kept;
}

/** A step without total order: drop each candidate that another, comparable one beats. */
function applyPartialStep(
  cx: DecisionContext,
  index: number,
  count: number,
  compare: DecisionStep['compare'],
  comparable: NonNullable<DecisionStep['comparable']>,
  lostAt?: Map<number, number>,
): number {
  let beaten = 0;
  for (let i = 0; i < count; i++) {
    const row = candidates[i]!;
    for (let k = 0; k < count; k++) {
      const other = candidates[k]!;
      if (k === i) continue;
      const rival = other < 0 ? ~other : other;
      if (comparable(cx, row, rival) && compare(cx, row, rival) > 0) {
        lostAt?.set(row, index);
        candidates[i] = ~row;
        beaten++;
        break;
      }
    }
  }
  if (beaten === 0) return count;
  let kept = 0;
  for (let i = 0; i < count; i++) if (candidates[i]! >= 0) candidates[kept++] = candidates[i]!;
  return kept;
}
