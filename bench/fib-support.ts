/** What the benchmarks of kernel routes share: a namespace, prefixes and next hops, and how long something takes. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Fib } from '../lib/fib/fib.js';

export function command(name: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(name, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A namespace with one link; no IPv6 link-local addresses, whose coming would be seen as a change of addresses. */
export async function inNamespace<T>(work: (ns: string) => Promise<T>): Promise<T> {
  const ns = `tsbgp-${process.pid}-bench`;
  command('ip', 'netns', 'add', ns);
  try {
    for (const line of [
      'link set lo up',
      'link add eth0 type veth peer name eth0p',
      'link set eth0 addrgenmode none',
      'link set eth0p addrgenmode none',
      'link set eth0p up',
      'link set eth0 up',
      'addr add 10.0.0.1/24 dev eth0',
      'addr add 2001:db8::1/64 dev eth0 nodad',
    ]) {
      command('ip', '-n', ns, ...line.split(' '));
    }
    // A kernel that makes no default limit of IPv6 routes has none to lift.
    spawnSync('ip', ['netns', 'exec', ns, 'sysctl', '-q', '-w', 'net.ipv6.route.max_size=2147483647']);
    return await work(ns);
  } finally {
    command('ip', 'netns', 'del', ns);
  }
}

export const prefix4 = (i: number): string => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;
export const prefix6 = (i: number): string => `2001:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}::/48`;
export const nextHop4 = (i: number): string => `10.0.0.${2 + (i % 8)}`;
export const nextHop6 = (i: number): string => `2001:db8::${2 + (i % 8)}`;

export async function seconds(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** Make `count` changes, letting others run now and then as a RIB does, until all are in the kernel. */
export async function apply(fib: Fib, count: number, change: (i: number) => void): Promise<void> {
  for (let i = 0; i < count; i++) {
    change(i);
    if (i % 2000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await fib.idle();
}

/** Read the kernel's table and compare. @returns how many seconds that took, without the rest after an earlier reading */
export function reconcile(fib: Fib): Promise<number> {
  return new Promise((resolve) => {
    const end = fib.onEvent((event) => {
      if (event.type !== 'reconciled') return;
      end();
      resolve(event.durationMs / 1000);
    });
    fib.reconcile();
  });
}

const TICK_MS = 5;

/**
 * How long the event loop was held up at most, and how much of that was not its doing: the main thread waited for a
 * processor that others had, slept for something else than time (another thread, or memory), or the host of a virtual machine had
 * taken the processors away (steal time).
 */
export class StallMeter {
  #longest = NOTHING;
  #last = moment();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);

  #tick(): void {
    const now = moment();
    const passed = since(this.#last, now);
    if (passed.atMs > this.#longest.atMs) this.#longest = passed;
    this.#last = now;
  }

  reset(): void {
    this.#longest = NOTHING;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Milliseconds: in all, waited for a processor, slept, stolen from one of the processors at most. */
  get text(): string {
    const { atMs, ranMs, waitedMs, stolenMs } = this.#longest;
    const stallMs = Math.max(0, atMs - TICK_MS);
    const sleptMs = Math.max(0, stallMs - ranMs - waitedMs);
    const parts = [waitedMs, sleptMs, Math.max(0, ...stolenMs)].map((ms) => ms.toFixed(0));
    return `${stallMs.toFixed(0)} (${parts.join(', ')})`;
  }
}

interface Moment {
  readonly atMs: number;
  /** Processor time of the main thread, the kernel's work for it included. */
  readonly ranMs: number;
  /** For so long the main thread could have run and did not. */
  readonly waitedMs: number;
  /** By processor, in steps of ten milliseconds. */
  readonly stolenMs: readonly number[];
}

const NOTHING: Moment = { atMs: 0, ranMs: 0, waitedMs: 0, stolenMs: [] };

function moment(): Moment {
  const [ran, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ');
  return { atMs: performance.now(), ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6, stolenMs: stolen() };
}

function since(a: Moment, b: Moment): Moment {
  return {
    atMs: b.atMs - a.atMs,
    ranMs: b.ranMs - a.ranMs,
    waitedMs: b.waitedMs - a.waitedMs,
    stolenMs: b.stolenMs.map((ms, i) => ms - a.stolenMs[i]!),
  };
}

function stolen(): number[] {
  const processors = readFileSync('/proc/stat', 'latin1').match(/^cpu\d.*$/gm) ?? [];
  return processors.map((line) => Number(line.split(/\s+/)[8]) * 10);
}
