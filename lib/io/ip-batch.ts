import { KernelError } from '../fib/errors.js';
import { LineSplitter, type Child, type SpawnIp } from './ip-child.js';

/**
 * Ends each batch. A command that always fails and changes nothing: its `Command failed -:LINE` comes on stderr after all
 * errors of the lines before it, in the same pipe, so that no error can come after the acknowledgement.
 */
const SENTINEL = 'nexthop get id 4294967295';

interface PendingBatch {
  /** Line numbers of the process, counted from 1. */
  readonly firstLine: number;
  readonly sentinelLine: number;
  readonly failures: Map<number, string>;
  readonly resolve: (failures: Map<number, string>) => void;
  readonly reject: (error: KernelError) => void;
}

/**
 * One long-lived `ip -force -batch -`. It runs each line as it arrives and numbers them from its start; a line that fails
 * costs only itself. Started on demand, and anew after its end.
 */
export class IpBatch {
  #process: BatchProcess | null = null;
  /** Processes that only have to answer what they were given. */
  readonly #retired = new Set<BatchProcess>();

  constructor(
    private readonly spawn: SpawnIp,
    private readonly args: readonly string[],
  ) {}

  /**
   * Run lines in order.
   * @returns the failed ones: position in `lines` and what `ip` said
   * @throws KernelError (rejects) `EEXIT`, `ENOENT`, … when the process ended before all were answered
   */
  run(lines: readonly string[]): Promise<Map<number, string>> {
    if (lines.length === 0) return Promise.resolve(new Map());
    this.#process ??= new BatchProcess(this.spawn, this.args, (ended) => {
      this.#retired.delete(ended);
      if (this.#process === ended) this.#process = null;
    });
    return this.#process.run(lines);
  }

  /** Use a fresh process from now on: `ip` remembers device numbers by name for as long as it runs. */
  recycle(): void {
    if (!this.#process) return;
    this.#retired.add(this.#process);
    this.#process.end();
    this.#process = null;
  }

  /** Kill what runs; unanswered batches reject with this error. */
  reset(error: KernelError): void {
    for (const each of [...this.#retired, this.#process]) each?.abort(error);
    this.#process = null;
    this.#retired.clear();
  }

  /** Let it answer what it was given, and end. */
  async close(): Promise<void> {
    const open = [...this.#retired, ...(this.#process ? [this.#process] : [])];
    this.#process = null;
    await Promise.all(open.map((each) => each.end()));
  }
}

class BatchProcess {
  readonly #child: Child;
  #lines = 0;
  readonly #pending: PendingBatch[] = [];
  #said: string[] = [];
  #ended = false;
  #whenEnded: (() => void)[] = [];

  constructor(
    spawn: SpawnIp,
    args: readonly string[],
    private readonly onEnded: (self: BatchProcess) => void,
  ) {
    const stderr = new LineSplitter((line) => this.#error(line));
    // Nothing that we send prints anything, except the sentinel should it ever succeed.
    const stdout = new LineSplitter(() => this.#answer(this.#pending[0]));
    this.#child = spawn([...args, '-force', '-batch', '-'], {
      onStdout: (chunk) => stdout.push(chunk),
      onStderr: (chunk) => stderr.push(chunk),
      onEnd: (error) => this.#over(error ?? new KernelError('EEXIT', "'ip' ended")),
    });
  }

  run(lines: readonly string[]): Promise<Map<number, string>> {
    return new Promise((resolve, reject) => {
      const firstLine = this.#lines + 1;
      this.#lines += lines.length + 1;
      this.#pending.push({ firstLine, sentinelLine: this.#lines, failures: new Map(), resolve, reject });
      this.#child.write(`${lines.join('\n')}\n${SENTINEL}\n`);
    });
  }

  end(): Promise<void> {
    this.#child.end();
    return this.#ended ? Promise.resolve() : new Promise((resolve) => this.#whenEnded.push(resolve));
  }

  abort(error: KernelError): void {
    this.#child.kill();
    this.#over(error);
  }

  #error(line: string): void {
    const failed = /^Command failed .*:(\d+)$/.exec(line);
    if (!failed) {
      if (line !== '' && !line.startsWith('Warning:')) this.#said.push(line.trim());
      return;
    }
    const said = this.#said.join('; ');
    this.#said = [];
    const number = Number(failed[1]);
    const batch = this.#pending.find(({ sentinelLine }) => number <= sentinelLine);
    if (!batch) return;
    if (number === batch.sentinelLine) this.#answer(batch);
    else batch.failures.set(number - batch.firstLine, said === '' ? 'failed' : said);
  }

  #answer(batch: PendingBatch | undefined): void {
    if (!batch) return;
    this.#pending.splice(this.#pending.indexOf(batch), 1);
    batch.resolve(batch.failures);
  }

  #over(error: KernelError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnded(this);
    for (const batch of this.#pending.splice(0)) batch.reject(error);
    for (const done of this.#whenEnded.splice(0)) done();
  }
}
