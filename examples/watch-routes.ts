/**
 * Watch what a router tells us: one JSON line per changed best path, for other programs to read.
 *
 *   npx tsx examples/watch-routes.ts                            a router in this process that changes a few routes
 *   npx tsx examples/watch-routes.ts 192.0.2.1 64512 64512      a real one: address, its AS, our AS; until Ctrl-C
 */
import { Speaker } from '../lib/index.js';

const [address, peerAs = '64512', asn = '64512'] = process.argv.slice(2);
const router = address === undefined ? await localRouter() : undefined;

const watcher = new Speaker({
  asn: Number(asn),
  routerId: '192.0.2.14',
  neighbors: [
    router === undefined
      ? { address: address!, peerAs: Number(peerAs) }
      : { address: '127.0.0.1', port: router.listening[0]!.port, localAddress: '127.0.0.14', peerAs: 64512 },
  ],
});

const table = new Map<string, string>();
const waiting: (() => void)[] = [];
const watching = watcher.watch({ neighbors: true }).forEach((event) => {
  if (event.type === 'neighbor') console.error(`${event.address}: ${event.neighbor?.state ?? 'removed'}`);
  if (event.type !== 'route') return;
  const { sequence, prefix, best } = event;
  const { nextHop = null, asPath = null, communities = [] } = best ?? {};
  console.log(JSON.stringify({ sequence, prefix, nextHop, asPath, communities }));
  if (nextHop === null) table.delete(prefix);
  else table.set(prefix, nextHop);
  for (const look of waiting.splice(0)) look();
});

await watcher.start();
if (router === undefined) process.once('SIGINT', () => void watcher.stop());
else {
  // What there is at the start comes first, then each change as it happens.
  await sees((routes) => routes === 2);
  router.announce('10.244.3.0/26', { communities: ['64512:3'] });
  await sees((routes) => routes === 3);
  router.withdraw('10.244.1.0/26');
  await sees((routes) => routes === 2);
  await watcher.stop();
  await watching; // it is over when all was told
  await router.stop();
}

async function sees(condition: (routes: number) => boolean): Promise<void> {
  while (!condition(table.size)) await new Promise<void>((resolve) => waiting.push(resolve));
}

async function localRouter(): Promise<Speaker> {
  const local = new Speaker({
    asn: 64512,
    routerId: '127.0.0.1',
    listen: [{ address: '127.0.0.1', port: 0 }],
    neighbors: [{ address: '127.0.0.14', peerAs: 64512, passive: true }],
    networks: ['10.244.1.0/26', '10.244.2.0/26'],
  });
  await local.start();
  return local;
}
