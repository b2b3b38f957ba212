import { expect } from 'chai';
import { MessageError } from '../../../lib/bgp/wire/errors.js';
import { EMPTY_UPDATE, Rig } from './rig.js';

/** 46000 octets of UPDATEs. */
const FILLER = Buffer.concat(Array<Uint8Array>(2000).fill(EMPTY_UPDATE));

describe('the hold timer', () => {
  it('ends a silent session with 4/0, and listens at once', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    rig.settle(89900);
    expect(rig.peer.state).to.equal('Established');
    rig.settle(200);
    expect(script.notifications).to.deep.equal(['4/0']);
    expect(rig.peer.state).to.equal('Active');
    expect(rig.recorder.log.at(-1)).to.equal(
      'Established > Active: sent Hold Timer Expired: nothing heard within the hold time',
    );
  });

  it('counts from the last whole message, of any kind that means life', () => {
    const rig = new Rig();
    const script = rig.upTo('Established', { holdTime: 9 });
    for (let i = 0; i < 10; i++) {
      rig.settle(8000);
      if (i % 2 === 0) script.keepalive();
      else script.send(EMPTY_UPDATE);
      rig.settle(10);
    }
    expect(rig.peer.state).to.equal('Established');
    rig.settle(9100);
    expect(rig.peer.state).to.equal('Active');
  });

  it('does not run with a hold time of zero, nor do keepalives', () => {
    const rig = new Rig();
    const script = rig.upTo('Established', { holdTime: 0 });
    rig.settle(3600000);
    expect(rig.peer.state).to.equal('Established');
    expect(script.heard).to.deep.equal(['OPEN', 'KEEPALIVE']);
  });
});

describe('keepalives', () => {
  it('leave every third of the hold time, less jitter (RFC 4271 10)', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    const before = script.heard.length;
    script.live(900000);
    // 900 s: between 30 of 30 s and 40 of 22.5 s.
    expect(script.heard.length - before).to.be.within(31, 39);
  });

  it('leave at the interval asked for', () => {
    const rig = new Rig({ keepaliveInterval: 2 });
    const script = rig.upTo('Established');
    script.live(60000);
    expect(script.heard.length).to.be.within(30, 42);
  });

  it('wait while UPDATEs say that we live', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    for (let i = 0; i < 60; i++) {
      rig.peer.send(EMPTY_UPDATE);
      script.live(5000, 5000);
    }
    expect(script.heard.filter((message) => message === 'KEEPALIVE')).to.have.length(1);
  });
});

describe('the send hold timer (RFC 9687)', () => {
  function stuck(options: { sendHoldTime?: number }): { rig: Rig; script: ReturnType<Rig['upTo']> } {
    const rig = new Rig(options);
    const script = rig.upTo('Established');
    script.connection.pause();
    while (rig.peer.send(FILLER));
    return { rig, script };
  }

  it('ends a session whose peer lives but takes nothing, with 8/0', () => {
    const { rig, script } = stuck({ sendHoldTime: 100 });
    script.live(95000);
    expect(rig.peer.state).to.equal('Established');
    script.live(40000);
    expect(rig.peer.state).not.to.equal('Established');
    expect(rig.peer.lastError).to.include({ direction: 'sent', code: 8, subcode: 0 });
    // The connection is closed although its queue never drains.
    expect(script.isClosed).to.equal(false);
    script.connection.resume();
    rig.settle();
    expect(script.isClosed).to.equal(true);
  });

  it('does not mind a peer that is slow', () => {
    const { rig, script } = stuck({ sendHoldTime: 100 });
    // A little is taken now and then, but the queue never drains.
    for (let i = 0; i < 10; i++) {
      script.connection.resume();
      rig.settle(1);
      script.connection.pause();
      while (rig.peer.send(FILLER));
      script.live(80000);
    }
    expect(rig.peer.state).to.equal('Established');
  });

  it('is not on when it is zero', () => {
    const { rig, script } = stuck({ sendHoldTime: 0 });
    const queued = rig.peer.queuedBytes;
    script.live(3600000);
    expect(rig.peer.state).to.equal('Established');
    // Nor do keepalives pile up meanwhile.
    expect(rig.peer.queuedBytes).to.equal(queued);
  });
});

describe('retries', () => {
  /** Virtual seconds between attempts while nobody listens. */
  function attempts(rig: Rig, count: number): number[] {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      rig.clock.runUntil(() => rig.peer.state === 'Connect', 1e6);
      times.push(rig.clock.now() / 1000);
      rig.clock.runUntil(() => rig.peer.state === 'Active', 1e6);
    }
    return times.slice(1).map((time, i) => time - times[i]!);
  }

  it('come at growing, jittered intervals up to the limit', () => {
    const rig = new Rig();
    rig.peer.start();
    const waits = attempts(rig, 9);
    [5, 10, 20, 40, 80, 120, 120, 120].forEach((most, i) => {
      expect(waits[i], `wait ${i}`).to.be.within(most * 0.75, most + 0.01);
    });
    expect(rig.peer.reason).to.match(/^connection refused; next attempt in \d+ s \(9 failures in a row\)$/);
    expect(rig.peer.nextAttemptAt! - rig.clock.wallTime()).to.be.within(90000, 120000);
    expect(rig.peer.lastError).to.include({ direction: 'local', text: 'connection refused' });
  });

  it('take the intervals asked for', () => {
    const rig = new Rig({ connectRetry: 1, connectRetryMax: 3 });
    rig.peer.start();
    const waits = attempts(rig, 5);
    [1, 2, 3, 3].forEach((most, i) => expect(waits[i]).to.be.within(most * 0.75, most + 0.01));
  });

  it('also when the address does not answer at all', () => {
    const rig = new Rig({ remote: { address: '10.0.0.77', port: 179 } });
    rig.peer.start();
    rig.settle(60000);
    expect(rig.peer.state).to.equal('Connect');
    expect(rig.peer.reason).to.equal('no answer from 10.0.0.77 port 179; connecting to 10.0.0.77 port 179');
  });

  it('grow also for errors in sessions, until one was stable', () => {
    const rig = new Rig().listening();
    rig.peer.start();
    const waits: number[] = [];
    const fail = (): void => {
      rig.clock.runUntil(() => rig.peer.state === 'OpenSent', 1e6);
      rig.settle();
      rig.script.open().keepalive();
      rig.settle();
      expect(rig.peer.state).to.equal('Established');
    };
    for (let i = 0; i < 3; i++) {
      fail();
      rig.peer.fail(new MessageError(6, 1, 'too many prefixes'));
      const since = rig.clock.now();
      waits.push(rig.clock.runUntil(() => rig.peer.state === 'Connect', 1e6));
      expect(since).to.be.lessThan(rig.clock.now());
    }
    [5000, 10000, 20000].forEach((most, i) => expect(waits[i]).to.be.within(most * 0.75, most));
    fail();
    rig.script.live(130000);
    rig.peer.fail(new MessageError(6, 1, 'too many prefixes'));
    expect(rig.clock.runUntil(() => rig.peer.state === 'Connect', 1e6)).to.be.within(3750, 5000);
  });
});

describe('stop and reset', () => {
  it('stop says why and waits for the connection to close', async () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    const stopped = rig.peer.stop(2, 'maintenance');
    expect(rig.peer.state).to.equal('Idle');
    let closed = false;
    void stopped.then(() => (closed = true));
    await rig.clock.runAsync(1);
    expect(closed).to.equal(false);
    await rig.clock.runAsync(10);
    expect(closed).to.equal(true);
    expect(script.notifications).to.deep.equal(['6/2 0b6d61696e74656e616e6365']);
    expect(rig.peer.reason).to.equal('stopped: maintenance');
    rig.settle(1e6);
    rig.dial();
    expect(rig.accepted).to.deep.equal([false]);
    expect(rig.peer.state).to.equal('Idle');
  });

  it('stop gives up on a peer that does not close', async () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    script.connection.pause();
    const stopped = rig.peer.stop();
    rig.settle(5010);
    await stopped;
    expect(rig.clock.pending).to.equal(0);
  });

  it('stop cuts an attempt short, silently', async () => {
    const rig = new Rig();
    rig.peer.start();
    await rig.peer.stop();
    rig.settle(1e6);
    expect(rig.peer.state).to.equal('Idle');
    expect(rig.clock.pending).to.equal(0);
  });

  it('can be started again', () => {
    const rig = new Rig();
    rig.upTo('Established');
    void rig.peer.stop();
    rig.settle();
    rig.upTo('Established');
    expect(rig.peer.establishedCount).to.equal(2);
  });

  it('reset sends Cease/Administrative Reset and comes back at once', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    rig.peer.reset(4, 'new policy');
    rig.settle();
    expect(script.notifications).to.deep.equal(['6/4 0a6e657720706f6c696379']);
    expect(rig.peer.state).to.equal('OpenSent');
    expect(rig.scripts).to.have.length(2);
  });

  it('reset cuts the wait for the next attempt short', () => {
    const rig = new Rig();
    rig.peer.start();
    rig.settle(300000);
    expect(rig.peer.state).to.equal('Active');
    rig.listening();
    rig.peer.reset();
    rig.settle();
    expect(rig.peer.state).to.equal('OpenSent');
  });

  it('reset leaves a stopped neighbor stopped', () => {
    const rig = new Rig();
    rig.peer.reset();
    expect(rig.peer.state).to.equal('Idle');
    expect(rig.peer.reason).to.equal('not started');
  });

  it('may be called from within the handler', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    rig.recorder.onUpdate = () => {
      void rig.peer.stop(3);
      return undefined;
    };
    script.send(Buffer.concat([EMPTY_UPDATE, EMPTY_UPDATE]));
    rig.settle();
    expect(script.notifications).to.deep.equal(['6/3']);
    expect(rig.peer.state).to.equal('Idle');
  });
});
