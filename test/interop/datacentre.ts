import { expect } from 'chai';
import { Bird, Tsbgp, eventually } from './harness/index.js';
import type { Host, Network, PeerSettings, SpeakerDriver, TsbgpSettings } from './harness/index.js';

const AS = 64512;
export const pods4 = (number: number) => `10.244.${number}.0/24`;
export const pods6 = (number: number) => `fd00:244:${number}::/64`;

export interface DataCentreOptions {
  /** Of every session, at both ends. */
  readonly peer?: Partial<PeerSettings>;
  /** Of every tsbgp. */
  readonly config?: TsbgpSettings['config'];
}

/** Three hosts with a pod each behind them, a reflector apart: tsbgp on two hosts, BIRD on the third. */
export class DataCentre {
  private constructor(
    readonly reflector: Tsbgp,
    readonly speakers: readonly [Tsbgp, Tsbgp, Bird],
    readonly pods: readonly Host[],
  ) {}

  /** Everything runs; sessions may still be coming up. */
  static async create(network: Network, { peer = {}, config = {} }: DataCentreOptions = {}): Promise<DataCentre> {
    const fabric = await network.lan('10.0.0', 'fd00');
    const center = await network.host('rr', [fabric, 100]);
    const hosts: Host[] = [];
    const pods: Host[] = [];
    for (const number of [1, 2, 3]) {
      const lan = await network.lan(`10.244.${number}`, `fd00:244:${number}`);
      const host = await network.host(`host${number}`, [fabric, number], [lan, 1]);
      const pod = await network.host(`pod${number}`, [lan, 2]);
      await host.forward();
      await pod.ip(`route add default via ${lan.v4}.1`, `route add default via ${lan.v6}::1`);
      hosts.push(host);
      pods.push(pod);
    }
    const settings = (number: number) => ({
      asn: AS,
      neighbors: [{ address: center.v4, peerAs: AS, ...peer }],
      announce: [pods4(number), pods6(number)],
      kernel: true,
      config,
    });
    const clients = hosts.map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true, ...peer }));
    const reflector = new Tsbgp(center, { asn: AS, neighbors: clients, config });
    const speakers: [Tsbgp, Tsbgp, Bird] = [
      new Tsbgp(hosts[0]!, settings(1)),
      new Tsbgp(hosts[1]!, settings(2)),
      new Bird(hosts[2]!, settings(3)),
    ];
    await Promise.all([reflector, ...speakers].map((speaker) => speaker.start()));
    return new DataCentre(reflector, speakers, pods);
  }

  /** Pod subnets that the kernel of a host has routes to over BGP, with their gateways. */
  async podRoutes(host: Host, ...own: readonly string[]): Promise<Record<string, string | undefined>> {
    const routes = [...(await host.kernelRoutes(4)), ...(await host.kernelRoutes(6))];
    const remote = routes.filter(({ dst }) => /^(10\.244\.|fd00:244:)/.test(dst) && !own.includes(dst));
    return Object.fromEntries(remote.map(({ dst, gateway }) => [dst, gateway]));
  }

  /** Every host but `down` has exactly the routes to the pods of the others. */
  async kernelsAreRight(down?: SpeakerDriver): Promise<void> {
    const up = this.speakers.filter((speaker) => speaker !== down);
    for (const { host } of up) {
      const number = this.hostNumber(host);
      const others = up.map((other) => other.host).filter((other) => other !== host);
      const expected = Object.fromEntries(
        others.flatMap((other) => [
          [pods4(this.hostNumber(other)), other.v4],
          [pods6(this.hostNumber(other)), other.v6],
        ]),
      );
      await eventually(() => this.podRoutes(host, pods4(number), pods6(number)), {
        what: `kernel routes of ${host.name}`,
        until: (routes) => expect(routes).to.deep.equal(expected),
      });
    }
  }

  private hostNumber(host: Host): number {
    return this.speakers.findIndex((speaker) => speaker.host === host) + 1;
  }
}
