import { canonicalAddress, isAddress, type Endpoint } from '../net/index.js';

/** The entries of a list that could be read, with their places. */
export function entries<T>(list: readonly (T | undefined)[] | undefined): [number, T][] {
  return [...(list ?? []).entries()].filter((entry): entry is [number, T] => entry[1] !== undefined);
}

/** The family of an address or prefix in text form. */
export function familyOfAddress(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** An address and a port: `127.0.0.1:8179`, `[::1]:8179`. Undefined when it is something else. */
export function parseHostPort(text: string): Endpoint | undefined {
  const parts = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const [address, port] = [parts?.[1] ?? parts?.[2] ?? '', Number(parts?.[3])];
  return isAddress(address) && port <= 0xffff ? { address: canonicalAddress(address), port } : undefined;
}
