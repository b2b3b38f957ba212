import { expect } from 'chai';
import fc from 'fast-check';
import { AsPathExport } from '../../lib/rr/as-path-export.js';
import { profileKey, UNEDITED, type ExportProfile } from '../../lib/rr/export-profile.js';
import type { Source } from '../../lib/rib/peer-table.js';
import { octets, toHex } from '../support/wire.js';

const SOURCE: Source = { type: 'ebgp', routerId: 1, address: Uint8Array.of(10, 0, 0, 2), client: false, clusterId: 0 };

function profile(more: Partial<ExportProfile>): ExportProfile {
  return {
    target: 'ebgp',
    ...UNEDITED,
    asn4: true,
    maxMessageLength: 4096,
    clusterId: 0,
    clientToClient: true,
    nextHopSelf: false,
    extendedNextHop: false,
    selfNextHop: Uint8Array.of(10, 0, 0, 1),
    ...more,
  };
}

/** `2:1,2 4:3` as path segments by type (RFC 4271 section 4.3, RFC 5065 section 3). */
function segments(text: string): Uint8Array {
  const u32 = (asn: string) => Number(asn).toString(16).padStart(8, '0');
  const parts = text.split(' ').filter((part) => part !== '');
  return octets(
    parts
      .map((part) => {
        const [type, list] = part.split(':') as [string, string];
        const asns = list.split(',');
        return `0${type}${asns.length.toString(16).padStart(2, '0')}${asns.map(u32).join('')}`;
      })
      .join(''),
  );
}

function edited(more: Partial<ExportProfile>, path: string, source = SOURCE): string {
  const editor = new AsPathExport(profile(more));
  // In the middle of other octets, and after a longer path, of which nothing may be left.
  editor.edit(segments('2:9,9,9,9,9,9,9,9,9,9'), 0, 42, source);
  const bytes = Buffer.concat([octets('db'), segments(path), octets('db')]);
  editor.edit(bytes, 1, bytes.length - 1, source);
  return toHex(editor.octets.subarray(editor.start, editor.end));
}

describe('AS_PATH on its way out', () => {
  const PEER = 65001;
  type Case = readonly [what: string, profile: Partial<ExportProfile>, path: string, expected: string];
  const own = { prepend: [64512] };
  const cases: readonly Case[] = [
    ['own AS in front of a sequence (RFC 4271 5.1.2 b)', own, '2:1,2', '2:64512,1,2'],
    ['own AS in front of a set', own, '1:1,2', '2:64512 1:1,2'],
    ['own AS in front of nothing', own, '', '2:64512'],
    ['localAs before our own', { prepend: [65010, 64512] }, '2:1', '2:65010,64512,1'],
    ['localAs before our own, in front of a set', { prepend: [65010, 64512] }, '1:1', '2:65010,64512 1:1'],
    ['iBGP: nothing', { target: 'client' }, '3:5 2:1', '3:5 2:1'],

    ['confederation segments stay inside (RFC 5065 4.1 c)', own, '3:5,6 4:7 2:1', '2:64512,1'],
    ['… also behind others', own, '2:1 3:5', '2:64512,1'],
    ['… also alone', own, '3:5', '2:64512'],
    [
      'Member-AS joins an AS_CONFED_SEQUENCE (RFC 5065 4.1 b 1)',
      { target: 'confed', ...own },
      '3:5 2:1',
      '3:64512,5 2:1',
    ],
    ['Member-AS before an AS_SEQUENCE (RFC 5065 4.1 b 2)', { target: 'confed', ...own }, '2:1', '3:64512 2:1'],
    ['Member-AS before an AS_CONFED_SET', { target: 'confed', ...own }, '4:5', '3:64512 4:5'],
    ['Member-AS alone', { target: 'confed', ...own }, '', '3:64512'],

    ['plain: all private', { ...own, removePrivateAs: 'plain' }, '2:64600,4200000000', '2:64512'],
    ['plain: one is not', { ...own, removePrivateAs: 'plain' }, '2:64600,1', '2:64512,64600,1'],
    ['plain: confederation segments do not count', { ...own, removePrivateAs: 'plain' }, '3:5 2:64600', '2:64512'],
    ['removeAll', { ...own, removePrivateAs: 'removeAll' }, '2:64600,1,65534 1:64601,2', '2:64512,1 1:2'],
    ['removeAll: a segment is emptied', { ...own, removePrivateAs: 'removeAll' }, '1:64600 2:1', '2:64512,1'],
    [
      'removeAll: the bounds of RFC 6996',
      { ...own, removePrivateAs: 'removeAll' },
      '2:64511,64512,65534,65535,4199999999,4200000000,4294967294,4294967295',
      '2:64512,64511,65535,4199999999,4294967295',
    ],
    ['replaceAll', { ...own, removePrivateAs: 'replaceAll' }, '2:64600,1,64601', '2:64512,64512,1,64512'],
    [
      'replaceAll by localAs, by which the neighbor knows us',
      { prepend: [10, 20], removePrivateAs: 'replaceAll' },
      '2:64600',
      '2:10,20,10',
    ],
    [
      "the neighbor's own AS stays, so that it finds its loops",
      { ...own, removePrivateAs: 'removeAll', peerAs: PEER },
      `2:64600,${PEER}`,
      `2:64512,${PEER}`,
    ],

    ['asOverride', { ...own, asOverride: true, peerAs: PEER }, `2:1,${PEER},${PEER}`, '2:64512,1,64512,64512'],
    ['asOverride in a set', { ...own, asOverride: true, peerAs: PEER }, `2:1 1:${PEER},3`, '2:64512,1 1:64512,3'],
    [
      'asOverride after removePrivateAs',
      { ...own, asOverride: true, removePrivateAs: 'removeAll', peerAs: PEER },
      `2:${PEER},64600,1`,
      '2:64512,64512,1',
    ],
  ];
  for (const [what, more, path, expected] of cases) {
    it(what, () => expect(edited(more, path)).to.equal(toHex(segments(expected))));
  }

  it('a full segment is not joined, and one that two do not fit into', () => {
    const asns = (count: number) => new Array<number>(count).fill(7).join(',');
    expect(edited(own, `2:${asns(254)}`)).to.equal(toHex(segments(`2:64512,${asns(254)}`)));
    expect(edited(own, `2:${asns(255)}`)).to.equal(toHex(segments(`2:64512 2:${asns(255)}`)));
    const two = { prepend: [8, 9] };
    expect(edited(two, `2:${asns(253)}`)).to.equal(toHex(segments(`2:8,9,${asns(253)}`)));
    expect(edited(two, `2:${asns(254)}`)).to.equal(toHex(segments(`2:8,9 2:${asns(254)}`)));
  });

  it('from one route server client to another nothing changes (RFC 7947 2.2.2)', () => {
    const client = { ...own, routeServerClient: true };
    expect(edited(client, '2:1', { ...SOURCE, routeServerClient: true })).to.equal(toHex(segments('2:1')));
    expect(edited(client, '2:1')).to.equal(toHex(segments('2:64512,1')));
    expect(edited(own, '2:1', { ...SOURCE, routeServerClient: true })).to.equal(toHex(segments('2:64512,1')));
  });
});

/** The same, slowly: segments as arrays, a step after the other. */
function slowly(more: ExportProfile, path: readonly Segment[]): Segment[] {
  const { target, prepend, removePrivateAs, asOverride, peerAs } = more;
  const isPrivate = (asn: number) => (asn > 64511 && asn < 65535) || (asn >= 42e8 && asn < 4294967295);
  const [own] = prepend;
  if (own === undefined) return [...path];
  let left = path.filter(({ type }) => target === 'confed' || type < 3);
  const others = left.filter(({ type }) => type < 3).flatMap(({ asns }) => asns);
  if (removePrivateAs !== null && (removePrivateAs !== 'plain' || others.every(isPrivate))) {
    const gone = (asn: number) => isPrivate(asn) && asn !== peerAs;
    left = left.map(({ type, asns }) => ({
      type,
      asns: removePrivateAs === 'replaceAll' ? asns.map((a) => (gone(a) ? own : a)) : asns.filter((a) => !gone(a)),
    }));
  }
  if (asOverride) left = left.map(({ type, asns }) => ({ type, asns: asns.map((a) => (a === peerAs ? own : a)) }));
  left = left.filter(({ asns }) => asns.length > 0);
  const [first, ...rest] = left;
  const type = target === 'confed' ? 3 : 2;
  return first?.type === type && first.asns.length + prepend.length <= 255
    ? [{ type, asns: [...prepend, ...first.asns] }, ...rest]
    : [{ type, asns: [...prepend] }, ...left];
}

interface Segment {
  readonly type: number;
  readonly asns: readonly number[];
}

it('AS_PATH on its way out, against a slow twin', () => {
  const asn = fc.constantFrom(1, 2, 64511, 64512, 65001, 65534, 65535, 4199999999, 4200000000, 4294967294, 4294967295);
  const size = fc.oneof({ weight: 9, arbitrary: fc.constant(4) }, { weight: 1, arbitrary: fc.constant(255) });
  const segment = fc.record({
    type: fc.integer({ min: 1, max: 4 }),
    asns: size.chain((length) => fc.array(asn, { minLength: length === 255 ? 252 : 1, maxLength: length })),
  });
  const options = fc
    .record({
      prepend: fc.constantFrom([], [64512], [65010, 64512]),
      removePrivateAs: fc.constantFrom(null, 'plain', 'removeAll', 'replaceAll'),
      asOverride: fc.boolean(),
      peerAs: fc.constantFrom(2, 65001),
      external: fc.boolean(),
    })
    // Members of a confederation have none of these options.
    .map(({ external, ...all }) =>
      external ? profile({ target: 'ebgp', ...all }) : profile({ target: 'confed', prepend: all.prepend }),
    );
  fc.assert(
    fc.property(options, fc.array(segment, { maxLength: 4 }), (more, path) => {
      const text = (list: readonly Segment[]) => list.map(({ type, asns }) => `${type}:${asns.join(',')}`).join(' ');
      expect(edited(more, text(path))).to.equal(toHex(segments(text(slowly(more, path)))));
    }),
    { numRuns: 2000 },
  );
});

describe('the key of an update group', () => {
  it('tells all these options apart', () => {
    const variants: Partial<ExportProfile>[] = [
      {},
      { target: 'confed' },
      { prepend: [1] },
      { prepend: [1, 2] },
      { removePrivateAs: 'plain' },
      { removePrivateAs: 'removeAll' },
      { removePrivateAs: 'replaceAll' },
      { asOverride: true },
      { peerAs: 1 },
      { routeServerClient: true },
      { onlyToCustomer: 1 },
      { blockOnlyToCustomer: true },
    ];
    const keys = variants.map((more) => profileKey(profile(more)));
    expect(new Set(keys).size).to.equal(variants.length);
  });
});
