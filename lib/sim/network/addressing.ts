import { formatAddress, formatIpv4, parseAddress, parseIpv4, parsePrefix, UsageError } from '../../net/index.js';

/**
 * Which addresses hosts and links get that were given none. The nth host (from 1) has 10.0.0.0 + n and fd00:: + n, on a LAN
 * with the LAN's prefix lengths, else as a host address of its own (`lo`). The nth link (from 0) has 100.64.0.0 + 2n and the
 * one after it, and fd00:64:: + 2n: a /31 (RFC 3021) and a /127 (RFC 6164), the first address for the end named first.
 */
export class Addressing {
  #hosts = 0;
  #links = 0;
  readonly #base4: number;
  readonly #size4: number;
  readonly #base6: Uint8Array;

  /** @param hosts where hosts' addresses begin: an IPv4 and an IPv6 prefix */
  constructor(
    readonly hosts4: string,
    readonly hosts6: string,
  ) {
    const { octets, length } = parsePrefix(hosts4);
    this.#base4 = parseIpv4(formatAddress(octets));
    this.#size4 = 2 ** (32 - length);
    this.#base6 = parsePrefix(hosts6).octets;
  }

  /** Addresses of the next host. */
  nextHost(): [string, string] {
    const n = ++this.#hosts;
    if (n >= this.#size4 - 1) throw new UsageError('too_many_hosts', `${this.hosts4} has no address left`);
    return [formatIpv4(this.#base4 + n), formatAddress(plus(this.#base6, n))];
  }

  /** The two ends of the next link, each with an IPv4 and an IPv6 address and their lengths. */
  nextLink(): [[string, string], [string, string]] {
    const n = 2 * this.#links++;
    const end = (at: number): [string, string] => [
      `${formatIpv4(parseIpv4('100.64.0.0') + n + at)}/31`,
      `${formatAddress(plus(parseAddress('fd00:64::'), n + at))}/127`,
    ];
    return [end(0), end(1)];
  }
}

function plus(base: Uint8Array, n: number): Uint8Array {
  const sum = new Uint8Array(base);
  for (let i = 15, carry = n; carry > 0 && i >= 0; i--) {
    carry += sum[i]!;
    sum[i] = carry & 255;
    carry = Math.floor(carry / 256);
  }
  return sum;
}
