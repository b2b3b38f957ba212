/**
 * `npm test`: all tests, several files at a time, each file in one of a few processes. What stands behind `npm test --` is
 * handed to mocha; files named there take the place of all.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';

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
].map((name) => `test/${name}.test.ts`);

const found = readdirSync('test', { recursive: true })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`)
  .sort();
const gone = LONGEST.filter((file) => !found.includes(file));
if (gone.length > 0) throw new Error(`LONGEST in scripts/test.js names what is not there: ${gone.join(', ')}`);

// Then the other ones that wait for daemons, beside which there is time for the rest.
const others = found.filter((file) => !LONGEST.includes(file));
const interop = others.filter((file) => file.startsWith('test/interop/'));
const all = [...LONGEST, ...interop, ...others.filter((file) => !interop.includes(file))];

const given = process.argv.slice(2);
const files = given.some((argument) => argument.endsWith('.test.ts')) ? [] : all;

// Tests with real daemons wait most of their time: there is room for more of them than processors.
const jobs = availableParallelism() + 2;

process.argv.splice(2, given.length, '--parallel', '--jobs', String(jobs), ...given, ...files);
await import('../node_modules/mocha/bin/mocha.js');
