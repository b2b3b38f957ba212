/**
 * `npm test`: all tests, several files at a time, each file in one of a few processes. What stands behind `npm test --` is
 * handed to mocha; files named there take the place of all.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Those that take longest, begun first: none of them may be what all the others wait for at the end. */
const LONGEST = [
  'interop/codec/mrt',
  'interop/graceful-restart',
  'interop/slow-reader',
  'sim/random',
  'interop/limits',
  'interop/notification-restart',
  'interop/passwords',
  'interop/fib-twins',
];

const rank = (file) => {
  const place = LONGEST.indexOf(file.replace(/\.test\.ts$/, ''));
  if (place >= 0) return place;
  return file.startsWith('interop/') ? LONGEST.length : LONGEST.length + 1;
};

const all = readdirSync('test', { recursive: true })
  .filter((file) => file.endsWith('.test.ts'))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  .map((file) => `test/${file}`);
const given = process.argv.slice(2);
const files = given.some((argument) => argument.endsWith('.test.ts')) ? [] : all;

// Tests with real daemons wait most of their time, so that there is room for more of them than processors.
const jobs = process.env.JOBS ?? availableParallelism() + 2;

process.argv.splice(2, given.length, '--parallel', '--jobs', String(jobs), ...given, ...files);
await import('../node_modules/mocha/bin/mocha.js');
