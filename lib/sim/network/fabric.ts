import { parseAddress, type Clock, type Random } from '../../net/index.js';
import type { MemoryMedium, MemoryPath, MemoryTap } from '../memory-links.js';
import type { MemoryTransport } from '../memory-transport.js';
import { Forwarding, type SoftLookup } from './forwarding.js';
import type { Host, Port, Segment } from './host.js';

/** Delays are multiples of this, in milliseconds: sums of them are exact, so that equal times are equal. */
const GRAIN_MS = 1 / 4096;

export interface FabricOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly rechunk: Random | undefined;
  readonly tap: MemoryTap;
  readonly soft: SoftLookup;
}

/** All hosts and segments, which of them are broken, and the ways that octets take between addresses. */
export class Fabric implements MemoryMedium {
  readonly clock: Clock;
  readonly windowBytes = 65536;
  readonly highWaterMark = 65536;
  readonly rechunk: Random | undefined;
  readonly scribble = false;
  readonly tap: MemoryTap;
  readonly forwarding: Forwarding;
  /** The transport of each address. */
  readonly transports = new Map<string, MemoryTransport>();
  readonly owners = new Map<string, Host>();
  readonly random: Random;
  /** Grows when something is cut, mended, plugged or powered. */
  version = 0;
  /** Pairs of hosts between which packets vanish. */
  readonly #silenced = new Set<string>();
  /** Pairs of hosts whose connections that are older than this no longer carry anything. */
  readonly #halfOpen = new Map<string, { readonly born: number; readonly at: number }>();
  #born = 0;
  /** Ways on which something waits until they are open. */
  readonly #stalled = new Set<Way>();
  #recheckPlanned = false;

  constructor(options: FabricOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.rechunk = options.rechunk;
    this.tap = options.tap;
    this.forwarding = new Forwarding(options.soft, (from, to) => this.#brokenBetween(from, to));
  }

  path(from: string, to: string): MemoryPath {
    return new Way(this, from, to, this.#born++);
  }

  /** The segments from one address to another; undefined: packets do not get there. */
  route(from: string, to: string): Route | undefined {
    const start = this.owners.get(from);
    if (start === undefined) return undefined;
    const address = parseAddress(to);
    const ports: Port[] = [];
    const seen: Host[] = [];
    for (let host = start; ports.length < 64;) {
      seen.push(host);
      const decision = this.forwarding.decide(host, address);
      if (decision.kind === 'arrived') return { ports, versions: seen.map(({ kernel }) => kernel.version), seen };
      if (decision.kind === 'dropped') return undefined;
      const hop = decision.hops[0]!;
      if (hop.broken !== undefined) return undefined;
      ports.push(hop.out);
      host = hop.next.host;
    }
    return undefined;
  }

  /** Packets between two hosts on a segment vanish, and nobody is told, or no longer. */
  silence(a: Host, b: Host, silent: boolean): void {
    if (silent) this.#silenced.add(pairOf(a, b));
    else this.#silenced.delete(pairOf(a, b));
    this.changed();
  }

  /** The connections that two hosts have with each other carry nothing any more; new ones do. */
  breakConnections(a: Host, b: Host): void {
    this.#halfOpen.set(pairOf(a, b), { born: this.#born++, at: this.clock.now() });
  }

  /** When the connections of two hosts were last broken, in milliseconds. */
  brokenSince(a: Host, b: Host): number {
    return this.#halfOpen.get(pairOf(a, b))?.at ?? -Infinity;
  }

  /** Whether a way is older than that. */
  isBroken(from: string, to: string, born: number): boolean {
    if (this.#halfOpen.size === 0) return false;
    const [a, b] = [this.owners.get(from), this.owners.get(to)];
    return a !== undefined && b !== undefined && (this.#halfOpen.get(pairOf(a, b))?.born ?? -1) > born;
  }

  /** A link, a plug, or a kernel's route is another one: what waited may be able to go on. */
  changed(): void {
    this.version++;
    this.recheck();
  }

  recheck(): void {
    if (this.#stalled.size === 0 || this.#recheckPlanned) return;
    this.#recheckPlanned = true;
    this.clock.after(0, () => {
      this.#recheckPlanned = false;
      for (const way of [...this.#stalled]) if (way.resume()) this.#stalled.delete(way);
    });
  }

  stall(way: Way): void {
    this.#stalled.add(way);
    // The last change may have been while it was on its way here.
    this.recheck();
  }

  #brokenBetween(from: Port, to: Port): string | undefined {
    if (!from.segment.up) return `${from.segment.name} is cut`;
    for (const port of [from, to]) if (!port.up) return `${port.host.name} is unplugged from ${port.segment.name}`;
    if (!to.host.powered) return `${to.host.name} is without power`;
    if (this.#silenced.size === 0 || !this.#silenced.has(pairOf(from.host, to.host))) return undefined;
    return `packets between ${from.host.name} and ${to.host.name} vanish`;
  }
}

interface Route {
  /** Where packets leave each host on the way. */
  readonly ports: readonly Port[];
  /** What it was found with. */
  readonly seen: readonly Host[];
  readonly versions: readonly number[];
}

/** One direction of one connection. */
class Way implements MemoryPath {
  #route: Route | undefined;
  #version = -1;
  #waiting: (() => void)[] = [];
  /** It is open again, and what waited is under way, before all that comes now. */
  #mending = false;

  constructor(
    private readonly fabric: Fabric,
    private readonly from: string,
    private readonly to: string,
    private readonly born: number,
  ) {}

  get #current(): Route | undefined {
    const { fabric } = this;
    const known = this.#route;
    if (this.#version === fabric.version && known !== undefined) {
      let valid = true;
      for (let i = 0; i < known.seen.length; i++) valid &&= known.seen[i]!.kernel.version === known.versions[i];
      if (valid) return known;
    }
    this.#version = fabric.version;
    return (this.#route = fabric.route(this.from, this.to));
  }

  delay(octets: number): number {
    const ports = this.#current?.ports ?? [];
    const now = this.fabric.clock.now();
    let at = now;
    for (const port of ports) {
      const { latencyMs, jitterMs, bandwidth } = port.segment;
      if (bandwidth !== Infinity) {
        // 40 octets: IPv4 and TCP headers.
        at = Math.max(at, port.busyUntil) + ((octets + 40) * 8000) / bandwidth;
        port.busyUntil = at;
      }
      at += latencyMs;
      if (jitterMs > 0) at += this.fabric.random() * jitterMs;
    }
    return Math.ceil((at - now) / GRAIN_MS) * GRAIN_MS;
  }

  hops(): number {
    return Math.max(1, this.#current?.ports.length ?? 1);
  }

  isCut(): boolean {
    return this.#current === undefined;
  }

  waits(deliver: () => void): boolean {
    // Gone for good, without a word.
    if (this.fabric.isBroken(this.from, this.to, this.born)) return true;
    if (this.#waiting.length === 0 && !this.#mending && this.#current !== undefined) return false;
    this.#waiting.push(deliver);
    if (!this.#mending) this.fabric.stall(this);
    return true;
  }

  /** Try again: what waited arrives after the time that it takes. @returns whether the way is open */
  resume(): boolean {
    if (this.#current === undefined) return false;
    this.#mending = true;
    this.fabric.clock.after(this.delay(0), () => {
      this.#mending = false;
      // Cut again meanwhile.
      if (this.#current === undefined) return this.fabric.stall(this);
      const waited = this.#waiting;
      this.#waiting = [];
      for (const deliver of waited) deliver();
    });
    return true;
  }
}

/** Two hosts, in either order. */
function pairOf(a: Host, b: Host): string {
  return a.name < b.name ? `${a.name} ${b.name}` : `${b.name} ${a.name}`;
}

/** The segment on which two hosts are next to each other, links before LANs. */
export function commonSegment(a: Host, b: Host): Segment | undefined {
  const shared = a.ports.map(({ segment }) => segment).filter((segment) => segment.portOfHost(b) !== undefined);
  return shared.sort((x, y) => x.ports.length - y.ports.length)[0];
}
