import { expect } from 'chai';
import type { FamilyName } from '../../lib/bgp/wire/families.js';
import { realClock, TcpTransport } from '../../lib/io/index.js';
import { FakeKernel, hierarchy, redundantReflectors, type Network } from '../../lib/sim/index.js';
import type { NeighborOptions, OriginateOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import { Speaker } from '../../lib/speaker/speaker.js';

/** Loopback addresses, which are there on Linux without being set up. */
const hosts4 = '127.93.0.0/16';
/** One for all addresses, known beforehand: of this process, and below those that the system gives to others. */
const port = 10_000 + (process.pid % 20_000);

/**
 * All that the tables of a speaker hold: Adj-RIB-In, Loc-RIB, and Adj-RIB-Out of each neighbor; but for path identifiers, which are
 * any numbers (RFC 7911 section 3), in the order of arrival.
 */
function tables(speaker: Speaker): Record<string, unknown[]> {
  const all: Record<string, unknown[]> = {};
  for (const family of ['ipv4-unicast', 'ipv6-unicast'] satisfies FamilyName[]) {
    const note = (name: string, paths: Iterable<object>): void => {
      all[`${family} ${name}`] = Array.from(paths, (path) => JSON.stringify({ ...path, pathId: undefined })).sort(
        order,
      );
    };
    note('all', speaker.routes(family, { bestOnly: false }));
    note('best', speaker.routes(family));
    for (const { address } of speaker.neighbors())
      note(`to ${address}`, speaker.routes(family, { advertisedTo: address }));
  }
  all.fib = [...speaker.fibRoutes()].map(({ prefix, target }) => `${prefix} ${target}`).sort(order);
  return all;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The same routers with the same configurations on TCP and real time, each with a kernel like the one it has in the network. */
function onTcp(net: Network): Map<string, Speaker> {
  const speakers = new Map<string, Speaker>();
  for (const { name, config, addresses, networks, kernel } of net.routers.values()) {
    const own = new FakeKernel();
    for (const { device, addresses: links } of kernel.links()) own.addLink(device, ...links);
    for (const route of kernel.routes()) if (route.protocol !== 186) own.putRoute(route);
    const listen = addresses.filter((address) => !address.includes(':')).map((address) => ({ address, port }));
    speakers.set(
      name,
      new Speaker(
        { ...config, listen },
        { transport: new TcpTransport(), clock: realClock, networks, fibWriter: own.writer() },
      ),
    );
  }
  return speakers;
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`not so after 20 s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The first difference, so that a failure can be read. */
function difference(name: string, virtual: Record<string, unknown[]>, real: Record<string, unknown[]>): string | null {
  for (const key of new Set([...Object.keys(virtual), ...Object.keys(real)])) {
    const [a, b] = [JSON.stringify(virtual[key]), JSON.stringify(real[key])];
    if (a !== b) return `${name}: ${key}:\n  virtual ${a}\n  real    ${b}`;
  }
  return null;
}

describe('the same network in virtual time and over TCP', function () {
  this.timeout(60_000);
  const networks: Readonly<Record<string, () => Network>> = {
    'reflectors in one cluster': () => redundantReflectors(4, { hosts4, port, blocks: 2, ipv6: true }),
    'two levels of reflectors': () => hierarchy(2, { hosts4, port }),
  };

  for (const [title, build] of Object.entries(networks)) {
    it(`${title}: the same tables, at the start and after each step`, async () => {
      const net = build();
      await net.start();
      await net.converged();
      const speakers = onTcp(net);
      try {
        await Promise.all([...speakers.values()].map((speaker) => speaker.start()));
        await compare(net, speakers);
        const names = [...net.routers.keys()];
        const [top, one, two, gone] = [names[0]!, names.at(-3)!, names.at(-2)!, names.at(-1)!];
        const both: Both = {
          announce: (name, prefix, options) => {
            net.announce(name, prefix, options);
            speakers.get(name)!.announce(prefix, options);
          },
          configure: async (name, change) => {
            await net.configure(name, change);
            await speakers.get(name)!.reconfigure(change(speakers.get(name)!.config as SpeakerConfig));
          },
        };
        for (const step of steps(top, one, two)) {
          await step(both);
          await net.converged();
          await compare(net, speakers);
        }
        await net.stop(gone);
        await net.converged();
        await speakers.get(gone)!.stop();
        speakers.delete(gone);
        await compare(net, speakers);
      } finally {
        await Promise.all([...speakers.values()].map((speaker) => speaker.stop()));
      }
    });
  }

  /** What is done in virtual time, and then the same over TCP. */
  interface Both {
    announce(name: string, prefix: string, options: OriginateOptions): void;
    configure(name: string, change: (config: SpeakerConfig) => SpeakerConfig): Promise<void>;
  }

  function steps(top: string, one: string, two: string): ((both: Both) => unknown)[] {
    const withNeighbors = (change: (neighbor: NeighborOptions) => NeighborOptions) => (config: SpeakerConfig) => ({
      ...config,
      neighbors: config.neighbors!.map(change),
    });
    return [
      // The same prefix from two, of whom the second one is better.
      ({ announce }) => announce(one, '192.0.2.0/24', { med: 5, communities: ['64512:1'] }),
      ({ announce }) => announce(two, '192.0.2.0/24', { localPref: 200 }),
      // A policy in place.
      ({ configure }) =>
        configure(top, (config) => ({
          ...withNeighbors((each) => ({ ...each, importPolicy: ['even'], defaultImportPolicy: 'accept' }))(config),
          policies: {
            even: [{ conditions: { communities: { any: ['64512:1'] } }, actions: { localPref: 300, med: 7 } }],
          },
        })),
      // Sessions that are reset, for several paths.
      async ({ configure }) => {
        const addPath = { receive: true, send: 'all' } as const;
        for (const name of [top, one, two])
          await configure(
            name,
            withNeighbors((each) => ({ ...each, addPath })),
          );
      },
      ({ configure }) => configure(one, (config) => ({ ...config, networks: [{ prefix: '198.51.100.0/24', med: 1 }] })),
    ];
  }

  async function compare(net: Network, speakers: ReadonlyMap<string, Speaker>): Promise<void> {
    const differ = (): string | null => {
      for (const [name, speaker] of speakers) {
        const found = difference(name, tables(net.routerOf(name).speaker), tables(speaker));
        if (found !== null) return found;
      }
      return null;
    };
    await until(
      () => differ() === null,
      () => differ() ?? 'it is so now',
    );
    expect(differ()).to.equal(null);
    // Nothing was compared if nothing was there.
    const sizes = [...speakers.values()].map((speaker) => [...speaker.routes('ipv4-unicast')].length);
    expect(Math.min(...sizes)).to.be.greaterThan(2);
  }
});
