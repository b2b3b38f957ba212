import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import type { FibRouteView } from '../../lib/speaker/views.js';
import { Tsbgp, eventually, lab } from './harness/index.js';
import type { Host, Lab, TsbgpSettings } from './harness/index.js';

const AS = 64512;
const TUNNEL = 'tunl9';
const WRITERS = ['ip-route', 'netlink'] as const;

/** `ip link add` behind the name of the device, for a tunnel of two ends. */
const TUNNELS = {
  vxlan: (local: string, remote: string) => `type vxlan id 42 dev eth0 dstport 4789 local ${local} remote ${remote}`,
  ipip: (local: string, remote: string) => `type ipip local ${local} remote ${remote}`,
  // Told its ends by `wg`: see wireguard().
  wireguard: () => 'type wireguard',
} as const;
type Kind = keyof typeof TUNNELS;

const pods4 = (number: number) => `10.244.${number}.0/24`;
const pods6 = (number: number) => `fd00:244:${number}::/64`;

/** @returns why the kernel makes no such device, or undefined */
function lacks(kind: Kind): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  if (kind === 'wireguard' && spawnSync('wg', ['--version']).status !== 0) return 'wg is not installed';
  const ns = `tsbgp-${process.pid}-${kind}`;
  spawnSync('ip', ['netns', 'add', ns]);
  const lines = [
    'link add eth0 type veth peer name eth0p',
    `link add ${TUNNEL} ${TUNNELS[kind]('192.0.2.1', '192.0.2.2')}`,
  ];
  const input = lines.join('\n');
  const { status, stderr } = spawnSync('ip', ['-n', ns, '-batch', '-'], { input, encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', ns]);
  return status === 0 ? undefined : stderr.split('\n')[0]!;
}

for (const kind of Object.keys(TUNNELS) as Kind[]) {
  const reason = lacks(kind);
  if (reason !== undefined) {
    describe.skip(`pods over ${kind} (skipped: no such device here: ${reason})`, () => {
      it('can run here', () => undefined);
    });
    continue;
  }
  for (const writer of WRITERS) {
    const title = `pods over ${kind}, ${writer}`;
    lab(title, { needs: writer === 'netlink' ? ['ping', 'socketOptions'] : ['ping'] }, (lab) =>
      tests(lab, kind, writer),
    );
  }
}

interface Keys {
  readonly secret: string;
  readonly shown: string;
}

/** What `wg` writes: 32 octets in base64. */
function newKeys(): Keys {
  const { d = '', x = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const plain = (base64url: string) => Buffer.from(base64url, 'base64url').toString('base64');
  return { secret: plain(d), shown: plain(x) };
}

/** A WireGuard interface that lets all through to one peer. */
function wireguard(own: Keys, peer: Keys, address: string): string {
  return [
    `[Interface]\nPrivateKey = ${own.secret}\nListenPort = 51820`,
    `[Peer]\nPublicKey = ${peer.shown}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = ${address}:51820\n`,
  ].join('\n');
}

/** Two hosts with a pod each behind them, BGP between the hosts outside of the tunnel. */
function tests(lab: Lab, kind: Kind, writer: (typeof WRITERS)[number]): void {
  /** A tunnel that carries Ethernet frames, and so IPv6 too. */
  const isEthernet = kind === 'vxlan';
  const hosts: Host[] = [];
  const pods: Host[] = [];
  const speakers: Tsbgp[] = [];

  const keys = [newKeys(), newKeys()] as const;
  const addTunnel = async (number: 1 | 2) => {
    await hosts[number - 1]!.ip(
      `link add ${TUNNEL} ${TUNNELS[kind](`10.0.0.${number}`, `10.0.0.${3 - number}`)}`,
      `link set ${TUNNEL} up`,
      // With a hardware address of its own each time, the far end would send to the old one for half a minute.
      ...(isEthernet
        ? [
            `link set ${TUNNEL} address 02:00:00:00:31:0${number}`,
            `address add fd00:31::${number}/64 dev ${TUNNEL} nodad`,
          ]
        : []),
    );
    if (kind !== 'wireguard') return;
    const lines = wireguard(keys[number - 1]!, keys[2 - number]!, `10.0.0.${3 - number}`);
    await hosts[number - 1]!.exec('sh', ['-c', `printf '%s' "$1" | wg setconf ${TUNNEL} /dev/stdin`, 'sh', lines]);
  };
  const settings = (number: 1 | 2): TsbgpSettings => ({
    asn: AS,
    neighbors: [{ address: `10.0.0.${3 - number}`, peerAs: AS }],
    // An IPv6 neighbor is asked for at the tunnel itself, where only its own addresses are answered for.
    announce: [pods4(number), ...(isEthernet ? [{ prefix: pods6(number), nextHop: `fd00:31::${number}` }] : [])],
    config: {
      prefixSets: { pods: [{ prefix: '10.244.0.0/16', le: 32 }] },
      policies: {
        kernel: [
          { conditions: { prefixSets: ['pods'] }, actions: { result: 'accept', kernelRoute: { device: TUNNEL } } },
        ],
      },
      fib: { type: writer, exportPolicy: ['kernel'], defaultExportPolicy: 'accept' },
    },
  });

  before('hosts, pods, a tunnel, tsbgp', async () => {
    const underlay = await lab.network.lan('10.0.0', 'fd00');
    for (const number of [1, 2] as const) {
      const lan = await lab.network.lan(`10.244.${number}`, `fd00:244:${number}`);
      const host = await lab.network.host(`host${number}`, [underlay, number], [lan, 1]);
      const pod = await lab.network.host(`pod${number}`, [lan, 2]);
      await host.forward();
      await pod.ip(`route add default via ${lan.v4}.1`, `route add default via ${lan.v6}::1`);
      hosts.push(host);
      pods.push(pod);
      await addTunnel(number);
      speakers.push(new Tsbgp(host, settings(number)));
    }
    await Promise.all(speakers.map((speaker) => speaker.start()));
  });

  const remotes = isEthernet ? [pods4(2), pods6(2)] : [pods4(2)];
  const states = async (): Promise<Record<string, string>> => {
    const routes = await speakers[0]!.fib();
    return Object.fromEntries(routes.map(({ prefix, state }: FibRouteView) => [prefix, state]));
  };
  const installed = () =>
    eventually(states, {
      what: 'all are installed',
      until: (seen) => expect(seen).to.deep.equal(Object.fromEntries(remotes.map((prefix) => [prefix, 'installed']))),
    });
  /** A next hop at the tunnel itself is lost with it, and so is the path; one outside can still be reached. */
  const unresolved = async () => {
    await eventually(states, {
      what: 'no route can be written',
      until: (seen) => expect(seen).to.deep.equal({ [pods4(2)]: 'unresolved' }),
    });
    expect([await bgpRoutes(4), await bgpRoutes(6)]).to.deep.equal([[], []]);
  };
  /** Received packets of the far end of the tunnel. */
  const received = async () => {
    const text = await hosts[1]!.exec('cat', [`/sys/class/net/${TUNNEL}/statistics/rx_packets`]);
    return Number(text);
  };
  const reachOverTunnel = async () => {
    for (const address of [pods[1]!.v4, ...(isEthernet ? [pods[1]!.v6] : [])]) {
      const before = await received();
      const from = pods[0]!;
      await eventually(() => from.reaches(address), { what: `pod1 reaches ${address}`, until: (yes) => yes });
      expect(await received(), `packets to ${address}`).to.be.greaterThan(before);
    }
  };
  const bgpRoutes = async (family: 4 | 6) => {
    const routes = await hosts[0]!.kernelRoutes(family);
    return routes
      .filter(({ protocol }) => protocol === 'bgp')
      .map(({ dst, gateway, dev, flags }) => [dst, gateway, dev, ...flags]);
  };
  const sessions = async () => (await speakers[0]!.neighbors()).map(({ established }) => established);

  it('routes go over the tunnel, by rule to the host of the next hop, or to a next hop at the tunnel', async () => {
    await installed();
    expect(await bgpRoutes(4)).to.deep.equal([[pods4(2), '10.0.0.2', TUNNEL, 'onlink']]);
    expect(await bgpRoutes(6)).to.deep.equal(isEthernet ? [[pods6(2), 'fd00:31::2', TUNNEL]] : []);
  });

  it('pods reach each other through it', reachOverTunnel);

  it('it goes down: no route is left, no session is lost; it comes back', async () => {
    const before = await sessions();
    // Else Linux forgets the IPv6 addresses of a device that is set down.
    if (isEthernet) await hosts[0]!.exec('sysctl', ['-qw', `net.ipv6.conf.${TUNNEL}.keep_addr_on_down=1`]);
    await hosts[0]!.ip(`link set ${TUNNEL} down`);
    await unresolved();
    expect(await pods[0]!.reaches(pods[1]!.v4)).to.equal(false);
    await hosts[0]!.ip(`link set ${TUNNEL} up`);
    await installed();
    await reachOverTunnel();
    expect(await sessions()).to.deep.equal(before);
  });

  it('it is removed, and made anew', async () => {
    await hosts[0]!.ip(`link del ${TUNNEL}`);
    await unresolved();
    await addTunnel(1);
    await installed();
    await reachOverTunnel();
  });

  it('the host at the other end stops: its routes go from the tunnel', async () => {
    await speakers[1]!.stop();
    await eventually(states, { what: 'no routes', until: (seen) => expect(seen).to.deep.equal({}) });
    expect([await bgpRoutes(4), await bgpRoutes(6)]).to.deep.equal([[], []]);
    await speakers[1]!.start();
    await installed();
    await reachOverTunnel();
  });
}
