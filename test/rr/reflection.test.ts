import { expect } from 'chai';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, type Probe } from '../support/lab.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';
const ROLES = ['client', 'nonClient', 'ebgp'] as const;
type Role = (typeof ROLES)[number];

/** A reflector with two neighbors of each kind. */
class Site {
  readonly lab = new Lab();
  speaker!: Speaker;
  readonly of: Record<Role, [Probe, Probe]>;

  constructor() {
    const probe = (address: string, localAs = 64512): Probe => this.lab.probe(R, address, { localAs });
    this.of = {
      client: [probe('10.0.0.11'), probe('10.0.0.12')],
      nonClient: [probe('10.0.0.21'), probe('10.0.0.22')],
      ebgp: [probe('10.0.0.31', 65031), probe('10.0.0.32', 65032)],
    };
  }

  async up(clientToClientReflection: boolean): Promise<this> {
    const neighbor = (role: Role, { address, peer }: Probe) => ({
      address,
      peerAs: peer.options.localAs,
      passive: true,
      routeReflectorClient: role === 'client',
    });
    this.speaker = await this.lab.speaker({
      routerId: R,
      clientToClientReflection,
      neighbors: ROLES.flatMap((role) => this.of[role].map((probe) => neighbor(role, probe))),
    });
    await this.lab.up(...ROLES.flatMap((role) => this.of[role]));
    return this;
  }
}

describe('who is told what (RFC 4456 section 6; docs/reflection.md)', () => {
  type Source = 'local' | Role;
  const sources: readonly Source[] = ['local', 'ebgp', 'client', 'nonClient'];

  for (const clientToClient of [true, false]) {
    const table: Record<Source, Record<Role, boolean>> = {
      local: { client: true, nonClient: true, ebgp: true },
      ebgp: { client: true, nonClient: true, ebgp: true },
      client: { client: clientToClient, nonClient: true, ebgp: true },
      nonClient: { client: true, nonClient: false, ebgp: true },
    };
    describe(`client-to-client reflection ${clientToClient ? 'on' : 'off'}`, () => {
      for (const source of sources) {
        describe(`a route from ${source}`, () => {
          let site: Site;
          before(async () => {
            site = await new Site().up(clientToClient);
            if (source === 'local') {
              site.speaker.announce(V4);
              site.speaker.announce(V6);
            } else site.of[source][0].announce(V4).announce(V6);
            await site.lab.settle();
          });

          for (const target of ROLES) {
            const told = table[source][target];
            it(`is ${told ? '' : 'not '}told to ${target}`, () => {
              expect(site.of[target][1].prefixes).to.deep.equal(told ? [V4, V6] : []);
            });
          }
          it('does not come back to where it came from', () => {
            if (source !== 'local') expect(site.of[source][0].view.log).to.deep.equal([]);
          });
          it('is withdrawn from all again', async () => {
            if (source === 'local') {
              site.speaker.withdraw(V4);
              site.speaker.withdraw(V6);
            } else site.of[source][0].withdraw(V4).withdraw(V6);
            await site.lab.settle();
            for (const role of ROLES) {
              for (const probe of site.of[role]) {
                expect(probe.prefixes).to.deep.equal([]);
                expect(probe.view.needless).to.deep.equal([]);
              }
            }
          });
        });
      }
    });
  }
});
