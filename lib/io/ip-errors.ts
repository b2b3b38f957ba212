/**
 * What `ip` says, as an errno name. It prints the kernel's own words where there are some (`Error: …`), else strerror's
 * (`RTNETLINK answers: …`). Patterns in order; the first that matches counts.
 */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/File exists/, 'EEXIST'],
  [/No such process|FIB table does not exist/, 'ESRCH'],
  [/Operation not permitted|Permission denied/, 'EPERM'],
  [/invalid gateway|has invalid scope|device mismatch/i, 'EGATEWAY'],
  [/No route to host/, 'EHOSTUNREACH'],
  [/Network is unreachable/, 'ENETUNREACH'],
  [/Cannot find device|No such device|not up|is down|Nexthop device/i, 'ENODEV'],
  [/Cannot allocate memory|Out of memory/i, 'ENOMEM'],
  [/No buffer space/, 'ENOBUFS'],
  [/No space left|limit/i, 'ENOSPC'],
  [/not supported|Object ".*" is unknown/i, 'EOPNOTSUPP'],
  [/Cannot open network namespace|No such file or directory/, 'ENOENT'],
  [/Invalid argument|Invalid nexthop id|Nexthop id does not exist|Gateway can not be a local address/, 'EINVAL'],
];

/** @returns an errno name, `EGATEWAY`, or `EUNKNOWN` */
export function ipErrorCode(said: string): string {
  return PATTERNS.find(([pattern]) => pattern.test(said))?.[1] ?? 'EUNKNOWN';
}
