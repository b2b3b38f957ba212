/**
 * A kernel table full of another's routes: the longest stall of the event loop and the memory when they are read at the start, and
 * read again, beside a thousand routes of ours. Needs root. The engine has the settings that `tsbgp run` gives it.
 *
 *   node --import tsx bench/fib-foreign.ts [TYPE, default netlink] [IPv4, default 1000000] [IPv6, default 0]
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { startFrugally } from '../lib/io/engine.js';
import { createFib, realClock } from '../lib/io/index.js';
import * as bench from './fib-support.js';

const [type = 'netlink', four = '1000000', six = '0'] = process.argv.slice(2) as [
  ('ip-route' | 'netlink')?,
  ...string[],
];
const [count4, count6] = [Number(four), Number(six)];
const OURS = 1000;
const PER_BATCH = 50_000;
const READINGS = 3;

/** In a process of its own, in parts, so that little memory is taken here before the measurement begins. */
function fill(netns: string): void {
  const add = (count: number, line: (i: number) => string): void => {
    for (let first = 0; first < count; first += PER_BATCH) {
      const lines = Array.from({ length: Math.min(PER_BATCH, count - first) }, (_, i) => line(first + i));
      const { status, stderr } = spawnSync('ip', ['-n', netns, '-batch', '-'], { input: lines.join('\n') });
      if (status !== 0) throw new Error(stderr.toString());
    }
  };
  add(count4, (i) => `route add ${bench.prefix4(i)} proto static via ${bench.nextHop4(i)} dev eth0`);
  add(count6, (i) => `route add ${bench.prefix6(i)} proto static via ${bench.nextHop6(i)} dev eth0`);
}

async function work(netns: string): Promise<void> {
  const frugal = startFrugally();
  const fib = createFib({ type, netns, reconcileInterval: 0 }, { clock: realClock });
  fib.onEvent((event) => {
    if (event.type !== 'reconciled') console.log(`unexpected: ${JSON.stringify(event)}`);
    else if (event.foreign < count4 + count6) console.log(`only ${event.foreign} were read`);
  });
  frugal();
  await delay(1000);
  const meter = new bench.StallMeter();
  const phase = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    meter.reset();
    let told: unknown;
    const passed = await bench.seconds(async () => (told = await run()));
    const time = typeof told === 'number' ? told : passed;
    const mebibytes = (process.resourceUsage().maxRSS / 1024).toFixed(0);
    console.log(`| ${name} | ${time.toFixed(2)} | ${meter.text} | ${mebibytes} |`);
  };
  await phase('start', () => fib.start());
  fib.ready();
  await phase('a thousand of ours', () =>
    bench.apply(fib, OURS, (i) => fib.set(`100.64.${i >> 8}.${i & 255}/32`, { nextHop: bench.nextHop4(i) })),
  );
  for (let i = 0; i < READINGS; i++) await phase('read and compare', () => bench.reconcile(fib));
  meter.stop();
  await fib.stop();
}

console.log(`${type}, ${count4} IPv4 and ${count6} IPv6 routes of another's\n`);
console.log(
  '| phase | seconds | longest stall, ms (waiting, asleep, stolen) | peak resident MiB |\n| --- | --- | --- | --- |',
);
await bench.inNamespace(async (netns) => {
  fill(netns);
  await work(netns);
});
