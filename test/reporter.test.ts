import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PASSES = `describe('early', () => { it('passes', () => {}); `;

/** Another file, in a process of its own, whose test goes on until the process of the first one is gone. */
const waitsFor = (path: string): string => `
  import { existsSync } from 'node:fs';
  describe('late', () => {
    it('goes on', async () => {
      while (!existsSync(${JSON.stringify(path)})) await new Promise((resolve) => setTimeout(resolve, 10));
    });
  });`;

describe('the test reporter', () => {
  let directory: string;

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'tsbgp-reporter-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Run test files as `npm test` does. */
  const run = (files: Readonly<Record<string, string>>): { status: number | null; text: string; counts: string } => {
    const paths = Object.entries(files).map(([name, text]) => {
      const path = join(directory, name);
      writeFileSync(path, text);
      return path;
    });
    const counts = join(directory, 'counts');
    const mocha = ['node_modules/mocha/bin/mocha.js', '--parallel', '--jobs', '2', '--timeout', '20000'];
    const options = ['--reporter-option', `counts=${counts}`];
    const env = { ...process.env, TSBGP_TEST_UNCAUGHT: undefined };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', ...mocha, ...options, ...paths],
      {
        encoding: 'utf8',
        timeout: 50_000,
        env,
      },
    );
    return { status, text: stdout + stderr, counts: readFileSync(counts, 'utf8') };
  };

  const gone = (): string => join(directory, 'gone');
  const noteExit = (): string => `
    import { writeFileSync } from 'node:fs';
    process.on('exit', () => writeFileSync(${JSON.stringify(gone())}, ''));`;

  for (const [what, failing] of [
    ['an error', `setTimeout(() => { throw new Error('too late'); }, 100);`],
    ['a rejected promise', `setTimeout(() => Promise.reject(new Error('too late')), 100);`],
  ] as const) {
    it(`counts ${what} that nobody catches and that comes after the last test of a process`, () => {
      const first = `${noteExit()} ${PASSES} after(() => { ${failing} }); });`;
      const { status, text, counts } = run({ 'first.test.mjs': first, 'second.test.mjs': waitsFor(gone()) });
      expect(counts).to.equal('2 passed, 1 failed, 0 skipped\n');
      expect(status).to.equal(1);
      expect(text).to.match(/1 failing/);
      expect(text).to.match(/first\.test\.mjs: an error that nobody caught, after the tests:\n\s+Error: too late/);
    }).timeout(60_000);
  }

  it('counts one while tests run once, and nothing where all is well', () => {
    const during = `describe('early', () => {
      it('waits', (done) => { setTimeout(() => { throw new Error('in time'); }, 10); setTimeout(done, 5000); });
    });`;
    const bad = run({ 'first.test.mjs': during });
    expect(bad).to.include({ counts: '0 passed, 1 failed, 0 skipped\n', status: 1 });
    const good = run({ 'first.test.mjs': `${PASSES} });` });
    expect(good).to.include({ counts: '1 passed, 0 failed, 0 skipped\n', status: 0 });
  }).timeout(60_000);
});
