import { expect } from 'chai';
import fc from 'fast-check';
import {
  AFI,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  DEFAULT_CONTEXT,
  KEEPALIVE,
  MESSAGE_TYPE,
  toHex,
} from '../../lib/bgp/wire/index.js';
import type { Capability } from '../../lib/bgp/wire/index.js';
import { CaptureError, CapturedMessages, PcapDecoder } from '../../lib/pcap/index.js';
import { ethernet, FIN, octetsOf, packet, pcap, pcapng, RST, SYN } from './frames.js';

/** Messages that can be told apart. */
const refresh = (afi: number) => encodeRouteRefresh({ afi, safi: 1, subtype: 0 });
const A = refresh(1);
const B = refresh(2);
const C = refresh(3);
const D = refresh(4);
const LENGTH = A.length;

function messages(file: Uint8Array, chunk = file.length) {
  const reader = new CapturedMessages();
  const found = [];
  for (let at = 0; at < file.length; at += chunk) found.push(...reader.push(file.slice(at, at + chunk)));
  found.push(...reader.end());
  return found;
}

/** `1:A 2:B`: frame and message, in order. */
function found(frames: readonly Uint8Array[], options: Parameters<typeof pcap>[1] = { linkType: 101 }): string {
  const names = new Map([A, B, C, D, KEEPALIVE].map((octets, i) => [toHex(octets), 'ABCDK'[i]!]));
  return messages(pcap(frames, options))
    .map(({ frame, octets }) => `${frame}:${names.get(toHex(octets)) ?? toHex(octets)}`)
    .join(' ');
}

describe('pcap', () => {
  describe('TCP', () => {
    it('several messages in a segment, a message in several segments', () => {
      const ab = octetsOf(A, B);
      expect(found([packet(1, ab)])).to.equal('1:A 1:B');
      expect(found([packet(1, ab.slice(0, 5)), packet(6, ab.slice(5, 30)), packet(31, ab.slice(30))])).to.equal(
        '2:A 3:B',
      );
      expect(found([...ab].map((octet, i) => packet(1 + i, Uint8Array.of(octet))))).to.equal(
        `${LENGTH}:A ${2 * LENGTH}:B`,
      );
    });

    it('segments out of order', () => {
      const frames = [packet(1, A), packet(1 + 2 * LENGTH, C), packet(1 + LENGTH, B), packet(1 + 3 * LENGTH, D)];
      expect(found(frames)).to.equal('1:A 3:B 3:C 4:D');
    });

    it('a hole holds back what other sessions say later, so that all stay in order', () => {
      const other = { from: '192.0.2.9', to: '192.0.2.8' };
      const frames = [packet(1, A), packet(1 + 2 * LENGTH, C), packet(1, D, other), packet(1 + LENGTH, B)];
      expect(found(frames)).to.equal('1:A 3:D 4:B 4:C');
    });

    it('repeated and overlapping segments', () => {
      const abc = octetsOf(A, B, C);
      const frames = [
        packet(1, abc.slice(0, 30)),
        packet(1, abc.slice(0, 30)),
        packet(11, abc.slice(10, 50)),
        packet(5, abc.slice(4)),
        packet(1, abc),
        packet(1 + abc.length - 1, abc.slice(-1)),
      ];
      expect(found(frames)).to.equal('1:A 3:B 4:C');
    });

    it('overlapping segments that wait', () => {
      const abc = octetsOf(A, B, C);
      const frames = [
        packet(1, abc.slice(0, 10)),
        packet(41, abc.slice(40)),
        packet(31, abc.slice(30, 60)),
        packet(11, abc.slice(10, 35)),
      ];
      expect(found(frames)).to.equal('4:A 4:B 4:C');
    });

    it('sequence numbers that wrap', () => {
      const start = 2 ** 32 - 30;
      const frames = [packet(start, A), packet(start + 2 * LENGTH - 2 ** 32, C), packet(start + LENGTH, B)];
      expect(found(frames)).to.equal('1:A 3:B 3:C');
    });

    it('a segment that was not captured: on at the first segment that begins with a marker', () => {
      const frames = [
        packet(1, A),
        packet(1 + 2 * LENGTH, C.slice(0, 10)), // B and its segment are missing
        packet(1 + 2 * LENGTH + 10, C.slice(10)),
        packet(1 + 3 * LENGTH + 5, D), // again something missing
      ];
      expect(found(frames)).to.equal('1:A 3:C 4:D');
    });

    it('after a gap, a segment that does not begin with a marker is passed over', () => {
      const frames = [
        packet(1, octetsOf(A, B.slice(0, 4))),
        packet(1 + 100, octetsOf(B.slice(9), C)), // begins inside a message
        packet(1 + 100 + LENGTH - 9 + LENGTH, D),
      ];
      expect(found(frames)).to.equal('1:A 3:D');
    });

    it('a hole that the receiver has acknowledged is not waited for long', () => {
      const frames = [packet(1, A), packet(1 + 2 * LENGTH, C)];
      const back = { from: '192.0.2.2', to: '192.0.2.1', fromPort: 179, toPort: 40000 };
      for (let i = 0; i < 200; i++) frames.push(packet(1, new Uint8Array(0), { ...back, ack: 1 + 3 * LENGTH }));
      frames.push(packet(1 + 3 * LENGTH, D));
      const reader = new CapturedMessages();
      const frameOf = [...reader.push(pcap(frames, { linkType: 101 }))].map(({ frame }) => frame);
      expect(frameOf).to.deep.equal([1, 2, 203]);
    });

    it('payload on a SYN counts; a beginning in the middle of a session waits for a marker', () => {
      expect(found([packet(99, A, { flags: SYN }), packet(100 + LENGTH, B)])).to.equal('1:A 2:B');
      expect(found([packet(500, A.slice(7)), packet(500 + LENGTH - 7, B)])).to.equal('2:B');
    });

    it('what is no message at the beginning of a connection is told', () => {
      const [only] = messages(
        pcap(
          [
            packet(9, new Uint8Array(0), { flags: SYN }),
            packet(
              10,
              Uint8Array.from({ length: 30 }, () => 65),
            ),
          ],
          { linkType: 101 },
        ),
      );
      expect(toHex(only!.octets)).to.equal('41'.repeat(30));
    });

    it('a new connection between the same ports starts anew', () => {
      const frames = [
        packet(1, new Uint8Array(0), { flags: SYN }),
        packet(2, octetsOf(A, B.slice(0, 9))),
        packet(7000, new Uint8Array(0), { flags: SYN }),
        packet(7001, C),
        packet(9, new Uint8Array(0), { flags: RST }),
        packet(9000, D),
      ];
      expect(found(frames)).to.equal('2:A 4:C 6:D');
      expect(found([packet(1, A), packet(1 + LENGTH, B, { flags: FIN })])).to.equal('1:A 2:B');
    });

    it('a snap length: what was cut off is a gap', () => {
      const ab = octetsOf(A, B);
      const frames = [packet(1, ab, { cut: 5 }), packet(1 + 2 * LENGTH, C)];
      expect(found(frames)).to.equal('1:A 2:C');
    });

    it('other ports, other protocols, fragments and damaged headers are passed over', () => {
      const udp = packet(1, A).map((octet, i) => (i === 9 ? 17 : octet));
      const fragment = packet(1, A).map((octet, i) => (i === 6 ? 0x20 : octet));
      const odd = packet(1, A).map((octet, i) => (i === 32 ? 0x10 : octet));
      const frames = [
        udp,
        fragment,
        odd,
        packet(1, A, { toPort: 80 }),
        packet(1, A).subarray(0, 30),
        new Uint8Array(0),
      ];
      expect(found(frames)).to.equal('');
    });

    it('both directions, each in its own order', () => {
      const back = { from: '192.0.2.2', to: '192.0.2.1', fromPort: 179, toPort: 40000 };
      const all = messages(pcap([packet(1, A), packet(50, B, back), packet(1 + LENGTH, C)], { linkType: 101 }));
      expect(all.map(({ src, dst }) => `${src} ${dst}`)).to.deep.equal([
        '192.0.2.1:40000 192.0.2.2:179',
        '192.0.2.2:179 192.0.2.1:40000',
        '192.0.2.1:40000 192.0.2.2:179',
      ]);
    });
  });

  describe('links', () => {
    const v6 = packet(1, A, { from: '2001:db8::1', to: '2001:db8::2' });
    const v4 = packet(1, A);
    const cooked = (data: Uint8Array, type: number[]) => octetsOf(new Uint8Array(14), type, data);
    const cases: readonly [string, number, Uint8Array][] = [
      ['Ethernet', 1, ethernet(v4)],
      ['Ethernet, IPv6', 1, ethernet(v6)],
      ['Ethernet, VLAN', 1, ethernet(v4, 0x8100)],
      ['Ethernet, two VLAN tags', 1, ethernet(v6, 0x88a8, 0x8100)],
      ['Linux cooked', 113, cooked(v4, [0x08, 0x00])],
      ['Linux cooked, IPv6', 113, cooked(v6, [0x86, 0xdd])],
      ['Linux cooked, VLAN', 113, octetsOf(new Uint8Array(14), [0x81, 0, 0, 5, 8, 0], v4)],
      ['Linux cooked 2', 276, octetsOf([0x08, 0x00], new Uint8Array(18), v4)],
      ['Linux cooked 2, IPv6', 276, octetsOf([0x86, 0xdd], new Uint8Array(18), v6)],
      ['raw IP', 101, v4],
      ['raw IP, IPv6', 101, v6],
      ['raw IPv4', 228, v4],
      ['raw IPv6', 229, v6],
      ['BSD loopback', 0, octetsOf([2, 0, 0, 0], v4)],
      ['BSD loopback, IPv6', 0, octetsOf([30, 0, 0, 0], v6)],
      ['OpenBSD loopback', 108, octetsOf([0, 0, 0, 2], v4)],
    ];
    for (const [name, linkType, frame] of cases) {
      it(name, () => expect(found([frame], { linkType })).to.equal('1:A'));
    }

    it('addresses as text', () => {
      const [message] = messages(pcap([v6], { linkType: 101 }));
      expect([message!.src, message!.dst]).to.deep.equal(['[2001:db8::1]:40000', '[2001:db8::2]:179']);
    });
  });

  describe('files', () => {
    const frames = [packet(1, A), packet(1 + LENGTH, B), packet(1 + 2 * LENGTH, C)];

    it('pcap in both byte orders, micro- and nanoseconds', () => {
      for (const bigEndian of [false, true]) {
        const [micro] = messages(pcap(frames, { linkType: 101, bigEndian }));
        expect(micro!.time).to.equal(1_700_000_000.25);
        const [nano] = messages(pcap(frames, { linkType: 101, bigEndian, nanoseconds: true }));
        expect(nano!.time).to.equal(1_700_000_000.5);
      }
    });

    it('pcapng in both byte orders, with interfaces of different resolution', () => {
      for (const bigEndian of [false, true]) {
        const all = messages(pcapng(frames, { linkType: 101, bigEndian }));
        expect(all.map(({ frame, time }) => [frame, time])).to.deep.equal([
          [1, 1_700_000_000.25],
          [2, 1_700_000_000.25],
          [3, 1_700_000_000.25],
        ]);
      }
    });

    it('however the file is cut into chunks', () => {
      for (const file of [pcap(frames, { linkType: 101 }), pcapng(frames, { linkType: 101 })]) {
        for (const chunk of [1, 2, 7, 19, 100]) expect(messages(file, chunk)).to.deep.equal(messages(file));
      }
    });

    it('a file cut short gives what is whole', () => {
      const file = pcap(frames, { linkType: 101 });
      expect(messages(file.slice(0, -10))).to.have.length(2);
      expect(messages(file.slice(0, 10))).to.have.length(0);
    });

    it('anything else is refused, and nothing else is thrown', () => {
      expect(() => messages(new Uint8Array(100).fill(7))).to.throw(CaptureError);
      const file = pcapng(frames, { linkType: 101 });
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
          const damaged = file.slice();
          for (const [at, octet] of changes) damaged[at] = octet;
          try {
            messages(damaged);
          } catch (error) {
            expect(error).to.be.instanceOf(CaptureError);
          }
        }),
        { numRuns: 300 },
      );
    });
  });

  it('any order of segments gives the same messages (property)', () => {
    const octets = octetsOf(A, B, C, D, KEEPALIVE, A);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 60 }), fc.nat()), { maxLength: 12 }),
        (cuts) => {
          // A SYN, then pieces of any place and length and all of it in pieces of 11, in any order.
          const pieces = cuts.map(([at, length, place]) => ({ at, end: Math.min(at + length, octets.length), place }));
          for (let at = 0; at < octets.length; at += 11)
            pieces.push({ at, end: Math.min(at + 11, octets.length), place: at * 7919 });
          pieces.sort((a, b) => (a.place % 1009) - (b.place % 1009));
          const frames = pieces.map(({ at, end }) => packet(1001 + at, octets.slice(at, end)));
          const all = messages(pcap([packet(1000, new Uint8Array(0), { flags: SYN }), ...frames], { linkType: 101 }));
          expect(toHex(octetsOf(...all.map((message) => message.octets)))).to.equal(toHex(octets));
          const order = all.map(({ frame }) => frame);
          expect(order).to.deep.equal(order.toSorted((a, b) => a - b));
        },
      ),
    );
  });

  describe('what the OPENs agreed on', () => {
    const four: Capability = { code: 65, name: 'FOUR_OCTET_AS', as: 70000 };
    const addPath = (sendReceive: number): Capability => {
      return { code: 69, name: 'ADD_PATH', tuples: [{ afi: AFI.ipv4, safi: 1, sendReceive }] };
    };
    const open = (...capabilities: Capability[]) =>
      encodeOpen({ version: 4, myAs: 64512, holdTime: 90, bgpId: 1, capabilities });
    const back = { from: '192.0.2.2', to: '192.0.2.1', fromPort: 179, toPort: 40000 };

    function decode(first: Uint8Array, second: Uint8Array, update: Uint8Array) {
      const decoder = new PcapDecoder({ ...DEFAULT_CONTEXT, asn4: false });
      const frames = [packet(1, first), packet(1, second, back), packet(1 + first.length, update)];
      const objects = [...decoder.push(pcap(frames, { linkType: 101 })), ...decoder.end()];
      return JSON.parse(JSON.stringify(objects.at(-1))) as { error?: unknown; nlri: unknown[] };
    }
    const attributes = [
      { code: 1, value: 'IGP' },
      { code: 2, value: [{ type: 'AS_SEQUENCE', asns: [64512, 64513] }] },
      { code: 3, value: '192.0.2.1' },
    ] as const;
    const prefix = { octets: Uint8Array.of(203, 0, 113, 0), length: 24 };

    it('four-octet AS numbers when both have the capability', () => {
      const update = encodeUpdate({ attributes, nlri: [{ prefix }] });
      expect(decode(open(four), open(four), update).error).to.equal(undefined);
      expect(decode(open(four), open(), update).error).to.not.equal(undefined);
    });

    it('ADD-PATH in the direction in which one sends and the other receives', () => {
      const cx = { ...DEFAULT_CONTEXT, addPath: new Set(['1/1']) };
      const update = encodeUpdate({ attributes, nlri: [{ pathId: 5, prefix }] }, cx);
      expect(decode(open(four, addPath(2)), open(four, addPath(1)), update).nlri).to.deep.equal([
        { path_id: 5, prefix: '203.0.113.0/24' },
      ]);
      expect(decode(open(four, addPath(1)), open(four, addPath(3)), update).nlri).to.not.deep.equal([
        { path_id: 5, prefix: '203.0.113.0/24' },
      ]);
    });

    it('in the JSON form, with frame, time and ends first', () => {
      const decoder = new PcapDecoder(DEFAULT_CONTEXT);
      const [text] = [...decoder.push(pcap([packet(1, KEEPALIVE)], { linkType: 101 }))].map((o) => JSON.stringify(o));
      expect(text).to.equal(
        '{"frame":1,"time":1700000000.25,"src":"192.0.2.1:40000","dst":"192.0.2.2:179","type":"KEEPALIVE","length":19}',
      );
      expect(KEEPALIVE[18]).to.equal(MESSAGE_TYPE.keepalive);
    });
  });
});
