import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import Mocha from 'mocha';
import { UNCAUGHT_FILE, type UncaughtError } from './uncaught.js';

interface Options {
  /** Of `--reporter-option counts=FILE`. */
  readonly reporterOptions?: { readonly counts?: string };
}

/**
 * The usual `spec` report, and beside it, if a file is named, one line in it: `N passed, N failed, N skipped`. A hook that
 * fails counts as a failed test, as in the report itself, and so does a file that cannot be loaded or whose process ends
 * before its tests do; with `--parallel` mocha tells these last, each with an end of the run of its own. An error that nobody
 * catches and that comes after the last test of a file (see `uncaught.ts`) counts too. Mocha may then wait for ever for the
 * process that it ended; with nothing left to do its own one ends, with exit code 0 and without a word: that is no success.
 */
export default class TestReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions & Options) {
    const takeUncaught = collectUncaught();
    // In front of the listeners of `spec`, which print the title and the failures.
    runner.on('fail', (failed: Mocha.Runnable & { readonly type?: string }) => {
      if (failed.type === undefined && failed.file) failed.title = `${relative('.', failed.file)}: ${failed.title}`;
    });
    let hasEnded = false;
    runner.on('end', () => {
      hasEnded = true;
      // All processes have ended by now.
      for (const error of takeUncaught()) failLate(runner, error);
    });
    process.on('exit', () => {
      if (hasEnded) return;
      const errors = takeUncaught();
      if (errors.length === 0) errors.push({ file: undefined, stack: 'Error: mocha ended before its tests did' });
      for (const error of errors) failLate(runner, error);
      runner.emit('end');
      process.exitCode = 1;
    });
    super(runner, options);
    let reported = 0;
    runner.on('end', () => {
      const { passes, failures, pending } = this.stats;
      // The first end has printed all until then.
      if (reported > 0) Mocha.reporters.Base.list(this.failures.slice(reported));
      reported = this.failures.length;
      const file = options.reporterOptions?.counts;
      if (file !== undefined) writeFileSync(file, `${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}

/** Have the processes that are started from here on write down what nobody catches. @returns takes it, once */
function collectUncaught(): () => UncaughtError[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsbgp-test-'));
  const path = join(directory, 'uncaught');
  writeFileSync(path, '');
  process.env[UNCAUGHT_FILE] = path;
  let taken = false;
  return () => {
    if (taken) return [];
    taken = true;
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    rmSync(directory, { recursive: true });
    return lines.map((line) => JSON.parse(line) as UncaughtError);
  };
}

function failLate(runner: Mocha.Runner, { file, stack }: UncaughtError): void {
  const failed = new Mocha.Runnable('an error that nobody caught, after the tests');
  failed.parent = runner.suite;
  if (file !== undefined) failed.file = file;
  const [message] = stack.split('\n');
  // The exit code of mocha is made of it.
  runner.failures++;
  runner.emit('fail', failed, Object.assign(new Error(message), { stack }));
}
