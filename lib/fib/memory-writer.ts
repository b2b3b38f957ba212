import type { FibWriter, KernelRoute, RouteChange, WriteFailure } from './writer.js';

/**
 * Keeps routes in memory: for tests, and to see what a host would hold. Takes every next hop as it is. For a kernel that
 * refuses, forgets and fails, see `FakeKernel` in `tsbgp/sim`.
 */
export class MemoryFibWriter implements FibWriter {
  readonly name: string = 'memory';
  readonly nextHops = 'unchecked';
  readonly #routes = new Map<string, KernelRoute>();

  /** What is held now, in the order of first writing. */
  routes(): readonly KernelRoute[] {
    return [...this.#routes.values()];
  }

  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<{ readonly consistent: boolean }> {
    for (const route of this.#routes.values()) if (tables.includes(route.table)) visit(route);
    return Promise.resolve({ consistent: true });
  }

  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    const failures: WriteFailure[] = [];
    changes.forEach((change, index) => {
      const key = `${change.table} ${change.metric} ${change.prefix}`;
      const held = this.#routes.get(key);
      if (change.op === 'delete') {
        if (held?.protocol === change.protocol) this.#routes.delete(key);
        else failures.push({ index, code: 'ESRCH', message: 'no such route' });
      } else if (change.op === 'add' && held) {
        failures.push({ index, code: 'EEXIST', message: 'the route exists' });
      } else {
        const { prefix, table, protocol, metric, body } = change;
        this.#routes.set(key, { prefix, table, protocol, metric, tos: 0, body });
      }
    });
    return Promise.resolve(failures);
  }

  reset(): void {
    // Every call is answered at once.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
