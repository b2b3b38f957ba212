/**
 * Speakers in a test: a network in memory and a clock that you move. No socket is opened, no second passes, and every run
 * is the same. The code under test is the code that runs in production.
 *
 *   npx mocha examples/embed-in-a-test.ts               (`describe` and `it` are mocha's)
 */
import assert from 'node:assert/strict';
import { Speaker } from '../lib/index.js';
import { MemoryNetwork, seededRandom, VirtualClock } from '../lib/sim/index.js';

describe('a reflector and two clients', () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, latencyMs: 5 });

  /** A speaker on a virtual host. */
  function speakerAt(
    address: string,
    config: { neighbors: string[]; reflector?: boolean; networks?: string[] },
  ): Speaker {
    return new Speaker(
      {
        asn: 64512,
        routerId: address,
        listen: [{ address, port: 179 }],
        neighbors: config.neighbors.map((neighbor) => ({
          address: neighbor,
          peerAs: 64512,
          routeReflectorClient: config.reflector ?? false,
        })),
        networks: config.networks ?? [],
      },
      { transport: network.host(address), clock, random: seededRandom(1) },
    );
  }

  const reflector = speakerAt('10.0.0.1', { neighbors: ['10.0.0.2', '10.0.0.3'], reflector: true });
  const a = speakerAt('10.0.0.2', { neighbors: ['10.0.0.1'], networks: ['10.244.2.0/26'] });
  const b = speakerAt('10.0.0.3', { neighbors: ['10.0.0.1'] });
  const bestAt = (speaker: Speaker, prefix: string) => speaker.explain(prefix).best;

  it('reflects a route from one to the other', async () => {
    for (const speaker of [reflector, a, b]) await speaker.start();
    await clock.runUntilAsync(() => bestAt(b, '10.244.2.0/26') !== null, 10_000);
    const best = bestAt(b, '10.244.2.0/26')!;
    assert.equal(best.nextHop, '10.0.0.2');
    assert.equal(best.originatorId, '10.0.0.2');
    assert.deepEqual(best.clusterList, ['10.0.0.1']);
  });

  it('keeps the session over an hour of silence', async () => {
    await clock.runAsync(3_600_000);
    assert.equal(reflector.neighbor('10.0.0.2').state, 'Established');
    assert.equal(reflector.neighbor('10.0.0.2').established, 1);
  });

  it('takes the route back when the hold time of a dead host is over, and not before', async () => {
    network.cut('10.0.0.1', '10.0.0.2');
    await clock.runAsync(59_000); // the last KEEPALIVE came at most 30 s ago: the hold time of 90 s still runs
    assert.notEqual(bestAt(b, '10.244.2.0/26'), null);
    await clock.runUntilAsync(() => bestAt(b, '10.244.2.0/26') === null, 32_000);
    assert.match(reflector.neighbor('10.0.0.2').lastError!.text, /^Hold Timer Expired/);
  });

  it('has it again when the host is back', async () => {
    network.restore('10.0.0.1', '10.0.0.2');
    await clock.runUntilAsync(() => bestAt(b, '10.244.2.0/26') !== null, 300_000);
  });

  after(async () => {
    const stopping = Promise.all([reflector, a, b].map((speaker) => speaker.stop()));
    await clock.runAsync(10_000);
    await stopping;
    assert.equal(clock.pending, 0);
  });
});
