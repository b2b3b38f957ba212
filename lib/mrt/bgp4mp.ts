import { Reader } from '../net/reader.js';
import type { WireContext } from '../bgp/wire/index.js';
import { formatAddress } from '../net/address.js';
import { ALL_FAMILIES, frame, MAX_EXTENDED_MESSAGE_LENGTH, MESSAGE_TYPE } from '../bgp/wire/index.js';

/** Between whom a message went, or a session changed its state. */
export interface MrtSession {
  readonly peerAs: number;
  readonly localAs: number | undefined;
  /** Not in the old type BGP. */
  readonly interfaceIndex: number | undefined;
  readonly afi: number | undefined;
  readonly peerIp: string;
  readonly localIp: string | undefined;
}

export interface MrtMessage {
  readonly kind: 'message';
  readonly session: MrtSession;
  /** The whole BGP message; borrowed. */
  readonly octets: Uint8Array;
  /** How to read it: the subtype decides AS width and ADD-PATH. */
  readonly cx: WireContext;
}

export interface MrtStateChange {
  readonly kind: 'stateChange';
  readonly session: MrtSession;
  /** FSM states as in RFC 6396 section 4.4.1: 1 Idle … 6 Established. */
  readonly oldState: number;
  readonly newState: number;
}

const STATE_CHANGE = 0;
const STATE_CHANGE_AS4 = 5;
/** Message subtypes: RFC 6396 section 4.4, RFC 8050 section 3. */
const AS4_SUBTYPES = new Set([4, 5, 7, 9, 11]);
const ADD_PATH_SUBTYPES = new Set([8, 9, 10, 11]);
const MESSAGE_SUBTYPES = new Set([1, 4, 6, 7, 8, 9, 10, 11]);

const CONTEXTS = [false, true].map((asn4) =>
  [false, true].map((addPath): WireContext =>
    Object.freeze({
      asn4,
      addPath: new Set(addPath ? [ALL_FAMILIES] : []),
      // An archive has what was received, whatever had been negotiated.
      maxMessageLength: MAX_EXTENDED_MESSAGE_LENGTH,
    }),
  ),
);

/** How the messages of a BGP4MP subtype are to be read. */
export function bgp4mpContext(subtype: number): WireContext {
  return CONTEXTS[Number(AS4_SUBTYPES.has(subtype))]![Number(ADD_PATH_SUBTYPES.has(subtype))]!;
}

/** How the messages of the old type BGP are to be read. */
export const OLD_BGP_CONTEXT = CONTEXTS[0]![0]!;

/** Body of a BGP4MP or BGP4MP_ET record; undefined for a subtype that is not read. @throws ReadError when it is too short */
export function decodeBgp4mp(subtype: number, body: Uint8Array): MrtMessage | MrtStateChange | undefined {
  const isState = subtype === STATE_CHANGE || subtype === STATE_CHANGE_AS4;
  if (!isState && !MESSAGE_SUBTYPES.has(subtype)) return undefined;
  const r = new Reader(body);
  const as4 = AS4_SUBTYPES.has(subtype);
  const peerAs = as4 ? r.u32() : r.u16();
  const localAs = as4 ? r.u32() : r.u16();
  const interfaceIndex = r.u16();
  const afi = r.u16();
  const size = afi === 2 ? 16 : 4;
  const [peerIp, localIp] = [formatAddress(r.view(size)), formatAddress(r.view(size))];
  const session = { peerAs, localAs, interfaceIndex, afi, peerIp, localIp };
  if (isState) return { kind: 'stateChange', session, oldState: r.u16(), newState: r.u16() };
  return { kind: 'message', session, octets: r.rest(), cx: bgp4mpContext(subtype) };
}

/** Message types of the old type BGP by subtype (RFC 6396 appendix B.2). */
const OLD_MESSAGES: Readonly<Record<number, number>> = {
  1: MESSAGE_TYPE.update,
  5: MESSAGE_TYPE.open,
  6: MESSAGE_TYPE.notification,
  7: MESSAGE_TYPE.keepalive,
};
const OLD_STATE_CHANGE = 3;
const OLD_STATE_CHANGE_WITHOUT_LOCAL = 10;

/** Body of a record of the deprecated type BGP. Its messages have no header: it is put in front. @throws ReadError */
export function decodeOldBgp(subtype: number, body: Uint8Array): MrtMessage | MrtStateChange | undefined {
  const type = OLD_MESSAGES[subtype];
  if (type === undefined && subtype !== OLD_STATE_CHANGE) return undefined;
  const r = new Reader(body);
  const [peerAs, peerIp] = [r.u16(), formatAddress(r.view(4))];
  const unknown = { interfaceIndex: undefined, afi: undefined };
  if (type === undefined && body.length === OLD_STATE_CHANGE_WITHOUT_LOCAL) {
    const session = { peerAs, localAs: undefined, ...unknown, peerIp, localIp: undefined };
    return { kind: 'stateChange', session, oldState: r.u16(), newState: r.u16() };
  }
  const [localAs, localIp] = [r.u16(), formatAddress(r.view(4))];
  const session = { peerAs, localAs, ...unknown, peerIp, localIp };
  if (type === undefined) return { kind: 'stateChange', session, oldState: r.u16(), newState: r.u16() };
  return { kind: 'message', session, octets: frame(type, r.rest()), cx: OLD_BGP_CONTEXT };
}
