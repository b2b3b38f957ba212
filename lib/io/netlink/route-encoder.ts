import type { Hop, RouteBody } from '../../fib/body.js';
import { newWords, parseWords } from '../../fib/prefix-text.js';
import type { RouteChange } from '../../fib/writer.js';
import { parseAddress } from '../../net/index.js';
import { ROUTE_TYPES } from '../route-types.js';
import { aligned, putHeader } from './message.js';
import { AF, LITTLE_ENDIAN, NLM_F, RT_SCOPE, RT_TABLE_COMPAT, RTA, RTAX, RTM, RTNH_F } from './numbers.js';

/** Octets of struct rtmsg. */
export const ROUTE_LENGTH = 12;

export const CHANGE_FLAGS = {
  add: NLM_F.REQUEST | NLM_F.CREATE | NLM_F.EXCL,
  replace: NLM_F.REQUEST | NLM_F.CREATE | NLM_F.REPLACE,
  delete: NLM_F.REQUEST,
} as const;

/** What a body adds to a message, made once per body. */
interface EncodedBody {
  readonly type: number;
  readonly scope: number;
  readonly flags: number;
  readonly attributes: Uint8Array;
}

/** A device that is not there. */
export class UnknownDevice extends Error {
  constructor(readonly device: string) {
    super(`Cannot find device "${device}"`);
  }
}

/** Makes requests of changes. */
export interface ChangeEncoder<T> {
  /** The most octets that a change can take. @throws UnknownDevice */
  room(change: T): number;
  /** Write a change. @returns where it ends. @throws UnknownDevice */
  put(view: DataView, octets: Uint8Array, start: number, change: T, sequence: number): number;
}

/** Route changes as RTM_NEWROUTE and RTM_DELROUTE. */
export class RouteEncoder implements ChangeEncoder<RouteChange> {
  #bodies4 = new WeakMap<RouteBody, EncodedBody>();
  #bodies6 = new WeakMap<RouteBody, EncodedBody>();
  readonly #words = newWords();

  /** @param indexOf of a device; 0: there is none */
  constructor(private readonly indexOf: (device: string) => number) {}

  /** Devices have other numbers now. */
  forget(): void {
    this.#bodies4 = new WeakMap();
    this.#bodies6 = new WeakMap();
  }

  room(change: RouteChange): number {
    const attributes = change.op === 'delete' ? 0 : this.#encoded(change).attributes.length;
    return 16 + ROUTE_LENGTH + 20 + 8 + 8 + attributes;
  }

  put(view: DataView, octets: Uint8Array, start: number, change: RouteChange, sequence: number): number {
    const removal = change.op === 'delete';
    const body = removal ? null : this.#encoded(change);
    const p = this.#words;
    parseWords(change.prefix, p);
    let at = putHeader(view, start, removal ? RTM.DELROUTE : RTM.NEWROUTE, CHANGE_FLAGS[change.op], sequence);
    const { table } = change;
    octets[at] = p.family === 4 ? AF.INET : AF.INET6;
    octets[at + 1] = p.length;
    octets[at + 2] = octets[at + 3] = 0;
    octets[at + 4] = table < 256 ? table : RT_TABLE_COMPAT;
    octets[at + 5] = change.protocol;
    // Without its type and hops a delete removes whatever stands there under our protocol, table and metric.
    octets[at + 6] = body ? body.scope : RT_SCOPE.NOWHERE;
    octets[at + 7] = body ? body.type : 0;
    view.setUint32(at + 8, body ? body.flags : 0, LITTLE_ENDIAN);
    at += ROUTE_LENGTH;
    at = attribute(view, at, RTA.DST, p.family === 4 ? 4 : 16);
    view.setUint32(at, p.w0);
    if (p.family === 6) {
      view.setUint32(at + 4, p.w1);
      view.setUint32(at + 8, p.w2);
      view.setUint32(at + 12, p.w3);
    }
    at += p.family === 4 ? 4 : 16;
    view.setUint32(attribute(view, at, RTA.TABLE, 4), table, LITTLE_ENDIAN);
    view.setUint32(attribute(view, at + 8, RTA.PRIORITY, 4), change.metric, LITTLE_ENDIAN);
    at += 16;
    if (body) {
      octets.set(body.attributes, at);
      at += body.attributes.length;
    }
    view.setUint32(start, at - start, LITTLE_ENDIAN);
    return at;
  }

  #encoded({ prefix, body }: RouteChange): EncodedBody {
    const six = prefix.includes(':');
    const known = (six ? this.#bodies6 : this.#bodies4).get(body);
    if (known) return known;
    const made = encodeBody(body, six, this.indexOf);
    (six ? this.#bodies6 : this.#bodies4).set(body, made);
    return made;
  }
}

/** @returns where the value begins */
function attribute(view: DataView, at: number, type: number, length: number): number {
  view.setUint16(at, 4 + length, LITTLE_ENDIAN);
  view.setUint16(at + 2, type, LITTLE_ENDIAN);
  return at + 4;
}

function encodeBody(body: RouteBody, six: boolean, indexOf: (device: string) => number): EncodedBody {
  const out = new Octets();
  if (body.source !== undefined) out.attribute(RTA.PREFSRC, parseAddress(body.source));
  if (body.mtu !== undefined) {
    const metrics = new Octets();
    metrics.number(RTAX.MTU, body.mtu);
    out.attribute(RTA.METRICS, metrics.octets());
  }
  const [only] = body.hops;
  let flags = 0;
  if (body.nexthop !== undefined) out.number(RTA.NH_ID, body.nexthop);
  else if (body.hops.length === 1) {
    way(out, only!, six, indexOf);
    if (only!.onlink) flags = RTNH_F.ONLINK;
  } else if (body.hops.length > 1) {
    const hops = new Octets();
    for (const hop of body.hops) {
      const inner = new Octets();
      const index = hop.device === undefined ? 0 : deviceIndex(hop.device, indexOf);
      way(inner, { ...hop, device: undefined }, six, indexOf);
      hops.nextHop(hop.onlink ? RTNH_F.ONLINK : 0, (hop.weight ?? 1) - 1, index, inner.octets());
    }
    out.attribute(RTA.MULTIPATH, hops.octets());
  }
  const onLink =
    !six &&
    body.type === 'unicast' &&
    body.nexthop === undefined &&
    body.hops.every(({ gateway }) => gateway === undefined);
  return {
    type: ROUTE_TYPES.indexOf(body.type),
    scope: onLink ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE,
    flags,
    attributes: out.octets(),
  };
}

type Way = Pick<Hop, 'gateway'> & { readonly device?: string | undefined };

function way(out: Octets, hop: Way, six: boolean, indexOf: (device: string) => number): void {
  if (hop.gateway !== undefined) {
    const gateway = parseAddress(hop.gateway);
    // RFC 8950: a gateway of the other family goes with its family, in host order.
    if (gateway.length === 16 && !six) out.attribute(RTA.VIA, new Uint8Array([...hostShort(AF.INET6), ...gateway]));
    else out.attribute(RTA.GATEWAY, gateway);
  }
  if (hop.device !== undefined) out.number(RTA.OIF, deviceIndex(hop.device, indexOf));
}

/** @throws UnknownDevice */
export function deviceIndex(device: string, indexOf: (device: string) => number): number {
  const index = indexOf(device);
  if (index === 0) throw new UnknownDevice(device);
  return index;
}

function hostShort(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

/** A few attributes in the making. */
class Octets {
  #parts: number[] = [];

  attribute(type: number, value: Uint8Array): void {
    this.#parts.push(...hostShort(4 + value.length), ...hostShort(type), ...value);
    this.#pad();
  }

  number(type: number, value: number): void {
    this.attribute(type, new Uint8Array(Uint32Array.of(value).buffer));
  }

  /** struct rtnexthop. */
  nextHop(flags: number, hops: number, index: number, attributes: Uint8Array): void {
    const indexOctets = new Uint8Array(Int32Array.of(index).buffer);
    this.#parts.push(...hostShort(8 + attributes.length), flags, hops, ...indexOctets, ...attributes);
  }

  octets(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }

  #pad(): void {
    while (this.#parts.length !== aligned(this.#parts.length)) this.#parts.push(0);
  }
}
