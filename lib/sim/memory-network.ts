import { UsageError } from '../net/errors.js';
import { canonicalScopedAddress } from '../net/zone.js';
import { MemoryLinks } from './memory-links.js';
import { MemoryTransport } from './memory-transport.js';

/** A network in memory: hosts with addresses, all of which reach each other. Same program, same order of events. */
export class MemoryNetwork extends MemoryLinks {
  readonly #hosts = new Map<string, MemoryTransport>();

  /**
   * A host with these addresses; its transport connects from the first one of the right family.
   * @throws UsageError `bad_address`, or `duplicate_address` when another host has one of them
   */
  host(...addresses: string[]): MemoryTransport {
    const canonical = addresses.map(canonicalScopedAddress);
    const taken = canonical.find((address) => this.#hosts.has(address));
    if (taken !== undefined) throw new UsageError('duplicate_address', `another host has ${taken}`);
    const transport = new MemoryTransport(this, this.#hosts, canonical);
    for (const address of canonical) this.#hosts.set(address, transport);
    return transport;
  }
}
