import type { KernelRoute } from '../fib/writer.js';
import { formatAddress, maskOctets } from '../net/index.js';

/** What tells two routes of a kernel apart, apart from their hops. */
export type RouteKey = Pick<KernelRoute, 'prefix' | 'table' | 'metric' | 'tos'>;

/** One routing table: routes by prefix, and which prefix lengths there are. */
interface Table {
  readonly byPrefix: Map<string, KernelRoute[]>;
  /** How many prefixes there are of each length. */
  readonly lengths4: Uint32Array;
  readonly lengths6: Uint32Array;
}

/** The routes of a {@link FakeKernel}, found by prefix or by longest match. */
export class KernelTable {
  readonly #tables = new Map<number, Table>();

  /** All routes with this prefix, table, metric and type of service: more than one only of the kernel's own. */
  find(key: RouteKey): KernelRoute[] {
    const routes = this.#tables.get(key.table)?.byPrefix.get(key.prefix) ?? [];
    return routes.filter((route) => route.metric === key.metric && route.tos === key.tos);
  }

  /** All routes of a prefix in a table. */
  at(prefix: string, table: number): readonly KernelRoute[] {
    return this.#tables.get(table)?.byPrefix.get(prefix) ?? [];
  }

  add(route: KernelRoute): void {
    let table = this.#tables.get(route.table);
    if (table === undefined) {
      table = { byPrefix: new Map(), lengths4: new Uint32Array(33), lengths6: new Uint32Array(129) };
      this.#tables.set(route.table, table);
    }
    const routes = table.byPrefix.get(route.prefix);
    if (routes !== undefined) routes.push(route);
    else {
      table.byPrefix.set(route.prefix, [route]);
      count(table, route.prefix, 1);
    }
  }

  delete(route: KernelRoute): void {
    const table = this.#tables.get(route.table);
    const routes = table?.byPrefix.get(route.prefix);
    const at = routes?.indexOf(route) ?? -1;
    if (table === undefined || routes === undefined || at < 0) return;
    routes.splice(at, 1);
    if (routes.length > 0) return;
    table.byPrefix.delete(route.prefix);
    count(table, route.prefix, -1);
  }

  *[Symbol.iterator](): IterableIterator<KernelRoute> {
    for (const { byPrefix } of this.#tables.values()) for (const routes of byPrefix.values()) yield* routes;
  }

  /** Routes of a table that cover an address (4 or 16 octets), longest prefix first, of one prefix the lowest metric first. */
  *covers(address: Uint8Array, table: number): IterableIterator<KernelRoute> {
    const found = this.#tables.get(table);
    if (found === undefined) return;
    const lengths = address.length === 4 ? found.lengths4 : found.lengths6;
    for (let length = lengths.length - 1; length >= 0; length--) {
      if (lengths[length] === 0) continue;
      const routes = found.byPrefix.get(`${formatAddress(maskOctets(address, length))}/${length}`);
      if (routes === undefined) continue;
      if (routes.length === 1) yield routes[0]!;
      else yield* [...routes].sort((a, b) => a.metric - b.metric);
    }
  }

  /** The tables that hold a route. */
  get tables(): Iterable<number> {
    return this.#tables.keys();
  }
}

function count(table: Table, prefix: string, by: number): void {
  const length = Number(prefix.slice(prefix.lastIndexOf('/') + 1));
  const lengths = prefix.includes(':') ? table.lengths6 : table.lengths4;
  lengths[length]! += by;
}
