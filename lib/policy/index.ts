/**
 * Import and export policy: conditions and actions over routes (RFC 4271 section 9.1, RFC 8212). Compiled once, evaluated
 * once per attribute set; no I/O, no time.
 */
export type * from './definition.js';
export * from './communities.js';
export * from './export-policy.js';
export * from './fib-policy.js';
export * from './import-policy.js';
export * from './policy-chain.js';
export * from './policy-sets.js';
export * from './program.js';
