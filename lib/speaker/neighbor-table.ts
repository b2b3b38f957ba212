/** The neighbors of a speaker by address: those of the configuration, and those accepted by prefix while they are here. */
import { canonicalScopedAddress, UsageError, type Connection } from '../net/index.js';
import { ConnectionGate } from './connection-gate.js';
import { createDebug } from './debug.js';
import { rangeFor } from './dynamic-range.js';
import { inTurns } from './in-turns.js';
import { Neighbor, type NeighborHost } from './neighbor.js';
import type { ConnectionRateLimit, DynamicNeighborOptions, NeighborOptions } from './options.js';
import { CEASE } from './reconfigure.js';
import { effectiveSettings } from './settings.js';

const debug = createDebug('tsbgp:speaker');

export interface NeighborTableEvents {
  /** A neighbor came, or is gone. */
  onListed(address: string): void;
  /** A neighbor is taken out of the table; its session ends next. */
  onRetire(): void;
}

export class NeighborTable {
  private readonly byAddress = new Map<string, Neighbor>();
  private readonly gate: ConnectionGate;
  /** Connections closed because nobody is expected from there, or too many came. */
  connectionsRefused = 0;

  constructor(
    private readonly host: NeighborHost,
    private readonly events: NeighborTableEvents,
  ) {
    this.gate = new ConnectionGate(host.clock, host.config.connectionRateLimit);
  }

  all(): Neighbor[] {
    return [...this.byAddress.values()];
  }

  /** @throws UsageError `unknown_neighbor` */
  find(address: string): Neighbor {
    const neighbor = this.byAddress.get(canonicalScopedAddress(address));
    if (!neighbor) throw new UsageError('unknown_neighbor', `there is no neighbor ${address}`);
    return neighbor;
  }

  /** @param address canonical text */
  get(address: string): Neighbor | undefined {
    return this.byAddress.get(address);
  }

  /** @throws UsageError `duplicate_neighbor` */
  create(options: NeighborOptions): Neighbor {
    const address = canonicalScopedAddress(options.address);
    if (this.byAddress.has(address)) {
      throw new UsageError('duplicate_neighbor', `there is a neighbor ${address} already`, 'address');
    }
    const settings = effectiveSettings(this.host.config, options);
    return this.list(new Neighbor(this.host, address, settings, options.peerGroup ?? null, null));
  }

  private list(neighbor: Neighbor): Neighbor {
    this.byAddress.set(neighbor.address, neighbor);
    this.events.onListed(neighbor.address);
    return neighbor;
  }

  /** Take a neighbor out and end its session with a Cease subcode. */
  retire(neighbor: Neighbor, subcode: number): void {
    this.byAddress.delete(neighbor.address);
    this.events.onRetire();
    void neighbor.end(subcode);
    this.events.onListed(neighbor.address);
  }

  /**
   * End all sessions, some in each turn of the event loop.
   * @param isRestart neighbors that are asked to keep our routes are not told
   * @returns when the connections are closed
   */
  async endAll(subcode: number, reason: string, isRestart: boolean): Promise<void> {
    const { clock, loop } = this.host;
    const closings: Promise<void>[] = [];
    const end = (neighbor: Neighbor): void => {
      closings.push(isRestart ? neighbor.leave(subcode, reason) : neighbor.end(subcode, reason));
    };
    // Nobody is told that the routes of those who were closed a moment earlier are gone.
    loop.hold();
    await inTurns(clock, this.all(), end).done.finally(() => loop.goOn());
    await Promise.all(closings);
  }

  // --- connections that come in ---

  setRateLimit(limit: ConnectionRateLimit | undefined): void {
    this.gate.setLimit(limit);
  }

  onConnection(connection: Connection): void {
    const { address } = connection.remote;
    let neighbor = this.byAddress.get(address);
    const entry = neighbor ? undefined : this.rangeFor(address);
    // Strangers first: they must not use up what neighbors are allowed.
    if ((!neighbor && !entry) || !this.gate.admits(address)) {
      debug('connection from %s: %s', address, neighbor || entry ? 'too many of them' : 'no such neighbor');
      this.connectionsRefused++;
      connection.destroy();
      return;
    }
    if (!neighbor && entry) {
      const settings = effectiveSettings(this.host.config, entry);
      neighbor = this.list(new Neighbor(this.host, address, settings, entry.peerGroup, entry.prefix));
      neighbor.start();
    }
    neighbor?.accept(connection);
  }

  private rangeFor(address: string): DynamicNeighborOptions | undefined {
    const neighbors = this.all();
    return rangeFor(
      this.host.config.dynamicNeighbors ?? [],
      address,
      (prefix) => neighbors.filter(({ dynamic }) => dynamic === prefix).length,
    );
  }

  /**
   * A dynamic neighbor exists only while it is connected, or held back, or has routes that are kept: Active says that it may
   * come, but is not here.
   */
  forgetIfGone(neighbor: Neighbor): void {
    if (neighbor.dynamic === null) return;
    this.host.clock.after(0, () => {
      if (neighbor.peer.state !== 'Active' || neighbor.keepsRoutes) return;
      if (this.byAddress.get(neighbor.address) === neighbor) this.retire(neighbor, CEASE.deconfigured);
    });
  }
}
