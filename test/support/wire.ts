import {
  checkHeader,
  decodeUpdate,
  DEFAULT_CONTEXT,
  encodeUpdate,
  HEADER_LENGTH,
  headerLength,
  type Attribute,
  type DecodedUpdate,
  type EncodableAttribute,
  type EncodableUpdate,
  type MpReach,
  type MpUnreach,
  type PrefixNlri,
  type WireContext,
} from '../../lib/bgp/wire/index.js';
import { formatPrefix, parsePrefix } from '../../lib/net/index.js';

/** Octets of hex text; blanks and `|` may stand between fields. */
export function octets(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/[\s|]/g, ''), 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Cut a stream into whole messages, header included. @throws Error at anything that is not a message */
export function splitMessages(stream: Uint8Array, maxLength = 65535): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < stream.length;) {
    const header = checkHeader(stream, at, stream.length - at, maxLength);
    if (typeof header !== 'number' || header === 0) throw new Error(`no message at octet ${at}: ${String(header)}`);
    messages.push(stream.slice(at, at + headerLength(header)));
    at += headerLength(header);
  }
  return messages;
}

/** `10.1.0.0/16`, or with a Path Identifier `10.1.0.0/16#5`. */
const nlri = (prefixes: readonly string[]): PrefixNlri[] =>
  prefixes.map((text) => {
    const [prefix, pathId] = text.split('#');
    return { prefix: parsePrefix(prefix!), ...(pathId === undefined ? {} : { pathId: Number(pathId) }) };
  });

const keyOf = ({ prefix, pathId }: PrefixNlri): string =>
  formatPrefix(prefix) + (pathId === undefined ? '' : `#${pathId}`);

/** What a test announces: prefixes of one family, and the attributes besides NEXT_HOP or MP_REACH_NLRI. */
export interface Announcement {
  readonly prefixes: readonly string[];
  readonly nextHop: string;
  readonly attributes: readonly EncodableAttribute[];
}

const isIpv6 = (prefix: string): boolean => prefix.includes(':');

/** A whole UPDATE that announces IPv4 prefixes in the NLRI field, or prefixes with an IPv6 next hop in MP_REACH_NLRI. */
export function announcement(
  { prefixes, nextHop, attributes }: Announcement,
  cx: WireContext = DEFAULT_CONTEXT,
): Uint8Array {
  const all: EncodableAttribute[] = [...attributes];
  const inMp = isIpv6(nextHop) || isIpv6(prefixes[0]!);
  const afi = isIpv6(prefixes[0]!) ? 2 : 1;
  if (inMp) all.push({ code: 14, value: { afi, safi: 1, nextHop, nlri: nlri(prefixes) } });
  else all.push({ code: 3, value: nextHop });
  all.sort((a, b) => a.code - b.code);
  const update: EncodableUpdate = { attributes: all, nlri: inMp ? [] : nlri(prefixes) };
  return encodeUpdate(update, cx);
}

/** A whole UPDATE that withdraws prefixes of one family. */
export function withdrawal(prefixes: readonly string[], cx: WireContext = DEFAULT_CONTEXT): Uint8Array {
  return isIpv6(prefixes[0]!)
    ? encodeUpdate({ attributes: [{ code: 15, value: { afi: 2, safi: 1, nlri: nlri(prefixes) } }] }, cx)
    : encodeUpdate({ withdrawn: nlri(prefixes) }, cx);
}

/** A route that the reader of a stream of UPDATEs holds. */
export interface HeldRoute {
  readonly nextHop: string | undefined;
  readonly linkLocal: string | undefined;
  /** All attributes but MP_REACH_NLRI and MP_UNREACH_NLRI, in wire order. */
  readonly attributes: readonly Attribute[];
}

/** The value of an attribute of a route. */
export function valueOf<C extends Attribute['code']>(route: HeldRoute, code: C): unknown {
  const attribute = route.attributes.find((a) => a.code === code);
  return attribute && ('value' in attribute ? attribute.value : attribute.raw);
}

/** What somebody holds who believes every UPDATE of a stream; throws at any flaw in it. Routes by prefix, with ADD-PATH by `prefix#id`. */
export class TableView {
  readonly routes = new Map<string, HeldRoute>();
  /** Families of the End-of-RIB markers, `afi/safi`, in order. */
  readonly endOfRib: string[] = [];
  /** Withdrawals of prefixes that were not held. */
  readonly needless: string[] = [];
  /** `+prefix` and `-prefix` in the order in which they came. */
  readonly log: string[] = [];
  messages = 0;

  /** @param cx with the peer's type, so that all rules of RFC 7606 are applied */
  constructor(private readonly cx: WireContext) {}

  /** Apply a stream of whole UPDATE messages. */
  applyStream(stream: Uint8Array): void {
    for (const message of splitMessages(stream, this.cx.maxMessageLength)) this.apply(message.subarray(HEADER_LENGTH));
  }

  /** Apply the body of one UPDATE. */
  apply(body: Uint8Array): DecodedUpdate {
    this.messages++;
    const update = decodeUpdate(body, this.cx);
    if (update.error) throw new Error(`flawed UPDATE: ${update.error.reason} in ${toHex(body)}`);
    if (update.endOfRib) this.endOfRib.push(`${update.endOfRib.afi}/${update.endOfRib.safi}`);
    const reach = update.attributes.find(({ code }) => code === 14)?.value as MpReach | undefined;
    const unreach = update.attributes.find(({ code }) => code === 15)?.value as MpUnreach | undefined;
    for (const item of [...update.withdrawn, ...(unreach?.nlri ?? [])]) this.withdraw(item as PrefixNlri);
    const attributes = update.attributes.filter(({ code }) => code !== 14 && code !== 15);
    const nextHop = attributes.find(({ code }) => code === 3)?.value as string | undefined;
    for (const item of update.nlri) this.announce(item as PrefixNlri, { nextHop, linkLocal: undefined, attributes });
    for (const item of reach?.nlri ?? []) {
      this.announce(item as PrefixNlri, { nextHop: reach!.nextHop, linkLocal: reach!.linkLocal, attributes });
    }
    return update;
  }

  private announce(item: PrefixNlri, route: HeldRoute): void {
    const prefix = keyOf(item);
    this.routes.set(prefix, route);
    this.log.push(`+${prefix}`);
  }

  private withdraw(item: PrefixNlri): void {
    const prefix = keyOf(item);
    if (!this.routes.delete(prefix)) this.needless.push(prefix);
    this.log.push(`-${prefix}`);
  }
}
