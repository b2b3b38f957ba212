import { closeSync, openSync, statSync } from 'node:fs';
import { KernelError } from '../../fib/errors.js';
import { libc } from '../libc.js';

/** Where iproute2 mounts namespaces by name. */
const DIRECTORY = '/var/run/netns';
const CLONE_NEWNET = 0x40000000;

/**
 * Do something that must not wait inside a network namespace. Only the calling thread moves, and comes back before this
 * returns; what was opened meanwhile stays in the other namespace.
 * @throws KernelError `ENOENT`, `EPERM`, …
 */
export function inNamespace<T>(name: string | undefined, work: () => T): T {
  if (name === undefined) return work();
  const there = open(`${DIRECTORY}/${name}`, `cannot open network namespace '${name}'`);
  try {
    const here = open('/proc/thread-self/ns/net', 'cannot open our own network namespace');
    try {
      enter(there, `cannot enter network namespace '${name}'`);
      try {
        return work();
      } finally {
        enter(here, 'cannot come back to our own network namespace');
      }
    } finally {
      closeSync(here);
    }
  } finally {
    closeSync(there);
  }
}

/** What tells a namespace from a later one of the same name. @throws KernelError `ENOENT`, … */
export function namespaceIdentity(name: string | undefined): string {
  if (name === undefined) return '';
  try {
    const { dev, ino } = statSync(`${DIRECTORY}/${name}`);
    return `${dev}:${ino}`;
  } catch (error) {
    throw failure(error, `cannot open network namespace '${name}'`);
  }
}

function open(path: string, what: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw failure(error, what);
  }
}

function failure(error: unknown, what: string): KernelError {
  const { code = 'EUNKNOWN', message } = error as NodeJS.ErrnoException;
  return new KernelError(code, `${what}: ${message}`, { cause: error });
}

function enter(fd: number, what: string): void {
  if (libc().setns(fd, CLONE_NEWNET) >= 0) return;
  const { code, message } = libc().fail(what);
  throw new KernelError(code, message);
}
