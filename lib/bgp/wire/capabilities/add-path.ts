import { capability, readTuples } from './capability.js';

/** Send/Receive field (RFC 7911 section 4). */
export const SEND_RECEIVE = { receive: 1, send: 2, both: 3 } as const;

export interface AddPathTuple {
  readonly afi: number;
  readonly safi: number;
  /** 1 receive, 2 send, 3 both; any other value: the tuple is ignored. */
  readonly sendReceive: number;
}

export const addPath = capability({
  code: 69,
  name: 'ADD_PATH',
  rfc: 'RFC 7911 4',
  decode: (r) => ({
    tuples: readTuples(r, (t): AddPathTuple => ({ afi: t.u16(), safi: t.u8(), sendReceive: t.u8() })),
  }),
  encode: (w, { tuples }) => {
    for (const { afi, safi, sendReceive } of tuples) {
      w.u16(afi);
      w.u8(safi);
      w.u8(sendReceive);
    }
  },
});
