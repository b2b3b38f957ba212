import { crc32 } from 'node:zlib';
import type { FamilyName } from '../bgp/wire/families.js';
import { grow, nextCapacity, type IdStack } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import type { Speaker } from '../speaker/speaker.js';

/** How a RIB stands, small enough to be written down often. */
export interface Checkpoint {
  /** Best paths by family: how many, and a number that depends on every octet of each, in hexadecimal. */
  readonly best: Readonly<Partial<Record<FamilyName, { readonly count: number; readonly digest: string }>>>;
  /** All paths, by family. */
  readonly paths: Readonly<Partial<Record<FamilyName, number>>>;
  /** Neighbors in Established. */
  readonly established: number;
}

interface FamilyDigest {
  /** What each prefix adds to the sum, by its id. */
  parts: Uint32Array;
  sum: number;
}

/** Follows the best paths of a speaker: the digest of a large table costs nothing when it is asked for. */
export class LocRibDigest {
  readonly #digests = new Map<FamilyRib, FamilyDigest>();

  constructor(private readonly speaker: Speaker) {
    for (const rib of speaker.rib.families) this.#digests.set(rib, { parts: new Uint32Array(16), sum: 0 });
    speaker.loop.onBestPathChange((rib, changed) => this.#apply(rib, this.#digests.get(rib)!, changed));
  }

  #apply(rib: FamilyRib, digest: FamilyDigest, changed: IdStack): void {
    for (let i = 0; i < changed.length; i++) {
      const prefix = changed.at(i);
      if (prefix >= digest.parts.length) {
        digest.parts = grow(digest.parts, nextCapacity(digest.parts.length, prefix + 1));
      }
      const part = partOf(rib, prefix);
      digest.sum = (digest.sum - digest.parts[prefix]! + part) >>> 0;
      digest.parts[prefix] = part;
    }
  }

  checkpoint(): Checkpoint {
    const { rib } = this.speaker;
    const best: Partial<Record<FamilyName, { count: number; digest: string }>> = {};
    const paths: Partial<Record<FamilyName, number>> = {};
    for (const family of rib.families) {
      const digest = this.#digests.get(family)!.sum.toString(16).padStart(8, '0');
      best[family.family] = { count: family.bestCount, digest };
      paths[family.family] = family.paths.count;
    }
    return { best, paths, established: this.speaker.summary().neighbors.established };
  }
}

/** A hash of a prefix and its best path; 0 without one. */
function partOf(rib: FamilyRib, prefix: number): number {
  const attributes = rib.bestAttributes[prefix]!;
  if (attributes === NONE) return 0;
  const { length, octets } = rib.prefixes.prefixOf(prefix);
  const source = rib.peers.get(rib.bestSource[prefix]!);
  let hash = crc32(octets, length);
  hash = crc32(source.address, hash);
  hash = crc32(rib.nextHops.octetsOf(rib.store.nextHop[attributes]!), hash);
  return crc32(rib.store.attributesOf(attributes), hash);
}
