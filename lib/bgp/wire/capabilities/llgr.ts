import { capability, readTuples } from './capability.js';

export interface LlgrTuple {
  readonly afi: number;
  readonly safi: number;
  /** Forwarding State (F) bit. */
  readonly forwarding: boolean;
  /** Long-lived Stale Time in seconds, 24 bits. */
  readonly staleTime: number;
}

const FORWARDING = 0x80;

/** Long-Lived Graceful Restart. */
export const llgr = capability({
  code: 71,
  name: 'LLGR',
  rfc: 'RFC 9494 3.1',
  decode: (r) => ({
    tuples: readTuples(r, (t): LlgrTuple => {
      const [afi, safi, flags, staleTime] = [t.u16(), t.u8(), t.u8(), t.u24()];
      return { afi, safi, forwarding: (flags & FORWARDING) !== 0, staleTime };
    }),
  }),
  encode: (w, { tuples }) => {
    for (const { afi, safi, forwarding, staleTime } of tuples) {
      w.u16(afi);
      w.u8(safi);
      w.u8(forwarding ? FORWARDING : 0);
      w.u24(staleTime);
    }
  },
});
