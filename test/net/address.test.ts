import { expect } from 'chai';
import fc from 'fast-check';
import { Address6 } from 'ip-address';
import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parseAsn,
  parsePrefix,
  prefixContains,
  UsageError,
} from '../../lib/net/index.js';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('addresses', () => {
  it('have the text that the address library gives them (RFC 5952)', () => {
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0x20, 0xff), { minLength: 16, maxLength: 16 });
    const agrees = (bytes: readonly number[]): void => {
      expect(formatAddress(Uint8Array.from(bytes))).to.equal(Address6.fromUnsignedByteArray([...bytes]).correctForm());
    };
    fc.assert(fc.property(sparse, agrees), { numRuns: 1000 });
    fc.assert(fc.property(octets(16), (bytes) => agrees([...bytes])));
  });

  it('come back from their text', () => {
    for (const length of [4, 16]) {
      fc.assert(
        fc.property(octets(length), (bytes) => {
          expect(parseAddress(formatAddress(bytes))).to.deep.equal(bytes);
        }),
      );
    }
  });

  for (const text of ['', '1.2.3', '1.2.3.4.5', '256.0.0.1', '01.2.3.4', 'fe80::1%eth0', '10.0.0.0/8', '::g', ':::']) {
    it(`'${text}' is none`, () => {
      expect(() => parseAddress(text))
        .to.throw(UsageError)
        .with.property('code', 'bad_address');
    });
  }
});

describe('prefixes', () => {
  it('come back from their text', () => {
    fc.assert(
      fc.property(octets(4), fc.integer({ min: 0, max: 32 }), (bytes, length) => {
        const masked = (Buffer.from(bytes).readUInt32BE() & (length === 0 ? 0 : -1 << (32 - length))) >>> 0;
        const address = Buffer.alloc(4);
        address.writeUInt32BE(masked);
        const text = `${address.join('.')}/${length}`;
        expect(formatPrefix(parsePrefix(text))).to.equal(text);
      }),
    );
  });

  it('refuse host bits and say what may be meant', () => {
    expect(() => parsePrefix('10.0.0.1/8')).to.throw(UsageError, 'did you mean 10.0.0.0/8?');
  });

  it('contain their addresses and no others', () => {
    const prefix = parsePrefix('192.0.2.128/25');
    expect(prefixContains(prefix, parseAddress('192.0.2.128'))).to.equal(true);
    expect(prefixContains(prefix, parseAddress('192.0.2.127'))).to.equal(false);
    expect(prefixContains(prefix, parseAddress('::1'))).to.equal(false);
    expect(prefixContains(parsePrefix('::/0'), parseAddress('2001:db8::1'))).to.equal(true);
  });
});

describe('AS numbers', () => {
  it('are read as asplain, asdot and with AS in front (RFC 5396)', () => {
    expect(parseAsn('64512')).to.equal(64512);
    expect(parseAsn('1.10')).to.equal(65546);
    expect(parseAsn('AS4294967295')).to.equal(4294967295);
  });

  for (const text of ['', 'x', '-1', '4294967296', '1.65536', '1.5.2']) {
    it(`'${text}' is none`, () => {
      expect(() => parseAsn(text))
        .to.throw(UsageError)
        .with.property('code', 'bad_asn');
    });
  }
});
