import { ipCommand } from './ip-command.js';
import { MemoryFibWriter } from './memory-writer.js';
import type { RouteChange, WriteFailure } from './writer.js';

/** Writes no route, but tells the `ip route …` line of each change that a host would run: a dry run. */
export class PrintFibWriter extends MemoryFibWriter {
  override readonly name = 'print';

  /** @param print gets one line without its newline; must not throw */
  constructor(private readonly print: (line: string) => void) {
    super();
  }

  override async write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    const failures = await super.write(changes);
    const failed = new Set(failures.map(({ index }) => index));
    changes.forEach((change, index) => {
      if (failed.has(index)) return;
      this.print(`ip ${change.prefix.includes(':') ? '-6 ' : ''}${ipCommand(change, true)}`);
    });
    return failures;
  }
}
