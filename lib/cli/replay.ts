import { replay, type ReplayedChange, type ReplayedMessage, type ReplayResult } from '../record/index.js';
import { UsageError } from '../net/index.js';
import { RIB_FAMILIES } from '../bgp/wire/index.js';
import type { PathView } from '../speaker/views.js';
import type { Speaker } from '../speaker/speaker.js';
import { CommandError, printable, type Output } from './output.js';
import { printTable } from './show.js';
import * as views from './views.js';

export interface ReplayCommandOptions {
  readonly until?: string;
  readonly messages?: boolean;
  readonly changes?: boolean;
  readonly show: readonly string[];
  readonly json?: boolean;
}

const SHOWN = ['routes', 'all-routes', 'neighbors', 'summary', 'fib', 'none'] as const;

/**
 * Run a recording again.
 * @returns the exit code: 1 when it went another way than it did when it was recorded
 * @throws CommandError
 */
export async function replayCommand(file: string, options: ReplayCommandOptions, out: Output): Promise<number> {
  const wanted = options.show.filter((what) => !what.includes('/') && !(SHOWN as readonly string[]).includes(what));
  if (wanted.length > 0) {
    throw new CommandError(`--show: found ${wanted[0]}, expected ${SHOWN.join(', ')} or a prefix`, 2);
  }
  const printer = new Printer(out, options.json === true);
  let result: ReplayResult;
  try {
    result = await replay(file, {
      ...untilOf(options.until),
      onMessage: async (message) => {
        if (options.messages || options.changes)
          printer.add(messageLine(message), { type: 'message', ...plain(message) });
        await printer.flushIfFull();
      },
      ...(options.changes
        ? { onChange: (change: ReplayedChange) => printer.add(changeLine(change), { type: 'change', ...change }) }
        : {}),
    });
  } catch (error) {
    if (error instanceof UsageError) throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
  await printer.flush();
  for (const what of options.show) await show(result, what, options.json === true, out);
  // The speaker itself is no matter for JSON.
  if (options.json) await out.result(`${JSON.stringify({ type: 'end', ...result, speaker: undefined })}\n`);
  for (const line of endLines(file, result)) out.message(line);
  return result.difference === undefined ? 0 : 1;
}

/** `--until`: a number of a message, or a time. */
function untilOf(text: string | undefined): { untilMessage?: number; untilTime?: number } {
  if (text === undefined) return {};
  if (/^[1-9]\d*$/.test(text)) return { untilMessage: Number(text) };
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return { untilTime: time };
  throw new CommandError(
    `--until: found ${text}, expected the number of a message or a time such as 2026-01-31T12:00:00Z`,
    2,
  );
}

function plain({ octets, time, connection, type, ...message }: ReplayedMessage): object {
  const { local } = connection;
  return { ...message, messageType: type, time: new Date(time).toISOString(), local, octets: octets.length };
}

function messageLine({ number, time, type, neighbor, octets }: ReplayedMessage): string {
  return `${new Date(time).toISOString()} #${number} ${type} from ${neighbor}, ${octets.length} octets`;
}

function changeLine({ prefix, before, after, reason, message, cause }: ReplayedChange): string {
  const by = message === null ? cause : `#${message}`;
  return printable(`  ${prefix}: ${pathText(before)} -> ${pathText(after)}: ${reason} [${by}]`);
}

function pathText(path: PathView | null): string {
  if (path === null) return 'none';
  const from = path.neighbor === null ? 'local' : `${path.neighbor} via ${path.nextHop}`;
  return `${from}${path.asPath === '' ? '' : ` AS ${path.asPath}`}`;
}

async function show({ speaker, time }: ReplayResult, what: string, json: boolean, out: Output): Promise<void> {
  switch (what) {
    case 'none':
      return;
    case 'routes':
      return showList('route', views.ROUTE_COLUMNS, routes(speaker, true), views.routeRow, json, out);
    case 'all-routes':
      return showList('route', views.ROUTE_COLUMNS, routes(speaker, false), views.routeRow, json, out);
    case 'neighbors':
      return showList(
        'neighbor',
        views.NEIGHBOR_COLUMNS,
        speaker.neighbors(),
        (v) => views.neighborRow(v, time),
        json,
        out,
      );
    case 'fib':
      return showList('fib', views.FIB_COLUMNS, speaker.fibRoutes(), views.fibRow, json, out);
    case 'summary': {
      const view = speaker.summary();
      return out.result(json ? `${JSON.stringify({ type: 'summary', ...view })}\n` : views.summaryText(view, time));
    }
    default: {
      try {
        const view = speaker.explain(what);
        return await out.result(json ? `${JSON.stringify({ type: 'explain', ...view })}\n` : views.explainText(view));
      } catch (error) {
        throw error instanceof UsageError ? new CommandError(`--show: ${error.message}`, 2) : error;
      }
    }
  }
}

function* routes(speaker: Speaker, bestOnly: boolean): Iterable<PathView> {
  for (const family of RIB_FAMILIES) yield* speaker.routes(family, { bestOnly });
}

async function showList<T extends object>(
  type: string,
  columns: typeof views.ROUTE_COLUMNS,
  items: Iterable<T>,
  row: (item: T) => string[],
  json: boolean,
  out: Output,
): Promise<void> {
  if (!json) return printTable(columns, mapped(items, row), out);
  const printer = new Printer(out, true);
  for (const item of items) {
    printer.add('', { type, ...item });
    await printer.flushIfFull();
  }
  await printer.flush();
}

function* mapped<T, U>(items: Iterable<T>, convert: (item: T) => U): Iterable<U> {
  for (const item of items) yield convert(item);
}

const ENDS: Readonly<Record<ReplayResult['end'], string>> = {
  until: 'stopped as asked',
  closed: 'the speaker stopped here',
  ended: 'the recording ends here',
  open: 'the file ends here: the speaker was running, or was killed',
  cut: 'the file ends here, in the middle of a record',
  damaged: 'the file is damaged here: the rest was not read',
};

function endLines(file: string, result: ReplayResult): string[] {
  const { recorded, messages, events, time, checkpoints, end, reason, difference } = result;
  const { asn, routerId } = recorded.config;
  const span = `${new Date(recorded.wallTime).toISOString()} to ${new Date(time).toISOString()}`;
  const lines = [
    `${file}: AS ${asn}, router ID ${routerId}, recorded by ${recorded.program} from ${span}`,
    `${messages} messages in ${events} events; ${checkpoints} checkpoints are right; ${ENDS[end]}${reason ? `: ${reason}` : ''}`,
  ];
  if (difference) {
    lines.push(
      `not as recorded from ${new Date(difference.time).toISOString()} on, after message ${difference.message}: ${difference.text}`,
    );
  }
  return lines;
}

/** Lines, gathered: a write for each would cost more than the line. */
class Printer {
  #text = '';

  constructor(
    private readonly out: Output,
    private readonly json: boolean,
  ) {}

  add(line: string, object: object): void {
    this.#text += `${this.json ? JSON.stringify(object) : line}\n`;
  }

  async flushIfFull(): Promise<void> {
    if (this.#text.length >= 1 << 16) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await this.out.result(text);
  }
}
