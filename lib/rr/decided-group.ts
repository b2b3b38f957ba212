import type { IdStack } from '../rib/columns.js';
import type { FamilyRib } from '../rib/family-rib.js';
import type { ExportProfile } from './export-profile.js';
import { UpdateGroup } from './update-group.js';

/** An update group for which more counts than best paths: it looks at each prefix that was decided on. */
export abstract class DecidedGroup extends UpdateGroup {
  constructor(rib: FamilyRib, profile: ExportProfile) {
    super(rib, profile);
    rib.decidedListeners.add(this.onDecided);
  }

  /** Bring the Adj-RIB-Out of a prefix up to date. @param tell put the changes into the stream */
  protected abstract update(prefix: number, tell: boolean): void;

  /** What a round puts into the stream is with the attached members: tell single ones what is for them alone. */
  protected abstract sendToSingleMembers(): void;

  protected stopListening(): void {
    this.rib.decidedListeners.delete(this.onDecided);
  }

  protected override fillOne(prefix: number): void {
    this.update(prefix, false);
  }

  /** Best paths are not what counts here: `onDecided` is told of every change. */
  override process(): void {
    // Nothing is left to do.
  }

  /** Paths of these prefixes changed: update the Adj-RIB-Out and tell the members. */
  private readonly onDecided = (prefixes: IdStack, from: number, to: number): void => {
    const anyAttached = this.members.size > this.detachedCount;
    for (let i = from; i < to; i++) {
      // Of the others filling takes care.
      if (prefixes.at(i) < this.filled) this.update(prefixes.at(i), anyAttached);
    }
    this.tellAttached();
    this.sendToSingleMembers();
    if (this.detachedCount > 0) for (const member of this.members) member.wake();
  };
}
