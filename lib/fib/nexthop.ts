import type { Hop } from './body.js';

/** One way of a group of next hops. */
export interface NexthopMember {
  /** Number of the object that is the way. */
  readonly id: number;
  /** Share, 1 to 256. */
  readonly weight: number;
}

/** A nexthop object as the kernel holds it (ip-nexthop(8)): where to send, by a number that many routes can refer to. */
export interface KernelNexthop {
  /** 1 to 4294967295. */
  readonly id: number;
  /** Number of the protocol that wrote it. */
  readonly protocol: number;
  /** The way that it is; left out: a group, or of a kind that tsbgp does not write. */
  readonly hop?: Hop;
  /** The ways among which it shares; left out: not a group. */
  readonly group?: readonly NexthopMember[];
}

/**
 * One change of an object.
 * - `add`: must fail with `EEXIST` when there is one with this number, also another program's;
 * - `replace`: the kernel held ours when last seen; all routes that refer to it follow at once;
 * - `delete`: by its number. The kernel removes all routes that still refer to it.
 */
export interface NexthopChange extends KernelNexthop {
  readonly op: 'add' | 'replace' | 'delete';
}

/** Objects that forward alike have equal keys; also the text for people: `via 10.0.0.2 dev eth0`, `group 7/8,3`. */
export function nexthopKey({ hop, group }: Pick<KernelNexthop, 'hop' | 'group'>): string {
  if (hop) return hop.gateway === undefined ? `dev ${hop.device}` : `via ${hop.gateway} dev ${hop.device}`;
  if (!group) return 'of another kind';
  const members = [...group].sort((a, b) => a.id - b.id);
  return `group ${members.map(({ id, weight }) => (weight === 1 ? `${id}` : `${id},${weight}`)).join('/')}`;
}
