/** Rules about routes of our own that are made of others: learnt ones and aggregates. */
import { PROTOCOLS } from '../fib/names.js';
import { entries } from './config-address.js';
import type { ConfigDraft } from './config-draft.js';
import type { ConfigProblem } from './config-errors.js';

/** Kinds of FIB that have no kernel to learn from. */
export const KERNELLESS: readonly string[] = ['memory', 'print'];

function numberOf(protocol: string | number): string | number {
  return typeof protocol === 'number' ? protocol : (PROTOCOLS[protocol] ?? protocol);
}

export function* learn({ learn: rules, fib }: ConfigDraft): Generator<ConfigProblem> {
  if (rules === undefined || rules.length === 0) return;
  if (fib === undefined) {
    yield { path: ['learn'], message: 'learn needs fib: without it the kernel is not read' };
  } else if (KERNELLESS.includes(fib.type)) {
    yield { path: ['learn'], message: `fib.type: ${fib.type} has no kernel to learn from` };
  }
  const own = numberOf(fib?.protocol ?? 'bgp');
  for (const [i, { protocols = [] }] of entries(rules)) {
    for (const [k, protocol] of protocols.entries()) {
      if (numberOf(protocol) !== own) continue;
      const path = ['learn', i, 'protocols', k];
      yield { path, message: `${protocol} marks our own routes (fib.protocol): they are never learnt` };
    }
  }
}

export function* aggregates({ aggregates: list, networks, fib, confederation }: ConfigDraft): Generator<ConfigProblem> {
  const own = new Map(
    entries(networks).map(([i, network]) => [typeof network === 'string' ? network : network.prefix, i]),
  );
  const first = new Map<string, number>();
  for (const [i, { prefix, blackhole, asSet, from }] of entries(list)) {
    const at = (key: string) => ['aggregates', i, key];
    const before = first.get(prefix);
    if (before !== undefined) {
      yield {
        path: at('prefix'),
        message: `prefix ${prefix} is there already, as aggregates[${before}]`,
        found: prefix,
      };
    } else first.set(prefix, i);
    if (prefix.endsWith(prefix.includes(':') ? '/128' : '/32')) {
      yield { path: at('prefix'), message: 'no route is more specific than one to a host' };
    }
    const network = own.get(prefix);
    if (network !== undefined) {
      yield { path: at('prefix'), message: `${prefix} is announced anyway, as networks[${network}]` };
    }
    if (blackhole === true && fib === undefined) {
      yield {
        path: at('blackhole'),
        message: 'a blackhole needs fib: without it no kernel routes are written',
      };
    }
    if (asSet === true && confederation !== undefined) {
      yield { path: at('asSet'), message: 'asSet cannot hold in a confederation: RFC 9774 deprecates AS_CONFED_SET' };
    }
    if (from?.length === 0) yield { path: at('from'), message: 'an aggregate needs something that it is made of' };
  }
}
