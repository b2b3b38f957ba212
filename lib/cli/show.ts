import { UsageError, canonicalScopedAddress, formatPrefix, parsePrefix } from '../net/index.js';
import type { ProcessView } from '../io/process-monitor.js';
import type {
  ExplainView,
  FibRouteView,
  FibSummaryView,
  NeighborView,
  PathView,
  SummaryView,
} from '../speaker/views.js';
import { ApiClient } from './client.js';
import { CommandError, type Output } from './output.js';
import { tableLines, type Column } from './table.js';
import * as views from './views.js';

export interface ShowOptions {
  readonly api: string;
  readonly json?: boolean;
}

export interface RouteOptions extends ShowOptions {
  readonly family?: string;
  readonly receivedFrom?: string;
  readonly advertisedTo?: string;
  readonly within?: string;
  readonly all?: boolean;
  readonly limit?: string;
}

export async function showSummary(options: ShowOptions, out: Output): Promise<void> {
  await showOne<SummaryView>('/v1/summary', options, out, (view) => views.summaryText(view, Date.now()));
}

export async function showProcess(options: ShowOptions, out: Output): Promise<void> {
  await showOne<ProcessView>('/v1/process', options, out, (view) => views.processText(view, Date.now()));
}

export async function showNeighbors(options: ShowOptions, out: Output): Promise<void> {
  if (options.json) return showOne('/v1/neighbors', options, out, String);
  const list = await new ApiClient(options.api).get<NeighborView[]>('/v1/neighbors');
  const now = Date.now();
  await printTable(
    views.NEIGHBOR_COLUMNS,
    list.map((view) => views.neighborRow(view, now)),
    out,
  );
}

export async function showNeighbor(address: string, options: ShowOptions, out: Output): Promise<void> {
  const path = `/v1/neighbors/${encodeURIComponent(argument(() => canonicalScopedAddress(address)))}`;
  await showOne<NeighborView>(path, options, out, (view) => views.neighborText(view, Date.now()));
}

export async function showRoutes(options: RouteOptions, out: Output): Promise<void> {
  const parameters = new URLSearchParams();
  const given = { ...options, prefix: options.within, all: options.all ? 'true' : undefined };
  for (const name of ['family', 'receivedFrom', 'advertisedTo', 'prefix', 'all', 'limit'] as const) {
    if (given[name] !== undefined) parameters.set(name, given[name]);
  }
  const query = parameters.size === 0 ? '' : `?${parameters.toString()}`;
  await showList<PathView>(`/v1/routes${query}`, views.ROUTE_COLUMNS, views.routeRow, options, out);
}

/** @throws CommandError also when the prefix is not in the table */
export async function showRoute(prefix: string, options: ShowOptions, out: Output): Promise<void> {
  const path = `/v1/routes/${argument(() => formatPrefix(parsePrefix(prefix)))}`;
  const view = await new ApiClient(options.api).get<ExplainView>(path);
  if (view.decisions.length === 0 && !options.json) throw new CommandError(views.explainText(view).trimEnd());
  await out.result(options.json ? `${JSON.stringify(view, null, 2)}\n` : views.explainText(view));
}

export interface FibShowOptions extends ShowOptions {
  readonly state?: string;
  readonly within?: string;
}

/** @throws CommandError also when the prefix is neither wanted nor in the kernel */
export async function showFib(prefix: string | undefined, options: FibShowOptions, out: Output): Promise<void> {
  if (prefix !== undefined) {
    const path = `/v1/fib/${argument(() => formatPrefix(parsePrefix(prefix)))}`;
    return showOne<FibRouteView>(path, options, out, (view) => views.fibRouteText(view, Date.now()));
  }
  const parameters = new URLSearchParams();
  if (options.state !== undefined) parameters.set('state', options.state);
  if (options.within !== undefined) parameters.set('prefix', options.within);
  const query = parameters.size === 0 ? '' : `?${parameters.toString()}`;
  if (!options.json) {
    const summary = await new ApiClient(options.api).get<FibSummaryView>('/v1/fib/summary').catch(() => null);
    if (summary) await out.result(views.fibSummaryText(summary));
  }
  await showList<FibRouteView>(`/v1/fib${query}`, views.FIB_COLUMNS, views.fibRow, options, out);
}

async function showOne<T>(path: string, options: ShowOptions, out: Output, format: (view: T) => string): Promise<void> {
  const view = await new ApiClient(options.api).get<T>(path);
  await out.result(options.json ? `${JSON.stringify(view, null, 2)}\n` : format(view));
}

async function showList<T>(
  path: string,
  columns: readonly Column[],
  row: (item: T) => string[],
  options: ShowOptions,
  out: Output,
): Promise<void> {
  const client = new ApiClient(options.api);
  if (!options.json) return printTable(columns, mapped(client.items<T>(path), row), out);
  for await (const text of client.text(path)) await out.result(text);
}

export async function printTable(
  columns: readonly Column[],
  rows: AsyncIterable<string[]> | Iterable<string[]>,
  out: Output,
): Promise<void> {
  let text = '';
  for await (const line of tableLines(columns, rows)) {
    text += line;
    if (text.length < 16384) continue;
    await out.result(text);
    text = '';
  }
  await out.result(text);
}

async function* mapped<T, U>(items: AsyncIterable<T>, convert: (item: T) => U): AsyncGenerator<U> {
  for await (const item of items) yield convert(item);
}

/** A wrong argument is told before the speaker is asked. */
export function argument<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) throw new CommandError(error.message, 2);
    throw error;
  }
}
