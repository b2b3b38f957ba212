import type { Hop } from './body.js';
import type { KernelError } from './errors.js';
import { nexthopKey, type KernelNexthop, type NexthopChange, type NexthopMember } from './nexthop.js';
import { freeId, isInRange, rangeStart } from './nexthop-ids.js';
import { wholeWeights } from './weights.js';

/** So many numbers are looked at for an object that is there already. */
const NEAR = 8;

/** One next hop of a target, and the ways that lead to it at present. */
export interface Ways {
  readonly nextHop: string;
  readonly weight: number;
  readonly hops: readonly Hop[];
}

/** An object that is wanted. */
interface Entry {
  readonly id: number;
  /** What it stands for: a next hop, or several, whatever ways lead there. */
  readonly name: string;
  content: Pick<KernelNexthop, 'hop' | 'group'>;
  key: string;
  /** Entries of the group, held as long as it exists. */
  members: readonly Entry[];
  /** Targets and groups that want it. */
  wants: number;
  /** The kernel refused the gateway without it. */
  onlink: boolean;
  /** Why routes do without it at present. */
  error: KernelError | null;
  /** It is written although there was an error. */
  due: boolean;
}

/** What one target uses. */
export interface NexthopUse {
  entry: Entry | null;
  /** Has needed a group: it keeps one, so that its routes need not be written anew when ways come and go. */
  grouped: boolean;
}

/** An object of ours in the kernel. */
export interface HeldNexthop {
  readonly id: number;
  readonly key: string;
  readonly text: string;
  readonly devices: readonly string[];
  /** Numbers of the objects that a group has. */
  readonly members: readonly number[];
}

export function newUse(): NexthopUse {
  return { entry: null, grouped: false };
}

/**
 * Nexthop objects: which there should be, and which the kernel holds. An object is for a *next hop*, or for the next hops
 * of a multipath route; which gateways and devices lead there is its content, and changes without the routes.
 *
 * Its number follows from its name, so that the next run finds it again. An object that is left from an earlier run is adopted if
 * it has the very content, and otherwise not altered, since it may have had another name.
 */
export class NexthopObjects {
  readonly #first: number;
  readonly #byName = new Map<string, Entry>();
  readonly #byId = new Map<number, Entry>();
  /** Ours, as last read or acknowledged. */
  #kernel = new Map<number, KernelNexthop & { readonly key: string }>();
  /** Numbers of our range that others use. */
  #taken = new Set<number>();
  /** Numbers that bodies of routes refer to, wanted or held by the kernel, with how many. */
  readonly #live = new Map<number, number>();
  readonly #dirty = new Set<number>();
  /** Objects may be deleted: all routes that refer to them are known. */
  #mayDelete = false;
  /** Those that this run made, to which no routes of an earlier one can refer. */
  readonly #made = new Set<number>();
  /** What those in the kernel that this run has wanted stand or stood for: for that they may be altered. */
  readonly #names = new Map<number, string>();
  #isDisabled = false;

  constructor(
    readonly protocol: number,
    table: number,
    metric: number,
  ) {
    this.#first = rangeStart(table, metric);
  }

  /** Whether a number is one of those that this Fib uses. */
  has(id: number): boolean {
    return isInRange(id, this.#first);
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** This kernel has no nexthop objects: all routes do without. */
  disable(): void {
    this.#isDisabled = true;
    this.#dirty.clear();
  }

  /**
   * The object for a target, whose contents are set to the ways given.
   * @param use of this target; what it wanted before is wanted no more
   * @returns its number; 0: the routes have to do without one
   */
  forTarget(use: NexthopUse, nextHops: readonly Ways[]): number {
    const before = use.entry;
    use.entry = this.#entryFor(use, nextHops);
    if (use.entry) use.entry.wants++;
    if (before) this.#unwant(before);
    const { entry } = use;
    if (!entry || entry.error || entry.members.some(({ error }) => error)) return 0;
    return entry.id;
  }

  /** A target is gone, or leads nowhere. */
  release(use: NexthopUse): void {
    if (use.entry) this.#unwant(use.entry);
    use.entry = null;
  }

  #entryFor(use: NexthopUse, nextHops: readonly Ways[]): Entry | null {
    const ways = nextHops.filter(({ hops }) => hops.length > 0);
    if (this.#isDisabled) return null;
    const isPlain = ({ hops }: Ways): boolean =>
      hops.every(({ gateway, device }) => gateway !== undefined && device !== undefined);
    if (ways.length === 0 || !ways.every(isPlain)) return null;
    if (nextHops.length > 1 || ways[0]!.hops.length > 1) use.grouped = true;
    if (!use.grouped) return this.#single(ways[0]!.nextHop, ways[0]!.hops[0]!);
    const shares = new Map<Entry, number>();
    for (const { nextHop, weight, hops } of ways) {
      const all = hops.reduce((sum, hop) => sum + (hop.weight ?? 1), 0);
      for (const hop of hops) {
        const member = this.#single(hops.length === 1 ? nextHop : `way ${nexthopKey({ hop })}`, hop);
        if (!member) return null;
        shares.set(member, (shares.get(member) ?? 0) + ((hop.weight ?? 1) * weight) / all);
      }
    }
    const name = `group ${nextHops.map(({ nextHop, weight }) => `${nextHop},${weight}`).join(' ')}`;
    const weights = wholeWeights([...shares.values()]);
    const members = [...shares.keys()];
    return this.#group(
      name,
      members,
      members.map(({ id }, i) => ({ id, weight: weights[i]! })),
    );
  }

  #single(name: string, { gateway, device, onlink }: Hop): Entry | null {
    const hop: Hop = { gateway: gateway!, device: device!, ...(onlink ? { onlink } : {}) };
    return this.#set(name, { hop });
  }

  #group(name: string, members: readonly Entry[], group: readonly NexthopMember[]): Entry | null {
    const entry = this.#set(name, { group });
    if (!entry) return null;
    for (const member of members) member.wants++;
    for (const member of entry.members) this.#unwant(member);
    entry.members = members;
    return entry;
  }

  #set(name: string, content: Entry['content']): Entry | null {
    const key = nexthopKey(content);
    let entry = this.#byName.get(name);
    if (entry && this.#taken.has(entry.id)) {
      this.#forget(entry);
      entry = undefined;
    }
    if (!entry) {
      const id = this.#idFor(name, key);
      if (id === 0) return null;
      this.#names.set(id, name);
      entry = { id, name, content, key, members: [], wants: 0, onlink: false, error: null, due: false };
      this.#byName.set(name, entry);
      this.#byId.set(id, entry);
      this.#dirty.add(id);
    } else if (entry.key !== key || !!entry.content.hop?.onlink !== !!content.hop?.onlink) {
      entry.content = content;
      entry.key = key;
      entry.onlink = entry.due = false;
      entry.error = null;
      this.#dirty.add(entry.id);
    }
    return entry;
  }

  /** That of an earlier run with the very content, wherever it is; else the first that may be altered. */
  #idFor(name: string, key: string): number {
    const isOurs = (id: number): boolean => !this.#byId.has(id) && !this.#taken.has(id);
    const held = freeId(name, this.#first, (id) => isOurs(id) && this.#kernel.get(id)?.key === key, NEAR);
    if (held !== 0) return held;
    return freeId(name, this.#first, (id) => {
      return isOurs(id) && (!this.#kernel.has(id) || this.#names.get(id) === name);
    });
  }

  #unwant(entry: Entry): void {
    if (--entry.wants === 0) this.#dirty.add(entry.id);
  }

  #forget(entry: Entry): void {
    if (this.#byName.get(entry.name) === entry) this.#byName.delete(entry.name);
    if (this.#byId.get(entry.id) === entry) this.#byId.delete(entry.id);
    for (const member of entry.members) this.#unwant(member);
    entry.members = [];
  }

  /** A body that refers to this number is used by some route, or by none any more. */
  noteBody(id: number, used: boolean): void {
    const count = (this.#live.get(id) ?? 0) + (used ? 1 : -1);
    if (count > 0) this.#live.set(id, count);
    else {
      this.#live.delete(id);
      if (this.has(id)) this.#dirty.add(id);
    }
  }

  /** What a number stands for, in words: `via 10.0.0.2 dev eth0`, `nexthop via … weight 1 nexthop via … weight 2`. */
  text(id: number): string {
    const held = this.#byId.get(id)?.content ?? this.#kernel.get(id);
    if (!held) return 'a nexthop object of another program';
    if (!held.group) return nexthopKey(held);
    return held.group.map((member) => `nexthop ${this.text(member.id)} weight ${member.weight}`).join(' ');
  }

  /** Devices that the kernel's object leads over. */
  #devices(held: KernelNexthop): string[] {
    if (!held.group) return held.hop?.device === undefined ? [] : [held.hop.device];
    const members = held.group.map(({ id }) => this.#kernel.get(id));
    return members.flatMap((member) => (member && !member.group ? this.#devices(member) : []));
  }

  /** All that the kernel is believed to hold of ours. */
  heldNow(): HeldNexthop[] {
    return [...this.#kernel.values()].map((held) => ({
      id: held.id,
      key: held.key,
      text: this.text(held.id),
      devices: this.#devices(held),
      members: held.group?.map(({ id }) => id) ?? [],
    }));
  }

  /** What the kernel is believed to hold there; null: nothing of ours. */
  held(id: number): string | null {
    return this.#kernel.get(id)?.key ?? null;
  }

  /** Whether a target wants it. */
  isWanted(id: number): boolean {
    return (this.#byId.get(id)?.wants ?? 0) > 0;
  }

  /** All objects, as they were just read. Those that differ from what is wanted are written next. */
  take(met: Iterable<KernelNexthop>): void {
    this.#kernel = new Map();
    this.#taken = new Set();
    for (const each of met) {
      if (!this.has(each.id)) continue;
      if (each.protocol === this.protocol) this.#kernel.set(each.id, { ...each, key: nexthopKey(each) });
      else this.#taken.add(each.id);
    }
    for (const id of this.#names.keys()) if (!this.#kernel.has(id) && !this.#byId.has(id)) this.#names.delete(id);
    for (const id of [...this.#byId.keys(), ...this.#kernel.keys()]) this.#dirty.add(id);
  }

  /** All routes of ours that the kernel holds have been read: what none of them uses may go. */
  allowRemovals(): void {
    this.#mayDelete = true;
  }

  /**
   * What is to be written, in an order in which it can be: ways, groups of them, and what is used no more the other way round. Nothing
   * is left dirty by it but by what its answers bring.
   */
  changes(): NexthopChange[] {
    const puts: NexthopChange[][] = [[], []];
    const gone: number[] = [];
    // Forgetting a group makes its members dirty, which are met later in the same loop.
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      const entry = this.#byId.get(id);
      const held = this.#kernel.get(id);
      if (entry && entry.wants > 0) {
        if (this.#taken.has(id) || entry.members.some(({ error }) => error)) continue;
        if (!entry.due && (entry.error || held?.key === entry.key)) continue;
        entry.due = false;
        puts[entry.content.group ? 1 : 0]!.push(this.#change(entry, held ? 'replace' : 'add'));
      } else if (!this.#live.has(id)) {
        if (entry) this.#forget(entry);
        if (held && (this.#mayDelete || this.#made.has(id))) gone.push(id);
      }
    }
    return [...puts[0]!, ...puts[1]!, ...this.#removals(gone, puts[1]!)];
  }

  #change(entry: Entry, op: 'add' | 'replace'): NexthopChange {
    const { id, content, onlink } = entry;
    if (!content.hop || !onlink) return { op, id, protocol: this.protocol, ...content };
    return { op, id, protocol: this.protocol, hop: { ...content.hop, onlink: true } };
  }

  /** A group loses its ways when their objects go: those of a group that stays have to stay, too. */
  #removals(gone: readonly number[], groups: readonly NexthopChange[]): NexthopChange[] {
    if (gone.length === 0) return [];
    const goes = new Set([...gone, ...groups.map(({ id }) => id)]);
    const needed = new Set<number>();
    for (const { id, group } of this.#kernel.values()) {
      if (group && !goes.has(id)) for (const member of group) needed.add(member.id);
    }
    for (const { group } of groups) for (const member of group ?? []) needed.add(member.id);
    const changes = gone
      .filter((id) => !needed.has(id))
      .map((id): NexthopChange => ({ op: 'delete', id, protocol: this.protocol, ...contentOf(this.#kernel.get(id)!) }));
    return [...changes.filter(({ group }) => group), ...changes.filter(({ group }) => !group)];
  }

  /** A change was made. @returns whether routes that did without the object can have it again */
  acknowledged(change: NexthopChange): boolean {
    const { op, id } = change;
    // What a group has left may be used no more.
    for (const { id: member } of this.#kernel.get(id)?.group ?? []) this.#dirty.add(member);
    this.#dirty.add(id);
    if (op === 'add') this.#made.add(id);
    if (op === 'delete') {
      this.#kernel.delete(id);
      this.#made.delete(id);
      if (!this.#byId.has(id)) this.#names.delete(id);
      return false;
    }
    const key = nexthopKey(change);
    this.#kernel.set(id, { id, protocol: this.protocol, ...contentOf(change), key });
    const entry = this.#byId.get(id);
    if (!entry?.error || entry.key !== key) return false;
    entry.error = null;
    for (const other of this.#byId.values()) if (other.members.includes(entry)) this.#dirty.add(other.id);
    return true;
  }

  /** The kernel refuses a gateway: whether to try `onlink`. */
  tryOnlink(id: number): boolean {
    const entry = this.#byId.get(id);
    if (!entry?.content.hop || entry.onlink || entry.content.hop.onlink) return false;
    entry.onlink = true;
    this.#dirty.add(id);
    return true;
  }

  /** Somebody else has this number: another one is found when the target is looked at next. */
  lose(id: number): void {
    this.#kernel.delete(id);
    this.#taken.add(id);
  }

  /** Routes do without this object, until {@link retry}. */
  refuse(id: number, error: KernelError): void {
    const entry = this.#byId.get(id);
    if (entry) entry.error = error;
  }

  /** Write it once more; until that is acknowledged routes do without it. */
  retry(id: number): void {
    const entry = this.#byId.get(id);
    if (!entry?.error) return;
    entry.due = true;
    this.#dirty.add(id);
  }

  /** Look at it again. */
  touch(id: number): void {
    this.#dirty.add(id);
  }

  errorOf(id: number): KernelError | null {
    return this.#byId.get(id)?.error ?? null;
  }

  /** Some member of a group is refused: not the group's own fault. */
  hasRefusedMember(id: number): boolean {
    return this.#byId.get(id)?.members.some(({ error }) => error) ?? false;
  }
}

function contentOf({ hop, group }: KernelNexthop): Entry['content'] {
  return { ...(hop ? { hop } : {}), ...(group ? { group } : {}) };
}
