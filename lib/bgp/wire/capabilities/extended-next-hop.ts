import { capability, readTuples } from './capability.js';

export interface ExtendedNextHopTuple {
  readonly afi: number;
  readonly safi: number;
  readonly nextHopAfi: number;
}

export const extendedNextHop = capability({
  code: 5,
  name: 'EXTENDED_NEXT_HOP',
  rfc: 'RFC 8950 4',
  decode: (r) => ({
    tuples: readTuples(r, (t): ExtendedNextHopTuple => ({ afi: t.u16(), safi: t.u16(), nextHopAfi: t.u16() })),
  }),
  encode: (w, { tuples }) => {
    for (const { afi, safi, nextHopAfi } of tuples) {
      w.u16(afi);
      w.u16(safi);
      w.u16(nextHopAfi);
    }
  },
});
