import { MessageError } from './errors.js';
import { MAX_MESSAGE_LENGTH } from './context.js';

/** Marker (16), Length (2) and Type (1): RFC 4271 section 4.1. */
export const HEADER_LENGTH = 19;

/** Message type codes (RFC 4271 section 4.1, RFC 2918). */
export const MESSAGE_TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

/** Subcodes of code 1, Message Header Error. */
const NOT_SYNCHRONIZED = 1;
const BAD_LENGTH = 2;
const BAD_TYPE = 3;

/** Shortest message of each type. A short ROUTE-REFRESH has an error code of its own (RFC 7313 section 5). */
const MIN_LENGTH = [HEADER_LENGTH, 29, 23, 21, HEADER_LENGTH, HEADER_LENGTH];

/**
 * Check the message header at `start`.
 * @param available octets that are there from `start` on
 * @param maxMessageLength 4096, or 65535 when extended messages were negotiated; OPEN and KEEPALIVE never exceed 4096
 * @returns a number with the message's length and type, for {@link headerLength} and {@link headerType}, or the
 *   error; 0 while fewer than 19 octets are available
 * @see RFC 4271 section 6.1, RFC 8654 section 4
 */
export function checkHeader(
  bytes: Uint8Array,
  start: number,
  available: number,
  maxMessageLength: number,
): number | MessageError {
  if (available < HEADER_LENGTH) return 0;
  for (let i = start; i < start + 16; i++) {
    if (bytes[i] !== 0xff) return new MessageError(1, NOT_SYNCHRONIZED, `marker octet ${i - start + 1} is ${bytes[i]}`);
  }
  const length = (bytes[start + 16]! << 8) | bytes[start + 17]!;
  const type = bytes[start + 18]!;
  const reason = judgeLength(length, type, maxMessageLength);
  if (reason !== undefined) return new MessageError(1, BAD_LENGTH, reason, bytes.slice(start + 16, start + 18));
  if (type < MESSAGE_TYPE.open || type > MESSAGE_TYPE.routeRefresh) {
    return new MessageError(1, BAD_TYPE, `message type ${type}`, Uint8Array.of(type));
  }
  return length * 256 + type;
}

/** What is wrong with the Length of a header, for its type (RFC 4271 section 6.1). */
export function judgeLength(length: number, type: number, maxMessageLength: number): string | undefined {
  if (length < (MIN_LENGTH[type] ?? HEADER_LENGTH)) return `message type ${type} of ${length} octets is too short`;
  if (type === MESSAGE_TYPE.keepalive && length !== HEADER_LENGTH) return `KEEPALIVE of ${length} octets`;
  const limit = type === MESSAGE_TYPE.open ? MAX_MESSAGE_LENGTH : maxMessageLength;
  return length > limit ? `message of ${length} octets, the limit is ${limit}` : undefined;
}

/** Length of the whole message, header included, from the number that {@link checkHeader} gave. */
export function headerLength(header: number): number {
  return header >>> 8;
}

/** Type code from the number that {@link checkHeader} gave. */
export function headerType(header: number): number {
  return header & 255;
}

/** A message: header and a body. @throws RangeError over 65535 octets */
export function frame(type: number, body: Uint8Array): Uint8Array {
  const length = HEADER_LENGTH + body.length;
  if (length > 0xffff) throw new RangeError(`a message has at most 65535 octets, not ${length}`);
  const message = new Uint8Array(length);
  writeHeader(message, length, type);
  message.set(body, HEADER_LENGTH);
  return message;
}

/** Write a header into the first 19 octets. */
export function writeHeader(message: Uint8Array, length: number, type: number): void {
  message.fill(0xff, 0, 16);
  message[16] = length >>> 8;
  message[17] = length;
  message[18] = type;
}
