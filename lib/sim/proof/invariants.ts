import type { PathView } from '../../speaker/views.js';
import type { Network } from '../network/network.js';
import { ForwardingCheck } from './forwarding-check.js';
import { Oracle } from './oracle.js';
import { receivedOn, RoutesCheck } from './routes-check.js';
import { FAMILIES } from './plain-route.js';
import { INVARIANTS, type Invariant } from './names.js';
import { takeSnapshot, type Snapshot } from './snapshot.js';

/** Something that is not as it must be. */
export interface Violation {
  readonly invariant: Invariant;
  /** Where. */
  readonly router: string;
  readonly prefix: string;
  /** For people, with router and prefix. */
  readonly text: string;
}

export interface InvariantOptions {
  /** Which to check; default: all. */
  readonly only?: readonly Invariant[];
}

export interface InvariantReport {
  readonly violations: readonly Violation[];
  /**
   * Settings for which the oracle has no rules (confederations, roles, `localAs` …). Where there are some, `right routes`, `right
   * reflection attributes` and `no oscillation` were not checked.
   */
  readonly unsupported: readonly string[];
  /**
   * Prefixes for which several outcomes are stable, or another one than letting routers choose in turn has found: what there is was
   * checked for being one that nobody wants to change.
   */
  readonly ambiguous: readonly string[];
  /** What the oracle started from. */
  readonly snapshot: Snapshot;
}

/**
 * Check a network that has come to rest (`await net.converged()`) against an oracle that works out globally what
 * every router should know.
 */
export function checkInvariants(net: Network, options: InvariantOptions = {}): Violation[] {
  return [...inspect(net, options).violations];
}

/** {@link checkInvariants}, and what could not be checked. */
export function inspect(net: Network, options: InvariantOptions = {}): InvariantReport {
  const { only = INVARIANTS } = options;
  const snapshot = takeSnapshot(net);
  const received = receivedOn(net, snapshot.sessions);
  const oracle = new Oracle(snapshot, (session, prefix) =>
    (received.get(session)?.get(prefix) ?? []).map(({ nextHop }) => nextHop),
  );
  const violations: Violation[] = [];
  const found = (invariant: Invariant, router: string, prefix: string, text: string): void => {
    if (!only.includes(invariant)) return;
    violations.push({ invariant, router, prefix, text: `${router}: ${prefix}: ${text}` });
  };
  const best: BestPaths = new Map();
  for (const name of snapshot.routers.keys()) {
    best.set(name, new Map(FAMILIES.flatMap((family) => [...net.routes(name, family)])));
  }
  const routes = new RoutesCheck(oracle, best, received, found);
  if (snapshot.unsupported.length === 0) routes.run();
  const pathsOf = tellable(net, snapshot, best);
  const forwarding = new ForwardingCheck(net, snapshot, (prefix) => routes.choicesOf(prefix));
  const follow = only.includes('no black hole') || only.includes('no forwarding loop');
  for (const [name, paths] of best) {
    for (const [prefix, path] of paths) {
      if (path.stale) found('no stale route', name, prefix, `the best path, from ${path.neighbor}, is stale`);
      if (!hasOrigin(net, pathsOf, path)) {
        found('no stale route', name, prefix, 'leads back to nobody who originates it');
      }
      const lost = follow ? forwarding.lost(name, prefix) : undefined;
      if (lost !== undefined) found(lost.invariant, name, prefix, lost.text);
    }
  }
  return { violations, unsupported: snapshot.unsupported, ambiguous: routes.ambiguous, snapshot };
}

/** By router and prefix. */
type BestPaths = Map<string, ReadonlyMap<string, PathView>>;

/** By router, all paths of each prefix that a neighbor may have been told: where one tells several paths, others than the best too. */
function tellable(
  net: Network,
  { routers, sessions }: Snapshot,
  best: BestPaths,
): (name: string, prefix: string) => PathView[] {
  const tellSeveral = new Set(
    sessions.filter(({ paths }) => Object.values(paths).some((each) => each !== undefined)).map(({ from }) => from),
  );
  const all = new Map<string, Map<string, PathView[]>>();
  for (const name of routers.keys()) {
    const paths = new Map<string, PathView[]>();
    for (const [prefix, path] of best.get(name)!) paths.set(prefix, [path]);
    for (const family of tellSeveral.has(name) ? FAMILIES : []) {
      for (const path of net.routerOf(name).speaker.routes(family, { bestOnly: false })) {
        paths.set(path.prefix, [...(paths.get(path.prefix) ?? []), path]);
      }
    }
    all.set(name, paths);
  }
  return (name, prefix) => all.get(name)?.get(prefix) ?? [];
}

/** Whether paths lead, from neighbor to neighbor, to one who originates it. */
function hasOrigin(
  net: Network,
  pathsOf: (name: string, prefix: string) => readonly PathView[],
  first: PathView,
): boolean {
  const seen = new Set<string>();
  const leads = ({ neighbor, prefix }: PathView): boolean => {
    if (neighbor === null) return true;
    const next = net.ownerOf(neighbor)?.name;
    // Somebody outside of the network.
    if (next === undefined) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return pathsOf(next, prefix).some(leads);
  };
  return leads(first);
}
