import { Agent } from './agent.js';
import { eventually } from './eventually.js';
import type { Host } from './host.js';
import { NOTIFICATION, split } from './messages.js';
import type { Message } from './messages.js';
import type { AgentCommand, AgentEvent } from './raw-agent.js';

/** One TCP connection of a neighbor that the test plays itself, octet by octet. */
export class RawConnection {
  /** With the time at which each was there, as `openedAt`. */
  readonly messages: (Message & { readonly at: number })[] = [];
  /** When it was there, in `performance.now()` time. */
  readonly openedAt = performance.now();
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  readonly #tell: (command: AgentCommand) => void;

  constructor(
    readonly id: number,
    tell: (command: AgentCommand) => void,
  ) {
    this.#tell = tell;
  }

  send(...octets: readonly Uint8Array[]): void {
    this.#tell({ do: 'send', id: this.id, hex: Buffer.concat(octets).toString('hex') });
  }

  end(): void {
    this.#tell({ do: 'end', id: this.id });
  }

  reset(): void {
    this.#tell({ do: 'reset', id: this.id });
  }

  /** What came, by message type. */
  get types(): number[] {
    return this.messages.map(({ type }) => type);
  }

  /** `code/subcode`, or `code/subcode data` in hex, of the NOTIFICATION that came. */
  get notification(): string | undefined {
    const body = this.messages.find(({ type }) => type === NOTIFICATION)?.body;
    if (body === undefined) return undefined;
    const data = body.subarray(2).toString('hex');
    return `${body[0]}/${body[1]}${data === '' ? '' : ` ${data}`}`;
  }

  /** Wait until a message of the type has come. */
  async message(type: number, limitMs = 20_000): Promise<Message> {
    await eventually(() => this.types, {
      what: `a message of type ${type}`,
      until: (types) => types.includes(type),
      limitMs,
      everyMs: 20,
    });
    return this.messages.find((message) => message.type === type)!;
  }

  receive(octets: Buffer): void {
    const { messages, rest } = split(Buffer.concat([this.#rest, octets]));
    const at = performance.now();
    this.messages.push(...messages.map((message) => ({ ...message, at })));
    this.#rest = rest;
  }
}

/** A neighbor played by the test. */
export class RawPeer {
  readonly #connections = new Map<number, RawConnection>();
  readonly #agent: Agent<AgentCommand, AgentEvent>;
  readonly #seen = new Set<string>();
  #ids = 0;
  readonly #onAccept = new Map<string, (connection: RawConnection) => void>();

  private constructor(readonly host: Host) {
    this.#agent = new Agent(host, new URL('./raw-agent.ts', import.meta.url), (event) => this.#on(event));
  }

  static async start(host: Host): Promise<RawPeer> {
    const peer = new RawPeer(host);
    await peer.#wait('ready');
    return peer;
  }

  /** Accept connections to an address of its host. */
  async listen(address: string, onAccept: (connection: RawConnection) => void): Promise<void> {
    this.#onAccept.set(address, onAccept);
    this.#agent.tell({ do: 'listen', at: address });
    await this.#wait(`listening ${address}`);
  }

  /** @param from  address of its host; default: the one of the same family */
  async connect(to: string, from = to.includes(':') ? this.host.v6 : this.host.v4): Promise<RawConnection> {
    const id = ++this.#ids;
    const connection = new RawConnection(id, (command) => this.#agent.tell(command));
    this.#connections.set(id, connection);
    this.#agent.tell({ do: 'connect', id, to, from });
    await this.#wait(`connected ${id}`);
    return connection;
  }

  async stop(): Promise<void> {
    await this.#agent.stop();
  }

  #wait(what: string): Promise<unknown> {
    const until = () => this.#seen.has(what);
    return eventually(() => [...this.#seen], { what: `${this.host.name}: ${what}`, until, everyMs: 20 });
  }

  #on(event: AgentEvent): void {
    switch (event.event) {
      case 'accepted': {
        const connection = new RawConnection(event.id, (command) => this.#agent.tell(command));
        this.#connections.set(event.id, connection);
        return this.#onAccept.get(event.at)?.(connection);
      }
      case 'data':
        return this.#connections.get(event.id)?.receive(Buffer.from(event.hex, 'hex'));
      case 'closed': {
        const connection = this.#connections.get(event.id);
        if (connection !== undefined) connection.closed = true;
        return;
      }
      case 'connected':
        this.#seen.add(`connected ${event.id}`);
        return;
      case 'listening':
        this.#seen.add(`listening ${event.at}`);
        return;
      case 'ready':
        this.#seen.add('ready');
    }
  }
}
