/** ADD-PATH (RFC 7911) from a neighbor's settings to its session. */
import { SEND_RECEIVE, type AddPathTuple } from '../bgp/wire/capabilities/index.js';
import { hasAddPath, type WireContext } from '../bgp/wire/context.js';
import { afiSafiOf, RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import type { PathSelection } from '../rib/path-selection.js';
import type { AddPathByFamily, AddPathOptions } from './options.js';
import type { EffectivePeerSettings } from './settings.js';

/** Whether the setting names families; else it holds for all of them. */
export function isByFamily(addPath: AddPathOptions | AddPathByFamily): addPath is AddPathByFamily {
  return RIB_FAMILIES.some((family) => Object.hasOwn(addPath, family));
}

function optionsOf({ addPath }: EffectivePeerSettings, family: FamilyName): AddPathOptions {
  if (addPath === null) return {};
  return (isByFamily(addPath) ? addPath[family] : addPath) ?? {};
}

/** Which paths a neighbor is to be told in a family, if it takes more than one. */
export function sentPaths(settings: EffectivePeerSettings, family: FamilyName): PathSelection | undefined {
  const { send = false } = optionsOf(settings, family);
  return send === false ? undefined : send;
}

/** What our OPEN offers. */
export function addPathOffer(settings: EffectivePeerSettings): AddPathTuple[] {
  return settings.families.flatMap((family) => {
    const receive = optionsOf(settings, family).receive === true ? SEND_RECEIVE.receive : 0;
    const sendReceive = receive | (sentPaths(settings, family) === undefined ? 0 : SEND_RECEIVE.send);
    return sendReceive === 0 ? [] : [{ ...afiSafiOf(family), sendReceive }];
  });
}

/** The families in which there are Path Identifiers in one direction of a session. */
export function addPathFamilies(cx: WireContext, families: readonly FamilyName[]): FamilyName[] {
  return families.filter((family) => hasAddPath(cx, afiSafiOf(family).afi, afiSafiOf(family).safi));
}
