/** Routes as the oracle knows them. */

/** A route as a router has it in its Adj-RIB-In, or as its own. */
export interface PlainRoute {
  readonly prefix: string;
  /** The neighbor that it came from; null: originated here. */
  readonly neighbor: string | null;
  /** That neighbor's name; null: originated here. */
  readonly from: string | null;
  readonly nextHop: string;
  readonly asPath: readonly number[];
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
}

export type FamilyOfPrefix = 'ipv4-unicast' | 'ipv6-unicast';

export const FAMILIES: readonly FamilyOfPrefix[] = ['ipv4-unicast', 'ipv6-unicast'];

export function familyOf(prefix: string): FamilyOfPrefix {
  return prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast';
}
