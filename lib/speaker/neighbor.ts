/**
 * One neighbor of a running speaker: its session (Peer) joined to the RIB (AdjRibIn on the way in, a GroupMember per
 * family on the way out).
 */
import type { PeerType } from '../bgp/wire/context.js';
import { isSame } from './config-diff.js';
import { createDebug } from './debug.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../bgp/wire/context.js';
import { MessageError, type Diagnostic } from '../bgp/wire/errors.js';
import { encodeRouteRefresh, ROUTE_REFRESH_SUBTYPE } from '../bgp/wire/messages/route-refresh.js';
import { familyOf, afiSafiOf, type FamilyName } from '../bgp/wire/families.js';
import { encodeEndOfRib } from '../bgp/wire/messages/update.js';
import { Peer } from '../bgp/session/peer.js';
import type { FsmStateName, Negotiated, SessionHandler } from '../bgp/session/types.js';
import {
  parseScopedAddress,
  parseIpv4,
  type Clock,
  type Connection,
  type LocalNetworks,
  type Random,
  type Transport,
} from '../net/index.js';
import { AdjRibIn } from '../rib/adj-rib-in.js';
import { PrefixLimiter, type PrefixLimitNotice } from '../rib/prefix-limit.js';
import type { Source } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import { AdvertisementPace } from '../rr/advertisement-pace.js';
import { profileKey, type ExportProfile } from '../rr/export-profile.js';
import type { GroupMember } from '../rr/group-member.js';
import type { UpdateGroup } from '../rr/update-group.js';
import { asExport, importRules, neighborType, sessionAs, type AsIdentity } from './as-identity.js';
import { guardedTransport, whyNotConnected } from './connected-check.js';
import { selfNextHop } from './self-next-hop.js';
import { prefixLimitOf, type EffectivePeerSettings } from './settings.js';
import type { Sockets } from './sockets.js';
import type { WorkLoop } from './work-loop.js';

const debug = createDebug('tsbgp:session');
const CEASE = 6;
const OUT_OF_RESOURCES = 8;

/** What a neighbor needs of its speaker. */
export interface NeighborHost extends AsIdentity {
  readonly routerId: number;
  readonly clientToClient: boolean;
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly networks: LocalNetworks;
  readonly sockets: Pick<Sockets, 'optionsFor'>;
  onNeighborState(neighbor: Neighbor, from: FsmStateName, to: FsmStateName, reason: string): void;
  onEndOfRib(neighbor: Neighbor, family: FamilyName): void;
  onDiagnostic(neighbor: Neighbor, diagnostic: Diagnostic): void;
  onPrefixLimit(neighbor: Neighbor, notice: PrefixLimitNotice): void;
}

/** A family of an Established session. */
interface Outbound {
  readonly group: UpdateGroup;
  readonly member: GroupMember;
}

/** What exists only while the session is Established. */
interface Live {
  readonly negotiated: Negotiated;
  readonly source: number;
  readonly adjRibIn: AdjRibIn;
  readonly outbound: Map<FamilyName, Outbound>;
  readonly endOfRibFrom: Set<FamilyName>;
}

export class Neighbor implements SessionHandler {
  readonly peer: Peer;
  private live: Live | undefined;
  /** The session ends, or has ended, because of this limit. */
  private overLimit: PrefixLimiter | undefined;
  /** Switched off by the operator (or `adminDown`). */
  adminDown: boolean;

  /**
   * @param address canonical text
   * @param dynamic accepted by prefix: it exists only while it is connected
   */
  constructor(
    private readonly host: NeighborHost,
    readonly address: string,
    public settings: EffectivePeerSettings,
    public peerGroup: string | null,
    readonly dynamic: string | null,
  ) {
    this.adminDown = settings.adminDown;
    this.peer = new Peer(
      {
        remote: { address, port: settings.port },
        localAddress: settings.localAddress ?? undefined,
        localPort: settings.localPort ?? undefined,
        socket: host.sockets.optionsFor(settings, this.type !== 'ibgp'),
        localAs: sessionAs(host, settings),
        confederationMembers: host.confederation?.memberAs,
        role: settings.role ?? undefined,
        roleStrict: settings.roleStrict,
        peerAs: settings.peerAs,
        routerId: host.routerId,
        families: settings.families.map(afiSafiOf),
        holdTime: settings.holdTime,
        keepaliveInterval: settings.keepaliveInterval ?? undefined,
        connectRetry: settings.connectRetry,
        connectRetryMax: settings.connectRetryMax,
        sendHoldTime: settings.sendHoldTime,
        passive: settings.passive || dynamic !== null,
        capabilities: { extendedNextHop: settings.extendedNextHop },
        maxMessageLength: settings.extendedMessages ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
      },
      {
        transport: guardedTransport(host.transport, host.clock, () => this.whyNotConnected),
        clock: host.clock,
        random: host.random,
      },
      this,
    );
  }

  get type(): PeerType {
    return neighborType(this.host, this.settings);
  }

  /** Our AS on the session. */
  get localAs(): number {
    return sessionAs(this.host, this.settings);
  }

  /** Number of the session in the PeerTable; -1 while it is not Established. */
  get source(): number {
    return this.live?.source ?? -1;
  }

  start(): void {
    if (!this.adminDown) this.peer.start();
  }

  /** Take over settings that need no new session. */
  applyInPlace(settings: EffectivePeerSettings, peerGroup: string | null): void {
    const before = this.settings;
    this.settings = settings;
    this.peerGroup = peerGroup;
    this.peer.setRetry(settings.connectRetry, settings.connectRetryMax);
    if (before.passive !== settings.passive && this.dynamic === null) this.peer.setPassive(settings.passive);
    if (this.live) this.applyRole(this.live, before);
    if (before.minimumAdvertisementInterval !== settings.minimumAdvertisementInterval) {
      for (const { member } of this.live?.outbound.values() ?? []) member.setPace(this.pace());
    }
    if (!isSame(before.prefixLimit, settings.prefixLimit)) this.applyLimits();
  }

  /** Another role in reflection, or another next hop: what was told is put right without a new session. */
  private applyRole(live: Live, before: EffectivePeerSettings): void {
    const { rib, loop } = this.host;
    const { negotiated, source, outbound } = live;
    for (const [family, old] of outbound) {
      const profile = this.profile(family, negotiated);
      if (profileKey(profile) === profileKey(old.group.profile)) continue;
      const outboundNow = this.joinGroup(family, source, negotiated);
      outboundNow.member.takeOver(old.member);
      outbound.set(family, outboundNow);
      loop.leave(old.group, old.member);
    }
    if (before.routeReflectorClient === this.settings.routeReflectorClient) return;
    rib.peers.update(source, this.sourceOf(negotiated));
    loop.retell(source);
  }

  private applyLimits(): void {
    const { live, overLimit } = this;
    this.overLimit = undefined;
    if (live) for (const family of live.outbound.keys()) this.setLimit(live.adjRibIn, family);
    if (this.overLimit) this.endOverLimit(this.overLimit);
    // Held back by the limit that was: another chance.
    else if (overLimit) this.start();
  }

  private get whyNotConnected(): string | undefined {
    return whyNotConnected(this.address, this.settings, this.type !== 'ibgp', this.host.networks);
  }

  accept(connection: Connection): void {
    const reason = this.whyNotConnected;
    if (reason !== undefined) debug('connection refused: %s', reason);
    if (this.adminDown || reason !== undefined || !this.peer.accept(connection)) connection.destroy();
  }

  /** Whether all that the neighbor had to say at the start is here. */
  get isSynchronized(): boolean {
    const { live } = this;
    return live !== undefined && [...live.outbound.keys()].every((family) => live.endOfRibFrom.has(family));
  }

  // --- SessionHandler ---

  onStateChange(from: FsmStateName, to: FsmStateName, reason: string): void {
    debug('%s: %s -> %s: %s', this.address, from, to, reason);
    this.host.onNeighborState(this, from, to, reason);
  }

  onEstablished(negotiated: Negotiated): void {
    const { rib } = this.host;
    const families = negotiated.families
      .map(({ afi, safi }) => familyOf(afi, safi))
      .filter((family) => family !== undefined);
    this.overLimit = undefined;
    const source = rib.peers.add(this.sourceOf(negotiated));
    const endOfRibFrom = new Set<FamilyName>();
    const handler = {
      onEndOfRib: (family: FamilyName) => {
        endOfRibFrom.add(family);
        this.host.onEndOfRib(this, family);
      },
      onDiagnostic: (diagnostic: Diagnostic) => this.host.onDiagnostic(this, diagnostic),
    };
    const adjRibIn = new AdjRibIn(
      rib,
      source,
      negotiated.receive,
      families,
      handler,
      importRules(this.host, this.settings),
    );
    for (const family of families) this.setLimit(adjRibIn, family);
    const outbound = new Map<FamilyName, Outbound>();
    this.live = { negotiated, source, adjRibIn, outbound, endOfRibFrom };
    for (const family of families) outbound.set(family, this.joinGroup(family, source, negotiated));
  }

  /** Put the limit on a family that the settings say. */
  private setLimit(adjRibIn: AdjRibIn, family: FamilyName): void {
    const { limits } = adjRibIn;
    const limit = prefixLimitOf(this.settings, family);
    const before = limits.get(family);
    if (limit === undefined) limits.delete(family);
    else if (before) before.change(limit, adjRibIn.counts.get(family)!);
    else {
      const limiter: PrefixLimiter = new PrefixLimiter(family, limit, (notice) => this.onPrefixLimit(limiter, notice));
      limits.set(family, limiter);
      limiter.note(adjRibIn.counts.get(family)!);
    }
    // What was not taken may be taken now.
    const room = limit === undefined ? Infinity : limits.get(family)!.roomFor(adjRibIn.counts.get(family)!);
    if (before && before.dropped > 0 && room > 0) {
      before.dropped = 0;
      this.requestRefresh(family);
    }
  }

  /** Have the neighbor tell all its routes of a family again (RFC 2918), if it can. */
  private requestRefresh(family: FamilyName): void {
    if (!this.live?.negotiated.routeRefresh) return;
    this.peer.countSent('routeRefresh');
    this.peer.send(encodeRouteRefresh({ ...afiSafiOf(family), subtype: ROUTE_REFRESH_SUBTYPE.normal }));
  }

  private onPrefixLimit(limiter: PrefixLimiter, notice: PrefixLimitNotice): void {
    if (notice.reached === 'limit' && notice.limit.action === 'stop') this.overLimit = limiter;
    this.host.onPrefixLimit(this, notice);
  }

  /** RFC 4271 section 6.7. */
  private endOverLimit(limiter: PrefixLimiter): void {
    if (limiter.exceeded) this.peer.fail(limiter.exceeded, limiter.limit.restartTime);
  }

  /** What the RIB knows of the session. */
  private sourceOf(negotiated: Negotiated): Source {
    const { settings } = this;
    const { octets, zone } = parseScopedAddress(this.address);
    const { local } = this.peer;
    return {
      type: negotiated.peerType,
      routerId: negotiated.peerRouterId,
      address: octets,
      zone,
      device: zone ?? (local && this.host.networks.interfaceOf(local.address)?.name),
      client: negotiated.peerType === 'ibgp' && settings.routeReflectorClient,
      clusterId: parseIpv4(settings.clusterId),
      routeServerClient: settings.routeServerClient,
    };
  }

  private joinGroup(family: FamilyName, source: number, negotiated: Negotiated): Outbound {
    const { loop, rib } = this.host;
    const group = loop.groupFor(rib.of(family), this.profile(family, negotiated));
    const member: GroupMember = group.join(source, {
      send: (bytes, messages) => {
        this.peer.countSent('update', messages);
        return this.peer.send(bytes);
      },
      queuedBytes: () => this.peer.queuedBytes,
      onCaughtUp: () => {
        this.peer.countSent('update', 1);
        const { afi, safi } = afiSafiOf(family);
        this.peer.send(encodeEndOfRib(afi, safi));
      },
      onBehind: () => loop.addBehind(group, member),
    });
    member.setPace(this.pace());
    loop.addBehind(group, member);
    return { group, member };
  }

  private pace(): AdvertisementPace | undefined {
    const seconds = this.settings.minimumAdvertisementInterval;
    return seconds === 0 ? undefined : new AdvertisementPace(this.host.clock, seconds * 1000);
  }

  private profile(family: FamilyName, negotiated: Negotiated): ExportProfile {
    const { host, settings } = this;
    const edits = asExport(host, settings);
    const extendedNextHop = family === 'ipv4-unicast' && (negotiated.send.extendedNextHop ?? false);
    const local = this.peer.local?.address ?? this.address;
    const self = selfNextHop(extendedNextHop ? 'any' : family, local, host.routerId, host.networks);
    return {
      ...edits,
      asn4: negotiated.send.asn4,
      maxMessageLength: negotiated.send.maxMessageLength,
      clusterId: edits.target === 'client' ? parseIpv4(settings.clusterId) : 0,
      clientToClient: host.clientToClient,
      nextHopSelf: settings.nextHopSelf,
      extendedNextHop,
      zone: parseScopedAddress(this.address).zone,
      selfNextHop: self.address,
      ...(edits.target === 'ebgp' && self.subnet ? { sharedSubnet: self.subnet } : {}),
    };
  }

  onUpdate(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    try {
      const error = this.live?.adjRibIn.apply(bytes, start, end);
      if (this.overLimit && !error) this.endOverLimit(this.overLimit);
      return error;
    } catch (error) {
      // A bug of ours must cost this session only, not the process.
      debug('%s: UPDATE not applied: %O', this.address, error);
      return new MessageError(CEASE, OUT_OF_RESOURCES, `internal error: ${String(error)}`);
    }
  }

  onReadDone(): void {
    this.host.loop.scheduleIfDirty();
  }

  onRouteRefresh(afi: number, safi: number, subtype: number): void {
    // RFC 7313 section 5: the demarcations ask for nothing, other subtypes mean nothing.
    if (subtype !== ROUTE_REFRESH_SUBTYPE.normal) return;
    const family = familyOf(afi, safi);
    const outbound = family && this.live?.outbound.get(family);
    outbound?.member.refresh();
  }

  onDrain(): void {
    if (!this.live) return;
    for (const { group, member } of this.live.outbound.values()) {
      if (member.isBehind) this.host.loop.addBehind(group, member);
    }
  }

  onDown(reason: string): void {
    const { live } = this;
    if (!live) return;
    debug('%s: down: %s', this.address, reason);
    this.live = undefined;
    for (const { group, member } of live.outbound.values()) this.host.loop.leave(group, member);
    this.host.loop.dropSource(live.source);
  }

  // --- for show ---

  get families(): readonly FamilyName[] {
    return this.live ? [...this.live.outbound.keys()] : [];
  }

  get negotiated(): Negotiated | undefined {
    return this.live?.negotiated;
  }

  /** The update group and member through which a family is told, while Established. */
  outboundOf(family: FamilyName): Outbound | undefined {
    return this.live?.outbound.get(family);
  }

  /** The limit on a family, while Established. */
  limiterOf(family: FamilyName): PrefixLimiter | undefined {
    return this.live?.adjRibIn.limits.get(family);
  }

  receivedCount(family: FamilyName): number {
    return this.live?.adjRibIn.counts.get(family) ?? 0;
  }

  advertisedCount(family: FamilyName): number {
    const outbound = this.outboundOf(family);
    return outbound ? outbound.group.advertisedCount(outbound.member) : 0;
  }
}
