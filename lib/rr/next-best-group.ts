/**
 * An update group that is told the best path that it may be told, not only the best one of all: a path that export policy keeps
 * back does not hide the ones behind it (RFC 7947 section 2.3).
 */
import { IdStack } from '../rib/columns.js';
import { bestOf, isUsable } from '../rib/decision.js';
import { NONE } from '../rib/family-rib.js';
import { DecidedGroup } from './decided-group.js';

/** Scratch: the paths of a prefix that were not tried yet. */
const candidates = new IdStack();

export class NextBestGroup extends DecidedGroup {
  /** The source of the path found last by {@link find}. */
  private foundSource = 0;

  override close(): void {
    this.stopListening();
    super.close();
  }

  /** The attribute set to be told for a prefix, NONE for nothing: in the order in which paths would be best, the first that may be. */
  private find(prefix: number): number {
    const { rib } = this;
    this.foundSource = 0;
    candidates.clear();
    for (let row = rib.headOf(prefix); row >= 0; row = rib.paths.next[row]!) {
      if (isUsable(rib, row)) candidates.push(row);
    }
    while (candidates.length > 0) {
      const row = bestOf(rib, candidates);
      const source = rib.paths.source[row]!;
      const attributes = this.exportedAs(rib.paths.attributes[row]!, prefix, source);
      if (attributes !== NONE) {
        this.foundSource = source;
        return attributes;
      }
      for (let i = 0; i < candidates.length; i++) {
        if (candidates.at(i) !== row) continue;
        candidates.removeAt(i);
        break;
      }
    }
    return NONE;
  }

  protected override sendToSingleMembers(): void {
    this.sendPrivateWithdrawals();
  }

  override retell(source: number): void {
    for (const member of this.members) member.leaveStream();
    const limit = Math.max(this.outAttributes.length, this.rib.prefixes.idLimit);
    for (let prefix = 0; prefix < limit; prefix++) {
      const isIts = (this.outAttributes[prefix] ?? NONE) !== NONE && this.outSource[prefix] === source;
      if (!isIts && !this.rib.hasPath(source, prefix)) continue;
      // Also where the set stays the same: what is made of it may not.
      this.noteStale(prefix, this.outAttributes[prefix] ?? NONE, this.outSource[prefix] ?? 0);
      this.update(prefix, false);
    }
    for (const member of this.members) member.catchUpSoon();
  }

  protected override update(prefix: number, tell: boolean): void {
    const attributes = this.find(prefix);
    const source = this.foundSource;
    const oldAttributes = this.outAttributes[prefix] ?? NONE;
    const oldSource = this.outSource[prefix] ?? 0;
    if (attributes === oldAttributes && (attributes === NONE || source === oldSource)) return;
    if (this.detachedCount > 0) this.noteStale(prefix, oldAttributes, oldSource);
    this.setOut(prefix, attributes, source);
    if (!tell) return;
    if (attributes === NONE) this.encoder.add(prefix, NONE, oldSource);
    else {
      this.encoder.add(prefix, attributes, source);
      if (oldAttributes !== NONE && source !== oldSource) this.withdrawFromNewSource(prefix, source);
    }
  }
}
