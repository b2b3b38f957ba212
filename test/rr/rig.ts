import { expect } from 'chai';
import { DEFAULT_CONTEXT, HEADER_LENGTH, RIB_FAMILIES, type FamilyName } from '../../lib/bgp/wire/index.js';
import { parseAddress, parseIpv4, type Clock } from '../../lib/net/index.js';
import { AdjRibIn } from '../../lib/rib/adj-rib-in.js';
import { Rib } from '../../lib/rib/rib.js';
import { UNEDITED, type ExportProfile } from '../../lib/rr/export-profile.js';
import type { GroupMember } from '../../lib/rr/group-member.js';
import type { UpdateGroup } from '../../lib/rr/update-group.js';
import { VirtualClock } from '../../lib/sim/index.js';
import { WorkLoop } from '../../lib/speaker/work-loop.js';
import { TableView } from '../support/wire.js';

export type Role = 'client' | 'nonClient' | 'ebgp';

export const LOCAL_AS = 64512;
const FULL = 8 << 20;

/** A neighbor whose session and socket are played by the test. */
export class RigNeighbor {
  /** Number in the PeerTable while it is up, else -1. */
  source = -1;
  view: TableView;
  /** The transport takes nothing: octets are queued, `queuedBytes` is huge. */
  blocked = false;
  /** After so many calls of `send` it is blocked. */
  blockAfter = Infinity;
  endOfRibs = 0;
  outbound = new Map<FamilyName, { group: UpdateGroup; member: GroupMember }>();
  private adjRibIn: AdjRibIn | undefined;
  /** Sent while blocked: arrives when the neighbor reads again. */
  private queue: Uint8Array[] = [];
  readonly address: string;
  readonly routerId: string;

  constructor(
    private readonly rig: GroupRig,
    index: number,
    readonly role: Role,
    private readonly profileChanges: Partial<ExportProfile> = {},
    /** It announces paths with identifiers. */
    readonly pathIds = false,
  ) {
    this.address = `10.0.0.${index + 1}`;
    this.routerId = `192.0.2.${index + 1}`;
    this.view = new TableView(this.context);
  }

  private get context() {
    const maxMessageLength = this.profileChanges.maxMessageLength ?? DEFAULT_CONTEXT.maxMessageLength;
    const addPath = new Set(this.profileChanges.addPath === undefined ? [] : ['1/1', '2/1']);
    return { ...DEFAULT_CONTEXT, maxMessageLength, peerType: this.peerType, addPath };
  }

  get peerType(): 'ibgp' | 'ebgp' {
    return this.role === 'ebgp' ? 'ebgp' : 'ibgp';
  }

  get isUp(): boolean {
    return this.source >= 0;
  }

  get member(): GroupMember {
    return this.outbound.get('ipv4-unicast')!.member;
  }

  up(): void {
    const { rib, loop } = this.rig;
    this.view = new TableView(this.context);
    this.queue = [];
    this.blocked = false;
    this.source = rib.peers.add({
      type: this.peerType,
      routerId: parseIpv4(this.routerId),
      address: parseAddress(this.address),
      client: this.role === 'client',
      clusterId: parseIpv4('10.9.9.9'),
    });
    const cx = { ...this.context, addPath: new Set(this.pathIds ? ['1/1', '2/1'] : []) };
    this.adjRibIn = new AdjRibIn(rib, this.source, cx, RIB_FAMILIES, {
      onEndOfRib: () => undefined,
      onDiagnostic: (diagnostic) => {
        throw new Error(diagnostic.reason);
      },
    });
    for (const family of RIB_FAMILIES) {
      const group = loop.groupFor(rib.of(family), this.profile(family));
      if (this.rig.slow) group.membersAtOnce = 1;
      const member: GroupMember = group.join(this.source, {
        send: (bytes) => this.take(bytes),
        queuedBytes: () => (this.blocked ? FULL : 0),
        onCaughtUp: () => this.endOfRibs++,
        onBehind: () => loop.addBehind(group, member),
      });
      loop.addBehind(group, member);
      this.outbound.set(family, { group, member });
    }
  }

  private profile(family: FamilyName): ExportProfile {
    return {
      target: this.role,
      ...UNEDITED,
      prepend: this.role === 'ebgp' ? [LOCAL_AS] : [],
      asn4: true,
      maxMessageLength: 4096,
      clusterId: this.role === 'client' ? parseIpv4('10.9.9.9') : 0,
      clientToClient: true,
      nextHopSelf: false,
      extendedNextHop: false,
      selfNextHop: parseAddress(family === 'ipv4-unicast' ? '10.0.0.254' : '2001:db8::254'),
      ...this.profileChanges,
    };
  }

  private take(bytes: Uint8Array): boolean {
    // A copy: what the caller must not do is change the octets afterwards, so compare them when they are read.
    this.queue.push(bytes);
    this.queue.push(bytes.slice());
    if (!this.blocked) this.read();
    if (--this.blockAfter <= 0) this.blocked = true;
    return !this.blocked;
  }

  private read(): void {
    for (let i = 0; i < this.queue.length; i += 2) {
      const [bytes, copy] = [this.queue[i]!, this.queue[i + 1]!];
      if (Buffer.compare(bytes, copy) !== 0) throw new Error('octets were changed after they were handed over');
      this.view.applyStream(bytes);
    }
    this.queue = [];
  }

  drain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.read();
    for (const { group, member } of this.outbound.values()) {
      if (!member.attached) this.rig.loop.addBehind(group, member);
    }
  }

  down(): void {
    for (const { group, member } of this.outbound.values()) this.rig.loop.leave(group, member);
    this.outbound.clear();
    this.rig.loop.dropSource(this.source);
    this.source = -1;
  }

  refresh(): void {
    for (const { member } of this.outbound.values()) member.refresh();
  }

  /** The neighbor sends a whole UPDATE. */
  say(message: Uint8Array): void {
    const error = this.adjRibIn!.apply(message, HEADER_LENGTH, message.length);
    if (error) throw error;
    this.rig.loop.scheduleIfDirty();
  }
}

/** RIB, work loop and update groups as in a speaker, without sessions. */
export class GroupRig {
  readonly clock: VirtualClock;
  readonly rib = new Rib({
    identity: { asn: LOCAL_AS, routerId: parseIpv4('192.0.2.254'), isOwnClusterId: () => false },
  });
  readonly loop: WorkLoop;
  readonly neighbors: RigNeighbor[] = [];

  /** With `slow`: how many slices of work were done. */
  private slices = 0;
  /** With `slow`: called after each slice of work. */
  onSlice: (() => void) | undefined;
  /** With `slow`: time that passes from one look at the clock to the next. */
  costMs = (): number => 5;

  /** @param slow time passes while work is done, so that it is cut into many slices */
  constructor(readonly slow = false) {
    const clock = (this.clock = new VirtualClock());
    let spent = 0;
    const slice = (run: () => void) => () => {
      run();
      this.slices++;
      this.onSlice?.();
    };
    const working: Clock = {
      now: () => clock.now() + (spent += this.costMs()),
      wallTime: () => clock.wallTime(),
      after: (ms, run) => clock.after(ms, slice(run)),
      soon: (run) => clock.soon(slice(run)),
    };
    this.loop = new WorkLoop(this.rib, slow ? working : clock);
  }

  add(role: Role, profileChanges: Partial<ExportProfile> = {}, pathIds = false): RigNeighbor {
    const neighbor = new RigNeighbor(this, this.neighbors.length, role, profileChanges, pathIds);
    this.neighbors.push(neighbor);
    return neighbor;
  }

  /** Until those that are up have been told everything. */
  drainAll(): void {
    for (const neighbor of this.neighbors) if (neighbor.isUp) neighbor.drain();
    this.settle();
  }

  /** Not more than one slice of work, where time passes meanwhile. */
  runSlice(): void {
    const before = this.slices;
    if (!this.slow) this.clock.run(1);
    else if (this.clock.pending > 0) {
      this.clock.runUntil(() => this.slices > before || this.clock.pending === 0, 10_000);
    }
  }

  /** What was told and what is counted must be the same. */
  expectCounts(neighbor: RigNeighbor): void {
    expect(neighbor.view.needless, 'withdrawals of what was never told').to.deep.equal([]);
    const told = [...neighbor.outbound.values()].map(({ group, member }) => group.advertisedCount(member));
    expect(told[0]! + told[1]!).to.equal(neighbor.view.routes.size);
  }

  /** All go: nothing may be left. */
  expectEmptyAfterAll(): void {
    for (const neighbor of this.neighbors) if (neighbor.isUp) neighbor.down();
    this.settle();
    for (const family of this.rib.families) {
      expect(family.decidedListeners.size, 'listeners left').to.equal(0);
      expect(family.paths.count, 'paths left').to.equal(0);
      expect(family.prefixes.count, 'prefix ids never freed').to.equal(0);
      expect(family.store.count, 'attribute sets never freed').to.equal(0);
    }
  }

  /** Until nothing is left to do but to wait for the network. */
  settle(): void {
    this.clock.run(1000);
  }
}
