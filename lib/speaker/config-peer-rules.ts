import type { ConfigDraft } from './config-draft.js';
import type { ConfigPath, ConfigProblem } from './config-errors.js';
import { entries, familyOfAddress } from './config-address.js';
import { indistinctKeys, socketRules, type Machine } from './config-socket-rules.js';
import { didYouMean } from './config-suggest.js';
import { isByFamily } from './add-path.js';
import { neighborType } from './as-identity.js';
import { asRules } from './config-as-rules.js';
import type { Peer, PeerRule } from './config-peer.js';
import { peerPolicies } from './config-policy-rules.js';
import type { PeerSettings } from './options.js';
import { effectiveSettings, mergedSettings } from './settings.js';

/** Rules about one neighbor with its group; each reports at the place where the setting was written. */
const RULES: readonly PeerRule[] = [
  reflection,
  asRules,
  peerPolicies,
  families,
  extendedNextHop,
  timers,
  restart,
  localAddress,
  passiveNeedsListener,
  portsOfPassive,
  prefixLimits,
  addPath,
];

/** The rules about neighbors and peer groups. */
export function* checkPeers(draft: ConfigDraft, machine?: Machine): Generator<ConfigProblem> {
  yield* groupsAlone(draft);
  const peers: Peer[] = [];
  const written = [
    ...entries(draft.neighbors).map(([i, n]) => ({
      own: n,
      address: n.address,
      dynamic: false,
      path: ['neighbors', i],
    })),
    ...entries(draft.dynamicNeighbors).map(([i, { prefix, peerGroup }]) => ({
      own: { peerGroup },
      address: prefix,
      dynamic: true,
      path: ['dynamicNeighbors', i],
    })),
  ];
  for (const { own, address, dynamic, path } of written) {
    const { peerGroup } = own;
    const groups = draft.peerGroups ?? {};
    if (peerGroup !== undefined && !Object.hasOwn(groups, peerGroup)) {
      yield unknownGroup([...path, 'peerGroup'], peerGroup, Object.keys(groups));
      continue;
    }
    const group = peerGroup === undefined ? {} : groups[peerGroup];
    if (group === undefined) continue; // has flaws of its own, reported already
    const given = mergedSettings(group, own as PeerSettings);
    if (given.peerAs === undefined) {
      const where = peerGroup === undefined ? '' : `, neither here nor in peer group '${peerGroup}'`;
      yield { path, message: `peerAs is missing${where}`, expected: 'an AS number' };
      continue;
    }
    const effective = effectiveSettings({ routerId: draft.routerId ?? '', ...withGroup(peerGroup, group) }, own);
    const where = (key: keyof PeerSettings): ConfigPath =>
      Object.hasOwn(own, key) || peerGroup === undefined ? [...path, key] : ['peerGroups', peerGroup, key];
    const peer: Peer = { address, dynamic, path, given, effective, where };
    for (const rule of RULES) yield* rule(peer, draft);
    yield* socketRules(peer, draft, machine);
    peers.push(peer);
  }
  yield* indistinctKeys(peers);
}

function withGroup(name: string | undefined, group: PeerSettings): { peerGroups?: Record<string, PeerSettings> } {
  return name === undefined ? {} : { peerGroups: { [name]: group } };
}

function unknownGroup(path: ConfigPath, name: string, known: readonly string[]): ConfigProblem {
  const near = didYouMean(name, known);
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  return {
    path,
    message: `there is no peer group '${name}'${hint}`,
    found: name,
    expected: known.join(', ') || 'a group of peerGroups',
  };
}

/** A group that nobody uses yet must be right too. */
function* groupsAlone(draft: ConfigDraft): Generator<ConfigProblem> {
  const { peerGroups, asn, confederation } = draft;
  for (const [name, group] of Object.entries(peerGroups ?? {})) {
    if (group === undefined) continue;
    yield* peerPolicies({ given: group, where: (key) => ['peerGroups', name, key] }, draft);
    if (group.peerAs !== undefined) {
      const effective = effectiveSettings({ routerId: '' }, group);
      const path: ConfigPath = ['peerGroups', name];
      const where = (key: keyof PeerSettings): ConfigPath => [...path, key];
      const peer: Peer = { address: '', dynamic: false, path, given: group, effective, where };
      const own = { ...(asn === undefined ? {} : { asn }), ...(confederation === undefined ? {} : { confederation }) };
      for (const rule of [reflection, asRules, families, extendedNextHop, timers, restart, prefixLimits, socketRules]) {
        yield* rule(peer, own);
      }
    }
  }
}

function* reflection({ given, effective, where }: Peer, { asn }: ConfigDraft): Generator<ConfigProblem> {
  if (effective.routeReflectorClient && asn !== undefined && neighborType({ asn }, effective) !== 'ibgp') {
    yield {
      path: where('routeReflectorClient'),
      message: `a route reflector client is iBGP (RFC 4456), but peerAs is ${effective.peerAs} and asn is ${asn}`,
    };
  }
  if (given.clusterId !== undefined && !effective.routeReflectorClient) {
    yield {
      path: where('clusterId'),
      message: 'only a route reflector client has a clusterId; set routeReflectorClient: true',
    };
  }
}

function* families({ effective, where }: Peer): Generator<ConfigProblem> {
  if (effective.families.length === 0) {
    yield { path: where('families'), message: 'found an empty list, expected at least one family' };
  }
  const twice = effective.families.find((family, i) => effective.families.indexOf(family) !== i);
  if (twice !== undefined) yield { path: where('families'), message: `'${twice}' is listed twice` };
}

function* extendedNextHop({ effective, where }: Peer): Generator<ConfigProblem> {
  if (effective.extendedNextHop && !effective.families.includes('ipv4-unicast')) {
    yield { path: where('extendedNextHop'), message: 'is about IPv4 routes, and families has no ipv4-unicast' };
  }
}

function* timers({ given, effective, where }: Peer): Generator<ConfigProblem> {
  const { holdTime, keepaliveInterval, sendHoldTime, connectRetry, connectRetryMax } = effective;
  if (keepaliveInterval !== null && holdTime === 0) {
    yield { path: where('keepaliveInterval'), message: 'with holdTime 0 no keepalives are sent' };
  } else if (keepaliveInterval !== null && keepaliveInterval * 3 > holdTime) {
    yield {
      path: where('keepaliveInterval'),
      // RFC 4271 section 4.4: a third is the reasonable maximum, and the session keeps to it.
      message: `${keepaliveInterval} is more than a third of the hold time of ${holdTime} seconds`,
    };
  }
  // RFC 9687 section 4.
  if (given.sendHoldTime !== undefined && sendHoldTime !== 0 && sendHoldTime <= holdTime) {
    yield {
      path: where('sendHoldTime'),
      message: `${sendHoldTime} is not longer than the hold time of ${holdTime} seconds`,
    };
  }
  if (given.connectRetryMax !== undefined && connectRetryMax < connectRetry) {
    yield {
      path: where('connectRetryMax'),
      message: `${connectRetryMax} is less than connectRetry, ${connectRetry} seconds`,
    };
  }
}

function* prefixLimits({ effective, where }: Peer): Generator<ConfigProblem> {
  for (const [family, limit] of Object.entries(effective.prefixLimit ?? {})) {
    if (limit === undefined) continue;
    const path = [...where('prefixLimit'), family];
    if (!(effective.families as readonly string[]).includes(family)) {
      yield { path, message: `${family} is not among the families of this neighbor` };
    }
    if (limit.restartTime !== undefined && (limit.action ?? 'stop') !== 'stop') {
      const message = `with action: ${limit.action} no session ends, so restartTime has no effect`;
      yield { path: [...path, 'restartTime'], message };
    }
  }
}

function* addPath({ effective, where }: Peer): Generator<ConfigProblem> {
  if (effective.addPath === null || !isByFamily(effective.addPath)) return;
  for (const family of Object.keys(effective.addPath)) {
    if ((effective.families as readonly string[]).includes(family)) continue;
    yield { path: [...where('addPath'), family], message: `${family} is not among the families of this neighbor` };
  }
}

/** Times that we announce only when we ask for something. */
function* restart({ given, effective, where }: Peer): Generator<ConfigProblem> {
  const { gracefulRestart, longLivedGracefulRestart } = effective;
  const hint = 'with helperOnly (the default) we do not ask for it; set enabled: true';
  if (given.gracefulRestart?.restartTime !== undefined && gracefulRestart.helperOnly) {
    yield { path: [...where('gracefulRestart'), 'restartTime'], message: `restartTime has no effect: ${hint}` };
  }
  if (given.longLivedGracefulRestart?.staleTime !== undefined && longLivedGracefulRestart.helperOnly) {
    yield { path: [...where('longLivedGracefulRestart'), 'staleTime'], message: `staleTime has no effect: ${hint}` };
  }
  if (given.longLivedGracefulRestart?.enabled === true && !gracefulRestart.enabled) {
    yield {
      path: [...where('longLivedGracefulRestart'), 'enabled'],
      message: 'long-lived graceful restart needs graceful restart (RFC 9494 section 3.1), which is off',
    };
  }
}

function* localAddress({ address, effective, where }: Peer): Generator<ConfigProblem> {
  const local = effective.localAddress;
  if (local !== null && familyOfAddress(local) !== familyOfAddress(address)) {
    yield {
      path: where('localAddress'),
      message: `found the ${familyOfAddress(local)} address ${local}, but ${address} is ${familyOfAddress(address)}`,
    };
  }
}

function* passiveNeedsListener(
  { address, dynamic, path, effective, where }: Peer,
  draft: ConfigDraft,
): Generator<ConfigProblem> {
  if (!dynamic && !effective.passive) return;
  const family = familyOfAddress(address);
  // An entry of `listen` that could not be read might be the one.
  if ((draft.listen ?? []).some((at) => at === undefined || familyOfAddress(at.address) === family)) return;
  yield {
    path: dynamic ? path : where('passive'),
    message: `${address} may only connect to us, but listen has no ${family} address`,
  };
}

function* portsOfPassive({ dynamic, given, effective, where }: Peer): Generator<ConfigProblem> {
  if (dynamic || !effective.passive) return;
  for (const key of ['port', 'localPort'] as const) {
    if (given[key] !== undefined)
      yield { path: where(key), message: `with passive: true we never connect, so ${key} has no effect` };
  }
}
