/**
 * Kernel routes: what is wanted against what the kernel holds, next-hop resolution, and the interface through which
 * routes are written. Does no I/O: `IpRouteWriter` in `tsbgp` writes to Linux.
 */
export * from './errors.js';
export * from './body.js';
export * from './writer.js';
export * from './nexthop.js';
export * from './events.js';
export * from './conntrack.js';
export * from './names.js';
export * from './ip-command.js';
export * from './memory-writer.js';
export * from './print-writer.js';
export type { FibTarget, NextHop, RejectType, RouteAttributes } from './targets.js';
export type { LearnedChange, LearnedRoute, LearnRule } from './learner.js';
export type { RemovalLimit } from './removal-guard.js';
export type { FibOptions } from './options.js';
export type { FibRoute, FibSettings, FibSummary } from './settings.js';
export type { NextHopCover } from './resolver.js';
export { Fib } from './fib.js';
