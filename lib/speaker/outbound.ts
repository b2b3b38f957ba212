/** What one neighbor is told in one family while its session is Established: its place in an update group. */
import { afiSafiOf, type FamilyName } from '../bgp/wire/families.js';
import { encodeRouteRefresh, ROUTE_REFRESH_SUBTYPE } from '../bgp/wire/messages/route-refresh.js';
import { encodeEndOfRib } from '../bgp/wire/messages/update.js';
import type { Peer } from '../bgp/session/peer.js';
import type { Rib } from '../rib/rib.js';
import type { AdvertisementPace } from '../rr/advertisement-pace.js';
import { profileKey, type ExportProfile } from '../rr/export-profile.js';
import type { GroupMember, MemberSink } from '../rr/group-member.js';
import type { UpdateGroup } from '../rr/update-group.js';
import type { WorkLoop } from './work-loop.js';

export interface OutboundHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  /** The application's own routes are all there: End-of-RIB may be sent. */
  readonly isComplete: boolean;
}

export class Outbound {
  group: UpdateGroup;
  member: GroupMember;
  private readonly sink: MemberSink;

  /**
   * @param source the neighbor's number in the PeerTable
   * @param pace at which it is told; undefined: at once
   * @param enhanced enhanced route refresh was negotiated (RFC 7313)
   */
  constructor(
    private readonly host: OutboundHost,
    private readonly peer: Peer,
    private readonly family: FamilyName,
    private readonly source: number,
    profile: ExportProfile,
    private readonly pace: () => AdvertisementPace | undefined,
    enhanced: boolean,
  ) {
    this.sink = {
      send: (bytes, messages) => {
        peer.countSent('update', messages);
        return peer.send(bytes);
      },
      queuedBytes: () => peer.queuedBytes,
      onCaughtUp: () => this.sendEndOfRib(),
      onBehind: () => host.loop.addBehind(this.group, this.member),
      isComplete: () => host.isComplete && !host.loop.muted.isMuted(this.group.rib),
      ...(enhanced ? { onRefresh: (mark) => this.sendMark(mark) } : {}),
    };
    this.group = host.loop.groupFor(host.rib.of(family), profile);
    this.member = this.join();
  }

  private join(previous?: GroupMember, sameForm = false): GroupMember {
    const member = this.group.join(this.source, this.sink);
    if (previous) member.takeOver(previous, sameForm);
    member.setPace(this.pace());
    this.host.loop.addBehind(this.group, member);
    return member;
  }

  private sendEndOfRib(): void {
    const { afi, safi } = afiSafiOf(this.family);
    this.peer.countSent('update', 1);
    this.peer.send(encodeEndOfRib(afi, safi));
  }

  private sendMark(mark: 'begin' | 'end'): void {
    const subtype = mark === 'begin' ? ROUTE_REFRESH_SUBTYPE.beginning : ROUTE_REFRESH_SUBTYPE.end;
    this.peer.countSent('routeRefresh', 1);
    this.peer.send(encodeRouteRefresh({ ...afiSafiOf(this.family), subtype }));
  }

  /** What the neighbor may be told, or in which form, is another now: tell it the difference. */
  changeProfile(profile: ExportProfile): void {
    const { loop, rib } = this.host;
    const { group, member } = this;
    if (profileKey(profile) === profileKey(group.profile)) return;
    this.group = loop.groupFor(rib.of(this.family), profile);
    // Where only the policy differs, what it leaves as it was need not be told again.
    const sameForm = profileKey({ ...profile, policy: null }) === profileKey({ ...group.profile, policy: null });
    this.member = this.join(member, sameForm);
    // Prefixes that only the old group knows must not be freed before the new one took them over.
    loop.leave(group, member);
  }

  /** The pace is another one now. */
  changePace(): void {
    this.member.setPace(this.pace());
  }

  leave(): void {
    this.host.loop.leave(this.group, this.member);
  }
}
