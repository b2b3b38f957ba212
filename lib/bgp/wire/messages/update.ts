import { UsageError } from '../../../net/errors.js';
import { Writer } from '../../../net/writer.js';
import type { Attribute } from '../attributes/index.js';
import type { EncodableAttribute } from './attribute-block.js';
import { decodeAttribute, encodeAttributes } from './attribute-block.js';
import type { WireContext } from '../context.js';
import { DEFAULT_CONTEXT, hasAddPath } from '../context.js';
import type { Diagnostic, ErrorAction } from '../errors.js';
import type { AfiSafi } from '../families.js';
import { HEADER_LENGTH, MESSAGE_TYPE, writeHeader } from '../header.js';
import type { OpaqueNlri, PrefixNlri } from '../nlri/index.js';
import { decodeNlri, encodeNlri, ipv4Unicast } from '../nlri/index.js';
import { parseUpdate, parseAttributes } from './parse-update.js';
import type { ParsedUpdate } from './parse-update.js';

/** What an UPDATE is made of (RFC 4271 section 4.3), typed. All octets in it are copies. */
export interface UpdateMessage {
  /** IPv4 unicast Withdrawn Routes field. A rest that cannot be read is one last item with `raw` alone. */
  readonly withdrawn: readonly (PrefixNlri | OpaqueNlri)[];
  /** In wire order, duplicates included. */
  readonly attributes: readonly Attribute[];
  /** IPv4 unicast NLRI field. */
  readonly nlri: readonly (PrefixNlri | OpaqueNlri)[];
}

/** A decoded UPDATE with all that is wrong with it. */
export interface DecodedUpdate extends UpdateMessage {
  /** The family, when this is an End-of-RIB marker (RFC 4724 section 2). */
  readonly endOfRib: AfiSafi | undefined;
  /** In wire order. */
  readonly diagnostics: readonly Diagnostic[];
  /** The strongest diagnostic. */
  readonly error: Diagnostic | undefined;
  /** What has to be done with the whole UPDATE. */
  readonly action: ErrorAction | undefined;
}

/** An UPDATE to be written; what is left out is empty. */
export interface EncodableUpdate {
  readonly withdrawn?: UpdateMessage['withdrawn'];
  readonly attributes?: readonly EncodableAttribute[];
  readonly nlri?: UpdateMessage['nlri'];
}

/**
 * Decode the body of an UPDATE into typed values.
 * @param body octets after the 19-octet header
 * @throws never for what the octets hold
 * @see RFC 4271 sections 4.3 and 6.3, RFC 7606
 */
export function decodeUpdate(body: Uint8Array, cx: WireContext = DEFAULT_CONTEXT): DecodedUpdate {
  return decodeParsedUpdate(body, parseUpdate(body, 0, body.length, cx), cx);
}

/** The typed form of an UPDATE that has been parsed already. */
export function decodeParsedUpdate(bytes: Uint8Array, parsed: ParsedUpdate, cx: WireContext): DecodedUpdate {
  const addPath = hasAddPath(cx, 1, 1);
  return {
    withdrawn: decodeNlri(ipv4Unicast, bytes, parsed.withdrawnStart, parsed.withdrawnEnd, addPath),
    attributes: parsed.attributes.map((place) => decodeAttribute(bytes, place, cx)),
    nlri: decodeNlri(ipv4Unicast, bytes, parsed.nlriStart, parsed.nlriEnd, addPath),
    endOfRib: endOfRib(parsed),
    diagnostics: parsed.diagnostics,
    error: parsed.error,
    action: parsed.action,
  };
}

/**
 * The family of which this UPDATE is the End-of-RIB marker: an empty one for IPv4 unicast, one with nothing but an empty
 * MP_UNREACH_NLRI for any other (RFC 4724 section 2).
 */
export function endOfRib(parsed: ParsedUpdate): AfiSafi | undefined {
  if (parsed.withdrawnStart < parsed.withdrawnEnd || parsed.nlriStart < parsed.nlriEnd) return undefined;
  if (parsed.diagnostics.length > 0) return undefined;
  if (parsed.attributes.length === 0) return { afi: 1, safi: 1 };
  const unreach = parsed.mpUnreach;
  if (parsed.attributes.length > 1 || unreach === undefined || unreach.nlriStart < unreach.nlriEnd) return undefined;
  return { afi: unreach.afi, safi: unreach.safi };
}

/**
 * Decode a block of path attributes that is not inside an UPDATE (an interned set, an MRT entry). What is malformed
 * comes as octets; what is wrong is not told, and nothing is missed.
 */
export function decodeAttributes(block: Uint8Array, cx: WireContext = DEFAULT_CONTEXT): Attribute[] {
  return parseAttributes(block, 0, block.length, cx).attributes.map((place) => decodeAttribute(block, place, cx));
}

/**
 * A whole UPDATE message.
 * @throws UsageError `message_too_long` over the context's limit, `bad_attribute`
 */
export function encodeUpdate(update: EncodableUpdate, cx: WireContext = DEFAULT_CONTEXT): Uint8Array {
  const addPath = hasAddPath(cx, 1, 1);
  const w = new Writer(512);
  w.reserve(HEADER_LENGTH);
  writeWithLength(w, () => encodeNlri(ipv4Unicast, w, update.withdrawn ?? [], addPath));
  writeWithLength(w, () => encodeAttributes(update.attributes ?? [], cx, w));
  encodeNlri(ipv4Unicast, w, update.nlri ?? [], addPath);
  if (w.length > cx.maxMessageLength) {
    throw new UsageError('message_too_long', `UPDATE of ${w.length} octets, the limit is ${cx.maxMessageLength}`);
  }
  const message = w.finish();
  writeHeader(message, message.length, MESSAGE_TYPE.update);
  return message;
}

function writeWithLength(w: Writer, write: () => void): void {
  const at = w.reserve(2);
  write();
  w.patch16(at, w.length - at - 2);
}

/** The End-of-RIB marker of a family: a whole message (RFC 4724 section 2). */
export function encodeEndOfRib(afi: number, safi: number): Uint8Array {
  if (afi === 1 && safi === 1) return encodeUpdate({});
  return encodeUpdate({ attributes: [{ code: 15, value: { afi, safi, nlri: [] } }] });
}
