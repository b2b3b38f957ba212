import type { NlriFamily, OpaqueNlri } from './nlri.js';

/** A family that is not known: its whole NLRI field is one item. */
export function opaqueFamily(afi: number, safi: number): NlriFamily<OpaqueNlri> {
  return {
    afi,
    safi,
    name: `${afi}/${safi}`,
    rfc: 'RFC 4760 5',
    opaque: true,
    next: (_bytes, _at, end) => end,
    decode: (bytes, at, end) => ({ raw: bytes.slice(at, end) }),
    encode: (writer, item) => writer.octets(item.raw),
  };
}
