import { UsageError } from '../net/index.js';

/** Where a value stands in a configuration: keys and list indexes from the top. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a configuration, before its place in a file is known. */
export interface ConfigProblem {
  readonly path: ConfigPath;
  /** The key itself is wrong, not its value. */
  readonly atKey?: true;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
}

/** One thing that is wrong with a configuration. */
export interface ConfigErrorItem {
  /** `neighbors[0].holdTime`; empty for the configuration as a whole. */
  readonly path: string;
  /** For people, without place and path. */
  readonly message: string;
  /** What stands there, shortened. */
  readonly found?: string;
  readonly expected?: string;
  /** File, line and column (from 1); absent when the configuration is an object and not a file. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A configuration that cannot be used. `code` is `bad_config`; `errors` has everything that is wrong with it. */
export class ConfigError extends UsageError {
  override readonly name = 'ConfigError';
  constructor(readonly errors: readonly ConfigErrorItem[]) {
    super('bad_config', errors.map(formatConfigError).join('\n'));
  }
}

/** `tsbgp.yaml:12:5: neighbors[0].holdTime: found 2, expected 0 or 3 to 65535 (seconds)` */
export function formatConfigError(item: ConfigErrorItem): string {
  const place = [item.file, item.line, item.column].filter((part) => part !== undefined).join(':');
  return [place, item.path, item.message].filter((part) => part !== '').join(': ');
}

/** A problem as an error item; the caller adds the place when it knows it. */
export function toErrorItem(problem: ConfigProblem): ConfigErrorItem {
  const { path, message, found, expected } = problem;
  return {
    path: formatPath(path),
    message,
    ...(found === undefined ? {} : { found }),
    ...(expected === undefined ? {} : { expected }),
  };
}

/** `neighbors[0].holdTime`, `peerGroups["rack 1"].peerAs`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** A value as an error message shows it: one line, at most about 60 characters. */
export function foundText(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') {
    const text = JSON.stringify(value);
    return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
  }
  return String(value);
}
