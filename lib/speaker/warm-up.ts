/**
 * Runs made-up routes through a RIB of its own, so that the engine has compiled the hot path when the first routes come.
 * Otherwise the first moments after a restart, when all neighbors come back at once, are the slowest of all: code is
 * interpreted, and the compiler takes processor time beside it. It begins with the first neighbor that comes, runs in
 * short slices while sessions are being opened, and gives way to the first real routes. When these have been told, it goes
 * on with what follows for the rest of a speaker's life, single changes, as long as no real ones come. Nothing of it is seen
 * outside: no socket, no kernel route, no state of the speaker. The compiler and its code take about 10 MB, now instead of later.
 */
import { DEFAULT_CONTEXT } from '../bgp/wire/context.js';
import { RIB_FAMILIES, type FamilyName } from '../bgp/wire/families.js';
import { parseIpv4, Writer, type Clock } from '../net/index.js';
import { AdjRibIn } from '../rib/adj-rib-in.js';
import { Rib } from '../rib/rib.js';
import { UNEDITED, type ExportProfile } from '../rr/export-profile.js';
import type { GroupMember } from '../rr/group-member.js';
import type { Speaker } from './speaker.js';
import { WorkLoop } from './work-loop.js';

/** A slice of warming up ends after this time. */
const SLICE_MS = 3;
/** Enough for every loop of the hot path to be compiled, with a margin. */
const ROUNDS = 40;
/** Single changes, each in a turn of its own: what is run once per turn has to be run often to be compiled. */
const CHANGES = 4000;
const CHANGED_PREFIXES = 64;
/** Real routes come no more when nothing was decided for so long. */
const CALM_MS = 30;
/** After this time of real work all is compiled anyway. */
const PATIENCE_MS = 10_000;
const CLIENTS = 4;
/** A dozen: a long set takes other ways than a short one. */
const LARGE_COMMUNITIES = Uint8Array.of(0xc0, 32, 144, ...Array.from({ length: 144 }, (_, i) => i));
/** More sets of attributes than the tables for sorting them hold at first: they grow, too. */
const UPDATES_PER_ROUND = 20;
const PREFIXES_PER_UPDATE = 6;
/** Lengths of the made-up prefixes, in turn: every branch by length is run. */
const IPV4_LENGTHS = [24, 22, 20, 26, 16, 32];
const IPV6_LENGTHS = [48, 32, 44, 40, 64, 128];

/**
 * Warm up the code of this process when the first neighbor of a speaker comes, until its first routes do, and again when these
 * have been told.
 * @param clock real time; default: the speaker's
 */
export function warmUpFor(speaker: Speaker, clock: Clock = speaker.clock): void {
  const onState = ({ to }: { readonly to: string }): void => {
    if (to !== 'OpenSent') return;
    speaker.off('neighborStateChange', onState);
    const { loop } = speaker;
    // Not asked of the speaker's clock: a recording would take that for something that the speaker did.
    let changedAt = -Infinity;
    const warmUp = new WarmUp(clock, {
      isCalm: () => loop.isIdle && clock.now() - changedAt >= CALM_MS,
      isOver: () => speaker.isStopping,
      onEnd: loop.onBestPathChange(() => {
        if (changedAt === -Infinity) warmUp.onRoutes();
        changedAt = clock.now();
      }),
    });
    warmUp.start();
  };
  speaker.on('neighborStateChange', onState);
}

export interface WarmUpHooks {
  /** Whether nothing real is to be done just now. */
  isCalm(): boolean;
  /** Whether it is not needed any more. */
  isOver(): boolean;
  /** All was done, or it was given up, after the first real routes. */
  onEnd(): void;
}

/** Warms up the code of this process, in slices. */
export class WarmUp {
  private readonly bench = new Bench();
  private hasRoutes = false;
  private steps = 0;
  private changes = 0;
  private giveUpAt = Infinity;

  /** @param clock real time */
  constructor(
    private readonly clock: Clock,
    private readonly hooks: WarmUpHooks,
  ) {}

  /** Whole tables, until the first real routes are there. */
  start(): void {
    this.clock.soon(() => this.tableSlice());
  }

  /** The first real routes are there: no more tables; single changes when nothing is to be done. */
  onRoutes(): void {
    this.hasRoutes = true;
    this.giveUpAt = this.clock.now() + PATIENCE_MS;
    this.clock.after(CALM_MS, () => this.changeSlice());
  }

  private tableSlice(): void {
    const end = this.clock.now() + SLICE_MS;
    if (this.hasRoutes || this.hooks.isOver()) return;
    while (this.steps < ROUNDS * CLIENTS && this.clock.now() < end) this.bench.step(this.steps++);
    if (this.steps < ROUNDS * CLIENTS) this.start();
  }

  private changeSlice(): void {
    const begin = this.clock.now();
    if (this.hooks.isOver() || begin > this.giveUpAt) return this.hooks.onEnd();
    if (!this.hooks.isCalm()) return void this.clock.after(CALM_MS, () => this.changeSlice());
    while (this.changes < CHANGES && this.clock.now() < begin + SLICE_MS) this.bench.change(this.changes++);
    if (this.changes < CHANGES) this.clock.soon(() => this.changeSlice());
    else this.hooks.onEnd();
  }
}

/** A RIB with a few clients whose sessions lead nowhere. */
class Bench {
  private readonly tasks: (() => void)[] = [];
  private readonly rib: Rib;
  private readonly loop: WorkLoop;
  private readonly clients: AdjRibIn[] = [];
  private readonly members: { readonly family: FamilyName; readonly member: GroupMember }[] = [];

  constructor() {
    const routerId = parseIpv4('192.0.2.1');
    this.rib = new Rib({ identity: { asn: 64512, routerId, isOwnClusterId: (id) => id === routerId } });
    const soon = (run: () => void): void => void this.tasks.push(run);
    // Time passes only when the loop waits: so it never breaks off.
    let time = 0;
    const clock: Clock = {
      now: () => time,
      wallTime: () => 0,
      soon,
      after(ms, run) {
        time += ms;
        soon(run);
        return { cancel: () => undefined };
      },
    };
    this.loop = new WorkLoop(this.rib, clock);
    for (let i = 0; i < CLIENTS; i++) this.addClient(routerId, i);
  }

  private addClient(routerId: number, index: number): void {
    const address = Uint8Array.of(192, 0, 2, 10 + index);
    const source = this.rib.peers.add({
      type: 'ibgp',
      routerId: routerId + 10 + index,
      address,
      client: true,
      clusterId: routerId,
    });
    const context = { ...DEFAULT_CONTEXT, peerType: 'ibgp' } as const;
    const handler = { onEndOfRib: () => undefined, onDiagnostic: () => undefined };
    this.clients.push(new AdjRibIn(this.rib, source, context, RIB_FAMILIES, handler));
    for (const family of RIB_FAMILIES) {
      const group = this.loop.groupFor(this.rib.of(family), profileOf(family, routerId));
      const member: GroupMember = group.join(source, {
        send: () => true,
        queuedBytes: () => 0,
        onCaughtUp: () => undefined,
        onBehind: () => this.loop.addBehind(group, member),
      });
      this.loop.addBehind(group, member);
      this.members.push({ family, member });
    }
    this.runTasks();
  }

  private runTasks(): void {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task();
  }

  /** In each round every client announces, some of it what another one has too; every other round withdraws. */
  step(step: number): void {
    const index = step % CLIENTS;
    const round = Math.floor(step / CLIENTS);
    for (let n = 0; n < UPDATES_PER_ROUND; n++) {
      const block = (round >> 1) * UPDATES_PER_ROUND + n + (n & 1 ? index << 8 : 0);
      const update = { block, round, client: index, withdraw: (round & 1) === 1, count: PREFIXES_PER_UPDATE };
      for (const octets of [ipv4Update(update), ipv6Update(update)])
        this.clients[index]!.apply(octets, 0, octets.length);
    }
    this.loop.scheduleIfDirty();
    if ((index & 1) === 0) return;
    if (index === CLIENTS - 1 && round % 8 === 6) for (const { member } of this.members) member.refresh();
    this.runTasks();
  }

  /** One client announces one prefix anew, with other attributes, or withdraws it: told in a turn of its own. */
  change(change: number): void {
    const client = change % CLIENTS;
    const block = (change * 7) % CHANGED_PREFIXES;
    const update = { block, round: change >> 2, client, withdraw: change % 5 === 4, count: 1 };
    const octets = change & 1 ? ipv6Update(update) : ipv4Update(update);
    this.clients[client]!.apply(octets, 0, octets.length);
    this.loop.scheduleIfDirty();
    this.runTasks();
  }
}

function profileOf(family: FamilyName, clusterId: number): ExportProfile {
  return {
    target: 'client',
    ...UNEDITED,
    asn4: true,
    maxMessageLength: DEFAULT_CONTEXT.maxMessageLength,
    clusterId,
    clientToClient: true,
    nextHopSelf: false,
    extendedNextHop: false,
    selfNextHop: new Uint8Array(family === 'ipv4-unicast' ? 4 : 16).fill(1),
  };
}

/** What one UPDATE of a client says. */
interface MadeUpUpdate {
  /** Which prefixes. */
  readonly block: number;
  /** Other rounds have other attributes. */
  readonly round: number;
  readonly client: number;
  readonly withdraw: boolean;
  /** How many prefixes. */
  readonly count: number;
}

function writeNlri(w: Writer, lengths: readonly number[], block: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const length = lengths[(block + i) % lengths.length]!;
    w.u8(length);
    const octets = (length + 7) >> 3;
    const number = Math.imul(block * PREFIXES_PER_UPDATE + i, 0x9e3779b1) >>> 0;
    for (let k = 0; k < octets; k++) w.u8(k < 4 ? number >>> (24 - k * 8) : k);
  }
}

function writeAttributes(w: Writer, round: number, client: number): void {
  const hops = (round + client) % 5;
  w.octets(Uint8Array.of(0x40, 1, 1, 0, 0x40, 2, hops === 0 ? 0 : 2 + hops * 4));
  if (hops > 0) w.octets(Uint8Array.of(2, hops));
  for (let i = 0; i < hops; i++) w.u32(65000 + ((round * 7 + i) & 0x1ff));
}

/** LOCAL_PREF, and what some routes of a real table have. */
function writeMoreAttributes(w: Writer, round: number, block: number): void {
  const octet = block & 0xff;
  w.octets(Uint8Array.of(0x40, 5, 4, 0, 0, 0, 100));
  if (octet % 6 === 0) w.octets(Uint8Array.of(0x40, 6, 0, 0xc0, 7, 8, 0, 0, 0xfb, 0xf0, 192, 0, 2, octet));
  if (round % 4 !== 0) w.octets(Uint8Array.of(0xc0, 8, 4, 0xfb, 0xf0, 0, octet));
  if (octet % 5 === 1) w.octets(Uint8Array.of(0xc0, 16, 8, 0, 2, 0xfb, 0xf0, 0, 0, 0, octet));
  if (octet % 7 === 2) w.octets(LARGE_COMMUNITIES);
}

function ipv4Update({ block, round, client, withdraw, count }: MadeUpUpdate): Uint8Array {
  const w = new Writer(256);
  const withdrawnAt = w.reserve(2);
  if (withdraw) writeNlri(w, IPV4_LENGTHS, block, count);
  w.patch16(withdrawnAt, w.length - withdrawnAt - 2);
  const attributesAt = w.reserve(2);
  if (!withdraw) {
    writeAttributes(w, round, client);
    w.octets(Uint8Array.of(0x40, 3, 4, 192, 0, 2, 10 + client));
    if (round % 3 === 0) w.octets(Uint8Array.of(0x80, 4, 4, 0, 0, 0, round & 0xff));
    writeMoreAttributes(w, round, block);
    w.patch16(attributesAt, w.length - attributesAt - 2);
    writeNlri(w, IPV4_LENGTHS, block, count);
  }
  return w.finish();
}

function ipv6Update({ block, round, client, withdraw, count }: MadeUpUpdate): Uint8Array {
  const w = new Writer(512);
  w.u16(0);
  const attributesAt = w.reserve(2);
  w.octets(Uint8Array.of(0x90, withdraw ? 15 : 14));
  const lengthAt = w.reserve(2);
  w.octets(Uint8Array.of(0, 2, 1));
  if (!withdraw) w.octets(Uint8Array.of(16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10 + client, 0));
  writeNlri(w, IPV6_LENGTHS, block, count);
  w.patch16(lengthAt, w.length - lengthAt - 2);
  if (!withdraw) {
    writeAttributes(w, round, client);
    writeMoreAttributes(w, round, block);
  }
  w.patch16(attributesAt, w.length - attributesAt - 2);
  return w.finish();
}
