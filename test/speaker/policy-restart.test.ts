import { expect } from 'chai';
import { parseCommunity } from '../../lib/bgp/wire/communities.js';
import type { PeerSettings, SpeakerConfig } from '../../lib/speaker/options.js';
import { Lab } from '../support/lab.js';
import { octets, valueOf } from '../support/wire.js';

const HUB = '10.0.0.254';
const A = '10.0.0.1';
const B = '10.0.0.2';
const V4 = { afi: 1, safi: 1 };
const endOfRib = () => octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000');
const community = (text: string): number => parseCommunity(text);

const prefixSets = { wanted: [{ prefix: '10.1.0.0/16', le: 24 }] };
const policies: NonNullable<SpeakerConfig['policies']> = {
  byPrefix: [
    { conditions: { prefixSets: ['wanted'] }, actions: { result: 'accept', communities: { add: ['64512:1'] } } },
  ],
  other: [{ conditions: { not: { prefixSets: ['wanted'] } }, actions: { result: 'accept', localPref: 50 } }],
};

/** A reflector with a policy at the client that restarts; the other one watches. */
async function scene(settings: PeerSettings) {
  const lab = new Lab();
  const config = (more: PeerSettings): SpeakerConfig => ({
    asn: 64512,
    routerId: HUB,
    listen: [{ address: HUB, port: 179 }],
    policies,
    prefixSets,
    neighbors: [
      { address: A, peerAs: 64512, routeReflectorClient: true, ...more },
      { address: B, peerAs: 64512, routeReflectorClient: true },
    ],
  });
  const speaker = await lab.speaker({ ...config(settings), routerId: HUB });
  const tuples = [{ ...V4, forwarding: true }];
  const longLived = [{ ...V4, forwarding: true, staleTime: 100 }];
  const offer = { restartState: false, notification: false, restartTime: 20, tuples, longLived };
  const probe = lab.probe(HUB, A, { gracefulRestart: offer });
  const watcher = lab.probe(HUB, B, { gracefulRestart: { ...offer, tuples: [], longLived: [] } });
  await lab.up(probe, watcher);
  probe.announce('10.1.1.0/24', '10.2.0.0/16').send(endOfRib());
  await lab.settle();
  watcher.view.log.length = 0;
  const cut = async (): Promise<void> => {
    void probe.peer.leave();
    await lab.settle();
  };
  const back = async (): Promise<void> => {
    probe.peer.setGracefulRestart({ ...offer, restartState: true });
    await lab.up(probe);
  };
  const reload = async (more: PeerSettings) => {
    const result = await speaker.reconfigure(config(more));
    await lab.settle();
    return result;
  };
  const sets = (): number => speaker.summary().attributeSets;
  return { lab, speaker, probe, watcher, cut, back, reload, sets };
}

describe('policies and graceful restart', () => {
  it('routes told again after a restart are the same ones, also under a policy that looks at prefixes', async () => {
    const { lab, speaker, probe, watcher, cut, back } = await scene({ importPolicy: ['byPrefix'] });
    expect(watcher.prefixes).to.deep.equal(['10.1.1.0/24']);
    await cut();
    await back();
    probe.announce('10.1.1.0/24', '10.2.0.0/16').send(endOfRib());
    await lab.settle();
    expect(watcher.view.log).to.deep.equal([]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.deep.equal({ received: 2, advertised: 0, filtered: 1 });
  });

  it('a policy that changes while the neighbor is away holds for the routes that are kept', async () => {
    const { watcher, cut, back, reload, probe, lab } = await scene({ importPolicy: ['byPrefix'] });
    await cut();
    expect(await reload({ importPolicy: ['other'] })).to.deep.include({ changed: [A], reset: [] });
    expect(watcher.prefixes).to.deep.equal(['10.2.0.0/16']);
    expect(valueOf(watcher.view.routes.get('10.2.0.0/16')!, 5)).to.equal(50);
    await back();
    watcher.view.log.length = 0;
    probe.announce('10.1.1.0/24', '10.2.0.0/16').send(endOfRib());
    await lab.settle();
    expect(watcher.view.log).to.deep.equal([]);
  });

  it('LLGR_STALE comes to what a policy made, and to what was received', async () => {
    const { lab, speaker, watcher, cut, reload, sets, probe, back } = await scene({ importPolicy: ['byPrefix'] });
    await cut();
    await lab.clock.runAsync(21_000);
    expect(valueOf(watcher.view.routes.get('10.1.1.0/24')!, 8)).to.deep.equal(['64512:1', 'llgr-stale'].map(community));
    const kept = [...speaker.routes('ipv4-unicast', { receivedFrom: A })];
    expect(kept.map(({ prefix, communities, filtered }) => [prefix, communities, filtered])).to.deep.equal([
      ['10.1.1.0/24', ['llgr-stale'], undefined],
      ['10.2.0.0/16', ['llgr-stale'], 'no statement of byPrefix'],
    ]);
    await reload({});
    expect(watcher.prefixes).to.deep.equal(['10.1.1.0/24', '10.2.0.0/16']);
    await reload({ importPolicy: ['byPrefix'] });
    expect(watcher.prefixes).to.deep.equal(['10.1.1.0/24']);
    await back();
    probe.announce('10.1.1.0/24').send(endOfRib());
    await lab.settle();
    expect(valueOf(watcher.view.routes.get('10.1.1.0/24')!, 8)).to.deep.equal([community('64512:1')]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.include({ received: 1, filtered: 0 });
    // All that was made on the way is freed: what is left is one received set, and what the policy made of it.
    probe.announce('10.1.1.0/24');
    await lab.settle();
    expect(sets()).to.equal(2);
  });
});

describe('policies and limits', () => {
  it('near a limit that drops, what is taken goes through the policy; the limit counts what was received', async () => {
    const { lab, speaker, probe, watcher } = await scene({
      importPolicy: ['byPrefix'],
      prefixLimit: { 'ipv4-unicast': { maxPrefixes: 3, action: 'drop' } },
    });
    probe.announce('10.3.0.0/16', '10.1.2.0/24', '10.1.1.0/24');
    await lab.settle();
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.include({ received: 3, filtered: 2 });
    expect(watcher.prefixes).to.deep.equal(['10.1.1.0/24']);
    probe.withdraw('10.3.0.0/16').announce('10.1.2.0/24');
    await lab.settle();
    expect(watcher.prefixes).to.deep.equal(['10.1.1.0/24', '10.1.2.0/24']);
    expect(valueOf(watcher.view.routes.get('10.1.2.0/24')!, 8)).to.deep.equal([community('64512:1')]);
  });
});
