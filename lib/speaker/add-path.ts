/** ADD-PATH (RFC 7911) from a neighbor's settings to its session. */
import { SEND_RECEIVE, type AddPathTuple } from '../bgp/wire/capabilities/index.js';
import { hasAddPath, type WireContext } from '../bgp/wire/context.js';
import { afiSafiOf, type FamilyName } from '../bgp/wire/families.js';
import type { PathSelection } from '../rib/path-selection.js';
import type { EffectivePeerSettings } from './settings.js';

/** Which paths a neighbor is to be told, if it takes more than one. */
export function sentPaths({ addPath }: EffectivePeerSettings): PathSelection | undefined {
  const send = addPath?.send ?? false;
  return send === false ? undefined : send;
}

/** What our OPEN offers. */
export function addPathOffer(settings: EffectivePeerSettings): AddPathTuple[] {
  const receive = settings.addPath?.receive === true ? SEND_RECEIVE.receive : 0;
  const sendReceive = receive | (sentPaths(settings) === undefined ? 0 : SEND_RECEIVE.send);
  return sendReceive === 0 ? [] : settings.families.map((family) => ({ ...afiSafiOf(family), sendReceive }));
}

/** The families in which there are Path Identifiers in one direction of a session. */
export function addPathFamilies(cx: WireContext, families: readonly FamilyName[]): FamilyName[] {
  return families.filter((family) => hasAddPath(cx, afiSafiOf(family).afi, afiSafiOf(family).safi));
}
