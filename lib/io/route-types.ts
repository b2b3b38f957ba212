import type { RouteType } from '../fib/body.js';

/** Types of routes by their numbers in rtnetlink.h (RTN_*). */
export const ROUTE_TYPES: readonly RouteType[] = [
  'unknown',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
];
