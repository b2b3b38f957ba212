import { routeBody, type Hop, type RouteBody } from '../../fib/body.js';
import { formatWords, newWords } from '../../fib/prefix-text.js';
import type { KernelRoute } from '../../fib/writer.js';
import { formatAddress } from '../../net/index.js';
import { forEachAttribute, HEADER_LENGTH, malformed, type NetlinkMessage } from './message.js';
import { AF, LITTLE_ENDIAN, RTA, RTAX, RTM_F_CLONED, RTNH_F } from './numbers.js';
import { ROUTE_TYPES } from '../route-types.js';
import { ROUTE_LENGTH } from './route-encoder.js';

/** All of a route but its prefix. */
type Rest = Omit<KernelRoute, 'prefix'>;

interface Known {
  /** The message without header, destination and its length. */
  readonly octets: Uint8Array;
  readonly rest: Rest;
  readonly next: Known | undefined;
}

/** What says nothing lasting about a route. */
const IGNORED = new Set<number>([RTA.CACHEINFO, RTA.TTL_PROPAGATE]);
const PREFERENCES = ['medium', 'high', 'invalid', 'low'];

/**
 * Reads RTM_NEWROUTE and RTM_DELROUTE. Most routes differ in their prefix only, so what is left without it is read once
 * and remembered.
 */
export class RouteDecoder {
  #known = new Map<number, Known>();
  #size = 0;
  readonly #words = newWords();

  /** @param nameOf of a device, by its index */
  constructor(private readonly nameOf: (index: number) => string) {}

  /** Devices have other names now. */
  forget(): void {
    this.#known = new Map();
    this.#size = 0;
  }

  /**
   * @returns null: not a route of IPv4 or IPv6, or a cached copy of one
   * @throws KernelError `EPROTO`
   */
  decode({ view, octets, start, end }: NetlinkMessage): KernelRoute | null {
    const at = start + HEADER_LENGTH;
    if (end - at < ROUTE_LENGTH) throw malformed('a route is cut short');
    const six = octets[at] === AF.INET6;
    if (!six && octets[at] !== AF.INET) return null;
    if ((view.getUint32(at + 8, LITTLE_ENDIAN) & RTM_F_CLONED) !== 0) return null;
    const destination = this.#prefix(view, octets, at, end, six);
    const rest = this.#rest(view, octets, at, end, destination);
    const { table, protocol, metric, tos, body } = rest;
    return { prefix: formatWords(this.#words), table, protocol, metric, tos, body };
  }

  /** Fill in the prefix. @returns where its attribute begins, -1: nowhere, since it is a default route */
  #prefix(view: DataView, octets: Uint8Array, at: number, end: number, six: boolean): number {
    const p = this.#words;
    p.family = six ? 6 : 4;
    p.length = octets[at + 1]!;
    if (p.length > (six ? 128 : 32)) throw malformed(`a prefix of ${p.length} bits`);
    p.w0 = p.w1 = p.w2 = p.w3 = 0;
    for (let a = at + ROUTE_LENGTH; a + 4 <= end;) {
      const length = view.getUint16(a, LITTLE_ENDIAN);
      if (length < 4 || a + length > end) throw malformed(`an attribute of ${length} octets`);
      if (view.getUint16(a + 2, LITTLE_ENDIAN) === RTA.DST) {
        if (length !== (six ? 20 : 8)) throw malformed(`a destination of ${length - 4} octets`);
        p.w0 = view.getUint32(a + 4);
        if (six) {
          p.w1 = view.getUint32(a + 8);
          p.w2 = view.getUint32(a + 12);
          p.w3 = view.getUint32(a + 16);
        }
        return a;
      }
      a += (length + 3) & ~3;
    }
    return -1;
  }

  #rest(view: DataView, octets: Uint8Array, at: number, end: number, destination: number): Rest {
    const cut = destination < 0 ? end : destination;
    const resume = destination < 0 ? end : destination + view.getUint16(destination, LITTLE_ENDIAN);
    let hash = octets[at]!;
    for (let i = at + 2; i < cut; i++) hash = Math.imul(hash ^ octets[i]!, 0x01000193);
    for (let i = resume; i < end; i++) hash = Math.imul(hash ^ octets[i]!, 0x01000193);
    const first = this.#known.get(hash);
    for (let known = first; known; known = known.next) {
      if (isSame(known.octets, octets, at, cut, resume, end)) return known.rest;
    }
    const rest = this.#parse(view, octets, at, end);
    if (this.#size++ > 10_000) this.forget();
    const kept = new Uint8Array(cut - at + end - resume);
    kept.set(octets.subarray(at, cut));
    kept.set(octets.subarray(resume, end), cut - at);
    this.#known.set(hash, { octets: kept, rest, next: this.#known.get(hash) });
    return rest;
  }

  #parse(view: DataView, octets: Uint8Array, at: number, end: number): Rest {
    const flags = view.getUint32(at + 8, LITTLE_ENDIAN);
    const parsed = new Attributes(this.nameOf, octets[at] === AF.INET6);
    forEachAttribute(view, at + ROUTE_LENGTH, end, (type, from, to) => parsed.take(view, octets, type, from, to));
    const type = ROUTE_TYPES[octets[at + 7]!] ?? 'unknown';
    const hops =
      type !== 'unicast'
        ? []
        : parsed.hops.length > 0
          ? parsed.hops
          : parsed.gateway === undefined && parsed.device === undefined
            ? []
            : [hopOf(parsed.gateway, parsed.device, flags, undefined)];
    const body: RouteBody = routeBody({
      type,
      hops,
      ...(parsed.nexthop === undefined ? {} : { nexthop: parsed.nexthop }),
      ...(parsed.source === undefined ? {} : { source: parsed.source }),
      ...(parsed.mtu === undefined ? {} : { mtu: parsed.mtu }),
      ...(parsed.extra.length === 0 ? {} : { extra: parsed.extra.join(' ') }),
    });
    const { metric } = parsed;
    return { table: parsed.table ?? octets[at + 4]!, protocol: octets[at + 5]!, metric, tos: octets[at + 3]!, body };
  }
}

function isSame(known: Uint8Array, octets: Uint8Array, at: number, cut: number, resume: number, end: number): boolean {
  if (known.length !== cut - at + end - resume) return false;
  // The second octet is the length of the prefix.
  if (known[0] !== octets[at]) return false;
  for (let i = at + 2; i < cut; i++) if (known[i - at] !== octets[i]) return false;
  const shift = resume - (cut - at);
  for (let i = resume; i < end; i++) if (known[i - shift] !== octets[i]) return false;
  return true;
}

function hopOf(
  gateway: string | undefined,
  device: string | undefined,
  flags: number,
  weight: number | undefined,
): Hop {
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(device === undefined ? {} : { device }),
    ...(weight === undefined ? {} : { weight }),
    ...((flags & RTNH_F.ONLINK) !== 0 ? { onlink: true } : {}),
    ...((flags & (RTNH_F.DEAD | RTNH_F.LINKDOWN)) !== 0 ? { down: true } : {}),
  };
}

/** What the attributes of one route, or of one of its hops, say. */
class Attributes {
  gateway: string | undefined;
  device: string | undefined;
  readonly hops: Hop[] = [];
  table: number | undefined;
  metric = 0;
  source: string | undefined;
  mtu: number | undefined;
  nexthop: number | undefined;
  readonly extra: string[] = [];

  constructor(
    private readonly nameOf: (index: number) => string,
    private readonly six: boolean,
  ) {}

  take(view: DataView, octets: Uint8Array, type: number, from: number, to: number): void {
    const value = octets.subarray(from, to);
    switch (type) {
      case RTA.DST:
        return;
      case RTA.GATEWAY:
        this.gateway = this.#address(value);
        return;
      case RTA.VIA:
        // The family in host order, then the address.
        if (value.length !== 6 && value.length !== 18) throw malformed('a gateway of another family');
        this.gateway = formatAddress(value.subarray(2));
        return;
      case RTA.PREFSRC:
        this.source = this.#address(value);
        return;
      case RTA.METRICS:
        return this.#metrics(view, from, to);
      case RTA.MULTIPATH:
        return this.#nextHops(view, octets, from, to);
      case RTA.PREF:
        if (value[0] !== 0) this.extra.push(`pref ${PREFERENCES[value[0] ?? 0] ?? value[0]}`);
        return;
      case RTA.OIF:
        this.device = this.nameOf(number(view, from, to));
        return;
      case RTA.TABLE:
        this.table = number(view, from, to);
        return;
      case RTA.PRIORITY:
        this.metric = number(view, from, to);
        return;
      case RTA.NH_ID:
        this.nexthop = number(view, from, to);
        return;
      default:
        if (!IGNORED.has(type)) this.extra.push(`attribute ${type} ${Buffer.from(value).toString('hex')}`);
    }
  }

  #address(value: Uint8Array): string {
    if (value.length !== (this.six ? 16 : 4)) throw malformed(`an address of ${value.length} octets`);
    return formatAddress(value);
  }

  #metrics(view: DataView, start: number, end: number): void {
    const metrics: [number, number][] = [];
    let locked = 0;
    forEachAttribute(view, start, end, (type, from, to) => {
      // Text in one case (the congestion control algorithm), which nobody but a foreign program sets.
      const value = to - from === 4 ? view.getUint32(from, LITTLE_ENDIAN) : 0;
      if (type === RTAX.LOCK) locked = value;
      else metrics.push([type, value]);
    });
    for (const [type, value] of metrics) {
      if (type === RTAX.MTU && (locked & (1 << RTAX.MTU)) === 0) this.mtu = value;
      else this.extra.push(type === RTAX.MTU ? `mtu lock ${value}` : `metric ${type} ${value}`);
    }
  }

  #nextHops(view: DataView, octets: Uint8Array, start: number, end: number): void {
    for (let at = start; at + 8 <= end;) {
      const length = view.getUint16(at, LITTLE_ENDIAN);
      if (length < 8 || at + length > end) throw malformed(`a next hop of ${length} octets`);
      const inner = new Attributes(this.nameOf, this.six);
      forEachAttribute(view, at + 8, at + length, (type, from, to) => inner.take(view, octets, type, from, to));
      const device = this.nameOf(view.getInt32(at + 4, LITTLE_ENDIAN));
      this.hops.push(hopOf(inner.gateway, device, octets[at + 2]!, octets[at + 3]! + 1));
      this.extra.push(...inner.extra);
      at += (length + 3) & ~3;
    }
  }
}

function number(view: DataView, from: number, to: number): number {
  if (to - from !== 4) throw malformed(`a number of ${to - from} octets`);
  return view.getUint32(from, LITTLE_ENDIAN);
}
