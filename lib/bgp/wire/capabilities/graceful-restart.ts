import { capability, readTuples } from './capability.js';

export interface GracefulRestartTuple {
  readonly afi: number;
  readonly safi: number;
  /** Forwarding State (F) bit. */
  readonly forwarding: boolean;
}

export interface GracefulRestart {
  /** Restart State (R) bit. */
  readonly restartState: boolean;
  /** Graceful NOTIFICATION (N) bit (RFC 8538). */
  readonly notification: boolean;
  /** Seconds, 0 to 4095. */
  readonly restartTime: number;
  readonly tuples: readonly GracefulRestartTuple[];
}

const FORWARDING = 0x80;
const RESTART_STATE = 0x8;
const NOTIFICATION = 0x4;

export const gracefulRestart = capability({
  code: 64,
  name: 'GRACEFUL_RESTART',
  rfc: 'RFC 4724 3, RFC 8538 2',
  decode: (r): GracefulRestart => {
    const word = r.u16();
    const flags = word >>> 12;
    return {
      restartState: (flags & RESTART_STATE) !== 0,
      notification: (flags & NOTIFICATION) !== 0,
      restartTime: word & 0xfff,
      tuples: readTuples(r, (t) => ({ afi: t.u16(), safi: t.u8(), forwarding: (t.u8() & FORWARDING) !== 0 })),
    };
  },
  encode: (w, { restartState, notification, restartTime, tuples }) => {
    const flags = (restartState ? RESTART_STATE : 0) | (notification ? NOTIFICATION : 0);
    w.u16((flags << 12) | (restartTime & 0xfff));
    for (const { afi, safi, forwarding } of tuples) {
      w.u16(afi);
      w.u8(safi);
      w.u8(forwarding ? FORWARDING : 0);
    }
  },
});
