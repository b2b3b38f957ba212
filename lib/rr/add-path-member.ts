import { NONE } from '../rib/family-rib.js';
import { GroupMember, type MemberGroup, type MemberSink } from './group-member.js';
import { PathLists } from './path-lists.js';
import type { UpdateEncoder } from './update-encoder.js';

/** What such a member needs of its group. */
export interface PathGroup extends MemberGroup {
  /** The Adj-RIB-Out. */
  readonly out: PathLists;
}

/**
 * A neighbor that is told several paths for a prefix. Detached, it remembers the identifiers too under which it was told
 * paths of stale prefixes: those that are no more must be withdrawn one by one.
 */
export class AddPathMember extends GroupMember {
  /** Of stale prefixes: what the neighbor holds. */
  private readonly held = new PathLists();
  /** While another member's place is taken: that one. */
  private before: AddPathMember | undefined;

  constructor(
    private readonly paths: PathGroup,
    source: number,
    sink: MemberSink,
  ) {
    super(paths, source, sink);
  }

  override markStale(prefix: number, had: boolean): void {
    if (this.isStale(prefix)) return;
    // Before it is stale: what is held then is what the Adj-RIB-Out says.
    if (had) (this.before ?? this).copyHeld(prefix, this.held);
    super.markStale(prefix, had);
  }

  private copyHeld(prefix: number, to: PathLists): void {
    const list = !this.attached && this.isStale(prefix) ? this.held : this.paths.out;
    const { paths } = list;
    for (let row = list.headOf(prefix); row >= 0; row = paths.next[row]!) {
      if (paths.source[row] !== this.source) to.add(prefix, paths.pathIdOf(row), NONE, 0);
    }
  }

  override takeOver(old: GroupMember): void {
    this.before = old as AddPathMember;
    super.takeOver(old);
    this.before = undefined;
  }

  protected override tell(prefix: number, encoder: UpdateEncoder): boolean {
    const { held } = this;
    const { out } = this.paths;
    for (let row = held.headOf(prefix); row >= 0; row = held.paths.next[row]!) {
      const pathId = held.paths.pathIdOf(row);
      const now = out.find(prefix, pathId);
      if (now < 0 || out.paths.source[now] === this.source) encoder.addPath(prefix, pathId, NONE, 0);
    }
    held.clear(prefix);
    let any = false;
    for (let row = out.headOf(prefix); row >= 0; row = out.paths.next[row]!) {
      const source = out.paths.source[row]!;
      if (source === this.source) continue;
      encoder.addPath(prefix, out.paths.pathIdOf(row), out.paths.attributes[row]!, source);
      any = true;
    }
    return any;
  }
}
