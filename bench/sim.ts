/**
 * Whole networks in one process (`tsbgp/sim`): real time, memory and virtual time until they have converged, as they grow.
 *
 *   npm run bench:sim                    all, a table to stdout
 *   npm run bench:sim -- --only 1000     those whose name holds `1000`
 *
 * Each network has a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { calico, Network } from '../lib/sim/index.js';

/** What is built, and what is checked at the end. */
interface Case {
  readonly build: () => Network;
  readonly routes: number;
}

const BLOCKS = 16;
const bare = { router: { fib: false } };

function cluster(nodes: number, fib: boolean): Case {
  const options = { reflectors: 2, blocks: BLOCKS, ...(fib ? {} : bare) };
  return { build: () => calico(nodes, options), routes: nodes * BLOCKS };
}

function mesh(nodes: number): Case {
  return { build: () => calico(nodes, { blocks: BLOCKS, ...bare }), routes: nodes * BLOCKS };
}

/** Speakers without a neighbor, or with idle sessions to two reflectors. */
function idle(nodes: number, reflectors: number): Case {
  const build = (): Network => {
    if (reflectors > 0) return calico(nodes, { reflectors, blocks: 0, ...bare });
    const net = new Network();
    for (let i = 1; i <= nodes; i++) net.router(`n${i}`, { fib: false });
    return net;
  };
  return { build, routes: 0 };
}

const CASES: Readonly<Record<string, Case>> = {
  '125 nodes, 2 reflectors, 16 blocks each': cluster(125, false),
  '250 nodes, 2 reflectors, 16 blocks each': cluster(250, false),
  '500 nodes, 2 reflectors, 16 blocks each': cluster(500, false),
  '1000 nodes, 2 reflectors, 16 blocks each': cluster(1000, false),
  '125 nodes, the same with kernel routes': cluster(125, true),
  '250 nodes, the same with kernel routes': cluster(250, true),
  '50 nodes in full mesh, 16 blocks each': mesh(50),
  '100 nodes in full mesh, 16 blocks each': mesh(100),
  '200 nodes in full mesh, 16 blocks each': mesh(200),
  '1250 idle speakers': idle(1250, 0),
  '5000 idle speakers': idle(5000, 0),
  '5000 idle clients of 2 reflectors': idle(5000, 2),
};

const options = new Command('sim')
  .option('--only <text>', 'networks whose name holds this')
  .option('--one <name>', 'run one network in this process')
  .parse()
  .opts<{ only?: string; one?: string }>();

async function measure(name: string): Promise<void> {
  const { build, routes } = CASES[name]!;
  const begin = performance.now();
  const net = build();
  await net.start();
  const started = performance.now();
  const virtual = await net.converged();
  const seconds = (performance.now() - begin) / 1000;
  // Not process.memoryUsage(): memory that was given back counts too.
  const megabytes = process.resourceUsage().maxRSS / 1024;
  for (const router of [...net.routers.values()].slice(-3)) {
    const { prefixes } = router.speaker.summary().families['ipv4-unicast'];
    if (prefixes !== routes) throw new Error(`${router.name} has ${prefixes} routes, not ${routes}`);
  }
  const start = ((started - begin) / 1000).toFixed(1);
  const traffic = (net.traffic.counts.octets / 1e6).toFixed(0);
  console.log(
    `| ${name} | ${seconds.toFixed(1)} | ${start} | ${megabytes.toFixed(0)} | ${virtual.toFixed(2)} | ${traffic} |`,
  );
}

if (options.one !== undefined) {
  await measure(options.one);
} else {
  console.log('| network | seconds, | of which start | peak MB | virtual seconds | MB sent |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const name of Object.keys(CASES).filter((each) => each.includes(options.only ?? ''))) {
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), '--one', name];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${name} failed`);
  }
}
