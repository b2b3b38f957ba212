import { routeBody, type Hop, type RouteBody, type RouteType } from '../fib/body.js';
import { PROTOCOLS } from '../fib/names.js';
import type { KernelRoute } from '../fib/writer.js';
import { ROUTE_TYPES } from './route-types.js';

const TYPE_NAMES = new Set<string>(ROUTE_TYPES);

/** Words without a value that say nothing lasting about a route. */
const IGNORED_FLAGS = new Set([
  'pervasive',
  'offload',
  'trap',
  'rt_offload',
  'rt_trap',
  'offload_failed',
  'notify',
  'unresolved',
  'cache',
]);
/** Words with a value that follow from the rest, or count down. */
const IGNORED_PAIRS = new Set(['scope', 'error', 'expires', 'users', 'age', 'used']);

interface Rest extends Omit<KernelRoute, 'prefix'> {
  readonly type: RouteType;
}

/**
 * Reads lines of `ip -N -o route show` and of `ip -N -o monitor route`. Most lines differ in their prefix only, so what
 * follows it is parsed once and remembered.
 */
export class RouteLineParser {
  #known = new Map<string, Rest | null>();

  /**
   * @param line   without its newline
   * @param table  what the line belongs to unless it says otherwise
   * @param family what `default` means when nothing in the line tells
   * @returns null for a line that is no route
   */
  parse(line: string, table: number, family: 4 | 6): KernelRoute | null {
    let from = 0;
    let to = line.indexOf(' ');
    if (to < 0) to = line.length;
    let type = '';
    if (isType(line, to)) {
      type = line.slice(0, to);
      from = to + 1;
      to = line.indexOf(' ', from);
      if (to < 0) to = line.length;
    }
    const key = `${table} ${type} ${line.slice(to)}`;
    let rest = this.#known.get(key);
    if (rest === undefined) {
      rest = parseRest(type, line.slice(to), table);
      if (this.#known.size > 10_000) this.#known = new Map();
      this.#known.set(key, rest);
    }
    if (rest === null) return null;
    const prefix = canonicalPrefix(line.slice(from, to), rest, family);
    if (prefix === null) return null;
    return { prefix, table: rest.table, protocol: rest.protocol, metric: rest.metric, tos: rest.tos, body: rest.body };
  }
}

function isType(line: string, to: number): boolean {
  for (let i = 0; i < to; i++) {
    const c = line.charCodeAt(i);
    if (c === 46 || c === 58 || c === 47) return false; // a prefix has one of . : /
  }
  const word = line.slice(0, to);
  return word !== 'default' && (TYPE_NAMES.has(word) || /^\d{1,2}$/.test(word));
}

function canonicalPrefix(word: string, rest: Rest, family: 4 | 6): string | null {
  if (word === 'default') {
    const gateway = rest.body.hops.find((hop) => hop.gateway !== undefined)?.gateway;
    const six = family === 6 || (gateway?.includes(':') ?? false);
    return six ? '::/0' : '0.0.0.0/0';
  }
  if (word.includes('/')) return word;
  if (word.includes(':')) return word.endsWith(':') && !word.endsWith('::') ? null : `${word}/128`;
  return word.includes('.') ? `${word}/32` : null;
}

/** The words after the prefix. @returns null when they are not those of a route */
function parseRest(typeWord: string, text: string, table: number): Rest | null {
  const type =
    typeWord === '' ? 'unicast' : TYPE_NAMES.has(typeWord) ? (typeWord as RouteType) : ROUTE_TYPES[Number(typeWord)];
  if (type === undefined) return null;
  // With -o each hop of a multipath route is set off by a backslash.
  const [head, ...nexthops] = text.split('\\');
  const route = new Words(head!);
  const hops = nexthops.map((hop) => new Words(hop.replace(/^\s*nexthop/, '')).hop(true));
  if (hops.length === 0 && (route.gateway !== undefined || route.device !== undefined)) hops.push(route.hop(false));
  const body: RouteBody = routeBody({
    type,
    hops: type === 'unicast' ? hops : [],
    ...(route.nexthop === undefined ? {} : { nexthop: route.nexthop }),
    ...(route.source === undefined ? {} : { source: route.source }),
    ...(route.mtu === undefined ? {} : { mtu: route.mtu }),
    ...(route.extra === '' ? {} : { extra: route.extra }),
  });
  const { protocol, metric, tos } = route;
  return { type, table: route.table ?? table, protocol, metric, tos, body };
}

/** What the words of one route or hop say. */
class Words {
  gateway: string | undefined;
  device: string | undefined;
  weight = 1;
  onlink = false;
  down = false;
  table: number | undefined;
  /** `boot` is not printed. */
  protocol = PROTOCOLS['boot']!;
  metric = 0;
  tos = 0;
  source: string | undefined;
  mtu: number | undefined;
  nexthop: number | undefined;
  extra = '';

  constructor(text: string) {
    const words = text.split(/\s+/).filter((word) => word !== '');
    for (let i = 0; i < words.length;) i += this.#take(words[i]!, words[i + 1], words[i + 2]);
  }

  hop(weighted: boolean): Hop {
    return {
      ...(this.gateway === undefined ? {} : { gateway: this.gateway }),
      ...(this.device === undefined ? {} : { device: this.device }),
      ...(weighted ? { weight: this.weight } : {}),
      ...(this.onlink ? { onlink: true } : {}),
      ...(this.down ? { down: true } : {}),
    };
  }

  /** @returns how many words were used */
  #take(word: string, value: string | undefined, third: string | undefined): number {
    switch (word) {
      case 'onlink':
        this.onlink = true;
        return 1;
      case 'linkdown':
      case 'dead':
        this.down = true;
        return 1;
      default:
        if (IGNORED_FLAGS.has(word)) return 1;
        if (value === undefined) return this.#keep(word, 1);
        return this.#pair(word, value, third);
    }
  }

  #pair(word: string, value: string, third: string | undefined): number {
    switch (word) {
      case 'via':
        if (value !== 'inet' && value !== 'inet6') this.gateway = value;
        else this.gateway = third;
        return this.gateway === value ? 2 : 3;
      case 'dev':
        this.device = value;
        return 2;
      case 'table':
        this.table = Number(value);
        return 2;
      case 'proto':
        this.protocol = Number(value);
        return 2;
      case 'metric':
        this.metric = Number(value);
        return 2;
      case 'nhid':
        this.nexthop = Number(value);
        return 2;
      case 'src':
        this.source = value;
        return 2;
      case 'weight':
        this.weight = Number(value);
        return 2;
      case 'tos':
      case 'dsfield':
        this.tos = Number(value);
        return 2;
      case 'mtu':
        if (value === 'lock') return this.#keep(`mtu lock ${third}`, 3);
        this.mtu = Number(value);
        return 2;
      case 'pref':
        return value === 'medium' ? 2 : this.#keep(`${word} ${value}`, 2);
      default:
        return IGNORED_PAIRS.has(word) ? 2 : this.#keep(`${word} ${value}`, 2);
    }
  }

  #keep(text: string, used: number): number {
    this.extra += (this.extra === '' ? '' : ' ') + text;
    return used;
  }
}
