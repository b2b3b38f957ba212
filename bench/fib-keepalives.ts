/**
 * Keepalives while a full table is written: `tsbgp run` in a namespace learns routes from a neighbor and writes them to the
 * kernel, moves and removes them; other neighbors, in a process of their own, note the longest time without a word from it. All
 * sessions have a hold time of 3 seconds. Needs root.
 *
 *   node --import tsx bench/fib-keepalives.ts [TYPE, default netlink] [IPv4, default 1000000] [IPv6, default 200000]
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FibSummary } from '../lib/fib/settings.js';
import { OPEN, UPDATE, attribute, keepalive, message, open, u16 } from '../test/interop/harness/messages.js';
import { inNamespace } from './fib-support.js';

const AS = 64512;
const API = '127.0.0.1:8179';
const HOLD_SECONDS = 3;
const FEEDER = '127.0.0.2';
/** The first two are told nothing but keepalives, the last one all routes. */
const WATCHERS = ['127.0.0.3', '127.0.0.4', '127.0.0.5'];
/** For loading the program, with its compilation. */
const START_MS = 3000;
const PREFIXES_PER_UPDATE = { 4: 900, 6: 500 } as const;

const [type = 'netlink', four = '1000000', six = '200000', part] = process.argv.slice(2);
const [count4, count6] = [Number(four), Number(six)];
const self = fileURLToPath(import.meta.url);

/** A session with tsbgp that answers what a session needs, and notes when it hears something. */
class Peer {
  longestGapMs = 0;
  isLost = false;
  keepalives = 0;
  updates = 0;
  readonly established: Promise<void>;
  readonly socket: Socket;
  #heardAt = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly address: string) {
    this.socket = connect({ host: '127.0.0.1', port: 179, localAddress: address });
    const hello = open({ asn: AS, routerId: address, holdTime: HOLD_SECONDS, afis: [1, 2] });
    this.socket.on('connect', () => this.socket.write(hello));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isLost = true));
    this.established = new Promise((resolve) => {
      this.socket.on('data', (chunk: Buffer) => this.#receive(chunk, resolve));
    });
    setInterval(() => this.#heardAt > 0 && this.socket.write(keepalive()), (HOLD_SECONDS * 1000) / 3).unref();
  }

  #receive(chunk: Buffer, onKeepalive: () => void): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (data.length - at >= 19 && data.length - at >= data.readUInt16BE(at + 16)) {
      const messageType = data[at + 18];
      if (messageType === OPEN) this.socket.write(keepalive());
      else onKeepalive();
      if (messageType === UPDATE) this.updates++;
      else this.keepalives++;
      this.note();
      this.#heardAt = performance.now();
      at += data.readUInt16BE(at + 16);
    }
    this.#rest = Buffer.from(data.subarray(at));
  }

  /** Count the silence until now. */
  note(): void {
    if (this.#heardAt > 0) this.longestGapMs = Math.max(this.longestGapMs, performance.now() - this.#heardAt);
  }
}

/** The neighbors that only listen: a line with the longest silences for each line of input. */
async function watch(): Promise<void> {
  const peers = WATCHERS.map((address) => new Peer(address));
  await Promise.all(peers.map(({ established }) => established));
  console.log('ready');
  createInterface({ input: process.stdin }).on('line', () => {
    for (const peer of peers) peer.note();
    const lost = peers.filter(({ isLost }) => isLost).map(({ address }) => address);
    const seen = peers.map(({ keepalives, updates }) => ({ keepalives, updates }));
    console.log(JSON.stringify({ gaps: peers.map(({ longestGapMs }) => longestGapMs), lost, seen }));
    for (const peer of peers) Object.assign(peer, { longestGapMs: 0, keepalives: 0, updates: 0 });
  });
  await once(process.stdin, 'end');
  process.exit();
}

/** The neighbor that announces: takes a shift of the next hops, or `withdraw`, and tells when the kernel has it. */
async function feed(): Promise<void> {
  const peer = new Peer(FEEDER);
  await peer.established;
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const began = performance.now();
    for (const octets of updates(line === 'withdraw' ? undefined : Number(line))) {
      if (!peer.socket.write(octets)) await once(peer.socket, 'drain');
    }
    const sent = (performance.now() - began) / 1000;
    // What was read last may not have reached the kernel's queue: several looks must agree.
    for (let still = 0; still < 3;) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { wanted, kernel, queued, failed } = await summary();
      const expected = line === 'withdraw' ? 0 : count4 + count6;
      still = wanted === expected && kernel === expected && queued === 0 && failed === 0 ? still + 1 : 0;
      if (peer.isLost) throw new Error(`the session of ${FEEDER} was lost`);
    }
    console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, sent, lost: peer.isLost }));
  }
  process.exit();
}

async function summary(): Promise<FibSummary> {
  return (await (await fetch(`http://${API}/v1/fib/summary`)).json()) as FibSummary;
}

/** @param shift of the next hops; undefined: withdrawals */
function* updates(shift: number | undefined): IterableIterator<Buffer> {
  for (const family of [4, 6] as const) {
    const [count, step] = [family === 4 ? count4 : count6, PREFIXES_PER_UPDATE[family]];
    for (let first = 0, block = 0; first < count; first += step, block++) {
      const prefixes: number[] = [];
      for (let i = first; i < Math.min(count, first + step); i++) {
        if (family === 4) prefixes.push(24, 20 + (i >> 16), (i >> 8) & 255, i & 255);
        else prefixes.push(48, 0x20, 0x01, ...u16(i >> 16), ...u16(i & 0xffff));
      }
      yield update(family, prefixes, shift === undefined ? undefined : 2 + ((block + shift) % 8));
    }
  }
}

/** @param host of the next hop; undefined: withdrawn */
function update(family: 4 | 6, prefixes: number[], host: number | undefined): Buffer {
  const ipv4 = family === 4;
  if (host === undefined) {
    if (ipv4) return message(UPDATE, Buffer.from([...u16(prefixes.length), ...prefixes, 0, 0]));
    const unreachable = [0x90, 15, ...u16(prefixes.length + 3), 0, 2, 1, ...prefixes];
    return message(UPDATE, Buffer.from([0, 0, ...u16(unreachable.length), ...unreachable]));
  }
  const nextHop6 = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), host];
  const attributes = [
    ...(ipv4 ? [] : [0x90, 14, ...u16(prefixes.length + 21), 0, 2, 1, 16, ...nextHop6, 0, ...prefixes]),
    ...attribute.origin(0),
    ...attribute.asPath(64513),
    ...(ipv4 ? attribute.nextHop(`10.0.0.${host}`) : []),
    ...attribute.localPref(100),
  ];
  return message(UPDATE, Buffer.from([0, 0, ...u16(attributes.length), ...attributes, ...(ipv4 ? prefixes : [])]));
}

function configuration(): object {
  const peer = { peerAs: AS, passive: true, holdTime: HOLD_SECONDS, families: ['ipv4-unicast', 'ipv6-unicast'] };
  return {
    asn: AS,
    routerId: '127.0.0.1',
    listen: [{ address: '127.0.0.1', port: 179 }],
    neighbors: [FEEDER, ...WATCHERS].map((address) => ({
      ...peer,
      address,
      localAddress: '127.0.0.1',
      routeReflectorClient: address === WATCHERS.at(-1),
    })),
    fib: { type },
    api: { listen: API },
  };
}

/** A process in the namespace that answers lines with lines. */
class Helper {
  readonly #answers: AsyncIterator<string>;

  constructor(readonly child: ChildProcess) {
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  async answer(): Promise<string> {
    const { done, value } = await this.#answers.next();
    if (done === true) throw new Error('a helper process has ended');
    return value;
  }

  async ask<T>(line: string): Promise<T> {
    this.child.stdin!.write(`${line}\n`);
    return JSON.parse(await this.answer()) as T;
  }
}

async function measure(netns: string, directory: string): Promise<void> {
  const children: ChildProcess[] = [];
  const start = (args: readonly string[], stdio: 'pipe' | 'ignore', env: NodeJS.ProcessEnv = {}): ChildProcess => {
    const child = spawn('ip', ['netns', 'exec', netns, process.execPath, '--import', 'tsx', ...args], {
      stdio: [stdio, stdio, 'inherit'],
      env: { ...process.env, ...env },
    });
    children.push(child);
    return child;
  };
  try {
    const file = join(directory, 'tsbgp.json');
    const stalls = join(directory, 'stalls');
    writeFileSync(file, JSON.stringify(configuration()));
    const probe = fileURLToPath(new URL('stall-probe.js', import.meta.url));
    const program = fileURLToPath(new URL('../lib/cli/main.ts', import.meta.url));
    const env = { STALL_FILE: stalls, STALL_AFTER_MS: String(START_MS) };
    const speaker = start(['--import', probe, program, 'run', file], 'ignore', env);
    // It listens when its API answers, which can only be asked from inside of the namespace.
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    const helper = (which: string): Helper => new Helper(start([self, type, four, six, which], 'pipe'));
    const [watchers, feeder] = [helper('watch'), helper('feed')];
    await Promise.all([watchers.answer(), feeder.answer()]);
    await watchers.ask('');
    for (const [name, line] of [
      ['announce', '0'],
      ['move', '1'],
      ['withdraw', 'withdraw'],
    ] as const) {
      const { seconds, sent } = await feeder.ask<{ seconds: number; sent: number }>(line);
      const { gaps, lost, seen } = await watchers.ask<{ gaps: number[]; lost: string[]; seen: object[] }>('');
      const silences = gaps.map((ms) => ms.toFixed(0)).join(', ');
      console.log(
        `| ${name} | ${sent.toFixed(1)} | ${seconds.toFixed(1)} | ${silences} | ${lost.join() || 'none'} | ${JSON.stringify(seen)} |`,
      );
    }
    const memory = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${speaker.pid}/status`, 'latin1'))?.[1];
    speaker.kill('SIGTERM');
    await once(speaker, 'exit');
    console.log(`stalls of tsbgp, ms: ${readFileSync(stalls, 'latin1').trim()}; peak ${Number(memory) >> 10} MiB`);
  } finally {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  }
}

if (part === 'watch') await watch();
else if (part === 'feed') await feed();
else {
  const directory = mkdtempSync(join(tmpdir(), 'tsbgp-keepalives-'));
  console.log(`${type}, ${count4} IPv4 and ${count6} IPv6 routes\n`);
  console.log('| phase | told after s | in the kernel after s | longest silence at each neighbor, ms | lost | seen |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  try {
    await inNamespace((netns) => measure(netns, directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
