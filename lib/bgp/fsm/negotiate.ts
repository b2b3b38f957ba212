import { SEND_RECEIVE, type AddPathTuple } from '../wire/capabilities/add-path.js';
import { ROLE, ROLE_OF_PEER, roleName, type RoleName } from '../wire/capabilities/role.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH, type PeerType, type WireContext } from '../wire/context.js';
import { MessageError } from '../wire/errors.js';
import type { GracefulRestart, LlgrTuple } from '../wire/capabilities/index.js';
import type { AfiSafi } from '../wire/families.js';
import { Writer } from '../../net/writer.js';

/** What two OPENs agreed on. Frozen. */
export interface Negotiated {
  readonly peerAs: number;
  /** The peer's BGP Identifier, host order. */
  readonly peerRouterId: number;
  readonly peerType: PeerType;
  /** The role that the peer announced (RFC 9234); null: none, or we have none. */
  readonly peerRole: RoleName | null;
  /** Seconds; 0: no keepalives. */
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
  /** Families that both sides announced; IPv4 unicast alone when the peer announced no multiprotocol capability. */
  readonly families: readonly AfiSafi[];
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** What the peer says of its restarts (RFC 4724); undefined unless both sides announced the capability. */
  readonly gracefulRestart: GracefulRestart | undefined;
  /**
   * Both sides set the N bit, and at least one wants its routes kept: a NOTIFICATION other than Hard Reset ends the session
   * gracefully (RFC 8538).
   */
  readonly notificationRestart: boolean;
  /** The peer's families and times of long-lived graceful restart (RFC 9494); undefined unless both sides announced it. */
  readonly longLived: readonly LlgrTuple[] | undefined;
  /** How to read what the peer sends. */
  readonly receive: WireContext;
  /** How to write what the peer reads. */
  readonly send: WireContext;
}

/** What an OPEN says, for either side: fixed fields and the capabilities that sessions here make use of. */
export interface OpenFacts {
  /** From the four-octet AS capability, else My Autonomous System. */
  readonly asn: number;
  readonly holdTimeSeconds: number;
  /** BGP Identifier, host order. */
  readonly routerId: number;
  /** Multiprotocol families in the order given; empty: no such capability. */
  readonly families: readonly AfiSafi[];
  readonly fourOctetAs: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessage: boolean;
  /** Values of all BGP Role capabilities. */
  readonly roles: readonly number[];
  /** IPv4 unicast with IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  readonly gracefulRestart?: GracefulRestart | undefined;
  /** Tuples of the LLGR capability. */
  readonly longLived?: readonly LlgrTuple[] | undefined;
  /** Tuples of the ADD-PATH capability (RFC 7911). */
  readonly addPath?: readonly AddPathTuple[] | undefined;
}

/** What we ask of the peer beyond our OPEN. */
export interface PeerPolicy {
  /** The AS, the ASes, or any AS that the peer may have. */
  readonly peerAs: number | readonly number[] | 'any';
  /** KeepaliveTime at most, in seconds; left out: a third of the hold time. */
  readonly keepaliveSeconds?: number;
  /** The other Member-ASes of our confederation: a peer in one of them is neither internal nor external (RFC 5065). */
  readonly confederationMembers?: readonly number[];
  /** What we are to the peer (RFC 9234). */
  readonly role?: RoleName;
  /** Refuse a peer that announces no role. */
  readonly roleStrict?: boolean;
}

/** Subcodes of code 2, OPEN Message Error (RFC 4271 section 4.5, RFC 5492). */
const OPEN_ERROR = 2;
const BAD_PEER_AS = 2;
const BAD_BGP_IDENTIFIER = 3;
const UNACCEPTABLE_HOLD_TIME = 6;
const UNSUPPORTED_CAPABILITY = 7;
/** RFC 9234 section 4.2. */
const ROLE_MISMATCH = 11;

const IPV4_UNICAST: AfiSafi = Object.freeze({ afi: 1, safi: 1 });

/**
 * Two OPENs in, one agreement out, or what to tell a peer with which there is none.
 * @param local  the OPEN that we sent
 * @param peer   the OPEN that we received, already found well-formed
 * @see RFC 4271 sections 4.2 and 6.2, RFC 4724 section 3, RFC 5492 section 3, RFC 6286, RFC 6793, RFC 7607, RFC 8538,
 *      RFC 7911 section 4, RFC 8654, RFC 8950, RFC 9234 section 4.2, RFC 9494
 */
export function negotiate(local: OpenFacts, peer: OpenFacts, policy: PeerPolicy): Negotiated | MessageError {
  const refusal =
    judgeIdentity(local, peer, policy) ?? judgeHoldTime(peer.holdTimeSeconds) ?? judgeRole(peer.roles, policy);
  if (refusal !== undefined) return refusal;

  // RFC 4760 section 8: without the capability, a speaker means IPv4 unicast.
  const offered = familiesOf(peer);
  const families = familiesOf(local).filter((ours) => offered.some((theirs) => isSameFamily(ours, theirs)));
  if (families.length === 0) {
    const data = multiprotocolCapabilities(local.families);
    return new MessageError(OPEN_ERROR, UNSUPPORTED_CAPABILITY, 'no address family in common', data);
  }

  const holdTimeSeconds = Math.min(local.holdTimeSeconds, peer.holdTimeSeconds);
  const peerType = peerTypeOf(local.asn, peer.asn, policy.confederationMembers);
  const gracefulRestart = local.gracefulRestart && peer.gracefulRestart;
  const context = (extended: boolean, addPath: ReadonlySet<string>): WireContext =>
    Object.freeze({
      asn4: local.fourOctetAs && peer.fourOctetAs,
      addPath,
      maxMessageLength: extended ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
      peerType,
      // RFC 8950 section 4: both sides must have announced it.
      extendedNextHop: local.extendedNextHop && peer.extendedNextHop,
    });
  return Object.freeze({
    peerAs: peer.asn,
    peerRouterId: peer.routerId,
    peerType,
    peerRole: policy.role === undefined ? null : (roleName(peer.roles[0] ?? -1) ?? null),
    holdTimeSeconds,
    keepaliveSeconds: Math.min(Math.floor(holdTimeSeconds / 3), policy.keepaliveSeconds ?? Infinity),
    families: Object.freeze(families),
    routeRefresh: local.routeRefresh && peer.routeRefresh,
    enhancedRouteRefresh: local.enhancedRouteRefresh && peer.enhancedRouteRefresh,
    gracefulRestart,
    notificationRestart: gracefulRestart !== undefined && bothNotify(local, peer),
    // RFC 9494 section 3.1: without the graceful restart capability it says nothing.
    longLived: gracefulRestart && local.longLived && peer.longLived,
    // RFC 8654 section 4: whoever announced the capability takes long messages, also from a peer that did not.
    receive: context(local.extendedMessage, addPathFamilies(families, peer, local)),
    send: context(local.extendedMessage && peer.extendedMessage, addPathFamilies(families, local, peer)),
  });
}

/** RFC 8538 section 2. */
function bothNotify(local: OpenFacts, peer: OpenFacts): boolean {
  const [ours, theirs] = [local.gracefulRestart!, peer.gracefulRestart!];
  // Between two that keep nothing of each other there is nothing to end gracefully.
  const isKept = ours.tuples.length + theirs.tuples.length > 0;
  return ours.notification && theirs.notification && isKept;
}

/** RFC 7911 section 4: families for which one side announced that it sends several paths, and the other that it takes them. */
function addPathFamilies(families: readonly AfiSafi[], sender: OpenFacts, receiver: OpenFacts): ReadonlySet<string> {
  const offers = ({ addPath = [] }: OpenFacts, family: AfiSafi, bit: number): boolean =>
    // Any other value says nothing.
    addPath.some((tuple) => isSameFamily(tuple, family) && tuple.sendReceive <= 3 && (tuple.sendReceive & bit) !== 0);
  const agreed = families.filter(
    (family) => offers(sender, family, SEND_RECEIVE.send) && offers(receiver, family, SEND_RECEIVE.receive),
  );
  return new Set(agreed.map(({ afi, safi }) => `${afi}/${safi}`));
}

function judgeIdentity(local: OpenFacts, peer: OpenFacts, policy: PeerPolicy): MessageError | undefined {
  if (!isAcceptedAs(peer.asn, policy.peerAs)) {
    const wanted = typeof policy.peerAs === 'object' ? policy.peerAs.join(' or ') : policy.peerAs;
    return new MessageError(OPEN_ERROR, BAD_PEER_AS, `the peer's AS is ${peer.asn}, expected ${wanted}`);
  }
  // RFC 6286 section 2.2: any value but zero, and within one AS not our own.
  if (peer.routerId === 0) return new MessageError(OPEN_ERROR, BAD_BGP_IDENTIFIER, 'the BGP Identifier is 0.0.0.0');
  if (peer.routerId === local.routerId && peer.asn === local.asn) {
    return new MessageError(OPEN_ERROR, BAD_BGP_IDENTIFIER, 'the BGP Identifier is our own');
  }
  return undefined;
}

/** How a peer stands to us (RFC 4271 section 1.1, RFC 5065 section 3). */
export function peerTypeOf(localAs: number, peerAs: number, members: readonly number[] = []): PeerType {
  if (peerAs === localAs) return 'ibgp';
  return members.includes(peerAs) ? 'confed' : 'ebgp';
}

/** RFC 9234 section 4.2: the roles must fit; the same one may be said more than once. */
function judgeRole(roles: readonly number[], policy: PeerPolicy): MessageError | undefined {
  const { role, roleStrict } = policy;
  if (role === undefined) return undefined;
  const mismatch = (reason: string) => new MessageError(OPEN_ERROR, ROLE_MISMATCH, reason);
  if (roles.length === 0) {
    return roleStrict === true ? mismatch('the peer announces no role, and ours is strict') : undefined;
  }
  const wanted = ROLE_OF_PEER[role];
  if (roles.every((value) => value === ROLE[wanted])) return undefined;
  const names = [...new Set(roles)].map((value) => roleName(value) ?? value).join(' and ');
  return mismatch(`the peer's role is ${names}, but to our ${role} belongs ${wanted}`);
}

/** AS 0 never (RFC 7607). */
function isAcceptedAs(asn: number, accepted: PeerPolicy['peerAs']): boolean {
  if (asn === 0) return false;
  if (typeof accepted === 'object') return accepted.includes(asn);
  return accepted === 'any' || accepted === asn;
}

function judgeHoldTime(seconds: number): MessageError | undefined {
  if (seconds !== 1 && seconds !== 2) return undefined;
  return new MessageError(OPEN_ERROR, UNACCEPTABLE_HOLD_TIME, `hold time of ${seconds} s, the least is 3 or 0`);
}

function familiesOf(open: OpenFacts): readonly AfiSafi[] {
  return open.families.length === 0 ? [IPV4_UNICAST] : open.families;
}

function isSameFamily(a: AfiSafi, b: AfiSafi): boolean {
  return a.afi === b.afi && a.safi === b.safi;
}

/** RFC 5492 section 3: the capabilities that we miss, written as in an OPEN (code 1, RFC 4760 section 8). */
function multiprotocolCapabilities(families: readonly AfiSafi[]): Uint8Array {
  const writer = new Writer(families.length * 6);
  for (const { afi, safi } of families) {
    writer.u8(1);
    writer.u8(4);
    writer.u16(afi);
    writer.u16(safi);
  }
  return writer.finish();
}
