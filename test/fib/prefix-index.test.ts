import { expect } from 'chai';
import fc from 'fast-check';
import { formatWords, newWords, parseWords } from '../../lib/fib/prefix-text.js';
import { PrefixIndex } from '../../lib/fib/prefix-index.js';
import { MixedQueue, WorkQueue } from '../../lib/fib/work-queue.js';
import { formatAddress, formatPrefix, maskOctets, parsePrefix } from '../../lib/net/index.js';

const octets = (n: number) =>
  fc.oneof(
    fc.uint8Array({ minLength: n, maxLength: n }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: n, maxLength: n }).map((a) => Uint8Array.from(a)),
  );
const prefixText = fc
  .oneof(fc.tuple(octets(4), fc.nat(32)), fc.tuple(octets(16), fc.nat(128)))
  .map(([bytes, length]) => formatPrefix({ octets: maskOctets(bytes, length), length }));

const numbers = (text: string): string => {
  const words = newWords();
  parseWords(text, words);
  return formatWords(words);
};

describe('Fib: prefix text', () => {
  it('reads and writes prefixes as lib/net does', () => {
    fc.assert(
      fc.property(prefixText, (text) => {
        // An IPv4-mapped prefix has two usual texts.
        if (!/^::ffff:/.test(text)) expect(numbers(text)).to.equal(text);
        expect(parsePrefix(numbers(text))).to.deep.equal(parsePrefix(text));
      }),
      { numRuns: 500 },
    );
  });

  it('takes other spellings', () => {
    expect(numbers('2001:0DB8:0:0:0:0:0:0/32')).to.equal('2001:db8::/32');
    expect(numbers('::ffff:192.0.2.1/128')).to.equal('::ffff:c000:201/128');
    expect(numbers('192.0.2.1')).to.equal('192.0.2.1/32');
    expect(numbers('::')).to.equal('::/128');
    expect(numbers('::/0')).to.equal('::/0');
    expect(numbers('1::8/128')).to.equal('1::8/128');
  });

  it('refuses what is no prefix', () => {
    const wrong = [
      '',
      '/8',
      '10.0.0/8',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/-1',
      '10.0.0.0/8x',
      '10.0.0.1/8',
      '256.0.0.0/8',
    ];
    wrong.push(
      '1.2.3.4.5/32',
      '::1::/64',
      '2001:db8::/129',
      '2001:db8::1/64',
      ':1/128',
      '1:/128',
      '1:2:3:4:5:6:7:8:9/128',
      'x::/16',
    );
    wrong.push('1:2:3:4:5:6:7::8/128x', '010.0.0.0/8', '12345::/128', 'default');
    for (const text of wrong)
      expect(() => numbers(text), text)
        .to.throw()
        .with.property('code', 'bad_prefix');
  });
});

describe('Fib: prefix index', () => {
  for (const family of [4, 6] as const) {
    it(`is a map from IPv${family} prefixes to dense numbers`, () => {
      const size = family === 4 ? 4 : 16;
      // Few distinct prefixes, so that additions, removals and collisions meet.
      const prefix = fc.tuple(fc.nat(60), fc.constantFrom(0, 8, 16, size * 8)).map(([n, length]) => {
        const bytes = new Uint8Array(size);
        bytes[0] = n;
        bytes[size - 1] = n * 7;
        return `${formatAddress(maskOctets(bytes, length))}/${length}`;
      });
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.boolean(), prefix), { maxLength: 400, size: 'max' }), (operations) => {
          const index = new PrefixIndex(family);
          const model = new Map<string, number>();
          const words = newWords();
          for (const [add, text] of operations) {
            parseWords(text, words);
            if (add) {
              const row = index.add(words);
              expect(model.get(text) ?? row).to.equal(row);
              model.set(text, row);
            } else if (model.has(text)) {
              index.remove(model.get(text)!);
              model.delete(text);
            } else expect(index.find(words)).to.equal(-1);
          }
          expect(index.size).to.equal(model.size);
          expect(new Set(model.values()).size).to.equal(model.size);
          for (const [text, row] of model) {
            parseWords(text, words);
            expect(index.find(words)).to.equal(row);
            expect(index.has(row)).to.equal(true);
            expect(formatWords(words)).to.equal(index.text(row));
          }
          const counted = index.lengthCounts.reduce((sum, count) => sum + count, 0);
          expect(counted).to.equal(model.size);
        }),
        { numRuns: 60 },
      );
    });
  }

  it('holds many and gives rows back', () => {
    const index = new PrefixIndex(4);
    const words = { ...newWords(), length: 32 };
    for (let i = 0; i < 50_000; i++) index.add({ ...words, w0: (i * 2654435761) >>> 0 });
    expect(index.size).to.equal(50_000);
    for (let i = 0; i < 50_000; i += 2) index.remove(index.find({ ...words, w0: (i * 2654435761) >>> 0 }));
    for (let i = 0; i < 50_000; i++) {
      expect(index.find({ ...words, w0: (i * 2654435761) >>> 0 }) >= 0).to.equal(i % 2 === 1);
    }
    for (let i = 0; i < 25_000; i++) index.add({ ...words, w0: (i * 2654435761 + 7) >>> 0 });
    expect(index.high).to.be.at.most(50_000);
  });
});

describe('Fib: work queue', () => {
  it('gives back in the order of coming, however much is in it', () => {
    const queue = new WorkQueue();
    let [put, taken] = [0, 0];
    // Fills and empties by turns, past many blocks and not in step with them.
    for (const [more, less] of [
      [1, 1],
      [511, 511],
      [513, 1],
      [5000, 3000],
      [100_000, 60_000],
      [0, 42_512],
      [700, 700],
    ] as const) {
      for (let i = 0; i < more; i++) queue.push(put++);
      for (let i = 0; i < less; i++) expect(queue.shift()).to.equal(taken++);
      expect(queue.size).to.equal(put - taken);
    }
    expect(queue.shift()).to.equal(-1);
  });
});

describe('Fib: mixed queue', () => {
  it('gives everything back once, far from the order that it came in', () => {
    const queue = new MixedQueue();
    for (let i = 0; i < 100_000; i++) queue.push(i);
    const taken = Array.from({ length: 100_000 }, () => queue.take());
    expect(queue.take()).to.equal(-1);
    expect(queue.size).to.equal(0);
    const ascending = taken.filter((value, i) => i > 0 && value > taken[i - 1]!).length;
    expect(ascending).to.be.within(48_000, 52_000);
    // The first tenth is spread over all of them.
    const mean = taken.slice(0, 10_000).reduce((sum, value) => sum + value) / 10_000;
    expect(mean).to.be.within(48_000, 52_000);
    expect(taken.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 100_000 }, (_, i) => i));
    queue.push(7);
    expect(queue.take()).to.equal(7);
  });
});
