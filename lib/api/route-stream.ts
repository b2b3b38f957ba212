import type { Clock } from '../net/index.js';

/** Items made and written per turn of the event loop: a few milliseconds of work. */
const SLICE = 256;

export type StreamFormat = 'json' | 'json-lines';

/**
 * A response body with one JSON text per item: a JSON array with an item per line, or JSON lines. Items are taken only as
 * fast as the client reads, a slice per turn of the event loop, so that a million routes neither fill memory nor delay
 * keepalives.
 * @param items  undefined is skipped, but counts as work done
 * @param format `json` ends with `]` only when all items were written, so a cut response is noticed
 */
export function streamItems(
  items: Iterator<unknown>,
  format: StreamFormat,
  clock: Pick<Clock, 'soon'>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const array = format === 'json';
  let written = 0;
  const take = (): { text: string; done: boolean } => {
    let text = '';
    for (let i = 0; i < SLICE; i++) {
      const next = items.next();
      if (next.done) return { text, done: true };
      if (next.value === undefined) continue;
      const json = JSON.stringify(next.value);
      text += array ? `${written === 0 ? '[\n' : ',\n'}${json}` : `${json}\n`;
      written++;
    }
    return { text, done: false };
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { text, done } = take();
          const end = done && array ? (written === 0 ? '[]\n' : '\n]\n') : '';
          if (text !== '' || end !== '') controller.enqueue(encoder.encode(text + end));
          if (done) return controller.close();
          await new Promise<void>((resolve) => clock.soon(resolve));
          if (text !== '') return;
        }
      },
      cancel() {
        items.return?.();
      },
    },
    { highWaterMark: 1 },
  );
}
