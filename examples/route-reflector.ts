/**
 * A route reflector with three clients, all in this process, over real TCP on the loopback addresses 127.0.0.1 to .4.
 * Needs no root, no other daemon, and touches no kernel route.
 *
 *   npm start                                        (or: npx tsx examples/route-reflector.ts)
 *   … --port 1790        the reflector's BGP port; 0: any free one
 *   … --api 8179         the port of its HTTP API on 127.0.0.1; 0: any free one
 *   … --exit-when-converged
 *
 * In a program of your own, import from 'tsbgp' and 'tsbgp/api'.
 */
import { parseArgs } from 'node:util';
import { serveApi } from '../lib/api/index.js';
import { Speaker, type LocalNetworks } from '../lib/index.js';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '1790' },
    api: { type: 'string', default: '8179' },
    'exit-when-converged': { type: 'boolean', default: false },
  },
});

const ASN = 64512;
const REFLECTOR = '127.0.0.1';

/** Three hosts, each with the address blocks of its pods. */
const HOSTS = [
  { address: '127.0.0.2', name: 'host-a', blocks: ['10.244.2.0/26', '10.244.2.64/26', 'fd00:10:244:2::/122'] },
  { address: '127.0.0.3', name: 'host-b', blocks: ['10.244.3.0/26', '10.244.3.64/26', 'fd00:10:244:3::/122'] },
  { address: '127.0.0.4', name: 'host-c', blocks: ['10.244.4.0/26', '10.244.4.64/26', 'fd00:10:244:4::/122'] },
];
const ALL_BLOCKS = HOSTS.flatMap(({ blocks }) => blocks);

/** The next hop for a host's blocks: the address that it would have in the data centre's network. */
const nextHopFor = (block: string, address: string): string =>
  `${block.includes(':') ? '2001:db8::' : '192.0.2.'}${address.split('.')[3]}`;

/** Several "hosts" on one machine: the machine's own addresses are none of theirs. */
const networks: LocalNetworks = { interfaceOf: () => undefined };

// The reflector accepts every neighbor from 127.0.0.0/8 as its client. It writes no routes: it only reflects.
const reflector = new Speaker(
  {
    asn: ASN,
    routerId: REFLECTOR,
    clusterId: '10.0.0.1',
    listen: [{ address: REFLECTOR, port: Number(options.port) }],
    peerGroups: { clients: { peerAs: ASN, routeReflectorClient: true } },
    dynamicNeighbors: [{ prefix: '127.0.0.0/8', peerGroup: 'clients' }],
  },
  { networks },
);

reflector.on('neighborStateChange', ({ neighbor, from, to, reason }) => {
  if (to === 'Established') console.log(`reflector | session with ${neighbor} is up`);
  else if (from === 'Established') console.log(`reflector | session with ${neighbor} is down: ${reason}`);
});

await reflector.start().catch((error: Error) => {
  console.error(`${error.message}\nIs another speaker running? Try: npm start -- --port 1791 --api 8180`);
  process.exit(1);
});
const { port } = reflector.listening[0]!;
console.log(`reflector | AS ${ASN}, listening on ${REFLECTOR} port ${port}`);

// Each host is a speaker of its own, a client of the reflector. `print` shows what it would tell its kernel.
const hosts = HOSTS.map(({ address, name, blocks }) => {
  const speaker = new Speaker(
    {
      asn: ASN,
      routerId: address,
      neighbors: [{ address: REFLECTOR, port, localAddress: address, peerAs: ASN, description: 'reflector' }],
      networks: blocks.map((prefix) => ({ prefix, nextHop: nextHopFor(prefix, address) })),
      fib: { type: 'print' },
    },
    { networks, print: (line) => console.log(`${name}    | ${line}`) },
  );
  speaker.on('bestPathChange', ({ prefix, best }) => {
    if (best?.neighbor) {
      console.log(
        `${name}    | learnt ${prefix} via ${best.nextHop} ` +
          `(ORIGINATOR_ID ${best.originatorId}, CLUSTER_LIST ${best.clusterList.join(' ')})`,
      );
    } else if (best === null) console.log(`${name}    | lost ${prefix}`);
  });
  return speaker;
});
for (const host of hosts) await host.start();

await Promise.all(hosts.map((host) => holdsAll(host, ALL_BLOCKS)));
for (const host of hosts) await host.idle();
console.log(`\nEach of the ${hosts.length} hosts holds all ${ALL_BLOCKS.length} blocks.\n`);

if (options['exit-when-converged']) await stopAll();
else {
  const api = await serveApi(reflector, `127.0.0.1:${options.api}`).catch((error: Error) => {
    console.log(`(no API: ${error.message})\n`);
    return undefined;
  });
  console.log(howToGoOn(port, api?.url));
  // Sessions end with Cease/Administrative Shutdown; then nothing is left to run, and the process ends by itself.
  process.once('SIGINT', () => void Promise.all([stopAll(), api?.close()]));
  process.once('SIGTERM', () => void Promise.all([stopAll(), api?.close()]));
}

/** Resolves when a speaker has a best path for each of the prefixes. */
function holdsAll(speaker: Speaker, prefixes: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (prefixes.some((prefix) => speaker.explain(prefix).best === null)) return;
      speaker.off('bestPathChange', check);
      resolve();
    };
    speaker.on('bestPathChange', check);
    check();
  });
}

async function stopAll(): Promise<void> {
  console.log('stopping');
  for (const host of hosts) host.removeAllListeners('bestPathChange');
  await Promise.all([...hosts, reflector].map((speaker) => speaker.stop('example ends')));
}

function howToGoOn(bgpPort: number, apiUrl: string | undefined): string {
  const ask = apiUrl === undefined ? '' : ` --api ${apiUrl}`;
  const asking = `Ask the reflector, in another terminal:
    node dist/bin/cli/tsbgp.js show neighbors${ask}
    node dist/bin/cli/tsbgp.js show route 10.244.2.0/26${ask}

`;
  return `${apiUrl === undefined ? '' : asking}Attach BIRD 2 as one more client: put this into bird.conf, then  bird -f -c bird.conf -s bird.ctl
    router id 127.0.0.9;
    protocol device { }
    protocol static { ipv4; route 10.244.9.0/26 blackhole; }
    protocol bgp reflector {
      local 127.0.0.9 port 1799 as ${ASN};
      neighbor ${REFLECTOR} port ${bgpPort} as ${ASN};
      ipv4 { import all; export all; next hop self; };
    }

Or GoBGP: put this into gobgp.toml, then  gobgpd -f gobgp.toml  and  gobgp global rib add 10.244.8.0/26
    [global.config]
      as = ${ASN}
      router-id = "127.0.0.8"
      port = -1
    [[neighbors]]
      [neighbors.config]
        neighbor-address = "${REFLECTOR}"
        peer-as = ${ASN}
      [neighbors.transport.config]
        local-address = "127.0.0.8"
        remote-port = ${bgpPort}

Ctrl-C ends.`;
}
