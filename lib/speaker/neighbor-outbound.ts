/** The outbound half of a neighbor while its session is Established: what it is told, family by family, and in which form. */
import { jittered } from '../bgp/fsm/backoff.js';
import type { Peer } from '../bgp/session/peer.js';
import type { Negotiated } from '../bgp/session/types.js';
import type { FamilyName } from '../bgp/wire/families.js';
import { parseIpv4, parseScopedAddress, type Clock, type LocalNetworks, type Random } from '../net/index.js';
import type { Direction, PolicyChain } from '../policy/policy-chain.js';
import { AdvertisementPace } from '../rr/advertisement-pace.js';
import type { ExportProfile } from '../rr/export-profile.js';
import type { SummaryOnly } from '../rr/summary-only.js';
import { addPathFamilies, sentPaths } from './add-path.js';
import { asExport, sessionAs, type AsIdentity } from './as-identity.js';
import { Outbound, type OutboundHost } from './outbound.js';
import { selfNextHop, sharesInterface } from './self-next-hop.js';
import type { EffectivePeerSettings } from './settings.js';

export interface NeighborOutboundHost extends OutboundHost, AsIdentity {
  readonly routerId: number;
  readonly clientToClient: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly networks: LocalNetworks;
  /** Routes that aggregates stand for. */
  readonly summaryOnly: SummaryOnly | undefined;
}

/** The neighbor as its outbound half sees it. */
export interface OutboundTarget {
  readonly address: string;
  readonly peer: Peer;
  readonly settings: EffectivePeerSettings;
  /** Its number in the PeerTable. */
  readonly source: number;
  policyChain(direction: Direction): PolicyChain | undefined;
}

export class NeighborOutbound {
  private readonly byFamily = new Map<FamilyName, Outbound>();

  constructor(
    private readonly host: NeighborOutboundHost,
    private readonly target: OutboundTarget,
    private readonly negotiated: Negotiated,
    families: readonly FamilyName[],
  ) {
    const { peer, source } = target;
    const enhanced = negotiated.routeRefresh && negotiated.enhancedRouteRefresh;
    const pace = (): AdvertisementPace | undefined => this.pace();
    for (const family of families) {
      this.byFamily.set(family, new Outbound(host, peer, family, source, this.profile(family), pace, enhanced));
    }
  }

  get families(): FamilyName[] {
    return [...this.byFamily.keys()];
  }

  /** The update group and member through which a family is told. */
  of(family: FamilyName): Outbound | undefined {
    return this.byFamily.get(family);
  }

  /** What the neighbor may be told, or in which form, may be another now: tell it the difference. */
  updateProfiles(): void {
    for (const [family, outbound] of this.byFamily) outbound.changeProfile(this.profile(family));
  }

  changePace(): void {
    for (const outbound of this.byFamily.values()) outbound.changePace();
  }

  /** Tell it all again, and the end of what it is not to have. */
  refresh(): void {
    for (const { member } of this.byFamily.values()) member.refresh();
  }

  /** Tell it all there is, although others have to wait. */
  unmute(): void {
    for (const { group, member } of this.byFamily.values()) this.host.loop.muted.unmute(group.rib, member);
  }

  /** The application's own routes are all there: End-of-RIB need not wait any longer. */
  complete(): void {
    for (const { member } of this.byFamily.values()) member.complete();
  }

  /** The transport takes octets again. */
  onDrain(): void {
    for (const { group, member } of this.byFamily.values()) {
      if (member.isBehind) this.host.loop.addBehind(group, member);
    }
  }

  leave(): void {
    for (const outbound of this.byFamily.values()) outbound.leave();
  }

  private pace(): AdvertisementPace | undefined {
    const seconds = this.target.settings.minimumAdvertisementInterval;
    const { clock, random } = this.host;
    return seconds === 0 ? undefined : new AdvertisementPace(clock, () => jittered(seconds * 1000, random));
  }

  private profile(family: FamilyName): ExportProfile {
    const { host, negotiated } = this;
    const { address, peer, settings } = this.target;
    const edits = asExport(host, settings);
    const extendedNextHop = family === 'ipv4-unicast' && (negotiated.send.extendedNextHop ?? false);
    const local = peer.local?.address ?? address;
    const self = selfNextHop(extendedNextHop ? 'any' : family, local, host.routerId, host.networks);
    const sent = addPathFamilies(negotiated.send, [family]).length > 0 ? sentPaths(settings, family) : undefined;
    const chain = this.target.policyChain('export');
    return {
      ...edits,
      policy: chain === undefined ? null : { chain, asn: sessionAs(host, settings) },
      ...(sent === undefined ? { nextBest: settings.mitigatePathHiding } : { addPath: sent }),
      asn4: negotiated.send.asn4,
      maxMessageLength: negotiated.send.maxMessageLength,
      clusterId: edits.target === 'client' ? parseIpv4(settings.clusterId) : 0,
      clientToClient: host.clientToClient,
      nextHopSelf: settings.nextHopSelf,
      extendedNextHop,
      zone: parseScopedAddress(address).zone,
      selfNextHop: self.address,
      longLived: negotiated.longLived !== undefined,
      longLivedAsLast: negotiated.longLived === undefined && settings.longLivedGracefulRestart.partialDeployment,
      summaryOnly: host.summaryOnly,
      ...(edits.target === 'ebgp' && self.subnet && sharesInterface(local, address, host.networks)
        ? { sharedSubnet: self.subnet }
        : {}),
    };
  }
}
