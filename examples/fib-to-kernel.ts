/**
 * Routes into a kernel: a host learns routes over BGP and writes them, here into a network namespace of its own, so that
 * this machine's routes stay as they are. A route that another program deletes comes back.
 *
 *   sudo npx tsx examples/fib-to-kernel.ts           Linux with iproute2; as root
 *   npx tsx examples/fib-to-kernel.ts --print        anywhere: prints the `ip route` lines only
 */
import { execFileSync } from 'node:child_process';
import { Speaker } from '../lib/index.js';

const NETNS = `tsbgp-example-${process.pid}`;
const BLOCKS = ['10.244.1.0/26', '10.244.2.0/26', '10.244.3.0/26'];
const withKernel = !process.argv.includes('--print') && makeNamespace();

// The other end: a speaker in this process that announces the blocks of a host at 192.0.2.7.
const router = new Speaker({
  asn: 64512,
  routerId: '192.0.2.7',
  listen: [{ address: '127.0.0.1', port: 0 }],
  neighbors: [{ address: '127.0.0.16', peerAs: 64512, passive: true }],
  networks: BLOCKS.map((prefix) => ({ prefix, nextHop: '192.0.2.7' })),
});
await router.start();

const host = new Speaker({
  asn: 64512,
  routerId: '192.0.2.1',
  neighbors: [{ address: '127.0.0.1', port: router.listening[0]!.port, localAddress: '127.0.0.16', peerAs: 64512 }],
  networks: [{ prefix: '10.244.0.0/16', blackhole: true }], // our own aggregate: what no block covers is dropped
  fib: withKernel
    ? { type: 'ip-route', netns: NETNS, protocol: 'bgp', metric: 32, atStop: 'remove' }
    : { type: 'print', atStop: 'remove' },
});
host.on('fib', (event) => {
  if (event.type !== 'reconciled') console.log(`fib: ${event.type} ${'prefix' in event ? event.prefix : ''}`);
});

try {
  await host.start();
  await fibHas(BLOCKS.length + 1);
  show('after the session came up');

  router.withdraw('10.244.3.0/26');
  await fibHas(BLOCKS.length);
  show('after a withdrawal');

  if (withKernel) {
    const repaired = new Promise<void>((resolve) => {
      host.on('fib', (event) => void (event.type === 'repaired' && resolve()));
    });
    ip('route', 'del', '10.244.1.0/26', 'proto', 'bgp', 'metric', '32');
    await repaired;
    show('after another program deleted 10.244.1.0/26');
  }
} finally {
  await host.stop();
  await router.stop();
  if (withKernel) {
    show('after the stop');
    execFileSync('ip', ['netns', 'del', NETNS]);
  }
}

/** Resolves when so many routes are written, and no others are waiting. */
async function fibHas(count: number): Promise<void> {
  const written = (): boolean => {
    const routes = [...host.fibRoutes()];
    return routes.length === count && routes.every(({ state }) => state === 'installed');
  };
  // What arrives from now on, or the kernel's answer, is the next occasion to look.
  while (!written()) await new Promise((resolve) => setTimeout(resolve, 10));
}

function show(when: string): void {
  if (withKernel) console.log(`\n${when}:\n${ip('route', 'show', 'proto', 'bgp')}`);
  else console.log(`# ${when}`);
}

function ip(...args: string[]): string {
  return execFileSync('ip', ['-n', NETNS, ...args], { encoding: 'utf8' });
}

/** A namespace with one link to 192.0.2.0/24. @returns false, with the reason printed, where that cannot be had */
function makeNamespace(): boolean {
  try {
    execFileSync('ip', ['netns', 'add', NETNS], { stdio: 'pipe' });
  } catch (error) {
    console.log(`# no network namespace (${(error as Error).message.split('\n')[0]}): printing only`);
    return false;
  }
  try {
    ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'switch0');
    ip('link', 'set', 'switch0', 'up');
    ip('address', 'add', '192.0.2.1/24', 'dev', 'eth0');
    ip('link', 'set', 'eth0', 'up');
    return true;
  } catch (error) {
    execFileSync('ip', ['netns', 'del', NETNS]);
    throw error;
  }
}
