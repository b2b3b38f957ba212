/** Rules about what keeps kernel routes from being removed. */
import { entries } from './config-address.js';
import type { ConfigDraft } from './config-draft.js';
import type { ConfigProblem } from './config-errors.js';
import { KERNELLESS } from './config-local-rules.js';
import { isReflector } from './as-identity.js';
import { mergedSettings } from './settings.js';

export function* fibConntrack({ fib }: ConfigDraft): Generator<ConfigProblem> {
  if (fib?.conntrack !== 'delete' || !KERNELLESS.includes(fib.type)) return;
  yield { path: ['fib', 'conntrack'], message: `type: ${fib.type} writes to no kernel, so there is nothing to delete` };
}

export function* fibHold(draft: ConfigDraft): Generator<ConfigProblem> {
  const { fib, neighbors, asn, confederation, peerGroups = {} } = draft;
  const hold = fib?.holdWithout;
  if (hold === undefined || asn === undefined) return;
  if (fib?.atStart === 'flush') {
    yield { path: ['fib', 'holdWithout'], message: 'atStart: flush removes at the start what this is to keep' };
  }
  const path = ['fib', 'holdWithout', 'neighbors'];
  if (Array.isArray(hold.neighbors)) {
    const list = hold.neighbors as readonly string[];
    if (list.length === 0) yield { path, message: 'name at least one neighbor' };
    const known = new Set(entries(neighbors).map(([, { address }]) => address));
    for (const [i, address] of list.entries()) {
      if (!known.has(address)) yield { path: [...path, i], message: `there is no neighbor ${address}`, found: address };
    }
    return;
  }
  if (hold.neighbors !== 'reflectors') return;
  const found = entries(neighbors).some(([, neighbor]) => {
    const group = neighbor.peerGroup === undefined ? {} : (peerGroups[neighbor.peerGroup] ?? {});
    const { peerAs = asn, localAs = null, routeReflectorClient = false } = mergedSettings(group, neighbor);
    return isReflector({ asn, confederation }, { peerAs, localAs, routeReflectorClient });
  });
  if (!found) {
    yield { path, message: 'no neighbor is a reflector of ours: in our own AS, and no client of ours' };
  }
}
