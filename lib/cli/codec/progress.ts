import type { Input } from './input.js';

const INTERVAL_MS = 500;

/** A progress line on stderr, when it is a terminal and results go elsewhere. */
export class Progress {
  private last = Date.now();
  private readonly start = this.last;
  private shown = false;
  private readonly wanted = process.stderr.isTTY === true && process.stdout.isTTY !== true;

  constructor(private readonly input: Input) {}

  /** Call it often: it writes at most twice a second. */
  tick(objects: number): void {
    if (!this.wanted || Date.now() - this.last < INTERVAL_MS) return;
    this.last = Date.now();
    this.shown = true;
    process.stderr.write(`\r\x1b[K${this.text(objects)}`);
  }

  /** Clear the line. */
  done(): void {
    if (this.shown) process.stderr.write('\r\x1b[K');
  }

  private text(objects: number): string {
    const { size } = this.input;
    const position = this.input.position();
    const seconds = (this.last - this.start) / 1000;
    const rate = `${megabytes(position / seconds)}/s`;
    const part =
      size === undefined || size === 0 ? '' : ` of ${megabytes(size)} (${Math.floor((100 * position) / size)} %)`;
    return `${this.input.name}: ${megabytes(position)}${part}, ${objects} objects, ${rate}`;
  }
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(1)} MB`;
}
