export function isUnspecified(octets: Uint8Array): boolean {
  return octets.every((octet) => octet === 0);
}

/** Of a global and a link-local address the global one, unless the sender has none and wrote `::` (RFC 2545 section 3). */
export function forwardingAddress(nextHop: Uint8Array): Uint8Array {
  if (nextHop.length !== 32) return nextHop;
  const global = nextHop.subarray(0, 16);
  return isUnspecified(global) ? nextHop.subarray(16) : global;
}
