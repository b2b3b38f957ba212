import { parseAddress, parsePrefix, prefixContains } from '../net/index.js';
import type { ConfigDraft } from './config-draft.js';
import type { ConfigPath, ConfigProblem } from './config-errors.js';
import { entries, familyOfAddress } from './config-address.js';
import { confederation } from './config-as-rules.js';
import { fibConntrack, fibHold } from './config-fib-rules.js';
import { aggregates, learn } from './config-local-rules.js';
import type { Machine } from './config-socket-rules.js';
import type { PeerSettings } from './options.js';
import { checkPeers } from './config-peer-rules.js';
import { policies } from './config-policy-rules.js';

/** What cannot be said together, although each part alone is fine. */
type Rule = (draft: ConfigDraft, machine?: Machine) => Iterable<ConfigProblem>;

const RULES: readonly Rule[] = [
  listenTwice,
  neighborTwice,
  neighborIsSelf,
  dynamicTwice,
  networks,
  learn,
  aggregates,
  fibType,
  multipath,
  confederation,
  fibHold,
  fibConntrack,
  ownRestart,
  policies,
  checkPeers,
];

/** All broken rules, in the order of the rules; one flaw of a peer group that many neighbors share appears once. */
export function checkRules(draft: ConfigDraft, machine?: Machine): ConfigProblem[] {
  const seen = new Map<string, ConfigProblem>();
  for (const rule of RULES) {
    for (const problem of rule(draft, machine)) {
      const key = JSON.stringify([problem.path, problem.message]);
      if (!seen.has(key)) seen.set(key, problem);
    }
  }
  return [...seen.values()];
}

/** The first place of each value; yields a problem for each further one. */
function* repeated(values: Iterable<readonly [string, ConfigPath]>, what: string): Generator<ConfigProblem> {
  const first = new Map<string, ConfigPath>();
  for (const [value, path] of values) {
    const before = first.get(value);
    if (before === undefined) first.set(value, path);
    else yield { path, message: `${what} ${value} is there already, as ${before[0]}[${before[1]}]`, found: value };
  }
}

function* listenTwice({ listen }: ConfigDraft): Generator<ConfigProblem> {
  const fixed = entries(listen).filter(([, { port }]) => port !== 0);
  yield* repeated(
    fixed.map(([i, { address, port }]) => [`${address} port ${port}`, ['listen', i]] as const),
    'listener',
  );
  for (const [i, { address, port }] of fixed) {
    const all = fixed.find(([j, other]) => j !== i && other.port === port && other.address === anyAddress(address));
    if (all !== undefined && address !== anyAddress(address)) {
      yield {
        path: ['listen', i],
        message: `listen[${all[0]}] takes port ${port} on all ${familyOfAddress(address)} addresses already`,
      };
    }
  }
}

function anyAddress(address: string): string {
  return familyOfAddress(address) === 'IPv6' ? '::' : '0.0.0.0';
}

function* neighborTwice({ neighbors }: ConfigDraft): Generator<ConfigProblem> {
  yield* repeated(
    entries(neighbors).map(([i, { address }]) => [address, ['neighbors', i, 'address']] as const),
    'neighbor',
  );
}

function* neighborIsSelf({ neighbors, peerGroups, listen }: ConfigDraft): Generator<ConfigProblem> {
  for (const [i, { address, peerGroup, port }] of entries(neighbors)) {
    const group = peerGroup === undefined ? undefined : peerGroups?.[peerGroup];
    const remotePort = port ?? group?.port ?? 179;
    const own = entries(listen).find(([, at]) => at.address === address && at.port === remotePort);
    if (own !== undefined) {
      yield {
        path: ['neighbors', i, 'address'],
        message: `${address} port ${remotePort} is this speaker itself (listen[${own[0]}])`,
      };
    }
  }
}

function* dynamicTwice({ dynamicNeighbors }: ConfigDraft): Generator<ConfigProblem> {
  yield* repeated(
    entries(dynamicNeighbors).map(([i, { prefix }]) => [prefix, ['dynamicNeighbors', i, 'prefix']] as const),
    'prefix',
  );
}

function* networks({ networks: list, fib }: ConfigDraft): Generator<ConfigProblem> {
  const all = entries(list).map(([i, entry]) => [i, typeof entry === 'string' ? { prefix: entry } : entry] as const);
  yield* repeated(
    all.map(([i, { prefix }]) => [prefix, ['networks', i]] as const),
    'network',
  );
  for (const [i, { prefix, nextHop, blackhole }] of all) {
    // RFC 8950: the other way round only.
    if (nextHop !== undefined && familyOfAddress(nextHop) === 'IPv4' && familyOfAddress(prefix) === 'IPv6') {
      yield {
        path: ['networks', i, 'nextHop'],
        message: `an ${familyOfAddress(prefix)} network cannot have an ${familyOfAddress(nextHop)} next hop`,
      };
    }
    if (nextHop !== undefined && prefix !== '0.0.0.0/0' && prefix !== '::/0' && blackhole && covers(prefix, nextHop)) {
      yield { path: ['networks', i, 'nextHop'], message: `the blackhole for ${prefix} would swallow its own next hop` };
    }
    if (blackhole && fib === undefined) {
      yield {
        path: ['networks', i, 'blackhole'],
        message: 'a blackhole needs fib: without it no kernel routes are written',
      };
    }
  }
}

function* fibType({ fib }: ConfigDraft, machine?: Machine): Generator<ConfigProblem> {
  const reason = fib?.type === 'netlink' ? machine?.whyNoNetlink?.() : undefined;
  if (reason !== undefined) yield { path: ['fib', 'type'], message: `netlink cannot be had: ${reason}` };
  if (fib !== undefined && fib.type !== 'ip-route' && fib.type !== 'netlink') {
    for (const setting of ['netns', 'vrf'] as const) {
      if (fib[setting] === undefined) continue;
      yield { path: ['fib', setting], message: `type: ${fib.type} writes to no kernel, so ${setting} has no effect` };
    }
    if (fib.nexthopObjects === true) {
      const message = `type: ${fib.type} writes to no kernel, so nexthopObjects has no effect`;
      yield { path: ['fib', 'nexthopObjects'], message };
    }
  }
  if (fib?.vrf !== undefined && fib.table !== undefined) {
    yield { path: ['fib', 'vrf'], message: 'the table is that of the VRF: give either vrf or table' };
  }
}

function* multipath({ multipath: given }: ConfigDraft): Generator<ConfigProblem> {
  if (given === undefined || (given.ebgp ?? 1) > 1 || (given.ibgp ?? 1) > 1) return;
  yield { path: ['multipath'], message: 'expected ebgp or ibgp greater than 1: without, only the best path is used' };
}

function* ownRestart(draft: ConfigDraft): Generator<ConfigProblem> {
  const { gracefulRestart, fib, peerGroups = {} } = draft;
  if (gracefulRestart === undefined) return;
  const asks = (settings: PeerSettings | undefined): boolean => {
    // An entry that could not be read might be the one.
    if (settings === undefined) return true;
    const { enabled, helperOnly } = settings.gracefulRestart ?? {};
    return helperOnly === undefined ? enabled === true : !helperOnly && enabled !== false;
  };
  if (![...Object.values(peerGroups), ...(draft.neighbors ?? [])].some(asks)) {
    yield {
      path: ['gracefulRestart'],
      message: 'no neighbor is asked to keep our routes: set gracefulRestart: { enabled: true } at one or at a group',
    };
  }
  if (gracefulRestart.dynamicNeighborQuietTime !== undefined && (draft.dynamicNeighbors ?? []).length === 0) {
    yield { path: ['gracefulRestart', 'dynamicNeighborQuietTime'], message: 'has no effect without dynamicNeighbors' };
  }
  if (gracefulRestart.atStop === 'restart' && fib?.atStop === 'remove') {
    yield {
      path: ['gracefulRestart', 'atStop'],
      message: 'with fib.atStop: remove no packet is forwarded while we restart, so neighbors must not keep our routes',
    };
  }
}

function covers(prefix: string, address: string): boolean {
  return prefixContains(parsePrefix(prefix), parseAddress(address));
}
