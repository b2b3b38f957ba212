import { expect } from 'chai';
import fc from 'fast-check';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab } from '../support/lab.js';

/**
 * Two reflectors of one cluster, four clients with a session to each of them: real speakers all, in virtual time. Whatever
 * happens to sessions and links, in the end every client holds the best of what the others originate.
 */
const REFLECTORS = ['10.0.0.1', '10.0.0.2'] as const;
const CLIENTS = ['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14'] as const;
const PREFIXES = ['10.1.0.0/16', '10.2.0.0/16', '2001:db8:1::/48', '2001:db8:2::/48'];
const AS = 64512;

const step = fc.record({
  op: fc.constantFrom('announce', 'announce', 'announce', 'withdraw', 'reset', 'cut', 'mend', 'wait'),
  client: fc.nat({ max: CLIENTS.length - 1 }),
  reflector: fc.nat({ max: 1 }),
  prefix: fc.constantFrom(...PREFIXES),
  localPref: fc.constantFrom(100, 200),
  ms: fc.constantFrom(0, 1, 3, 50, 5000, 120_000),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Site {
  readonly lab = new Lab();
  reflectors: Speaker[] = [];
  clients: Speaker[] = [];
  /** By prefix: LOCAL_PREF by number of the client. */
  readonly originated = new Map(PREFIXES.map((prefix) => [prefix, new Map<number, number>()]));
  private readonly cuts = new Set<string>();

  async up(): Promise<this> {
    const { lab } = this;
    for (const routerId of REFLECTORS) {
      const peers = REFLECTORS.filter((other) => other !== routerId).map((address) => ({ address, peerAs: AS }));
      const clients = CLIENTS.map((address) => ({ address, peerAs: AS, routeReflectorClient: true, passive: true }));
      const neighbors = [...peers, ...clients];
      this.reflectors.push(await lab.speaker({ routerId, clusterId: '10.0.0.100', neighbors }));
    }
    for (const routerId of CLIENTS) {
      const neighbors = REFLECTORS.map((address) => ({ address, peerAs: AS, connectRetryMax: 10 }));
      this.clients.push(await lab.speaker({ routerId, listen: [], neighbors }));
    }
    await this.converge();
    return this;
  }

  async play({ op, client, reflector, prefix, localPref, ms }: Step): Promise<void> {
    const [c, r] = [CLIENTS[client]!, REFLECTORS[reflector]!];
    const originated = this.originated.get(prefix)!;
    if (op === 'announce') {
      this.clients[client]!.announce(prefix, { localPref });
      originated.set(client, localPref);
    } else if (op === 'withdraw') {
      if (originated.delete(client)) this.clients[client]!.withdraw(prefix);
    } else if (op === 'reset') this.reflectors[reflector]!.resetNeighbor(c);
    else if (op === 'cut') {
      this.lab.network.cut(r, c);
      this.cuts.add(`${r} ${c}`);
    } else if (op === 'mend') this.mend(r, c);
    else await this.lab.clock.runAsync(ms);
  }

  private mend(r: string, c: string): void {
    if (this.cuts.delete(`${r} ${c}`)) this.lab.network.restore(r, c);
  }

  async converge(): Promise<void> {
    for (const cut of [...this.cuts]) this.mend(...(cut.split(' ') as [string, string]));
    const isUp = (speaker: Speaker): boolean => speaker.neighbors().every(({ state }) => state === 'Established');
    await this.lab.clock.runUntilAsync(() => [...this.reflectors, ...this.clients].every(isUp), 1_200_000);
    await this.lab.clock.runAsync(200_000);
    expect([...this.reflectors, ...this.clients].every(isUp), 'sessions stay').to.equal(true);
  }

  /** What the reflectors must choose: the originator. */
  best(prefix: string): { readonly client: number; readonly localPref: number } | undefined {
    const all = [...this.originated.get(prefix)!].map(([client, localPref]) => ({ client, localPref }));
    return all.sort((a, b) => b.localPref - a.localPref || a.client - b.client)[0];
  }
}

describe('two reflectors and their clients', () => {
  it('all agree in the end', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const site = await new Site().up();
        for (const one of steps) await site.play(one);
        await site.converge();
        for (const prefix of PREFIXES) {
          const best = site.best(prefix);
          for (const speaker of site.reflectors) {
            const chosen = speaker.explain(prefix).best;
            expect(chosen?.neighbor ?? null).to.equal(best ? CLIENTS[best.client] : null);
            expect(chosen?.localPref ?? undefined).to.equal(best?.localPref);
          }
          for (const [i, speaker] of site.clients.entries()) {
            const own = site.originated.get(prefix)!.get(i);
            const chosen = speaker.explain(prefix).best;
            // Own routes win unless another has a higher LOCAL_PREF.
            const other = best !== undefined && best.client !== i && best.localPref > (own ?? 0);
            if (other) {
              expect(chosen).to.deep.include({
                neighbor: REFLECTORS[0],
                originatorId: CLIENTS[best.client],
                clusterList: ['10.0.0.100'],
                nextHop: prefix.includes(':') ? `::ffff:a00:${(11 + best.client).toString(16)}` : CLIENTS[best.client],
                localPref: best.localPref,
              });
            } else expect(chosen?.neighbor, `${CLIENTS[i]} ${prefix}`).to.equal(own === undefined ? undefined : null);
            // One path from each reflector at most, and nothing of ours from them.
            const from = speaker.explain(prefix).decisions.map(({ path }) => path);
            expect(from.filter(({ originatorId }) => originatorId === CLIENTS[i])).to.deep.equal([]);
            const told = best !== undefined && best.client !== i ? 2 : 0;
            expect(from).to.have.length(told + Number(own !== undefined));
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
