/**
 * An update group whose members take several paths for a prefix (RFC 7911): all usable ones, or the best of them.
 *
 * The identifier under which a path is told is the number of its row in the RIB plus one: it belongs to (source, received
 * identifier) as long as the path is there, whatever its attributes, and is the same for all groups. A row that is used
 * again for the same prefix stands for a path that replaces the old one.
 */
import { grow, IdStack, nextCapacity } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { selectPaths, type PathSelection } from '../rib/path-selection.js';
import { AddPathMember, type PathGroup } from './add-path-member.js';
import type { ExportProfile } from './export-profile.js';
import type { GroupMember, MemberSink } from './group-member.js';
import { PathLists } from './path-lists.js';
import { DecidedGroup } from './decided-group.js';
import type { AdvertisedPath } from './update-group.js';

/** Scratch: the rows to be told of a prefix. */
const chosen = new IdStack();

/** A path of a prefix whose new source has been told it under the same identifier, from another source. */
interface OwnPath {
  readonly prefix: number;
  readonly pathId: number;
}

export class AddPathGroup extends DecidedGroup implements PathGroup {
  readonly out = new PathLists();
  private readonly selection: PathSelection;
  private readonly ownPaths = new Map<GroupMember, OwnPath[]>();

  constructor(rib: FamilyRib, profile: ExportProfile) {
    super(rib, profile);
    this.selection = profile.addPath!;
  }

  override close(): void {
    this.stopListening();
    const { paths } = this.out;
    for (let row = 0; row < paths.limit; row++) if (paths.prefix[row]! >= 0) this.hold(NONE, paths.attributes[row]!);
  }

  protected override createMember(source: number, sink: MemberSink): GroupMember {
    return new AddPathMember(this, source, sink);
  }

  override shrink(): void {
    super.shrink();
    if (this.outCount === 0) this.out.shrink();
  }

  override retell(source: number): void {
    const { rib, out } = this;
    for (const member of this.members) member.leaveStream();
    const limit = Math.max(this.outAttributes.length, rib.prefixes.idLimit);
    for (let prefix = 0; prefix < limit; prefix++) {
      if (!rib.hasPath(source, prefix) && !hasSource(out, prefix, source)) continue;
      this.noteAllStale(prefix);
      this.update(prefix, false);
    }
    for (const member of this.members) member.catchUpSoon();
  }

  private noteAllStale(prefix: number): void {
    for (const member of this.members) {
      if (!member.attached) member.markStale(prefix, this.outFor(member, prefix) !== NONE);
    }
  }

  protected override update(prefix: number, tell: boolean): void {
    const { rib, out, encoder } = this;
    this.choose(prefix);
    let noted = this.detachedCount === 0;
    let before = -1;
    for (let row = out.headOf(prefix); row >= 0;) {
      const next = out.paths.next[row]!;
      const pathId = out.paths.pathIdOf(row);
      const oldSource = out.paths.source[row]!;
      const at = indexOf(pathId - 1);
      const attributes = at < 0 ? NONE : this.exportedPath(pathId - 1, prefix);
      const source = attributes === NONE ? oldSource : rib.paths.source[pathId - 1]!;
      if (at >= 0) chosen.removeAt(at);
      if (attributes === out.paths.attributes[row] && source === oldSource) {
        before = row;
        row = next;
        continue;
      }
      if (!noted) this.noteAllStale(prefix);
      noted = true;
      this.countOut(oldSource, -1);
      this.hold(attributes, out.paths.attributes[row]!);
      if (attributes === NONE) out.remove(row, before);
      else {
        this.countOut(source, 1);
        out.paths.attributes[row] = attributes;
        out.paths.source[row] = source;
        before = row;
      }
      if (tell) {
        encoder.addPath(prefix, pathId, attributes, source);
        if (source !== oldSource) this.withdrawFromItsSource(prefix, pathId, source);
      }
      row = next;
    }
    for (let i = 0; i < chosen.length; i++) {
      const row = chosen.at(i);
      const attributes = this.exportedPath(row, prefix);
      if (attributes === NONE) continue;
      if (!noted) this.noteAllStale(prefix);
      noted = true;
      const source = rib.paths.source[row]!;
      this.countOut(source, 1);
      this.hold(attributes, NONE);
      out.add(prefix, row + 1, attributes, source);
      if (tell) encoder.addPath(prefix, row + 1, attributes, source);
    }
    this.noteOut(prefix);
  }

  private choose(prefix: number): void {
    selectPaths(this.rib, this.rib.headOf(prefix), this.selection, chosen);
  }

  private exportedPath(row: number, prefix: number): number {
    return this.exportedAs(this.rib.paths.attributes[row]!, prefix, this.rib.paths.source[row]!);
  }

  private countOut(source: number, change: 1 | -1): void {
    if (source >= this.outCountBySource.length) {
      this.outCountBySource = grow(this.outCountBySource, nextCapacity(this.outCountBySource.length, source + 1));
    }
    this.outCount += change;
    this.outCountBySource[source]! += change;
  }

  /** Keep, as every group does, one attribute set by prefix: whether there is anything to be told. */
  private noteOut(prefix: number): void {
    const row = this.out.headOf(prefix);
    if (prefix >= this.outAttributes.length) {
      if (row < 0) return;
      this.outAttributes = grow(this.outAttributes, nextCapacity(this.outAttributes.length, prefix + 1), NONE);
    }
    this.outAttributes[prefix] = row < 0 ? NONE : this.out.paths.attributes[row]!;
  }

  /** The attribute set of some path that a member is told for a prefix, NONE when there is no such path. */
  override outFor(member: GroupMember, prefix: number): number {
    const { out } = this;
    for (let row = out.headOf(prefix); row >= 0; row = out.paths.next[row]!) {
      if (out.paths.source[row] !== member.source) return out.paths.attributes[row]!;
    }
    return NONE;
  }

  override *advertisedOf(member: GroupMember, prefix: number): IterableIterator<AdvertisedPath> {
    const { paths } = this.out;
    for (let row = this.out.headOf(prefix); row >= 0; row = paths.next[row]!) {
      const source = paths.source[row]!;
      if (source === member.source) continue;
      yield { attributes: paths.attributes[row]!, source, pathId: paths.pathIdOf(row) };
    }
  }

  /** The stream carries the announcement, which its source skips: it must forget what it was told before. */
  private withdrawFromItsSource(prefix: number, pathId: number, source: number): void {
    for (const member of this.members) {
      if (member.source !== source || !member.attached) continue;
      const list = this.ownPaths.get(member) ?? [];
      list.push({ prefix, pathId });
      this.ownPaths.set(member, list);
    }
  }

  protected override sendToSingleMembers(): void {
    if (this.ownPaths.size === 0) return;
    for (const [member, list] of this.ownPaths) {
      for (const { prefix, pathId } of list) this.encoder.addPath(prefix, pathId, NONE, 0);
      member.sendPrivate(this.encoder.encode());
    }
    this.ownPaths.clear();
  }
}

/** The place of a row among the chosen ones, or -1. */
function indexOf(row: number): number {
  for (let i = 0; i < chosen.length; i++) if (chosen.at(i) === row) return i;
  return -1;
}

function hasSource(list: PathLists, prefix: number, source: number): boolean {
  const { paths } = list;
  for (let row = list.headOf(prefix); row >= 0; row = paths.next[row]!) if (paths.source[row] === source) return true;
  return false;
}
