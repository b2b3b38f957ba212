/**
 * The inbound half of a neighbor: what it has told us and by which rules it is taken. It outlives sessions while routes are
 * kept (RFC 4724).
 */
import type { Peer } from '../bgp/session/peer.js';
import type { Negotiated } from '../bgp/session/types.js';
import { MessageError, type Diagnostic } from '../bgp/wire/errors.js';
import type { FamilyName } from '../bgp/wire/families.js';
import { ROUTE_REFRESH_SUBTYPE } from '../bgp/wire/messages/route-refresh.js';
import { parseIpv4, parseScopedAddress, type LocalNetworks } from '../net/index.js';
import { NeighborImportPolicy } from '../policy/import-policy.js';
import type { Direction, PolicyChain } from '../policy/policy-chain.js';
import { AdjRibIn } from '../rib/adj-rib-in.js';
import { ATTR } from '../rib/attribute-store.js';
import { ReviseJob } from '../rib/import-policy.js';
import type { Source } from '../rib/peer-table.js';
import type { PrefixLimiter, PrefixLimitNotice } from '../rib/prefix-limit.js';
import { addPathFamilies } from './add-path.js';
import { importRules, type AsIdentity } from './as-identity.js';
import { createDebug } from './debug.js';
import { NeighborLimits } from './neighbor-limits.js';
import { ReceivedRoutes, type ReceivedRoutesHost } from './received-routes.js';
import type { EffectivePeerSettings } from './settings.js';

const debug = createDebug('tsbgp:session');
const CEASE = 6;
const OUT_OF_RESOURCES = 8;

/** What {@link importRules} makes of them can be changed while a session is up. */
const RULE_SETTINGS = ['allowOwnAs', 'enforceFirstAs', 'localAsNoPrepend'] as const;

export interface NeighborInboundHost extends ReceivedRoutesHost, AsIdentity {
  readonly networks: LocalNetworks;
}

/** The neighbor as its inbound half sees it. */
export interface InboundTarget {
  readonly address: string;
  readonly peer: Peer;
  readonly settings: EffectivePeerSettings;
  readonly peerGroup: string | null;
  policyChain(direction: Direction): PolicyChain | undefined;
}

export interface InboundEvents {
  /** Have the neighbor tell all its routes of a family again (RFC 2918). @returns false when it cannot */
  requestRefresh(family: FamilyName): boolean;
  onEndOfRib(family: FamilyName): void;
  onDiagnostic(diagnostic: Diagnostic): void;
  onPrefixLimit(notice: PrefixLimitNotice): void;
  /** The routes that were kept beyond the last session are given up. */
  onRoutesGone(): void;
}

/** What exists only while the session is Established. */
interface Live {
  readonly negotiated: Negotiated;
  readonly adjRibIn: AdjRibIn;
  readonly endOfRibFrom: Set<FamilyName>;
}

export class NeighborInbound {
  private live: Live | undefined;
  private received: ReceivedRoutes | undefined;
  /** What its routes go through; undefined: all pass as they are. */
  importPolicy: NeighborImportPolicy | undefined;
  private readonly limits: NeighborLimits;

  constructor(
    private readonly host: NeighborInboundHost,
    private readonly target: InboundTarget,
    private readonly events: InboundEvents,
  ) {
    this.limits = new NeighborLimits({
      clock: host.clock,
      get settings() {
        return target.settings;
      },
      requestRefresh: (family) => events.requestRefresh(family),
      onNotice: (notice) => events.onPrefixLimit(notice),
      end: (error, restartTime) => target.peer.fail(error, restartTime),
    });
  }

  /** Number of the neighbor in the PeerTable; -1 while it has no routes and no session. */
  get source(): number {
    return this.received?.source ?? -1;
  }

  /** A session is Established. */
  begin(negotiated: Negotiated, families: readonly FamilyName[]): void {
    const { events } = this;
    const { settings } = this.target;
    const received = this.receivedFor(negotiated);
    const endOfRibFrom = new Set<FamilyName>();
    const onEndOfRib = (family: FamilyName): void => {
      endOfRibFrom.add(family);
      received.endOfRib(family);
      events.onEndOfRib(family);
    };
    const onDiagnostic = (diagnostic: Diagnostic): void => events.onDiagnostic(diagnostic);
    const handler = { onEndOfRib, onDiagnostic };
    const rules = importRules(this.host, settings);
    const { receive } = negotiated;
    const adjRibIn = new AdjRibIn(this.host.rib, received.source, receive, families, handler, rules, received.counts);
    this.importPolicy = this.importPolicyOf(received.source);
    adjRibIn.policy = this.importPolicy;
    this.limits.begin(adjRibIn);
    received.resumed(adjRibIn.counts, negotiated, settings);
    this.live = { negotiated, adjRibIn, endOfRibFrom };
  }

  /** The source of a new session: that of the last one while its routes are kept. */
  private receivedFor(negotiated: Negotiated): ReceivedRoutes {
    const description = this.describe(negotiated);
    if (this.received?.isFrom(description)) {
      // It may have come over another interface.
      this.received.update(description);
      return this.received;
    }
    this.received?.drop();
    const received = new ReceivedRoutes(this.host, description, () => {
      if (this.received === received) this.received = undefined;
      this.events.onRoutesGone();
    });
    this.received = received;
    return received;
  }

  private describe(negotiated: Negotiated): Source {
    const { address, peer, peerGroup, settings } = this.target;
    const { octets, zone } = parseScopedAddress(address);
    const { local } = peer;
    return {
      type: negotiated.peerType,
      routerId: negotiated.peerRouterId,
      address: octets,
      zone,
      device: zone ?? (local && this.host.networks.interfaceOf(local.address)?.name),
      client: negotiated.peerType === 'ibgp' && settings.routeReflectorClient,
      clusterId: parseIpv4(settings.clusterId),
      routeServerClient: settings.routeServerClient,
      peerGroup: peerGroup ?? undefined,
      addPath: addPathFamilies(negotiated.receive, settings.families),
    };
  }

  // --- settings that changed ---

  /** Another role or cluster in reflection, or another group: what was told is put right without a new session. */
  updateSource(): void {
    const { received } = this;
    if (!received) return;
    const { description } = received;
    const client = description.type === 'ibgp' && this.target.settings.routeReflectorClient;
    const peerGroup = this.target.peerGroup ?? undefined;
    const clusterId = parseIpv4(this.target.settings.clusterId);
    const isSame = description.client === client && description.clusterId === clusterId;
    if (isSame && description.peerGroup === peerGroup) return;
    received.update({ ...description, client, clusterId, peerGroup });
    this.host.loop.retell(received.source);
  }

  /** Other rules for what is received: it must be told again, since what they refuse is not kept. */
  updateRules(before: EffectivePeerSettings): void {
    const { live } = this;
    if (!live || RULE_SETTINGS.every((key) => before[key] === this.target.settings[key])) return;
    live.adjRibIn.rules = importRules(this.host, this.target.settings);
    for (const family of live.adjRibIn.counts.keys()) this.events.requestRefresh(family);
  }

  /** Other policies, or another group that they look at: what was received is judged anew. */
  updatePolicy(): void {
    const { received } = this;
    if (!received) return;
    const { rib, loop } = this.host;
    const regrouped = received.description.peerGroup !== (this.target.peerGroup ?? undefined);
    const isSame = this.target.policyChain('import') === this.importPolicy?.chain;
    if (isSame && !(regrouped && this.importPolicy)) return;
    const policy = this.importPolicyOf(received.source);
    this.importPolicy = policy;
    if (this.live) this.live.adjRibIn.policy = policy;
    const isWanted = (): boolean => this.received === received && this.importPolicy === policy;
    loop.addJob(new ReviseJob(rib.families, received.source, policy, isWanted));
  }

  private importPolicyOf(source: number): NeighborImportPolicy | undefined {
    const { peerGroup, settings } = this.target;
    const chain = this.target.policyChain('import');
    const description = { ...this.host.rib.peers.get(source), peerGroup: peerGroup ?? undefined };
    return chain && new NeighborImportPolicy(chain, description, settings);
  }

  /** The limits are other ones. @returns whether a session that was held back by a limit gets another chance */
  changeLimits(): boolean {
    return this.limits.change(this.live?.adjRibIn);
  }

  // --- what comes in ---

  onUpdate(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    try {
      const error = this.live?.adjRibIn.apply(bytes, start, end);
      if (!error) this.limits.check();
      return error;
    } catch (error) {
      // A bug of ours must cost this session only, not the process.
      debug('%s: UPDATE not applied: %O', this.target.address, error);
      return new MessageError(CEASE, OUT_OF_RESOURCES, `internal error: ${String(error)}`);
    }
  }

  /** BoRR or EoRR, while enhanced route refresh is agreed on (RFC 7313). */
  onRefreshMark(family: FamilyName, subtype: number): void {
    const { live, received } = this;
    if (!live || !received) return;
    if (subtype === ROUTE_REFRESH_SUBTYPE.end) received.endRefresh(family);
    else if (subtype !== ROUTE_REFRESH_SUBTYPE.beginning) {
      debug('%s: ROUTE-REFRESH with subtype %d ignored', this.target.address, subtype);
    } else {
      // RFC 7313 section 4.2: a peer with graceful restart has to send its End-of-RIB first.
      const isEarly = live.negotiated.gracefulRestart !== undefined && !live.endOfRibFrom.has(family);
      if (!isEarly) received.beginRefresh(family, this.target.settings);
      else debug('%s: BoRR before End-of-RIB ignored', this.target.address);
    }
  }

  /** The session is over. @param mayKeep it ended in a way that allows to keep its routes */
  onDown(mayKeep: boolean): void {
    const { live, received } = this;
    this.live = undefined;
    this.limits.leave();
    if (!live || !received) return;
    if (mayKeep && received.lost(live.negotiated)) debug('%s: its routes are kept', this.target.address);
    else received.drop();
  }

  /** No route is kept. */
  drop(): void {
    this.received?.drop();
  }

  // --- for show ---

  hasEndOfRib(family: FamilyName): boolean {
    return this.live?.endOfRibFrom.has(family) ?? false;
  }

  /** Whether routes are kept although there is no session. */
  get keepsRoutes(): boolean {
    return this.received !== undefined && this.live === undefined;
  }

  /** Why routes of a family are stale, and until when. */
  staleOf(family: FamilyName): ReturnType<ReceivedRoutes['staleOf']> {
    return this.received?.staleOf(family);
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
}
