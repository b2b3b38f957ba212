import { expect } from 'chai';
import fc from 'fast-check';
import { AttributeFacts, scanAttributes } from '../../lib/bgp/wire/attribute-scan.js';
import { DEFAULT_CONTEXT, encodeAttributes, type EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { parseAddress, parseIpv4, Writer } from '../../lib/net/index.js';
import { ATTR, AttributeStore } from '../../lib/rib/attribute-store.js';
import { NextHopTable } from '../../lib/rib/next-hop-table.js';
import { toHex } from '../support/wire.js';

const reachable = { reachable: 'yes', metric: 0 } as const;

function makeStore(): { store: AttributeStore; nextHops: NextHopTable } {
  const nextHops = new NextHopTable(() => reachable);
  const store = new AttributeStore(nextHops, {
    asn: 64512,
    routerId: parseIpv4('192.0.2.254'),
    isOwnClusterId: (id) => id === parseIpv4('192.0.2.253'),
  });
  return { store, nextHops };
}

function canonical(attributes: readonly EncodableAttribute[], nextHop: Uint8Array = new Uint8Array(0)): Uint8Array {
  const writer = new Writer();
  writer.octets(nextHop);
  encodeAttributes(attributes, DEFAULT_CONTEXT, writer);
  return writer.finish();
}

const BASE: readonly EncodableAttribute[] = [
  { code: 1, value: 'IGP' },
  { code: 2, value: [] },
  { code: 3, value: '10.0.0.9' },
];
const base = (...more: EncodableAttribute[]): EncodableAttribute[] => {
  const codes = new Set(more.map(({ code }) => code));
  return [...BASE.filter(({ code }) => !codes.has(code)), ...more].sort((a, b) => a.code - b.code);
};

/** Find or add, in a buffer of its own that is overwritten afterwards. */
function intern(store: AttributeStore, octets: Uint8Array, nextHopLength = 0): number {
  const buffer = new Uint8Array(octets.length + 10);
  buffer.set(octets, 5);
  let id = store.find(buffer, 5, 5 + octets.length, nextHopLength);
  if (id < 0) {
    const facts = new AttributeFacts();
    const ok = scanAttributes(buffer, 5 + nextHopLength, 5 + octets.length, 'trusted', nextHopLength > 0, facts);
    expect(ok).to.equal(true);
    id = store.add(buffer, 5, 5 + octets.length, nextHopLength, facts);
  }
  buffer.fill(0xdb);
  return id;
}

const octetsOf = (store: AttributeStore, id: number): string => {
  const at = store.offsetOf(id);
  return toHex(store.chunkOf(id).subarray(at, at + store.lengthOf(id)));
};

describe('AttributeStore', () => {
  it('against a map: one id for equal octets, as long as somebody uses them', () => {
    const step = fc.record({
      op: fc.constantFrom('use', 'use', 'use', 'release', 'release', 'sweep', 'compact', 'look'),
      set: fc.nat({ max: 30 }),
    });
    // Sets of very different sizes.
    const octets = (set: number): Uint8Array =>
      canonical(base({ code: 8, value: Array.from({ length: 1 + set * (set % 5) }, (_, i) => set * 1000 + i) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const { store } = makeStore();
        const uses = new Map<number, { id: number; count: number }>();
        for (const { op, set } of steps) {
          const known = uses.get(set);
          if (op === 'use') {
            const id = intern(store, octets(set));
            store.retain(id);
            if (known) expect(id).to.equal(known.id);
            uses.set(set, { id, count: (known?.count ?? 0) + 1 });
          } else if (op === 'release' && known) {
            store.release(known.id);
            if (--known.count === 0) uses.delete(set);
          } else if (op === 'sweep') store.sweep();
          else if (op === 'compact') store.compact(10);
          for (const [one, { id }] of uses) expect(octetsOf(store, id)).to.equal(toHex(octets(one)));
        }
        expect(new Set([...uses.values()].map(({ id }) => id)).size).to.equal(uses.size);
        for (let i = 0; i < 3; i++) store.sweep();
        expect(store.count, 'what nobody uses goes').to.equal(uses.size);
        for (const [one, { id }] of uses) expect(intern(store, octets(one))).to.equal(id);
      }),
      { numRuns: 80 },
    );
  });

  it('keeps what was dropped until the second sweep, and what was never used too', () => {
    const { store } = makeStore();
    intern(store, canonical(base({ code: 4, value: 1 })));
    const dropped = intern(store, canonical(base({ code: 4, value: 2 })));
    store.retain(dropped);
    store.sweep();
    store.release(dropped);
    store.sweep();
    expect(store.find(canonical(base({ code: 4, value: 1 })), 0, 21, 0)).to.equal(-1);
    expect(intern(store, canonical(base({ code: 4, value: 2 })))).to.equal(dropped);
    store.sweep();
    store.sweep();
    expect(store.count).to.equal(0);
  });

  it('ids are used again', () => {
    const { store } = makeStore();
    for (let round = 0; round < 100; round++) {
      const id = intern(store, canonical(base({ code: 4, value: round })));
      store.retain(id);
      store.release(id);
      store.sweep();
      store.sweep();
      expect(id).to.be.lessThan(4);
    }
    expect(store.limit).to.be.lessThan(5);
  });

  it('next hops are counted: the last set takes its next hop along', () => {
    const { store, nextHops } = makeStore();
    const v6 = (last: number): Uint8Array => parseAddress(`2001:db8::${last}`);
    const set: EncodableAttribute[] = [
      { code: 1, value: 'IGP' },
      { code: 2, value: [] },
    ];
    const one = intern(store, canonical(set, v6(1)), 16);
    const other = intern(store, canonical([...set, { code: 4, value: 1 }], v6(1)), 16);
    const two = intern(store, canonical(set, v6(2)), 16);
    for (const id of [one, other, two]) store.retain(id);
    expect(store.nextHop[one]).to.equal(store.nextHop[other]);
    expect(nextHops.textOf(store.nextHop[two]!)).to.equal('2001:db8::2');
    expect(store.nextHopLengthOf(one)).to.equal(16);
    expect(toHex(store.attributesOf(one))).to.equal(toHex(canonical(set)));
    store.release(two);
    store.release(one);
    for (let i = 0; i < 3; i++) store.sweep();
    // The freed number is given to the next new one.
    const three = intern(store, canonical(set, v6(3)), 16);
    expect(nextHops.textOf(store.nextHop[three]!)).to.equal('2001:db8::3');
    expect(nextHops.textOf(store.nextHop[other]!)).to.equal('2001:db8::1');
    expect([store.nextHop[other], store.nextHop[three]].toSorted()).to.deep.equal([0, 1]);
  });

  it('the same attributes with the next hop inside or in front are two sets', () => {
    const { store } = makeStore();
    const set: EncodableAttribute[] = [
      { code: 1, value: 'IGP' },
      { code: 2, value: [] },
    ];
    const short = canonical(set, parseAddress('2001:db8::1'));
    const long = canonical(set, Uint8Array.from([...parseAddress('2001:db8::1'), ...parseAddress('fe80::1')]));
    expect(intern(store, short, 16)).to.not.equal(intern(store, long, 32));
  });

  it('compaction moves sets about, and nothing is seen of it', function () {
    this.timeout(60_000);
    const { store } = makeStore();
    const count = 40_000;
    const octets = (i: number): Uint8Array =>
      canonical(base({ code: 8, value: Array.from({ length: 30 }, (_, k) => i + k) }));
    const ids: number[] = [];
    for (let i = 0; i < count; i++) {
      ids[i] = intern(store, octets(i));
      store.retain(ids[i]!);
    }
    expect(store.compact(1000), 'dense: nothing to do').to.equal(false);
    for (let i = 0; i < count; i++) if (i % 10 !== 3) store.release(ids[i]!);
    for (let i = 0; i < 3; i++) store.sweep();
    const before = new Set(ids.filter((_, i) => i % 10 === 3).map((id) => store.chunkOf(id)));
    let slices = 0;
    while (store.compact(1000)) slices++;
    expect(slices).to.be.greaterThan(10);
    const after = new Set(ids.filter((_, i) => i % 10 === 3).map((id) => store.chunkOf(id)));
    expect(after.size).to.be.lessThan(before.size / 3);
    for (let i = 3; i < count; i += 10) {
      expect(octetsOf(store, ids[i]!)).to.equal(toHex(octets(i)));
      expect(intern(store, octets(i))).to.equal(ids[i]);
    }
    expect(store.count).to.equal(count / 10);
  });

  describe('facts', () => {
    const facts = (...more: EncodableAttribute[]) => {
      const { store } = makeStore();
      const id = intern(store, canonical(base(...more)));
      const { localPref, asPathLength, origin, med, neighborAs, originatorId, clusterListLength } = store;
      const columns = { localPref, asPathLength, origin, med, neighborAs, originatorId, clusterListLength };
      const values = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column[id]!]));
      const flags = Object.entries(ATTR).filter(([, bit]) => (bit & (bit - 1)) === 0 && (store.flags[id]! & bit) !== 0);
      return { ...values, flags: flags.map(([name]) => name) };
    };
    const plain = {
      localPref: 100,
      asPathLength: 0,
      origin: 0,
      med: 0,
      neighborAs: 0,
      originatorId: 0,
      clusterListLength: 0,
      flags: [] as string[],
    };

    it('of a plain set', () => expect(facts()).to.deep.equal(plain));
    it('of ORIGIN, AS_PATH, MULTI_EXIT_DISC and LOCAL_PREF', () => {
      const set = facts(
        { code: 1, value: 'INCOMPLETE' },
        { code: 2, value: [{ type: 'AS_SEQUENCE', asns: [4200000000, 65001] }] },
        { code: 4, value: 4294967295 },
        { code: 5, value: 4000000000 },
      );
      expect(set).to.deep.equal({
        ...plain,
        origin: 2,
        asPathLength: 2,
        neighborAs: 4200000000,
        med: 4294967295,
        localPref: 4000000000,
        flags: ['hasLocalPref', 'hasMed'],
      });
    });
    it('of ORIGINATOR_ID and CLUSTER_LIST', () => {
      const set = facts({ code: 9, value: '255.0.0.1' }, { code: 10, value: ['1.1.1.1', '2.2.2.2'] });
      expect(set).to.deep.equal({
        ...plain,
        originatorId: 0xff000001,
        clusterListLength: 2,
        flags: ['hasOriginatorId'],
      });
    });
    it('of a CLUSTER_LIST of more than 255 entries', () => {
      const list = Array.from({ length: 300 }, (_, i) => `3.3.${i >> 8}.${i & 255}`);
      expect(facts({ code: 10, value: list })).to.deep.equal({ ...plain, clusterListLength: 255 });
    });
    for (const [what, flag, attribute] of [
      ['our AS', 'asLoop', { code: 2, value: [{ type: 'AS_SET', asns: [64512] }] }],
      ['our router ID', 'originatorLoop', { code: 9, value: '192.0.2.254' }],
      ['our cluster ID', 'clusterLoop', { code: 10, value: ['1.1.1.1', '192.0.2.253'] }],
      ['NO_EXPORT', 'noExport', { code: 8, value: [1, 0xffffff01] }],
      ['NO_ADVERTISE', 'noAdvertise', { code: 8, value: [0xffffff02, 1] }],
      ['NO_EXPORT_SUBCONFED', 'noExportSubconfed', { code: 8, value: [0xffffff03] }],
    ] as const) {
      it(`of ${what}`, () => expect(facts(attribute).flags).to.include(flag));
    }
  });
});

describe('NextHopTable', () => {
  it('asks once for each, and again on refresh', () => {
    const answers = new Map<string, number>();
    const asked: string[] = [];
    const table = new NextHopTable((octets) => {
      asked.push(octets.join('.'));
      const metric = answers.get(octets.join('.'));
      return metric === undefined ? { reachable: 'no', metric: 0 } : { reachable: 'yes', metric };
    });
    const bytes = Uint8Array.of(9, 10, 0, 0, 1, 10, 0, 0, 2);
    const one = table.intern(bytes, 1, 4);
    const two = table.intern(bytes, 5, 4);
    expect(table.intern(bytes, 1, 4)).to.equal(one);
    expect(asked).to.deep.equal(['10.0.0.1', '10.0.0.2']);
    expect([table.isUsable(one, false), table.textOf(two)]).to.deep.equal([false, '10.0.0.2']);
    expect(table.refresh().size).to.equal(0);
    answers.set('10.0.0.1', 5);
    expect([...table.refresh()]).to.deep.equal([one]);
    expect([table.isUsable(one, false), table.metric[one]]).to.deep.equal([true, 5]);
    answers.set('10.0.0.1', 6);
    expect([...table.refresh()]).to.deep.equal([one]);
    table.release(one);
    table.release(one);
    asked.length = 0;
    table.refresh();
    expect(asked).to.deep.equal(['10.0.0.2']);
  });

  it('our own address is right for routes originated here, and for no others', () => {
    const table = new NextHopTable(() => ({ reachable: 'own', metric: 0 }));
    const id = table.intern(Uint8Array.of(10, 0, 0, 1), 0, 4);
    expect([table.isUsable(id, true), table.isUsable(id, false)]).to.deep.equal([true, false]);
  });

  it('shows a link-local address beside the global one', () => {
    const table = new NextHopTable(() => reachable);
    const both = Uint8Array.from([...parseAddress('2001:db8::1'), ...parseAddress('fe80::1')]);
    const id = table.intern(both, 0, 32);
    expect([table.textOf(id), table.linkLocalTextOf(id)]).to.deep.equal(['2001:db8::1', 'fe80::1']);
    const global = table.intern(both, 0, 16);
    expect(global).to.not.equal(id);
    expect(table.linkLocalTextOf(global)).to.equal(undefined);
  });
});
