import { afiSafiOf, RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import type { Negotiated } from '../bgp/session/types.js';
import { formatIpv4 } from '../net/index.js';
import type { WireContext } from '../bgp/wire/context.js';
import type { PrefixLimiter } from '../rib/prefix-limit.js';
import { addPathFamilies } from './add-path.js';
import type { Neighbor } from './neighbor.js';
import type { GracefulRestartView, NeighborView, PrefixCountView } from './views.js';

/**
 * How a neighbor stands, as a plain value.
 * @param detailed count what takes a walk over the table too
 */
export function neighborView(neighbor: Neighbor, detailed = false): NeighborView {
  const { peer, settings, negotiated } = neighbor;
  const prefixes: Partial<Record<FamilyName, PrefixCountView>> = {};
  for (const family of neighbor.keepsRoutes ? RIB_FAMILIES : neighbor.families) {
    const stale = neighbor.staleOf(family);
    if (neighbor.keepsRoutes && !stale) continue;
    const filtered = detailed ? neighbor.filteredCount(family) : undefined;
    const limiter = neighbor.limiterOf(family);
    prefixes[family] = {
      received: neighbor.receivedCount(family),
      advertised: neighbor.advertisedCount(family),
      ...(filtered === undefined ? {} : { filtered }),
      ...(negotiated && addPathView(negotiated, family)),
      ...(limiter === undefined ? {} : { limit: limitView(limiter) }),
      ...(stale ? { stale } : {}),
    };
  }
  return {
    address: neighbor.address,
    peerAs: settings.peerAs,
    localAs: neighbor.localAs,
    type: neighbor.type,
    description: settings.description,
    peerGroup: neighbor.peerGroup,
    dynamic: neighbor.dynamic !== null,
    routeReflectorClient: settings.routeReflectorClient,
    routeServerClient: settings.routeServerClient,
    role: settings.role,
    peerRole: negotiated?.peerRole ?? null,
    state: peer.state,
    adminDown: neighbor.adminDown,
    since: peer.since,
    reason: peer.reason ?? null,
    routerId: negotiated ? formatIpv4(negotiated.peerRouterId) : null,
    localAddress: peer.local?.address ?? null,
    tcpMd5: peer.options.socket.md5Key !== undefined,
    ttlSecurity: settings.ttlSecurity,
    holdTime: negotiated?.holdTimeSeconds ?? null,
    keepaliveInterval: negotiated?.keepaliveSeconds ?? null,
    families: neighbor.families,
    capabilities: peer.capabilities,
    received: { ...peer.received },
    sent: { ...peer.sent },
    octetsReceived: peer.octetsReceived,
    octetsSent: peer.octetsSent,
    queuedOctets: peer.queuedBytes,
    prefixes,
    gracefulRestart: negotiated ? gracefulRestartView(negotiated) : null,
    importPolicy: neighbor.policyChain('import')?.text ?? null,
    exportPolicy: neighbor.policyChain('export')?.text ?? null,
    established: peer.establishedCount,
    lastError: peer.lastError ?? null,
  };
}

function addPathView({ receive, send }: Negotiated, family: FamilyName): Pick<PrefixCountView, 'addPath'> {
  const agreed = (cx: WireContext): boolean => addPathFamilies(cx, [family]).length > 0;
  const addPath = { receive: agreed(receive), send: agreed(send) };
  return addPath.receive || addPath.send ? { addPath } : {};
}

function limitView({ limit, dropped }: PrefixLimiter): NonNullable<PrefixCountView['limit']> {
  const { maxPrefixes, warningThresholdPct, action } = limit;
  return { maxPrefixes, warningThresholdPct, action, dropped };
}

function gracefulRestartView({ gracefulRestart, longLived = [] }: Negotiated): GracefulRestartView | null {
  if (!gracefulRestart) return null;
  const families = RIB_FAMILIES.flatMap((family) => {
    const isIt = ({ afi, safi }: { afi: number; safi: number }): boolean =>
      afi === afiSafiOf(family).afi && safi === afiSafiOf(family).safi;
    const short = gracefulRestart.tuples.find(isIt);
    const long = longLived.find(isIt);
    if (!short && !long) return [];
    return [{ family, forwarding: (short ?? long)!.forwarding, longLivedTime: long?.staleTime ?? null }];
  });
  const { restartState: restarting, notification, restartTime } = gracefulRestart;
  return { restarting, notification, restartTime, families };
}
