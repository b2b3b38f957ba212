import { expect } from 'chai';
import { Bird, Tsbgp, established, eventually, lab, run } from './harness/index.js';
import type { Host } from './harness/index.js';

const AS = 64512;
const COUNT = 40;
const prefixes = (block: number): string[] => Array.from({ length: COUNT }, (_, i) => `10.${block}.${i}.0/24`);
/** Told by both neighbors, by the first one with a next hop that is some hops away, and by the second one alone. */
const [SHARED, FAR, ALONE] = [prefixes(50), prefixes(51), prefixes(52)] as const;
const SHARED6 = '2001:db8:50::/48';

interface Nexthop {
  readonly id: number;
  readonly gateway?: string;
  readonly dev?: string;
  readonly group?: readonly { readonly id: number; readonly weight?: number }[];
  readonly protocol: string;
}

/** Kernel routes that refer to nexthop objects, in a speaker with two neighbors, each on a link of its own. */
for (const type of ['ip-route', 'netlink'] as const) {
  const needs = type === 'netlink' ? (['bird', 'socketOptions'] as const) : (['bird'] as const);
  lab(`nexthop objects of a speaker, ${type}`, { needs }, (lab) => {
    let node: Host;
    let tsbgp: Tsbgp;
    let bird: Bird;
    let other: Bird;

    const nexthops = async (): Promise<Nexthop[]> => {
      const text = await run('ip', ['-n', node.namespace, '-json', 'nexthop', 'show']);
      return text.trim() === '' ? [] : (JSON.parse(text) as Nexthop[]);
    };
    const ours = async (): Promise<Nexthop[]> => (await nexthops()).filter(({ protocol }) => protocol === 'bgp');
    /** All that is not ours: objects, and routes. */
    const others = async (): Promise<string[]> => {
      const routes = [...(await node.kernelRoutes(4)), ...(await node.kernelRoutes(6))];
      const foreign = [...(await nexthops()), ...routes].filter(({ protocol }) => protocol !== 'bgp');
      return foreign.map((each) => JSON.stringify(each)).sort();
    };
    /** The way of each of our kernel routes, in words, with how many go it and over how many objects. */
    const ways = async (): Promise<Record<string, number>> => {
      const objects = new Map((await nexthops()).map((each) => [each.id, each]));
      const text = (id: number): string => {
        const object = objects.get(id);
        if (object?.group === undefined) return `${object?.gateway} ${object?.dev}`;
        return object.group
          .map((member) => text(member.id))
          .sort()
          .join(' + ');
      };
      const count: Record<string, number> = {};
      for (const family of [4, 6] as const) {
        for (const route of await node.kernelRoutes(family)) {
          if (route.protocol !== 'bgp') continue;
          const { nhid } = route as { nhid?: number };
          const way = nhid === undefined ? 'no object' : text(nhid);
          count[way] = (count[way] ?? 0) + 1;
        }
      }
      return count;
    };
    const go = (expected: Record<string, number>): Promise<unknown> =>
      eventually(ways, { what: 'the ways of our routes', until: (seen) => expect(seen).to.deep.equal(expected) });
    /** When each kernel route was written last, to a tenth of a second. */
    const written = async (): Promise<Map<string, number>> =>
      new Map((await tsbgp.fib()).map(({ prefix, writtenAt }) => [prefix, writtenAt ?? 0]));
    const isWrittenSince = async (before: Map<string, number>, which: readonly string[]): Promise<string[]> => {
      const after = await written();
      return which.filter((prefix) => Math.abs(after.get(prefix)! - before.get(prefix)!) > 50);
    };

    const both = '10.0.1.1 eth0 + 10.0.2.2 eth1';
    const both6 = 'fd00:1::1 eth0 + fd00:2::2 eth1';
    const all = { [both]: COUNT, [both6]: 1, '10.0.1.1 eth0': COUNT, '10.0.2.2 eth1': COUNT };

    before(async () => {
      const [a, b] = [await lab.network.lan('10.0.1', 'fd00:1'), await lab.network.lan('10.0.2', 'fd00:2')];
      node = await lab.network.host('node', [a, 100], [b, 100]);
      const [one, two] = [await lab.network.host('bird', [a, 1]), await lab.network.host('other', [b, 2])];
      await node.ip(
        'route add 10.99.0.1/32 via 10.0.1.1 proto static',
        'nexthop add id 7 via 10.0.1.1 dev eth0 proto static',
        'nexthop add id 8 group 7 proto static',
        'route add 10.70.0.0/16 nhid 7 proto static',
        'route add 10.71.0.0/16 nhid 8 proto static',
      );
      // After a restart routes are chosen when both neighbors have told theirs, not twice.
      const gracefulRestart = { enabled: true, restartTime: 30 };
      tsbgp = new Tsbgp(node, {
        asn: AS,
        neighbors: [],
        config: {
          neighbors: [
            {
              ...{ address: one.v4, peerAs: AS, localAddress: '10.0.1.100', connectRetry: 1, gracefulRestart },
              ...{ importPolicy: ['far'], defaultImportPolicy: 'accept' },
            },
            { address: two.v4, peerAs: AS, localAddress: '10.0.2.100', connectRetry: 1, gracefulRestart },
          ],
          multipath: { ibgp: 4 },
          prefixSets: { far: [{ prefix: '10.51.0.0/16', le: 24 }] },
          policies: { far: [{ conditions: { prefixSets: ['far'] }, actions: { nextHop: '10.99.0.1' } }] },
          fib: { type, nexthopObjects: true },
        },
      });
      const neighbor = (n: number) => [{ address: `10.0.${n}.100`, peerAs: AS, restartHelper: true }];
      bird = new Bird(one, { asn: AS, neighbors: neighbor(1), announce: [...SHARED, SHARED6, ...FAR] });
      // Not FRR: for two minutes after its start it says that it restarts too, so it is not waited for (RFC 4724 section 4.1).
      other = new Bird(two, { asn: AS, neighbors: neighbor(2), announce: [...SHARED, SHARED6, ...ALONE] });
      await Promise.all([tsbgp, bird, other].map((speaker) => speaker.start()));
      await established(tsbgp, one.v4, two.v4);
    });

    it('an object for each next hop, and a group for those that are used at once', async () => {
      await go(all);
      const objects = await ours();
      const single = objects.flatMap(({ gateway }) => gateway ?? []).sort();
      // The one that is some hops away has one of its own, with the way that leads there.
      expect(single).to.deep.equal(['10.0.1.1', '10.0.1.1', '10.0.2.2', 'fd00:1::1', 'fd00:2::2']);
      expect(objects.filter(({ group }) => group)).to.have.length(2);
    });

    it('another way to a next hop is one change, and no route is written', async () => {
      const before = await written();
      await node.ip('route replace 10.99.0.1/32 via 10.0.2.2 proto static');
      await go({ [both]: COUNT, [both6]: 1, '10.0.2.2 eth1': 2 * COUNT });
      expect(await isWrittenSince(before, [...before.keys()])).to.deep.equal([]);
      await node.ip('route replace 10.99.0.1/32 via 10.0.1.1 proto static');
      await go(all);
      expect(await isWrittenSince(before, [...before.keys()])).to.deep.equal([]);
    });

    it('a link that fails takes its next hop from all routes that have another one, and gives it back', async () => {
      const before = await written();
      const foreign = await others();
      await node.ip('link set eth1 down');
      await go({ '10.0.1.1 eth0': 2 * COUNT, 'fd00:1::1 eth0': 1 });
      await node.ip('link set eth1 up', 'address replace fd00:2::100/64 dev eth1 nodad');
      await go(all);
      expect(await isWrittenSince(before, FAR)).to.deep.equal([]);
      await eventually(others, { what: 'all that is not ours', until: (seen) => expect(seen).to.deep.equal(foreign) });
    });

    it('after SIGKILL and a restart objects and routes are taken over, and nothing is written', async () => {
      const before = await ours();
      const foreign = await others();
      await tsbgp.kill();
      await go(all);
      await tsbgp.start();
      await established(tsbgp, bird.host.v4, other.host.v4);
      await eventually(() => tsbgp.fib(), {
        what: 'all routes installed',
        until: (routes) =>
          routes.length === 3 * COUNT + 1 &&
          routes.every(({ state, writtenAt }) => state === 'installed' && writtenAt === null),
      });
      expect(await ours()).to.deep.equal(before);
      expect(await others()).to.deep.equal(foreign);
      await go(all);
    });

    it('a neighbor that is gone takes its next hops along, and their objects', async () => {
      const foreign = await others();
      await bird.stop();
      await go({ '10.0.2.2 eth1': 2 * COUNT, 'fd00:2::2 eth1': 1 });
      await eventually(ours, {
        what: 'the objects of the other neighbor',
        until: (objects) =>
          expect(objects.map(({ gateway }) => gateway).sort()).to.deep.equal(['10.0.2.2', 'fd00:2::2']),
      });
      await bird.start();
      await go(all);
      expect(await others()).to.deep.equal(foreign);
    });

    it('without the routes no object is left but those of others', async () => {
      await Promise.all([bird.stop(), other.stop()]);
      await eventually(ours, { what: 'no object of ours', until: (objects) => objects.length === 0 });
      expect((await nexthops()).map(({ id }) => id).sort()).to.deep.equal([7, 8]);
    });
  });
}
