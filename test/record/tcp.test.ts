import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { RecordFile, recordSpeaker, replay } from '../../lib/record/index.js';
import { Speaker } from '../../lib/speaker/speaker.js';
import { until } from '../io/until.js';
import { ribOf } from './rig.js';

const ROUTES = 3000;

/** In real time, over real sockets, in the real event loop, with more to read than fits a turn. */
describe('Record and replay over TCP', () => {
  let folder: string;

  before(() => (folder = mkdtempSync(join(tmpdir(), 'tsbgp-record-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('gives the same RIB', async function () {
    this.timeout(60_000);
    const path = join(folder, 'rr.rec');
    const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
    const reflector = recordSpeaker(
      {
        asn: 64512,
        routerId: '127.0.0.1',
        listen: [{ address: '127.0.0.1', port: 0 }],
        neighbors: addresses.map((address) => ({ address, peerAs: 64512, passive: true, routeReflectorClient: true })),
      },
      {},
      { sink: new RecordFile(path) },
    );
    await reflector.start();
    const { port } = reflector.listening[0]!;
    const client = (address: string, index: number): Speaker =>
      new Speaker({
        asn: 64512,
        routerId: address,
        neighbors: [{ address: '127.0.0.1', port, localAddress: address, peerAs: 64512, connectRetry: 1 }],
        networks: Array.from({ length: ROUTES }, (_, i) => `10.${index * 16 + (i >> 8)}.${i & 255}.0/24`),
      });
    const clients: Speaker[] = [];
    try {
      clients.push(...addresses.map(client));
      await Promise.all(clients.map((each) => each.start()));
      const count = (speaker: Speaker): number => speaker.rib.of('ipv4-unicast').bestCount;
      await until(() => clients.every((each) => count(each) === 3 * ROUTES));
      // Changes from all sides at once, and a session that ends in the middle.
      for (let i = 0; i < 300; i++) {
        for (const [index, each] of clients.entries()) {
          each.announce(`10.200.${i % 50}.0/24`, { med: i, localPref: 100 + ((i + index) % 3) });
        }
        if (i === 150) reflector.resetNeighbor('127.0.0.3');
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => clients.every((each) => count(each) === 3 * ROUTES + 50));
      // All has arrived, and nothing did for a while.
      const received = (): number => reflector.neighbors().reduce((sum, each) => sum + each.received.update, 0);
      for (let before = -1; before !== received() || reflector.rib.of('ipv4-unicast').paths.count < 3 * ROUTES + 50;) {
        before = received();
        await delay(200);
      }
      const live = ribOf(reflector);
      const at = Date.now();
      await delay(50);
      await reflector.stop();
      const result = await replay(path);
      expect(result.difference).to.equal(undefined);
      expect(result).to.include({ end: 'closed' });
      expect(result.checkpoints).to.be.greaterThan(0);
      // At the end there are no sessions any more; just before, there was all.
      const { speaker: then } = await replay(path, { untilTime: at + 10 });
      expect(ribOf(then)).to.deep.equal(live);
    } finally {
      await Promise.all([reflector, ...clients].map((each) => each.stop()));
    }
  });
});
