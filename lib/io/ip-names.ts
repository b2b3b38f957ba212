import { readdirSync, readFileSync } from 'node:fs';
import { UsageError } from '../net/index.js';
import { PROTOCOLS, TABLES } from '../fib/names.js';

/** Where iproute2 keeps names for numbers, by version; later ones win. */
const DIRECTORIES = ['/usr/lib/iproute2', '/usr/share/iproute2', '/etc/iproute2'];

/** Name by number. */
function fileNames(file: string, directories: readonly string[]): Map<number, string> {
  const names = new Map<number, string>();
  for (const directory of directories) {
    for (const path of [`${directory}/${file}`, ...confFiles(`${directory}/${file}.d`)]) {
      for (const line of textOf(path).split('\n')) {
        const entry = /^\s*(\d+|0x[0-9a-f]+)\s+([^\s#]+)/i.exec(line);
        if (entry) names.set(Number(entry[1]), entry[2]!);
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

/**
 * All numbers that a protocol's name stands for: `static` is 4, and with FRR's names also 196.
 * @throws UsageError `bad_protocol`
 */
export function protocolNumbers(protocol: string | number, directories = DIRECTORIES): number[] {
  const first = protocolNumber(protocol, directories);
  if (typeof protocol === 'number' || /^\d+$/.test(protocol)) return [first];
  return [first, ...numbersOf(protocol, fileNames('rt_protos', directories)).filter((number) => number !== first)];
}

function numbersOf(name: string, names: ReadonlyMap<number, string>): number[] {
  return [...names].flatMap(([number, known]) => (known === name ? [number] : [])).sort((a, b) => a - b);
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
      : // As iproute2 does: of several numbers with one name the lowest.
        Math.min(...numbersOf(value, fileNames(file, directories)), known[value] ?? Infinity);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new UsageError(`bad_${option}`, `not a ${option} number, and no name that ${file} knows: '${value}'`, option);
}
