import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import {
  ConfigError,
  toErrorItem,
  type ConfigErrorItem,
  type ConfigPath,
  type ConfigProblem,
} from './config-errors.js';
import type { Machine } from './config-socket-rules.js';
import { readConfig } from './config.js';
import type { SpeakerConfig } from './options.js';

/**
 * Read a configuration file's text: YAML 1.2, of which JSON is a part.
 * @param text     the whole file
 * @param fileName as it shall stand in error messages
 * @param machine  that it shall run on: what cannot be had there is an error too
 * @returns a frozen, checked configuration
 * @throws ConfigError with everything that is wrong, each with file, line and column
 */
export function parseConfig(text: string, fileName: string, machine?: Machine): SpeakerConfig {
  return parseYaml(text, fileName, (input) => readConfig(input, machine));
}

/**
 * Read the text of a file as YAML and make something of it, with places for all that is wrong.
 * @throws ConfigError with everything that is wrong, each with file, line and column
 */
export function parseYaml<T>(
  text: string,
  fileName: string,
  read: (input: unknown) => { readonly config: T | null; readonly problems: readonly ConfigProblem[] },
): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const place = (offset: number): Pick<ConfigErrorItem, 'file' | 'line' | 'column'> => {
    const { line, col } = lines.linePos(offset);
    return { file: fileName, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const flaws = [...document.errors, ...document.warnings];
  if (flaws.length > 0) {
    throw new ConfigError(
      flaws.map(({ message, pos }) => ({ path: '', message: discreet(message, text, pos[0]), ...place(pos[0]) })),
    );
  }
  const { config, problems } = read(toValue(document, text, place));
  if (config !== null) return config;
  const errors = problems.map((problem) => ({ ...toErrorItem(problem), ...place(offsetOf(document, problem)) }));
  throw new ConfigError(errors.sort((a, b) => a.line! - b.line! || a.column! - b.column!));
}

function toValue(document: Document, text: string, place: (offset: number) => Partial<ConfigErrorItem>): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 }) as unknown;
  } catch (error) {
    // An alias without an anchor, or aliases that would blow up.
    const { message } = error as Error;
    const alias = text.indexOf(`*${/: (\S+)$/.exec(message)?.[1]}`);
    throw new ConfigError([{ path: '', message: discreet(message, text, alias), ...place(Math.max(alias, 0)) }]);
  }
}

/** The first line of a message about the text at `offset`; messages may quote it, and it may be a password. */
function discreet(message: string, text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n')[0]!;
  return offset >= 0 && /password/i.test(line) ? 'this is not YAML: put a password in quotes' : firstLine(message);
}

function firstLine(message: string): string {
  return message.split('\n')[0]!.replace(/:$/, '');
}

/** Where a problem stands: its key, its value, or the innermost thing around it that exists. */
function offsetOf(document: Document, { path, atKey }: ConfigProblem): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = findPair(node.items, key);
      if (pair === undefined) return offset;
      node = pair.value;
      // A key without a value has no node of its own.
      offset = (atKey && last ? startOf(pair.key) : startOf(node)) ?? startOf(pair.key) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[key as number];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function findPair(items: readonly Pair[], key: ConfigPath[number]): Pair | undefined {
  return items.find((pair) => (isScalar(pair.key) ? String(pair.key.value) : String(pair.key)) === String(key));
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
