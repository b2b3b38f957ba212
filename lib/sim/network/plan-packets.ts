import { formatAddress, formatPrefix, maskOctets, parseAddress, parsePrefix, type Clock } from '../../net/index.js';
import { traceText, type Trace } from './forwarding.js';
import type { Router } from './router.js';

/** Packets of a host to a prefix did not arrive for a while, although they had when a step began. */
export interface LostPackets {
  /** The host that sends them. */
  readonly from: string;
  readonly prefix: string;
  /** Virtual seconds since the step began. */
  readonly after: number;
  /** Virtual seconds; null: they still did not arrive when the network had settled. */
  readonly seconds: number | null;
  /** How far the first of them got, and why not further. */
  readonly reason: string;
}

export interface PacketNetwork {
  readonly now: number;
  readonly clock: Clock;
  readonly routers: ReadonlyMap<string, Router>;
  traces(from: string, to: string): Trace[];
}

/**
 * Follows packets from every host to every wanted prefix whenever a route of its address changes in a kernel (or, on hosts whose
 * speaker writes none, in a Loc-RIB). Of several equal ways all must work.
 */
export class PacketMeter {
  readonly #addresses: ReadonlyMap<string, string>;
  /** Wanted prefixes by the prefix of some length that their address is in, for each length that was asked for. */
  readonly #byLength = new Map<number, Map<string, string[]>>();
  /** By host: prefixes that packets arrive at. */
  readonly #arrive = new Map<string, Set<string>>();
  readonly #missing = new Map<string, Map<string, { readonly since: number; readonly reason: string }>>();
  readonly #dirty = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #ends: (() => void)[] = [];
  #planned = false;
  #lost: LostPackets[] = [];
  #began = 0;

  /** @param wanted prefixes, canonical text */
  constructor(
    private readonly net: PacketNetwork,
    wanted: ReadonlySet<string>,
  ) {
    this.#addresses = new Map([...wanted].map((prefix) => [prefix, firstAddress(prefix)]));
    for (const [name, { kernel }] of net.routers) {
      this.#arrive.set(name, new Set());
      this.#missing.set(name, new Map());
      const watch = kernel.watch({
        onRoute: ({ prefix }) => this.touch(prefix),
        onLink: () => this.#touchAll(),
        onResync: () => this.#touchAll(),
        onEnd: () => undefined,
      });
      this.#ends.push(() => watch.close());
    }
  }

  /** A prefix has another route somewhere: what becomes of packets to addresses in it? */
  touch(prefix: string): void {
    const concerned = this.#under(prefix);
    for (const each of concerned) this.#dirty.add(each);
    if (concerned.length === 0 || this.#planned) return;
    this.#planned = true;
    // All that changes in one moment is one change.
    this.net.clock.after(0, () => this.#look());
  }

  /** The wanted prefixes whose packets a route of this prefix may carry. */
  #under(prefix: string): readonly string[] {
    const length = Number(prefix.slice(prefix.lastIndexOf('/') + 1));
    let index = this.#byLength.get(length);
    if (index === undefined) {
      index = new Map<string, string[]>();
      for (const [wanted, address] of this.#addresses) {
        const octets = parseAddress(address);
        if (length > octets.length * 8) continue;
        const outer = formatPrefix({ octets: maskOctets(octets, length), length });
        index.set(outer, [...(index.get(outer) ?? []), wanted]);
      }
      this.#byLength.set(length, index);
    }
    return index.get(prefix) ?? [];
  }

  #touchAll(): void {
    for (const prefix of this.#addresses.keys()) this.touch(prefix);
  }

  /** A host sends no packets any more that anybody would miss. */
  leave(name: string): void {
    this.#gone.add(name);
    this.#missing.get(name)?.clear();
  }

  begin(): void {
    this.#touchAll();
    this.#look();
    this.#lost = [];
    this.#began = this.net.now;
    for (const missing of this.#missing.values()) missing.clear();
  }

  end(): LostPackets[] {
    this.#look();
    for (const [from, missing] of this.#missing) {
      for (const [prefix, { since, reason }] of missing) this.#note(from, prefix, since, null, reason);
    }
    return this.#lost;
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #look(): void {
    this.#planned = false;
    const { now } = this.net;
    for (const prefix of this.#dirty) {
      const address = this.#addresses.get(prefix)!;
      for (const [from, arrive] of this.#arrive) {
        if (this.#gone.has(from)) continue;
        const failed = this.net.traces(from, address).find(({ reached }) => !reached);
        const missing = this.#missing.get(from)!;
        if (failed !== undefined) {
          if (arrive.delete(prefix)) missing.set(prefix, { since: now, reason: traceText(failed) });
          continue;
        }
        arrive.add(prefix);
        const lost = missing.get(prefix);
        if (lost === undefined) continue;
        missing.delete(prefix);
        this.#note(from, prefix, lost.since, now - lost.since, lost.reason);
      }
    }
    this.#dirty.clear();
  }

  #note(from: string, prefix: string, since: number, seconds: number | null, reason: string): void {
    if (seconds === 0) return;
    const round = (time: number): number => Math.round(time * 1e6) / 1e6;
    this.#lost.push({
      from,
      prefix,
      after: round(since - this.#began),
      seconds: seconds === null ? null : round(seconds),
      reason,
    });
  }
}

function firstAddress(prefix: string): string {
  const { octets, length } = parsePrefix(prefix);
  const address = new Uint8Array(octets);
  if (length < address.length * 8 - 1) address[address.length - 1]! |= 1;
  return formatAddress(address);
}
