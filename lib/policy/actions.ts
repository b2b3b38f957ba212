/** Actions, compiled once into closures over the draft. */
import type { FamilyName } from '../bgp/wire/families.js';
import { isAddress, parseAddress } from '../net/index.js';
import { VERDICT } from '../rib/attribute-store.js';
import { parseExact, type CommunityKind } from './communities.js';
import type { CommunityEdit, NumberEdit, PolicyActions } from './definition.js';
import type { PolicySets } from './policy-sets.js';
import type { RouteDraft } from './route-draft.js';

export type Action = (draft: RouteDraft) => void;

/** What actions are compiled for. */
export interface ActionContext {
  readonly sets: PolicySets;
  readonly family: FamilyName;
  /** What `asPathPrepend` puts in when it names no AS. */
  readonly defaultPrependAs: number;
  /** Import: the neighbor's address. */
  readonly peerAddress?: Uint8Array | undefined;
  /** IPv4 routes may be given IPv6 next hops (RFC 8950). */
  readonly extendedNextHop?: boolean | undefined;
}

const ORIGINS = { igp: 0, egp: 1, incomplete: 2 } as const;
const U32_MAX = 0xffffffff;

export function compileActions(actions: PolicyActions, cx: ActionContext): readonly Action[] {
  const { localPref, med, origin, nextHop, asPathPrepend, kernelRoute } = actions;
  const list: Action[] = [];
  if (localPref !== undefined) {
    const edit = compileNumber(localPref);
    list.push((draft) => draft.setLocalPref(edit(draft.localPref)));
  }
  if (med === 'remove') list.push((draft) => draft.removeMed());
  else if (med !== undefined) {
    const edit = compileNumber(med);
    list.push((draft) => draft.setMed(edit(draft.med)));
  }
  if (origin !== undefined) list.push((draft) => draft.setOrigin(ORIGINS[origin]));
  for (const kind of ['communities', 'largeCommunities', 'extendedCommunities'] as const) {
    list.push(...compileCommunities(kind, actions[kind] ?? {}, cx.sets));
  }
  if (asPathPrepend !== undefined) {
    const { asn = cx.defaultPrependAs, times = 1 } = asPathPrepend;
    list.push((draft) => draft.prependAs(asn, times));
  }
  if (nextHop !== undefined) list.push(...compileNextHop(nextHop, cx));
  if (kernelRoute !== undefined) {
    const { prefSrc, ...rest } = kernelRoute;
    const isOurs = prefSrc !== undefined && parseAddress(prefSrc).length === (cx.family === 'ipv4-unicast' ? 4 : 16);
    const settings = isOurs ? kernelRoute : rest;
    list.push((draft) => draft.setKernelRoute(settings));
  }
  return list;
}

function compileNumber(edit: NumberEdit): (value: number) => number {
  if (typeof edit === 'number') return () => edit;
  const { add = 0, subtract = 0 }: { add?: number; subtract?: number } = edit;
  return (value) => Math.min(U32_MAX, Math.max(0, value + add - subtract));
}

function compileCommunities(kind: CommunityKind, edit: CommunityEdit, sets: PolicySets): Action[] {
  const { replace, remove, add } = edit;
  const list: Action[] = [];
  if (replace) {
    const octets = Uint8Array.from(replace.flatMap((text) => [...parseExact(kind, text)]));
    list.push((draft) => draft.replaceCommunities(kind, octets));
  }
  if (remove) {
    const patterns = sets.communityPatterns(kind, remove);
    list.push((draft) => draft.removeCommunities(kind, patterns));
  }
  if (add) {
    const patterns = add.map((text) => ({ value: parseExact(kind, text), mask: FULL_MASK }));
    list.push((draft) => draft.addCommunities(kind, patterns));
  }
  return list;
}

const FULL_MASK = new Uint8Array(12).fill(0xff);

function compileNextHop(nextHop: string, cx: ActionContext): Action[] {
  if (nextHop === 'self') return [(draft) => draft.markNextHop(VERDICT.selfNextHop)];
  if (nextHop === 'unchanged') return [(draft) => draft.markNextHop(VERDICT.keepNextHop)];
  const octets = isAddress(nextHop) ? parseAddress(nextHop) : cx.peerAddress;
  // Of a family that these routes cannot have next hops of: it is not for them.
  if (octets === undefined || !isNextHopFor(octets, cx)) return [];
  return [(draft) => draft.setNextHop(octets)];
}

function isNextHopFor(octets: Uint8Array, { family, extendedNextHop = false }: ActionContext): boolean {
  if (family === 'ipv4-unicast') return octets.length === 4 || extendedNextHop;
  return octets.length === 16;
}
