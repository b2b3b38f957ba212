import { expect } from 'chai';
import type { AsPathSegment } from '../../../lib/bgp/wire/index.js';
import {
  AFI,
  countInAsPath,
  asPathLength,
  attributeName,
  ATTRIBUTES,
  capabilitiesNamed,
  checkHeader,
  decodeAttributes,
  decodeOpen,
  decodeRouteRefresh,
  DEFAULT_CONTEXT,
  describeNotification,
  encodeAttributes,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeUpdate,
  formatAsPath,
  formatCommunity,
  formatExtendedCommunity,
  fromHex,
  headerLength,
  headerType,
  KEEPALIVE,
  messageErrorOf,
  MessageError,
  neighborAs,
  notificationName,
  notificationText,
  parseCommunity,
  parseLargeCommunity,
  parseRd,
  SAFI,
  strongest,
  toHex,
} from '../../../lib/bgp/wire/index.js';
import type { Diagnostic, ErrorAction } from '../../../lib/bgp/wire/index.js';
import { AttributeRule, attributeRule } from '../../../lib/bgp/wire/attributes/rule.js';
import { Writer } from '../../../lib/net/writer.js';

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, ''))!;
const MARKER = 'ff'.repeat(16);

describe('wire: header (RFC 4271 section 6.1)', () => {
  const check = (text: string, limit = 4096) => {
    const octets = hex(text);
    return checkHeader(octets, 0, octets.length, limit);
  };
  const failure = (result: number | MessageError) => {
    if (!(result instanceof MessageError)) return expect.fail('an error');
    return [result.code, result.subcode, toHex(result.data)];
  };

  it('gives length and type', () => {
    const header = check(`${MARKER}0017 02 00000000`) as number;
    expect([headerLength(header), headerType(header)]).to.deep.equal([23, 2]);
    const shifted = hex(`0102 ${MARKER}0013 04`);
    expect(headerLength(checkHeader(shifted, 2, 19, 4096) as number)).to.equal(19);
  });

  it('waits for 19 octets', () => {
    expect(checkHeader(hex(`${MARKER}0013`), 0, 18, 4096)).to.equal(0);
  });

  it('marker, length and type', () => {
    expect(failure(check(`00${MARKER.slice(2)}001304`))).to.deep.equal([1, 1, '']);
    for (const [length, type] of [
      ['0012', '04'],
      ['0014', '04'],
      ['001c', '01'],
      ['0016', '02'],
      ['0014', '03'],
      ['1001', '02'],
      ['ffff', '02'],
    ] as const) {
      expect(failure(check(`${MARKER}${length}${type}`)), length).to.deep.equal([1, 2, length]);
    }
    for (const type of ['00', '06', '07', 'ff'])
      expect(failure(check(`${MARKER}0013${type}`))).to.deep.equal([1, 3, type]);
  });

  it('extended messages: neither OPEN nor KEEPALIVE (RFC 8654 section 4)', () => {
    expect(check(`${MARKER}ffff02`, 65535)).to.be.a('number');
    expect(failure(check(`${MARKER}100101`, 65535))).to.deep.equal([1, 2, '1001']);
    expect(failure(check(`${MARKER}100104`, 65535))).to.deep.equal([1, 2, '1001']);
  });
});

describe('wire: NOTIFICATION', () => {
  it('names', () => {
    expect(notificationName(6, 2)).to.equal('Administrative Shutdown');
    expect(notificationName(4, 0)).to.equal('Hold Timer Expired');
    expect(notificationName(6, 0)).to.equal('Cease');
    expect(notificationName(6, 99)).to.equal('Unknown');
    expect(notificationText(6, 2)).to.equal('Cease/Administrative Shutdown');
    expect(notificationText(4, 0)).to.equal('Hold Timer Expired');
    expect(notificationText(6, 99)).to.equal('Cease/99');
    expect(notificationText(200, 1)).to.equal('200/1');
  });

  it('described with its text, also inside a Hard Reset (RFC 8538 section 3)', () => {
    const data = hex('02 6869');
    expect(describeNotification({ code: 6, subcode: 2, data })).to.equal('Cease/Administrative Shutdown: hi');
    expect(describeNotification({ code: 6, subcode: 9, data: hex('0604 02 6869') })).to.equal('Cease/Hard Reset: hi');
    expect(describeNotification({ code: 3, subcode: 1, data })).to.equal(
      'UPDATE Message Error/Malformed Attribute List',
    );
  });

  it('data that does not fit is cut', () => {
    expect(encodeNotification({ code: 3, subcode: 5, data: new Uint8Array(5000) })).to.have.length(4096);
    expect(encodeNotification({ code: 3, subcode: 5, data: new Uint8Array(5000) }, 65535)).to.have.length(5021);
  });
});

describe('wire: AS_PATH', () => {
  const path = hex('0203 0000fc01 00011170 0000fc03 0102 0000fc04 0000fc05 0301 0000fc06');

  it('length: a set counts one, confederation segments nothing', () => {
    expect(asPathLength(path)).to.equal(4);
    expect(asPathLength(hex('0202 fc01 fc02 0102 fc03 fc04'), 0, 10, 2)).to.equal(3);
    expect(asPathLength(new Uint8Array(0))).to.equal(0);
  });

  it('the neighboring AS is the first of the first sequence outside of confederations', () => {
    expect(neighborAs(path)).to.equal(64513);
    expect(neighborAs(hex('0301 0000fc06 0201 00011170'))).to.equal(70000);
    expect(neighborAs(hex('0101 0000fc06'))).to.equal(0);
    expect(neighborAs(new Uint8Array(0))).to.equal(0);
  });

  it('loops are found in any segment', () => {
    for (const asn of [64513, 70000, 64517, 64518]) expect(countInAsPath(asn, path), String(asn)).to.equal(1);
    expect(countInAsPath(64519, path)).to.equal(0);
    expect(countInAsPath(1, hex('0203 00000001 00000002 00000001 0301 00000001'))).to.equal(3);
  });

  it('loops in confederation segments and in others are told apart (RFC 5065 4)', () => {
    const count = (asn: number, kind: 'confederation' | 'other') => countInAsPath(asn, path, 0, path.length, kind);
    expect([count(64518, 'confederation'), count(64518, 'other')]).to.deep.equal([1, 0]);
    expect([count(64517, 'confederation'), count(64517, 'other')]).to.deep.equal([0, 1]);
  });

  it('as text', () => {
    const segments: AsPathSegment[] = [
      { type: 'AS_CONFED_SEQUENCE', asns: [1, 2] },
      { type: 'AS_CONFED_SET', asns: [3] },
      { type: 'AS_SEQUENCE', asns: [4, 5] },
      { type: 'AS_SET', asns: [6, 7] },
    ];
    expect(formatAsPath(segments)).to.equal('(1 2) [3] 4 5 {6 7}');
    expect(formatAsPath([])).to.equal('');
  });

  it('towards a two-octet speaker (RFC 6793 section 4.2.2)', () => {
    const two = { ...DEFAULT_CONTEXT, asn4: false };
    const encode = (...attributes: Parameters<typeof encodeAttributes>[0]) => {
      const writer = new Writer();
      encodeAttributes(attributes, two, writer);
      return toHex(writer.view());
    };
    const small: AsPathSegment[] = [{ type: 'AS_SEQUENCE', asns: [64513] }];
    expect(encode({ code: 2, value: small })).to.equal('4002040201fc01');
    const large: AsPathSegment[] = [
      { type: 'AS_CONFED_SET', asns: [7] },
      { type: 'AS_SEQUENCE', asns: [64513, 70000] },
    ];
    expect(encode({ code: 2, value: large })).to.equal(
      '40020a' + '04010007' + '0202fc015ba0' + 'c0110a' + '02020000fc0100011170',
    );
    expect(encode({ code: 7, value: { as: 70000, ip: '192.0.2.1' } })).to.equal(
      'c007065ba0c0000201' + 'c0120800011170c0000201',
    );
    expect(encode({ code: 2, value: large }, { code: 17, value: small })).to.equal(
      '40020a' + '04010007' + '0202fc015ba0' + 'c01106' + '02010000fc01',
    );
  });
});

describe('wire: communities', () => {
  it('well-known ones by name, in any spelling', () => {
    expect(parseCommunity('no-export')).to.equal(0xffffff01);
    expect(parseCommunity('NO_EXPORT')).to.equal(0xffffff01);
    expect(formatCommunity(0xffff029a)).to.equal('blackhole');
    expect(formatCommunity(0xffff0000)).to.equal('graceful-shutdown');
    expect(parseCommunity('65000:100')).to.equal(65000 * 65536 + 100);
    expect(parseCommunity('4294967295')).to.equal(0xffffffff);
  });

  it('anything else is refused', () => {
    for (const text of ['65536:1', '1:65536', '4294967296', 'x', '', '1:2:3', '-1:2']) {
      expect(() => parseCommunity(text), text).to.throw('not a community');
    }
    for (const text of ['1:2', '4294967296:1:1', '1:1:x']) {
      expect(() => parseLargeCommunity(text), text).to.throw('not a large community');
    }
    expect(parseLargeCommunity('4294967295:0:1')).to.deep.equal([4294967295, 0, 1]);
  });

  it('extended ones without a usual text have none', () => {
    expect(formatExtendedCommunity(hex('0002fde800000064'))).to.equal('rt:65000:100');
    expect(formatExtendedCommunity(hex('0077fde800000064'))).to.equal(undefined);
  });

  it('Route Distinguishers that are none are refused', () => {
    for (const text of [
      '1',
      '1:4294967296',
      '4200000000:65536',
      '1.2.3.4:65536',
      '1.2.3:4',
      '3:1:1',
      'x:1',
      '0123456789abcdeg',
    ]) {
      expect(() => parseRd(text), text).to.throw('not a Route Distinguisher');
    }
  });
});

describe('wire: errors', () => {
  const diagnostic = (action: ErrorAction, reason: string): Diagnostic => {
    return { action, code: 3, subcode: 1, data: new Uint8Array(0), reason };
  };

  it('the strongest action decides, the first one of equals (RFC 7606 section 3 h)', () => {
    const list = [
      diagnostic('attribute-discard', 'a'),
      diagnostic('treat-as-withdraw', 'b'),
      diagnostic('treat-as-withdraw', 'c'),
    ];
    expect(strongest(list)?.reason).to.equal('b');
    expect(
      strongest([...list, diagnostic('session-reset', 'd'), diagnostic('afi-safi-disable', 'e')])?.reason,
    ).to.equal('d');
    expect(strongest([])).to.equal(undefined);
    expect(messageErrorOf(list[0]!))
      .to.be.instanceOf(MessageError)
      .and.to.include({ code: 3, subcode: 1, reason: 'a' });
  });

  it('decoders give a message or its first error', () => {
    const open = decodeOpen(hex('03 fc01 0001 c0000201 00'));
    expect(open).to.be.instanceOf(MessageError).and.to.include({ code: 2, subcode: 1 });
    expect(decodeRouteRefresh(hex('0001')))
      .to.be.instanceOf(MessageError)
      .and.to.include({ code: 7, subcode: 1 });
  });
});

describe('wire: capabilities of an OPEN', () => {
  it('are found by name, malformed ones left out', () => {
    const octets = encodeOpen({
      version: 4,
      myAs: 70000,
      holdTime: 90,
      bgpId: 0xc0000201,
      capabilities: [
        { code: 1, name: 'MULTIPROTOCOL', afi: AFI.ipv4, safi: SAFI.unicast },
        { code: 1, name: 'MULTIPROTOCOL', afi: AFI.ipv6, safi: SAFI.unicast },
        { code: 65, name: 'FOUR_OCTET_AS', as: 70000 },
      ],
    });
    const open = decodeOpen(octets.subarray(19));
    if (open instanceof MessageError) return expect.fail(open.reason);
    expect(open.myAs).to.equal(23456);
    expect(capabilitiesNamed(open.capabilities, 'MULTIPROTOCOL').map(({ afi }) => afi)).to.deep.equal([1, 2]);
    expect(capabilitiesNamed(open.capabilities, 'FOUR_OCTET_AS')[0]?.as).to.equal(70000);
    expect(capabilitiesNamed(open.capabilities, 'ADD_PATH')).to.deep.equal([]);
  });
});

describe('wire: registries', () => {
  it('attribute names are those of the IANA list', () => {
    for (const { code, name } of ATTRIBUTES) expect(attributeName(code), String(code)).to.equal(name);
    expect(attributeName(255)).to.equal('UNKNOWN');
    expect(new Set(ATTRIBUTES.map(({ code }) => code)).size).to.equal(ATTRIBUTES.length);
  });

  it('each attribute cites its RFC and has a rule', () => {
    for (const { code, rfc } of ATTRIBUTES) {
      expect(rfc).to.match(/^RFC \d/);
      expect(attributeRule(code)).to.be.instanceOf(AttributeRule);
    }
  });

  it('what cannot be encoded is a usage error', () => {
    expect(() => encodeUpdate({ attributes: [{ code: 200 } as never] })).to.throw('no typed form');
    const nlri = Array.from({ length: 2000 }, () => ({ prefix: { octets: Uint8Array.of(10, 0, 0, 0), length: 24 } }));
    expect(() => encodeUpdate({ nlri })).to.throw('the limit is 4096');
    expect(decodeAttributes(hex('40010100'))[0]).to.include({ name: 'ORIGIN', value: 'IGP' });
  });

  it('KEEPALIVE is one and the same', () => {
    expect(toHex(KEEPALIVE)).to.equal(`${MARKER}001304`);
    expect(encodeKeepalive()).to.equal(KEEPALIVE);
  });
});
