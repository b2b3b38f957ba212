/**
 * Announce a prefix to a router, change it, withdraw it.
 *
 *   npx tsx examples/announce-a-prefix.ts                       against a router in this process
 *   npx tsx examples/announce-a-prefix.ts 192.0.2.1 64512       against a real one: address, its AS; ours is 64513
 */
import { once } from 'node:events';
import { Speaker, type PathView, type SpeakerConfig } from '../lib/index.js';

const [address, peerAs] = process.argv.slice(2);
const router = address === undefined ? await localRouter() : undefined;

const config: SpeakerConfig = {
  asn: 64513,
  routerId: '192.0.2.13',
  neighbors: [
    router === undefined
      ? { address: address!, peerAs: Number(peerAs ?? 64512) }
      : { address: '127.0.0.1', port: router.listening[0]!.port, localAddress: '127.0.0.13', peerAs: 64512 },
  ],
};
const speaker = new Speaker(config);
speaker.on('neighborStateChange', ({ neighbor, to, reason }) => console.log(`${neighbor}: ${to} (${reason})`));

await speaker.start();
while (speaker.summary().neighbors.established === 0) await once(speaker, 'neighborStateChange');

// Without nextHop, each neighbor is told our own address on its session.
speaker.announce('10.244.13.0/26', { communities: ['64513:100'], med: 10 });
await routerHas((best) => best?.med === 10);

// Announcing again changes the attributes: one more UPDATE.
speaker.announce('10.244.13.0/26', { communities: ['64513:100', '64513:200'], med: 20 });
await routerHas((best) => best?.med === 20);

speaker.withdraw('10.244.13.0/26');
await routerHas((best) => best === null);

await speaker.stop('done');
await router?.stop();

/** Wait until the router in this process thinks so; with a real one, until what we said is on its way. */
async function routerHas(expected: (best: PathView | null) => boolean): Promise<void> {
  if (router === undefined) return speaker.idle();
  let best = router.explain('10.244.13.0/26').best;
  while (!expected(best)) {
    await once(router, 'bestPathChange');
    best = router.explain('10.244.13.0/26').best;
  }
  console.log(
    'the router has',
    best === null ? 'nothing' : `${best.prefix} MED ${best.med} ${best.communities.join(' ')}`,
  );
}

async function localRouter(): Promise<Speaker> {
  const local = new Speaker({
    asn: 64512,
    routerId: '127.0.0.1',
    listen: [{ address: '127.0.0.1', port: 0 }],
    neighbors: [{ address: '127.0.0.13', peerAs: 64513, passive: true }],
  });
  await local.start();
  return local;
}
