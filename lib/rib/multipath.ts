/**
 * Multipath: which paths of a prefix are used beside the best one. Those that the decision process finds equal up to and
 * including the IGP cost (RFC 4271 9.1.2.2 e), of the same kind (eBGP or iBGP), and by usual practice with an AS_PATH of
 * the same neighbor AS (eBGP) or the very same AS_PATH (iBGP), unless that is relaxed to the same length.
 */
import { ATTR } from './attribute-store.js';
import { attributeValue } from './attribute-value.js';
import { IdStack } from './columns.js';
import { bestOf, equalPaths, FIRST_TIE_BREAK, type DecisionContext } from './decision.js';
import { linkBandwidthOf, weightsFor } from './link-bandwidth.js';
import { compareSources, LOCAL_SOURCE } from './peer-table.js';

/** What the bandwidth of links (draft-ietf-idr-link-bandwidth) makes of the shares of the paths. */
export type LinkBandwidthUse = 'allOrNone' | 'skipMissing' | 'ignore';

/** Names follow OpenConfig's `use-multiple-paths`. */
export interface MultipathOptions {
  /** How many eBGP paths at most, 1 to 64; default 1. */
  readonly ebgp?: number | undefined;
  /** How many iBGP paths at most, 1 to 64; default 1. */
  readonly ibgp?: number | undefined;
  /** AS_PATHs of the same length are enough; default false. */
  readonly asPathRelax?: boolean | undefined;
  /**
   * `allOrNone` (default): shares by bandwidth if all paths have one, else equal shares. `skipMissing`: paths without are left
   * out where another has one. `ignore`: equal shares.
   */
  readonly linkBandwidth?: LinkBandwidthUse | undefined;
}

const AS_PATH = 2;
/** Scratch: nothing of it outlives a call. */
const equal = new IdStack();

export class Multipath {
  private readonly most: Readonly<Record<'ebgp' | 'ibgp', number>>;
  private readonly relax: boolean;
  private readonly bandwidth: LinkBandwidthUse;

  constructor(options: MultipathOptions) {
    this.most = { ebgp: options.ebgp ?? 1, ibgp: options.ibgp ?? 1 };
    this.relax = options.asPathRelax ?? false;
    this.bandwidth = options.linkBandwidth ?? 'allOrNone';
  }

  /**
   * The paths of a chain that are used at once. The order of arrival does not matter.
   * @param head first row of the chain, -1 for none
   * @param chosen gets the rows, the best one first; what is in it before is dropped
   * @param why where given: by row, why an equally good path is not among them
   */
  select(cx: DecisionContext, head: number, chosen: IdStack, why?: Map<number, string>): void {
    chosen.clear();
    equalPaths(cx, head, equal);
    if (equal.length === 0) return;
    const best = bestOf(cx, equal, FIRST_TIE_BREAK);
    chosen.push(best);
    const kind = kindOf(cx, best);
    if (equal.length === 1 || kind === undefined) return;
    takeOut(equal, best);
    this.keepComparable(cx, best, kind, why);
    const most = this.most[kind];
    while (equal.length > 0) {
      const next = bestOf(cx, equal, FIRST_TIE_BREAK);
      takeOut(equal, next);
      const twin = sameWay(cx, next, chosen);
      if (twin) why?.set(next, 'it has the same next hop as a better one');
      else if (chosen.length < most) chosen.push(next);
      else if (why) why.set(next, most === 1 ? `multipath.${kind} is not set` : `multipath.${kind} is ${most}`);
      else return;
    }
  }

  /** Leave in `equal` only what may stand beside the best path. */
  private keepComparable(
    cx: DecisionContext,
    best: number,
    kind: 'ebgp' | 'ibgp',
    why: Map<number, string> | undefined,
  ): void {
    for (let i = equal.length - 1; i >= 0; i--) {
      const row = equal.at(i);
      const reason =
        kindOf(cx, row) !== kind ? 'it is of another kind than the best one' : this.whyOther(cx, best, row, kind);
      if (reason === undefined) continue;
      why?.set(row, reason);
      equal.removeAt(i);
    }
  }

  private whyOther(cx: DecisionContext, best: number, row: number, kind: 'ebgp' | 'ibgp'): string | undefined {
    if (this.relax) return undefined;
    const [a, b] = [cx.paths.attributes[best]!, cx.paths.attributes[row]!];
    if (kind === 'ebgp') {
      return cx.store.neighborAs[a] === cx.store.neighborAs[b]
        ? undefined
        : 'it is from another neighbor AS than the best one, and multipath.asPathRelax is not set';
    }
    return sameAsPath(cx, a, b)
      ? undefined
      : 'its AS_PATH is another one than that of the best, and multipath.asPathRelax is not set';
  }

  /**
   * The shares of paths, 1 to 240 each, in the order of the list. A path that is to be left out has 0.
   * @param rows as `select` gives them
   */
  weights(cx: DecisionContext, rows: IdStack): number[] {
    const bandwidths: number[] = [];
    for (let i = 0; i < rows.length; i++) {
      bandwidths.push(this.bandwidth === 'ignore' ? 0 : linkBandwidthOf(cx.store, cx.paths.attributes[rows.at(i)]!));
    }
    const known = bandwidths.filter((value) => value > 0);
    if (known.length === 0 || (known.length < bandwidths.length && this.bandwidth === 'allOrNone')) {
      return bandwidths.map(() => 1);
    }
    const weights = weightsFor(known);
    return bandwidths.map((value) => (value > 0 ? weights.shift()! : 0));
  }
}

/** Undefined: originated here. A path from anywhere in the confederation is internal (RFC 5065 section 5.3). */
function kindOf(cx: DecisionContext, row: number): 'ebgp' | 'ibgp' | undefined {
  const source = cx.paths.source[row]!;
  if (source === LOCAL_SOURCE) return undefined;
  return cx.peers.get(source).type === 'ebgp' ? 'ebgp' : 'ibgp';
}

function takeOut(rows: IdStack, row: number): void {
  for (let i = 0; i < rows.length; i++) if (rows.at(i) === row) return rows.removeAt(i);
}

/** Whether packets of a path would go the way of one that is chosen already: two reflectors tell the same path. */
function sameWay(cx: DecisionContext, row: number, chosen: IdStack): boolean {
  for (let i = 0; i < chosen.length; i++) {
    const other = chosen.at(i);
    if (cx.store.nextHop[cx.paths.attributes[row]!] !== cx.store.nextHop[cx.paths.attributes[other]!]) continue;
    if (!isLinkLocalOnly(cx, row)) return true;
    const [a, b] = [cx.peers.get(cx.paths.source[row]!), cx.peers.get(cx.paths.source[other]!)];
    if (a.device === b.device && (a.device !== undefined || compareSources(a, b) === 0)) return true;
  }
  return false;
}

/** A link-local address says nothing without its link. */
function isLinkLocalOnly(cx: DecisionContext, row: number): boolean {
  const attributes = cx.paths.attributes[row]!;
  if ((cx.store.flags[attributes]! & ATTR.ipv6NextHop) === 0) return false;
  const octets = cx.nextHops.octetsOf(cx.store.nextHop[attributes]!);
  const global = octets.length === 32 && octets.subarray(0, 16).some((octet) => octet !== 0);
  return !global && octets[octets.length - 16] === 0xfe && (octets[octets.length - 15]! & 0xc0) === 0x80;
}

function sameAsPath(cx: DecisionContext, a: number, b: number): boolean {
  if (a === b) return true;
  const { store } = cx;
  const [start, end] = attributeValue(store, a, AS_PATH);
  const [other, otherEnd] = attributeValue(store, b, AS_PATH);
  if (otherEnd - other !== end - start) return false;
  const [x, y] = [store.chunkOf(a), store.chunkOf(b)];
  for (let i = 0; i < end - start; i++) if (x[start + i] !== y[other + i]) return false;
  return true;
}
