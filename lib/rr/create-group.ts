import type { FamilyRib } from '../rib/family-rib.js';
import { AddPathGroup } from './add-path-group.js';
import { inOneShape, type ExportProfile } from './export-profile.js';
import { NextBestGroup } from './next-best-group.js';
import { UpdateGroup } from './update-group.js';

/** The kind of update group that a profile asks for, empty. */
export function createGroup(rib: FamilyRib, wanted: ExportProfile): UpdateGroup {
  const profile = inOneShape(wanted);
  if (profile.addPath !== undefined) return new AddPathGroup(rib, profile);
  return profile.nextBest === true ? new NextBestGroup(rib, profile) : new UpdateGroup(rib, profile);
}
