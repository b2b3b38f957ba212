import { parsePrefix, prefixContains, parseAddress, formatPrefix, maskOctets, UsageError } from '../../net/index.js';
import type { Clock, LocalNetworks, NetworkInterface } from '../../net/index.js';
import { FakeKernel } from '../fake-kernel.js';
import type { MemoryMedium } from '../memory-links.js';
import { MemoryTransport } from '../memory-transport.js';
import type { LinkOptions } from './link-options.js';

/** The interface to which a host's own networks (pods, servers) are attached. */
export const INSIDE = 'inside';
/** The interface with the addresses that are on no network. */
export const LOOPBACK = 'lo';
/** Protocol numbers of the routes that a network puts into kernels: as of ospf, and as of the kernel itself. */
export const PROTOCOL_IGP = 188;
const PROTOCOL_KERNEL = 2;

/** A machine: addresses, interfaces, a kernel that forwards, and a transport for its processes. */
export class Host {
  readonly kernel: FakeKernel;
  readonly transport: MemoryTransport;
  /** All its addresses, canonical text; the first one of each family is the one it is known by. */
  readonly addresses: string[] = [];
  /** Of these addresses those on no network: host routes. */
  readonly loopbacks: string[] = [];
  readonly ports: Port[] = [];
  /** False: without power. */
  powered = true;
  readonly #hosts: Map<string, MemoryTransport>;
  readonly #interfaces = new Map<string, NetworkInterface>();

  constructor(
    readonly name: string,
    wiring: {
      readonly clock: Clock;
      readonly medium: MemoryMedium;
      readonly hosts: Map<string, MemoryTransport>;
      readonly onKernelChange: (host: Host) => void;
    },
  ) {
    this.kernel = new FakeKernel({ clock: wiring.clock, onChange: () => wiring.onKernelChange(this) });
    this.#hosts = wiring.hosts;
    this.transport = new MemoryTransport(wiring.medium, wiring.hosts, this.addresses);
  }

  /** The IPv4 (or IPv6) address that it is known by. */
  address(family: 4 | 6 = 4): string | undefined {
    return this.addresses.find((address) => address.includes(':') === (family === 6));
  }

  /** Give an interface addresses with their prefix length: `10.0.0.1/24`. */
  addInterface(device: string, addresses: readonly string[]): void {
    const taken = addresses.map(bare).find((address) => this.#hosts.has(address));
    if (taken !== undefined) throw new UsageError('duplicate_address', `another host has ${taken}`, 'address');
    this.kernel.addLink(device, ...addresses);
    const known = this.#interfaces.get(device)?.addresses ?? [];
    const added = addresses.map((text) => ({ address: bare(text), subnet: subnetOf(text) }));
    const made: NetworkInterface = { name: device, addresses: [...known, ...added] };
    for (const { address } of made.addresses) {
      this.#hosts.set(address, this.transport);
      if (!this.addresses.includes(address)) this.addresses.push(address);
    }
    this.#interfaces.set(device, made);
    if (device === LOOPBACK) this.loopbacks.push(...addresses);
  }

  plug(segment: Segment, device: string, addresses: readonly string[]): Port {
    if (this.ports.some((port) => port.device === device)) {
      throw new UsageError('duplicate_interface', `${this.name} has an interface ${device} already`);
    }
    this.addInterface(device, addresses);
    const port = segment.attach(this, device, addresses);
    this.ports.push(port);
    return port;
  }

  portOf(device: string): Port | undefined {
    return this.ports.find((port) => port.device === device);
  }

  /** The machine as its processes see it. */
  readonly networks: LocalNetworks = {
    interfaceOf: (address) => {
      if (!this.addresses.includes(address)) return undefined;
      for (const each of this.#interfaces.values()) {
        if (each.addresses.some((one) => one.address === address)) return each;
      }
      return undefined;
    },
    isConnected: (address) => {
      const octets = parseAddress(address);
      const all = [...this.#interfaces.values()].flatMap(({ addresses }) => addresses);
      return all.some(({ subnet }) => subnet.length < octets.length * 8 && prefixContains(subnet, octets));
    },
  };

  /** Attach a network of its own: packets to it have arrived. */
  attach(prefix: string): void {
    if (!this.#hasInside()) this.kernel.addLink(INSIDE);
    this.kernel.put({ prefix: formatPrefix(parsePrefix(prefix)), device: INSIDE, protocol: PROTOCOL_KERNEL });
  }

  detach(prefix: string): void {
    this.kernel.remove(formatPrefix(parsePrefix(prefix)), { metric: 0 });
  }

  #hasInside(): boolean {
    for (const { device } of this.kernel.links()) if (device === INSIDE) return true;
    return false;
  }

  /** The power is back, or an interface changed its state: whether it is up follows from what it is plugged into. */
  refreshCarrier(): void {
    for (const port of this.ports) this.kernel.setLink(port.device, this.powered && port.up && port.segment.up);
  }

  /** The power is gone: nothing is left of what processes wrote into the kernel. */
  loseKernelRoutes(): void {
    for (const { prefix, table, metric, protocol } of this.kernel.routes()) {
      if (protocol !== PROTOCOL_KERNEL && protocol !== PROTOCOL_IGP) this.kernel.remove(prefix, { table, metric });
    }
  }
}

function bare(text: string): string {
  return text.slice(0, text.lastIndexOf('/'));
}

function subnetOf(text: string): { octets: Uint8Array; length: number } {
  const length = Number(text.slice(text.lastIndexOf('/') + 1));
  return { octets: maskOctets(parseAddress(bare(text)), length), length };
}

/** Where a host is plugged in. */
export interface Port {
  readonly host: Host;
  readonly segment: Segment;
  /** Name of the interface on the host. */
  readonly device: string;
  /** Addresses on it, canonical text. */
  readonly addresses: readonly string[];
  /** The same with the lengths of their subnets. */
  readonly subnets: readonly { readonly address: string; readonly length: number }[];
  /** False: unplugged. */
  up: boolean;
  /** When the last octet that leaves here has left, in milliseconds. */
  busyUntil: number;
}

/** A link between two hosts, or a LAN with many. */
export class Segment {
  readonly ports: Port[] = [];
  readonly #byAddress = new Map<string, Port>();
  readonly #byHost = new Map<Host, Port>();
  latencyMs: number;
  jitterMs: number;
  bandwidth: number;
  cost: number;
  /** False: cut. */
  up = true;

  constructor(
    readonly name: string,
    options: LinkOptions,
  ) {
    this.latencyMs = options.latencyMs ?? 1;
    this.jitterMs = options.jitterMs ?? 0;
    this.bandwidth = options.bandwidth ?? Infinity;
    this.cost = options.cost ?? 10;
  }

  /** @param interfaces addresses with their lengths: `10.0.0.1/24` */
  attach(host: Host, device: string, interfaces: readonly string[]): Port {
    const subnets = interfaces.map((text) => {
      const slash = text.lastIndexOf('/');
      return { address: text.slice(0, slash), length: Number(text.slice(slash + 1)) };
    });
    const addresses = subnets.map(({ address }) => address);
    const port: Port = { host, segment: this, device, addresses, subnets, up: true, busyUntil: 0 };
    this.ports.push(port);
    for (const address of addresses) this.#byAddress.set(address, port);
    this.#byHost.set(host, port);
    return port;
  }

  /** The port with an address. */
  portOf(address: string): Port | undefined {
    return this.#byAddress.get(address);
  }

  portOfHost(host: Host): Port | undefined {
    return this.#byHost.get(host);
  }
}
