import { Socket } from 'node:net';
import { KernelError } from '../../fib/errors.js';
import type { KernelWatcher } from '../../fib/writer.js';
import { libc } from '../libc.js';
import { readAddressLink, type LinkTable } from './links.js';
import { forEachMessage, type NetlinkMessage } from './message.js';
import { decodeNexthop } from './nexthop-codec.js';
import { AF, GROUPS, LITTLE_ENDIAN, RTM } from './numbers.js';
import type { RouteDecoder } from './route-decoder.js';
import { NetlinkSocket } from './socket.js';

const RECEIVE_BUFFER = 8 * 1024 * 1024;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const O_CLOEXEC = 0o2000000;

const WATCHED =
  (GROUPS.LINK |
    GROUPS.IPV4_IFADDR |
    GROUPS.IPV6_IFADDR |
    GROUPS.IPV4_ROUTE |
    GROUPS.IPV6_ROUTE |
    (GROUPS.NEXTHOP | 0)) >>>
  0;

/**
 * Hears what happens to routes, links, addresses and nexthop objects. Events that our own writing causes are left out by the
 * kernel: at a hundred thousand changes a second, hearing of them would cost more than making them.
 */
export class NetlinkWatch {
  #stream: Socket | null = null;
  #fd = -1;
  #closed = false;
  #ignored = 0;

  constructor(
    private readonly netns: string | undefined,
    private readonly links: LinkTable,
    private readonly decoder: RouteDecoder,
    private readonly watcher: KernelWatcher,
    private readonly receiveBuffer = RECEIVE_BUFFER,
  ) {}

  /** @throws KernelError */
  open(): void {
    const socket = new NetlinkSocket({ netns: this.netns, receiveBuffer: this.receiveBuffer, groups: WATCHED });
    const { stream, fd } = readable(socket);
    this.#fd = fd;
    this.#stream = stream;
    stream.on('data', (octets: Buffer) => this.#take(octets));
    stream.on('error', (error: NodeJS.ErrnoException) => this.#failed(stream, error));
    this.ignore(this.#ignored);
  }

  /** Leave out events that are caused by the socket with this address. */
  ignore(port: number): void {
    this.#ignored = port;
    // Should it fail, we hear more than we need to.
    if (port !== 0 && this.#stream) libc().attachFilter(this.#fd, withoutPort(port));
  }

  /** End it as if by itself. */
  end(error: KernelError): void {
    if (this.#closed) return;
    this.close();
    this.watcher.onEnd(error);
  }

  close(): void {
    this.#closed = true;
    this.#stream?.destroy();
    this.#stream = null;
  }

  #failed(stream: Socket, error: NodeJS.ErrnoException): void {
    if (this.#closed || stream !== this.#stream) return;
    this.#stream = null;
    const lost = error.code === 'ENOBUFS';
    try {
      if (lost) this.open();
    } catch (reason) {
      return this.end(reason as KernelError);
    }
    // Told after the new one hears, so that what is read then and what is heard leave no gap.
    if (lost) this.watcher.onResync('events were lost');
    else this.end(new KernelError(error.code ?? 'EUNKNOWN', `cannot hear the kernel: ${error.message}`));
  }

  #take(octets: Buffer): void {
    try {
      forEachMessage(octets, (message) => {
        if (!this.#closed) this.#event(message);
      });
    } catch (error) {
      this.watcher.onResync(`an event could not be read: ${(error as Error).message}`);
    }
  }

  #event(message: NetlinkMessage): void {
    switch (message.type) {
      case RTM.NEWROUTE:
      case RTM.DELROUTE: {
        const route = this.decoder.decode(message);
        if (route) this.watcher.onRoute(route, message.type === RTM.DELROUTE);
        return;
      }
      case RTM.NEWLINK:
      case RTM.DELLINK: {
        const before = this.links.get(message.view.getInt32(message.start + 20, LITTLE_ENDIAN));
        const link = this.links.take(message);
        if (!link) return;
        if (before && before.name !== link.name) this.watcher.onLink(before.name, false);
        return this.watcher.onLink(link.name, link.up);
      }
      case RTM.NEWADDR:
      case RTM.DELADDR: {
        const link = this.links.get(readAddressLink(message));
        // What is known of the link may come from a dump that is older than the last event of it.
        if (link) this.watcher.onLink(link.name);
        else this.watcher.onResync('an address changed');
        return;
      }
      case RTM.NEWNEXTHOP:
      case RTM.DELNEXTHOP: {
        if (!this.watcher.onNexthop) return this.watcher.onResync('a nexthop object changed');
        const nexthop = decodeNexthop(message, (index) => this.links.name(index));
        return this.watcher.onNexthop(nexthop, message.type === RTM.DELNEXTHOP);
      }
      default: // nothing that we asked for
    }
  }
}

/**
 * Have Node's event loop tell when there is something to read. Node takes over Unix sockets, not those of netlink; so it is
 * given one of the former, under whose number the latter is put before the loop has looked at it.
 */
function readable(socket: NetlinkSocket): { stream: Socket; fd: number } {
  const calls = libc();
  const fd = calls.socket(AF.UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) {
    socket.close();
    throw new KernelError('EMFILE', 'cannot make a socket');
  }
  const stream = new Socket({ fd, readable: true, writable: false });
  const result = calls.dup3(socket.fd, fd, O_CLOEXEC);
  socket.close();
  if (result >= 0) return { stream, fd };
  stream.destroy();
  throw new KernelError('EBADF', 'cannot hand a netlink socket to the event loop');
}

/** Classic BPF: drop a message whose nlmsg_pid is this, keep any other. */
function withoutPort(port: number): Uint8Array {
  const program = new Uint8Array(32);
  const view = new DataView(program.buffer);
  const put = (n: number, code: number, yes: number, no: number, k: number): void => {
    view.setUint16(n * 8, code, LITTLE_ENDIAN);
    view.setUint8(n * 8 + 2, yes);
    view.setUint8(n * 8 + 3, no);
    view.setUint32(n * 8 + 4, k, LITTLE_ENDIAN);
  };
  // BPF loads are in network order, the message is not.
  const swap = new DataView(new ArrayBuffer(4));
  swap.setUint32(0, port, LITTLE_ENDIAN);
  put(0, 0x20, 0, 0, 12); // ld [12]
  put(1, 0x15, 0, 1, swap.getUint32(0)); // jeq #port, next, over
  put(2, 0x06, 0, 0, 0); // ret #0
  put(3, 0x06, 0, 0, 0xffffffff); // ret #-1
  return program;
}
