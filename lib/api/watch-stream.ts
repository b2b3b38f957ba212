import type { Clock, Timer } from '../net/index.js';
import type { Watch } from '../speaker/watch.js';
import type { WatchEvent } from '../speaker/watch-events.js';

/** `events`: server-sent events (the WHATWG's `text/event-stream`). */
export type WatchFormat = 'json-lines' | 'events';

/** Server-sent events: a comment at least so often, for proxies that cut what is silent. */
const BEAT_MS = 30_000;
const BEAT = ':\n\n';

/**
 * A response body with the events of a watch. They are taken only as fast as the client reads, so a slow client is a slow
 * listener: it gets the newest state of what changed meanwhile. The watch ends when the client goes away.
 */
export function streamWatch(
  watch: Watch,
  format: WatchFormat,
  clock: Pick<Clock, 'after'>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const write = format === 'events' ? asServerSentEvent : asLine;
  const batches = watch.batches();
  let cancelled = false;
  let pending: ReturnType<typeof batches.next> | undefined;
  const next = async (): Promise<Awaited<ReturnType<typeof batches.next>> | undefined> => {
    pending ??= batches.next();
    if (format === 'json-lines') return pending;
    let timer: Timer | undefined;
    const beat = new Promise<undefined>((resolve) => (timer = clock.after(BEAT_MS, () => resolve(undefined))));
    try {
      return await Promise.race([pending, beat]);
    } finally {
      timer?.cancel();
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const result = await next();
        // Cancelled: there is nothing left to be written to or closed.
        if (cancelled) return;
        if (result === undefined) return controller.enqueue(encoder.encode(BEAT));
        pending = undefined;
        if (result.done) controller.close();
        else controller.enqueue(encoder.encode(result.value.map(write).join('')));
      },
      cancel() {
        cancelled = true;
        watch.close();
      },
    },
    { highWaterMark: 1 },
  );
}

function asLine(event: WatchEvent): string {
  return `${JSON.stringify(event)}\n`;
}

function asServerSentEvent(event: WatchEvent): string {
  return `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
