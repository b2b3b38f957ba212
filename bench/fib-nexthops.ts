/**
 * Kernel routes with nexthop objects and without: how long it takes to write many routes over one next hop, and until all of
 * them are sent another way after the route under the next hop has changed. Needs root.
 *
 *   node --import tsx bench/fib-nexthops.ts [ROUTES, default 100000] [ROUNDS, default 3] [TYPE, default both]
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { createFib, createFibWriter, ProcessMonitor, realClock } from '../lib/io/index.js';
import { apply, command, inNamespace, prefix4, seconds } from './fib-support.js';

const count = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 3);
const only = process.argv[4];

/** Not waited for by the event loop, whose stalls are measured. */
const ip = (...args: string[]): Promise<{ stdout: string }> => promisify(execFile)('ip', args);

interface Figures {
  readonly add: number;
  readonly moveMs: number;
  readonly changes: number;
  readonly stallMs: number;
}

async function measure(type: 'ip-route' | 'netlink', nexthopObjects: boolean, ns: string): Promise<Figures> {
  command('ip', '-n', ns, 'route', 'add', '192.0.2.0/24', 'via', '10.0.0.2', 'proto', 'static');
  const writer = createFibWriter({ type, netns: ns });
  let changes = 0;
  const counting = Object.assign(Object.create(writer) as typeof writer, {
    read: writer.read.bind(writer),
    watch: writer.watch!.bind(writer),
    reset: writer.reset.bind(writer),
    close: writer.close.bind(writer),
    write: (batch: Parameters<typeof writer.write>[0]) => ((changes += batch.length), writer.write(batch)),
    nexthops: {
      read: writer.nexthops!.read.bind(writer.nexthops),
      write: (batch: readonly never[]) => ((changes += batch.length), writer.nexthops!.write(batch)),
    },
  });
  const fib = createFib({ type, nexthopObjects, reconcileInterval: 0 }, { clock: realClock, writer: counting });
  await fib.start();
  fib.ready();
  await delay(200);
  const add = await seconds(() => apply(fib, count, (i) => fib.set(prefix4(i), { nextHop: '192.0.2.7' })));
  // Whatever was left to be heard or read.
  await delay(3000);
  await fib.idle();
  changes = 0;
  const monitor = new ProcessMonitor();
  const began = performance.now();
  await ip('-n', ns, 'route', 'replace', '192.0.2.0/24', 'via', '10.0.0.3', 'proto', 'static');
  const routeTo = async (address: string): Promise<string> => (await ip('-n', ns, 'route', 'get', address)).stdout;
  // The last route to be written is the one that was set last.
  const last = prefix4(count - 1).replace('.0/24', '.1');
  const samples = [prefix4(0), prefix4(count >> 1)].map((prefix) => prefix.replace('.0/24', '.1'));
  for (const address of [last, ...samples, last]) {
    while (!(await routeTo(address)).includes('via 10.0.0.3')) await delay(1);
  }
  const moveMs = performance.now() - began;
  await fib.idle();
  const stallMs = monitor.view().eventLoop.longestStallMs;
  monitor.stop();
  const written = changes;
  await fib.stop();
  return { add, moveMs, changes: written, stallMs };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

console.log(`${count} IPv4 routes over one next hop, median of ${rounds} rounds`);
console.log('| writer | nexthop objects | add, routes/s | all moved after | changes written | longest stall |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const type of ['ip-route', 'netlink'] as const) {
  if (only !== undefined && only !== type) continue;
  for (const nexthopObjects of [false, true]) {
    const seen: Figures[] = [];
    for (let round = 0; round < rounds; round++)
      seen.push(await inNamespace((ns) => measure(type, nexthopObjects, ns)));
    const of = (figure: keyof Figures): number => median(seen.map((each) => each[figure]));
    console.log(
      `| ${type} | ${nexthopObjects ? 'yes' : 'no'} | ${(count / of('add') / 1000).toFixed(0)},000 | ${of('moveMs').toFixed(0)} ms ` +
        `| ${of('changes')} | ${Math.max(...seen.map((each) => each.stallMs)).toFixed(0)} ms |`,
    );
  }
}
