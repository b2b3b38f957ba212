import { expect } from 'chai';
import type { WireContext } from '../../../lib/bgp/wire/index.js';
import {
  DEFAULT_CONTEXT,
  decodeUpdate,
  encodeEndOfRib,
  encodeUpdate,
  fromHex,
  parseUpdate,
  toHex,
  writeCanonicalAttributes,
} from '../../../lib/bgp/wire/index.js';
import { Writer } from '../../../lib/net/writer.js';

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, ''))!;
const AS2: WireContext = { ...DEFAULT_CONTEXT, asn4: false };

function body(attributes: string, nlri = '', withdrawn = ''): Uint8Array {
  const a = attributes.replaceAll(/\s/g, '');
  const w = withdrawn.replaceAll(/\s/g, '');
  const length = (s: string) => (s.length / 2).toString(16).padStart(4, '0');
  return hex(length(w) + w + length(a) + a + nlri);
}

function canonical(attributes: string, cx = DEFAULT_CONTEXT): string {
  const octets = body(attributes, '18cb0071');
  const writer = new Writer(8);
  writeCanonicalAttributes(octets, parseUpdate(octets, 0, octets.length, cx), cx, writer);
  return toHex(writer.view());
}

const BASE = '40010100 40020602010000fc01 400304c6336401';

describe('wire: UPDATE', () => {
  it('decodes and encodes a typical announcement', () => {
    const octets = body(`${BASE} 800404 00000032 c00804 fc010064`, '18cb0071');
    const update = decodeUpdate(octets);
    expect(update.error).to.equal(undefined);
    expect(update.attributes.map((a) => a.name)).to.deep.equal([
      'ORIGIN',
      'AS_PATH',
      'NEXT_HOP',
      'MULTI_EXIT_DISC',
      'COMMUNITIES',
    ]);
    expect(encodeUpdate(update).subarray(19)).to.deep.equal(octets);
  });

  it('marks End-of-RIB (RFC 4724 section 2)', () => {
    expect(decodeUpdate(encodeEndOfRib(1, 1).subarray(19)).endOfRib).to.deep.equal({ afi: 1, safi: 1 });
    expect(decodeUpdate(encodeEndOfRib(2, 1).subarray(19)).endOfRib).to.deep.equal({ afi: 2, safi: 1 });
    expect(toHex(encodeEndOfRib(2, 1))).to.equal('ffffffffffffffffffffffffffffffff001d0200000006800f03000201');
  });

  it('keeps what it can and says what it costs (RFC 7606)', () => {
    const judge = (attributes: string, cx: WireContext = DEFAULT_CONTEXT) => {
      const { error } = decodeUpdate(body(attributes, '18cb0071'), cx);
      return error && [error.action, error.subcode, toHex(error.data), error.attribute];
    };
    expect(judge(BASE)).to.equal(undefined);
    expect(judge('40010109 40020602010000fc01 400304c6336401')).to.deep.equal(['treat-as-withdraw', 6, '40010109', 1]);
    expect(judge('40010100 400304c6336401')).to.deep.equal(['treat-as-withdraw', 3, '02', 2]);
    expect(judge(`${BASE} 40010100`)).to.deep.equal(['attribute-discard', 1, '40010100', 1]);
    expect(judge(`${BASE} 406300`)).to.deep.equal(['session-reset', 2, '406300', 99]);
    expect(judge(`${BASE} c00804 fc010064 c0080500`)).to.deep.equal(['treat-as-withdraw', 5, 'c0080500', 8]);
    expect(judge(`${BASE} 40050400000064`, { ...DEFAULT_CONTEXT, peerType: 'ebgp' })?.[0]).to.equal(
      'attribute-discard',
    );
    expect(judge(BASE, { ...DEFAULT_CONTEXT, peerType: 'ibgp' })).to.deep.equal(['treat-as-withdraw', 3, '05', 5]);
  });

  describe('canonical attributes', () => {
    it('sorts, normalises flags, drops duplicates', () => {
      expect(canonical('400304c6336401 50010001 00 40020602010000fc01 40010101')).to.equal(BASE.replaceAll(' ', ''));
    });

    it('keeps unknown transitive with Partial, drops non-transitive (RFC 4271 section 9)', () => {
      expect(canonical(`${BASE} c0630101 80640102`)).to.equal(`${BASE.replaceAll(' ', '')}e0630101`);
    });

    it('merges AS4_PATH (RFC 6793 section 4.2.3)', () => {
      const path = (p: string, rest: string) => canonical(`40010100 4002${p} 400304c6336401 ${rest}`, AS2);
      // 65000 23456 23456 with AS4_PATH 70000 70001: 65000 70000 70001
      expect(path('08 0203 fde8 5ba0 5ba0', 'c0110a 0202 00011170 00011171')).to.equal(
        '40010100' + '40020e02030000fde80001117000011171' + '400304c6336401',
      );
      // AS4_PATH longer than AS_PATH is ignored
      expect(path('04 0201 fde8', 'c0110a 0202 00011170 00011171')).to.equal(
        '40010100' + '40020602010000fde8' + '400304c6336401',
      );
      // AS4_AGGREGATOR ignored (and AS4_PATH too) when AGGREGATOR is not AS_TRANS
      expect(path('04 0201 5ba0', 'c00706 fde8 c0000201 c01106 0201 00011170 c01208 00011170 c0000201')).to.equal(
        '40010100' + '4002060201' + '00005ba0' + '400304c6336401' + 'c007080000fde8c0000201',
      );
      expect(path('04 0201 5ba0', 'c00706 5ba0 c0000201 c01106 0201 00011170 c01208 00011170 c0000202')).to.equal(
        '40010100' + '4002060201' + '00011170' + '400304c6336401' + 'c0070800011170c0000202',
      );
    });
  });
});
