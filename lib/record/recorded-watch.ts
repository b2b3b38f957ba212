import type { Watch } from '../speaker/watch.js';
import { KIND } from './kinds.js';
import type { Recorder } from './recorder.js';
import type { TapeWriter } from './tape-writer.js';

/** What a listener does with a watch. */
export const PULL = Object.freeze({ next: 0, return: 1, close: 2 });

type Batches = ReturnType<Watch['batches']>;

/**
 * A watch of which it is written down when its listener asks for more: prefixes that it has not been told of yet keep
 * their numbers, so that it can make a difference to the speaker when it asks.
 */
export function recordedWatch(recorder: Recorder, id: number, watch: Watch): Watch {
  const batches = watch.batches.bind(watch);
  const close = watch.close.bind(watch);
  const pull = (what: number, run: () => void): void => {
    const write = (tape: TapeWriter): void => {
      tape.number(id);
      tape.number(what);
    };
    recorder.event(KIND.pull, write, run);
  };
  type Result = IteratorResult<Awaited<ReturnType<Batches['next']>>['value'], void>;
  const inTurn = (what: number, ask: () => Promise<unknown>): Promise<Result> =>
    new Promise((resolve, reject) => {
      recorder.turn(() => pull(what, () => ask().then((result) => resolve(result as Result), reject)));
    });
  watch.batches = () => {
    const inner = batches();
    const outer = {
      next: () => inTurn(PULL.next, () => inner.next()),
      return: () => inTurn(PULL.return, () => inner.return()),
      throw: () => inTurn(PULL.return, () => inner.return()),
      [Symbol.asyncIterator]: () => outer,
    };
    return outer as unknown as Batches;
  };
  watch.close = () => {
    if (recorder.isBusy || watch.isClosed) close();
    else pull(PULL.close, close);
  };
  // By a signal that was aborted before: a replay has no signals.
  if (watch.isClosed) pull(PULL.close, close);
  return watch;
}
