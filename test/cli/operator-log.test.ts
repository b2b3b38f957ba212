import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { KernelError } from '../../lib/fib/errors.js';
import type { FibEvent } from '../../lib/fib/events.js';
import { fibText, OperatorLog, reconfigureParts } from '../../lib/cli/operator-log.js';
import type { SpeakerEvents } from '../../lib/speaker/events.js';
import { neighborView } from '../api/fake-speaker.js';

class Events extends EventEmitter<SpeakerEvents> {
  neighbor(address: string): ReturnType<typeof neighborView> {
    return neighborView(address, { description: address === '10.0.0.2' ? 'rack 1' : null });
  }
}

describe('the log of tsbgp run', () => {
  let now: number;
  let lines: string[];
  let log: OperatorLog;
  let speaker: Events;

  beforeEach(() => {
    now = Date.UTC(2026, 0, 2, 3, 4, 5);
    lines = [];
    log = new OperatorLog(
      (line) => lines.push(line.replace('2026-01-02T03:04:05.000Z ', '')),
      () => now,
    );
    speaker = new Events();
    log.follow(speaker);
  });

  const change = (from: string, to: string, reason: string, neighbor = '10.0.0.2'): void =>
    void speaker.emit('neighborStateChange', { neighbor, from, to, reason } as SpeakerEvents['neighborStateChange'][0]);

  it('tells sessions up and down, each time', () => {
    for (let i = 0; i < 2; i++) {
      change('OpenConfirm', 'Established', 'KEEPALIVE received');
      change('Established', 'Active', 'connection lost');
    }
    const pair = ['neighbor 10.0.0.2 (rack 1): Established', 'neighbor 10.0.0.2 (rack 1): down: connection lost'];
    expect(lines).to.deep.equal([...pair, ...pair]);
  });

  it('tells a failing attempt once, and again when the reason is another one or after a minute', () => {
    const attempt = (reason: string): void => {
      change('Idle', 'Connect', 'started', '10.0.0.3');
      change('Connect', 'Active', reason, '10.0.0.3');
    };
    for (let i = 0; i < 3; i++) attempt('connection refused');
    attempt('no route to host');
    now += 61_000;
    attempt('no route to host');
    expect(lines.map((line) => line.replace(/^\S+Z /, ''))).to.deep.equal([
      'neighbor 10.0.0.3: connection refused',
      'neighbor 10.0.0.3: no route to host',
      'neighbor 10.0.0.3: no route to host',
    ]);
  });

  it('tells floods in short', () => {
    for (let i = 0; i < 1000; i++) {
      const error = new KernelError('EEXIST', 'File exists');
      speaker.emit('fib', {
        type: 'routeFailed',
        prefix: `10.0.${i >> 8}.${i & 255}/32`,
        change: 'via 10.0.0.2',
        error,
        retryInMs: 1000,
      });
    }
    expect(lines).to.have.length(20);
    expect(lines[0]).to.equal('FIB: 10.0.0.0/32 (via 10.0.0.2): File exists; next try in 1 s');
    now += 10_000;
    speaker.emit('fib', { type: 'routeRecovered', prefix: '10.0.0.0/32' });
    expect(lines.slice(20).map((line) => line.replace(/^\S+Z /, ''))).to.deep.equal([
      "980 more events of routes and UPDATEs not shown: see 'tsbgp show fib' and DEBUG=tsbgp:*",
      'FIB: 10.0.0.0/32: written after all',
    ]);
  });

  it('tells malformed UPDATEs, safe to print', () => {
    const diagnostic = {
      action: 'treat-as-withdraw',
      code: 3,
      subcode: 5,
      data: new Uint8Array(0),
      reason: 'bad\u001b[2J',
    } as const;
    speaker.emit('updateError', { neighbor: '10.0.0.2', diagnostic });
    expect(lines).to.deep.equal(['neighbor 10.0.0.2: malformed UPDATE, treat-as-withdraw: bad\\u001b[2J']);
  });

  it('has a line for each kernel event that matters', () => {
    const error = new KernelError('EPERM', 'not permitted');
    const events: [FibEvent, string | null][] = [
      [{ type: 'writerDown', error, retryInMs: 100 }, 'cannot write routes: not permitted; next try in 0.1 s'],
      [{ type: 'writerUp' }, 'routes can be written again'],
      [
        {
          type: 'foreignChange',
          prefix: '10.0.0.0/8',
          change: 'deleted',
          by: null,
          found: null,
          wanted: 'via 10.0.0.2',
        },
        '10.0.0.0/8: deleted by another program (found nothing, wanted via 10.0.0.2)',
      ],
      [{ type: 'repaired', prefix: '10.0.0.0/8' }, '10.0.0.0/8: put right'],
      [
        { type: 'contended', prefix: '10.0.0.0/8', changes: 3, retryInMs: 60_000, by: 'bird' },
        '10.0.0.0/8: another program (protocol bird) has changed it 3 times; left alone for 60 s',
      ],
      [{ type: 'reconciled', reason: 'start', own: 1, foreign: 2, different: 0, durationMs: 1 }, null],
      [
        { type: 'reconciled', reason: 'start', own: 1, foreign: 2, different: 5, durationMs: 1 },
        "5 routes differ from the kernel's (start); they are being written",
      ],
    ];
    for (const [event, text] of events) expect(fibText(event)).to.equal(text);
  });

  it('says what a new configuration changed', () => {
    const none = {
      added: [],
      removed: [],
      changed: [],
      reset: [],
      networksAdded: [],
      networksRemoved: [],
      needsRestart: [],
    };
    expect(reconfigureParts(none)).to.deep.equal([]);
    const many = Array.from({ length: 10 }, (_, i) => `10.0.0.${i}`);
    expect(reconfigureParts({ ...none, added: many, reset: ['10.1.0.1'] })).to.deep.equal([
      'neighbors added: 10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7 and 2 more',
      'sessions reset: 10.1.0.1',
    ]);
  });
});
