import { capability } from './capability.js';

export const multiprotocol = capability({
  code: 1,
  name: 'MULTIPROTOCOL',
  rfc: 'RFC 4760 8',
  decode: (r) => {
    const afi = r.u16();
    r.skip(1); // Reserved: ignored on receipt.
    return { afi, safi: r.u8() };
  },
  encode: (w, { afi, safi }: { readonly afi: number; readonly safi: number }) => {
    w.u16(afi);
    w.u8(0);
    w.u8(safi);
  },
});
