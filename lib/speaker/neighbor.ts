/**
 * One neighbor of a running speaker: its session (Peer) joined to the RIB (AdjRibIn on the way in, a GroupMember per
 * family on the way out).
 */
import type { PeerType } from '../bgp/wire/context.js';
import { isSame } from './config-diff.js';
import { createDebug } from './debug.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../bgp/wire/context.js';
import { MessageError, type Diagnostic } from '../bgp/wire/errors.js';
import { familyOf, afiSafiOf, type FamilyName } from '../bgp/wire/families.js';
import { encodeRouteRefresh, ROUTE_REFRESH_SUBTYPE } from '../bgp/wire/messages/route-refresh.js';
import { Peer } from '../bgp/session/peer.js';
import type { ReadTurns } from '../bgp/session/read-turns.js';
import { isGracefulEnd } from '../bgp/fsm/session-end.js';
import type { FsmStateName, Negotiated, SessionEnd, SessionHandler } from '../bgp/session/types.js';
import {
  parseScopedAddress,
  parseIpv4,
  UsageError,
  type Clock,
  type Connection,
  type LocalNetworks,
  type Random,
  type Transport,
} from '../net/index.js';
import { NeighborImportPolicy } from '../policy/import-policy.js';
import type { Direction, PolicyBook, PolicyChain } from '../policy/policy-chain.js';
import { AdjRibIn } from '../rib/adj-rib-in.js';
import { ATTR } from '../rib/attribute-store.js';
import { ReviseJob } from '../rib/import-policy.js';
import type { PrefixLimiter, PrefixLimitNotice } from '../rib/prefix-limit.js';
import type { Source } from '../rib/peer-table.js';
import { AdvertisementPace } from '../rr/advertisement-pace.js';
import type { ExportProfile } from '../rr/export-profile.js';
import { addPathFamilies, addPathOffer, sentPaths } from './add-path.js';
import { asExport, importRules, neighborType, sessionAs, type AsIdentity } from './as-identity.js';
import { guardedTransport, whyNotConnected } from './connected-check.js';
import { NeighborLimits } from './neighbor-limits.js';
import { Outbound, type OutboundHost } from './outbound.js';
import { restartOffer, type RestartState } from './restart-offer.js';
import { ReceivedRoutes } from './received-routes.js';
import { chainOptions } from './neighbor-policy.js';
import type { SpeakerConfig } from './options.js';
import { selfNextHop } from './self-next-hop.js';
import type { EffectivePeerSettings } from './settings.js';
import type { Sockets } from './sockets.js';

const debug = createDebug('tsbgp:session');
const CEASE = 6;
const OUT_OF_RESOURCES = 8;

/** What a neighbor needs of its speaker. */
export interface NeighborHost extends OutboundHost, AsIdentity {
  readonly routerId: number;
  readonly clientToClient: boolean;
  readonly clock: Clock;
  readonly readTurns: ReadTurns;
  readonly restart: RestartState;
  readonly random: Random;
  readonly transport: Transport;
  readonly networks: LocalNetworks;
  readonly sockets: Pick<Sockets, 'optionsFor'>;
  /** What runs now. */
  readonly config: SpeakerConfig;
  /** The policies of `config`. */
  readonly policies: PolicyBook;
  onNeighborState(neighbor: Neighbor, from: FsmStateName, to: FsmStateName, reason: string): void;
  /** The neighbor must not enter Established yet. */
  holdsConfirmation(neighbor: Neighbor, negotiated: Negotiated): boolean;
  /** The session is up, and everything said of it can be asked. */
  onEstablished(neighbor: Neighbor): void;
  onEndOfRib(neighbor: Neighbor, family: FamilyName): void;
  onDiagnostic(neighbor: Neighbor, diagnostic: Diagnostic): void;
  onPrefixLimit(neighbor: Neighbor, notice: PrefixLimitNotice): void;
  /** The routes that were kept beyond the last session are given up. */
  onRoutesGone(neighbor: Neighbor): void;
}

/** What exists only while the session is Established. */
interface Live {
  readonly negotiated: Negotiated;
  readonly adjRibIn: AdjRibIn;
  readonly outbound: ReadonlyMap<FamilyName, Outbound>;
  readonly endOfRibFrom: Set<FamilyName>;
}

export class Neighbor implements SessionHandler {
  readonly peer: Peer;
  private live: Live | undefined;
  /** What it has told us: also without a session, while its routes are kept (RFC 4724). */
  private received: ReceivedRoutes | undefined;
  /** What its routes go through; undefined: all pass as they are. */
  importPolicy: NeighborImportPolicy | undefined;
  private readonly limits: NeighborLimits;
  /** No route is kept when the session ends: the neighbor is removed, or the speaker stops. */
  private isLeaving = false;
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
    const current = (): EffectivePeerSettings => this.settings;
    this.limits = new NeighborLimits({
      get settings() {
        return current();
      },
      requestRefresh: (family) => this.requestRefresh(family),
      onNotice: (notice) => host.onPrefixLimit(this, notice),
      end: (error, restartTime) => this.peer.fail(error, restartTime),
    });
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
        capabilities: {
          extendedNextHop: settings.extendedNextHop,
          gracefulRestart: settings.gracefulRestart.enabled,
        },
        gracefulRestart: restartOffer(settings, host.restart),
        addPath: addPathOffer(settings),
        maxMessageLength: settings.extendedMessages ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
      },
      {
        transport: guardedTransport(host.transport, host.clock, () => this.whyNotConnected),
        clock: host.clock,
        random: host.random,
        readTurns: host.readTurns,
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

  /** Number of the neighbor in the PeerTable; -1 while it has no routes and no session. */
  get source(): number {
    return this.received?.source ?? -1;
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
    this.updateProfiles();
    this.updateImportPolicy();
    this.updateSource();
    if (before.minimumAdvertisementInterval !== settings.minimumAdvertisementInterval) {
      for (const outbound of this.live?.outbound.values() ?? []) outbound.changePace();
    }
    if (isSame(before.prefixLimit, settings.prefixLimit)) return;
    // Held back by the limit that was: another chance.
    if (this.limits.change(this.live?.adjRibIn)) this.start();
  }

  /** Another role in reflection, or another group: what was told is put right without a new session. */
  private updateSource(): void {
    const { received } = this;
    if (!received) return;
    const { description } = received;
    const client = description.type === 'ibgp' && this.settings.routeReflectorClient;
    const peerGroup = this.peerGroup ?? undefined;
    if (description.client === client && description.peerGroup === peerGroup) return;
    received.update({ ...description, client, peerGroup });
    this.host.loop.retell(received.source);
  }

  /** Other policies, or another group that they look at: what was received is judged anew. */
  private updateImportPolicy(): void {
    const { received } = this;
    if (!received) return;
    const { rib, loop } = this.host;
    const regrouped = received.description.peerGroup !== (this.peerGroup ?? undefined);
    if (this.policyChain('import') === this.importPolicy?.chain && !(regrouped && this.importPolicy)) return;
    const policy = this.importPolicyOf(received.source);
    this.importPolicy = policy;
    if (this.live) this.live.adjRibIn.policy = policy;
    const isWanted = (): boolean => this.received === received && this.importPolicy === policy;
    loop.addJob(new ReviseJob(rib.families, received.source, policy, isWanted));
  }

  /** The policies for one direction; undefined: all passes as it is. */
  policyChain(direction: Direction): PolicyChain | undefined {
    const options = chainOptions(this.host.config, this.settings, direction);
    return options && this.host.policies.chain(options);
  }

  /** Have the policies of the configuration know those of this neighbor. */
  touchPolicies(): void {
    this.policyChain('import');
    this.policyChain('export');
  }

  private importPolicyOf(source: number): NeighborImportPolicy | undefined {
    const chain = this.policyChain('import');
    const description = { ...this.host.rib.peers.get(source), peerGroup: this.peerGroup ?? undefined };
    return chain && new NeighborImportPolicy(chain, description, this.settings.peerAs);
  }

  /** End the session for good; no route is kept. @returns when the connections are closed */
  end(subcode: number, reason = ''): Promise<void> {
    this.isLeaving = true;
    const closed = this.peer.stop(subcode, reason);
    this.received?.drop();
    return closed;
  }

  /** We stop for a restart: neighbors that are asked to keep our routes are not told. @returns when the connections are closed */
  leave(subcode: number, reason: string): Promise<void> {
    const { enabled, helperOnly } = this.settings.gracefulRestart;
    if (!enabled || helperOnly) return this.end(subcode, reason);
    this.isLeaving = true;
    const closed = this.peer.leave();
    this.received?.drop();
    return closed;
  }

  /** From the next OPEN on, say how far we are with our restart. */
  updateRestart(): void {
    this.peer.setGracefulRestart(restartOffer(this.settings, this.host.restart));
  }

  /**
   * Have the neighbor tell all its routes again (RFC 2918).
   * @throws UsageError `not_established`; `no_route_refresh` when it cannot
   */
  softIn(): void {
    const { negotiated, outbound } = this.established();
    if (!negotiated.routeRefresh) {
      throw new UsageError('no_route_refresh', `${this.address} did not announce route refresh: only a reset helps`);
    }
    for (const family of outbound.keys()) this.requestRefresh(family);
  }

  /** Have the neighbor tell all its routes of a family again (RFC 2918), if it can. */
  private requestRefresh(family: FamilyName): void {
    if (!this.live?.negotiated.routeRefresh) return;
    this.peer.countSent('routeRefresh');
    this.peer.send(encodeRouteRefresh({ ...afiSafiOf(family), subtype: ROUTE_REFRESH_SUBTYPE.normal }));
  }

  /** Tell the neighbor all its routes again, and the end of those that it is not to have. @throws UsageError `not_established` */
  softOut(): void {
    const { outbound } = this.established();
    this.updateProfiles();
    for (const { member } of outbound.values()) member.refresh();
  }

  private established(): Live {
    if (this.live) return this.live;
    throw new UsageError(
      'not_established',
      `there is no session with ${this.address}: ${this.peer.reason ?? 'not yet'}`,
    );
  }

  private updateProfiles(): void {
    const { live } = this;
    if (!live) return;
    for (const [family, outbound] of live.outbound) outbound.changeProfile(this.profile(family, live.negotiated));
  }

  /** Tell it all there is, although others have to wait. */
  unmute(): void {
    for (const { group, member } of this.live?.outbound.values() ?? []) this.host.loop.unmute(group.rib, member);
  }

  /** The application's own routes are all there: End-of-RIB need not wait any longer. */
  complete(): void {
    for (const { member } of this.live?.outbound.values() ?? []) member.complete();
  }

  /** Stop until `start`, and keep no route. */
  disable(subcode: number, reason: string): void {
    this.adminDown = true;
    void this.peer.stop(subcode, reason);
    this.received?.drop();
  }

  private get whyNotConnected(): string | undefined {
    return whyNotConnected(this.address, this.settings, this.type !== 'ibgp', this.host.networks);
  }

  accept(connection: Connection): void {
    const reason = this.whyNotConnected;
    if (reason !== undefined) debug('connection refused: %s', reason);
    if (this.adminDown || reason !== undefined || !this.peer.accept(connection)) connection.destroy();
  }

  hasEndOfRib(family: FamilyName): boolean {
    return this.live?.endOfRibFrom.has(family) ?? false;
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

  holdsConfirmation(negotiated: Negotiated): boolean {
    return this.host.holdsConfirmation(this, negotiated);
  }

  onEstablished(negotiated: Negotiated): void {
    const { rib } = this.host;
    const { settings } = this;
    const families = negotiated.families
      .map(({ afi, safi }) => familyOf(afi, safi))
      .filter((family) => family !== undefined);
    const received = this.receivedFor(negotiated);
    const endOfRibFrom = new Set<FamilyName>();
    const onEndOfRib = (family: FamilyName): void => {
      endOfRibFrom.add(family);
      received.endOfRib(family);
      this.host.onEndOfRib(this, family);
    };
    const onDiagnostic = (diagnostic: Diagnostic): void => this.host.onDiagnostic(this, diagnostic);
    const handler = { onEndOfRib, onDiagnostic };
    const rules = importRules(this.host, settings);
    const { receive } = negotiated;
    const adjRibIn = new AdjRibIn(rib, received.source, receive, families, handler, rules, received.counts);
    this.importPolicy = this.importPolicyOf(received.source);
    adjRibIn.policy = this.importPolicy;
    this.limits.begin(adjRibIn);
    received.resumed(adjRibIn.counts, negotiated, settings);
    const outbound = new Map<FamilyName, Outbound>();
    this.live = { negotiated, adjRibIn, outbound, endOfRibFrom };
    const { routeRefresh, enhancedRouteRefresh } = negotiated;
    for (const family of families) {
      const profile = this.profile(family, negotiated);
      const enhanced = routeRefresh && enhancedRouteRefresh;
      const pace = (): AdvertisementPace | undefined => this.pace();
      outbound.set(family, new Outbound(this.host, this.peer, family, received.source, profile, pace, enhanced));
    }
    this.host.onEstablished(this);
  }

  /** The source of a new session: that of the last one while its routes are kept. */
  private receivedFor(negotiated: Negotiated): ReceivedRoutes {
    const { settings } = this;
    const { octets, zone } = parseScopedAddress(this.address);
    const { local } = this.peer;
    const description: Source = {
      type: negotiated.peerType,
      routerId: negotiated.peerRouterId,
      address: octets,
      zone,
      device: zone ?? (local && this.host.networks.interfaceOf(local.address)?.name),
      client: negotiated.peerType === 'ibgp' && settings.routeReflectorClient,
      clusterId: parseIpv4(settings.clusterId),
      routeServerClient: settings.routeServerClient,
      peerGroup: this.peerGroup ?? undefined,
      addPath: addPathFamilies(negotiated.receive, settings.families),
    };
    if (this.received?.isFrom(description)) {
      // It may have come over another interface.
      this.received.update(description);
      return this.received;
    }
    this.received?.drop();
    const received = new ReceivedRoutes(this.host, description, () => {
      if (this.received === received) this.received = undefined;
      this.host.onRoutesGone(this);
    });
    this.received = received;
    return received;
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
    const sent = addPathFamilies(negotiated.send, [family]).length > 0 ? sentPaths(settings) : undefined;
    const chain = this.policyChain('export');
    return {
      ...edits,
      policy: chain === undefined ? null : { chain, asn: this.localAs },
      ...(sent === undefined ? {} : { addPath: sent }),
      asn4: negotiated.send.asn4,
      maxMessageLength: negotiated.send.maxMessageLength,
      clusterId: edits.target === 'client' ? parseIpv4(settings.clusterId) : 0,
      clientToClient: host.clientToClient,
      nextHopSelf: settings.nextHopSelf,
      extendedNextHop,
      zone: parseScopedAddress(this.address).zone,
      selfNextHop: self.address,
      longLived: negotiated.longLived !== undefined,
      ...(edits.target === 'ebgp' && self.subnet ? { sharedSubnet: self.subnet } : {}),
    };
  }

  onUpdate(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    try {
      const error = this.live?.adjRibIn.apply(bytes, start, end);
      if (!error) this.limits.check();
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
    const { live, received } = this;
    const family = familyOf(afi, safi);
    if (!family || !live || !received) return;
    if (subtype === ROUTE_REFRESH_SUBTYPE.normal) live.outbound.get(family)?.member.refresh();
    // RFC 7313 section 5: other subtypes mean nothing.
    if (!live.negotiated.enhancedRouteRefresh) return;
    if (subtype === ROUTE_REFRESH_SUBTYPE.end) received.endRefresh(family);
    else if (subtype === ROUTE_REFRESH_SUBTYPE.beginning) {
      // RFC 7313 section 4.2: a peer with graceful restart has to send its End-of-RIB first.
      const isEarly = live.negotiated.gracefulRestart !== undefined && !live.endOfRibFrom.has(family);
      if (!isEarly) received.beginRefresh(family, this.settings);
    }
  }

  onDrain(): void {
    if (!this.live) return;
    for (const { group, member } of this.live.outbound.values()) {
      if (member.isBehind) this.host.loop.addBehind(group, member);
    }
  }

  onDown(reason: string, end: SessionEnd): void {
    const { live, received } = this;
    if (!live || !received) return;
    debug('%s: down: %s', this.address, reason);
    this.live = undefined;
    for (const outbound of live.outbound.values()) outbound.leave();
    const mayKeep = !this.isLeaving && !this.adminDown && isGracefulEnd(end, live.negotiated);
    if (mayKeep && received.lost(live.negotiated)) debug('%s: its routes are kept', this.address);
    else received.drop();
  }

  // --- for show ---

  /** Whether routes are kept although there is no session. */
  get keepsRoutes(): boolean {
    return this.received !== undefined && this.live === undefined;
  }

  /** Why routes of a family are stale, and until when. */
  staleOf(family: FamilyName): ReturnType<ReceivedRoutes['staleOf']> {
    return this.received?.staleOf(family);
  }

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
    return this.received?.counts.get(family) ?? 0;
  }

  /** Of the prefixes received, those that the import policy rejects; undefined without a policy. */
  filteredCount(family: FamilyName): number | undefined {
    if (this.importPolicy === undefined) return undefined;
    return this.host.rib.of(family).countFlagged(this.source, ATTR.filtered);
  }

  advertisedCount(family: FamilyName): number {
    const outbound = this.outboundOf(family);
    return outbound ? outbound.group.advertisedCount(outbound.member) : 0;
  }
}
