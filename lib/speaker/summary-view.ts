import { RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import type { Endpoint } from '../net/index.js';
import type { Rib } from '../rib/rib.js';
import type { Neighbor } from './neighbor.js';
import type { SpeakerConfig } from './options.js';
import type { SummaryView } from './views.js';

/** How a speaker stands, as a plain value. */
export function summaryView(
  config: SpeakerConfig,
  rib: Rib,
  neighbors: readonly Neighbor[],
  facts: { readonly listening: readonly Endpoint[]; readonly connectionsRefused: number; readonly startedAt: number },
): SummaryView {
  const families = {} as Record<FamilyName, { prefixes: number; paths: number }>;
  for (const family of RIB_FAMILIES) {
    const { bestCount, paths } = rib.of(family);
    families[family] = { prefixes: bestCount, paths: paths.count };
  }
  return {
    asn: config.asn,
    routerId: config.routerId,
    clusterId: config.clusterId ?? config.routerId,
    startedAt: facts.startedAt,
    neighbors: {
      configured: neighbors.length,
      established: neighbors.filter(({ peer }) => peer.state === 'Established').length,
    },
    families,
    attributeSets: rib.families.reduce((sum, { store }) => sum + store.count, 0),
    connectionsRefused: facts.connectionsRefused,
    listening: facts.listening.map(({ address, port }) =>
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    ),
  };
}
