/**
 * A full table in the kernel: IPv4 and IPv6 routes added, moved, reconciled after SIGKILL in the middle of a change, read and
 * compared, and removed, with the longest stall of the event loop in each phase (and for how much of it the machine had no
 * processor for us). Needs root. The engine has the settings that `tsbgp run` gives it; with ENGINE=default those of a
 * program that uses the library. REST: seconds between the two processes.
 *
 *   node --import tsx bench/fib-full.ts [TYPE, default netlink] [IPv4, default 1000000] [IPv6, default 200000]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startFrugally } from '../lib/io/engine.js';
import { createFib, realClock } from '../lib/io/index.js';
import {
  apply,
  inNamespace,
  nextHop4,
  nextHop6,
  prefix4,
  prefix6,
  reconcile,
  seconds,
  StallMeter,
} from './fib-support.js';

const [type = 'netlink', four = '1000000', six = '200000', ns, part] = process.argv.slice(2) as [
  ('ip-route' | 'netlink')?,
  ...string[],
];
/**
 * Between the end of the first process and the beginning of the second. A virtual machine may give the memory of a process that has
 * ended back to its host: for half a minute the host takes the processors away by turns, and that is not what is to be measured.
 */
const REST_SECONDS = 30;
const [count4, count6] = [Number(four), Number(six)];

/** Runs a part in a process of its own, and kills it when it asks for it. */
async function child(netns: string, which: 'first' | 'second'): Promise<void> {
  const args = ['--import', 'tsx', 'bench/fib-full.ts', type, four, six, netns, which];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(process_.stdout)) {
    if (line === 'kill me') process_.kill('SIGKILL');
    else console.log(line);
  }
  if (process_.exitCode === null && process_.signalCode === null) await once(process_, 'exit');
}

async function work(netns: string, which: string): Promise<void> {
  if (process.env.ENGINE !== 'default') startFrugally()();
  const fib = createFib({ type, netns, reconcileInterval: 0 }, { clock: realClock });
  fib.onEvent((event) => {
    if (event.type !== 'reconciled') console.log(`unexpected: ${JSON.stringify(event)}`);
  });
  const meter = new StallMeter();
  const phase = async (name: string, count: number, run: () => Promise<unknown>): Promise<void> => {
    meter.reset();
    let told: unknown;
    const passed = await seconds(async () => (told = await run()));
    // What was waited for before it began does not count where it says so itself.
    const time = typeof told === 'number' ? told : passed;
    const mebibytes = (process.resourceUsage().maxRSS / 1024).toFixed(0);
    console.log(
      `| ${name} | ${count} | ${time.toFixed(2)} | ${(count / time / 1000).toFixed(0)} | ${meter.text} | ${mebibytes} |`,
    );
  };
  const set4 = (shift: number) => (i: number) => fib.set(prefix4(i), { nextHop: nextHop4(i + shift) });
  const set6 = (shift: number) => (i: number) => fib.set(prefix6(i), { nextHop: nextHop6(i + shift) });
  await phase('start', 0, () => fib.start());
  if (which === 'first') {
    fib.ready();
    await phase('add, IPv4', count4, () => apply(fib, count4, set4(0)));
    await phase('add, IPv6', count6, () => apply(fib, count6, set6(0)));
    await phase('replace, IPv4', count4, () => apply(fib, count4, set4(1)));
    await phase('replace, IPv6', count6, () => apply(fib, count6, set6(1)));
    await apply(fib, count4 >> 1, set4(2));
    void apply(fib, count4, set4(2));
    setTimeout(() => console.log('kill me'), 200);
    return;
  }
  await phase('wanted again after SIGKILL, until equal', count4 + count6, async () => {
    await apply(fib, count4, set4(3));
    await apply(fib, count6, set6(1));
    fib.ready();
    await fib.idle();
  });
  await phase('read and compare', count4 + count6, () => reconcile(fib));
  await phase('delete, IPv4', count4, () => apply(fib, count4, (i) => fib.delete(prefix4(i))));
  await phase('delete, IPv6', count6, () => apply(fib, count6, (i) => fib.delete(prefix6(i))));
  meter.stop();
  await fib.stop();
}

if (ns !== undefined && part !== undefined) await work(ns, part);
else {
  console.log(
    `${type}\n\n| phase | routes | seconds | thousands/s | longest stall, ms (waiting, asleep, stolen) | peak resident MiB |`,
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  await inNamespace(async (netns) => {
    await child(netns, 'first');
    await new Promise((resolve) => setTimeout(resolve, Number(process.env.REST ?? REST_SECONDS) * 1000));
    await child(netns, 'second');
  });
}
