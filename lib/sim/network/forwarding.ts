import { formatAddress, isLinkLocal, parseAddress } from '../../net/index.js';
import type { RouteBody } from '../../fib/body.js';
import { INSIDE, type Host, type Port } from './host.js';

/** A packet that went round for so long is in a loop that changes, or the network is larger than TTLs. */
const MAX_HOPS = 64;
const MAX_PATHS = 256;

/** Where a packet got to. */
export interface Trace {
  readonly from: string;
  /** Destination address. */
  readonly to: string;
  readonly reached: boolean;
  /** Names of the hosts that it passed, the first and the last one included. */
  readonly path: readonly string[];
  /** Why it did not get there; null: it did. */
  readonly reason: string | null;
  /** Where it was dropped: `loop`: it came back to a host; `cut`: a link that is down; `unreachable`: no route, or a blackhole. */
  readonly failure: 'loop' | 'cut' | 'unreachable' | null;
}

/** What a host does with a packet. */
export type Decision =
  | { readonly kind: 'arrived' }
  | { readonly kind: 'dropped'; readonly failure: 'cut' | 'unreachable'; readonly reason: string }
  | { readonly kind: 'forward'; readonly hops: readonly Onward[] };

/** One way on. */
export interface Onward {
  readonly out: Port;
  readonly next: Port;
  /** Why packets get lost on the way there; undefined: they do not. */
  readonly broken: string | undefined;
}

/** Best route of a host's processes to an address, for hosts whose processes do not write it to the kernel. */
export type SoftLookup = (host: Host, address: Uint8Array) => { length: number; body: RouteBody } | undefined;

/** Forwarding hop by hop: at each host the longest match in its kernel. */
export class Forwarding {
  constructor(
    private readonly soft: SoftLookup,
    /** Why packets of one port do not arrive at the other on the same segment. */
    private readonly broken: (from: Port, to: Port) => string | undefined,
  ) {}

  /** What becomes of a packet to `address` (4 or 16 octets) at a host. */
  decide(host: Host, address: Uint8Array): Decision {
    const text = formatAddress(address);
    if (!host.powered) return { kind: 'dropped', failure: 'cut', reason: 'without power' };
    if (host.addresses.includes(text)) return { kind: 'arrived' };
    const route = host.kernel.lookup(address);
    const soft = this.soft(host, address);
    const hardLength = route === undefined ? -1 : Number(route.prefix.slice(route.prefix.lastIndexOf('/') + 1));
    const body = soft !== undefined && soft.length > hardLength ? soft.body : route?.body;
    if (body === undefined) return { kind: 'dropped', failure: 'unreachable', reason: `no route to ${text}` };
    if (body.type === 'local') return { kind: 'arrived' };
    if (body.type !== 'unicast') {
      return { kind: 'dropped', failure: 'unreachable', reason: `${route?.prefix ?? text} is a ${body.type} route` };
    }
    if (body.hops.some(({ device, gateway }) => device === INSIDE && gateway === undefined)) return { kind: 'arrived' };
    return this.#onward(host, body, text);
  }

  #onward(host: Host, body: RouteBody, destination: string): Decision {
    const hops: Onward[] = [];
    let reason = `no usable hop to ${destination}`;
    for (const hop of body.hops) {
      const out = hop.device === undefined ? undefined : host.portOf(hop.device);
      const gateway = hop.gateway ?? destination;
      const next = out?.segment.portOf(gateway) ?? (out && linkLocalNeighbor(out, gateway));
      if (out === undefined) reason = `no interface ${hop.device ?? '?'}`;
      else if (next === undefined || next === out) reason = `nobody on ${out.segment.name} has ${gateway}`;
      else hops.push({ out, next, broken: this.broken(out, next) });
    }
    return hops.length === 0 ? { kind: 'dropped', failure: 'unreachable', reason } : { kind: 'forward', hops };
  }

  /**
   * Follow a packet.
   * @param flow of several equal ways a packet takes one by this number, its addresses and the host
   */
  trace(from: Host, to: string, flow = 0): Trace {
    const address = parseAddress(to);
    const path: Host[] = [];
    for (let host = from; ;) {
      if (path.includes(host)) return failed(from, to, [...path, host], 'loop', loopText(path, host));
      path.push(host);
      if (path.length > MAX_HOPS) return failed(from, to, path, 'loop', `more than ${MAX_HOPS} hops`);
      const decision = this.decide(host, address);
      if (decision.kind === 'arrived') return reached(from, to, path);
      if (decision.kind === 'dropped') {
        return failed(from, to, path, decision.failure, `${host.name}: ${decision.reason}`);
      }
      const { hops } = decision;
      const hop = hops[hops.length === 1 ? 0 : hash(`${from.name} ${to} ${flow} ${host.name}`) % hops.length]!;
      if (hop.broken !== undefined) return failed(from, to, path, 'cut', hop.broken);
      host = hop.next.host;
    }
  }

  /** Every way that packets of some flow take; at most 256. */
  traces(from: Host, to: string): Trace[] {
    const address = parseAddress(to);
    const found: Trace[] = [];
    const walk = (host: Host, before: readonly Host[]): void => {
      if (found.length >= MAX_PATHS) return;
      const path = [...before, host];
      if (before.includes(host)) return void found.push(failed(from, to, path, 'loop', loopText(before, host)));
      const decision = this.decide(host, address);
      if (decision.kind === 'arrived') return void found.push(reached(from, to, path));
      if (decision.kind === 'dropped') {
        return void found.push(failed(from, to, path, decision.failure, `${host.name}: ${decision.reason}`));
      }
      for (const { next, broken } of decision.hops) {
        if (broken === undefined) walk(next.host, path);
        else found.push(failed(from, to, path, 'cut', broken));
      }
    };
    walk(from, []);
    return found;
  }
}

/** Of link-local addresses only that of the other end of a link with two ends is known without asking. */
function linkLocalNeighbor(out: Port, gateway: string): Port | undefined {
  if (!isLinkLocal(parseAddress(gateway)) || out.segment.ports.length !== 2) return undefined;
  return out.segment.ports.find((port) => port !== out);
}

function reached(from: Host, to: string, path: readonly Host[]): Trace {
  return { from: from.name, to, reached: true, path: path.map(({ name }) => name), reason: null, failure: null };
}

function failed(
  from: Host,
  to: string,
  path: readonly Host[],
  failure: NonNullable<Trace['failure']>,
  reason: string,
): Trace {
  return { from: from.name, to, reached: false, path: path.map(({ name }) => name), reason, failure };
}

function loopText(path: readonly Host[], back: Host): string {
  const loop = [...path.slice(path.indexOf(back)), back];
  return `forwarding loop: ${loop.map(({ name }) => name).join(' → ')}`;
}

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** A trace in words: `a → b → c`, or where it ended and why. */
export function traceText(trace: Trace): string {
  return trace.path.join(' → ') + (trace.reached ? '' : ` ✗ ${trace.reason}`);
}
