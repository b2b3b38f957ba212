/**
 * Microbenchmarks of the hot path, without a network: Adj-RIB-In, decision process, update group. One line each.
 *
 *   npm run bench            (1,000,000 routes; `-- 200000` for another number)
 */
import { DEFAULT_CONTEXT } from '../lib/bgp/wire/context.js';
import { parseIpv4, Writer } from '../lib/net/index.js';
import { AdjRibIn } from '../lib/rib/adj-rib-in.js';
import { BitSet, IdStack } from '../lib/rib/columns.js';
import { Rib } from '../lib/rib/rib.js';
import { UNEDITED, type ExportProfile } from '../lib/rr/export-profile.js';
import { UpdateGroup } from '../lib/rr/update-group.js';

const ROUTES = Number(process.argv[2] ?? 1_000_000);
const PER_UPDATE = 5;
const DECIDE_BATCH = 8192;

/** A small generator, so that every run has the same input. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** UPDATE bodies with `PER_UPDATE` prefixes each, shaped like a full table. */
function makeUpdates(): Uint8Array[] {
  const random = seeded(1);
  const updates: Uint8Array[] = [];
  for (let n = 0; n < ROUTES; n += PER_UPDATE) {
    const w = new Writer(160);
    w.u16(0);
    const lengthAt = w.reserve(2);
    const hops = 2 + Math.floor(random() * 5);
    w.octets(Uint8Array.of(0x40, 1, 1, 0, 0x40, 2, 2 + hops * 4, 2, hops));
    for (let i = 0; i < hops; i++) w.u32(1000 + Math.floor(random() * 400_000));
    w.octets(Uint8Array.of(0x40, 3, 4, 10, 0, 0, 2, 0x40, 5, 4, 0, 0, 0, 100, 0xc0, 8, 4));
    w.u32(n);
    w.patch16(lengthAt, w.length - lengthAt - 2);
    const base = Math.floor(random() * 0xdf0000);
    for (let i = 0; i < PER_UPDATE; i++) {
      w.u8(24);
      w.u24(base + i);
    }
    updates.push(w.finish());
  }
  return updates;
}

function measure(name: string, count: number, run: () => void): void {
  const start = performance.now();
  run();
  const ms = performance.now() - start;
  const rate = count / ms / 1000;
  console.log(`${name.padEnd(44)} ${ms.toFixed(0).padStart(6)} ms  ${rate.toFixed(2).padStart(6)} M/s`);
}

const updates = makeUpdates();
const identity = { asn: 64512, routerId: parseIpv4('10.0.0.1'), isOwnClusterId: () => false };
const rib = new Rib({ identity });
const family = rib.of('ipv4-unicast');
const handler = { onEndOfRib: () => undefined, onDiagnostic: () => undefined };

function session(host: string): { source: number; adjRibIn: AdjRibIn } {
  const routerId = parseIpv4(host);
  const address = Uint8Array.from(host.split('.'), Number);
  const source = rib.peers.add({ type: 'ibgp', routerId, address, client: true, clusterId: identity.routerId });
  const adjRibIn = new AdjRibIn(rib, source, { ...DEFAULT_CONTEXT, peerType: 'ibgp' }, ['ipv4-unicast'], handler);
  return { source, adjRibIn };
}

const profile: ExportProfile = {
  target: 'client',
  ...UNEDITED,
  asn4: true,
  maxMessageLength: 4096,
  clusterId: identity.routerId,
  clientToClient: true,
  nextHopSelf: false,
  extendedNextHop: false,
  selfNextHop: Uint8Array.of(10, 0, 0, 1),
};
const group = new UpdateGroup(family, profile);
let octets = 0;
const receiver = rib.peers.add({
  type: 'ibgp',
  routerId: 9,
  address: Uint8Array.of(10, 0, 0, 9),
  client: true,
  clusterId: identity.routerId,
});
const member = group.join(receiver, {
  send: (bytes) => {
    octets += bytes.length;
    return true;
  },
  queuedBytes: () => 0,
  onCaughtUp: () => undefined,
  onBehind: () => undefined,
});
member.catchUp(() => undefined);

const first = session('10.0.0.2');
const second = session('10.0.0.3');
const apply = ({ adjRibIn }: { adjRibIn: AdjRibIn }): void => {
  for (const update of updates) adjRibIn.apply(update, 0, update.length);
};
const changed = new IdStack();
const emptied = new IdStack();
const decide = (): void => {
  while (family.hasWork) {
    changed.length = emptied.length = 0;
    family.decide(DECIDE_BATCH, changed, emptied);
    group.process(changed);
  }
};

console.log(`${ROUTES} routes, ${PER_UPDATE} per UPDATE, ${updates.length} attribute sets\n`);
measure('Adj-RIB-In, new prefixes and new attributes', ROUTES, () => apply(first));
measure('decide and encode, one path each', ROUTES, decide);
console.log(`${''.padEnd(44)} ${(octets / 1e6).toFixed(1)} MB of UPDATEs`);
measure('Adj-RIB-In, the same once more', ROUTES, () => apply(first));
measure('Adj-RIB-In, a second path each', ROUTES, () => apply(second));
measure('decide among two paths, nothing changes', ROUTES, decide);
measure('a late joiner: encode the whole table', ROUTES, () => {
  member.refresh();
  while (!member.attached) member.catchUp(() => undefined);
});
measure('withdraw the best path of each', ROUTES, () => {
  const ended = new BitSet();
  ended.add(first.source);
  for (let cursor = 0; cursor >= 0;) cursor = family.dropSources(ended, cursor, ROUTES);
});
measure('decide and encode the second best', ROUTES, decide);
const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
const mb = (value: number): string => (value / 1e6).toFixed(0);
console.log(`\nmemory: ${mb(rss)} MB resident, ${mb(heapUsed)} MB heap, ${mb(arrayBuffers)} MB in typed arrays`);
