import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, eventually, holds, lab, steadily } from './harness/index.js';
import type { PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 64512;
const RANGE_KEY = 'key-of-the-range';
const OWN_KEY = 'key-of-one';

lab('dynamic neighbors with a password for the range', { needs: ['bird', 'frr', 'gobgp', 'socketOptions'] }, (lab) => {
  let tsbgp: Tsbgp;
  let right: SpeakerDriver[];
  let own: SpeakerDriver;
  let wrong: SpeakerDriver[];

  const config = (key: string) => ({
    peerGroups: { range: { peerAs: AS, password: key } },
    dynamicNeighbors: [
      { prefix: '10.0.0.0/24', peerGroup: 'range' },
      { prefix: 'fd00::/64', peerGroup: 'range' },
    ],
    neighbors: [{ address: own.host.v4, peerAs: AS, password: OWN_KEY }],
  });
  const isUp = async (speaker: SpeakerDriver, address: string): Promise<boolean> =>
    (await speaker.sessionState(address)) === 'Established';

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('tsbgp', [lan, 100]);
    const daemon = async (Kind: SpeakerKind, number: number, password?: string): Promise<SpeakerDriver> => {
      const host = await lab.network.host(`${Kind.name}${number}`, [lan, number]);
      const key = password === undefined ? {} : { password };
      const neighbors: PeerSettings[] = [
        { address: center.v4, peerAs: AS, families: ['ipv4'], ...key },
        { address: center.v6, peerAs: AS, families: ['ipv6'], ...key },
      ];
      return new Kind(host, { asn: AS, neighbors, announce: [`10.1.${number}.0/24`, `2001:db8:${number}::/48`] });
    };
    right = [await daemon(Bird, 1, RANGE_KEY), await daemon(Frr, 2, RANGE_KEY), await daemon(Gobgp, 3, RANGE_KEY)];
    own = await daemon(Bird, 4, OWN_KEY);
    wrong = [await daemon(Bird, 5, 'another-key'), await daemon(Bird, 6)];
    tsbgp = new Tsbgp(center, { asn: AS, neighbors: [], config: config(RANGE_KEY) });
    await Promise.all([tsbgp, ...right, own, ...wrong].map((speaker) => speaker.start()));
  });

  it('those who have it are let in; one in the range has a key of its own', async () => {
    const routes = [1, 2, 3, 4].map((number) => ({ prefix: `10.1.${number}.0/24` }));
    await holds(tsbgp, 'ipv4', routes);
    // The one with a key of its own is not known by its IPv6 address, and has not the key of that range.
    await holds(
      tsbgp,
      'ipv6',
      [1, 2, 3].map((number) => ({ prefix: `2001:db8:${number}::/48` })),
    );
    expect(await tsbgp.neighbor(right[0]!.host.v6)).to.include({ dynamic: true, tcpMd5: true });
    expect(await tsbgp.neighbor(own.host.v4)).to.include({ dynamic: false, tcpMd5: true });
  });

  it('those who have another one, or none, are not', async () => {
    const { v4, v6 } = tsbgp.host;
    await steadily(
      async () => {
        const up = await Promise.all(wrong.flatMap((daemon) => [isUp(daemon, v4), isUp(daemon, v6)]));
        return !up.includes(true);
      },
      { what: 'no session without the right password', forMs: 2000 },
    );
    const known = (await tsbgp.neighbors()).map(({ address }) => address);
    expect(known).to.not.include.members([wrong[0]!.host.v4]);
    expect(known).to.not.include.members([wrong[1]!.host.v4]);
  });

  it('a new key of the range ends their sessions, not the one with its own', async () => {
    await tsbgp.reconfigure({ asn: AS, neighbors: [], config: config('another-key') });
    const up = async (): Promise<string[]> =>
      (await tsbgp.neighbors()).filter(({ state }) => state === 'Established').map(({ address }) => address);
    const expected = [own.host.v4, wrong[0]!.host.v4, wrong[0]!.host.v6].sort();
    await eventually(up, {
      what: 'the one that has the new key, and the one with its own',
      until: (addresses) => expect(addresses.sort()).to.deep.equal(expected),
      limitMs: 30_000,
    });
    expect(await tsbgp.neighbor(own.host.v4)).to.include({ established: 1 });
  });
});
