import type { Prefix } from './prefix.js';

/** An address of this machine with the subnet it is in. */
export interface InterfaceAddress {
  /** Canonical text. */
  readonly address: string;
  readonly subnet: Prefix;
}

/** One network interface of this machine. */
export interface NetworkInterface {
  readonly name: string;
  readonly addresses: readonly InterfaceAddress[];
}

/** What a speaker needs to know of the machine it runs on: real in `lib/io`, invented in tests. */
export interface LocalNetworks {
  /** The interface that has this address (canonical text; a link-local one with its zone), if any. */
  interfaceOf(address: string): NetworkInterface | undefined;
  /** Whether an address (canonical text) is in a subnet of one of the interfaces. Left out: it is not known, and all count as that. */
  isConnected?(address: string): boolean;
  /** Addresses have come or gone, as a kernel tells: what is remembered of the machine is not true any more. */
  forget?(): void;
}

/** A machine of which nothing is known. */
export const NO_LOCAL_NETWORKS: LocalNetworks = Object.freeze({ interfaceOf: () => undefined });
