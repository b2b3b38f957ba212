import { once, EventEmitter } from 'node:events';
import { Agent } from './agent.js';
import { eventually } from './eventually.js';
import type { Host } from './host.js';
import type { LoadCommand, LoadStatus } from './load-agent.js';

/** An iBGP client with hundreds of thousands of IPv4 routes that can stop reading. */
export class LoadPeer {
  readonly #events = new EventEmitter();
  readonly #agent: Agent<LoadCommand, LoadStatus>;

  constructor(
    readonly host: Host,
    private readonly settings: { readonly reflector: string; readonly asn: number },
  ) {
    this.#agent = new Agent(host, new URL('./load-agent.ts', import.meta.url), (status: LoadStatus) =>
      this.#events.emit('status', status),
    );
  }

  async start(): Promise<void> {
    const { v4 } = this.host;
    this.#agent.tell({ do: 'connect', to: this.settings.reflector, from: v4, asn: this.settings.asn, routerId: v4 });
    await eventually(() => this.status(), {
      what: `${this.host.name} is Established`,
      until: (now) => now.established,
    });
  }

  async status(): Promise<LoadStatus> {
    const answer = once(this.#events, 'status') as Promise<[LoadStatus]>;
    this.#agent.tell({ do: 'status' });
    return (await answer)[0];
  }

  announce(routes: { first?: number; end: number; round: number; perSet: number }): void {
    this.#agent.tell({ do: 'announce', first: 0, ...routes });
  }

  withdraw(first: number, end: number): void {
    this.#agent.tell({ do: 'withdraw', first, end });
  }

  /** Stop reading from the socket; keepalives still go out. */
  pause(): void {
    this.#agent.tell({ do: 'pause' });
  }

  resume(): void {
    this.#agent.tell({ do: 'resume' });
  }
}
