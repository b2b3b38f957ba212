/**
 * The end-to-end benchmark: drives a BGP benchmark rig (a program that plays many clients against a speaker) with tsbgp
 * and whatever rivals are installed, interleaved.
 *
 *   npm run bench:e2e -- --rig DIR [--workloads w1,w2,…] [--rivals bird2,frr,openbgpd] [--rounds 3]
 *
 * DIR holds the rig's `bench` command. Needs root (network namespaces) and a built `dist/`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { writeSpeakers } from './speakers.js';

interface Options {
  readonly rig: string;
  readonly workloads: string;
  readonly rivals: string;
  readonly rounds: string;
}

const options = new Command('bench:e2e')
  .requiredOption('--rig <dir>', 'folder of the rig')
  .option('--workloads <list>', 'comma-separated', 'w1,w2,w3,w4,w5,w6,w7,w8,w9')
  .option('--rivals <list>', 'comma-separated', 'bird2,frr,openbgpd')
  .option('--rounds <n>', 'runs of each', '3')
  .allowExcessArguments()
  .parse()
  .opts<Options>();

const work = mkdtempSync(join(tmpdir(), 'tsbgp-bench-'));
const stalls = join(work, 'stalls');
const speakers = writeSpeakers(work, stalls);
let failed = false;
try {
  for (const workload of options.workloads.split(',')) {
    const duts = ['tsbgp', ...options.rivals.split(',').filter((rival) => rival !== '')].join(',');
    const args = [
      'compare',
      '--dut-file',
      speakers,
      '--duts',
      duts,
      '--workload',
      workload,
      '--rounds',
      options.rounds,
    ];
    const run = spawnSync(join(resolve(options.rig), 'bench'), args, { stdio: 'inherit' });
    failed ||= run.status !== 0;
    if (existsSync(stalls)) {
      const longest = readFileSync(stalls, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { longestMs: number }).longestMs);
      console.log(`tsbgp: longest stall of the event loop in each run: ${longest.join(', ')} ms\n`);
      rmSync(stalls);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
