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

watcher.on('bestPathChange', ({ prefix, best }) => {
  const { nextHop = null, asPath = null, communities = [] } = best ?? {};
  console.log(JSON.stringify({ at: new Date().toISOString(), prefix, nextHop, asPath, communities }));
});
watcher.on('endOfRib', ({ neighbor, family }) => console.error(`${neighbor}: has told all its ${family} routes`));
watcher.on('neighborStateChange', ({ neighbor, to, reason }) => console.error(`${neighbor}: ${to} (${reason})`));

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
  await router.stop();
}

function sees(condition: (routes: number) => boolean): Promise<void> {
  const holds = (): boolean => condition(watcher.summary().families['ipv4-unicast'].prefixes);
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      watcher.off('bestPathChange', check);
      resolve();
    };
    watcher.on('bestPathChange', check);
    check();
  });
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
