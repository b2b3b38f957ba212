import { readdirSync, readFileSync } from 'node:fs';
import { UsageError } from '../net/index.js';
import { PROTOCOLS, TABLES } from '../fib/names.js';

/** Where iproute2 keeps names for numbers, by version; later ones win. */
const DIRECTORIES = ['/usr/lib/iproute2', '/usr/share/iproute2', '/etc/iproute2'];

function fileNames(file: string, directories: readonly string[]): Record<string, number> {
  const names: Record<string, number> = {};
  for (const directory of directories) {
    for (const path of [`${directory}/${file}`, ...confFiles(`${directory}/${file}.d`)]) {
      for (const line of textOf(path).split('\n')) {
        const entry = /^\s*(\d+|0x[0-9a-f]+)\s+([^\s#]+)/i.exec(line);
        if (entry) names[entry[2]!] = Number(entry[1]);
      }
    }
  }
  return names;
}

function confFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => `${directory}/${name}`);
  } catch {
    return []; // most systems have none
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Number of a routing table by number, usual name, or the name that iproute2's rt_tables gives it.
 * @throws UsageError `bad_table`
 */
export function tableNumber(table: string | number, directories = DIRECTORIES): number {
  return lookUp('table', table, 0xffffffff, TABLES, 'rt_tables', directories);
}

/**
 * Number of a route protocol by number, usual name, or the name that iproute2's rt_protos gives it.
 * @throws UsageError `bad_protocol`
 */
export function protocolNumber(protocol: string | number, directories = DIRECTORIES): number {
  return lookUp('protocol', protocol, 255, PROTOCOLS, 'rt_protos', directories);
}

function lookUp(
  option: string,
  value: string | number,
  most: number,
  known: Readonly<Record<string, number>>,
  file: string,
  directories: readonly string[],
): number {
  const number =
    typeof value === 'number' || /^\d+$/.test(value)
      ? Number(value)
      : ({ ...known, ...fileNames(file, directories) }[value] ?? -1);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new UsageError(`bad_${option}`, `not a ${option} number, and no name that ${file} knows: '${value}'`, option);
}
