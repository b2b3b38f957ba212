/**
 * Kernel routes: tsbgp's FIB beside a file given to `ip -batch`, and beside BIRD's kernel protocol where it is installed.
 * Each in a network namespace of its own, one after the other, the same routes. Needs root.
 *
 *   node --import tsx bench/fib.ts [ROUTES, default 100000] [ROUNDS, default 3]
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createFib, realClock } from '../lib/io/index.js';

const count = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 3);
const directory = mkdtempSync(join(tmpdir(), 'tsbgp-bench-'));

const prefixOf = (i: number): string => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;
const nextHopOf = (i: number): string => `10.0.0.${2 + (i % 8)}`;

function command(name: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(name, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A namespace with one link; no IPv6 link-local addresses, whose coming would be seen as a change of addresses. */
async function inNamespace<T>(work: (ns: string) => Promise<T>): Promise<T> {
  const ns = `tsbgp-${process.pid}-bench`;
  command('ip', 'netns', 'add', ns);
  try {
    for (const line of [
      'link set lo up',
      'link add eth0 type veth peer name eth0p',
      'link set eth0 addrgenmode none',
      'link set eth0p addrgenmode none',
      'link set eth0p up',
      'link set eth0 up',
      'addr add 10.0.0.1/24 dev eth0',
    ]) {
      command('ip', '-n', ns, ...line.split(' '));
    }
    return await work(ns);
  } finally {
    command('ip', 'netns', 'del', ns);
  }
}

type Phases = { add: number; replace: number; read: number; delete: number; stallMs: number };

async function seconds(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function ipBatch(ns: string): Promise<Phases> {
  const run = (name: string, line: (i: number) => string): Promise<number> => {
    const file = join(directory, name);
    writeFileSync(file, Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(''));
    return seconds(() => command('ip', '-n', ns, '-force', '-batch', file));
  };
  const key = 'proto 186 metric 32 table 254';
  const add = await run('add', (i) => `route add ${prefixOf(i)} ${key} via ${nextHopOf(i)} dev eth0`);
  const replace = await run('replace', (i) => `route replace ${prefixOf(i)} ${key} via ${nextHopOf(i + 1)} dev eth0`);
  const read = await seconds(() => command('ip', '-n', ns, 'route', 'show', 'proto', '186'));
  return { add, replace, read, delete: await run('delete', (i) => `route del ${prefixOf(i)} ${key}`), stallMs: 0 };
}

async function tsbgp(ns: string): Promise<Phases> {
  const fib = createFib({ type: 'ip-route', netns: ns, reconcileInterval: 0 }, { clock: realClock });
  const lag = monitorEventLoopDelay({ resolution: 2 });
  await fib.start();
  fib.ready();
  await delay(200);
  lag.enable();
  const all = async (change: (i: number) => void): Promise<void> => {
    for (let i = 0; i < count; i++) {
      change(i);
      if (i % 2000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await fib.idle();
  };
  const add = await seconds(() => all((i) => fib.set(prefixOf(i), { nextHop: nextHopOf(i) })));
  const replace = await seconds(() => all((i) => fib.set(prefixOf(i), { nextHop: nextHopOf(i + 1) })));
  const read = await seconds(async () => {
    const done = new Promise<void>((resolve) => fib.onEvent(({ type }) => type === 'reconciled' && resolve()));
    fib.reconcile();
    await done;
  });
  const remove = await seconds(() => all((i) => fib.delete(prefixOf(i))));
  lag.disable();
  await fib.stop();
  return { add, replace, read, delete: remove, stallMs: lag.max / 1e6 };
}

async function bird(ns: string): Promise<Phases> {
  const config = join(directory, 'bird.conf');
  const socket = join(directory, 'bird.ctl');
  const write = (routes: (i: number) => string | null): void => {
    const lines = Array.from({ length: count }, (_, i) => routes(i)).filter((line) => line !== null);
    writeFileSync(
      config,
      'router id 10.0.0.1;\nprotocol device { }\nprotocol direct { ipv4; }\n' +
        'protocol kernel { metric 32; ipv4 { export where source = RTS_STATIC; }; }\n' +
        `protocol static { ipv4;\n${lines.join('\n')}\n}\n`,
    );
  };
  const held = (match: string): number =>
    command('ip', '-n', ns, '-o', 'route', 'show', 'proto', 'bird')
      .split('\n')
      .filter((line) => line.includes(match)).length;
  const until = async (reached: () => boolean): Promise<void> => {
    while (!reached()) await delay(50);
  };
  write((i) => `route ${prefixOf(i)} via ${nextHopOf(i)};`);
  const child = spawn('ip', ['netns', 'exec', ns, 'bird', '-f', '-c', config, '-s', socket], { stdio: 'ignore' });
  try {
    const add = await seconds(() => until(() => held('via') === count));
    const moved = (i: number): string => `route ${prefixOf(i)} via 10.0.0.${100 + (i % 8)};`;
    write(moved);
    const replace = await seconds(async () => {
      command('birdc', '-s', socket, 'configure');
      await until(() => held('via 10.0.0.10') === count);
    });
    write(() => null);
    const remove = await seconds(async () => {
      command('birdc', '-s', socket, 'configure');
      await until(() => held('via') === 0);
    });
    return { add, replace, read: NaN, delete: remove, stallMs: NaN };
  } finally {
    child.kill('SIGKILL');
    await delay(100);
  }
}

const contestants: Record<string, (ns: string) => Promise<Phases>> = { 'ip -batch FILE': ipBatch, tsbgp };
if (spawnSync('bird', ['--version']).status === 0) contestants['BIRD kernel'] = bird;

console.log(`${count} IPv4 routes, thousands of routes per second, best of ${rounds} rounds`);
console.log('| who | add | replace | read | delete | longest stall |');
console.log('| --- | --- | --- | --- | --- | --- |');
const best = new Map<string, Phases>();
try {
  for (let round = 0; round < rounds; round++) {
    for (const [name, contestant] of Object.entries(contestants)) {
      const seen = await inNamespace(contestant);
      const known = best.get(name) ?? seen;
      const least = (key: keyof Phases): number => Math.min(known[key], seen[key]);
      const merged = { add: least('add'), replace: least('replace'), read: least('read'), delete: least('delete') };
      best.set(name, { ...merged, stallMs: Math.max(known.stallMs, seen.stallMs) });
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
for (const [name, phases] of best) {
  const rate = (time: number): string => (Number.isNaN(time) ? '' : (count / time / 1000).toFixed(0));
  const stall = name === 'tsbgp' ? `${phases.stallMs.toFixed(0)} ms` : '';
  console.log(
    `| ${name} | ${rate(phases.add)} | ${rate(phases.replace)} | ${rate(phases.read)} | ${rate(phases.delete)} | ${stall} |`,
  );
}
