import type { FibEvent } from '../fib/events.js';
import type { ReconfigureResult } from '../speaker/speaker-api.js';
import type { Speaker } from '../speaker/speaker.js';
import { printable } from './output.js';

/** The same line about the same thing is told again only after so long. */
const REPEAT_MS = 60_000;

/** One line per event that an operator cares about; all else is for `DEBUG=tsbgp:*`. */
export class OperatorLog {
  /** Subject to the last line about it and when it was written. */
  readonly #told = new Map<string, { readonly text: string; readonly at: number }>();

  constructor(
    private readonly write: (line: string) => void,
    private readonly now: () => number = Date.now,
  ) {}

  line(text: string): void {
    this.write(`${new Date(this.now()).toISOString()} ${printable(text)}`);
  }

  /** A line that is left out while it only repeats the last one about the same subject. */
  #once(subject: string, text: string): void {
    const [last, at] = [this.#told.get(subject), this.now()];
    if (last?.text === text && at - last.at < REPEAT_MS) return;
    this.#told.set(subject, { text, at });
    this.line(text);
  }

  /** Tell what happens to a speaker from now on. */
  follow(speaker: Speaker): void {
    speaker.on('neighborStateChange', ({ neighbor, from, to, reason }) => {
      const who = `neighbor ${neighbor}${this.#description(speaker, neighbor)}`;
      if (to === 'Established' || from === 'Established') {
        // Up or down is always told, also when it is the same as a second ago.
        this.#told.delete(`neighbor ${neighbor}`);
        this.line(`${who}: ${to === 'Established' ? 'Established' : `down: ${reason}`}`);
      } else if (reason.startsWith('stopped')) return;
      else if (to === 'Idle' || (to === 'Active' && from !== 'Idle'))
        this.#once(`neighbor ${neighbor}`, `${who}: ${reason}`);
    });
    speaker.on('updateError', ({ neighbor, diagnostic }) => {
      this.#once(
        `update ${neighbor}`,
        `neighbor ${neighbor}: malformed UPDATE, ${diagnostic.action}: ${diagnostic.reason}`,
      );
    });
    speaker.on('fib', (event) => {
      const text = fibText(event);
      if (text !== null) this.#once(`fib ${'prefix' in event ? event.prefix : 'writer'}`, `FIB: ${text}`);
    });
  }

  #description(speaker: Speaker, address: string): string {
    try {
      const { description } = speaker.neighbor(address);
      return description === null ? '' : ` (${description})`;
    } catch {
      return ''; // gone already
    }
  }
}

/** What the kernel side has to say; null for what is only routine. */
export function fibText(event: FibEvent): string | null {
  switch (event.type) {
    case 'routeFailed':
      return `${event.prefix} (${event.change}): ${event.error.message}; next try in ${seconds(event.retryInMs)}`;
    case 'routeRecovered':
      return `${event.prefix}: written after all`;
    case 'writerDown':
      return `cannot write routes: ${event.error.message}; next try in ${seconds(event.retryInMs)}`;
    case 'writerUp':
      return 'routes can be written again';
    case 'foreignChange':
      return `${event.prefix}: ${event.change} by another program (found ${event.found ?? 'nothing'}, wanted ${event.wanted ?? 'nothing'})`;
    case 'repaired':
      return `${event.prefix}: put right`;
    case 'contended':
      return `${event.prefix}: another program has changed it ${event.changes} times; left alone for ${seconds(event.retryInMs)}`;
    case 'reconciled':
      return event.different === 0
        ? null
        : `${event.different} routes differ from the kernel's (${event.reason}); they are being written`;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** What a new configuration changed, a part each; empty when nothing did. */
export function reconfigureParts(result: ReconfigureResult): string[] {
  const names: [string, readonly string[]][] = [
    ['neighbors added', result.added],
    ['neighbors removed', result.removed],
    ['changed in place', result.changed],
    ['sessions reset', result.reset],
    ['networks added', result.networksAdded],
    ['networks removed', result.networksRemoved],
  ];
  return names.filter(([, list]) => list.length > 0).map(([name, list]) => `${name}: ${some(list)}`);
}

function some(list: readonly string[]): string {
  return list.length <= 8 ? list.join(', ') : `${list.slice(0, 8).join(', ')} and ${list.length - 8} more`;
}
