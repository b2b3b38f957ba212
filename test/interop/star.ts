import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import { Tsbgp, established } from './harness/index.js';
import type { Lab, PeerSettings, SpeakerDriver, SpeakerKind, SpeakerSettings } from './harness/index.js';

/** A neighbor of tsbgp on a LAN of its own. */
export interface Member {
  readonly Kind: SpeakerKind;
  readonly asn: number;
  /** AS of tsbgp as the daemon is told; default: its own. */
  readonly expects?: number;
  readonly announce?: SpeakerSettings['announce'];
  /** How tsbgp is told of it. */
  readonly here?: Partial<NeighborOptions>;
  /** How it is told of tsbgp. */
  readonly there?: Partial<PeerSettings>;
  /** More about the daemon as a whole. */
  readonly all?: Partial<SpeakerSettings>;
}

export interface Star {
  readonly tsbgp: Tsbgp;
  readonly speakers: readonly SpeakerDriver[];
  /** tsbgp's address on the LAN of a speaker. */
  ours(index: number): string;
}

/** tsbgp in the middle, every neighbor on a LAN of its own, IPv4 only. */
export async function star(
  lab: Lab,
  asn: number,
  members: readonly Member[],
  config: Partial<SpeakerConfig> = {},
): Promise<Star> {
  const { network } = lab;
  const lans = await Promise.all(members.map((_, i) => network.lan(`10.0.${i + 1}`, `fd00:${i + 1}`)));
  const center = await network.host('tsbgp', ...lans.map((lan) => [lan, 100] as const));
  const ours = (index: number): string => center.interfaces[index]!.v4;
  const speakers: SpeakerDriver[] = [];
  const neighbors: PeerSettings[] = [];
  for (const [i, { Kind, asn: peerAs, expects, announce, here, there, all }] of members.entries()) {
    const host = await network.host(`${Kind.name}${i}`, [lans[i]!, 1]);
    neighbors.push({ address: host.v4, peerAs, families: ['ipv4'], ...(here ? { tsbgp: here } : {}) });
    const own = { address: ours(i), peerAs: expects ?? asn, families: ['ipv4'] as const, ...there };
    speakers.push(new Kind(host, { asn: peerAs, neighbors: [own], announce: announce ?? [], ...all }));
  }
  const tsbgp = new Tsbgp(center, { asn, neighbors, config });
  await tsbgp.start();
  await Promise.all(speakers.map((speaker) => speaker.start()));
  await established(tsbgp, ...neighbors.map(({ address }) => address));
  return { tsbgp, speakers, ours };
}
