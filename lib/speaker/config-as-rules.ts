/** Rules about AS numbers: confederation, eBGP's options, roles. What cannot mean anything together is refused. */
import type { PeerType } from '../bgp/wire/context.js';
import { neighborType, type AsIdentity } from './as-identity.js';
import type { ConfigDraft } from './config-draft.js';
import type { ConfigProblem } from './config-errors.js';
import type { Peer } from './config-peer.js';
import type { PeerSettings } from './options.js';

const TYPE_TEXT: Readonly<Record<PeerType, string>> = {
  ibgp: 'iBGP',
  ebgp: 'eBGP',
  confed: 'a member of our confederation',
};

/** Settings that mean something towards other ASes only. */
const EXTERNAL_ONLY = [
  'removePrivateAs',
  'asOverride',
  'enforceFirstAs',
  'role',
  'routeServerClient',
  'mitigatePathHiding',
  'localAsNoPrepend',
  'localAsReplaceAs',
] as const satisfies readonly (keyof PeerSettings)[];

export function* confederation({ asn, confederation: own }: ConfigDraft): Generator<ConfigProblem> {
  if (own === undefined || asn === undefined) return;
  const { identifier, memberAs = [] } = own;
  for (const [i, member] of memberAs.entries()) {
    const path = ['confederation', 'memberAs', i];
    if (memberAs.indexOf(member) !== i) yield { path, message: `AS ${member} is listed twice` };
    if (member === asn) yield { path, message: `AS ${member} is our own Member-AS (asn): list the others` };
    else if (member === identifier) {
      yield { path, message: `AS ${member} is the identifier of the confederation, and no member` };
    }
  }
}

/** All rules about the AS numbers of one neighbor. */
export function* asRules(peer: Peer, draft: ConfigDraft): Generator<ConfigProblem> {
  if (draft.asn === undefined) return;
  const identity: AsIdentity = { asn: draft.asn, confederation: draft.confederation };
  yield* ownNumbers(peer, identity);
  const type = neighborType(identity, peer.effective);
  yield* externalOnly(peer, type);
  yield* partialDeployment(peer, type);
  yield* needed(peer);
  if (type === 'ebgp') yield* routeServer(peer);
}

function* ownNumbers({ given, effective, where }: Peer, identity: AsIdentity): Generator<ConfigProblem> {
  const { peerAs, localAs } = effective;
  const { asn, confederation: own } = identity;
  if (own !== undefined && peerAs === own.identifier && peerAs !== asn) {
    yield {
      path: where('peerAs'),
      message: `AS ${peerAs} is the identifier of our own confederation: a neighbor is in one of its members`,
    };
  }
  if (given.localAs === undefined || localAs === null) return;
  const path = where('localAs');
  if (localAs === asn || localAs === own?.identifier) {
    yield { path, message: `AS ${localAs} is ours anyway: leave localAs out` };
  } else if (peerAs === asn) {
    yield { path, message: `the neighbor is in our own AS ${asn}, and cannot know us as AS ${localAs}` };
  } else if (own?.memberAs?.includes(peerAs) === true) {
    yield { path, message: `AS ${peerAs} is a member of our confederation, and knows us as AS ${asn}` };
  }
}

function* externalOnly({ given, where }: Peer, type: PeerType): Generator<ConfigProblem> {
  if (type === 'ebgp') return;
  for (const key of EXTERNAL_ONLY) {
    if (given[key] === undefined || given[key] === false) continue;
    yield { path: where(key), message: `${key} is for eBGP, and this neighbor is ${TYPE_TEXT[type]}` };
  }
}

/** RFC 9494 section 4.6: the neighbors must be internal. */
function* partialDeployment({ effective, where }: Peer, type: PeerType): Generator<ConfigProblem> {
  if (!effective.longLivedGracefulRestart.partialDeployment || type !== 'ebgp') return;
  yield {
    path: [...where('longLivedGracefulRestart'), 'partialDeployment'],
    message:
      'partialDeployment is for neighbors in our own AS or confederation (RFC 9494 section 4.6), and this one is eBGP',
  };
}

/** Settings that only change what another one does. */
function* needed({ given, where }: Peer): Generator<ConfigProblem> {
  for (const key of ['localAsNoPrepend', 'localAsReplaceAs'] as const) {
    if (given[key] === true && given.localAs === undefined) {
      yield { path: where(key), message: `${key} has no effect without localAs` };
    }
  }
  if (given.roleStrict === true && given.role === undefined) {
    yield { path: where('roleStrict'), message: 'roleStrict has no effect without role' };
  }
}

/** RFC 7947 section 2.2: what a route server does not do to the routes of its clients. */
function* routeServer({ given, effective, where }: Peer): Generator<ConfigProblem> {
  if (!effective.routeServerClient) return;
  for (const key of ['asOverride', 'removePrivateAs', 'nextHopSelf'] as const) {
    if (given[key] === undefined || given[key] === false) continue;
    yield { path: where(key), message: `a route server leaves its clients' routes as they are, so ${key} cannot hold` };
  }
  if (effective.localAs !== null && !effective.localAsNoPrepend) {
    yield {
      path: where('localAs'),
      message: "a route server leaves its clients' AS_PATHs as they are: localAs needs localAsNoPrepend: true here",
    };
  }
  if (effective.role !== null && effective.role !== 'routeServer') {
    yield { path: where('role'), message: `to a route server client we are routeServer, not ${effective.role}` };
  }
}
