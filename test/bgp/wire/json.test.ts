import { expect } from 'chai';
import type { WireContext } from '../../../lib/bgp/wire/index.js';
import { DEFAULT_CONTEXT, fromHex, messageFromJson, messageToJson, toHex } from '../../../lib/bgp/wire/index.js';

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, ''))!;

/** Decode, compare, and encode again. */
function check(text: string, expected: object, cx: WireContext = DEFAULT_CONTEXT): void {
  const json = messageToJson(hex(text), cx);
  // Through text and back: what a user of the command line sees.
  const parsed: unknown = JSON.parse(JSON.stringify(json));
  expect(parsed).to.deep.equal(expected);
  expect(toHex(messageFromJson(parsed, cx))).to.equal(toHex(hex(text)));
}

describe('wire: JSON form', () => {
  it('KEEPALIVE', () => {
    check('ffffffffffffffffffffffffffffffff001304', { type: 'KEEPALIVE', length: 19 });
  });

  it('IPv4 announcement, an extended length flag on a short AS_PATH is kept', () => {
    check(
      `ffffffffffffffffffffffffffffffff0042 02 0000 0027 40010100 5002000a 0202 0000fc01 0000fc02 400304 c6336401
       800404 00000032 c00804 fc010064 18cb0071`,
      {
        type: 'UPDATE',
        length: 66,
        withdrawn: [],
        attributes: [
          { code: 1, name: 'ORIGIN', flags: 64, value: 'IGP' },
          { code: 2, name: 'AS_PATH', flags: 80, value: [{ type: 'AS_SEQUENCE', asns: [64513, 64514] }] },
          { code: 3, name: 'NEXT_HOP', flags: 64, value: '198.51.100.1' },
          { code: 4, name: 'MULTI_EXIT_DISC', flags: 128, value: 50 },
          { code: 8, name: 'COMMUNITIES', flags: 192, value: ['64513:100'] },
        ],
        nlri: [{ prefix: '203.0.113.0/24' }],
      },
    );
  });

  it('IPv6 withdrawal with ADD-PATH', () => {
    check(
      'ffffffffffffffffffffffffffffffff0026020000000f 800f0c 0002 01 00000007 20 20010db8',
      {
        type: 'UPDATE',
        length: 38,
        withdrawn: [],
        attributes: [
          {
            code: 15,
            name: 'MP_UNREACH_NLRI',
            flags: 128,
            value: { afi: 2, safi: 1, nlri: [{ path_id: 7, prefix: '2001:db8::/32' }] },
          },
        ],
        nlri: [],
      },
      { ...DEFAULT_CONTEXT, addPath: new Set(['2/1']) },
    );
  });

  it('End-of-RIB', () => {
    check('ffffffffffffffffffffffffffffffff00170200000000', {
      type: 'UPDATE',
      length: 23,
      withdrawn: [],
      attributes: [],
      nlri: [],
      end_of_rib: { afi: 1, safi: 1 },
    });
  });

  it('ORIGIN 9: treat-as-withdraw', () => {
    check('ffffffffffffffffffffffffffffffff002f0200000014 40010109 400206 0201 0000fc01 400304 c6336401 18cb0071', {
      type: 'UPDATE',
      length: 47,
      withdrawn: [],
      attributes: [
        { code: 1, name: 'ORIGIN', flags: 64, raw: '09' },
        { code: 2, name: 'AS_PATH', flags: 64, value: [{ type: 'AS_SEQUENCE', asns: [64513] }] },
        { code: 3, name: 'NEXT_HOP', flags: 64, value: '198.51.100.1' },
      ],
      nlri: [{ prefix: '203.0.113.0/24' }],
      error: {
        code: 3,
        subcode: 6,
        name: 'Invalid ORIGIN Attribute',
        action: 'treat-as-withdraw',
        attribute: 1,
        data: '40010109',
        reason: 'ORIGIN value 9',
      },
    });
  });

  it('OPEN with hold time 2 and two capabilities in one parameter', () => {
    check('ffffffffffffffffffffffffffffffff002b 01 04 5ba0 0002 c0000201 0e 0206 0104 0001 0001 0204 0200 4600', {
      type: 'OPEN',
      length: 43,
      version: 4,
      my_as: 23456,
      hold_time: 2,
      bgp_id: '192.0.2.1',
      params: [
        { type: 2, capabilities: [{ code: 1, name: 'MULTIPROTOCOL', afi: 1, safi: 1 }] },
        {
          type: 2,
          capabilities: [
            { code: 2, name: 'ROUTE_REFRESH' },
            { code: 70, name: 'ENHANCED_ROUTE_REFRESH' },
          ],
        },
      ],
      error: {
        code: 2,
        subcode: 6,
        name: 'Unacceptable Hold Time',
        action: 'session-reset',
        data: '',
        reason: 'hold time 2',
      },
    });
  });

  it('keeps the order of fields', () => {
    const json = messageToJson(hex('ffffffffffffffffffffffffffffffff001304'));
    expect(JSON.stringify(json)).to.equal('{"type":"KEEPALIVE","length":19}');
  });
});
