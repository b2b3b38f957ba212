import { frame, MESSAGE_TYPE } from '../header.js';

const octets = frame(MESSAGE_TYPE.keepalive, new Uint8Array(0));

/**
 * The KEEPALIVE message: 19 octets, shared by all. Typed arrays cannot be frozen, so the promise not to write to it is kept
 * by whoever sends it (RFC 4271 section 4.4).
 */
export const KEEPALIVE: Readonly<Uint8Array> & Uint8Array = octets;

/** The KEEPALIVE message. */
export function encodeKeepalive(): Uint8Array {
  return KEEPALIVE;
}
