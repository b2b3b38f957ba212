import { expect } from 'chai';
import { seededRandom, type MemoryTransport } from '../../lib/sim/index.js';
import * as bgp from '../interop/harness/messages.js';
import { goodUpdates } from './attribute-cases.js';
import { goodOpen, ROUTE_REFRESH } from './cases.js';
import { AS, HostileConnection, R, Stage, type Progress } from './stage.js';

const STATES: readonly Progress[] = ['OpenSent', 'OpenConfirm', 'Established'];
/** The speaker's own identifier is 10.0.0.1. */
const openOf = (routerId: string) => bgp.open({ asn: AS, routerId, afis: [1, 2] });
const HIGHER = openOf('10.9.9.9');
const LOWER = openOf('1.1.1.1');

/** What takes more than one message, or time; against one speaker that runs all the time. */
describe('hostile neighbors, scenarios', () => {
  const stage = new Stage();
  const { lab } = stage;
  before(() => stage.open());
  afterEach(() => stage.clear());

  const state = (address: string) => stage.speaker.neighbor(address).state;

  /** Connections that the speaker makes to a host, oldest first. */
  function listenOn(host: MemoryTransport): HostileConnection[] {
    const accepted: HostileConnection[] = [];
    void host.listen({ address: '0.0.0.0', port: 179 }, (connection) =>
      accepted.push(new HostileConnection(connection)),
    );
    return accepted;
  }

  /** A neighbor that the speaker has connected to, in a state, and that connects to the speaker too. */
  async function collide(to: Progress, open: Buffer) {
    const { address, host } = stage.newcomer('ibgp', { passive: false });
    const accepted = listenOn(host);
    await lab.clock.runAsync(10);
    const ours = accepted[0]!;
    await stage.advance(ours, to, open);
    const theirs = await stage.connect(host);
    await lab.clock.runAsync(10);
    return { address, host, ours, theirs };
  }

  describe('collisions (RFC 4271 section 6.8)', () => {
    for (const [which, open] of [
      ['higher', HIGHER],
      ['lower', LOWER],
    ] as const) {
      it(`OpenSent, ${which} identifier: nothing is decided before the OPENs are there`, async () => {
        const { address, ours, theirs } = await collide('OpenSent', open);
        expect([ours.notifications, theirs.notifications]).to.deep.equal([[], []]);
        theirs.send(open);
        await lab.clock.runAsync(20);
        expect([ours.isClosed, theirs.isClosed]).to.deep.equal([false, false]);
        ours.send(open);
        await lab.clock.runAsync(20);
        const [kept, lost] = which === 'higher' ? [theirs, ours] : [ours, theirs];
        expect(lost.notifications).to.deep.equal(['6/7']);
        kept.send(bgp.keepalive());
        await lab.clock.runAsync(20);
        expect(state(address)).to.equal('Established');
        await stage.checkOthers();
      });

      it(`OpenConfirm, ${which} identifier: ${which === 'higher' ? 'theirs' : 'ours'} survives`, async () => {
        const { address, ours, theirs } = await collide('OpenConfirm', open);
        theirs.send(open);
        await lab.clock.runAsync(1100);
        const [kept, lost] = which === 'higher' ? [theirs, ours] : [ours, theirs];
        expect(lost.notifications).to.deep.equal(['6/7']);
        expect(kept.notifications).to.deep.equal([]);
        kept.send(bgp.keepalive());
        await lab.clock.runAsync(20);
        expect(state(address)).to.equal('Established');
        await stage.checkOthers();
      });

      it(`Established, ${which} identifier: the session stays`, async () => {
        const { address, ours, theirs } = await collide('Established', open);
        theirs.send(open, bgp.keepalive());
        await lab.clock.runAsync(1100);
        expect(theirs.notifications).to.deep.equal(['6/7']);
        expect(ours.isClosed).to.equal(false);
        expect(stage.speaker.neighbor(address)).to.include({ state: 'Established', established: 1 });
        await stage.checkOthers();
      });
    }

    it('Connect: the connection of the neighbor is taken while ours is not answered', async () => {
      const { address, host } = stage.newcomer('ibgp', { passive: false });
      lab.network.cut(R, address);
      await lab.clock.runAsync(50);
      lab.network.restore(R, address);
      await lab.clock.runAsync(50);
      expect(state(address)).to.equal('Connect');
      const theirs = await stage.connect(host);
      theirs.send(HIGHER, bgp.keepalive());
      await lab.clock.runAsync(50);
      expect(state(address)).to.equal('Established');
      await stage.checkOthers();
    });

    it('a second connection that says nothing does not hinder the first', async () => {
      for (const to of STATES) {
        const { address, ours } = await collide(to, LOWER);
        if (to === 'OpenSent') ours.send(LOWER);
        ours.send(bgp.keepalive());
        await lab.clock.runAsync(50);
        expect(state(address), to).to.equal('Established');
        await stage.checkOthers();
      }
    });

    it('garbage on the second connection costs only that', async () => {
      for (const to of STATES) {
        const { address, ours, theirs } = await collide(to, LOWER);
        theirs.send(Buffer.alloc(40));
        await lab.clock.runAsync(20);
        expect(theirs.notifications, to).to.deep.equal(['1/1']);
        expect(ours.isClosed, to).to.equal(false);
        expect(state(address)).to.equal(to);
        await stage.checkOthers();
      }
    });
  });

  describe('silence', () => {
    for (const [to, seconds] of [
      ['OpenSent', 240],
      ['OpenConfirm', 3],
      ['Established', 3],
    ] as const) {
      it(`in ${to}: NOTIFICATION 4/0 after ${seconds} s (RFC 4271 section 6.5)`, async () => {
        const { address, host } = stage.newcomer();
        const connection = await stage.connect(host);
        await stage.advance(connection, to, goodOpen('ibgp', 3));
        await lab.clock.runAsync(seconds * 1000 - 100);
        expect(state(address)).to.equal(to);
        await lab.clock.runAsync(200);
        expect(connection.notifications).to.deep.equal(['4/0']);
        expect(connection.isClosed).to.equal(true);
        await stage.checkOthers();
      });

      it(`in ${to}, in the middle of a message: the same`, async () => {
        const { address, host } = stage.newcomer();
        const connection = await stage.connect(host);
        await stage.advance(connection, to, goodOpen('ibgp', 3));
        // Octets that never become a message do not keep a session alive.
        for (let i = 0; i < 10; i++) {
          connection.send(bgp.update({ announced: [], attributes: [] }).subarray(i * 2, i * 2 + 2));
          await lab.clock.runAsync((seconds * 1000 - 200) / 10);
        }
        expect(state(address)).to.equal(to);
        await lab.clock.runAsync(400);
        expect(connection.notifications).to.deep.equal(['4/0']);
        await stage.checkOthers();
      });
    }
  });

  describe('half-open connections', () => {
    for (const to of STATES) {
      it(`${to}: the neighbor loses power and comes back: the old connection is not in the way for long`, async () => {
        const { address, host } = stage.newcomer();
        const old = await stage.connect(host);
        await stage.advance(old, to, goodOpen());
        if (to === 'Established') old.send(...goodUpdates('ibgp'));
        await lab.clock.runAsync(50);
        host.crash();
        await lab.clock.runAsync(1000);
        let fresh = await stage.connect(host);
        fresh.send(goodOpen(), bgp.keepalive());
        await lab.clock.runAsync(50);
        if (to === 'Established') {
          // RFC 4271 section 6.8: an Established session is not given up for another connection, but its hold timer runs.
          expect(fresh.notifications).to.deep.equal(['6/7']);
          await lab.clock.runAsync(91_000);
          expect(stage.others, 'routes after the hold time').to.deep.equal([]);
          fresh = await stage.connect(host);
          fresh.send(goodOpen(), bgp.keepalive());
          await lab.clock.runAsync(50);
        }
        expect(state(address)).to.equal('Established');
        await stage.checkOthers();
      });

      it(`${to}: the link is cut: given up by a timer, up again when it is mended`, async () => {
        const { address, host } = stage.newcomer();
        const old = await stage.connect(host);
        await stage.advance(old, to, goodOpen());
        lab.network.cut(R, address);
        await lab.clock.runAsync(241_000);
        expect(state(address)).to.equal('Active');
        lab.network.restore(R, address);
        await lab.clock.runAsync(100);
        const fresh = await stage.connect(host);
        fresh.send(goodOpen(), bgp.keepalive());
        await lab.clock.runAsync(50);
        expect(state(address)).to.equal('Established');
        await stage.checkOthers();
      });

      it(`${to}: the neighbor hangs up without a word, again and again`, async () => {
        const { address, host } = stage.newcomer();
        for (let i = 0; i < 10; i++) {
          const connection = await stage.connect(host);
          await stage.advance(connection, to, goodOpen());
          expect(state(address)).to.equal(to);
          connection.connection.destroy();
          await lab.clock.runAsync(500);
          expect(state(address)).to.equal('Active');
        }
        await stage.checkOthers();
      });
    }
  });

  describe('messages that arrive in pieces', () => {
    const session = [goodOpen(), bgp.keepalive(), ...goodUpdates('ibgp'), bgp.update({ withdrawn: ['10.66.0.0/24'] })];
    const stream = Buffer.concat(session);
    const held = ['10.66.1.0/24', '2001:db8:66:1::/64', '2001:db8:66::/64'].sort();

    it(`cut at every one of ${stream.length} octets`, async function () {
      this.timeout(60_000);
      for (let at = 1; at < stream.length; at++) {
        const { address, host } = stage.newcomer();
        const connection = await stage.connect(host);
        connection.send(stream.subarray(0, at));
        await lab.clock.runAsync(10);
        connection.send(stream.subarray(at));
        await lab.clock.runAsync(40);
        expect(connection.notifications, `cut at ${at}`).to.deep.equal([]);
        expect(state(address), `cut at ${at}`).to.equal('Established');
        expect(stage.others, `cut at ${at}`).to.deep.equal(held);
        stage.speaker.removeNeighbor(address);
        await lab.clock.runAsync(20);
        if (at % 25 === 0) await stage.checkOthers();
      }
      await stage.checkOthers();
    });

    it('octet by octet', async () => {
      const { address, host } = stage.newcomer();
      const connection = await stage.connect(host);
      for (const octet of stream) connection.send(Buffer.of(octet));
      await lab.clock.runAsync(100);
      expect(state(address)).to.equal('Established');
      expect(stage.others).to.deep.equal(held);
      await stage.checkOthers();
    });

    it('in random pieces, many sessions at once', async () => {
      const random = seededRandom(4711);
      const peers = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const { address, host } = stage.newcomer();
          return { address, connection: await stage.connect(host), at: 0 };
        }),
      );
      while (peers.some((peer) => peer.at < stream.length)) {
        for (const peer of peers) {
          const end = peer.at + Math.floor(random() * 30);
          if (peer.at < stream.length) peer.connection.send(stream.subarray(peer.at, end));
          peer.at = end;
        }
        await lab.clock.runAsync(3);
      }
      await lab.clock.runAsync(50);
      for (const { address } of peers) expect(state(address)).to.equal('Established');
      await stage.checkOthers();
    });

    it('a flaw is told wherever the message is cut', async () => {
      const flawed = bgp.message(bgp.UPDATE, Buffer.from([0, 6, 33, 10, 66, 1, 0, 0, 0, 0]));
      for (let at = 1; at < flawed.length; at++) {
        const { host } = stage.newcomer();
        const connection = await stage.connect(host);
        await stage.advance(connection, 'Established', goodOpen());
        connection.send(flawed.subarray(0, at));
        await lab.clock.runAsync(5);
        connection.send(flawed.subarray(at));
        await lab.clock.runAsync(20);
        expect(connection.notifications, `cut at ${at}`).to.deep.equal(['3/10']);
      }
      await stage.checkOthers();
    });
  });

  describe('floods', () => {
    const many = (message: Buffer, count: number) => Buffer.concat(new Array<Buffer>(count).fill(message));

    for (const [what, message, count] of [
      ['KEEPALIVE', bgp.keepalive(), 200_000],
      ['End-of-RIB', bgp.update({}), 100_000],
      ['ROUTE-REFRESH', bgp.message(ROUTE_REFRESH, Buffer.from([0, 1, 0, 1])), 50_000],
      ['flawed UPDATEs', bgp.update({ attributes: [bgp.attribute.origin(9)], announced: ['10.66.0.0/24'] }), 20_000],
    ] as const) {
      it(`${count} ${what} in one go: the session goes on, and so does everybody else`, async function () {
        this.timeout(60_000);
        const { address, host } = stage.newcomer();
        const connection = await stage.connect(host);
        await stage.advance(connection, 'Established', goodOpen());
        connection.send(many(message, count));
        await lab.clock.runAsync(100);
        await stage.checkOthers();
        await lab.clock.runAsync(2000);
        expect(connection.notifications).to.deep.equal([]);
        expect(state(address)).to.equal('Established');
        await stage.checkOthers();
      });
    }

    it('NOTIFICATIONs while the OPEN is under way: the wait doubles, others notice nothing', async () => {
      const { address, host } = stage.newcomer('ibgp', { passive: false, connectRetry: 1, connectRetryMax: 60 });
      const accepted: number[] = [];
      void host.listen({ address: '0.0.0.0', port: 179 }, (connection) => {
        accepted.push(lab.clock.now());
        new HostileConnection(connection).send(bgp.message(bgp.NOTIFICATION, Buffer.from([2, 7])));
      });
      await lab.clock.runAsync(300_000);
      const gaps = accepted.slice(1).map((at, i) => at - accepted[i]!);
      const expected = [1, 2, 4, 8, 16, 32, 60, 60];
      expect(gaps.length).to.be.at.least(7);
      gaps.forEach((gap, i) => {
        const seconds = expected[Math.min(i, 7)]!;
        expect(gap / 1000, `gap ${i}`).to.be.within(seconds * 0.75, seconds * 1.01 + 0.1);
      });
      expect(stage.speaker.neighbor(address).lastError).to.include({ direction: 'received', code: 2, subcode: 7 });
      await stage.checkOthers();
    });

    it('2,000 connections from one address: some are answered, the rest are closed, the session comes up all the same', async () => {
      const { address, host } = stage.newcomer();
      const connections: HostileConnection[] = [];
      for (let i = 0; i < 2000; i++) {
        host.connect(
          { remote: { address: R, port: 179 } },
          { onConnect: (c) => connections.push(new HostileConnection(c)), onError: () => undefined },
        );
      }
      await lab.clock.runAsync(50);
      await stage.checkOthers();
      expect(connections.filter((c) => c.has(bgp.OPEN)).length).to.be.within(1, 30);
      expect(connections.filter((c) => !c.isClosed).length).to.be.at.most(2);
      await lab.clock.runAsync(5000);
      const session = await stage.connect(host);
      session.send(goodOpen(), bgp.keepalive());
      await lab.clock.runAsync(50);
      expect(state(address)).to.equal('Established');
      await stage.checkOthers();
    });
  });
});
