import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

interface Options {
  /** Of `--reporter-option counts=FILE`. */
  readonly reporterOptions?: { readonly counts?: string };
}

/**
 * The usual `spec` report, and beside it, if a file is named, one line in it: `N passed, N failed, N skipped`. A hook that
 * fails counts as a failed test, as in the report itself, and so does a file that cannot be loaded or whose process ends
 * before its tests do; with `--parallel` mocha tells these last, each with an end of the run of its own.
 */
export default class TestReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions & Options) {
    // In front of the listeners of `spec`, which print the title.
    runner.on('fail', (failed: Mocha.Runnable & { readonly type?: string }) => {
      if (failed.type === undefined && failed.file) failed.title = `${relative('.', failed.file)}: ${failed.title}`;
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
