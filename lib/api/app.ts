import createDebug from 'debug';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { canonicalScopedAddress, formatPrefix, parsePrefix, UsageError, type Clock } from '../net/index.js';
import { realClock } from '../io/clock.js';
import type { ProcessMonitor } from '../io/process-monitor.js';
import { checkNetwork } from '../speaker/config.js';
import type { SpeakerConfig } from '../speaker/options.js';
import type { SpeakerApi } from '../speaker/speaker-api.js';
import type { FibRouteView, PathView } from '../speaker/views.js';
import { guard } from './guard.js';
import { matches, readFibQuery, readRouteQuery, readWatchQuery, type FibQuery, type RouteQuery } from './query.js';
import { streamItems } from './route-stream.js';
import { streamWatch } from './watch-stream.js';

const debug = createDebug('tsbgp:api');

const PATHS = [
  'GET /v1/summary',
  'GET /v1/neighbors',
  'GET /v1/neighbors/ADDRESS',
  'GET /v1/routes?family=&receivedFrom=&advertisedTo=&prefix=&all=&limit=&format=',
  'GET /v1/routes/PREFIX',
  'GET /v1/fib?state=&prefix=&format=',
  'GET /v1/fib/summary',
  'GET /v1/fib/PREFIX',
  'POST /v1/fib/confirm-removals',
  'GET /v1/watch?family=&routes=&all=&neighbors=&fib=&format=',
  'GET /v1/process',
  'POST /v1/process/reset',
  'POST /v1/plan',
  'POST /v1/announce',
  'POST /v1/withdraw',
  'POST /v1/neighbors/ADDRESS/enable',
  'POST /v1/neighbors/ADDRESS/disable',
  'POST /v1/neighbors/ADDRESS/reset',
  'POST /v1/neighbors/ADDRESS/soft-in',
  'POST /v1/neighbors/ADDRESS/soft-out',
];

export interface ApiOptions {
  /** Where long answers take their turns from; default: the real event loop. */
  readonly clock?: Pick<Clock, 'soon' | 'after'>;
  /** Measures the process; without one `/v1/process` is not there. */
  readonly monitor?: Pick<ProcessMonitor, 'view' | 'reset'>;
}

/**
 * The HTTP API of one speaker, without a server: give `fetch` of the result to any. `docs/api.md` lists what it answers.
 * Errors are `{ error, code }` with status 400, 403, 404, 413, 415 or 500.
 */
export function createApi(speaker: SpeakerApi, options: ApiOptions = {}): Hono {
  const clock = options.clock ?? realClock;
  const app = new Hono();
  app.use(guard);
  app.use('/v1/plan', atMost(16384));
  app.use((cx, next) => (cx.req.path === '/v1/plan' ? next() : atMost(64)(cx, next)));
  app.onError(toResponse);
  app.notFound((cx) =>
    cx.json({ error: `there is no ${cx.req.method} ${cx.req.path}`, code: 'not_found', paths: PATHS }, 404),
  );

  app.get('/', (cx) => cx.json({ paths: PATHS }));
  app.get('/v1/summary', (cx) => cx.json(speaker.summary()));
  app.get('/v1/neighbors', (cx) => cx.json(speaker.neighbors()));
  app.get('/v1/neighbors/:address', (cx) => cx.json(speaker.neighbor(addressOf(cx))));
  app.get('/v1/routes', (cx) => {
    const query = readRouteQuery(cx.req.query(), cx.req.header('accept') ?? '');
    return stream(routes(speaker, query), query.format, clock);
  });
  app.get('/v1/routes/:prefix{.+}', (cx) =>
    cx.json(speaker.explain(formatPrefix(parsePrefix(cx.req.param('prefix'))))),
  );
  app.get('/v1/watch', (cx) => {
    const { options: watched, format } = readWatchQuery(cx.req.query(), cx.req.header('accept') ?? '');
    const type = format === 'events' ? 'text/event-stream' : 'application/x-ndjson';
    const headers = { 'content-type': type, 'cache-control': 'no-store' };
    return new Response(streamWatch(speaker.watch(watched), format, clock), { headers });
  });
  app.get('/v1/fib', (cx) => {
    const query = readFibQuery(cx.req.query(), cx.req.header('accept') ?? '');
    return stream(fibRoutes(speaker, query), query.format, clock);
  });
  app.get('/v1/fib/summary', (cx) => cx.json(speaker.fibSummary()));
  app.get('/v1/fib/:prefix{.+}', (cx) => cx.json(speaker.fibRoute(formatPrefix(parsePrefix(cx.req.param('prefix'))))));
  app.post('/v1/fib/confirm-removals', async (cx) => {
    field(await mapping(cx), undefined, []);
    return cx.json({ confirmed: speaker.confirmFibRemovals() });
  });

  const { monitor } = options;
  if (monitor) {
    app.get('/v1/process', (cx) => cx.json(monitor.view()));
    app.post('/v1/process/reset', async (cx) => {
      field(await mapping(cx), undefined, []);
      monitor.reset();
      return cx.json(monitor.view());
    });
  }

  app.post('/v1/plan', async (cx) => cx.json(speaker.planReconfigure((await mapping(cx)) as unknown as SpeakerConfig)));
  app.post('/v1/announce', async (cx) => {
    const { prefix, ...attributes } = checkNetwork(await mapping(cx));
    speaker.announce(prefix, attributes);
    return cx.json({ announced: prefix });
  });
  app.post('/v1/withdraw', async (cx) => {
    const prefix = formatPrefix(parsePrefix(field(await mapping(cx), 'prefix', ['prefix']) ?? ''));
    speaker.withdraw(prefix);
    return cx.json({ withdrawn: prefix });
  });
  app.post('/v1/neighbors/:address/enable', async (cx) => {
    field(await mapping(cx), undefined, []);
    speaker.enableNeighbor(addressOf(cx));
    return cx.json(speaker.neighbor(addressOf(cx)));
  });
  app.post('/v1/neighbors/:address/disable', async (cx) => {
    speaker.disableNeighbor(addressOf(cx), field(await mapping(cx), 'reason', ['reason']));
    return cx.json(speaker.neighbor(addressOf(cx)));
  });
  app.post('/v1/neighbors/:address/reset', async (cx) => {
    speaker.resetNeighbor(addressOf(cx), field(await mapping(cx), 'reason', ['reason']));
    return cx.json(speaker.neighbor(addressOf(cx)));
  });
  app.post('/v1/neighbors/:address/soft-in', async (cx) => {
    field(await mapping(cx), undefined, []);
    speaker.softIn(addressOf(cx));
    return cx.json(speaker.neighbor(addressOf(cx)));
  });
  app.post('/v1/neighbors/:address/soft-out', async (cx) => {
    field(await mapping(cx), undefined, []);
    speaker.softOut(addressOf(cx));
    return cx.json(speaker.neighbor(addressOf(cx)));
  });
  return app;
}

/** Refuse a body of more than so many KiB. */
function atMost(kib: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: kib * 1024,
    onError: (cx) => cx.json({ error: `the body is over ${kib} KiB`, code: 'too_large' }, 413),
  });
}

function addressOf(cx: Context): string {
  return canonicalScopedAddress(cx.req.param('address') ?? '');
}

function* routes(speaker: SpeakerApi, query: RouteQuery): IterableIterator<PathView | undefined> {
  let left = query.limit;
  for (const family of query.families) {
    for (const path of speaker.routes(family, query.filter)) {
      if (left <= 0) return;
      const wanted = matches(query, path);
      if (wanted) left--;
      yield wanted ? path : undefined;
    }
  }
}

function* fibRoutes(speaker: SpeakerApi, query: FibQuery): IterableIterator<FibRouteView | undefined> {
  for (const route of speaker.fibRoutes()) {
    const wanted = (query.state === undefined || route.state === query.state) && matches(query, route);
    yield wanted ? route : undefined;
  }
}

/** A wrong argument shows at the first item; it must become a status before the answer begins. */
function stream(items: Iterator<unknown>, format: 'json' | 'json-lines', clock: Pick<Clock, 'soon'>): Response {
  const first = items.next();
  let pending: IteratorResult<unknown> | undefined = first;
  const all: Iterator<unknown> = {
    next() {
      const result = pending ?? items.next();
      pending = undefined;
      return result;
    },
    return: (value) => items.return?.(value) ?? { done: true, value },
  };
  const type = format === 'json' ? 'application/json' : 'application/x-ndjson';
  return new Response(streamItems(all, format, clock), { headers: { 'content-type': type } });
}

async function mapping(cx: Context): Promise<Record<string, unknown>> {
  let body: unknown;
  try {
    const text = await cx.req.text();
    body = text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new UsageError('bad_json', `the body is not JSON: ${(error as Error).message}`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new UsageError('bad_body', 'the body must be a JSON object');
  }
  return body as Record<string, unknown>;
}

/** One text field of a body that may have no others. */
function field(body: Record<string, unknown>, name: string | undefined, known: readonly string[]): string | undefined {
  const foreign = Object.keys(body).find((key) => !known.includes(key));
  if (foreign !== undefined) throw new UsageError('bad_body', `unknown field '${foreign}'`, foreign);
  const value = name === undefined ? undefined : body[name];
  if (value !== undefined && typeof value !== 'string')
    throw new UsageError('bad_body', `'${name}' must be text`, name);
  return value;
}

/** Something that is not there. */
const NOT_THERE = /^(unknown_neighbor|unknown_prefix|not_)/;

function toResponse(error: Error, cx: Context): Response {
  if (error instanceof UsageError) {
    return cx.json({ error: error.message, code: error.code }, NOT_THERE.test(error.code) ? 404 : 400);
  }
  debug('%s %s: %s', cx.req.method, cx.req.path, error.stack);
  return cx.json({ error: 'internal error', code: 'internal' }, 500);
}
