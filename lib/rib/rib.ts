import { RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import type { Identity } from './attribute-store.js';
import { FamilyRib } from './family-rib.js';
import type { Reachability } from './next-hop-table.js';
import { PeerTable } from './peer-table.js';

export interface RibOptions {
  readonly identity: Identity;
  readonly alwaysCompareMed?: boolean;
  /** Left out: every next hop is reachable at cost 0. */
  readonly resolve?: (nextHop: Uint8Array) => Reachability;
}

const ALWAYS_REACHABLE: Reachability = { reachable: 'yes', metric: 0 };

/** The routing information bases of a speaker: one per family, sharing the table of sources. */
export class Rib {
  readonly peers: PeerTable;
  readonly families: readonly FamilyRib[];
  private readonly byName: ReadonlyMap<FamilyName, FamilyRib>;

  constructor(options: RibOptions) {
    this.peers = new PeerTable(options.identity.routerId);
    this.families = RIB_FAMILIES.map(
      (family) =>
        new FamilyRib({
          family,
          peers: this.peers,
          identity: options.identity,
          alwaysCompareMed: options.alwaysCompareMed ?? false,
          resolve: options.resolve ?? (() => ALWAYS_REACHABLE),
        }),
    );
    this.byName = new Map(this.families.map((rib) => [rib.family, rib]));
  }

  /** The RIB of one family. */
  of(family: FamilyName): FamilyRib {
    return this.byName.get(family)!;
  }
}
