/**
 * One neighbor of a running speaker: its session (Peer) joined to the RIB (AdjRibIn on the way in, a GroupMember per
 * family on the way out).
 */
import type { PeerType } from '../bgp/wire/context.js';
import { createDebug } from './debug.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../bgp/wire/context.js';
import { MessageError, type Diagnostic } from '../bgp/wire/errors.js';
import { ROUTE_REFRESH_SUBTYPE } from '../bgp/wire/messages/route-refresh.js';
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
import type { Rib } from '../rib/rib.js';
import type { ExportProfile } from '../rr/export-profile.js';
import type { GroupMember } from '../rr/group-member.js';
import type { UpdateGroup } from '../rr/update-group.js';
import { asExport, importRules, neighborType, sessionAs, type AsIdentity } from './as-identity.js';
import { selfNextHop } from './self-next-hop.js';
import type { EffectivePeerSettings } from './settings.js';
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
  onNeighborState(neighbor: Neighbor, from: FsmStateName, to: FsmStateName, reason: string): void;
  onEndOfRib(neighbor: Neighbor, family: FamilyName): void;
  onDiagnostic(neighbor: Neighbor, diagnostic: Diagnostic): void;
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
  readonly outbound: ReadonlyMap<FamilyName, Outbound>;
  readonly endOfRibFrom: Set<FamilyName>;
}

export class Neighbor implements SessionHandler {
  readonly peer: Peer;
  private live: Live | undefined;
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
      { transport: host.transport, clock: host.clock, random: host.random },
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
    this.settings = settings;
    this.peerGroup = peerGroup;
    this.peer.setRetry(settings.connectRetry, settings.connectRetryMax);
  }

  accept(connection: Connection): void {
    if (this.adminDown || !this.peer.accept(connection)) connection.destroy();
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
    const { settings } = this;
    const families = negotiated.families
      .map(({ afi, safi }) => familyOf(afi, safi))
      .filter((family) => family !== undefined);
    const { octets, zone } = parseScopedAddress(this.address);
    const { local } = this.peer;
    const source = rib.peers.add({
      type: negotiated.peerType,
      routerId: negotiated.peerRouterId,
      address: octets,
      zone,
      device: zone ?? (local && this.host.networks.interfaceOf(local.address)?.name),
      client: negotiated.peerType === 'ibgp' && settings.routeReflectorClient,
      clusterId: parseIpv4(settings.clusterId),
      routeServerClient: settings.routeServerClient,
    });
    const endOfRibFrom = new Set<FamilyName>();
    const handler = {
      onEndOfRib: (family: FamilyName) => {
        endOfRibFrom.add(family);
        this.host.onEndOfRib(this, family);
      },
      onDiagnostic: (diagnostic: Diagnostic) => this.host.onDiagnostic(this, diagnostic),
    };
    const adjRibIn = new AdjRibIn(rib, source, negotiated.receive, families, handler, importRules(this.host, settings));
    const outbound = new Map<FamilyName, Outbound>();
    this.live = { negotiated, source, adjRibIn, outbound, endOfRibFrom };
    for (const family of families) outbound.set(family, this.joinGroup(family, source, negotiated));
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
    loop.addBehind(group, member);
    return { group, member };
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
      return this.live?.adjRibIn.apply(bytes, start, end);
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
      if (!member.attached) this.host.loop.addBehind(group, member);
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

  receivedCount(family: FamilyName): number {
    return this.live?.adjRibIn.counts.get(family) ?? 0;
  }

  advertisedCount(family: FamilyName): number {
    const outbound = this.outboundOf(family);
    return outbound ? outbound.group.advertisedCount(outbound.member) : 0;
  }
}
