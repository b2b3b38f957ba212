const MAX_TEXT_OCTETS = 255;

/** Cease subcodes whose data may be a shutdown communication: Administrative Shutdown and Administrative Reset. */
export function carriesShutdownCommunication(code: number, subcode: number): boolean {
  return code === 6 && (subcode === 2 || subcode === 4);
}

/**
 * The NOTIFICATION data for a text: a length octet and at most 255 octets of UTF-8, cut between characters.
 * An empty text gives no data at all.
 * @see RFC 9003 section 2
 */
export function encodeShutdownCommunication(text: string): Uint8Array {
  const octets = new TextEncoder().encode(text);
  let length = Math.min(octets.length, MAX_TEXT_OCTETS);
  // A continuation octet (10xxxxxx) at the cut belongs to a character that does not fit.
  if (length < octets.length) while (length > 0 && (octets[length]! & 0xc0) === 0x80) length--;
  if (length === 0) return new Uint8Array(0);
  const data = new Uint8Array(1 + length);
  data[0] = length;
  data.set(octets.subarray(0, length), 1);
  return data;
}

/**
 * The text in the data of a Cease NOTIFICATION with subcode 2 or 4.
 * @returns undefined when there is none: empty, a length that does not match the data, or not UTF-8
 * @see RFC 9003 section 2
 */
export function decodeShutdownCommunication(data: Uint8Array): string | undefined {
  const length = data[0];
  if (length === undefined || length === 0 || length !== data.length - 1) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data.subarray(1));
  } catch {
    return undefined;
  }
}
