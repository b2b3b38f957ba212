/**
 * Addresses, prefixes, AS numbers, octet readers and writers, and the interfaces (Clock, Transport) through which all
 * I/O is handed in. Imports nothing of tsbgp; does no I/O itself.
 */
export * from './errors.js';
export * from './clock.js';
export * from './transport.js';
export * from './reader.js';
export * from './writer.js';
export * from './address.js';
export * from './zone.js';
export * from './prefix.js';
export * from './asn.js';
export * from './local-networks.js';
export * from './secret.js';
export * from './socket-options.js';
