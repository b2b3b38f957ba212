/** One neighbor of a running speaker: its session (Peer) joined to the RIB (NeighborInbound, NeighborOutbound). */
import { isGracefulEnd } from '../bgp/fsm/session-end.js';
import { Peer } from '../bgp/session/peer.js';
import type { ReadTurns } from '../bgp/session/read-turns.js';
import type { FsmStateName, Negotiated, SessionEnd, SessionHandler } from '../bgp/session/types.js';
import type { PeerType } from '../bgp/wire/context.js';
import type { Diagnostic, MessageError } from '../bgp/wire/errors.js';
import { afiSafiOf, familyOf, type FamilyName } from '../bgp/wire/families.js';
import { encodeRouteRefresh, ROUTE_REFRESH_SUBTYPE } from '../bgp/wire/messages/route-refresh.js';
import { UsageError, type Connection, type Transport } from '../net/index.js';
import type { NeighborImportPolicy } from '../policy/import-policy.js';
import type { Direction, PolicyBook, PolicyChain } from '../policy/policy-chain.js';
import type { PrefixLimiter, PrefixLimitNotice } from '../rib/prefix-limit.js';
import { neighborType, sessionAs } from './as-identity.js';
import { isSame } from './config-diff.js';
import { guardedTransport, whyNotConnected } from './connected-check.js';
import { createDebug } from './debug.js';
import { NeighborInbound } from './neighbor-inbound.js';
import { NeighborOutbound, type NeighborOutboundHost } from './neighbor-outbound.js';
import { chainOptions } from './neighbor-policy.js';
import type { SpeakerConfig } from './options.js';
import type { Outbound } from './outbound.js';
import { peerOptions, type PeerOptionsHost } from './peer-options.js';
import { restartOffer } from './restart-offer.js';
import type { EffectivePeerSettings } from './settings.js';

const debug = createDebug('tsbgp:session');

/** What a neighbor needs of its speaker. */
export interface NeighborHost extends NeighborOutboundHost, PeerOptionsHost {
  readonly readTurns: ReadTurns;
  readonly transport: Transport;
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
  readonly outbound: NeighborOutbound;
}

export class Neighbor implements SessionHandler {
  readonly peer: Peer;
  private live: Live | undefined;
  private readonly inbound: NeighborInbound;
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
    this.inbound = new NeighborInbound(host, this, {
      requestRefresh: (family) => this.requestRefresh(family),
      onEndOfRib: (family) => host.onEndOfRib(this, family),
      onDiagnostic: (diagnostic) => host.onDiagnostic(this, diagnostic),
      onPrefixLimit: (notice) => host.onPrefixLimit(this, notice),
      onRoutesGone: () => host.onRoutesGone(this),
    });
    this.peer = new Peer(
      peerOptions(host, address, settings, dynamic !== null),
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
    return this.inbound.source;
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
    this.live?.outbound.updateProfiles();
    this.inbound.updateRules(before);
    this.inbound.updatePolicy();
    this.inbound.updateSource();
    if (before.minimumAdvertisementInterval !== settings.minimumAdvertisementInterval) {
      this.live?.outbound.changePace();
    }
    if (isSame(before.prefixLimit, settings.prefixLimit)) return;
    // Held back by the limit that was: another chance.
    if (this.inbound.changeLimits()) this.start();
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

  /** End the session for good; no route is kept. @returns when the connections are closed */
  end(subcode: number, reason = ''): Promise<void> {
    this.isLeaving = true;
    const closed = this.peer.stop(subcode, reason);
    this.inbound.drop();
    return closed;
  }

  /** We stop for a restart: neighbors that are asked to keep our routes are not told. @returns when the connections are closed */
  leave(subcode: number, reason: string): Promise<void> {
    const { enabled, helperOnly } = this.settings.gracefulRestart;
    if (!enabled || helperOnly) return this.end(subcode, reason);
    this.isLeaving = true;
    const closed = this.peer.leave();
    this.inbound.drop();
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
    for (const family of outbound.families) this.requestRefresh(family);
  }

  /**
   * Whether its routes can surely be had again without a new session, or it has no session anyway. Without RFC 7313 nothing tells
   * whether a refresh was heeded: OpenBGPD 7.7 announces the capability and ignores each one.
   */
  get canRefresh(): boolean {
    const { routeRefresh = true, enhancedRouteRefresh = true } = this.live?.negotiated ?? {};
    return routeRefresh && enhancedRouteRefresh;
  }

  /** Have the neighbor tell all its routes of a family again (RFC 2918). @returns false when it cannot */
  private requestRefresh(family: FamilyName): boolean {
    if (!this.live?.negotiated.routeRefresh) return false;
    this.peer.countSent('routeRefresh');
    this.peer.send(encodeRouteRefresh({ ...afiSafiOf(family), subtype: ROUTE_REFRESH_SUBTYPE.normal }));
    return true;
  }

  /** Tell the neighbor all its routes again, and the end of those that it is not to have. @throws UsageError `not_established` */
  softOut(): void {
    const { outbound } = this.established();
    outbound.updateProfiles();
    outbound.refresh();
  }

  private established(): Live {
    if (this.live) return this.live;
    throw new UsageError(
      'not_established',
      `there is no session with ${this.address}: ${this.peer.reason ?? 'not yet'}`,
    );
  }

  /** What it may be told is another now. */
  updateProfiles(): void {
    this.live?.outbound.updateProfiles();
  }

  /** Tell it all there is, although others have to wait. */
  unmute(): void {
    this.live?.outbound.unmute();
  }

  /** The application's own routes are all there: End-of-RIB need not wait any longer. */
  complete(): void {
    this.live?.outbound.complete();
  }

  /** Stop until `start`, and keep no route. */
  disable(subcode: number, reason: string): void {
    this.adminDown = true;
    void this.peer.stop(subcode, reason);
    this.inbound.drop();
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
    return this.inbound.hasEndOfRib(family);
  }

  /** Whether all that the neighbor had to say at the start is here. */
  get isSynchronized(): boolean {
    const { live } = this;
    return live !== undefined && live.outbound.families.every((family) => this.inbound.hasEndOfRib(family));
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
    const families = negotiated.families
      .map(({ afi, safi }) => familyOf(afi, safi))
      .filter((family) => family !== undefined);
    this.inbound.begin(negotiated, families);
    this.live = { negotiated, outbound: new NeighborOutbound(this.host, this, negotiated, families) };
    this.host.onEstablished(this);
  }

  onUpdate(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    return this.inbound.onUpdate(bytes, start, end);
  }

  onReadDone(): void {
    this.host.loop.scheduleIfDirty();
  }

  onRouteRefresh(afi: number, safi: number, subtype: number): void {
    const { live } = this;
    const family = familyOf(afi, safi);
    if (!family || !live) return;
    if (subtype === ROUTE_REFRESH_SUBTYPE.normal) live.outbound.of(family)?.member.refresh();
    // RFC 7313 section 5: other subtypes mean nothing.
    else if (live.negotiated.enhancedRouteRefresh) this.inbound.onRefreshMark(family, subtype);
  }

  onDrain(): void {
    this.live?.outbound.onDrain();
  }

  onDown(reason: string, end: SessionEnd): void {
    const { live } = this;
    if (!live) return;
    debug('%s: down: %s', this.address, reason);
    this.live = undefined;
    live.outbound.leave();
    this.inbound.onDown(!this.isLeaving && !this.adminDown && isGracefulEnd(end, live.negotiated));
  }

  // --- for show ---

  /** Whether routes are kept although there is no session. */
  get keepsRoutes(): boolean {
    return this.inbound.keepsRoutes;
  }

  /** What its routes go through; undefined: all pass as they are. */
  get importPolicy(): NeighborImportPolicy | undefined {
    return this.inbound.importPolicy;
  }

  /** Why routes of a family are stale, and until when. */
  staleOf(family: FamilyName): ReturnType<NeighborInbound['staleOf']> {
    return this.inbound.staleOf(family);
  }

  get families(): readonly FamilyName[] {
    return this.live?.outbound.families ?? [];
  }

  get negotiated(): Negotiated | undefined {
    return this.live?.negotiated;
  }

  /** The update group and member through which a family is told, while Established. */
  outboundOf(family: FamilyName): Outbound | undefined {
    return this.live?.outbound.of(family);
  }

  /** The limit on a family, while Established. */
  limiterOf(family: FamilyName): PrefixLimiter | undefined {
    return this.inbound.limiterOf(family);
  }

  receivedCount(family: FamilyName): number {
    return this.inbound.receivedCount(family);
  }

  /** Of the prefixes received, those that the import policy rejects; undefined without a policy. */
  filteredCount(family: FamilyName): number | undefined {
    return this.inbound.filteredCount(family);
  }

  advertisedCount(family: FamilyName): number {
    const outbound = this.outboundOf(family);
    return outbound ? outbound.group.advertisedCount(outbound.member) : 0;
  }
}
