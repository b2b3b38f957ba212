import { expect } from 'chai';
import fc from 'fast-check';
import { formatAddress } from '../../../lib/net/address.js';
import { Writer } from '../../../lib/net/writer.js';
import type { AsPathSegment, EncodableAttribute, LargeCommunity, WireContext } from '../../../lib/bgp/wire/index.js';
import {
  asPathLength,
  decodeAttributes,
  decodeOpen,
  decodeShutdownCommunication,
  decodeUpdate,
  DEFAULT_CONTEXT,
  encodeAttributes,
  encodeOpen,
  encodeShutdownCommunication,
  encodeUpdate,
  formatCommunity,
  formatLargeCommunity,
  formatRd,
  fromHex,
  HEADER_LENGTH,
  messageFromJson,
  messageToJson,
  parseCommunity,
  parseLargeCommunity,
  parseRd,
  parseUpdate,
  toHex,
  writeCanonicalAttributes,
} from '../../../lib/bgp/wire/index.js';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const asn = fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffffffff }));
const ipv4 = octets(3).map((o) => formatAddress(Uint8Array.of(10, ...o)));
const ipv6 = octets(16).map((o) => formatAddress(o));

const segment = fc.record({
  type: fc.constantFrom('AS_SEQUENCE' as const, 'AS_SET' as const),
  asns: fc.array(asn, { minLength: 1, maxLength: 20 }),
});
const path: fc.Arbitrary<AsPathSegment[]> = fc.array(segment, { maxLength: 4 });

const prefix = (size: 4 | 16) =>
  fc.tuple(octets(size), fc.integer({ min: 0, max: size * 8 })).map(([bits, length]) => {
    const masked = bits.map((octet, i) => {
      const left = Math.min(8, Math.max(0, length - i * 8));
      return octet & (0xff00 >> left) & 0xff;
    });
    return { prefix: { octets: masked, length } };
  });

const attributes: fc.Arbitrary<EncodableAttribute[]> = fc
  .tuple(
    fc.constantFrom('IGP' as const, 'EGP' as const, 'INCOMPLETE' as const),
    path,
    ipv4,
    fc.option(u32),
    fc.option(fc.array(u32, { minLength: 1, maxLength: 100 })),
    fc.option(fc.array(fc.tuple(u32, u32, u32), { minLength: 1, maxLength: 30 })),
    fc.option(fc.array(octets(8), { minLength: 1, maxLength: 40 })),
    fc.option(fc.tuple(ipv6, fc.option(ipv6), fc.array(prefix(16), { minLength: 1, maxLength: 20 }))),
    fc.option(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
  )
  .map(([origin, asPath, nextHop, med, communities, large, extended, reach, metric]) => {
    const list: EncodableAttribute[] = [
      { code: 1, value: origin },
      { code: 2, value: asPath },
      { code: 3, value: nextHop },
    ];
    if (med !== null) list.push({ code: 4, value: med });
    if (communities !== null) list.push({ code: 8, value: communities });
    if (reach !== null) {
      const linkLocal = reach[1] === null ? {} : { linkLocal: reach[1] };
      list.push({ code: 14, value: { afi: 2, safi: 1, nextHop: reach[0], ...linkLocal, nlri: reach[2] } });
    }
    if (extended !== null) list.push({ code: 16, value: extended });
    if (metric !== null) list.push({ code: 26, value: { metric } });
    if (large !== null) list.push({ code: 32, value: large as LargeCommunity[] });
    return list;
  });

/** As a statement: fast-check takes what a property returns for its verdict. */
function same(actual: unknown, expected: unknown): void {
  expect(actual).to.deep.equal(expected);
}

describe('wire: properties', () => {
  it('what is encoded decodes to the same values', () => {
    fc.assert(
      fc.property(attributes, fc.array(prefix(4), { maxLength: 50 }), (list, nlri) => {
        const cx: WireContext = { ...DEFAULT_CONTEXT, maxMessageLength: 65535 };
        const message = encodeUpdate({ attributes: list, nlri }, cx);
        const decoded = decodeUpdate(message.subarray(HEADER_LENGTH), cx);
        expect(decoded.nlri).to.deep.equal(nlri);
        expect(decoded.attributes.map(({ code, value }) => ({ code, value }))).to.deep.equal(list);
        expect(encodeUpdate(decoded, cx)).to.deep.equal(message);
      }),
    );
  });

  it('any octets give one answer, and come back from it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (body, framed) => {
        const message = framed ? Uint8Array.of(...new Uint8Array(16).fill(255), 0, 19 + body.length, 2, ...body) : body;
        const text = JSON.stringify(messageToJson(message));
        expect(toHex(messageFromJson(JSON.parse(text)))).to.equal(toHex(message));
      }),
      { numRuns: 500 },
    );
  });

  it('attribute blocks decode and encode outside a message', () => {
    fc.assert(
      fc.property(attributes, (list) => {
        const [first, second] = [new Writer(), new Writer()];
        encodeAttributes(list, DEFAULT_CONTEXT, first);
        encodeAttributes(decodeAttributes(first.finish()), DEFAULT_CONTEXT, second);
        expect(second.finish()).to.deep.equal(first.finish());
      }),
    );
  });

  it('texts of Route Distinguishers and communities are one to one', () => {
    const rd = fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 255), octets(6))
      .map(([type, rest]) => Uint8Array.of(0, type, ...rest));
    fc.assert(fc.property(rd, (o) => same(parseRd(formatRd(o)), o)));
    fc.assert(fc.property(u32, (value) => same(parseCommunity(formatCommunity(value)), value)));
    fc.assert(
      fc.property(u32, u32, u32, (a, b, c) => same(parseLargeCommunity(formatLargeCommunity([a, b, c])), [a, b, c])),
    );
  });

  it('a shutdown communication is cut between characters and reads back (RFC 9003)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
        const data = encodeShutdownCommunication(text);
        expect(data.length).to.be.at.most(256);
        const read = decodeShutdownCommunication(data) ?? '';
        expect(text.startsWith(read)).to.equal(true);
        if (new TextEncoder().encode(text).length <= 255) expect(read).to.equal(text);
      }),
    );
  });

  it('OPENs of any number of capabilities read back (RFC 9072)', () => {
    const raw = fc.tuple(fc.integer({ min: 128, max: 255 }), fc.uint8Array({ maxLength: 255 }));
    fc.assert(
      fc.property(fc.array(raw, { maxLength: 12 }), u32, (list, id) => {
        const capabilities = list.map(([code, value]) => ({ code, raw: value, malformed: false as const }));
        const open = { version: 4, myAs: 64512, holdTime: 90, bgpId: id === 0 ? 1 : id, capabilities };
        const { extendedParameters, ...read } = decodeOpen(encodeOpen(open).subarray(HEADER_LENGTH)) as typeof open & {
          extendedParameters?: boolean;
        };
        const length = list.reduce((sum, [, value]) => sum + 4 + value.length, 0);
        expect(read).to.deep.equal(open);
        expect(extendedParameters === true).to.equal(length > 254 || list.some(([, value]) => value.length > 253));
      }),
    );
  });

  it('a four-octet path survives two-octet speakers (RFC 6793 section 4.2)', () => {
    const two: WireContext = { ...DEFAULT_CONTEXT, asn4: false };
    fc.assert(
      fc.property(path, fc.array(fc.integer({ min: 1, max: 65535 }), { maxLength: 5 }), (full, prepended) => {
        // A four-octet speaker tells a two-octet one, and further two-octet ones prepend themselves.
        const old = full.map((s) => ({ ...s, asns: s.asns.map((a) => (a > 65535 ? 23456 : a)) }));
        const first = old[0];
        const joined =
          first?.type === 'AS_SEQUENCE' && prepended.length > 0
            ? [{ ...first, asns: [...prepended, ...first.asns] }, ...old.slice(1)]
            : prepended.length > 0
              ? [{ type: 'AS_SEQUENCE' as const, asns: prepended }, ...old]
              : old;
        const list: EncodableAttribute[] = [
          { code: 1, value: 'IGP' },
          { code: 2, value: joined },
          { code: 3, value: '192.0.2.1' },
        ];
        if (full.length > 0) list.push({ code: 17, value: full });
        const message = encodeUpdate(
          { attributes: list, nlri: [{ prefix: { octets: Uint8Array.of(10, 0, 0, 0), length: 8 } }] },
          two,
        );
        const parsed = parseUpdate(message, HEADER_LENGTH, message.length, two);
        const writer = new Writer();
        writeCanonicalAttributes(message, parsed, two, writer);
        const merged = decodeAttributes(writer.finish()).find((a) => a.code === 2)!;
        const flat = (segments: readonly AsPathSegment[]) =>
          segments
            .map((s) => s.asns.join(' '))
            .join(' ')
            .trim();
        const expected = [prepended.join(' '), flat(full)].join(' ').trim();
        expect(flat(merged.value as AsPathSegment[])).to.equal(expected);
      }),
    );
  });

  it('the length of a path counts a set once', () => {
    fc.assert(
      fc.property(path, (segments) => {
        const writer = new Writer();
        encodeAttributes([{ code: 2, flags: 0x50, value: segments }], DEFAULT_CONTEXT, writer);
        const expected = segments.reduce((sum, s) => sum + (s.type === 'AS_SET' ? 1 : s.asns.length), 0);
        expect(asPathLength(writer.finish(), 4)).to.equal(expected);
      }),
    );
  });

  it('hex is one to one, and anything else is refused', () => {
    fc.assert(fc.property(fc.uint8Array(), (o) => same(fromHex(toHex(o)), o)));
    for (const text of ['0', 'zz', '0x00', ' 00', '0g']) expect(fromHex(text), text).to.equal(undefined);
  });
});
