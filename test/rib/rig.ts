import {
  DEFAULT_CONTEXT,
  HEADER_LENGTH,
  RIB_FAMILIES,
  type Diagnostic,
  type FamilyName,
  type MessageError,
  type PeerType,
  type WireContext,
} from '../../lib/bgp/wire/index.js';
import { formatPrefix, parseAddress, parseIpv4, parsePrefix } from '../../lib/net/index.js';
import { AdjRibIn } from '../../lib/rib/adj-rib-in.js';
import type { Identity } from '../../lib/rib/attribute-store.js';
import { BitSet, IdStack } from '../../lib/rib/columns.js';
import { NONE } from '../../lib/rib/family-rib.js';
import { ImportRules, type ImportRuleOptions } from '../../lib/rib/import-rules.js';
import { Rib, type RibOptions } from '../../lib/rib/rib.js';
import { pathView } from '../../lib/speaker/path-views.js';
import type { PathView } from '../../lib/speaker/views.js';

export const LOCAL_AS = 64512;
export const ROUTER_ID = '192.0.2.254';
export const CLUSTER_ID = '192.0.2.253';

export function sourceSet(...sources: readonly number[]): BitSet {
  const set = new BitSet();
  for (const source of sources) set.add(source);
  return set;
}

export interface RigSourceOptions {
  readonly cx?: Partial<WireContext>;
  readonly families?: readonly FamilyName[];
  readonly routerId?: string;
  readonly address?: string;
  readonly rules?: Omit<ImportRuleOptions, 'identity'>;
}

/** One session's Adj-RIB-In and what it reports. */
export class RigSource {
  readonly source: number;
  readonly adjRibIn: AdjRibIn;
  readonly endOfRib: FamilyName[] = [];
  readonly diagnostics: Diagnostic[] = [];

  constructor(
    readonly rig: RibRig,
    readonly type: PeerType,
    options: RigSourceOptions = {},
  ) {
    const index = rig.sources.length + 1;
    this.source = rig.rib.peers.add({
      type,
      routerId: parseIpv4(options.routerId ?? `192.0.2.${index}`),
      address: parseAddress(options.address ?? `10.0.0.${index}`),
      client: false,
      clusterId: 0,
    });
    const cx: WireContext = { ...DEFAULT_CONTEXT, peerType: type, ...options.cx };
    const handler = {
      onEndOfRib: (family: FamilyName) => this.endOfRib.push(family),
      onDiagnostic: (diagnostic: Diagnostic) => this.diagnostics.push(diagnostic),
    };
    const rules = options.rules && new ImportRules({ ...options.rules, identity: rig.identity });
    this.adjRibIn = new AdjRibIn(rig.rib, this.source, cx, options.families ?? RIB_FAMILIES, handler, rules);
  }

  /** Apply the body of an UPDATE, in the middle of a larger buffer that is overwritten afterwards. */
  body(octets: Uint8Array): MessageError | undefined {
    const buffer = new Uint8Array(octets.length + 32).fill(0xdb);
    buffer.set(octets, 16);
    const error = this.adjRibIn.apply(buffer, 16, 16 + octets.length);
    buffer.fill(0xdb);
    return error;
  }

  /** Apply a whole UPDATE. @throws the error that would end the session */
  say(message: Uint8Array): this {
    const error = this.body(message.subarray(HEADER_LENGTH));
    if (error) throw error;
    return this;
  }

  /** Its paths by prefix. */
  paths(family: FamilyName): Map<string, PathView> {
    const paths = new Map<string, PathView>();
    for (const view of this.rig.paths(family)) if (view.source === this.source) paths.set(view.path.prefix, view.path);
    return paths;
  }

  count(family: FamilyName): number {
    return this.adjRibIn.counts.get(family) ?? 0;
  }
}

/** A RIB with sources and nothing around it. */
export class RibRig {
  readonly rib: Rib;
  readonly sources: RigSource[] = [];

  readonly identity: Identity;

  constructor(options: Partial<RibOptions> = {}) {
    this.identity = options.identity ?? {
      asn: LOCAL_AS,
      routerId: parseIpv4(ROUTER_ID),
      isOwnClusterId: (id) => id === parseIpv4(CLUSTER_ID),
    };
    this.rib = new Rib({ ...options, identity: this.identity });
  }

  add(type: PeerType, options: RigSourceOptions = {}): RigSource {
    const source = new RigSource(this, type, options);
    this.sources.push(source);
    return source;
  }

  *paths(family: FamilyName): IterableIterator<{ readonly source: number; readonly path: PathView }> {
    for (const { row, path } of this.rows(family)) yield { source: this.rib.of(family).paths.source[row]!, path };
  }

  *rows(family: FamilyName): IterableIterator<{ readonly row: number; readonly path: PathView }> {
    const rib = this.rib.of(family);
    for (let prefix = 0; prefix < rib.prefixes.idLimit; prefix++) {
      if (!rib.prefixes.isUsed(prefix)) continue;
      for (let row = rib.headOf(prefix); row >= 0; row = rib.paths.next[row]!) {
        const source = rib.paths.source[row]!;
        yield { row, path: pathView(rib, prefix, rib.paths.attributes[row]!, source) };
      }
    }
  }

  /** Run the decision process over at most `budget` prefixes. @returns the prefixes whose best path changed */
  decide(family: FamilyName, budget = 1e9): string[] {
    const rib = this.rib.of(family);
    const [changed, emptied] = [new IdStack(), new IdStack()];
    rib.decide(budget, changed, emptied);
    const prefixes: string[] = [];
    for (let i = 0; i < changed.length; i++) prefixes.push(formatPrefix(rib.prefixes.prefixOf(changed.at(i))));
    for (let i = 0; i < emptied.length; i++) {
      const id = emptied.at(i);
      if (rib.prefixes.isUsed(id) && rib.isUnused(id)) rib.prefixes.free(id);
    }
    return prefixes;
  }

  /** The Loc-RIB's route for a prefix. */
  best(text: string): PathView | undefined {
    const prefix = parsePrefix(text);
    const rib = this.rib.of(prefix.octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
    const id = rib.prefixes.find(prefix.length, prefix.octets, 0);
    const attributes = id < 0 ? NONE : (rib.bestAttributes[id] ?? NONE);
    return attributes === NONE ? undefined : pathView(rib, id, attributes, rib.bestSource[id]!);
  }
}
