import type { KernelError } from '../fib/errors.js';
import { routeBody } from '../fib/body.js';
import type { ConntrackTable } from '../fib/conntrack.js';
import type { KernelNexthop } from '../fib/nexthop.js';
import type { FibWriter, KernelRoute, KernelWatcher, WriteFailure } from '../fib/writer.js';
import type {
  Clock,
  Connection,
  ConnectHandler,
  ConnectionHandler,
  Endpoint,
  Listener,
  LocalNetworks,
  Timer,
  Transport,
} from '../net/index.js';
import type { TransportError } from '../net/index.js';
import { errorOf, type ErrorParts } from './errors-json.js';
import { KIND } from './kinds.js';
import { interfaceOfJson } from './recording-networks.js';
import type { StartRecord } from './recorded-speaker.js';
import { textOf, type Tape, type TapeEvent } from './tape.js';

/** A connection of the recorded speaker. */
export interface ReplayedConnection {
  readonly number: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** We dialed it. */
  readonly dialed: boolean;
}

interface Planned {
  readonly run: () => void;
  /** Milliseconds asked for; undefined: `soon`. */
  readonly ms: number | undefined;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The longest wait that is a pause in the speaker's own work, not a timer of a protocol; in milliseconds. */
const PAUSE_MS = 20;

/** All that the recorded speaker ran on, out of the file: it answers what it answered then. */
export class ReplayMachine {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly networks: LocalNetworks;
  readonly fibWriter: FibWriter | undefined;
  readonly random = (): number => this.#tape.random();
  /** Told before octets of a connection are handed to the speaker. @returns how many of them; undefined: all */
  onData: ((connection: ReplayedConnection, octets: Uint8Array, event: TapeEvent) => number | undefined) | undefined;

  readonly #tape: Tape;
  #ids = 0;
  readonly #planned = new Map<number, Planned>();
  readonly #attempts = new Map<number, ConnectHandler>();
  readonly #listeners = new Map<number, (connection: Connection) => void>();
  readonly #connections = new Map<
    number,
    { readonly about: ReplayedConnection; handler: ConnectionHandler | undefined }
  >();
  readonly #waiting = new Map<number, Waiting>();
  /** By the number of a reading: takes what the kernel reported, as JSON. */
  readonly #visits = new Map<number, (json: string) => void>();
  readonly #watchers = new Map<number, KernelWatcher>();
  readonly #lastNetworks = new Map<string, string>();

  constructor(tape: Tape, start: StartRecord) {
    this.#tape = tape;
    this.clock = this.#makeClock();
    this.transport = this.#makeTransport(start);
    this.networks = this.#makeNetworks(start);
    this.fibWriter = start.fibWriter && this.#makeFibWriter(start.fibWriter);
  }

  /** The number of the next timer, call …: the same as when it was recorded. */
  nextId(): number {
    return ++this.#ids;
  }

  /** An open connection, if there is one with this number. */
  connectionOf(number: number): ReplayedConnection | undefined {
    return this.#connections.get(number)?.about;
  }

  // --- events ---

  /** Let an event happen. @returns whether it is one of the machine's */
  handle(event: TapeEvent): boolean {
    const [id, second, third] = event.fields as [number, number & Uint8Array, Uint8Array];
    switch (event.kind) {
      case KIND.timer:
      case KIND.soon:
        this.#take(this.#planned, id, 'timer').run();
        return true;
      case KIND.data:
        this.#data(this.#connection(id), second, event);
        return true;
      case KIND.drain:
        this.#connection(id).handler!.onDrain();
        return true;
      case KIND.close: {
        const text = textOf(second);
        const { handler } = this.#connection(id);
        this.#connections.delete(id);
        handler!.onClose(text === '' ? undefined : (errorOf(JSON.parse(text) as ErrorParts) as TransportError));
        return true;
      }
      case KIND.connected: {
        const handler = this.#take(this.#attempts, id, 'connection attempt');
        handler.onConnect(this.#open(second, textOf(third), true));
        return true;
      }
      case KIND.connectFailed:
        this.#take(this.#attempts, id, 'connection attempt').onError(
          errorOf(JSON.parse(textOf(second)) as ErrorParts) as TransportError,
        );
        return true;
      case KIND.accepted:
        this.#find(this.#listeners, id, 'listener')(this.#open(second, textOf(third), false));
        return true;
      case KIND.answer:
        this.#answer(id, textOf(second));
        return true;
      default:
        return this.#kernel(event);
    }
  }

  #kernel(event: TapeEvent): boolean {
    const [id, second, third] = event.fields as [number, number & Uint8Array, number];
    switch (event.kind) {
      case KIND.visit: {
        const visit = this.#find(this.#visits, id, 'reading of the kernel');
        for (let i = 0; i < third; i++) visit(this.#tape.valueOf(second + i));
        return true;
      }
      case KIND.kernelRoute:
        this.#find(this.#watchers, id, 'watch of the kernel').onRoute(routeOf(this.#tape.valueOf(third)), second === 1);
        return true;
      case KIND.kernelEvent: {
        const watcher = this.#find(this.#watchers, id, 'watch of the kernel');
        const told = JSON.parse(textOf(second)) as KernelEvent;
        if (told.link !== undefined) watcher.onLink(told.link, told.up);
        else if (told.nexthop !== undefined) watcher.onNexthop?.(told.nexthop, told.deleted);
        else if (told.resync !== undefined) watcher.onResync(told.resync);
        else watcher.onEnd(errorOf(told.end) as KernelError);
        return true;
      }
      default:
        return false;
    }
  }

  #find<T>(map: ReadonlyMap<number, T>, id: number, what: string): T {
    const found = map.get(id);
    if (found === undefined) throw this.#tape.diverge(`there is no ${what} ${id}`);
    return found;
  }

  #take<T>(map: Map<number, T>, id: number, what: string): T {
    const found = this.#find(map, id, what);
    map.delete(id);
    return found;
  }

  #answer(id: number, text: string): void {
    const { resolve, reject } = this.#take(this.#waiting, id, 'call');
    this.#visits.delete(id);
    const outcome = JSON.parse(text) as { value?: unknown; error?: ErrorParts };
    if (outcome.error === undefined) resolve(outcome.value);
    else reject(errorOf(outcome.error));
  }

  #wait<T>(id: number): Promise<T> {
    return new Promise((resolve, reject) =>
      this.#waiting.set(id, { resolve: resolve as (v: unknown) => void, reject }),
    );
  }

  // --- time ---

  #makeClock(): Clock {
    const plan = (run: () => void, ms?: number): Timer => {
      const id = this.nextId();
      this.#planned.set(id, { run, ms });
      return { cancel: () => void this.#planned.delete(id) };
    };
    return {
      now: () => this.#tape.now(),
      wallTime: () => this.#tape.wallTime(),
      after: (ms, run) => plan(run, ms),
      soon: (run) => void plan(run),
    };
  }

  /**
   * After the recorded part: run what the speaker has planned next of its own work. @returns false: there is nothing
   */
  finishSome(): boolean {
    for (const [id, { run, ms }] of this.#planned) {
      if (ms !== undefined && ms > PAUSE_MS) continue;
      this.#planned.delete(id);
      run();
      return true;
    }
    return false;
  }

  // --- network ---

  #makeTransport(start: StartRecord): Transport {
    const tape = this.#tape;
    return {
      connect: (_, handler) => {
        const id = this.nextId();
        returned(tape.outcome());
        this.#attempts.set(id, handler);
        // An attempt that was given up may still be told of, as it was then.
        return { cancel: () => undefined };
      },
      listen: (_, onConnection) => {
        const id = this.nextId();
        this.#listeners.set(id, onConnection);
        return this.#wait<{ local: Endpoint; setPeers: boolean }>(id).then((told) => this.#listener(told));
      },
      ...(start.transport.whyNot ? { whyNot: () => returned(tape.outcome()) as string | undefined } : {}),
    };
  }

  #listener({ local, setPeers }: { readonly local: Endpoint; readonly setPeers: boolean }): Listener {
    return {
      local,
      ...(setPeers ? { setPeers: () => void returned(this.#tape.outcome()) } : {}),
      close: () => this.#wait(this.nextId()),
    };
  }

  #connection(id: number): { readonly about: ReplayedConnection; handler: ConnectionHandler | undefined } {
    return this.#find(this.#connections, id, 'connection');
  }

  #open(number: number, text: string, dialed: boolean): Connection {
    const { local, remote } = JSON.parse(text) as { local: Endpoint; remote: Endpoint };
    const about = { number, local, remote, dialed };
    const held = { about, handler: undefined as ConnectionHandler | undefined };
    this.#connections.set(number, held);
    const tape = this.#tape;
    return {
      local,
      remote,
      setHandler: (handler) => (held.handler = handler),
      send: (bytes) => tape.sent(number, bytes.length),
      get queuedBytes() {
        return tape.queued();
      },
      pause: () => undefined,
      resume: () => undefined,
      end: () => undefined,
      destroy: () => undefined,
    };
  }

  #data(
    { about, handler }: { readonly about: ReplayedConnection; readonly handler: ConnectionHandler | undefined },
    octets: Uint8Array,
    event: TapeEvent,
  ): void {
    const count = this.onData?.(about, octets, event) ?? octets.length;
    // A copy: the speaker may keep it, and the block is freed.
    if (count > 0) handler!.onData(octets.slice(0, count));
  }

  // --- machine and kernel ---

  #makeNetworks(start: StartRecord): LocalNetworks {
    const ask = (question: string): string => {
      const answer = this.#tape.networks() ?? this.#lastNetworks.get(question) ?? 'null';
      this.#lastNetworks.set(question, answer);
      return answer;
    };
    return {
      interfaceOf: (address) => interfaceOfJson(JSON.parse(ask(`of ${address}`)) as never),
      ...(start.networks.isConnected
        ? { isConnected: (address: string) => JSON.parse(ask(`connected ${address}`)) as boolean }
        : {}),
    };
  }

  /** Nothing is deleted; the answers are those of then. */
  readonly conntrack: ConntrackTable = {
    deleteEntries: () => this.#wait(this.nextId()),
    close: () => undefined,
  };

  #reading<T>(visit: (item: T) => void, itemOf: (json: string) => T): number {
    const id = this.nextId();
    this.#visits.set(id, (json) => visit(itemOf(json)));
    return id;
  }

  #makeFibWriter({ name, nextHops, watch, nexthops = false }: NonNullable<StartRecord['fibWriter']>): FibWriter {
    return {
      name,
      nextHops,
      read: (_, visit) => this.#wait(this.#reading(visit, routeOf)),
      write: () => this.#wait(this.nextId()),
      ...(nexthops
        ? {
            nexthops: {
              read: (visit: (nexthop: KernelNexthop) => void): Promise<void> =>
                this.#wait(this.#reading(visit, (json) => JSON.parse(json) as KernelNexthop)),
              write: () => this.#wait<WriteFailure[]>(this.nextId()),
            },
          }
        : {}),
      ...(watch ? { watch: (watcher: KernelWatcher) => this.#watch(watcher) } : {}),
      reset: () => undefined,
      close: () => this.#wait(this.nextId()),
    };
  }

  #watch(watcher: KernelWatcher): { close(): void } {
    this.#watchers.set(this.nextId(), watcher);
    return { close: () => undefined };
  }
}

/** What a watch of the kernel told, but for routes. */
interface KernelEvent {
  readonly link?: string;
  readonly up?: boolean;
  readonly nexthop?: KernelNexthop;
  readonly deleted: boolean;
  readonly resync?: string;
  readonly end: ErrorParts;
}

function routeOf(json: string): KernelRoute {
  const { body, ...route } = JSON.parse(json) as KernelRoute;
  return { ...route, body: routeBody(body) };
}

function returned(text: string): unknown {
  const { value, error } = JSON.parse(text) as { value?: unknown; error?: ErrorParts };
  if (error !== undefined) throw errorOf(error);
  return value;
}
