import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom, VirtualClock } from '../../lib/sim/index.js';

describe('VirtualClock', () => {
  it('runs timers in the order of their time, equal ones in the order of their start', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 })), (delays) => {
        const clock = new VirtualClock();
        const ran: [number, number][] = [];
        delays.forEach((delay, i) => clock.after(delay, () => ran.push([clock.now(), i])));
        clock.run(20);
        const expected = delays.map((delay, i) => [delay, i] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(ran).to.deep.equal(expected);
      }),
    );
  });

  it('does not run what was cancelled', () => {
    const random = seededRandom(3);
    const clock = new VirtualClock();
    const ran = new Set<number>();
    const cancelled = new Set<number>();
    const timers = Array.from({ length: 1000 }, (_, i) => clock.after(random() * 100, () => ran.add(i)));
    for (let i = 0; i < 1000; i++) if (random() < 0.8) cancelled.add(i);
    for (const i of cancelled) timers[i]!.cancel();
    expect(clock.pending).to.equal(1000 - cancelled.size);
    clock.run(50);
    for (const timer of timers) timer.cancel();
    const before = ran.size;
    clock.run(50);
    expect(ran.size).to.equal(before);
    expect([...ran].some((i) => cancelled.has(i))).to.equal(false);
    expect(clock.pending).to.equal(0);
  });

  it('runs soon after all that is due now, and before time goes on', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.after(5, () => {
      clock.soon(() => ran.push('soon'));
      clock.after(0, () => ran.push('zero'));
    });
    clock.after(5, () => ran.push('five'));
    clock.after(6, () => ran.push('six'));
    clock.run(10);
    expect(ran).to.deep.equal(['five', 'zero', 'soon', 'six']);
  });

  it('knows the wall-clock time', () => {
    const clock = new VirtualClock(1000);
    clock.run(234);
    expect([clock.now(), clock.wallTime()]).to.deep.equal([234, 1234]);
  });

  it('runs until a condition holds, and says when it never does', () => {
    const clock = new VirtualClock();
    let done = false;
    clock.after(70, () => (done = true));
    expect(clock.runUntil(() => done, 100)).to.equal(70);
    expect(() => clock.runUntil(() => false, 100))
      .to.throw('100 virtual ms')
      .with.property('code', 'timeout');
    expect(clock.now()).to.equal(170);
  });

  it('lets promises go on in between', async () => {
    const clock = new VirtualClock();
    const at: number[] = [];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
    void (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10);
        at.push(clock.now());
      }
    })();
    await clock.runAsync(25);
    expect(at).to.deep.equal([10, 20]);
    await clock.runUntilAsync(() => at.length === 3, 100);
    expect(clock.now()).to.equal(30);
  });

  it('is cheap enough for hours of many timers', () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = (): void => {
      count++;
      clock.after(30000, tick);
    };
    for (let i = 0; i < 1000; i++) clock.after(i, tick);
    clock.run(3600000);
    expect(count).to.equal(120001);
  });
});

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, in [0, 1), spread evenly', () => {
    const [a, b, c] = [seededRandom(42), seededRandom(42), seededRandom(43)];
    const numbers = Array.from({ length: 10000 }, () => a());
    expect(Array.from({ length: 10000 }, () => b())).to.deep.equal(numbers);
    expect(c()).not.to.equal(numbers[0]);
    expect(numbers.every((n) => n >= 0 && n < 1)).to.equal(true);
    const deciles = new Array<number>(10).fill(0);
    for (const n of numbers) deciles[Math.floor(n * 10)]!++;
    expect(Math.min(...deciles)).to.be.greaterThan(850);
  });
});
