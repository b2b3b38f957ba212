import type { EventEmitter } from 'node:events';
import type { FibEvent } from '../fib/events.js';
import type { SpeakerEvents } from '../speaker/events.js';
import type { ReconfigureResult, SpeakerApi } from '../speaker/speaker-api.js';
import { printable } from './output.js';

/** The same line about the same thing is told again only after so long. */
const REPEAT_MS = 60_000;
/** Of routes and UPDATEs, of which there can be a million, so many lines are written in so long; the rest is counted. */
const BURST_LINES = 20;
const BURST_MS = 10_000;
/** Subjects to remember: a limit, so that a long life needs no more memory. */
const SUBJECTS = 10_000;

/** What the log hears of; `Speaker` is one. */
export type LoggedSpeaker = EventEmitter<SpeakerEvents> & Pick<SpeakerApi, 'neighbor'>;

/** One line per event that an operator cares about; all else is for `DEBUG=tsbgp:*`. */
export class OperatorLog {
  /** Subject to the last line about it and when it was written. */
  readonly #told = new Map<string, { readonly text: string; readonly at: number }>();
  #burst = { began: -Infinity, lines: 0, left: 0 };

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
    if (this.#told.size >= SUBJECTS) this.#told.clear();
    this.#told.set(subject, { text, at });
    this.line(text);
  }

  /** Like #once, for what can come in floods. */
  #flood(subject: string, text: string): void {
    if (this.now() - this.#burst.began >= BURST_MS) {
      this.tellRest();
      this.#burst = { began: this.now(), lines: 0, left: 0 };
    }
    if (this.#burst.lines < BURST_LINES) {
      this.#burst.lines++;
      this.#once(subject, text);
    } else if (this.#burst.left++ === 0) {
      setTimeout(() => this.tellRest(), BURST_MS).unref();
    }
  }

  /** Say how many lines were left out, if any. */
  tellRest(): void {
    const { left } = this.#burst;
    this.#burst.left = 0;
    if (left > 0)
      this.line(`${left} more events of routes and UPDATEs not shown: see 'tsbgp show fib' and DEBUG=tsbgp:*`);
  }

  /** Tell what happens to a speaker from now on. */
  follow(speaker: LoggedSpeaker): void {
    speaker.on('neighborStateChange', ({ neighbor, from, to, reason }) => {
      const who = `neighbor ${neighbor}${descriptionOf(speaker, neighbor)}`;
      if (to === 'Established' || from === 'Established') {
        // Up or down is always told, also when it is the same as a second ago.
        this.#told.delete(`neighbor ${neighbor}`);
        this.line(`${who}: ${to === 'Established' ? 'Established' : `down: ${reason}`}`);
      } else if (reason.startsWith('stopped')) return;
      else if (to === 'Idle' || (to === 'Active' && from !== 'Idle'))
        this.#once(`neighbor ${neighbor}`, `${who}: ${reason}`);
    });
    speaker.on('prefixLimit', ({ neighbor, family, reached, count, limit }) => {
      const { maxPrefixes, action } = limit;
      const then = action === 'drop' ? 'no more are taken' : action === 'stop' ? 'the session ends' : 'a warning only';
      const what = reached === 'threshold' ? `of at most ${maxPrefixes}` : `at most ${maxPrefixes} allowed: ${then}`;
      this.line(`neighbor ${neighbor}${descriptionOf(speaker, neighbor)}: ${count} ${family} prefixes, ${what}`);
    });
    speaker.on('updateError', ({ neighbor, diagnostic }) => {
      this.#flood(
        `update ${neighbor}`,
        `neighbor ${neighbor}: malformed UPDATE, ${diagnostic.action}: ${diagnostic.reason}`,
      );
    });
    speaker.on('fib', (event) => {
      const text = fibText(event);
      if (text === null) return;
      if ('prefix' in event) this.#flood(`fib ${event.prefix}`, `FIB: ${text}`);
      else this.#once('fib', `FIB: ${text}`);
    });
  }
}

function descriptionOf(speaker: LoggedSpeaker, address: string): string {
  try {
    const { description } = speaker.neighbor(address);
    return description === null ? '' : ` (${description})`;
  } catch {
    return ''; // gone already
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
    case 'nexthopFailed':
      return (
        `nexthop object ${event.id} (${event.nexthop}): ${event.error.message}; its routes do without it; ` +
        `next try in ${seconds(event.retryInMs)}`
      );
    case 'nexthopRecovered':
      return `nexthop object ${event.id} (${event.nexthop}): written after all`;
    case 'foreignNexthopChange': {
      const then = event.retryInMs === 0 ? 'put right' : `its routes do without it for ${seconds(event.retryInMs)}`;
      return `another program ${event.change} nexthop object ${event.id} (${event.nexthop}); ${then}`;
    }
    case 'nexthopObjectsUnavailable':
      return `no nexthop objects here, routes are written without: ${event.error.message}`;
    case 'writerUp':
      return 'routes can be written again';
    case 'foreignChange':
      return `${event.prefix}: ${event.change} by another program${by(event.by)} (found ${event.found ?? 'nothing'}, wanted ${event.wanted ?? 'nothing'})`;
    case 'repaired':
      return `${event.prefix}: put right`;
    case 'contended':
      return `${event.prefix}: another program${by(event.by)} has changed it ${event.changes} times; left alone for ${seconds(event.retryInMs)}`;
    case 'removalsLimited':
      return `more routes were to be removed than the limit allows; the others stay for ${seconds(event.retryInMs)}, or until 'tsbgp fib confirm-removals'`;
    case 'removalsHeld':
      return `no route is removed: ${event.reason}`;
    case 'removalsReleased':
      return 'routes are removed again';
    case 'conntrackDeleted':
      return null;
    case 'conntrackFailed':
      return `cannot delete connection tracking entries: ${event.error.message}; next try in ${seconds(event.retryInMs)}`;
    case 'conntrackForgotten':
      return `too many addresses moved: connection tracking entries of ${event.addresses} are not deleted`;
    case 'reconciled':
      return event.different === 0
        ? null
        : `${event.different} routes differ from the kernel's (${event.reason}); they are being written`;
  }
}

function by(protocol: string | null): string {
  return protocol === null ? '' : ` (protocol ${protocol})`;
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
