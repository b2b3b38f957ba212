import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, established, holds, lab, steadily } from './harness/index.js';
import type { PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 64512;
const KINDS: readonly SpeakerKind[] = [Bird, Frr, Gobgp];
const password = (index: number): string => `key of daemon ${index}`.replaceAll(' ', '-');

for (const direction of ['we connect', 'they connect'] as const) {
  lab(`TCP MD5, ${direction} (RFC 2385)`, { needs: ['bird', 'frr', 'gobgp', 'socketOptions'] }, (lab) => {
    let tsbgp: Tsbgp;
    let daemons: SpeakerDriver[];
    const passive = direction === 'they connect';

    /** Our neighbors: each daemon by its IPv4 and by its IPv6 address. */
    const neighbors = (keyOfIpv4: (index: number) => string = password): PeerSettings[] =>
      daemons.flatMap(({ host }, index) => [
        {
          address: host.v4,
          peerAs: AS,
          families: ['ipv4'],
          reflectorClient: true,
          passive,
          password: keyOfIpv4(index),
        },
        { address: host.v6, peerAs: AS, families: ['ipv6'], reflectorClient: true, passive, password: password(index) },
      ]);
    const all = (): string[] => daemons.flatMap(({ host }) => [host.v4, host.v6]);

    before(async () => {
      const lan = await lab.network.lan('10.0.0', 'fd00');
      const center = await lab.network.host('tsbgp', [lan, 100]);
      daemons = [];
      for (const [index, Kind] of KINDS.entries()) {
        const host = await lab.network.host(Kind.name, [lan, index + 1]);
        const common = { peerAs: AS, passive: !passive, password: password(index) };
        const own: PeerSettings[] = [
          { ...common, address: center.v4, families: ['ipv4'] },
          { ...common, address: center.v6, families: ['ipv6'] },
        ];
        const announce = [`10.1.${index}.0/24`, `2001:db8:${index}::/48`];
        daemons.push(new Kind(host, { asn: AS, neighbors: own, announce }));
      }
      tsbgp = new Tsbgp(center, { asn: AS, neighbors: neighbors() });
      await Promise.all([tsbgp, ...daemons].map((speaker) => speaker.start()));
    });

    it('sessions with the right password come up and carry routes, over IPv4 and IPv6', async () => {
      await established(tsbgp, ...all());
      await holds(
        daemons[0]!,
        'ipv4',
        ['10.1.1.0/24', '10.1.2.0/24'].map((prefix) => ({ prefix })),
      );
      await holds(
        daemons[1]!,
        'ipv6',
        ['2001:db8::/48', '2001:db8:2::/48'].map((prefix) => ({ prefix })),
      );
      for (const address of all()) expect(await tsbgp.neighbor(address)).to.include({ tcpMd5: true });
    });

    it('with a wrong one there is none, and the others stay up', async () => {
      await tsbgp.reconfigure({ asn: AS, neighbors: neighbors((index) => `not ${password(index)}`) });
      const down = daemons.map(({ host }) => host.v4);
      // First the reset, then silence.
      await Promise.all(daemons.map((daemon) => holds(daemon, 'ipv4', [])));
      await steadily(
        async () => (await tsbgp.neighbors()).every((n) => n.state !== 'Established' || !down.includes(n.address)),
        { what: 'no session without the right password', forMs: 4000 },
      );
      for (const { host } of daemons) {
        const view = await tsbgp.neighbor(host.v4);
        expect(view.state).to.be.oneOf(['Connect', 'Active']);
        if (!passive) expect(view.reason).to.include('another password');
        expect(await tsbgp.neighbor(host.v6)).to.include({ state: 'Established', established: 1 });
      }
    });

    it('with the right one again they are back', async () => {
      await tsbgp.reconfigure({ asn: AS, neighbors: neighbors() });
      await established(tsbgp, ...all());
      await holds(
        daemons[2]!,
        'ipv4',
        ['10.1.0.0/24', '10.1.1.0/24'].map((prefix) => ({ prefix })),
      );
      for (const { host } of daemons) expect(await tsbgp.neighbor(host.v6)).to.include({ established: 1 });
    });

    it('no password is shown anywhere', async () => {
      const shown = JSON.stringify([await tsbgp.neighbors(), await tsbgp.summary()]) + tsbgp.process.log;
      expect(shown).to.not.include('key-of-daemon');
    });
  });
}
