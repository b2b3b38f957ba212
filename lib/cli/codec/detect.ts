/** Forms of input that `decode` reads. */
export const FORMATS = ['auto', 'hex', 'bgp', 'pcap', 'mrt', 'record'] as const;
export type Format = (typeof FORMATS)[number];

const PCAP_MAGICS = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a]);
/** `tsbgprec`: what `tsbgp run --record` writes. */
const RECORD_MAGIC = [0x74, 0x73, 0x62, 0x67, 0x70, 0x72, 0x65, 0x63];
/** Octets of the longest sign: a marker. An MRT header has 12. */
const MARKER_LENGTH = 16;
const MRT_TYPES = new Set([5, 11, 12, 13, 16, 17, 32, 33, 48, 49]);

/**
 * Tell the form of an input by its first octets.
 * @param ended no more octets will come
 * @returns undefined while more octets are needed, `unknown` when it is none
 */
export function detectFormat(head: Uint8Array, ended: boolean): Exclude<Format, 'auto'> | 'unknown' | undefined {
  // Before text: its first octets are that.
  if (RECORD_MAGIC.every((octet, i) => head[i] === octet)) return 'record';
  if (isText(head)) return head.length >= MARKER_LENGTH || head.includes(10) || ended ? 'hex' : undefined;
  if (head.length >= 4 && PCAP_MAGICS.has(new DataView(head.buffer, head.byteOffset).getUint32(0))) return 'pcap';
  const marker = head.subarray(0, MARKER_LENGTH);
  if (marker.every((octet) => octet === 0xff)) return marker.length === MARKER_LENGTH || ended ? 'bgp' : undefined;
  if (head.length < 12) return ended ? 'unknown' : undefined;
  return MRT_TYPES.has((head[4]! << 8) | head[5]!) ? 'mrt' : 'unknown';
}

/** Printable ASCII and line ends, as far as it goes: no binary form begins so. */
function isText(head: Uint8Array): boolean {
  return head.subarray(0, MARKER_LENGTH).every((octet) => (octet >= 32 && octet < 127) || (octet >= 9 && octet <= 13));
}
