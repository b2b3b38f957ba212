import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import {
  MemorySink,
  RecordDecoder,
  recordSpeaker,
  replay,
  type ReplayedChange,
  type ReplayedMessage,
  type RecordSink,
  type ReplayResult,
} from '../../lib/record/index.js';
import { MAGIC } from '../../lib/record/kinds.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { clientOf } from '../support/lab.js';
import { RecordingLab, ribOf } from './rig.js';

const R = '10.0.0.1';

describe('Record and replay', () => {
  it('gives the same RIB', async () => {
    const lab = new RecordingLab();
    const speaker = await lab.speaker({ routerId: R, neighbors: [clientOf('10.0.0.11'), clientOf('10.0.0.12')] });
    const a = lab.probe(R, '10.0.0.11');
    const b = lab.probe(R, '10.0.0.12');
    await lab.up(a, b);
    a.announce('10.1.0.0/16', '10.2.0.0/16').announce('2001:db8:1::/48');
    b.announceWith(b.attributes([{ code: 5, value: 200 }]), '10.1.0.0/16');
    speaker.announce('10.9.0.0/16', { med: 5 });
    await lab.settle();
    a.withdraw('10.2.0.0/16');
    await lab.settle();
    const { speaker: again, ...result } = await lab.replayOf(speaker);
    expect(result.difference).to.equal(undefined);
    expect(ribOf(again)).to.deep.equal(ribOf(speaker));
    expect(ribOf(again).length).to.be.greaterThan(8);
    expect(result.checkpoints).to.be.greaterThan(1);
    expect(result.end).to.equal('open');
  });

  /** Two clients, a few routes that come, change and go. */
  async function story(): Promise<{
    readonly lab: RecordingLab;
    readonly speaker: Speaker;
    readonly octets: Uint8Array;
  }> {
    const lab = new RecordingLab();
    const speaker = await lab.speaker({ routerId: R, neighbors: [clientOf('10.0.0.11'), clientOf('10.0.0.12')] });
    const a = lab.probe(R, '10.0.0.11');
    const b = lab.probe(R, '10.0.0.12');
    await lab.up(a, b);
    a.announce('10.1.0.0/16', '10.2.0.0/16');
    await lab.settle();
    b.announceWith(b.attributes([{ code: 5, value: 200 }]), '10.1.0.0/16');
    await lab.settle();
    a.withdraw('10.2.0.0/16');
    await lab.settle();
    speaker.announce('10.9.0.0/16');
    await lab.settle();
    void b.peer.stop();
    return { lab, speaker, octets: await lab.recordingOf(speaker) };
  }

  it('says what each message changed, and why', async () => {
    const { octets } = await story();
    const messages: ReplayedMessage[] = [];
    const changes: ReplayedChange[] = [];
    await replay(octets, { onMessage: (m) => messages.push(m), onChange: (c) => void changes.push(c) });
    const updates = messages.filter(({ type, octets: { length } }) => type === 'UPDATE' && length > 23 + 7);
    expect(updates.map(({ neighbor }) => neighbor)).to.deep.equal(['10.0.0.11', '10.0.0.12']);
    const [first, second] = updates.map(({ number }) => number);
    const short = changes.map(({ prefix, before, after, reason, message, cause }) => [
      ...[prefix, before?.neighbor ?? null, after?.neighbor ?? null, reason, message, cause],
    ]);
    expect(short).to.deep.equal([
      ['10.1.0.0/16', null, '10.0.0.11', 'the first usable path', first, 'UPDATE from 10.0.0.11'],
      ['10.2.0.0/16', null, '10.0.0.11', 'the first usable path', first, 'UPDATE from 10.0.0.11'],
      [
        ...['10.1.0.0/16', '10.0.0.11', '10.0.0.12'],
        'the path of 10.0.0.11 loses at highest LOCAL_PREF: LOCAL_PREF 100 (best: LOCAL_PREF 200) (RFC 4271 9.1.1)',
        ...[second, 'UPDATE from 10.0.0.12'],
      ],
      [
        '10.2.0.0/16',
        '10.0.0.11',
        null,
        'withdrawn by 10.0.0.11; no path is left',
        second! + 1,
        'UPDATE from 10.0.0.11',
      ],
      ['10.9.0.0/16', null, null, 'the first usable path', null, 'announce 10.9.0.0/16'],
      [...['10.1.0.0/16', '10.0.0.12', '10.0.0.11', 'withdrawn by 10.0.0.12', null], changes.at(-1)!.cause],
    ]);
    expect(changes.at(-1)!.cause).to.match(/^session with 10\.0\.0\.12 ended: /);
  });

  it('stops after a message, in the middle of what was read at once', async () => {
    const lab = new RecordingLab();
    const speaker = await lab.speaker({ routerId: R, neighbors: [clientOf('10.0.0.11')] });
    const a = lab.probe(R, '10.0.0.11');
    await lab.up(a);
    const one = (n: number): Uint8Array => {
      let sent!: Uint8Array;
      const { send } = a.peer;
      a.peer.send = (bytes) => ((sent = bytes), true);
      a.announce(`10.${n}.0.0/16`);
      a.peer.send = send;
      return sent;
    };
    a.send(Buffer.concat([one(1), one(2), one(3)]));
    const octets = await lab.recordingOf(speaker);
    const numbers: number[] = [];
    await replay(octets, { onMessage: ({ number, octets: { length } }) => void (length > 30 && numbers.push(number)) });
    const [, , second, third] = numbers.slice(-4);
    const prefixes = ({ speaker: again }: ReplayResult): string[] =>
      [...again.routes('ipv4-unicast')].map((r) => r.prefix);
    const stopped = await replay(octets, { untilMessage: second! });
    expect(prefixes(stopped)).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    expect(stopped).to.include({ end: 'until', messages: second });
    expect(prefixes(await replay(octets, { untilMessage: third! }))).to.have.length(3);
  });

  it('stops at a time', async () => {
    const { octets } = await story();
    const times: number[] = [];
    await replay(octets, { onMessage: ({ time, octets: { length } }) => void (length > 30 && times.push(time)) });
    const { speaker: again, end } = await replay(octets, { untilTime: times.at(-1)! - 100 });
    expect(end).to.equal('until');
    expect([...again.routes('ipv4-unicast')].map(({ prefix, neighbor }) => `${prefix} ${neighbor}`)).to.deep.equal([
      '10.1.0.0/16 10.0.0.11',
      '10.2.0.0/16 10.0.0.11',
    ]);
  });

  it('reads a file that ends anywhere up to its last whole record', async function () {
    this.timeout(60_000);
    const { octets } = await story();
    const whole = await replay(octets);
    let events = 0;
    for (let length = 600; length <= octets.length; length += 97) {
      let result: ReplayResult;
      try {
        result = await replay(octets.slice(0, length));
      } catch (error) {
        // Not even the beginning is there.
        expect((error as Error).message).to.match(/before the speaker began/);
        expect(events).to.equal(0);
        continue;
      }
      expect(result.difference).to.equal(undefined);
      expect(result.events).to.be.at.least(events);
      ({ events } = result);
      expect(result.end).to.be.oneOf(['cut', 'open']);
    }
    expect(events).to.be.within(whole.events / 2, whole.events);
  });

  it('reads nothing that is damaged, and says so', async () => {
    const { octets } = await story();
    const damaged = octets.slice();
    damaged[octets.length - 20]! ^= 1;
    const result = await replay(damaged);
    expect(result.end).to.equal('damaged');
    expect(result.difference).to.equal(undefined);
    const other = octets.slice();
    other[MAGIC.length] = 99;
    await rejects(replay(other), /format 99/);
    await rejects(replay(Uint8Array.of(1, 2, 3)), /not a recording/);
    await rejects(replay('/nowhere/at/all'), /no such file/);
  });

  it('ends when the file is full, once, and the speaker goes on', async () => {
    const lab = new RecordingLab();
    const said: string[] = [];
    const sink = new MemorySink();
    const config = { asn: 64512, routerId: R, listen: [{ address: R, port: 179 }], neighbors: [clientOf('10.0.0.11')] };
    const runtime = { transport: lab.host(R), clock: lab.clock };
    const speaker = recordSpeaker(config, runtime, { sink, limit: 8000, onEnd: (reason) => void said.push(reason) });
    await lab.during(speaker.start());
    const a = lab.probe(R, '10.0.0.11');
    await lab.up(a);
    for (let i = 0; i < 250; i++) {
      a.announce(`10.${i}.0.0/16`);
      await lab.clock.runAsync(100);
    }
    expect(said).to.deep.equal(['the file is full']);
    expect(sink.octets.length).to.be.within(5000, 8000);
    expect([...speaker.routes('ipv4-unicast')]).to.have.length(250);
    const result = await replay(sink.octets);
    expect(result).to.include({ end: 'ended', reason: 'the file is full' });
    expect(result.difference).to.equal(undefined);
    const count = [...result.speaker.routes('ipv4-unicast')].length;
    expect(count).to.be.within(10, 249);
  });

  it('ends when the file cannot be written fast enough, and marks the place', async () => {
    const lab = new RecordingLab();
    const said: string[] = [];
    const kept = new MemorySink();
    let slow = false;
    const sink: RecordSink = { append: (octets) => kept.append(octets) && !slow, close: () => Promise.resolve() };
    const config = { asn: 64512, routerId: R };
    const runtime = { transport: lab.host(R), clock: lab.clock };
    const speaker = recordSpeaker(config, runtime, { sink, onEnd: (reason) => void said.push(reason) });
    await lab.during(speaker.start());
    speaker.announce('10.1.0.0/16');
    await lab.clock.runAsync(100);
    slow = true;
    speaker.announce('10.2.0.0/16');
    await lab.clock.runAsync(100);
    speaker.announce('10.3.0.0/16');
    await lab.during(speaker.stop());
    expect(said).to.deep.equal(['it cannot be written fast enough']);
    const result = await replay(kept.octets);
    expect(result).to.include({ end: 'ended', reason: said[0] });
    expect([...result.speaker.routes('ipv4-unicast')].map(({ prefix }) => prefix)).to.not.include('10.3.0.0/16');
  });

  it('holds no password, and knows when one changed', async () => {
    const lab = new RecordingLab();
    const word = 'correct horse battery';
    const key = (password: string) => ({ ...clientOf('10.0.0.11'), password: () => password });
    const config = { asn: 64512, routerId: R, listen: [{ address: R, port: 179 }] };
    const speaker = await lab.speaker({ ...config, neighbors: [key(word)] });
    await lab.during(speaker.reconfigure({ ...config, neighbors: [key(word)] }));
    await lab.during(speaker.reconfigure({ ...config, neighbors: [key('another one')] }));
    speaker.addNeighbor({ ...clientOf('10.0.0.12'), password: word });
    const octets = await lab.recordingOf(speaker);
    const text = Buffer.from(octets).toString('latin1');
    expect(text).to.not.include('correct').and.not.include('another one');
    expect(text).to.include('password-1').and.include('password-2');
    const result = await replay(octets);
    expect(result.difference).to.equal(undefined);
    expect(result.speaker.neighbors().map(({ address, tcpMd5 }) => [address, tcpMd5])).to.deep.equal([
      ['10.0.0.11', true],
      ['10.0.0.12', true],
    ]);
  });

  it('is read as messages without being run', async () => {
    const { octets } = await story();
    const decoder = new RecordDecoder();
    const lines = [...decoder.push(octets.slice(0, 700)), ...decoder.push(octets.slice(700)), ...decoder.end()];
    const messages: ReplayedMessage[] = [];
    await replay(octets, { onMessage: (message) => messages.push(message) });
    expect(lines.map(({ message, type }) => [message, type])).to.deep.equal(messages.map((m) => [m.number, m.type]));
    expect(lines.map(({ time }) => time)).to.deep.equal(messages.map(({ time }) => time / 1000));
    const announced = lines.find((line) => JSON.stringify(line).includes('10.1.0.0/16'))!;
    expect(announced).to.include({ dst: '10.0.0.1:179' });
    expect(announced.src).to.match(/^10\.0\.0\.11:\d+$/);
  });

  it('tells where a run is another one', async () => {
    const { octets } = await story();
    // LOCAL_PREF 200 (RFC 4271 5.1.5) becomes 50: the other path is the best one.
    const at = Buffer.from(octets).indexOf(Buffer.from('400504000000c8', 'hex'));
    expect(at).to.be.greaterThan(0);
    const forged = octets.slice();
    forged[at + 6] = 50;
    const result = await replay(sealed(forged));
    expect(result.difference?.text).to.match(/^(checkpoint: the RIB is .*recorded|event \d+: )/);
    expect(result.difference!.message).to.be.greaterThan(4);
    expect((await replay(sealed(octets))).difference).to.equal(undefined);
  });
});

/** With the right CRC-32 in front of each block. */
function sealed(octets: Uint8Array): Uint8Array {
  const copy = octets.slice();
  const view = new DataView(copy.buffer);
  for (let at = MAGIC.length + 1; at < copy.length;) {
    const length = view.getUint32(at);
    view.setUint32(at + 4, crc32(copy.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
  return copy;
}

async function rejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (failure: Error) => failure,
  );
  expect(error?.message).to.match(message);
}
