import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { MrtDecoder } from '../../../lib/mrt/index.js';
import { eventually, lab, run } from '../harness/index.js';
import type { Host } from '../harness/index.js';
import { expectedLines } from './bgpdump.js';

const SOURCE_AS = 65001;
const GOBGP_AS = 65002;
const BIRD_AS = 4_200_000_003;

const family = (name: string) => ({ config: { 'afi-safi-name': name } });
const neighbor = (address: string, peerAs: number) => ({
  config: { 'neighbor-address': address, 'peer-as': peerAs },
  timers: { config: { 'hold-time': 90, 'connect-retry': 1, 'idle-hold-time-after-reset': 1 } },
  'afi-safis': ['ipv4-unicast', 'ipv6-unicast'].map(family),
});

async function startGobgp(
  host: Host,
  asn: number,
  neighbors: object[],
  mrt: object[],
): Promise<(...args: string[]) => Promise<string>> {
  const file = join(host.directory, 'gobgpd.json');
  const global = { config: { as: asn, 'router-id': host.v4, port: 179 } };
  await writeFile(file, JSON.stringify({ global, neighbors, ...(mrt.length === 0 ? {} : { 'mrt-dump': mrt }) }));
  const api = `unix://${join(host.directory, 'gobgp.sock')}`;
  // It takes digits in the names of dumps for parts of a date: hence names without a path.
  host.spawn('gobgpd', ['-f', file, '-t', 'json', '--api-hosts', api, '--pprof-disable'], { cwd: host.directory });
  const ask = (...args: string[]) => run('gobgp', ['--target', api, ...args]);
  await eventually(() => ask('global'), { what: 'GoBGP answers' });
  return ask;
}

/** BIRD that only listens, and writes what it hears and what it holds. */
async function startBird(host: Host, source: Host): Promise<void> {
  const at = (name: string) => join(host.directory, name);
  const lines = [
    'log stderr all;',
    `router id ${host.v4};`,
    `mrtdump "${at('updates.mrt')}";`,
    'mrtdump protocols all;',
    'protocol device {}',
    `protocol mrt { table "*"; filename "${at('table-%N.mrt')}"; period 1; }`,
    `protocol bgp speaker { local ${host.v4} as ${BIRD_AS}; neighbor ${source.v4} as ${SOURCE_AS}; connect retry time 1; error wait time 1, 2;`,
    '  ipv4 { import all; export none; }; ipv6 { import all; export none; }; }',
  ];
  await writeFile(at('bird.conf'), lines.join('\n'));
  host.spawn('bird', ['-f', '-c', at('bird.conf'), '-s', at('bird.ctl'), '-P', at('bird.pid')]);
}

/** bgpdump's lines of an archive, without its message about the log. */
async function bgpdump(file: string): Promise<string[]> {
  return (await run('bgpdump', ['-m', file])).split('\n').filter(Boolean);
}

async function compare(file: string): Promise<string[]> {
  const lines = await bgpdump(file);
  expect(expectedLines(file), file).to.deep.equal(lines);
  // Nothing in what a sound daemon writes is malformed.
  const decoder = new MrtDecoder();
  for (const text of decoder.push(readFileSync(file))) expect(text).to.not.match(/"error"|"raw":"(?!\w{16}")/);
  return lines;
}

// GoBGP's shortest interval between two dumps of its table is a minute.
lab('decode agrees with bgpdump', { needs: ['bird', 'gobgp', 'bgpdump'], timeoutMs: 150_000 }, (lab) => {
  it('on updates and tables that GoBGP and BIRD wrote', async () => {
    const { network } = lab;
    const lan = await network.lan('10.0.1', 'fd00:1');
    const [source, gobgp, bird] = [
      await network.host('source', [lan, 1]),
      await network.host('gobgp', [lan, 2]),
      await network.host('bird', [lan, 3]),
    ];
    const updates = join(gobgp.directory, 'updates.mrt');
    const table = join(gobgp.directory, 'table.mrt');
    const dump = (type: string, file: string, interval: object) => ({
      config: { 'dump-type': type, 'file-name': file, ...interval },
    });
    const heard = await startGobgp(
      gobgp,
      GOBGP_AS,
      [neighbor(source.v4, SOURCE_AS)],
      [dump('updates', 'updates.mrt', {}), dump('table', 'table.mrt', { 'dump-interval': 60 })],
    );
    const say = await startGobgp(source, SOURCE_AS, [neighbor(gobgp.v4, GOBGP_AS), neighbor(bird.v4, BIRD_AS)], []);
    await startBird(bird, source);
    const add = (kind: string, route: string, path?: string) =>
      say('global', 'rib', 'add', '-a', kind, ...route.split(' '), ...(path === undefined ? [] : ['aspath', path]));
    await add('ipv4', `10.1.0.0/16 nexthop ${source.v4} med 50 community 65001:100,no-export,65001:7 origin igp`);
    await add('ipv4', `10.2.128.0/17 nexthop ${source.v4} large-community 65001:1:2 origin egp`);
    await add('ipv4', `10.128.0.0/9 nexthop ${source.v4} rt 65001:200 aggregator 65010:10.0.0.9`);
    await add('ipv4', `10.11.0.0/16 nexthop ${source.v4}`, '65010 4200000011 {65012,65013}');
    await add('ipv4', `10.12.13.14/32 nexthop ${source.v4}`);
    await add('ipv6', `2001:db8:1::/48 nexthop ${source.v6} community 65001:1`);
    await add('ipv6', `2001:db8:2::1/128 nexthop ${source.v6} med 7`);
    const holds = () => heard('global', 'rib', '-a', 'ipv6');
    await eventually(holds, {
      what: 'routes at GoBGP',
      until: (text) => text.includes('2001:db8:2::1'),
      limitMs: 40_000,
    });
    const birdUpdates = join(bird.directory, 'updates.mrt');
    // What BIRD never had is not withdrawn there.
    await eventually(() => bgpdump(birdUpdates), {
      what: 'routes at BIRD',
      until: (lines) => ['10.12.13.14/32', '2001:db8:2::1/128'].every((p) => lines.some((line) => line.includes(p))),
      limitMs: 40_000,
    });
    await say('global', 'rib', 'del', '-a', 'ipv4', '10.12.13.14/32');
    await say('global', 'rib', 'del', '-a', 'ipv6', '2001:db8:2::1/128');

    const withdrawn = (file: string) => () => bgpdump(file);
    for (const file of [updates, birdUpdates]) {
      await eventually(withdrawn(file), {
        what: `withdrawals in ${file}`,
        limitMs: 80_000,
        everyMs: 500,
        until: (lines) => lines.filter((line) => line.includes('|W|')).length >= 2,
      });
      const lines = await compare(file);
      expect(lines.filter((line) => line.includes('|A|'))).to.have.length.at.least(7);
    }
    // It began before it had a session: the first ones may be empty.
    const birdTables = () => readdirSync(bird.directory).filter((name) => name.startsWith('table-'));
    const filled = async () => {
      const tables = await Promise.all(birdTables().map((name) => bgpdump(join(bird.directory, name))));
      return tables.filter((lines) => lines.length > 0);
    };
    await eventually(filled, { what: "BIRD's tables", until: (tables) => tables.length >= 2 });
    // BIRD adds to its tables each second: ended, so that both readers see the same.
    for (const process of bird.processes) await process.stop();
    for (const name of birdTables()) await compare(join(bird.directory, name));
    await eventually(() => bgpdump(table), {
      what: "GoBGP's table",
      limitMs: 80_000,
      everyMs: 1000,
      until: (lines) => lines.length >= 5,
    });
    for (const process of gobgp.processes) await process.stop();
    await compare(table);
  });
});
