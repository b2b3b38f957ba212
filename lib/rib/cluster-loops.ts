/** Our cluster IDs are other ones: which of the routes that are here are loops now (RFC 4456 section 8)? */
import { ATTR, type AttributeStore } from './attribute-store.js';
import { BitSet } from './columns.js';
import type { FamilyRib } from './family-rib.js';

const CLUSTER_LIST = 10;
const EXTENDED_LENGTH = 0x10;

/** Judge all attribute sets of a family anew, and mark the prefixes of those that are judged otherwise. */
export function judgeClusterLoops(rib: FamilyRib, isOwn: (clusterId: number) => boolean): void {
  const { store, paths } = rib;
  const changed = new BitSet();
  for (let id = 0; id < store.limit; id++) {
    if (store.lengthOf(id) === 0 || store.receivedOf(id) !== id || store.clusterListLength[id] === 0) continue;
    if (hasOwn(store, id, isOwn) === ((store.flags[id]! & ATTR.clusterLoop) !== 0)) continue;
    store.flags[id]! ^= ATTR.clusterLoop;
    changed.add(id);
  }
  if (changed.size === 0) return;
  // What a policy made of a set is a loop when the set that was received is.
  for (let id = 0; id < store.limit; id++) {
    const received = store.lengthOf(id) === 0 ? id : store.receivedOf(id);
    if (received === id || !changed.has(received)) continue;
    store.flags[id]! ^= ATTR.clusterLoop;
    changed.add(id);
  }
  for (let row = 0; row < paths.limit; row++) {
    if (paths.prefix[row]! >= 0 && changed.has(paths.attributes[row]!)) rib.markDirty(paths.prefix[row]!);
  }
}

function hasOwn(store: AttributeStore, id: number, isOwn: (clusterId: number) => boolean): boolean {
  const block = store.attributesOf(id);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  for (let at = 0; at < block.length;) {
    const extended = (block[at]! & EXTENDED_LENGTH) !== 0;
    const value = at + (extended ? 4 : 3);
    const next = value + (extended ? view.getUint16(at + 2) : block[at + 2]!);
    if (block[at + 1] === CLUSTER_LIST) {
      for (let entry = value; entry < next; entry += 4) if (isOwn(view.getUint32(entry))) return true;
    }
    at = next;
  }
  return false;
}
