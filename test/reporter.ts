import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

interface Options {
  /** Of `--reporter-option counts=FILE`. */
  readonly reporterOptions?: { readonly counts?: string };
}

/**
 * The usual `spec` report, and beside it one line in a file: `N passed, N failed, N skipped`. A hook that fails counts as a
 * failed test, as in the report itself.
 */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions & Options) {
    super(runner, options);
    const file = options.reporterOptions?.counts;
    if (file === undefined) throw new Error('name a file: --reporter-option counts=FILE');
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(file, `${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}
