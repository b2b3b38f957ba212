import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Bird, eventually, Frr, lab, run } from '../harness/index.js';
import type { Host, RunningProcess } from '../harness/index.js';
import { AS_NUMBERS, FIELDS, ourFrames, tsharkFrames, tsharkValues } from './tshark.js';
import type { Message } from './tshark.js';

const LABELLED = ['ipv4-labelled-unicast', 'ipv6-labelled-unicast'];
const VPN = ['l3vpn-ipv4-unicast', 'l3vpn-ipv6-unicast', 'l2vpn-evpn'];
const PLAIN = ['ipv4-unicast', 'ipv6-unicast'];

/** GoBGP with many families: over IPv4 with ADD-PATH, over IPv6 with flow specifications. */
class ManyFamilies {
  constructor(
    readonly host: Host,
    private readonly asn: number,
    private readonly peer: Host,
    private readonly peerAs: number,
  ) {}

  async start(): Promise<void> {
    const family = (name: string) => ({ config: { 'afi-safi-name': name } });
    const addPaths = { 'add-paths': { config: { receive: true, 'send-max': 4 } } };
    const neighbor = (address: string, families: object[]) => ({
      config: { 'neighbor-address': address, 'peer-as': this.peerAs },
      timers: { config: { 'hold-time': 90, 'connect-retry': 1, 'idle-hold-time-after-reset': 1 } },
      'afi-safis': families,
    });
    const withPaths = { ...family('ipv4-unicast'), ...addPaths };
    const configuration = {
      global: { config: { as: this.asn, 'router-id': this.host.v4, port: 179 } },
      neighbors: [
        neighbor(this.peer.v4, [withPaths, ...['ipv6-unicast', ...LABELLED, ...VPN].map(family)]),
        neighbor(this.peer.v6, [...PLAIN, 'ipv4-flowspec', 'ipv6-flowspec'].map(family)),
      ],
    };
    const file = join(this.host.directory, 'gobgpd.json');
    await writeFile(file, JSON.stringify(configuration));
    await rm(this.#socket, { force: true });
    this.host.spawn('gobgpd', ['-f', file, '-t', 'json', '--api-hosts', `unix://${this.#socket}`, '--pprof-disable']);
    await eventually(() => this.ask('global'), { what: 'GoBGP answers' });
  }

  get #socket(): string {
    return join(this.host.directory, 'gobgp.sock');
  }

  ask(...args: readonly string[]): Promise<string> {
    return run('gobgp', ['--target', `unix://${this.#socket}`, ...args]);
  }

  add(family: string, route: string): Promise<string> {
    return this.ask('global', 'rib', 'add', '-a', family, ...route.split(' '));
  }
}

/** Capture an interface to a file. */
class Capture {
  readonly #process: RunningProcess;

  constructor(
    host: Host,
    readonly file: string,
  ) {
    this.#process = host.spawn('dumpcap', ['-q', '-i', 'eth0', '-f', 'tcp port 179', '-w', file]);
  }

  async start(): Promise<void> {
    await eventually(() => this.#process.log.includes('File:'), { what: 'dumpcap captures', until: Boolean });
  }

  /** End it when a message of this type has been written: what dumpcap has seen it writes about once a second. */
  async stopAfter(type: string): Promise<void> {
    await eventually(() => typesOf([...ourFrames(this.file).values()].flat()), {
      what: `${type} in ${this.file}`,
      until: (types) => types.has(type),
    });
    await this.#process.stop();
  }
}

async function compare(file: string): Promise<Message[]> {
  const ours = ourFrames(file);
  const theirs = await tsharkFrames(file);
  expect([...ours.keys()], 'frames with BGP').to.deep.equal([...theirs.keys()]);
  for (const [frame, messages] of ours) {
    for (const [field, valuesOf] of Object.entries(FIELDS)) {
      const seen = tsharkValues(theirs.get(frame)!, field);
      const own = messages.flatMap(valuesOf).map(String);
      const ordered = (list: string[]) => (field === AS_NUMBERS ? list.toSorted() : list);
      expect(ordered(own), `frame ${frame}, ${field}`).to.deep.equal(ordered(seen));
    }
  }
  return [...ours.values()].flat();
}

const typesOf = (messages: readonly Message[]) => new Set(messages.map(({ type }) => type));

lab('decode agrees with tshark', { needs: ['bird', 'frr', 'gobgp', 'exabgp', 'tshark'], timeoutMs: 90_000 }, (lab) => {
  it('on what two GoBGPs say to each other in many families', async () => {
    const { network } = lab;
    const lan = await network.lan('10.0.1', 'fd00:1');
    const [left, right] = [await network.host('left', [lan, 1]), await network.host('right', [lan, 2])];
    const capture = new Capture(left, join(network.directory, 'gobgp.pcapng'));
    await capture.start();
    const a = new ManyFamilies(left, 65001, right, 4_200_000_002);
    const b = new ManyFamilies(right, 4_200_000_002, left, 65001);
    await Promise.all([a.start(), b.start()]);
    for (const address of [right.v4, right.v6]) {
      const established = () => a.ask('neighbor', address, '-j').then((text) => JSON.parse(text) as { state: object });
      await eventually(established, {
        what: address,
        until: ({ state }) => 'session_state' in state && state.session_state === 6,
        limitMs: 40_000,
      });
    }
    const routes: [string, string][] = [
      ['ipv4', `10.1.0.0/16 nexthop ${left.v4} med 50 community 65001:100,no-export,65001:7 origin igp`],
      ['ipv4', `10.2.0.0/16 nexthop ${left.v4} large-community 65001:1:2 origin egp aigp metric 500`],
      ['ipv4', `10.2.0.0/16 identifier 10 nexthop ${left.v4}`],
      ['ipv4', `10.128.0.0/9 nexthop ${left.v4} rt 65001:200 aggregator 65010:10.0.0.9`],
      ['ipv6', `2001:db8:1::/48 nexthop ${left.v6} community 65001:1`],
      ['ipv6', `2001:db8:2::1/128 nexthop ${left.v6}`],
      ['ipv4-mpls', `10.3.0.0/16 100 nexthop ${left.v4}`],
      ['ipv4-mpls', `10.4.0.0/16 100/200 nexthop ${left.v4}`],
      ['ipv6-mpls', `2001:db8:3::/48 300 nexthop ${left.v6}`],
      ['vpnv4', `10.5.0.0/16 label 500 rd 65001:5 rt 65001:5 nexthop ${left.v4}`],
      ['vpnv4', `10.6.0.0/16 label 501 rd 10.0.0.1:6 rt 65001:6 nexthop ${left.v4}`],
      ['vpnv6', `2001:db8:5::/48 label 503 rd 65001:5 rt 65001:5 nexthop ${left.v6}`],
      ['evpn', 'a-d esi single-homed etag 100 label 1000 rd 65001:9 rt 65001:9'],
      ['evpn', 'macadv 00:00:5e:00:53:01 10.9.9.9 etag 100 label 1000 rd 65001:9 rt 65001:9'],
      ['evpn', `multicast ${left.v4} etag 100 rd 65001:9 rt 65001:9 pmsi ingress-repl 1000 ${left.v4}`],
      ['evpn', `esi ${left.v4} esi single-homed rd 65001:9 rt 65001:9`],
      ['evpn', `prefix 10.10.0.0/16 etag 100 label 1000 rd 65001:9 rt 65001:9 gw ${left.v4}`],
      [
        'ipv4-flowspec',
        'match destination 10.0.0.0/24 source 20.0.0.0/16 destination-port >=80&<=90 protocol tcp tcp-flags =SA then discard',
      ],
      ['ipv6-flowspec', 'match destination 2001:db8::/32 0 protocol 58 then rate-limit 1000'],
    ];
    for (const [family, route] of routes) await a.add(family, route);
    await a.ask(
      'global',
      'rib',
      'add',
      '-a',
      'ipv4',
      '10.11.0.0/16',
      'nexthop',
      left.v4,
      'aspath',
      '65010 65011 {65012,65013}',
    );
    const families = ['ipv4', 'ipv6', 'vpnv4', 'evpn', 'ipv6-flowspec'];
    for (const family of families) {
      const text = () => b.ask('global', 'rib', '-a', family);
      await eventually(text, { what: `${family} routes arrive`, until: (table) => !table.includes('not in table') });
    }
    await a.ask('global', 'rib', 'del', '-a', 'ipv4', '10.1.0.0/16');
    await a.ask('global', 'rib', 'del', '-a', 'vpnv4', '10.6.0.0/16', 'label', '501', 'rd', '10.0.0.1:6');
    await a.ask('neighbor', right.v4, 'disable', 'maintenance, até logo');
    await capture.stopAfter('NOTIFICATION');

    const messages = await compare(capture.file);
    expect(typesOf(messages)).to.include.members(['OPEN', 'UPDATE', 'KEEPALIVE', 'NOTIFICATION']);
    const safis = new Set(messages.flatMap((message) => JSON.stringify(message).match(/"safi":\d+/g) ?? []));
    for (const safi of [1, 4, 128, 70, 133]) expect(safis).to.include(`"safi":${safi}`);
    expect(messages.filter((message) => message['error'] !== undefined)).to.deep.equal([]);
  });

  it('on BIRD and FRR over IPv4 and IPv6, and on ExaBGP with two-octet AS numbers', async () => {
    const { network } = lab;
    const lan = await network.lan('10.0.2', 'fd00:2');
    const hosts = {
      bird: await network.host('bird', [lan, 1]),
      frr: await network.host('frr', [lan, 2]),
      exabgp: await network.host('exabgp', [lan, 3]),
    };
    const capture = new Capture(hosts.frr, join(network.directory, 'frr.pcapng'));
    await capture.start();
    const announce = (n: number) => [
      { prefix: `10.2${n}.0.0/16`, med: 10 * n, communities: [`64999:${n}`, '65535:65281'] },
      `10.3${n}.4.0/22`,
      { prefix: `2001:db8:2${n}::/48`, communities: [`64999:${n}`] },
    ];
    const frr = new Frr(hosts.frr, {
      asn: 70002,
      announce: announce(2),
      neighbors: [
        { address: hosts.bird.v4, peerAs: 65021, families: ['ipv4'] },
        { address: hosts.bird.v6, peerAs: 65021, families: ['ipv6'] },
        { address: hosts.exabgp.v4, peerAs: 65023, families: ['ipv4'] },
      ],
    });
    const bird = new Bird(hosts.bird, {
      asn: 65021,
      announce: announce(1),
      neighbors: [
        { address: hosts.frr.v4, peerAs: 70002, families: ['ipv4'] },
        { address: hosts.frr.v6, peerAs: 70002, families: ['ipv6'] },
      ],
    });
    await Promise.all([frr.start(), bird.start()]);
    const file = join(hosts.exabgp.directory, 'exabgp.conf');
    await writeFile(file, EXABGP(hosts.exabgp.v4, hosts.frr.v4));
    hosts.exabgp.spawn('exabgp', [file], {
      env: { 'exabgp.daemon.user': 'root', 'exabgp.api.cli': 'false', 'exabgp.log.all': 'false' },
    });
    await eventually(() => bird.routes('ipv4'), {
      what: "ExaBGP's routes at BIRD",
      until: (routes) => routes.some(({ prefix }) => prefix === '10.60.0.0/16'),
      limitMs: 40_000,
    });
    await eventually(() => bird.routes('ipv6'), { what: 'IPv6 routes at BIRD', until: (routes) => routes.length > 0 });
    await bird.withdraw('10.31.4.0/22');
    await eventually(() => frr.routes('ipv4'), {
      what: 'the withdrawal',
      until: (routes) => !routes.some(({ prefix }) => prefix === '10.31.4.0/22'),
    });
    await run('birdc', ['-s', join(hosts.bird.directory, 'bird.ctl'), 'reload in peer0']);
    await bird.stop();
    await capture.stopAfter('NOTIFICATION');

    const messages = await compare(capture.file);
    const codes = new Set(
      messages.flatMap((m) => ((m['attributes'] as { code: number }[] | undefined) ?? []).map(({ code }) => code)),
    );
    expect(typesOf(messages)).to.include('ROUTE_REFRESH');
    // AS4_PATH and AS4_AGGREGATOR only appear towards a two-octet speaker.
    for (const code of [1, 2, 3, 4, 8, 14, 17]) expect(codes).to.include(code);
    expect(messages.filter((message) => message['error'] !== undefined)).to.deep.equal([]);
  });
});

const EXABGP = (local: string, peer: string) => `
neighbor ${peer} {
  router-id ${local}; local-address ${local}; local-as 65023; peer-as 23456; hold-time 90;
  capability { asn4 disable; }
  family { ipv4 unicast; }
  static {
    route 10.60.0.0/16 next-hop ${local} med 5 community [ 65023:1 65023:2 ] large-community [ 65023:1:2 ];
    route 10.61.0.0/16 next-hop ${local} as-path [ 65023 23456 ] extended-community [ target:65023:9 ] atomic-aggregate;
    route 10.62.0.0/16 next-hop ${local} aggregator ( 65023:10.9.9.9 ) originator-id 10.9.9.9;
  }
}
`;
