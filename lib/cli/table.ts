import { printable } from './output.js';

/** A column: its heading and whether its values stand right (numbers). */
export interface Column {
  readonly heading: string;
  readonly right?: true;
}

/** Rows looked at to find the widths, before anything is printed. */
const SAMPLE = 500;

/**
 * Lines of an aligned table. Widths come from the first rows, so that a table of a million rows needs little memory; a
 * later, wider value moves only its own row.
 * @param rows cells as text; they are made safe to print
 */
export async function* tableLines(
  columns: readonly Column[],
  rows: AsyncIterable<readonly string[]> | Iterable<readonly string[]>,
): AsyncGenerator<string> {
  const sample: string[][] = [];
  let widths: number[] | undefined;
  for await (const row of rows) {
    const cells = row.map(printable);
    if (widths !== undefined) yield formatLine(columns, widths, cells);
    else if (sample.push(cells) === SAMPLE) {
      widths = widthsOf(columns, sample);
      yield* formatLines(columns, widths, sample);
    }
  }
  if (widths === undefined) yield* formatLines(columns, widthsOf(columns, sample), sample);
}

function widthsOf(columns: readonly Column[], rows: readonly string[][]): number[] {
  return columns.map(({ heading }, i) => rows.reduce((width, row) => Math.max(width, row[i]!.length), heading.length));
}

function* formatLines(
  columns: readonly Column[],
  widths: readonly number[],
  rows: readonly string[][],
): Generator<string> {
  const headings = columns.map(({ heading }) => heading);
  yield formatLine(columns, widths, headings);
  for (const row of rows) yield formatLine(columns, widths, row);
}

function formatLine(columns: readonly Column[], widths: readonly number[], cells: readonly string[]): string {
  const padded = cells.map((cell, i) => (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
  return `${padded.join('  ').trimEnd()}\n`;
}

/** Lines of `name: value`, values aligned; pairs with an empty value are left out. */
export function pairLines(pairs: readonly (readonly [string, string])[]): string {
  const shown = pairs.filter(([, value]) => value !== '');
  const width = shown.reduce((most, [name]) => Math.max(most, name.length), 0) + 2;
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)}${printable(value)}\n`).join('');
}
