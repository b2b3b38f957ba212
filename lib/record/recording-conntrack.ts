import type { ConntrackTable } from '../fib/conntrack.js';
import type { Recorder } from './recorder.js';
import { answered } from './recording-transport.js';

/** Deletes connection tracking entries, and writes down how that went: a replay deletes none. */
export function recordingConntrack(recorder: Recorder, base: ConntrackTable): ConntrackTable {
  return {
    deleteEntries: (addresses) => answered(recorder, recorder.nextId(), base.deleteEntries(addresses), () => null),
    close: () => base.close(),
  };
}
