import { prefixContains, type Prefix } from './prefix.js';
import { formatScopedAddress, parseScopedAddress } from './zone.js';
import type { Secret } from './secret.js';

/** What TCP must do on a session besides carrying octets. Left out: as the system does by itself. */
export interface SocketOptions {
  /** Every segment is signed, and those of the other side must be (TCP MD5, RFC 2385). 1 to 80 octets. */
  readonly md5Key?: Secret;
  /** GTSM (RFC 5082): the other side is at most so many hops away, 1 is directly connected. What comes from further is dropped. */
  readonly ttlSecurityHops?: number;
  /** TTL or hop limit of what is sent, 1 to 255. With GTSM it is 255. */
  readonly ttl?: number;
  /** Differentiated services code point of what is sent, 0 to 63 (RFC 2474). */
  readonly dscp?: number;
}

/** Options for the connections from some addresses. */
export interface PeerSocketOptions extends SocketOptions {
  /** Of these addresses; a single one is written with its full length. */
  readonly prefix: Prefix;
  /** Of a single link-local address. */
  readonly zone?: string;
}

/** RFC 5082 section 3: what comes over `hops` hops from a sender that begins with 255 has at least this TTL. */
export function leastTtl(hops: number): number {
  return 256 - hops;
}

/** The options that a socket with these needs, in words; empty: none. */
export function optionNames(options: SocketOptions): string[] {
  const names = { md5Key: 'TCP MD5', ttlSecurityHops: 'GTSM', ttl: 'TTL', dscp: 'DSCP' } as const;
  return (Object.keys(names) as (keyof typeof names)[])
    .filter((key) => options[key] !== undefined)
    .map((k) => names[k]);
}

/** Options by remote address; of several entries that cover it the one with the longest prefix counts. */
export class PeerSocketTable {
  readonly #hosts = new Map<string, PeerSocketOptions>();
  /** Longest first. */
  readonly #ranges: readonly PeerSocketOptions[];

  constructor(readonly entries: readonly PeerSocketOptions[] = []) {
    for (const entry of entries) if (isHost(entry.prefix)) this.#hosts.set(hostKey(entry), entry);
    this.#ranges = entries.filter(({ prefix }) => !isHost(prefix)).sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** @param address canonical text, with its zone */
  find(address: string): PeerSocketOptions | undefined {
    const host = this.#hosts.get(address);
    if (host !== undefined || this.#ranges.length === 0) return host;
    const { octets } = parseScopedAddress(address);
    return this.#ranges.find(({ prefix }) => prefixContains(prefix, octets));
  }
}

function hostKey({ prefix: { octets }, zone }: PeerSocketOptions): string {
  return formatScopedAddress({ octets, zone });
}

function isHost({ octets, length }: Prefix): boolean {
  return length === octets.length * 8;
}
