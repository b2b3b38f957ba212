import type { EncodableAttribute, PeerType } from '../../lib/bgp/wire/index.js';
import { parsePrefix } from '../../lib/net/index.js';
import type { PolicyDefinitions, PolicyResult, PolicyStatement } from '../../lib/policy/definition.js';
import { ExportPolicy } from '../../lib/policy/export-policy.js';
import { NeighborImportPolicy } from '../../lib/policy/import-policy.js';
import { PolicyBook, type PolicyChain } from '../../lib/policy/policy-chain.js';
import { ReviseJob } from '../../lib/rib/import-policy.js';
import { ATTR } from '../../lib/rib/attribute-store.js';
import { pathView } from '../../lib/speaker/path-views.js';
import type { PathView } from '../../lib/speaker/views.js';
import { RibRig, type RigSource } from '../rib/rig.js';
import { announcement } from '../support/wire.js';

export const PEER_AS = 65001;
export const OWN_AS = 64512;

/** A route as a neighbor announces it. */
export interface TestRoute {
  readonly prefix?: string;
  readonly nextHop?: string;
  readonly attributes?: readonly EncodableAttribute[];
}

/** Attributes with these in place of, or besides, the plain ones. */
export function attributes(
  type: PeerType,
  more: readonly EncodableAttribute[] = [],
  asns: readonly number[] = [PEER_AS],
): EncodableAttribute[] {
  const plain: EncodableAttribute[] = [
    { code: 1, value: 'IGP' },
    { code: 2, value: asns.length === 0 ? [] : [{ type: 'AS_SEQUENCE', asns: [...asns] }] },
    ...(type === 'ibgp' ? [{ code: 5, value: 100 } as const] : []),
  ];
  return [...plain.filter(({ code }) => !more.some((other) => other.code === code)), ...more];
}

export interface RigOptions {
  readonly type?: PeerType;
  readonly address?: string;
  readonly definitions?: Omit<PolicyDefinitions, 'policies'>;
  readonly defaultResult?: PolicyResult;
  readonly peerGroup?: string;
  /** IPv4 routes may be given IPv6 next hops. */
  readonly extendedNextHop?: boolean;
}

/** A neighbor with one policy, which is asked in both directions. */
export class PolicyRig extends RibRig {
  readonly source: RigSource;
  readonly book: PolicyBook;
  readonly policy: NeighborImportPolicy;
  private readonly exports;

  constructor(
    statements: readonly PolicyStatement[],
    private readonly options: RigOptions = {},
  ) {
    super();
    const { type = 'ebgp', address, peerGroup } = options;
    this.source = this.add(type, address === undefined ? {} : { address });
    const { source } = this.source;
    if (peerGroup !== undefined) this.rib.peers.update(source, { ...this.rib.peers.get(source), peerGroup });
    this.book = new PolicyBook({ ...options.definitions, policies: { p: statements } });
    const chain = this.book.chain({ names: ['p'], defaultResult: options.defaultResult ?? 'reject' });
    this.policy = this.importPolicy(chain);
    const { extendedNextHop = false } = options;
    this.exports = new Map(
      this.rib.families.map((rib) => [rib, new ExportPolicy(rib, chain, OWN_AS, extendedNextHop)]),
    );
  }

  private importPolicy(chain: PolicyChain): NeighborImportPolicy {
    const { extendedNextHop = false } = this.options;
    return new NeighborImportPolicy(chain, this.rib.peers.get(this.source.source), {
      peerAs: PEER_AS,
      extendedNextHop,
    });
  }

  announce({ prefix = '10.1.0.0/16', nextHop, attributes: given }: TestRoute): void {
    const prefixes = [prefix];
    const hop = nextHop ?? (prefix.includes(':') ? '2001:db8::1' : '10.0.0.1');
    this.source.say(
      announcement({ prefixes, nextHop: hop, attributes: given ?? attributes(this.options.type ?? 'ebgp') }),
    );
  }

  /** What becomes of a route on import: its view, or null when it is rejected. */
  import(route: TestRoute): PathView | null {
    this.source.adjRibIn.policy = this.policy;
    this.announce(route);
    const { rib, attributes: id, prefix } = this.held(route);
    return (rib.store.flags[id]! & ATTR.filtered) !== 0 ? null : pathView(rib, prefix, id, this.source.source);
  }

  /** What becomes of a route on export. */
  export(route: TestRoute): PathView | null {
    this.source.adjRibIn.policy = undefined;
    this.announce(route);
    const { rib, attributes: id, prefix } = this.held(route);
    const told = this.exports.get(rib)!.apply(id, prefix, this.source.source);
    return told < 0 ? null : pathView(rib, prefix, told, this.source.source);
  }

  /** Another policy holds from now on: judge anew what is there, in slices of one. */
  revise(statements: readonly PolicyStatement[]): void {
    const book = new PolicyBook({ ...this.options.definitions, policies: { p: statements } });
    const chain = book.chain({ names: ['p'], defaultResult: this.options.defaultResult ?? 'reject' });
    const { source } = this.source;
    const policy = this.importPolicy(chain);
    this.source.adjRibIn.policy = policy;
    const job = new ReviseJob(this.rib.families, source, policy, () => true);
    while (!job.step(1));
  }

  /** The path of a prefix as it stands in the RIB. */
  held({ prefix: text = '10.1.0.0/16' }: TestRoute) {
    const { length, octets } = parsePrefix(text);
    const rib = this.rib.of(octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
    const prefix = rib.prefixes.find(length, octets, 0);
    return { rib, prefix, attributes: rib.paths.attributes[rib.headOf(prefix)]! };
  }
}
