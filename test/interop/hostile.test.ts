import { expect } from 'chai';
import { Bird, RawPeer, Tsbgp, bgp, established, eventually, holds, lab, steadily } from './harness/index.js';
import type { RawConnection } from './harness/index.js';

/** 4096 octets a message: what is longer must be refused. */
const SHORT = { extendedMessages: false };
const AS = 64512;
const WITNESS = ['10.1.0.0/24', '10.2.0.0/24'];

interface Case {
  readonly what: string;
  /** How far the neighbor behaves before. */
  readonly from: 'connected' | 'established';
  readonly send: readonly Buffer[];
  /** `code/subcode`, with its data where an RFC says what that must be. */
  readonly notification: string;
  /** Hold time of a good OPEN. */
  readonly holdTime?: number;
}

const ok = { asn: AS, routerId: '10.9.9.9' };
const route = [bgp.attribute.origin(0), bgp.attribute.asPath(), bgp.attribute.nextHop('10.0.0.50')];
const localPref = bgp.attribute.localPref(100);
const badMarker = bgp.keepalive().fill(0, 3, 4);

const CASES: readonly Case[] = [
  // RFC 4271 6.1
  { what: 'garbage', from: 'connected', send: [Buffer.alloc(64, 'garbage!')], notification: '1/1' },
  {
    what: 'an HTTP request',
    from: 'connected',
    send: [Buffer.from('GET / HTTP/1.1\r\nHost: rr\r\n\r\n')],
    notification: '1/1',
  },
  { what: 'a bad marker', from: 'connected', send: [badMarker], notification: '1/1' },
  {
    what: 'an oversized length',
    from: 'connected',
    send: [bgp.message(bgp.OPEN, Buffer.alloc(0), 65535)],
    notification: '1/2 ffff',
  },
  {
    what: 'a length below 19',
    from: 'connected',
    send: [bgp.message(bgp.OPEN, Buffer.alloc(0), 18)],
    notification: '1/2 0012',
  },
  {
    what: 'an OPEN too short',
    from: 'connected',
    send: [bgp.message(bgp.OPEN, Buffer.alloc(5))],
    notification: '1/2 0018',
  },
  { what: 'an unknown message type', from: 'connected', send: [bgp.message(77)], notification: '1/3 4d' },
  // RFC 4271 6.2
  { what: 'version 3', from: 'connected', send: [bgp.open({ ...ok, version: 3 })], notification: '2/1 0004' },
  { what: 'a wrong AS', from: 'connected', send: [bgp.open({ ...ok, asn: 64999 })], notification: '2/2' },
  {
    what: 'BGP Identifier 0',
    from: 'connected',
    send: [bgp.open({ ...ok, routerId: '0.0.0.0' })],
    notification: '2/3',
  },
  {
    what: 'our own BGP Identifier',
    from: 'connected',
    send: [bgp.open({ ...ok, routerId: '10.0.0.100' })],
    notification: '2/3',
  },
  { what: 'hold time 1', from: 'connected', send: [bgp.open({ ...ok, holdTime: 1 })], notification: '2/6' },
  { what: 'hold time 2', from: 'connected', send: [bgp.open({ ...ok, holdTime: 2 })], notification: '2/6' },
  // RFC 6608
  { what: 'an UPDATE before its OPEN', from: 'connected', send: [bgp.update({})], notification: '5/1' },
  { what: 'an OPEN in Established', from: 'established', send: [bgp.open(ok)], notification: '5/3' },
  // RFC 4271 6.1, in Established
  { what: 'a bad marker', from: 'established', send: [badMarker], notification: '1/1' },
  {
    what: 'an oversized length',
    from: 'established',
    send: [bgp.message(bgp.UPDATE, Buffer.alloc(4), 4097)],
    notification: '1/2 1001',
  },
  {
    what: 'a KEEPALIVE with a body',
    from: 'established',
    send: [bgp.message(bgp.KEEPALIVE, Buffer.alloc(1))],
    notification: '1/2 0014',
  },
  // RFC 4271 6.3, RFC 7606 3 and 5.3
  {
    what: 'an UPDATE whose withdrawn routes do not fit',
    from: 'established',
    send: [bgp.message(bgp.UPDATE, Buffer.from([0, 200, 0, 0]))],
    notification: '3/1',
  },
  {
    what: 'a prefix of 33 bits',
    from: 'established',
    send: [bgp.update({ attributes: [...route, localPref], announced: ['10.66.0.0/33'] })],
    notification: '3/10',
  },
  {
    what: 'an unknown well-known attribute',
    from: 'established',
    send: [bgp.update({ attributes: [...route, localPref, [0x40, 200, 1, 7]], announced: ['10.66.0.0/24'] })],
    notification: '3/2 40c80107',
  },
  // RFC 4271 6.5
  { what: 'nothing any more, with hold time 3', from: 'established', send: [], notification: '4/0', holdTime: 3 },
];

/** A host of the neighbor for each case: what tsbgp thinks of one must not matter to the next. */
const addressOf = (index: number) => `10.0.0.${150 + index}`;
const NEIGHBORS = {
  silent: addressOf(CASES.length),
  half: addressOf(CASES.length + 1),
  wrongRoute: addressOf(CASES.length + 2),
  /** These are connected to by tsbgp. */
  refusing: addressOf(CASES.length + 3),
  wrongAs: addressOf(CASES.length + 4),
  hangingUp: addressOf(CASES.length + 5),
  mute: addressOf(CASES.length + 6),
  unknown: '10.0.0.99',
};

lab('hostile neighbors', { needs: ['bird'] }, (lab) => {
  let tsbgp: Tsbgp;
  let witness: Bird;
  let raw: RawPeer;
  /** Connections that tsbgp made to each of the listening addresses. */
  const dialed = new Map<string, RawConnection[]>();

  const becomeEstablished = async (from: string, holdTime = 90): Promise<RawConnection> => {
    const connection = await raw.connect(tsbgp.host.v4, from);
    connection.send(bgp.open({ ...ok, holdTime }), bgp.keepalive());
    await connection.message(bgp.KEEPALIVE);
    return connection;
  };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const good = await lab.network.host('bird', [lan, 1]);
    const bad = await lab.network.host('hostile', [lan, 50]);
    const { unknown, refusing, wrongAs, hangingUp, mute, ...accepting } = NEIGHBORS;
    const dials = [refusing, wrongAs, hangingUp, mute];
    const connects = [...CASES.map((_, index) => addressOf(index)), ...Object.values(accepting)];
    await bad.ip(...[...connects, ...dials, unknown].map((address) => `address add ${address}/24 dev eth0`));

    tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: [
        { address: good.v4, peerAs: AS, reflectorClient: true },
        ...connects.map((address) => ({ address, peerAs: AS, reflectorClient: true, passive: true, tsbgp: SHORT })),
        ...dials.map((address) => ({ address, peerAs: AS, reflectorClient: true })),
      ],
    });
    witness = new Bird(good, { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }], announce: WITNESS });
    raw = await RawPeer.start(bad);
    for (const address of [wrongAs, hangingUp, mute]) {
      dialed.set(address, []);
      await raw.listen(address, (connection) => {
        dialed.get(address)!.push(connection);
        if (address === wrongAs) connection.send(bgp.open({ ...ok, asn: 64999 }));
        if (address === hangingUp) connection.end();
      });
    }
    await Promise.all([tsbgp.start(), witness.start()]);
    await established(tsbgp, good.v4);
  });

  for (const [index, { what, from, send, notification, holdTime = 90 }] of CASES.entries()) {
    it(`${what}, ${from}: NOTIFICATION ${notification}`, async () => {
      const address = addressOf(index);
      const connection =
        from === 'established' ? await becomeEstablished(address, holdTime) : await raw.connect(tsbgp.host.v4, address);
      connection.send(...send);
      await connection.message(bgp.NOTIFICATION);
      const [code, data] = notification.split(' ');
      expect(connection.notification?.split(' ')[0]).to.equal(code);
      if (data !== undefined) expect(connection.notification).to.equal(notification);
      await eventually(() => connection.closed, { what: 'the connection is closed', until: (closed) => closed });
      const { lastError, state } = await tsbgp.neighbor(address);
      expect(state).to.not.equal('Established');
      expect(`${lastError?.code}/${lastError?.subcode}`).to.equal(code);
      expect(lastError?.direction).to.equal('sent');
    });
  }

  it('a neighbor that says nothing, or stops in the middle of a message, gets no NOTIFICATION', async () => {
    const silent = await raw.connect(tsbgp.host.v4, NEIGHBORS.silent);
    const half = await raw.connect(tsbgp.host.v4, NEIGHBORS.half);
    half.send(bgp.open(ok).subarray(0, 25));
    await Promise.all([silent.message(bgp.OPEN), half.message(bgp.OPEN)]);
    await steadily(() => !silent.closed && !half.closed, { what: 'both are waited for', forMs: 2000 });
    expect([silent.types, half.types]).to.deep.equal([[bgp.OPEN], [bgp.OPEN]]);
    expect(await tsbgp.sessionState(NEIGHBORS.silent)).to.equal('OpenSent');
  });

  it('an address that is no neighbor is not spoken with', async () => {
    const stranger = await raw.connect(tsbgp.host.v4, NEIGHBORS.unknown);
    await eventually(() => stranger.closed, { what: 'the stranger is sent away', until: (closed) => closed });
    expect(stranger.types).to.not.include(bgp.OPEN);
  });

  it('a malformed attribute costs the route, not the session (RFC 7606)', async () => {
    const connection = await becomeEstablished(NEIGHBORS.wrongRoute);
    const good = [...route, localPref];
    const wrong = [bgp.attribute.origin(9), ...good.slice(1)];
    connection.send(bgp.update({ attributes: good, announced: ['10.61.0.0/24', '10.62.0.0/24'] }));
    const held = WITNESS.map((prefix) => ({ prefix }));
    await holds(tsbgp, 'ipv4', [...held, { prefix: '10.61.0.0/24' }, { prefix: '10.62.0.0/24' }]);
    connection.send(bgp.update({ attributes: wrong, announced: ['10.62.0.0/24', '10.63.0.0/24'] }));
    connection.send(bgp.update({ attributes: good, announced: ['10.64.0.0/24'] }));
    await holds(tsbgp, 'ipv4', [...held, { prefix: '10.61.0.0/24' }, { prefix: '10.64.0.0/24' }]);
    await holds(witness, 'ipv4', [{ prefix: '10.61.0.0/24' }, { prefix: '10.64.0.0/24' }]);
    expect(connection.notification).to.equal(undefined);
    connection.reset();
    await holds(witness, 'ipv4', []);
  });

  it('a neighbor that keeps failing is tried again, less and less often', async () => {
    const { wrongAs, hangingUp, refusing } = NEIGHBORS;
    for (const address of [wrongAs, hangingUp]) {
      const attempts = dialed.get(address)!;
      await eventually(() => attempts.length, { what: `attempts at ${address}`, until: (count) => count >= 4 });
      const gaps = attempts.slice(1, 4).map((attempt, index) => attempt.openedAt - attempts[index]!.openedAt);
      // 1, 2 and 4 seconds, of which jitter takes at most a quarter away (RFC 4271 10). A busy machine may see any of them late.
      expect(gaps[0]!, `gaps ${gaps.join(' ')}`).to.be.greaterThan(500);
      expect(gaps[2]!, `gaps ${gaps.join(' ')}`).to.be.greaterThan(gaps[0]! + 1000);
      expect(gaps[1]! + gaps[2]!, `gaps ${gaps.join(' ')}`).to.be.greaterThan(4000);
    }
    expect(dialed.get(wrongAs)![0]!.notification).to.match(/^2\/2/);
    const view = await tsbgp.neighbor(refusing);
    expect(view.state).to.be.oneOf(['Idle', 'Connect', 'Active']);
    expect(view.reason).to.be.a('string').and.not.equal('');
    expect(view.lastError?.text).to.match(/refused/i);
  });

  it('a neighbor that accepts and says nothing is waited for', async () => {
    const [connection] = dialed.get(NEIGHBORS.mute)!;
    expect(connection?.types).to.deep.equal([bgp.OPEN]);
    expect(connection?.closed).to.equal(false);
    expect(await tsbgp.sessionState(NEIGHBORS.mute)).to.equal('OpenSent');
  });

  it('the good neighbor noticed nothing of all that', async () => {
    const view = await tsbgp.neighbor(witness.host.v4);
    expect(view).to.include({ state: 'Established', established: 1 });
    expect(tsbgp.process.running).to.equal(true);
    await holds(
      tsbgp,
      'ipv4',
      WITNESS.map((prefix) => ({ prefix })),
    );
  });
});
