import { UsageError } from '../../net/index.js';
import { KernelError } from '../../fib/errors.js';
import type { KernelNexthop } from '../../fib/nexthop.js';
import type {
  FibWriter,
  NexthopWriter,
  KernelRoute,
  KernelWatcher,
  ReadOutcome,
  RouteChange,
  WriteFailure,
} from '../../fib/writer.js';
import { dump, linkDump, routeDump } from './dump.js';
import { LinkTable } from './links.js';
import { namespaceIdentity } from './namespace.js';
import type { NetlinkMessage } from './message.js';
import { decodeNexthop, nexthopDump, NexthopEncoder } from './nexthop-codec.js';
import { AF, RTM } from './numbers.js';
import { RouteDecoder } from './route-decoder.js';
import { RouteEncoder, type ChangeEncoder } from './route-encoder.js';
import { ChangeSender } from './sender.js';
import { NetlinkSocket, whyNoNetlink } from './socket.js';
import { NetlinkWatch } from './watch.js';

const READ_BUFFER = 1024 * 1024;

export interface NetlinkWriterOptions {
  /** Name of the network namespace to work in; default: our own. Needs CAP_SYS_ADMIN. */
  readonly netns?: string;
  /** Octets of events that the kernel keeps until we read them; default 8 MiB. */
  readonly watchBuffer?: number;
  /** Octets of answers to changes, likewise. */
  readonly answerBuffer?: number;
}

/** Failures after which we may have a wrong device number in mind. */
const DEVICE_DOUBT = new Set(['EGATEWAY', 'ENODEV', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * Writes routes through rtnetlink itself, with the optional package koffi. Linux only; needs CAP_NET_ADMIN. The event loop never
 * waits for the kernel: requests and parts of dumps are exchanged on threads.
 */
export class NetlinkWriter implements FibWriter {
  readonly name = 'netlink';
  readonly nextHops = 'kernel';
  readonly nexthops: NexthopWriter = {
    read: (visit) => this.#readNexthops(visit),
    write: (changes) => this.#write(changes, this.#nexthopEncoder),
  };
  readonly #netns: string | undefined;
  readonly #links = new LinkTable(() => this.#forget());
  readonly #encoder = new RouteEncoder((device) => this.#links.index(device));
  readonly #decoder = new RouteDecoder((index) => this.#links.name(index));
  readonly #nexthopEncoder = new NexthopEncoder((device) => this.#links.index(device));
  readonly #sender: ChangeSender;
  #watch: NetlinkWatch | null = null;
  #port = 0;
  #sequence = 1;
  #namespace: string | null = null;
  #linksRead = false;
  #linksComing: Promise<void> | null = null;
  #abort: ((error: KernelError) => void) | null = null;

  /** @throws UsageError `bad_fib_type`: there is no netlink here, or koffi is not installed */
  constructor(private readonly options: NetlinkWriterOptions = {}) {
    const reason = whyNoNetlink();
    if (reason !== undefined)
      throw new UsageError('bad_fib_type', `there is no FIB type 'netlink' here: ${reason}`, 'type');
    this.#netns = options.netns;
    this.#sender = new ChangeSender((receiveBuffer) => this.#openSender(receiveBuffer), options.answerBuffer);
  }

  #forget(): void {
    this.#encoder.forget();
    this.#decoder.forget();
  }

  #openSender(receiveBuffer: number): NetlinkSocket {
    this.#checkNamespace();
    const socket = new NetlinkSocket({ netns: this.#netns, receiveBuffer });
    this.#port = socket.port;
    this.#watch?.ignore(socket.port);
    return socket;
  }

  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    return this.#write(changes, this.#encoder);
  }

  async #write<T>(changes: readonly T[], encoder: ChangeEncoder<T>): Promise<readonly WriteFailure[]> {
    await this.#linksKnown();
    const failures = await this.#sender.write(changes, encoder);
    if (failures.some(({ code }) => DEVICE_DOUBT.has(code))) this.#linksRead = false;
    return failures;
  }

  /** Resolves in the order of calling, since batches must keep theirs. */
  #linksKnown(): Promise<void> | undefined {
    if (this.#linksComing) return this.#linksComing;
    if (this.#linksRead) return undefined;
    // Unset by whoever waits last, so that no batch overtakes those that wait.
    const coming = this.#readLinks().finally(() => {
      setImmediate(() => (this.#linksComing = null));
    });
    return (this.#linksComing = coming);
  }

  async #readLinks(): Promise<void> {
    this.#checkNamespace();
    const socket = new NetlinkSocket({ netns: this.#netns, receiveBuffer: READ_BUFFER });
    try {
      await this.#dumpLinks(socket, () => null);
    } finally {
      socket.close();
    }
  }

  async #dumpLinks(socket: NetlinkSocket, isAborted: () => KernelError | null): Promise<void> {
    const met = new Set<number>();
    await dump(
      socket,
      linkDump(this.#sequence++),
      (message) => {
        if (message.type !== RTM.NEWLINK) return;
        const link = this.#links.take(message);
        if (link) met.add(link.index);
      },
      isAborted,
    );
    this.#links.keepOnly(met);
    this.#linksRead = true;
  }

  async #reading<T>(read: (socket: NetlinkSocket, isAborted: () => KernelError | null) => Promise<T>): Promise<T> {
    let aborted: KernelError | null = null;
    this.#abort = (error) => (aborted ??= error);
    this.#checkNamespace();
    const socket = new NetlinkSocket({ netns: this.#netns, receiveBuffer: READ_BUFFER });
    try {
      await this.#dumpLinks(socket, () => aborted);
      return await read(socket, () => aborted);
    } finally {
      this.#abort = null;
      socket.close();
    }
  }

  read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome> {
    return this.#reading(async (socket, isAborted) => {
      let consistent = true;
      const links = [...this.#links.all()].map(({ name, up }) => [name, up] as const);
      for (const table of tables) {
        for (const family of [AF.INET, AF.INET6]) {
          if (!(await this.#readTable(socket, family, table, visit, isAborted))) consistent = false;
        }
      }
      return { consistent, links };
    });
  }

  #readNexthops(visit: (nexthop: KernelNexthop) => void): Promise<void> {
    const take = (message: NetlinkMessage): void => {
      if (message.type === RTM.NEWNEXTHOP) visit(decodeNexthop(message, (index) => this.#links.name(index)));
    };
    return this.#reading(async (socket, isAborted) => {
      await dump(socket, nexthopDump(this.#sequence++), take, isAborted);
    });
  }

  async #readTable(
    socket: NetlinkSocket,
    family: number,
    table: number,
    visit: (route: KernelRoute) => void,
    isAborted: () => KernelError | null,
  ): Promise<boolean> {
    try {
      return await dump(
        socket,
        routeDump(this.#sequence++, family, table),
        (message) => {
          if (message.type !== RTM.NEWROUTE) return;
          const route = this.#decoder.decode(message);
          // A kernel without IPv6 may answer with all families, an old one with all tables.
          if (route && route.table === table && route.prefix.includes(':') === (family === AF.INET6)) visit(route);
        },
        isAborted,
      );
    } catch (error) {
      // No route was ever written to that table, or the kernel has no IPv6.
      if (error instanceof KernelError && (error.code === 'ENOENT' || error.code === 'EOPNOTSUPP')) return true;
      throw error;
    }
  }

  watch(watcher: KernelWatcher): { close(): void } {
    const watch = new NetlinkWatch(this.#netns, this.#links, this.#decoder, watcher, this.options.watchBuffer);
    this.#watch = watch;
    watch.ignore(this.#port);
    try {
      watch.open();
    } catch (error) {
      // Not from within this call.
      queueMicrotask(() => watch.end(error as KernelError));
    }
    return watch;
  }

  /** A socket keeps its namespace alive, also when another one has taken its name. */
  #checkNamespace(): void {
    const identity = namespaceIdentity(this.#netns);
    if (this.#namespace !== null && this.#namespace !== identity) {
      const error = new KernelError('ESTALE', `network namespace '${this.#netns}' is another one now`);
      this.#namespace = identity;
      this.#linksRead = false;
      this.#links.keepOnly(new Set());
      this.#sender.reset(error);
      this.#watch?.end(error);
    }
    this.#namespace = identity;
  }

  reset(reason: string): void {
    const error = new KernelError('ETIMEDOUT', reason);
    this.#sender.reset(error);
    this.#abort?.(error);
  }

  async close(): Promise<void> {
    this.#watch?.close();
    this.#abort?.(new KernelError('ECLOSED', 'closed'));
    await this.#sender.close();
  }
}
