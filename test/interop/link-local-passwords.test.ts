import { Bird, Frr, Tsbgp, established, lab, steadily } from './harness/index.js';
import type { PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 64512;
const OTHER_AS = 64513;
const CENTER = 'fe80::100';

for (const passive of [false, true]) {
  const needs = ['bird', 'frr', 'socketOptions'] as const;
  const title = `TCP MD5 and GTSM between link-local addresses, ${passive ? 'they connect' : 'we connect'}`;
  lab(title, { needs }, (lab) => {
    // FRR 8.4 does not dial a link-local address, with or without a password.
    const second = passive ? Bird : Frr;
    let center: Tsbgp;
    let speakers: readonly SpeakerDriver[];

    before(async () => {
      const lan = await lab.network.lan('10.0.0', 'fd00');
      const daemon = async (Kind: SpeakerKind, number: number, password: string): Promise<SpeakerDriver> => {
        const host = await lab.network.host(`${Kind.name}${number}`, [lan, number]);
        await host.ip(`address add fe80::${number}/64 dev eth0 nodad`);
        const neighbor: PeerSettings = {
          address: CENTER,
          peerAs: AS,
          families: ['ipv6'],
          passive: !passive,
          password,
          ttlSecurity: 1,
          ...(Kind === Bird ? { localAddress: `fe80::${number}`, lines: ['  interface "eth0";'] } : {}),
          ...(Kind === Frr ? { lines: ['interface eth0'] } : {}),
        };
        return new Kind(host, { asn: OTHER_AS, neighbors: [neighbor] });
      };
      speakers = [await daemon(Bird, 1, 'key-1'), await daemon(second, 2, 'key-2'), await daemon(Bird, 3, 'another')];
      const host = await lab.network.host('tsbgp', [lan, 100]);
      await host.ip(`address add ${CENTER}/64 dev eth0 nodad`);
      const neighbors = speakers.map((_, i) => {
        const common = {
          address: `fe80::${i + 1}%eth0`,
          peerAs: OTHER_AS,
          passive,
          connectRetry: 1,
          connectRetryMax: 4,
        };
        return { ...common, password: `key-${i + 1}`, ttlSecurity: 1 };
      });
      const listen = [{ address: `${CENTER}%eth0`, port: 179 }];
      center = new Tsbgp(host, { asn: AS, neighbors: [], config: { listen, neighbors } });
      await Promise.all([center, ...speakers].map((speaker) => speaker.start()));
    });

    it('sessions come up with the right password', async () => {
      await established(center, 'fe80::1%eth0', 'fe80::2%eth0');
    });

    it('not with another one', async () => {
      await steadily(async () => (await center.neighbor('fe80::3%eth0')).established === 0, {
        what: 'no session without the right password',
        forMs: 2000,
      });
    });
  });
}
