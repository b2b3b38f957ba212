import { getSystemErrorName } from 'node:util';
import { KernelError } from '../../fib/errors.js';
import { libc, whyNoLibc } from '../libc.js';
import { inNamespace } from './namespace.js';
import { AF, LITTLE_ENDIAN } from './numbers.js';

const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
export const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const EAGAIN = 11;
const ENOBUFS = 105;

/** Architectures whose numbers of socket options are the usual ones, and whose Node koffi can serve. */
const ARCHITECTURES = new Set(['x64', 'arm64', 'arm', 'ia32', 'riscv64', 'ppc64', 's390x', 'loong64']);

/** Why there is no netlink here; undefined: there is. */
export function whyNoNetlink(
  platform: string = process.platform,
  architecture: string = process.arch,
): string | undefined {
  if (platform !== 'linux') return `netlink is of Linux, and this is ${platform}`;
  if (!ARCHITECTURES.has(architecture)) return `netlink is not supported on processors of type ${architecture}`;
  return whyNoLibc();
}

export interface NetlinkSocketOptions {
  readonly netns?: string | undefined;
  /** Octets that the kernel keeps for us until we read. */
  readonly receiveBuffer: number;
  /** Multicast groups to hear, as bits. */
  readonly groups?: number;
}

/** An rtnetlink socket. Requests are carried out while they are sent, so their answers are there when that is done. */
export class NetlinkSocket {
  readonly fd: number;
  /** Its address, which is in the events that its requests cause. */
  readonly port: number;
  #closed = false;

  /** @throws KernelError */
  constructor(options: NetlinkSocketOptions) {
    const calls = libc();
    this.fd = inNamespace(options.netns, () => {
      const fd = calls.socket(AF.NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, NETLINK_ROUTE);
      if (fd < 0) throw failure('cannot make a netlink socket', calls.errno());
      return fd;
    });
    // What an old kernel does not know it does without.
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) this.#set(SOL_NETLINK, option, 1);
    if (this.#set(SOL_SOCKET, SO_RCVBUFFORCE, options.receiveBuffer) < 0)
      this.#set(SOL_SOCKET, SO_RCVBUF, options.receiveBuffer);
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF.NETLINK, LITTLE_ENDIAN);
    view.setUint32(8, options.groups ?? 0, LITTLE_ENDIAN);
    if (calls.bind(this.fd, address) < 0 || calls.getsockname(this.fd, address) < 0) {
      const error = failure('cannot bind a netlink socket', calls.errno());
      this.close();
      throw error;
    }
    this.port = view.getUint32(4, LITTLE_ENDIAN);
  }

  /** Make room for requests of so many octets. */
  allowSending(octets: number): void {
    // The kernel accounts for more than the octets themselves.
    if (this.#set(SOL_SOCKET, SO_SNDBUFFORCE, octets * 2) < 0) this.#set(SOL_SOCKET, SO_SNDBUF, octets * 2);
  }

  #set(level: number, name: number, value: number): number {
    return libc().setsockopt(this.fd, level, name, new Uint8Array(Int32Array.of(value).buffer));
  }

  /** Have the kernel carry out requests, now. @throws KernelError */
  send(octets: Uint8Array): void {
    if (libc().send(this.fd, octets, octets.length, 0) < 0) throw failure('cannot send', libc().errno());
  }

  /** As {@link send}, while we do something else. `octets` must be left alone until then. @throws KernelError (rejects) */
  async sendLater(octets: Uint8Array, length: number): Promise<void> {
    const result = await libc().sendLater(this.fd, octets, length, 0);
    if (result < 0) throw failure('cannot send', -result);
  }

  /** Octets received; 0: nothing there. @throws KernelError `ENOBUFS`: something was lost */
  receive(into: Uint8Array): number {
    const length = libc().recv(this.fd, into, MSG_DONTWAIT | MSG_TRUNC);
    return this.#received(length < 0 ? -libc().errno() : length, into.length);
  }

  /** As {@link receive}; the kernel makes the next part of a dump meanwhile. @throws KernelError (rejects) */
  async receiveLater(into: Uint8Array): Promise<number> {
    return this.#received(await libc().recvLater(this.fd, into, MSG_DONTWAIT | MSG_TRUNC), into.length);
  }

  #received(result: number, room: number): number {
    if (result === -EAGAIN) return 0;
    if (result === -ENOBUFS) throw new KernelError('ENOBUFS', 'answers of the kernel were lost');
    if (result < 0) throw failure('cannot receive', -result);
    if (result > room) throw new KernelError('EPROTO', `an answer of ${result} octets`);
    return result;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc().close(this.fd);
  }
}

function failure(what: string, errno: number): KernelError {
  const code = getSystemErrorName(-errno);
  return new KernelError(code, `${what}: ${code}`);
}
