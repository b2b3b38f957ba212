/**
 * tsbgp: a BGP speaker, route reflector and kernel route writer. This is the public face; each layer is also usable
 * alone: `tsbgp/bgp`, `tsbgp/rib`, `tsbgp/rr`, `tsbgp/fib`, `tsbgp/sim`.
 */
export * from './speaker/index.js';
export { Fib } from './fib/fib.js';
export type { FibWriter } from './fib/writer.js';
export { KernelError } from './fib/errors.js';
export type { FibOptions } from './fib/options.js';
export { UsageError, TransportError } from './net/errors.js';
export { Secret } from './net/secret.js';
export type { Clock, Connection, LocalNetworks, Random, Transport } from './net/index.js';
export { createFib, createFibWriter, IpRouteWriter, realClock, TcpTransport } from './io/index.js';
