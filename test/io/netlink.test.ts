import { expect } from 'chai';
import fc from 'fast-check';
import { BLACKHOLE, routeBody, type RouteBody } from '../../lib/fib/body.js';
import { KernelError } from '../../lib/fib/errors.js';
import type { NexthopChange } from '../../lib/fib/nexthop.js';
import type { RouteChange } from '../../lib/fib/writer.js';
import { LinkTable } from '../../lib/io/netlink/links.js';
import { acknowledgement, forEachMessage, refusal, type NetlinkMessage } from '../../lib/io/netlink/message.js';
import { LITTLE_ENDIAN } from '../../lib/io/netlink/numbers.js';
import { decodeNexthop, NexthopEncoder } from '../../lib/io/netlink/nexthop-codec.js';
import { RouteDecoder } from '../../lib/io/netlink/route-decoder.js';
import { RouteEncoder, UnknownDevice } from '../../lib/io/netlink/route-encoder.js';
import { ChangeSender } from '../../lib/io/netlink/sender.js';
import { whyNoNetlink, type NetlinkSocket } from '../../lib/io/netlink/socket.js';

/** As Linux 6.18 on x86-64 dumped them: prefix, table, protocol, metric, body; and the octets. */
const DUMPED: readonly (readonly [string, string])[] = [
  [
    '10.0.0.0/24 254 2 0 dev eth0 src 10.0.0.1',
    '3c0000001800220009000000030f000002180000fe02fd010000000008000f00fe000000080001000a000000080007000a0000010800040003000000',
  ],
  [
    '10.1.0.0/16 254 186 32 via 10.0.0.2 dev eth0',
    '440000001800220009000000030f000002100000feba00010000000008000f00fe000000080001000a0100000800060020000000080005000a0000020800040003000000',
  ],
  [
    '10.3.0.0/16 254 186 32 blackhole',
    '340000001800220009000000030f000002100000feba00060000000008000f00fe000000080001000a0300000800060020000000',
  ],
  [
    '10.4.0.0/16 254 186 32 via fe80::2 dev eth0',
    '540000001800220009000000030f000002100000feba00010000000008000f00fe000000080001000a0400000800060020000000160012000a00fe80000000000000000000000000000200000800040003000000',
  ],
  [
    '10.5.0.0/16 254 186 32 via 10.0.0.2 dev eth0 src 10.0.0.1 mtu 1400',
    '580000001800220009000000030f000002100000feba00010000000008000f00fe000000080001000a05000008000600200000000c0008000800020078050000080007000a000001080005000a0000020800040003000000',
  ],
  [
    '10.6.0.0/16 254 186 32 nexthop via 10.0.0.2 dev eth0 weight 1 nexthop via 10.0.0.3 dev eth0 weight 4',
    '580000001800220009000000030f000002100000feba00010000000008000f00fe000000080001000a0600000800060020000000240009001000000003000000080005000a0000021000040303000000080005000a000003',
  ],
  [
    '10.7.0.0/16 254 4 0 nhid 7',
    '440000001800220009000000030f000002100000fe0400010000000008000f00fe000000080001000a07000008001e0007000000080005000a0000090800040003000000',
  ],
  [
    '10.8.0.0/16 254 4 0 via 10.0.0.2 dev eth0 mtu lock 1300 metric 8 1200 attribute 11 03000000',
    '600000001800220009000000030f000002100000fe0400010000000008000f00fe000000080001000a0800001c0008000800010004000000080002001405000008000800b0040000080005000a000002080004000300000008000b0003000000',
  ],
  [
    '0.0.0.0/0 1000 186 5 via 10.0.0.2 dev eth0',
    '3c0000001800220009000000030f000002000000fcba00010000000008000f00e80300000800060005000000080005000a0000020800040003000000',
  ],
  [
    '2001:db8::/64 254 2 256 dev eth0',
    '740000001800220009000000030f00000a400000fe0200010000000008000f00fe0000001400010020010db80000000000000000000000000800060000010000080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000',
  ],
  [
    '2001:db8:1::/48 254 186 32 via 2001:db8::2 dev eth0',
    '880000001800220009000000030f00000a300000feba00010000000008000f00fe0000001400010020010db800010000000000000000000008000600200000001400050020010db8000000000000000000000002080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000',
  ],
  [
    '2001:db8:3::/48 254 186 32 blackhole',
    '740000001800220009000000030f00000a300000feba00060000000008000f00fe0000001400010020010db80003000000000000000000000800060020000000080004000100000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000',
  ],
  [
    '2001:db8:5::/48 254 4 77 via fe80::9 dev eth0 pref high',
    '880000001800220009000000030f00000a300000fe0400010400000008000f00fe0000001400010020010db8000500000000000000000000080006004d00000014000500fe800000000000000000000000000009080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140001000000',
  ],
  [
    '2001:db8:6::/48 254 186 32 nexthop via 2001:db8::2 dev eth0 weight 1 nexthop via fe80::3 dev eth0 weight 4',
    'a80000001800220009000000030f00000a300000feba00010000000008000f00fe0000001400010020010db800060000000000000000000008000600200000003c0009001c000000030000001400050020010db80000000000000000000000021c0000030300000014000500fe80000000000000000000000000000324000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000',
  ],
];

const via = (gateway: string, more: Partial<RouteBody> = {}): RouteBody =>
  routeBody({ ...more, type: 'unicast', hops: [{ gateway, device: 'eth0' }] });
const change = (op: RouteChange['op'], prefix: string, body: RouteBody): RouteChange => ({
  op,
  prefix,
  body,
  table: 254,
  protocol: 186,
  metric: 32,
});
const SEVERAL = routeBody({
  type: 'unicast',
  hops: [
    { gateway: '2001:db8::2', device: 'eth0', weight: 1 },
    { gateway: 'fe80::3', device: 'eth0', weight: 4 },
  ],
});

/** Requests that Linux took, and what it answered. */
const EXCHANGED: readonly (readonly [RouteChange, string, string, string])[] = [
  [
    change('add', '10.9.0.0/16', via('10.0.0.2')),
    '4400000018000106050000000000000002100000feba000100000000080001000a09000008000f00fe0000000800060020000000080005000a0000020800040003000000',
    '240000000200000105000000030f00000000000044000000180005060500000000000000',
    '',
  ],
  [
    change('add', '10.1.0.0/16', via('10.0.0.3')),
    '4400000018000106050000000000000002100000feba000100000000080001000a01000008000f00fe0000000800060020000000080005000a0000030800040003000000',
    '240000000200000105000000030f0000efffffff44000000180005060500000000000000',
    'EEXIST',
  ],
  [
    change('add', '10.10.0.0/16', via('192.0.2.1')),
    '4400000018000106050000000000000002100000feba000100000000080001000a0a000008000f00fe000000080006002000000008000500c00002010800040003000000',
    '440000000200000305000000030f00009bffffff44000000180005060500000000000000200001004e657874686f702068617320696e76616c6964206761746577617900',
    'EGATEWAY Nexthop has invalid gateway',
  ],
  [
    change('replace', '10.1.0.0/16', via('10.0.0.3', { source: '10.0.0.1', mtu: 1400 })),
    '5800000018000105050000000000000002100000feba000100000000080001000a01000008000f00fe0000000800060020000000080007000a0000010c0008000800020078050000080005000a0000030800040003000000',
    '240000000200000105000000030f00000000000058000000180005050500000000000000',
    '',
  ],
  [
    change('add', '10.11.0.0/16', via('fe80::2')),
    '5400000018000106050000000000000002100000feba000100000000080001000a0b000008000f00fe0000000800060020000000160012000a00fe80000000000000000000000000000200000800040003000000',
    '240000000200000105000000030f00000000000054000000180005060500000000000000',
    '',
  ],
  [
    change('delete', '2001:db8:1::/48', via('2001:db8::2')),
    '400000001900010005000000000000000a300000febaff00000000001400010020010db800010000000000000000000008000f00fe0000000800060020000000',
    '240000000200000105000000030f00000000000040000000190005000500000000000000',
    '',
  ],
  [
    change('delete', '2001:db8:1::/48', via('2001:db8::2')),
    '400000001900010005000000000000000a300000febaff00000000001400010020010db800010000000000000000000008000f00fe0000000800060020000000',
    '240000000200000105000000030f0000fdffffff40000000190005000500000000000000',
    'ESRCH',
  ],
  [
    change('add', '2001:db8:7::/48', SEVERAL),
    '7c0000001800010605000000000000000a300000feba0001000000001400010020010db800070000000000000000000008000f00fe00000008000600200000003c0009001c000000030000001400050020010db80000000000000000000000021c0000030300000014000500fe800000000000000000000000000003',
    '240000000200000105000000030f0000000000007c000000180005040500000000000000',
    '',
  ],
];

const DEVICES = ['', 'lo', 'eth0p', 'eth0'];
const octetsOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

function only(octets: Uint8Array): NetlinkMessage {
  const messages: NetlinkMessage[] = [];
  forEachMessage(octets, (message) => void messages.push({ ...message }));
  expect(messages).to.have.length(1);
  return messages[0]!;
}

function encode(encoder: RouteEncoder, wanted: RouteChange, sequence = 5): Uint8Array {
  const octets = new Uint8Array(encoder.room(wanted));
  return octets.subarray(0, encoder.put(new DataView(octets.buffer), octets, 0, wanted, sequence));
}

describe('netlink', function () {
  // The hex is of a little-endian machine.
  before(function () {
    if (!LITTLE_ENDIAN) this.skip();
  });

  const decoder = (): RouteDecoder => new RouteDecoder((index) => DEVICES[index] ?? '?');
  const encoder = (): RouteEncoder => new RouteEncoder((device) => Math.max(0, DEVICES.indexOf(device)));
  const textOf = (reader: RouteDecoder, octets: Uint8Array): string => {
    const route = reader.decode(only(octets))!;
    return `${route.prefix} ${route.table} ${route.protocol} ${route.metric} ${route.body.key}`;
  };

  it('reads the routes of a real kernel', () => {
    const reader = decoder();
    for (const [text, hex] of DUMPED) expect(textOf(reader, octetsOf(hex))).to.equal(text);
    // Again, from what it remembers.
    for (const [text, hex] of DUMPED) expect(textOf(reader, octetsOf(hex))).to.equal(text);
  });

  it('shares the body of routes that differ in their prefix only, and tells those that differ elsewhere', () => {
    const reader = decoder();
    const hex = DUMPED[1]![1];
    const first = reader.decode(only(octetsOf(hex)))!;
    const second = reader.decode(only(octetsOf(hex.replace('0a010000', '0aff0000').replace('02100000', '02180000'))))!;
    expect(second.prefix).to.equal('10.255.0.0/24');
    expect(second.body).to.equal(first.body);
    const third = reader.decode(only(octetsOf(hex.replace('0a000002', '0a000005'))))!;
    expect(third.body.key).to.equal('via 10.0.0.5 dev eth0');
  });

  it('does not take a cached copy, or a route of another family, for a route', () => {
    const octets = octetsOf(DUMPED[1]![1]);
    octets[16 + 9] = 2; // RTM_F_CLONED
    expect(decoder().decode(only(octets))).to.equal(null);
    octets[16 + 9] = 0;
    octets[16] = 28; // AF_MPLS
    expect(decoder().decode(only(octets))).to.equal(null);
  });

  it('writes requests as the kernel took them', () => {
    const writer = encoder();
    for (const [wanted, hex] of EXCHANGED) expect(hexOf(encode(writer, wanted))).to.equal(hex);
  });

  it('understands what the kernel answered', () => {
    for (const [, , hex, expected] of EXCHANGED) {
      const answer = acknowledgement(only(octetsOf(hex)));
      if (expected === '') expect(answer).to.deep.equal({ errno: 0, text: '' });
      else {
        const error = refusal(answer);
        expect(`${error.code} ${error.message}`).to.include(expected);
      }
    }
  });

  it('writes changes of nexthop objects (nexthop.h: nhmsg, nexthop_grp)', () => {
    const changes: [NexthopChange, string][] = [
      [
        { op: 'add', id: 0x40000001, protocol: 186, hop: { gateway: '10.0.0.2', device: 'eth0' } },
        '300000006800010601000000000000000200ba00000000000800010001000040080005000300000008000600' + '0a000002',
      ],
      [
        { op: 'replace', id: 7, protocol: 186, hop: { gateway: 'fe80::2', device: 'eth0', onlink: true } },
        '3c0000006800010501000000000000000a00ba00040000000800010007000000080005000300000014000600' +
          'fe800000000000000000000000000002',
      ],
      [
        {
          op: 'add',
          id: 8,
          protocol: 186,
          group: [
            { id: 6, weight: 1 },
            { id: 7, weight: 256 },
          ],
        },
        '340000006800010601000000000000000000ba000000000008000100080000001400020006000000000000000700' + '0000ff000000',
      ],
      [{ op: 'delete', id: 7, protocol: 186 }, '2000000069000100010000000000000000000000000000000800010007000000'],
    ];
    const writer = new NexthopEncoder((device) => Math.max(0, DEVICES.indexOf(device)));
    for (const [change, hex] of changes) {
      const octets = new Uint8Array(writer.room(change));
      const length = writer.put(new DataView(octets.buffer), octets, 0, change, 1);
      expect(hexOf(octets.subarray(0, length)), change.op).to.equal(hex);
      if (change.op === 'delete') continue;
      const { op, ...object } = change;
      expect(
        decodeNexthop(only(octets.subarray(0, length)), (index) => DEVICES[index] ?? '?'),
        op,
      ).to.deep.equal(object);
    }
    const lost: NexthopChange = { op: 'add', id: 7, protocol: 186, hop: { gateway: '10.0.0.2', device: 'eth7' } };
    expect(() => writer.put(new DataView(new ArrayBuffer(200)), new Uint8Array(200), 0, lost, 1)).to.throw(
      UnknownDevice,
    );
  });

  it('takes objects of kinds that it does not write for such, and cut ones for errors', () => {
    // A blackhole (attribute 4) and a way with an encapsulation (7).
    for (const attribute of ['04000400', '08000700' + '01000000']) {
      const body = '02000400' + '00000000' + '0800010007000000' + attribute;
      const message = octetsOf(
        `${(16 + body.length / 2).toString(16).padStart(2, '0')}000000` + '68000000' + '0100000000000000' + body,
      );
      expect(decodeNexthop(only(message), () => 'eth0')).to.deep.equal({ id: 7, protocol: 4 });
    }
    const short = octetsOf('14000000' + '68000000' + '0100000000000000' + '02000400');
    expect(() => decodeNexthop(only(short), () => 'eth0')).to.throw(KernelError, /cut short/);
  });

  it('writes what it reads, of every kind', () => {
    const bodies4 = [
      via('10.0.0.2'),
      via('fe80::2'),
      BLACKHOLE,
      routeBody({ type: 'prohibit', hops: [] }),
      routeBody({ type: 'unicast', hops: [{ device: 'eth0' }] }),
      routeBody({
        type: 'unicast',
        hops: [
          { gateway: '10.0.0.2', device: 'eth0', weight: 3 },
          { gateway: 'fe80::2', device: 'lo', weight: 256, onlink: true },
        ],
        source: '10.0.0.1',
        mtu: 9000,
      }),
    ];
    const bodies6 = [via('2001:db8::2'), via('fe80::2', { source: '2001:db8::1', mtu: 1280 }), BLACKHOLE, SEVERAL];
    const prefixes4 = ['0.0.0.0/0', '10.0.0.0/8', '10.1.2.3/32', '255.255.255.254/31'];
    const prefixes6 = ['::/0', '2001:db8::/32', 'ff00:1:2:3:4:5:6:7/128'];
    const reader = decoder();
    const writer = encoder();
    for (const [prefixes, bodies] of [
      [prefixes4, bodies4],
      [prefixes6, bodies6],
    ] as const) {
      for (const prefix of prefixes) {
        for (const body of bodies) {
          for (const table of [1, 254, 255, 256, 0xffffffff]) {
            const route = { prefix, table, protocol: 201, metric: 0xfffffffe, body };
            const seen = reader.decode(only(encode(writer, { op: 'add', ...route })))!;
            expect({ ...seen, body: seen.body.stateKey }).to.deep.equal({ ...route, tos: 0, body: body.stateKey });
          }
        }
      }
    }
  });

  it('refuses octets that are cut short or altered with EPROTO, or reads something', () => {
    const vectors = [...DUMPED.map(([, hex]) => octetsOf(hex)), ...EXCHANGED.map(([, , hex]) => octetsOf(hex))];
    const read = (octets: Uint8Array): void => {
      try {
        forEachMessage(octets, (message) => {
          if (message.type === 2) acknowledgement(message);
          else decoder().decode(message);
        });
      } catch (error) {
        expect(error).to.be.instanceOf(KernelError).with.property('code', 'EPROTO');
      }
    };
    for (const vector of vectors) {
      for (let length = 1; length < vector.length; length++) {
        const cut = vector.slice(0, length);
        expect(() => forEachMessage(cut, () => undefined)).to.throw(KernelError);
        // Shorter, and true to it.
        if (length >= 4) new DataView(cut.buffer).setUint32(0, length, true);
        read(cut);
      }
    }
    fc.assert(
      fc.property(
        fc.nat(vectors.length - 1),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (which, edits) => {
          const octets = vectors[which]!.slice();
          for (const [at, value] of edits) octets[at % octets.length] = value;
          read(octets);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('knows links by index and by name, and tells when either stands for another', () => {
    let renumbered = 0;
    const links = new LinkTable(() => renumbered++);
    const link = (type: number, index: number, name: string, family = 0): NetlinkMessage => {
      const octets = new Uint8Array(16 + 16 + 4 + 8);
      const view = new DataView(octets.buffer);
      view.setUint32(0, octets.length, true);
      view.setUint16(4, type, true);
      octets[16] = family;
      view.setInt32(20, index, true);
      view.setUint32(24, 0x10000, true);
      view.setUint16(32, 4 + name.length + 1, true);
      view.setUint16(34, 3, true);
      octets.set(new TextEncoder().encode(name), 36);
      return only(octets);
    };
    expect(links.take(link(16, 3, 'eth1'))).to.deep.equal({ index: 3, name: 'eth1', up: true });
    expect(renumbered).to.equal(1);
    links.take(link(16, 3, 'eth1'));
    expect(renumbered).to.equal(1);
    expect(links.take(link(17, 3, 'eth1', 7)), 'left a bridge').to.equal(null);
    expect(links.index('eth1')).to.equal(3);
    links.take(link(16, 3, 'wan0'));
    expect([links.index('eth1'), links.index('wan0'), links.name(3)]).to.deep.equal([0, 3, 'wan0']);
    links.take(link(16, 4, 'eth1'));
    expect(links.take(link(17, 4, 'eth1'))).to.include({ name: 'eth1', up: false });
    expect(links.index('eth1')).to.equal(0);
    expect(renumbered).to.equal(4);
  });

  it('says where there is none', () => {
    expect(whyNoNetlink('darwin', 'arm64')).to.match(/this is darwin/);
    expect(whyNoNetlink('linux', 'mips')).to.match(/processors of type mips/);
  });

  describe('ChangeSender', () => {
    /** Answers what a test wants of each frame. */
    class FakeSocket {
      readonly frames: RouteChange['op'][][] = [];
      readonly #answers: Uint8Array[] = [];
      closed = false;
      sent: Promise<void> = Promise.resolve();

      /** @param errnoOf what is wrong with a request, by its position in the frame; null: no answer at all */
      constructor(readonly errnoOf: (position: number, count: number) => number | null = () => 0) {}

      allowSending(): void {
        // There is always room.
      }

      async sendLater(octets: Uint8Array, length: number): Promise<void> {
        const requests: NetlinkMessage[] = [];
        forEachMessage(octets.subarray(0, length), (message) => void requests.push({ ...message }));
        this.frames.push(requests.map(({ type }) => (type === 25 ? 'delete' : 'add')));
        requests.forEach(({ sequence, flags }, position) => {
          const errno = this.errnoOf(position, requests.length);
          const isLast = position === requests.length - 1;
          expect((flags & 4) !== 0, 'only the last one asks for an answer').to.equal(isLast);
          if (errno === null || (errno === 0 && !isLast)) return;
          const answer = new Uint8Array(36);
          const view = new DataView(answer.buffer);
          view.setUint32(0, 36, true);
          view.setUint16(4, 2, true);
          view.setUint16(6, 0x100, true);
          view.setUint32(8, sequence, true);
          view.setInt32(16, -errno, true);
          this.#answers.push(answer);
        });
        await this.sent;
      }

      receive(into: Uint8Array): number {
        const answer = this.#answers.shift();
        if (answer) into.set(answer);
        return answer?.length ?? 0;
      }

      close(): void {
        this.closed = true;
      }
    }

    const rig = (...sockets: FakeSocket[]): ChangeSender => {
      const left = [...sockets];
      return new ChangeSender(() => left.shift() as unknown as NetlinkSocket);
    };
    const adds = (count: number): RouteChange[] =>
      Array.from({ length: count }, (_, i) => change('add', `10.${i >> 8}.${i & 255}.0/24`, via('10.0.0.2')));

    it('puts batches together while the kernel is busy, and tells each its own failures', async () => {
      const socket = new FakeSocket((position, count) => (position % 400 === 0 || position === count - 1 ? 17 : 0));
      const sender = rig(socket);
      const first = sender.write(adds(3), encoder());
      const others = [
        sender.write(adds(300), encoder()),
        sender.write(adds(300), encoder()),
        sender.write(adds(300), encoder()),
      ];
      expect((await first).map(({ index }) => index)).to.deep.equal([0, 2]);
      const failures = await Promise.all(others);
      expect(failures.map((each) => each.map(({ index, code }) => `${index} ${code}`))).to.deep.equal([
        ['0 EEXIST'],
        ['100 EEXIST'],
        ['200 EEXIST', '299 EEXIST'],
      ]);
      expect(socket.frames.map(({ length }) => length)).to.deep.equal([3, 900]);
      // One that is too large for one call.
      expect(await sender.write(adds(3000), encoder())).to.not.deep.equal([]);
      expect(Math.max(...socket.frames.map(({ length }) => length))).to.be.within(500, 1000);
    });

    it('names a device that is not there, and writes the rest', async () => {
      const socket = new FakeSocket();
      const nowhere = routeBody({ type: 'unicast', hops: [{ gateway: '10.0.0.2', device: 'eth7' }] });
      const sender = rig(socket);
      expect(await sender.write([change('add', '10.1.0.0/16', nowhere), ...adds(2)], encoder())).to.deep.equal([
        { index: 0, code: 'ENODEV', message: new UnknownDevice('eth7').message },
      ]);
      expect(await sender.write([change('add', '10.1.0.0/16', nowhere)], encoder())).to.have.length(1);
      expect(socket.frames).to.deep.equal([['add', 'add']]);
    });

    it('rejects what it does not know the outcome of, and goes on with another socket', async () => {
      const deaf = new FakeSocket(() => null);
      const good = new FakeSocket();
      const sender = rig(deaf, good);
      const outcomes = await Promise.allSettled([sender.write(adds(1), encoder()), sender.write(adds(1), encoder())]);
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
      expect(deaf.closed).to.equal(true);
      expect(await sender.write(adds(1), encoder())).to.deep.equal([]);
      await sender.close();
      expect(good.closed).to.equal(true);
    });

    it('sends less at once after answers were lost, more by and by, and ever less readily where that fails', async () => {
      let kept = 20;
      const sizes: number[] = [];
      const rejections: number[] = [];
      const sender = new ChangeSender(() => {
        const socket = new FakeSocket((position, count) => {
          if (position === 0) sizes.push(count);
          if (count > kept) throw new KernelError('ENOBUFS', 'answers of the kernel were lost');
          return 0;
        });
        return socket as unknown as NetlinkSocket;
      });
      const write = async (times: number): Promise<void> => {
        for (let i = 0; i < times; i++) {
          await sender.write(adds(50), encoder()).catch((error: unknown) => {
            expect(error).to.have.property('code', 'ENOBUFS');
            rejections.push(sizes.length);
          });
        }
      };
      await write(1);
      expect(sizes).to.deep.equal([50]);
      await write(150);
      const between = rejections.map((at, i) => at - (rejections[i - 1] ?? 0));
      expect(rejections).to.have.length.within(4, 6);
      // Frames from one loss to the next: more each time.
      expect(between.slice(1)).to.deep.equal([...between.slice(1)].sort((a, b) => a - b));
      kept = Infinity;
      const losses = rejections.length;
      await write(1500);
      expect(rejections).to.have.length(losses);
      expect(sizes.at(-1), 'as many as at first').to.equal(50);
    });

    it('closes a socket only when the kernel has done with it', async () => {
      const slow = new FakeSocket();
      let release = (): void => undefined;
      slow.sent = new Promise((resolve) => (release = resolve));
      const sender = rig(slow, new FakeSocket());
      const lost = sender.write(adds(1), encoder()).catch((error: unknown) => error);
      sender.reset(new KernelError('ETIMEDOUT', 'test'));
      expect(await lost).to.have.property('code', 'ETIMEDOUT');
      expect(slow.closed).to.equal(false);
      const next = sender.write(adds(1), encoder());
      release();
      expect(await next).to.deep.equal([]);
      expect(slow.closed).to.equal(true);
    });
  });
});
