import { expect } from 'chai';
import { ipErrorCode } from '../../lib/io/ip-errors.js';
import { RouteLineParser } from '../../lib/io/ip-route-text.js';
import { protocolNumber, tableNumber } from '../../lib/io/ip-names.js';
import { LineSplitter } from '../../lib/io/ip-child.js';

describe('ip route lines', () => {
  const parse = (line: string, family: 4 | 6 = line.includes(':') ? 6 : 4) =>
    new RouteLineParser().parse(line, 254, family);
  const short = (line: string, family?: 4 | 6): string => {
    const route = parse(line, family);
    return route === null
      ? 'null'
      : `${route.prefix} t${route.table} p${route.protocol} m${route.metric} tos${route.tos} ${route.body.stateKey}`;
  };

  // As iproute2 6.1 prints them with -N -o.
  const lines: [string, string][] = [
    ['10.0.0.0/24 dev d0 proto 2 scope 253 src 10.0.0.1 ', '10.0.0.0/24 t254 p2 m0 tos0 dev d0 src 10.0.0.1'],
    ['10.9.0.0/16 via 10.0.0.9 dev d0 metric 5 ', '10.9.0.0/16 t254 p3 m5 tos0 via 10.0.0.9 dev d0'],
    ['6 10.10.0.0/16 proto 186 metric 32 ', '10.10.0.0/16 t254 p186 m32 tos0 blackhole'],
    ['6 2001:db8:3::/48 dev lo proto 186 metric 32 pref medium', '2001:db8:3::/48 t254 p186 m32 tos0 blackhole'],
    ['blackhole 10.10.0.0/16 proto 186 metric 32 ', '10.10.0.0/16 t254 p186 m32 tos0 blackhole'],
    ['7 10.8.2.0/24 proto 186 metric 32 ', '10.8.2.0/24 t254 p186 m32 tos0 unreachable'],
    [
      '10.11.0.0/16 proto 186 metric 33 \\\tnexthop via 10.0.0.8 dev d0 weight 3 \\\tnexthop via 10.0.0.7 dev d0 weight 1 ',
      '10.11.0.0/16 t254 p186 m33 tos0 nexthop via 10.0.0.7 dev d0 weight 1 nexthop via 10.0.0.8 dev d0 weight 3',
    ],
    [
      '10.12.0.0/16 via inet6 fe80::1 dev d0 proto 186 metric 32 ',
      '10.12.0.0/16 t254 p186 m32 tos0 via fe80::1 dev d0',
    ],
    [
      '10.13.0.1 via 10.9.0.1 dev dx table 100 proto 186 metric 32 onlink ',
      '10.13.0.1/32 t100 p186 m32 tos0 via 10.9.0.1 dev dx via 10.9.0.1 dev dx:o',
    ],
    [
      '10.5.0.0/16 via 10.0.0.6 dev d0 proto 186 metric 32 linkdown ',
      '10.5.0.0/16 t254 p186 m32 tos0 via 10.0.0.6 dev d0 via 10.0.0.6 dev d0:d',
    ],
    [
      '10.8.1.0/24 dev d0 proto 186 scope 253 src 10.0.0.1 metric 32 mtu 1400 ',
      '10.8.1.0/24 t254 p186 m32 tos0 dev d0 src 10.0.0.1 mtu 1400',
    ],
    [
      '10.8.3.0/24 nhid 6 via 10.0.0.7 dev d0 proto 186 metric 32 ',
      '10.8.3.0/24 t254 p186 m32 tos0 nhid 6 via 10.0.0.7 dev d0',
    ],
    [
      '2 127.0.0.1 dev lo table 255 proto 2 scope 254 src 127.0.0.1 ',
      '127.0.0.1/32 t255 p2 m0 tos0 local src 127.0.0.1',
    ],
    ['5 ff00::/8 dev d0 table 255 proto 2 metric 256 linkdown pref medium', 'ff00::/8 t255 p2 m256 tos0 multicast'],
    ['10.1.0.0/16 tos 0x10 via 10.0.0.2 dev d0 proto 4 ', '10.1.0.0/16 t254 p4 m0 tos16 via 10.0.0.2 dev d0'],
    ['default via 10.0.0.254 dev d0 ', '0.0.0.0/0 t254 p3 m0 tos0 via 10.0.0.254 dev d0'],
    [
      'default via fe80::1 dev d0 proto 9 metric 1024 expires 1700sec hoplimit 64 pref medium',
      '::/0 t254 p9 m1024 tos0 via fe80::1 dev d0 hoplimit 64',
    ],
    [
      '10.4.0.0/16 dev wg0 proto 4 scope 253 mtu lock 1380 advmss 1340 ',
      '10.4.0.0/16 t254 p4 m0 tos0 dev wg0 mtu lock 1380 advmss 1340',
    ],
  ];
  for (const [line, expected] of lines) {
    it(line, () => expect(short(line)).to.equal(expected));
  }

  it('knows default of IPv6 without a gateway by the family asked for', () => {
    expect(short('default dev wg0 proto 4 metric 1024 pref medium', 6)).to.contain('::/0');
  });

  it('says null to what is no route', () => {
    expect(parse('3: eth0: <UP>', 4)).to.equal(null);
    expect(parse('', 4)).to.equal(null);
    expect(parse('garbage in', 4)).to.equal(null);
  });

  it('shares one body among lines that differ in their prefix only', () => {
    const parser = new RouteLineParser();
    const a = parser.parse('10.1.0.0/16 via 10.0.0.2 dev d0 proto 186 metric 32 ', 254, 4);
    const b = parser.parse('10.2.0.0/16 via 10.0.0.2 dev d0 proto 186 metric 32 ', 254, 4);
    expect(a!.body).to.equal(b!.body);
  });
});

describe('what ip says', () => {
  const said: [string, string][] = [
    ['RTNETLINK answers: File exists', 'EEXIST'],
    ['RTNETLINK answers: No such process', 'ESRCH'],
    ['Error: FIB table does not exist.', 'ESRCH'],
    ['Error: Nexthop has invalid gateway.', 'EGATEWAY'],
    ['RTNETLINK answers: No route to host', 'EHOSTUNREACH'],
    ['RTNETLINK answers: Network is unreachable', 'ENETUNREACH'],
    ['Cannot find device "eth9"', 'ENODEV'],
    ['Error: Nexthop device is not up.', 'ENODEV'],
    ['RTNETLINK answers: Operation not permitted', 'EPERM'],
    ['RTNETLINK answers: Cannot allocate memory', 'ENOMEM'],
    ['Error: Gateway can not be a local address.', 'EINVAL'],
    ['something new', 'EUNKNOWN'],
  ];
  for (const [text, code] of said) it(`${text} is ${code}`, () => expect(ipErrorCode(text)).to.equal(code));
});

describe('names of tables and protocols', () => {
  it('takes numbers, numbers as text and usual names', () => {
    expect(tableNumber('main', [])).to.equal(254);
    expect(tableNumber(100, [])).to.equal(100);
    expect(tableNumber('4294967295', [])).to.equal(4294967295);
    expect(protocolNumber('bgp', [])).to.equal(186);
    expect(protocolNumber(201, [])).to.equal(201);
  });

  it('refuses others', () => {
    for (const wrong of ['blue', 0, -1, 1.5, 4294967296, '']) {
      expect(() => tableNumber(wrong, []), String(wrong))
        .to.throw()
        .with.property('code', 'bad_table');
    }
    expect(() => protocolNumber(256, []))
      .to.throw()
      .with.property('code', 'bad_protocol');
  });
});

describe('LineSplitter', () => {
  it('joins lines that were cut anywhere', () => {
    const text = 'one\ntwo three\n\nfour\nfive';
    for (let size = 1; size < text.length; size++) {
      const lines: string[] = [];
      const splitter = new LineSplitter((line) => lines.push(line));
      for (let i = 0; i < text.length; i += size) splitter.push(text.slice(i, i + size));
      expect(lines).to.deep.equal(['one', 'two three', '', 'four']);
    }
  });
});
