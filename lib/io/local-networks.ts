import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import {
  canonicalAddress,
  maskOctets,
  parseAddress,
  parseScopedAddress,
  prefixContains,
  type LocalNetworks,
  type NetworkInterface,
} from '../net/index.js';

/** How long an answer of the system is good for. */
const CACHE_MS = 1000;

/** The network interfaces of this machine, as they were at most a second ago, or later if somebody knows better. */
export class SystemNetworks implements LocalNetworks {
  private byAddress = new Map<string, NetworkInterface>();
  private byName = new Map<string, NetworkInterface>();
  private readAt = -Infinity;

  interfaceOf(address: string): NetworkInterface | undefined {
    this.refresh();
    // Several interfaces may have the same link-local address.
    const [plain, zone] = address.split('%') as [string, string?];
    if (zone === undefined) return this.byAddress.get(plain);
    const named = this.byName.get(zone);
    return named?.addresses.some((own) => own.address === plain) ? named : undefined;
  }

  isConnected(address: string): boolean {
    this.refresh();
    const { octets, zone } = parseScopedAddress(address);
    if (zone !== undefined) return this.byName.has(zone);
    for (const { addresses } of this.byAddress.values()) {
      if (addresses.some(({ subnet }) => prefixContains(subnet, octets))) return true;
    }
    return false;
  }

  forget(): void {
    this.readAt = -Infinity;
  }

  private refresh(): void {
    const now = performance.now();
    if (now - this.readAt > CACHE_MS) {
      this.readAt = now;
      this.read();
    }
  }

  private read(): void {
    this.byAddress = new Map();
    this.byName = new Map();
    for (const [name, entries = []] of Object.entries(networkInterfaces())) {
      const addresses = entries.map(({ address, cidr }) => {
        const octets = parseAddress(address);
        const length = cidr === null ? octets.length * 8 : Number(cidr.slice(cidr.indexOf('/') + 1));
        return { address: canonicalAddress(address), subnet: { octets: maskOctets(octets, length), length } };
      });
      this.byName.set(name, { name, addresses });
      for (const { address } of addresses) this.byAddress.set(address, { name, addresses });
    }
  }
}
