import { expect } from 'chai';
import fc from 'fast-check';
import { MessageError } from '../../../lib/bgp/wire/errors.js';
import { frame, MESSAGE_TYPE } from '../../../lib/bgp/wire/header.js';
import { encodeShutdownCommunication } from '../../../lib/bgp/wire/shutdown-communication.js';
import { CAPABILITIES, EMPTY_UPDATE, openOf, Rig } from './rig.js';
import { KEEPALIVE } from '../../../lib/bgp/wire/messages/keepalive.js';

type State = 'OpenSent' | 'OpenConfirm' | 'Established';
const MARKER = 'ff'.repeat(16);
const raw = (text: string): Uint8Array => Buffer.from(text, 'hex');
const text = (octets: string): Uint8Array => new TextEncoder().encode(octets);

/** What a peer may send, the state in which it does, and the NOTIFICATION that it gets. */
const WRONG: readonly [what: string, state: State, sent: Uint8Array, answer: string][] = [
  ['an HTTP request', 'OpenSent', text('GET / HTTP/1.1\r\nHost: example.net\r\n\r\n'), '1/1'],
  ['a bad marker', 'Established', raw('ff'.repeat(15) + 'fe001304'), '1/1'],
  ['a length of 4097', 'OpenSent', raw(`${MARKER}100102`), '1/2 1001'],
  ['a length of 65535', 'Established', raw(`${MARKER}ffff02`), '1/2 ffff'],
  ['a length of 18', 'Established', raw(`${MARKER}001202`), '1/2 0012'],
  ['a KEEPALIVE of 20 octets', 'Established', raw(`${MARKER}00140400`), '1/2 0014'],
  ['an UPDATE of 22 octets', 'Established', raw(`${MARKER}001602000000`), '1/2 0016'],
  ['an OPEN of 28 octets', 'OpenSent', raw(`${MARKER}001c01${'00'.repeat(9)}`), '1/2 001c'],
  ['message type 0', 'Established', raw(`${MARKER}001300`), '1/3 00'],
  ['message type 6', 'OpenSent', raw(`${MARKER}001306`), '1/3 06'],
  ['BGP version 3', 'OpenSent', openOf({ version: 3 }), '2/1 0004'],
  ['a wrong AS', 'OpenSent', openOf({ myAs: 64999, capabilities: [] }), '2/2'],
  ['AS 0', 'OpenSent', openOf({ myAs: 0, capabilities: [] }), '2/2'],
  ['BGP Identifier 0.0.0.0', 'OpenSent', openOf({ bgpId: 0 }), '2/3'],
  ['our BGP Identifier', 'OpenSent', openOf({ bgpId: 0x0a000001 }), '2/3'],
  ['hold time 1', 'OpenSent', openOf({ holdTime: 1 }), '2/6'],
  ['hold time 2', 'OpenSent', openOf({ holdTime: 2 }), '2/6'],
  [
    'no family of ours',
    'OpenSent',
    openOf({ capabilities: [{ code: 1, name: 'MULTIPROTOCOL', afi: 25, safi: 70 }, ...CAPABILITIES.slice(3)] }),
    '2/7 010400010001010400020001',
  ],
  [
    'an Optional Parameter that is no capability',
    'OpenSent',
    raw(`${MARKER}002001${'04fc00005a0a00000203010100'}`),
    '2/4',
  ],
  ['UPDATE before OPEN', 'OpenSent', EMPTY_UPDATE, '5/1 02'],
  ['KEEPALIVE before OPEN', 'OpenSent', KEEPALIVE, '5/1 04'],
  ['ROUTE-REFRESH before OPEN', 'OpenSent', raw(`${MARKER}00170500010001`), '5/1 05'],
  ['a second OPEN', 'OpenConfirm', openOf(), '5/2 01'],
  ['UPDATE before KEEPALIVE', 'OpenConfirm', EMPTY_UPDATE, '5/2 02'],
  ['an OPEN in Established', 'Established', openOf(), '5/3 01'],
  ['a ROUTE-REFRESH that is too short', 'Established', raw(`${MARKER}001505${'0001'}`), `7/1 ${MARKER}0015050001`],
];

describe('a peer that does wrong', () => {
  for (const [what, state, sent, answer] of WRONG) {
    it(`by sending ${what} in ${state} hears ${answer} and is held back`, () => {
      const rig = new Rig();
      const script = rig.upTo(state);
      script.send(sent);
      rig.settle();
      expect(script.notifications).to.deep.equal([answer]);
      expect(script.isClosed).to.equal(true);
      expect(rig.peer.state).to.equal('Idle');
      const [code, subcode] = answer.split(/[/ ]/).map(Number);
      expect(rig.peer.lastError).to.include({ direction: 'sent', code, subcode, data: answer.split(' ')[1] ?? '' });
      expect(rig.peer.reason).to.match(/^sent .*; refusing connections, next attempt in [45] s$/);
      // Held back: what dials in meanwhile is closed, then the next attempt comes.
      rig.dial();
      expect(rig.accepted).to.deep.equal([false]);
      rig.clock.runUntil(() => rig.peer.state === 'OpenSent', 5001);
    });
  }

  it('is told what is wrong with an UPDATE, as the owner says', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    rig.recorder.answer = new MessageError(3, 11, 'segment type 7', Uint8Array.of(2, 7));
    // The second UPDATE comes too late to be looked at.
    script.send(Buffer.concat([EMPTY_UPDATE, EMPTY_UPDATE]));
    rig.settle();
    expect(script.notifications).to.deep.equal(['3/11 0207']);
    expect(rig.recorder.updates).to.have.length(1);
    expect(rig.recorder.log.slice(-2)).to.deep.equal([
      'down: sent UPDATE Message Error/Malformed AS_PATH: segment type 7',
      'Established > Idle: sent UPDATE Message Error/Malformed AS_PATH: segment type 7',
    ]);
    expect(rig.peer.lastError?.text).to.equal('UPDATE Message Error/Malformed AS_PATH: segment type 7');
  });

  it('by saying nothing hears 4/0 after 4 minutes', () => {
    const rig = new Rig();
    const script = rig.upTo('OpenSent');
    rig.settle(239000);
    expect(script.heard).to.deep.equal(['OPEN']);
    rig.settle(1100);
    expect(script.notifications).to.deep.equal(['4/0']);
  });

  it('by sending single octets for ever does not keep the session alive', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    const long = frame(MESSAGE_TYPE.update, new Uint8Array(3000));
    for (let i = 0; i < 100 && rig.peer.state === 'Established'; i++) {
      script.send(long.subarray(i, i + 1));
      rig.settle(1000);
    }
    expect(script.notifications).to.deep.equal(['4/0']);
  });

  it('is never answered when its NOTIFICATION is wrong (RFC 4271 6.4)', () => {
    const wrong = [raw(`${MARKER}001403ff`), raw(`${MARKER}100103`), frame(MESSAGE_TYPE.notification, raw('ffff'))];
    for (const state of ['OpenSent', 'OpenConfirm', 'Established'] as const) {
      for (const message of wrong) {
        const rig = new Rig();
        const script = rig.upTo(state);
        script.send(message);
        rig.settle();
        expect(script.notifications).to.deep.equal([]);
        expect(script.isClosed).to.equal(true);
      }
    }
  });

  it('cannot make a session throw, whatever it sends', () => {
    const message = fc.constantFrom(openOf(), KEEPALIVE, EMPTY_UPDATE, raw(`${MARKER}00170500010001`));
    const broken = fc
      .tuple(message, fc.nat({ max: 60 }), fc.nat({ max: 255 }))
      .map(([octets, at, value]) => Uint8Array.from(octets, (octet, i) => (i === at ? value : octet)));
    const garbage = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(
        fc.array(fc.oneof<fc.Arbitrary<Uint8Array>[]>(message, broken, garbage), { maxLength: 8 }),
        (chunks) => {
          const rig = new Rig();
          const script = rig.upTo('OpenSent');
          script.send(...chunks.filter((chunk) => chunk.length > 0));
          rig.settle();
          // At most one NOTIFICATION, and it is the last word.
          const said = script.heard.findIndex((words) => words.startsWith('NOTIFICATION'));
          return said === -1 || said === script.heard.length - 1;
        },
      ),
    );
  });
});

describe('a NOTIFICATION from the peer', () => {
  it('is kept decoded, with its shutdown communication (RFC 9003)', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    script.notify(6, 2, encodeShutdownCommunication('wartung – bis 5'));
    rig.settle();
    expect(rig.peer.lastError).to.deep.equal({
      at: rig.clock.wallTime() - 9,
      direction: 'received',
      text: 'Cease/Administrative Shutdown',
      code: 6,
      subcode: 2,
      data: '1177617274756e6720e28093206269732035',
      message: 'wartung – bis 5',
    });
    expect(rig.recorder.log.at(-1)).to.equal(
      'Established > Active: received Cease/Administrative Shutdown: wartung – bis 5',
    );
    expect(rig.peer.reason).to.match(/^received Cease.*bis 5; next attempt in [45] s$/);
  });

  it('that is a Cease lets the peer come back at once', () => {
    const rig = new Rig();
    rig.upTo('Established').notify(6, 4);
    rig.settle();
    rig.dial();
    rig.settle();
    rig.script.open().keepalive();
    rig.settle();
    expect(rig.peer.state).to.equal('Established');
  });

  it('is still the last error after attempts that failed to connect, not after the loss of a session', () => {
    const rig = new Rig();
    rig.upTo('Established').notify(6, 2);
    rig.settle();
    rig.far.crash();
    rig.clock.runUntil(() => rig.peer.reason?.startsWith('connection refused') === true, 10000);
    expect(rig.peer.lastError).to.include({ code: 6, subcode: 2 });
    rig.listening();
    rig.clock.runUntil(() => rig.peer.state === 'OpenSent', 60000);
    rig.settle();
    rig.script.open().keepalive();
    rig.settle();
    rig.script.connection.destroy();
    rig.settle();
    expect(rig.peer.lastError).to.include({ direction: 'local', text: 'connection closed by the peer' });
  });

  it('that blames us holds us back', () => {
    const rig = new Rig();
    rig.upTo('Established').notify(3, 1);
    rig.settle();
    expect(rig.peer.state).to.equal('Idle');
    rig.dial();
    expect(rig.accepted).to.deep.equal([false]);
  });
});
