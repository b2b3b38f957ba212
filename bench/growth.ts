/**
 * Cost as it grows: seconds and peak memory of tsbgp for more and more routes, and for more and more clients, on the
 * end-to-end rig (see e2e.ts). Writes docs/growth-routes.svg and docs/growth-clients.svg, and a table to stdout.
 *
 *   node --import tsx bench/growth.ts --rig DIR [--rounds 3]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { plot, type Point } from './plot.js';
import { writeSpeakers } from './speakers.js';

const ROUTES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000];
const CLIENTS = [10, 30, 100, 300, 500, 1000];
const BLOCKS = 64;

const options = new Command('growth')
  .requiredOption('--rig <dir>', 'folder of the rig')
  .option('--rounds <n>', 'runs of each', '3')
  .parse()
  .opts<{ rig: string; rounds: string }>();

interface Run {
  readonly seconds: number;
  readonly rss_peak_mb: number;
  readonly bgpload: { readonly t_established: number };
}

const work = mkdtempSync(join(tmpdir(), 'tsbgp-growth-'));
const speakers = writeSpeakers(work);

function measure(args: readonly string[]): Run {
  const all = ['run', '--dut', 'tsbgp', '--dut-file', speakers, '--timeout', '120', ...args];
  const { stdout, status } = spawnSync(join(resolve(options.rig), 'bench'), all, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`bench ${all.join(' ')} failed with ${status}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Run;
}

/** The run with the median of the seconds. */
function median(args: readonly string[]): Run {
  const runs = Array.from({ length: Number(options.rounds) }, () => measure(args));
  return runs.sort((a, b) => a.seconds - b.seconds)[runs.length >> 1]!;
}

function series(name: string, values: readonly number[], argsOf: (value: number) => string[]): Point[] {
  return values.map((value) => {
    const { seconds, rss_peak_mb: mb, bgpload } = median(argsOf(value));
    console.log(
      `| ${value} ${name} | ${seconds.toFixed(3)} | ${mb.toFixed(0)} | ${bgpload.t_established.toFixed(2)} |`,
    );
    return { x: value, seconds, mb };
  });
}

try {
  console.log('| | seconds | peak MB | all sessions up after s |\n| --- | --- | --- | --- |');
  const load = ['--scenario', 'load', '--profile'];
  const routes = series('routes', ROUTES, (n) => [
    ...load,
    'dfz',
    '--clients',
    '2',
    '--feeders',
    '1',
    '--prefixes',
    `${n}`,
  ]);
  const clients = series('clients', CLIENTS, (n) => [
    ...[...load, 'calico', '--clients', `${n}`, '--feeders', `${n}`, '--prefixes', `${BLOCKS}`],
    ...['--', '--pending', `${n}`],
  ]);
  const docs = join(import.meta.dirname, '..', 'docs');
  writeFileSync(
    join(docs, 'growth-routes.svg'),
    plot('Internet-like routes, one feeder, one receiver', 'routes', routes),
  );
  writeFileSync(
    join(docs, 'growth-clients.svg'),
    plot(`clients with ${BLOCKS} blocks each, all told to all others`, 'clients', clients),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
