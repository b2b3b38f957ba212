/**
 * A process that keeps a FIB, for tests that kill it: writes routes of `COUNT` prefixes in the namespace `NETNS`, then a
 * line to stdout, and stays. Usage: fib-writer.ts TYPE NETNS FROM COUNT [objects]
 */
import { createFib } from '../../lib/io/create-fib.js';
import { realClock } from '../../lib/io/clock.js';

const [type, netns, from, count, objects] = process.argv.slice(2) as [
  'ip-route' | 'netlink',
  string,
  string,
  string,
  string?,
];
const fib = createFib({ type, netns, nexthopObjects: objects === 'objects' }, { clock: realClock });
await fib.start();
for (let i = Number(from); i < Number(from) + Number(count); i++) {
  fib.set(`10.${64 + (i >> 8)}.${i & 255}.0/24`, { nextHop: '10.0.0.2' });
  if (i === Number(from) + 500) process.stdout.write('begun\n');
}
fib.ready();
await fib.idle();
const { state, lastError } = fib.summary();
process.stdout.write(`done ${state} ${lastError ?? ''}\n`);
if (state === 'down') await fib.stop();
