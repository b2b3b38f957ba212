/**
 * Routing information bases: interned attribute sets, prefix tables, Adj-RIB-In, Loc-RIB and the decision process
 * (RFC 4271 sections 3.2 and 9). Columns of typed arrays inside; no I/O, no time.
 */
export * from './attribute-store.js';
export * from './attribute-list.js';
export * from './adj-rib-in.js';
export * from './columns.js';
export * from './decision.js';
export * from './family-rib.js';
export * from './import-policy.js';
export * from './import-rules.js';
export * from './link-bandwidth.js';
export * from './multipath.js';
export * from './next-hop-table.js';
export * from './only-to-customer.js';
export * from './path-selection.js';
export * from './path-table.js';
export * from './peer-table.js';
export * from './prefix-limit.js';
export * from './prefix-table.js';
export * from './rib.js';
