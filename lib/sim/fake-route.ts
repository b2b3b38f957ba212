import { routeBody, type Hop } from '../fib/body.js';
import type { KernelRoute } from '../fib/writer.js';

const MAIN = 254;

/** A route as a test writes it down. */
export interface FakeRoute {
  readonly prefix: string;
  /** Default: `blackhole`. */
  readonly via?: string;
  readonly device?: string;
  /** Default 254 (`main`). */
  readonly table?: number;
  /** Default 4 (`static`). */
  readonly protocol?: number;
  /** Default 0. */
  readonly metric?: number;
}

export function routeOf(fake: FakeRoute): KernelRoute {
  const { prefix, via, device, table = MAIN, protocol = 4, metric = 0 } = fake;
  const hop: Hop = { ...(via === undefined ? {} : { gateway: via }), ...(device === undefined ? {} : { device }) };
  const unicast = via !== undefined || device !== undefined;
  const body = routeBody({ type: unicast ? 'unicast' : 'blackhole', hops: unicast ? [hop] : [] });
  return { prefix, table, protocol, metric, tos: 0, body };
}
