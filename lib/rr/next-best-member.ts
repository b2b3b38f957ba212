import { GroupMember, type MemberGroup, type MemberSink } from './group-member.js';

/** What such a member needs of its group. */
export interface SecondsGroup extends MemberGroup {
  sourceFor(member: GroupMember, prefix: number): number;
}

/** A neighbor that is told, where its own path is the best one, the best of the others. */
export class NextBestMember extends GroupMember {
  constructor(
    private readonly seconds: SecondsGroup,
    source: number,
    sink: MemberSink,
  ) {
    super(seconds, source, sink);
  }

  protected override sourceOf(prefix: number): number {
    return this.seconds.sourceFor(this, prefix);
  }
}
