/**
 * Loaded into each process that runs test files (`require` in .mocharc.json): mocha hears of an error that nobody catches
 * only while tests of a file run. One that comes later ends the process, and nobody is told when no other file was to run in
 * it. So it is written down, for `test/reporter.ts` to count.
 */
import { appendFileSync } from 'node:fs';
import { inspect } from 'node:util';

/** Names the file in which such errors are written down, a line of JSON each. */
export const UNCAUGHT_FILE = 'TSBGP_TEST_UNCAUGHT';

export interface UncaughtError {
  /** The test file that ran last in the process. */
  readonly file: string | undefined;
  readonly stack: string;
}

let file: string | undefined;

export const mochaHooks: Mocha.RootHookObject = {
  beforeAll(this: Mocha.Context) {
    file = this.test?.parent?.suites.find((suite) => suite.file !== undefined)?.file;
  },
};

// Unlike those of 'uncaughtException', mocha does not remove listeners of this.
process.on('uncaughtExceptionMonitor', (error: unknown) => {
  const path = process.env[UNCAUGHT_FILE];
  if (path === undefined || process.listenerCount('uncaughtException') > 0) return;
  const told: UncaughtError = { file, stack: error instanceof Error ? (error.stack ?? String(error)) : inspect(error) };
  appendFileSync(path, `${JSON.stringify(told)}\n`);
});
