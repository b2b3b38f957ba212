import { expect } from 'chai';
import fc from 'fast-check';
import { fromHex, toHex } from '../../lib/bgp/wire/index.js';
import {
  Bunzip,
  decodeMrtBody,
  decodeRibAttributes,
  messageFromMrtJson,
  MrtDecoder,
  MrtReader,
} from '../../lib/mrt/index.js';

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, ''))!;
const digits = (value: number, octets: number) => value.toString(16).padStart(2 * octets, '0');

/** A record from the hex of its body. */
function record(type: number, subtype: number, body: string): Uint8Array {
  const octets = hex(body);
  return hex(
    digits(1_700_000_000, 4) + digits(type, 2) + digits(subtype, 2) + digits(octets.length, 4) + toHex(octets),
  );
}

interface Decoded {
  readonly [key: string]: unknown;
  readonly message?: { readonly [key: string]: unknown };
  readonly entries?: { readonly [key: string]: unknown; readonly attributes: { value: unknown }[] }[];
}

function decode(...records: readonly Uint8Array[]): Decoded[] {
  const decoder = new MrtDecoder();
  const texts = [...records.flatMap((octets) => [...decoder.push(octets)]), ...decoder.end()];
  return texts.map((text) => JSON.parse(text) as Decoded);
}

const MARKER = 'f'.repeat(32);
const ATTRIBUTES = '40010100 40020602010000fc01 400304c6336401';
const ATTRIBUTES_2 = '40010100 4002040201fc01 400304c6336401';
const UPDATE = `${MARKER} 002b 02 0000 0014 ${ATTRIBUTES}`.replace('002b', '002f') + '18cb0071';
const UPDATE_2 = `${MARKER} 002d 02 0000 0012 ${ATTRIBUTES_2} 18cb0071`;
const UPDATE_PATH = `${MARKER} 0033 02 0000 0014 ${ATTRIBUTES} 00000007 18cb0071`;
const ENDS_4 = 'c0000201 c0000202';
const ENDS_6 = '20010db8000000000000000000000001 20010db8000000000000000000000002';

describe('MRT', () => {
  describe('BGP4MP (RFC 6396 section 4.4)', () => {
    const session = { interface_index: 3, afi: 1, peer_ip: '192.0.2.1', local_ip: '192.0.2.2' };

    it('MESSAGE, two-octet AS numbers', () => {
      const [object] = decode(record(16, 1, `fc01 fc02 0003 0001 ${ENDS_4} ${UPDATE_2}`));
      const { message, ...rest } = object!;
      expect(rest).to.deep.equal({
        type: 'MRT',
        timestamp: 1_700_000_000,
        mrt_type: 'BGP4MP',
        mrt_subtype: 'BGP4MP_MESSAGE',
        peer_as: 64513,
        local_as: 64514,
        ...session,
      });
      expect(message!['nlri']).to.deep.equal([{ prefix: '203.0.113.0/24' }]);
      expect(message!['error']).to.equal(undefined);
    });

    it('MESSAGE_AS4 over IPv6, LOCAL, ADDPATH, ET', () => {
      const [v6] = decode(record(16, 4, `00011170 0000fc02 0000 0002 ${ENDS_6} ${UPDATE}`));
      expect(v6).to.include({
        mrt_subtype: 'BGP4MP_MESSAGE_AS4',
        peer_as: 70000,
        peer_ip: '2001:db8::1',
        local_ip: '2001:db8::2',
      });
      expect(v6!.message!['error']).to.equal(undefined);
      const names: [number, string, string][] = [
        [6, 'BGP4MP_MESSAGE_LOCAL', `fc01 fc02 0003 0001 ${ENDS_4} ${UPDATE_2}`],
        [7, 'BGP4MP_MESSAGE_AS4_LOCAL', `0000fc01 0000fc02 0003 0001 ${ENDS_4} ${UPDATE}`],
      ];
      for (const [subtype, name, body] of names) {
        const [object] = decode(record(16, subtype, body));
        expect(object!['mrt_subtype']).to.equal(name);
        expect(object!.message!['error'], name).to.equal(undefined);
      }
      for (const [subtype, as] of [
        [9, '0000fc01 0000fc02'],
        [11, '0000fc01 0000fc02'],
      ] as const) {
        const [object] = decode(record(16, subtype, `${as} 0003 0001 ${ENDS_4} ${UPDATE_PATH}`));
        expect(object!.message!['nlri']).to.deep.equal([{ path_id: 7, prefix: '203.0.113.0/24' }]);
      }
      const [extended] = decode(record(17, 4, `0007a120 0000fc01 0000fc02 0003 0001 ${ENDS_4} ${UPDATE}`));
      expect(extended).to.include({ mrt_type: 'BGP4MP_ET', microseconds: 500000, mrt_subtype: 'BGP4MP_MESSAGE_AS4' });
    });

    it('STATE_CHANGE', () => {
      const [two, four] = decode(
        record(16, 0, `fc01 fc02 0003 0001 ${ENDS_4} 0005 0006`),
        record(16, 5, `0000fc01 0000fc02 0003 0001 ${ENDS_4} 0006 0001`),
      );
      expect(two).to.include({ mrt_subtype: 'BGP4MP_STATE_CHANGE', old_state: 5, new_state: 6, peer_as: 64513 });
      expect(four).to.include({ mrt_subtype: 'BGP4MP_STATE_CHANGE_AS4', old_state: 6, new_state: 1 });
    });

    it('the message goes back to its octets', () => {
      const [object] = decode(record(16, 1, `fc01 fc02 0003 0001 ${ENDS_4} ${UPDATE_2}`));
      expect(toHex(messageFromMrtJson(object))).to.equal(toHex(hex(UPDATE_2)));
      expect(() => messageFromMrtJson({ type: 'MRT', mrt_type: 'TABLE_DUMP_V2' })).to.throw('no BGP message');
    });
  });

  describe('TABLE_DUMP_V2 (RFC 6396 section 4.3, RFC 8050)', () => {
    // IPv4 peer with a two-octet AS, IPv6 peer with a four-octet one.
    const PEERS = `c0000263 0004 76696577 0002 00 c0000201 c0000201 fc01 03 c0000202 20010db8000000000000000000000002 00011170`;
    const entry = (index: number, attributes: string, pathId = '') =>
      `${digits(index, 2)} 65000000 ${pathId} ${digits(hex(attributes).length, 2)} ${attributes}`;

    it('PEER_INDEX_TABLE', () => {
      expect(decode(record(13, 1, PEERS))[0]).to.deep.equal({
        type: 'MRT',
        timestamp: 1_700_000_000,
        mrt_type: 'TABLE_DUMP_V2',
        mrt_subtype: 'PEER_INDEX_TABLE',
        collector_bgp_id: '192.0.2.99',
        view_name: 'view',
        peers: [
          { bgp_id: '192.0.2.1', ip: '192.0.2.1', as: 64513 },
          { bgp_id: '192.0.2.2', ip: '2001:db8::2', as: 70000 },
        ],
      });
    });

    it('RIB_IPV4_UNICAST: peers come from the last index', () => {
      const rib = record(13, 2, `00000009 18 cb0071 0002 ${entry(1, ATTRIBUTES)} ${entry(0, ATTRIBUTES)}`);
      const [, object] = decode(record(13, 1, PEERS), rib);
      const { entries, ...rest } = object!;
      expect(rest).to.deep.equal({
        type: 'MRT',
        timestamp: 1_700_000_000,
        mrt_type: 'TABLE_DUMP_V2',
        mrt_subtype: 'RIB_IPV4_UNICAST',
        sequence: 9,
        prefix: '203.0.113.0/24',
      });
      expect(entries!.map(({ attributes, ...other }) => [attributes.length, other])).to.deep.equal([
        [3, { peer_index: 1, peer_ip: '2001:db8::2', peer_as: 70000, originated_time: 0x65000000 }],
        [3, { peer_index: 0, peer_ip: '192.0.2.1', peer_as: 64513, originated_time: 0x65000000 }],
      ]);
      const [alone] = decode(rib);
      expect(alone!.entries![0]).to.not.have.property('peer_ip');
    });

    it('next hops of RIB_IPV6_UNICAST: short, short with link-local, and full', () => {
      const short = '800e11 10 20010db8000000000000000000000001';
      const both = '800e21 20 20010db8000000000000000000000001 fe800000000000000000000000000001';
      const full = '800e1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8';
      const body = `00000000 20 20010db8 0003 ${[short, both, full].map((reach) => entry(0, `40010100 ${reach}`)).join('')}`;
      const [object] = decode(record(13, 4, body));
      expect(object!['prefix']).to.equal('2001:db8::/32');
      expect(object!.entries!.map(({ attributes }) => attributes[1]!.value)).to.deep.equal([
        { next_hop: '2001:db8::1' },
        { next_hop: '2001:db8::1', link_local: 'fe80::1' },
        { afi: 2, safi: 1, next_hop: '2001:db8::1', nlri: [{ prefix: '2001:db8::/32' }] },
      ]);
    });

    it('ADDPATH subtypes have a path identifier in each entry', () => {
      const [v4] = decode(record(13, 8, `00000000 18 cb0071 0001 ${entry(0, ATTRIBUTES, '00000005')}`));
      expect(v4).to.include({ mrt_subtype: 'RIB_IPV4_UNICAST_ADDPATH' });
      expect(v4!.entries![0]).to.include({ path_id: 5 });
      const [v6] = decode(record(13, 10, `00000000 20 20010db8 0001 ${entry(0, ATTRIBUTES, '00000006')}`));
      expect(v6!.entries![0]).to.include({ path_id: 6 });
    });

    it('RIB_GENERIC', () => {
      const vpn = '70 000641 0000fde800000001 c00002';
      const reach = '800e0d 0c 0000000000000000 c0000201';
      const [object] = decode(record(13, 6, `00000001 0001 80 ${vpn} 0001 ${entry(0, reach)}`));
      expect(object).to.deep.include({
        mrt_subtype: 'RIB_GENERIC',
        afi: 1,
        safi: 128,
        nlri: [{ prefix: '192.0.2.0/24', labels: [100], rd: '65000:1' }],
      });
      expect(object!.entries![0]!.attributes[0]!.value).to.deep.equal({ next_hop: '192.0.2.1' });
      const [withPath] = decode(record(13, 12, `00000001 0001 80 ${vpn} 0001 ${entry(0, reach, '00000009')}`));
      expect(withPath!.entries![0]).to.include({ path_id: 9 });
    });

    it('typed values without JSON', () => {
      const [found] = [...new MrtReader().push(record(13, 2, `00000009 18 cb0071 0001 ${entry(0, ATTRIBUTES)}`))];
      const body = decodeMrtBody(found as Parameters<typeof decodeMrtBody>[0]);
      if (typeof body !== 'object' || body.kind !== 'rib') return expect.fail('a RIB record');
      expect(body.prefix!.length).to.equal(24);
      expect(decodeRibAttributes(body.entries[0]!.attributes)[0]).to.deep.include({ name: 'ORIGIN', value: 'IGP' });
    });
  });

  it('TABLE_DUMP (RFC 6396 section 4.2)', () => {
    const [v4] = decode(record(12, 1, `0001 0002 cb007100 18 01 65000000 c0000201 fc01 0012 ${ATTRIBUTES_2}`));
    expect(v4).to.deep.include({
      mrt_type: 'TABLE_DUMP',
      mrt_subtype: 'AFI_IPv4',
      view: 1,
      sequence: 2,
      prefix: '203.0.113.0/24',
      status: 1,
      originated_time: 0x65000000,
      peer_ip: '192.0.2.1',
      peer_as: 64513,
    });
    expect((v4!['attributes'] as { value: unknown }[])[1]!.value).to.deep.equal([
      { type: 'AS_SEQUENCE', asns: [64513] },
    ]);
    const [v6] = decode(
      record(
        12,
        2,
        `0001 0002 20010db8000000000000000000000000 20 01 65000000 20010db8000000000000000000000001 fc01 0000`,
      ),
    );
    expect(v6).to.include({ mrt_subtype: 'AFI_IPv6', prefix: '2001:db8::/32', peer_ip: '2001:db8::1' });
  });

  describe('the old type BGP (RFC 6396 appendix B.2)', () => {
    const ends = 'fc01 c0000201 fc02 c0000202';

    it('UPDATE without a header', () => {
      const [object] = decode(record(5, 1, `${ends} 0000 0012 ${ATTRIBUTES_2} 18cb0071`));
      const { message, ...rest } = object!;
      expect(rest).to.deep.equal({
        type: 'MRT',
        timestamp: 1_700_000_000,
        mrt_type: 'BGP',
        mrt_subtype: 'BGP_UPDATE',
        peer_as: 64513,
        local_as: 64514,
        peer_ip: '192.0.2.1',
        local_ip: '192.0.2.2',
      });
      expect(message).to.include({ type: 'UPDATE', length: 45 });
      expect(toHex(messageFromMrtJson(object))).to.equal(toHex(hex(UPDATE_2)));
    });

    it('OPEN, NOTIFICATION, KEEPALIVE, state change', () => {
      const objects = decode(
        record(5, 5, `${ends} 04 fc01 00b4 c0000201 00`),
        record(5, 6, `${ends} 0602`),
        record(5, 7, ends),
        record(5, 3, `${ends} 0001 0002`),
        record(5, 3, 'fc01 c0000201 0001 0002'),
      );
      expect(objects.slice(0, 3).map(({ message }) => message!['type'])).to.deep.equal([
        'OPEN',
        'NOTIFICATION',
        'KEEPALIVE',
      ]);
      expect(objects[3]).to.include({ mrt_subtype: 'BGP_STATE_CHANGE', old_state: 1, new_state: 2, local_as: 64514 });
      expect(objects[4]).to.include({ old_state: 1, new_state: 2 }).and.not.have.property('local_as');
    });
  });

  describe('what cannot be read', () => {
    it('unknown types and subtypes keep their body', () => {
      const objects = decode(record(48, 1, 'abcd'), record(13, 99, 'ab'), record(999, 7, ''), record(16, 3, '00'));
      expect(objects.map(({ mrt_type, mrt_subtype, raw }) => [mrt_type, mrt_subtype, raw])).to.deep.equal([
        ['OSPFv3', 1, 'abcd'],
        ['TABLE_DUMP_V2', 99, 'ab'],
        [999, 7, ''],
        ['BGP4MP', 'BGP4MP_SNAPSHOT', '00'],
      ]);
    });

    it('a body too short keeps its octets and says why', () => {
      for (const [type, subtype, body] of [
        [13, 2, '0000'],
        [13, 2, '00000000 21 c0a8000000 0000'],
        [13, 1, '00'],
        [16, 1, 'fc01'],
        [12, 1, '00'],
        [5, 1, '00'],
        [13, 6, '00000000 0001 80 ff 00'],
      ] as const) {
        const [object] = decode(record(type, subtype, body));
        expect(object!['raw'], body).to.equal(body.replaceAll(' ', ''));
        expect(object!['error'], body).to.have.property('reason');
      }
    });

    it('a record cut short by the end of the file', () => {
      const whole = record(16, 0, `fc01 fc02 0003 0001 ${ENDS_4} 0005 0006`);
      const objects = decode(whole, whole.slice(0, -1));
      expect(objects).to.have.length(2);
      expect(objects[1]).to.deep.equal({ type: 'MRT', error: { reason: 'truncated record' } });
      expect(decode(whole.slice(0, 5))).to.deep.equal([{ type: 'MRT', error: { reason: 'truncated record' } }]);
    });

    it('a record of 4 GB is passed over without being kept', () => {
      const objects = decode(hex(`65000000 000d 0002 ffffffff ${'00'.repeat(100)}`), new Uint8Array(1000));
      expect(objects.map(({ error }) => error)).to.deep.equal([
        { reason: 'record of 4294967295 octets' },
        { reason: 'truncated record' },
      ]);
    });

    it('nothing is thrown, however damaged (property)', () => {
      const sound = [
        record(16, 4, `0000fc01 0000fc02 0000 0001 ${ENDS_4} ${UPDATE}`),
        record(12, 1, `0001 0002 cb007100 18 01 65000000 c0000201 fc01 0012 ${ATTRIBUTES_2}`),
        record(13, 2, `00000009 18 cb0071 0001 0000 65000000 0014 ${ATTRIBUTES}`),
      ];
      const octets = hex(sound.map((o) => toHex(o)).join(''));
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(octets.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
          const damaged = octets.slice();
          for (const [at, octet] of changes) damaged[at] = octet;
          decode(damaged);
        }),
        { numRuns: 300 },
      );
    });
  });

  it('records are found however the file is cut into chunks', () => {
    const file = hex(
      [record(16, 0, `fc01 fc02 0003 0001 ${ENDS_4} 0005 0006`), record(48, 1, 'abcd'), record(999, 7, '')]
        .map((o) => toHex(o))
        .join(''),
    );
    const whole = decode(file);
    for (const size of [1, 3, 12, 13]) {
      const chunks = Array.from({ length: Math.ceil(file.length / size) }, (_, i) =>
        file.slice(i * size, (i + 1) * size),
      );
      expect(decode(...chunks)).to.deep.equal(whole);
    }
  });
});

describe('bzip2', () => {
  /** Made by bzip2 1.0.8. */
  const samples: Record<string, [compressed: string, plain: Uint8Array]> = {
    empty: ['425a683917724538509000000000', new Uint8Array(0)],
    hello: [
      '425a6839314159265359cc2e03a10000065180001040040644908020002190320400c2a832d9416e9c079af177245385090cc2e03a10',
      new TextEncoder().encode('hello, hello, hello world\n'),
    ],
    runs: [
      `425a6831314159265359bae20022000063ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffb0018680
       0efff5555190013001303400000001304c00000340004c00004d30134c0000000000000000004c4c98008d3260024c0013000130000000
       00000000000000000000000000000000000000000000000000cf55011808600134c98000984c0988c230000002326010c00264c0980130
       1309a6000984c04c0004698000118004c43078bed029304834390f441114491345115459177e08c2328d2368e23a8f23e90242913f148d
       244952649d2842252952569625a9725e98262992669a26a9b26e9c0f83c007e0800820841e10430440450460470480f1024825073879d3
       041044c014104f180bf9054482432040a629afcd4e53d505455254d545555655d585655a56d5c5755e57d605856258d645950ab3210810
       0216ceb408016910020d6a5ad6c5b56e5bd705c5725cdfa2e8baaecbbaf0bcaf4bdaf8beafcbfb00c0b04c1b08c2b0cfd5877ecc4312c5
       316c631ac73f763dfc320c8b24c9b28cab2ccbb30ccb34cdb38ceb3ccfb40d0b44d1b48d2b4cd3b50d4b54d5b58d6b5cd7b60d8b64d9b6
       8dab6cdbb70dcb74ddb78deb7cdfb80e0b84e1b88e2b8ce3b90e4b94e5b98e6b9ce7ba0e8ba4e9ba8eabacebbb0ecbb4fe5db771dd7f4e
       f3befede0785e278da3f23c8f2bccf3bd0f4bd4ff1febd6ff9ec7b5ffbdcf7be0f8be48e36ff36e9f47d5f67dc5dc914e14242eb880088`,
      Uint8Array.of(
        ...new Uint8Array(1000).fill(65),
        ...[1, 2, 3].flatMap(() => Array.from({ length: 256 }, (_, i) => i)),
        ...new Uint8Array(259).fill(66),
        ...new TextEncoder().encode('abc'.repeat(500)),
      ),
    ],
  };

  function bunzip(octets: Uint8Array, chunk: number): Uint8Array {
    const decoder = new Bunzip();
    const parts: Uint8Array[] = [];
    for (let at = 0; at < octets.length; at += chunk) parts.push(...decoder.push(octets.slice(at, at + chunk)));
    parts.push(...decoder.end());
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  for (const [name, [compressed, plain]] of Object.entries(samples)) {
    it(name, () => {
      expect(bunzip(hex(compressed), 1000)).to.deep.equal(plain);
      expect(bunzip(hex(compressed), 1)).to.deep.equal(plain);
      expect(bunzip(hex(compressed + compressed), 500)).to.deep.equal(Uint8Array.of(...plain, ...plain));
    });
  }

  it('damage is told', () => {
    const [compressed] = samples['hello']!;
    const octets = hex(compressed);
    expect(() => bunzip(octets.slice(0, -12), 9)).to.throw('end');
    expect(() =>
      bunzip(
        octets.map((octet, i) => (i === 30 ? octet ^ 1 : octet)),
        100,
      ),
    ).to.throw(/bzip2|Huffman/);
    expect(() => bunzip(hex('425a6830'), 4)).to.throw('header');
  });
});
