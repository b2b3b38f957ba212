import type { Context, MiddlewareHandler } from 'hono';
import { isAddress } from '../net/index.js';

/**
 * The API has no passwords: whoever reaches the port may use it. What must not reach it is a web page in a browser on the
 * same machine. A page of another site shows itself by its Origin, by Sec-Fetch-Site, by a body type that needs no
 * preflight, or, when its name was rebound to our address, by a name as Host.
 */
export const guard: MiddlewareHandler = async (cx, next) => {
  const host = cx.req.header('host');
  if (host === undefined || !isOurHost(host)) {
    return refuse(cx, 'foreign_host', 'the Host header must be an IP address or localhost');
  }
  const origin = cx.req.header('origin');
  if (origin !== undefined && origin !== `http://${host}`)
    return refuse(cx, 'foreign_origin', `requests from ${origin} are not served`);
  if (cx.req.header('sec-fetch-site') === 'cross-site')
    return refuse(cx, 'foreign_origin', 'requests from other sites are not served');
  if (cx.req.method === 'POST' && !/^application\/json\s*(;|$)/i.test(cx.req.header('content-type') ?? '')) {
    return cx.json({ error: 'the body must be application/json', code: 'not_json' }, 415);
  }
  await next();
  return undefined;
};

function refuse(cx: Context, code: string, error: string): Response {
  return cx.json({ error, code }, 403);
}

function isOurHost(host: string): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(host);
  const name = (parts?.[1] ?? parts?.[2] ?? '').toLowerCase();
  return name === 'localhost' || isAddress(name);
}
