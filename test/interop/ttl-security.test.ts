import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, established, eventually, holds, lab, steadily } from './harness/index.js';
import type { Host, PeerSettings, RunningProcess, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 64512;
const OTHER_AS = 64513;

/**
 * TTL or hop limit and DSCP of the TCP segments that a host sends: of those with a SYN or octets. When we close a connection, as
 * an attempt that took too long, the kernel answers what still comes without asking the socket, which is gone.
 */
class Capture {
  readonly #process: RunningProcess;

  constructor(
    host: Host,
    private readonly from: Host,
  ) {
    const fields = ['ip.src', 'ip.ttl', 'ip.dsfield.dscp', 'ipv6.src', 'ipv6.hlim', 'ipv6.tclass.dscp'];
    fields.push('tcp.flags.syn', 'tcp.len');
    const args = ['-l', '-n', '-i', 'eth0', '-f', 'tcp port 179', '-T', 'fields', '-E', 'separator=,'];
    this.#process = host.spawn('tshark', [...args, ...fields.flatMap((field) => ['-e', field])]);
  }

  async begun(): Promise<void> {
    await eventually(() => this.#process.log, {
      what: 'tshark captures',
      until: (log) => /Capture started|File:/.test(log),
    });
  }

  /** `TTL/DSCP` of each segment seen. */
  seen(family: 'ipv4' | 'ipv6'): string[] {
    return this.#process.log.split('\n').flatMap((line) => {
      const [v4, ttl, dscp, v6, hops, dscp6, syn, length] = line.split(',');
      if (syn !== '1' && !(Number(length) > 0)) return [];
      if (family === 'ipv4') return v4 === this.from.v4 ? [`${ttl}/${dscp}`] : [];
      return v6 === this.from.v6 ? [`${hops}/${dscp6}`] : [];
    });
  }

  /** Enough to contain a handshake and messages. */
  async sees(family: 'ipv4' | 'ipv6'): Promise<string[]> {
    const all = await eventually(() => this.seen(family), {
      what: `${family} segments from ${this.from.name}`,
      until: (segments) => segments.length >= 4,
    });
    return [...new Set(all)];
  }

  stop(): Promise<unknown> {
    return this.#process.stop();
  }
}

for (const passive of [false, true]) {
  const needs = ['bird', 'frr', 'tshark', 'socketOptions'] as const;
  lab(`GTSM, ${passive ? 'they connect' : 'we connect'} (RFC 5082)`, { needs }, (lab) => {
    let tsbgp: Tsbgp;
    let daemons: SpeakerDriver[];
    let capture: Capture;

    /** Begins with TTL 1, as is usual for eBGP. */
    let without: SpeakerDriver;

    const sessions = (speakers: readonly SpeakerDriver[], more: Partial<PeerSettings>): PeerSettings[] =>
      speakers.flatMap(({ host }) => [
        { address: host.v4, peerAs: OTHER_AS, families: ['ipv4'], passive, ...more },
        { address: host.v6, peerAs: OTHER_AS, families: ['ipv6'], passive, ...more },
      ]);
    const all = (): string[] => daemons.flatMap(({ host }) => [host.v4, host.v6]);

    before(async () => {
      const lan = await lab.network.lan('10.0.0', 'fd00');
      const center = await lab.network.host('tsbgp', [lan, 100]);
      const daemon = async (Kind: SpeakerKind, number: number, more: Partial<PeerSettings>): Promise<SpeakerDriver> => {
        const host = await lab.network.host(`${Kind.name}${number}`, [lan, number]);
        const common = { peerAs: AS, passive: !passive, ...more };
        const own: PeerSettings[] = [
          { ...common, address: center.v4, families: ['ipv4'] },
          { ...common, address: center.v6, families: ['ipv6'] },
        ];
        return new Kind(host, { asn: OTHER_AS, neighbors: own, announce: [`10.1.${number}.0/24`] });
      };
      daemons = [await daemon(Bird, 1, { ttlSecurity: 1 }), await daemon(Frr, 2, { ttlSecurity: 1 })];
      without = await daemon(Bird, 3, {});
      capture = new Capture(daemons[0]!.host, center);
      await capture.begun();
      tsbgp = new Tsbgp(center, { asn: AS, neighbors: sessions([...daemons, without], { ttlSecurity: 1 }) });
      // First, so that no segment of the capture is the refusal of a host where nobody listens yet.
      await tsbgp.start();
      await Promise.all([...daemons, without].map((speaker) => speaker.start()));
    });

    it('sessions come up with GTSM on both sides, over IPv4 and IPv6', async () => {
      await established(tsbgp, ...all());
      for (const address of all()) expect(await tsbgp.neighbor(address)).to.include({ ttlSecurity: 1 });
    });

    it('all that we send has TTL 255, and CS6 with it', async () => {
      expect(await capture.sees('ipv4')).to.deep.equal(['255/48']);
      expect(await capture.sees('ipv6')).to.deep.equal(['255/48']);
    });

    it('a neighbor that sends with another TTL has no session', async () => {
      const { v4, v6 } = without.host;
      await steadily(
        async () => {
          const states = [await tsbgp.neighbor(v4), await tsbgp.neighbor(v6)];
          return states.every(({ established: times }) => times === 0);
        },
        { what: 'no session with a neighbor without GTSM', forMs: 3000 },
      );
    });

    // Who waits for us may hold on to the connection on which it heard us, and not we it, for minutes.
    if (!passive) return;
    it('has one when we ask for no GTSM', async () => {
      const { v4, v6 } = without.host;
      const others = daemons.flatMap(({ host }) => [host.v4, host.v6]);
      const neighbors = [...sessions(daemons, { ttlSecurity: 1 }), ...sessions([without], {})];
      await tsbgp.reconfigure({ asn: AS, neighbors });
      await established(tsbgp, v4, v6);
      for (const address of others) expect(await tsbgp.neighbor(address)).to.include({ established: 1 });
    });
  });
}

lab('neighbors two hops away', { needs: ['bird', 'frr', 'gobgp', 'socketOptions'] }, (lab) => {
  let tsbgp: Tsbgp;
  let daemons: { bird: Bird; frr: Frr; gobgp: Gobgp };
  const peers = (more: Partial<Record<'bird' | 'frr' | 'gobgp', Partial<PeerSettings>>>): PeerSettings[] =>
    (['bird', 'frr', 'gobgp'] as const).map((name) => {
      return { address: daemons[name].host.v4, peerAs: OTHER_AS, families: ['ipv4'], ...more[name] };
    });

  before(async () => {
    const { network } = lab;
    const near = await network.lan('10.0.0', 'fd00');
    const far = await network.lan('10.0.1', 'fd01');
    const center = await network.host('tsbgp', [near, 100]);
    const router = await network.host('router', [near, 254], [far, 254]);
    await router.forward();
    await center.ip('route add 10.0.1.0/24 via 10.0.0.254');
    const start = async <T extends SpeakerDriver>(
      Kind: new (host: Host, settings: T['settings']) => T,
      number: number,
      more: Partial<PeerSettings>,
    ): Promise<T> => {
      const host = await network.host(Kind.name, [far, number]);
      await host.ip('route add 10.0.0.0/24 via 10.0.1.254');
      const neighbors: PeerSettings[] = [{ address: center.v4, peerAs: AS, families: ['ipv4'], ...more }];
      const speaker = new Kind(host, { asn: OTHER_AS, neighbors, announce: [`10.1.${number}.0/24`] });
      await speaker.start();
      return speaker;
    };
    daemons = {
      bird: await start(Bird, 1, { ttlSecurity: 2 }),
      frr: await start(Frr, 2, { multihop: 2 }),
      gobgp: await start(Gobgp, 3, { multihop: 2 }),
    };
    tsbgp = new Tsbgp(center, { asn: AS, neighbors: peers({ bird: { ttlSecurity: 1 } }) });
    await tsbgp.start();
  });

  it('are not connected to by default, and it is told why; GTSM with one hop does not let them in', async () => {
    const { bird, frr, gobgp } = daemons;
    for (const { host } of [bird, frr, gobgp]) {
      await eventually(() => tsbgp.neighbor(host.v4), {
        what: 'the reason',
        until: ({ reason }) => reason?.includes('is in no subnet of an interface of ours') === true,
      });
    }
    await steadily(async () => (await tsbgp.neighbors()).every(({ established: times }) => times === 0), {
      what: 'no session',
      forMs: 2000,
    });
  });

  it('are with multihop, or with GTSM for two hops', async () => {
    const { bird, frr, gobgp } = daemons;
    const neighbors = peers({ bird: { ttlSecurity: 2 }, frr: { multihop: 2 }, gobgp: { multihop: 2 } });
    await tsbgp.reconfigure({ asn: AS, neighbors });
    await established(tsbgp, bird.host.v4, frr.host.v4, gobgp.host.v4);
    const routes = ['10.1.1.0/24', '10.1.2.0/24', '10.1.3.0/24'];
    await holds(
      tsbgp,
      'ipv4',
      routes.map((prefix) => ({ prefix })),
    );
  });
});
