/**
 * Route reflection (RFC 4456) and all other telling of routes: who may be told what, in which form, and update groups
 * with their Adj-RIB-Out, encoded once for all members.
 */
export * from './add-path-group.js';
export * from './add-path-member.js';
export * from './advertisement-pace.js';
export * from './as-path-export.js';
export * from './attribute-exporter.js';
export * from './export-profile.js';
export * from './group-member.js';
export * from './path-lists.js';
export * from './reflection.js';
export * from './update-encoder.js';
export * from './update-group.js';
