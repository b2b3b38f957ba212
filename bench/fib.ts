/**
 * Kernel routes: both of tsbgp's kernel writers beside a file given to `ip -batch`, and beside BIRD's kernel protocol where it
 * is installed. Each in a network namespace of its own, one after the other in each round, the same routes. Needs root.
 *
 *   node --import tsx bench/fib.ts [ROUTES, default 100000] [ROUNDS, default 3]
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createFib, ProcessMonitor, realClock } from '../lib/io/index.js';
import { apply, command, inNamespace, nextHop4, prefix4, reconcile, seconds } from './fib-support.js';

const count = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 3);
const directory = mkdtempSync(join(tmpdir(), 'tsbgp-bench-'));

const PHASES = ['add', 'replace', 'read', 'delete'] as const;
type Phases = Partial<Record<(typeof PHASES)[number], number>> & { stallMs?: number };

const movedTo = (i: number): string => `10.0.0.${102 + (i % 8)}`;

async function ipBatch(ns: string): Promise<Phases> {
  const run = (name: string, line: (i: number) => string): Promise<number> => {
    const file = join(directory, name);
    writeFileSync(file, Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(''));
    return seconds(() => command('ip', '-n', ns, '-force', '-batch', file));
  };
  const key = 'proto 186 metric 32 table 254';
  const add = await run('add', (i) => `route add ${prefix4(i)} ${key} via ${nextHop4(i)} dev eth0`);
  const replace = await run('replace', (i) => `route replace ${prefix4(i)} ${key} via ${movedTo(i)} dev eth0`);
  const read = await seconds(() => command('ip', '-n', ns, 'route', 'show', 'proto', '186'));
  return { add, replace, read, delete: await run('delete', (i) => `route del ${prefix4(i)} ${key}`) };
}

function tsbgp(type: 'ip-route' | 'netlink'): (ns: string) => Promise<Phases> {
  return async (ns) => {
    const fib = createFib({ type, netns: ns, reconcileInterval: 0 }, { clock: realClock });
    await fib.start();
    fib.ready();
    await delay(200);
    const monitor = new ProcessMonitor();
    const add = await seconds(() => apply(fib, count, (i) => fib.set(prefix4(i), { nextHop: nextHop4(i) })));
    const replace = await seconds(() => apply(fib, count, (i) => fib.set(prefix4(i), { nextHop: movedTo(i) })));
    const read = await reconcile(fib);
    const remove = await seconds(() => apply(fib, count, (i) => fib.delete(prefix4(i))));
    const stallMs = monitor.view().eventLoop.longestStallMs;
    monitor.stop();
    await fib.stop();
    return { add, replace, read, delete: remove, stallMs };
  };
}

/** BIRD has all routes before the clock starts; what is measured is its kernel protocol. */
async function bird(ns: string): Promise<Phases> {
  const config = join(directory, 'bird.conf');
  const socket = join(directory, 'bird.ctl');
  const routes = (nextHop: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => `route ${prefix4(i)} via ${nextHop(i)};`).join('\n');
  writeFileSync(
    config,
    'router id 10.0.0.1;\nprotocol device { }\nprotocol direct { ipv4; }\n' +
      'protocol kernel k4 { disabled; metric 32; ipv4 { import none; export where source = RTS_STATIC; }; }\n' +
      `protocol static s1 { ipv4 { preference 210; };\n${routes(nextHop4)}\n}\n` +
      `protocol static s2 { ipv4 { preference 200; };\n${routes(movedTo)}\n}\n`,
  );
  const control = (...words: string[]): string => command('birdc', '-s', socket, ...words);
  const sampled = join(directory, 'sample');
  const sample = Array.from({ length: 40 }, (_, i) => Math.floor((i * (count - 1)) / 39));
  writeFileSync(sampled, sample.map((i) => `route get fibmatch ${prefix4(i).replace('.0/24', '.1')}\n`).join(''));
  const held = (match: string): number =>
    command('ip', '-n', ns, '-o', 'route', 'show', 'proto', 'bird').split(match).length - 1;
  /** Some routes are looked at until they are as they should be, and then all: looking costs, too. */
  const until = async (match: string, present: boolean): Promise<void> => {
    const seen = (): number =>
      spawnSync('ip', ['-n', ns, '-force', '-batch', sampled], { encoding: 'utf8' }).stdout.split(match).length - 1;
    while (seen() !== (present ? sample.length : 0)) await delay(10);
    while (held(match) !== (present ? count : 0)) await delay(10);
  };
  const child = spawn('ip', ['netns', 'exec', ns, 'bird', '-f', '-c', config, '-s', socket], { stdio: 'ignore' });
  try {
    const started = (): boolean => {
      const { stdout } = spawnSync('birdc', ['-s', socket, 'show', 'route', 'count'], { encoding: 'utf8' });
      return stdout.includes(`${count * 2 + 1} of`) || stdout.includes(`${count * 2} of`);
    };
    while (!started()) await delay(50);
    control('enable', 'k4');
    const add = await seconds(() => until(' via 10.0.0.', true));
    const replace = await seconds(() => (control('disable', 's1'), until(' via 10.0.0.10', true)));
    const remove = await seconds(() => (control('disable', 's2'), until(' via 10.0.0.', false)));
    return { add, replace, delete: remove };
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    for (const pid of command('ip', 'netns', 'pids', ns).split('\n'))
      if (pid !== '') process.kill(Number(pid), 'SIGKILL');
    await ended;
  }
}

const contestants: Record<string, (ns: string) => Promise<Phases>> = {
  'ip -batch FILE': ipBatch,
  'tsbgp, ip-route': tsbgp('ip-route'),
  'tsbgp, netlink': tsbgp('netlink'),
};
if (spawnSync('bird', ['--version']).status === 0) contestants['BIRD, kernel protocol'] = bird;

const results = new Map<string, Phases[]>(Object.keys(contestants).map((name) => [name, []]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const [name, contestant] of Object.entries(contestants)) {
      results.get(name)!.push(await inNamespace(contestant));
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

console.log(`${count} IPv4 routes, thousands of routes per second, median of ${rounds} rounds`);
console.log('| | add | replace | read | delete | longest stall |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const [name, seen] of results) {
  const rates = PHASES.map((phase) => {
    const times = seen.map((phases) => phases[phase] ?? NaN);
    return Number.isNaN(times[0]) ? '' : (count / median(times) / 1000).toFixed(0);
  });
  const stalls = seen.flatMap(({ stallMs }) => stallMs ?? []);
  console.log(
    `| ${name} | ${rates.join(' | ')} | ${stalls.length > 0 ? `${Math.max(...stalls).toFixed(0)} ms` : ''} |`,
  );
}
/** Rates of one as multiples of another's in the same round. */
function ratios(one: string, other: string): void {
  const [a, b] = [results.get(one), results.get(other)];
  if (!a || !b) return;
  const text = (['add', 'replace', 'delete'] as const).map((phase) => {
    const each = a.map((phases, round) => b[round]![phase]! / phases[phase]!);
    return `${phase} ${median([...each]).toFixed(2)} (${each.map((ratio) => ratio.toFixed(2)).join(' ')})`;
  });
  console.log(`${one} / ${other}: ${text.join(', ')}`);
}
ratios('tsbgp, ip-route', 'ip -batch FILE');
ratios('tsbgp, netlink', 'BIRD, kernel protocol');
