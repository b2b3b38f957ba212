import { routeBody, type Hop, type RouteType } from '../../lib/fib/body.js';
import { KernelError } from '../../lib/fib/errors.js';
import type { KernelNexthop, NexthopChange } from '../../lib/fib/nexthop.js';
import type { KernelRoute, RouteChange } from '../../lib/fib/writer.js';
import type { Child, ChildHandler, SpawnIp } from '../../lib/io/ip-child.js';
import type { FakeKernel } from '../../lib/sim/index.js';

const TYPE_NUMBERS: Partial<Record<RouteType, number>> = { local: 2, blackhole: 6, unreachable: 7, prohibit: 8 };

/** `ip` on a fake kernel: the parts that tsbgp uses, with the words and the quirks of iproute2 6.1. */
export class FakeIp {
  /** Arguments of each process started. */
  readonly started: (readonly string[])[] = [];
  readonly batches: FakeChild[] = [];
  /** Of links and the like, and of routes, each time that a watch starts. */
  readonly monitors: FakeChild[] = [];
  /** What the next process does instead of working. */
  refuseNext: KernelError | null = null;
  /** Read nothing from stdin any more, as when stopped by SIGSTOP. */
  stopped = false;

  constructor(readonly kernel: FakeKernel) {}

  readonly spawn: SpawnIp = (args, handler) => {
    this.started.push(args);
    const refused = this.refuseNext;
    this.refuseNext = null;
    const child = new FakeChild(this, handler);
    if (refused) queueMicrotask(() => child.finish(refused));
    else if (args.includes('-batch')) this.batches.push(child);
    else if (args.includes('monitor')) this.#monitor(child, args.includes('route'));
    else this.#show(args, child);
    return child;
  };

  #show(args: readonly string[], child: FakeChild): void {
    if (args.includes('nexthop')) {
      queueMicrotask(() => {
        for (const each of this.kernel.nexthops.all()) child.say(`${nexthopLine(each)}\n`);
        child.finish(null);
      });
      return;
    }
    if (args.includes('link')) {
      queueMicrotask(() => {
        for (const { device, up } of this.kernel.links()) child.say(linkLine(device, up));
        child.finish(null);
      });
      return;
    }
    const table = Number(args[args.indexOf('table') + 1]);
    const six = args.includes('-6');
    queueMicrotask(() => {
      const routes = this.kernel.routes().filter((r) => r.table === table && r.prefix.includes(':') === six);
      // In two chunks that cut a line, as pipes do.
      const told = routes.map((route) => ({ ...route, body: this.kernel.nexthops.expanded(route.body) }));
      const text = told.map((route) => `${lineOf(route, false)}\n`).join('');
      child.say(text.slice(0, text.length / 2));
      child.say(text.slice(text.length / 2));
      child.finish(null);
    });
  }

  #monitor(child: FakeChild, routes: boolean): void {
    this.monitors.push(child);
    const watch = this.kernel.watch({
      onRoute: (route, deleted) => {
        if (routes) child.say(`[ROUTE]${deleted ? 'Deleted ' : ''}${lineOf(route, true)}\n`);
      },
      onLink: (device, up) => {
        if (!routes) child.say(`[LINK]${linkLine(device, up !== false)}`);
      },
      onNexthop: (nexthop, deleted) => {
        if (!routes) child.say(`[NEXTHOP]${deleted ? 'Deleted ' : ''}${nexthopLine(nexthop)}\n`);
      },
      onResync: () => child.complain('netlink receive error No buffer space available (105)\n'),
      onEnd: (error) => child.finish(error),
    });
    child.whenDone = () => watch.close();
  }
}

export class FakeChild implements Child {
  whenDone: () => void = () => undefined;
  #done = false;
  #line = 0;

  constructor(
    private readonly ip: FakeIp,
    private readonly handler: ChildHandler,
  ) {}

  say(text: string): void {
    if (!this.#done) this.handler.onStdout(text);
  }

  complain(text: string): void {
    if (!this.#done) this.handler.onStderr(text);
  }

  finish(error: KernelError | null): void {
    if (this.#done) return;
    this.#done = true;
    this.whenDone();
    this.handler.onEnd(error);
  }

  write(text: string): void {
    const lines = text.split('\n').slice(0, -1);
    queueMicrotask(() => {
      for (const line of lines) if (!this.#done && !this.ip.stopped) this.#run(line);
    });
  }

  end(): void {
    queueMicrotask(() => this.finish(null));
  }

  kill(): void {
    queueMicrotask(() => this.finish(new KernelError('EEXIT', "'ip' ended by SIGKILL")));
  }

  #run(line: string): void {
    this.#line++;
    const said = this.#command(line.split(' '));
    if (said === 'syntax') {
      this.complain('Error: argument "x" is wrong\n');
      return this.finish(new KernelError('EEXIT', "'ip' ended with status 255"));
    }
    if (said !== null) this.complain(`${said}\nCommand failed -:${this.#line}\n`);
  }

  /** @returns what stderr says, or null */
  #command(words: string[]): string | null {
    if (words[1] === 'get') return 'RTNETLINK answers: No such file or directory';
    const object = words[0] === 'nexthop' ? nexthopChangeOf(words.slice(1)) : null;
    const change = words[0] === 'route' ? changeOf(words.slice(1)) : null;
    if (!change && !object) return 'syntax';
    const failure = object ? this.ip.kernel.nexthops.apply(object) : this.ip.kernel.apply(change!);
    if (!failure) return null;
    if (failure.code === 'EGATEWAY') return 'Error: Nexthop has invalid gateway.';
    return failure.code === 'ENODEV' ? failure.message : `RTNETLINK answers: ${failure.message}`;
  }
}

function linkLine(device: string, up: boolean): string {
  const number = [...device].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 1000;
  const flags = up ? 'BROADCAST,MULTICAST,UP,LOWER_UP' : 'BROADCAST,MULTICAST';
  return `${number}: ${device}@if3: <${flags}> mtu 1500 \\    link/ether 02:00:00:00:00:01\n`;
}

function nexthopChangeOf(words: string[]): NexthopChange | null {
  const op = ({ add: 'add', replace: 'replace', del: 'delete' } as const)[words.shift()!];
  if (!op || words.shift() !== 'id') return null;
  const id = Number(words.shift());
  let protocol = 0;
  const hop: { -readonly [K in keyof Hop]: Hop[K] } = {};
  let group: NexthopChange['group'];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'proto') protocol = Number(words.shift());
    else if (word === 'via') hop.gateway = words[0] === 'inet6' ? (words.shift(), words.shift()!) : words.shift()!;
    else if (word === 'dev') hop.device = words.shift()!;
    else if (word === 'onlink') hop.onlink = true;
    else if (word === 'group') {
      group = words
        .shift()!
        .split('/')
        .map((text) => ({ id: Number(text.split(',')[0]), weight: Number(text.split(',')[1] ?? 1) }));
    } else return null;
  }
  return { op, id, protocol, ...(group ? { group } : { hop }) };
}

function nexthopLine({ id, protocol, hop, group }: KernelNexthop): string {
  const members = group?.map((each) => (each.weight === 1 ? `${each.id}` : `${each.id},${each.weight}`)).join('/');
  const way = hop ? `via ${hop.gateway} dev ${hop.device} scope 253` : `group ${members}`;
  return `id ${id} ${way} proto ${protocol} ${hop?.onlink ? 'onlink ' : ''}`;
}

function changeOf(words: string[]): RouteChange | null {
  const op = ({ add: 'add', replace: 'replace', del: 'delete' } as const)[words.shift()!];
  if (!op) return null;
  const type: RouteType = /^[a-z]/.test(words[0] ?? '') ? (words.shift() as RouteType) : 'unicast';
  const prefix = words.shift()!;
  const numbers = { proto: 3, metric: 0, table: 254 };
  const attributes: { source?: string; mtu?: number; nexthop?: number } = {};
  const hops: { -readonly [K in keyof Hop]: Hop[K] }[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'proto' || word === 'metric' || word === 'table') numbers[word] = Number(words.shift());
    else if (word === 'src') attributes.source = words.shift()!;
    else if (word === 'mtu') attributes.mtu = Number(words.shift());
    else if (word === 'nhid') attributes.nexthop = Number(words.shift());
    else if (word === 'nexthop') hops.push({});
    else {
      if (hops.length === 0) hops.push({});
      const hop = hops.at(-1)!;
      if (word === 'via') hop.gateway = words[0] === 'inet6' ? (words.shift(), words.shift()!) : words.shift()!;
      else if (word === 'dev') hop.device = words.shift()!;
      else if (word === 'weight') hop.weight = Number(words.shift());
      else if (word === 'onlink') hop.onlink = true;
      else return null;
    }
  }
  const { proto: protocol, metric, table } = numbers;
  return { op, prefix, table, protocol, metric, body: routeBody({ type, hops, ...attributes }) };
}

function lineOf(route: KernelRoute, withTable: boolean): string {
  const { body, prefix } = route;
  const type = TYPE_NUMBERS[body.type];
  const text = prefix === '0.0.0.0/0' || prefix === '::/0' ? 'default' : prefix.replace(/\/(32|128)$/, '');
  const hop = (h: Hop): string =>
    (h.gateway === undefined
      ? ''
      : ` via ${h.gateway.includes(':') && !prefix.includes(':') ? 'inet6 ' : ''}${h.gateway}`) +
    (h.device === undefined ? '' : ` dev ${h.device}`);
  const single = body.hops.length === 1 ? hop(body.hops[0]!) : '';
  const many =
    body.hops.length > 1 ? body.hops.map((h) => `\\\tnexthop${hop(h)} weight ${h.weight ?? 1} `).join('') : '';
  return (
    `${type === undefined ? '' : `${type} `}${text}${body.nexthop === undefined ? '' : ` nhid ${body.nexthop}`}${single}` +
    (withTable && route.table !== 254 ? ` table ${route.table}` : '') +
    (route.protocol === 3 ? '' : ` proto ${route.protocol}`) +
    (body.source === undefined ? '' : ` src ${body.source}`) +
    (route.metric === 0 && !prefix.includes(':') ? '' : ` metric ${route.metric}`) +
    (body.hops.some((h) => h.onlink) ? ' onlink' : '') +
    (body.mtu === undefined ? '' : ` mtu ${body.mtu}`) +
    (prefix.includes(':') ? ' pref medium' : ' ') +
    many
  );
}
