/**
 * Who may be told what (RFC 4456 section 6), as pure functions.
 *
 * | learnt from ↓ told to → | client | non-client | eBGP |
 * |-------------------------|--------|------------|------|
 * | originated here         | yes    | yes        | yes  |
 * | eBGP neighbor           | yes    | yes        | yes  |
 * | client                  | yes *  | yes        | yes  |
 * | non-client              | yes    | no         | yes  |
 *
 * A neighbor in another Member-AS of our confederation (RFC 5065) stands like an eBGP neighbor here.
 * \* unless client-to-client reflection is switched off (RFC 4456 section 6, clients that are fully meshed).
 * A route never goes back to the neighbor it was learnt from.
 */
import type { Source } from '../rib/peer-table.js';

/** What a neighbor is to us when routes are told. */
export type TargetType = 'client' | 'nonClient' | 'ebgp' | 'confed';

/** Whether the neighbor is in our own AS. */
export function isInternal(target: TargetType): boolean {
  return target === 'client' || target === 'nonClient';
}

/** Whether a route from `source` may be told to a neighbor of this type (another one than the source). */
export function mayAdvertise(source: Source, target: TargetType, clientToClient: boolean): boolean {
  if (source.type !== 'ibgp' || !isInternal(target)) return true;
  return source.client ? clientToClient || target === 'nonClient' : target === 'client';
}

/** Whether telling the route reflects it: from iBGP to iBGP, so ORIGINATOR_ID and CLUSTER_LIST are due (RFC 4456 section 8). */
export function isReflected(source: Source, target: TargetType): boolean {
  return source.type === 'ibgp' && isInternal(target);
}

/**
 * The cluster IDs that are put in front of the CLUSTER_LIST of a reflected route, in wire order, host order each: that
 * of the target's cluster when it is a client in another cluster, then that of the source's.
 * @param targetClusterId the cluster ID used towards the target; ignored when it is no client
 */
export function prependedClusterIds(source: Source, target: TargetType, targetClusterId: number): readonly number[] {
  const ids: number[] = [];
  if (target === 'client' && (!source.client || targetClusterId !== source.clusterId)) ids.push(targetClusterId);
  if (source.client) ids.push(source.clusterId);
  return ids;
}
