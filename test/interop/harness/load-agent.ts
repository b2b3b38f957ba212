/**
 * A BGP client with many routes, run inside a namespace and steered by JSON lines (LoadPeer in load-peer.ts). It floods
 * numbered IPv4 /24 routes, can stop reading, and keeps count of what it holds. Speaks iBGP and knows no more of BGP than
 * that needs.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { OPEN, UPDATE, attribute, keepalive, message, open, u16 } from './messages.js';

export type LoadCommand =
  | {
      readonly do: 'connect';
      readonly to: string;
      readonly from: string;
      readonly asn: number;
      readonly routerId: string;
    }
  /** Announce the routes [first, end) with this round as MED, each attribute set shared by `perSet` routes. */
  | {
      readonly do: 'announce';
      readonly first: number;
      readonly end: number;
      readonly round: number;
      readonly perSet: number;
    }
  | { readonly do: 'withdraw'; readonly first: number; readonly end: number }
  | { readonly do: 'pause' | 'resume' | 'status' };

export interface LoadStatus {
  readonly established: boolean;
  readonly closed: boolean;
  /** Routes held, by the round of their attributes. */
  readonly byRound: Readonly<Record<string, number>>;
  readonly routes: number;
  /** Routes whose attributes are not those that were announced with them. */
  readonly wrong: number;
  readonly octets: number;
}

const FIRST_PREFIX = 11 << 16;
const MAX = 4096;

let socket: Socket | undefined;
let nextHop = '';
let established = false;
let closed = false;
let octets = 0;
let wrong = 0;
let rest: Buffer = Buffer.alloc(0);
/** Round by route number; 0: not held. */
let held = new Uint8Array(1 << 20);
let output: Buffer[] = [];

function obey(command: LoadCommand): void {
  switch (command.do) {
    case 'connect':
      return start(command.to, command.from, open({ asn: command.asn, routerId: command.routerId }));
    case 'announce':
      return announce(command.first, command.end, command.round, command.perSet);
    case 'withdraw':
      return withdraw(command.first, command.end);
    case 'pause':
      socket?.pause();
      return;
    case 'resume':
      socket?.resume();
      return;
    case 'status':
      process.stdout.write(`${JSON.stringify(status())}\n`);
  }
}

function start(to: string, from: string, hello: Buffer): void {
  nextHop = from;
  socket = connect({ host: to, port: 179, localAddress: from }, () => socket?.write(hello));
  socket.on('data', receive);
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  setInterval(() => established && socket?.write(keepalive()), 5000);
}

function status(): LoadStatus {
  const byRound: Record<string, number> = {};
  let routes = 0;
  for (const round of held) {
    if (round === 0) continue;
    routes++;
    byRound[round] = (byRound[round] ?? 0) + 1;
  }
  return { established, closed, byRound, routes, wrong, octets };
}

function announce(first: number, end: number, round: number, perSet: number): void {
  for (let at = first; at < end; at += perSet) {
    // Says which routes share the set: their number in the upper octet, the first of them below.
    const community = [0xc0, 8, 4, ...u16((at >>> 16) | (perSet << 8)), ...u16(at & 0xffff)];
    const block = [attribute.origin(0), attribute.asPath(), attribute.nextHop(nextHop), attribute.med(round)]
      .concat([attribute.localPref(100), community])
      .flat();
    const body = [0, 0, ...u16(block.length), ...block];
    for (let route = at; route < Math.min(end, at + perSet); route++) body.push(...prefix(route));
    write(message(UPDATE, Buffer.from(body)));
  }
  flush();
}

function withdraw(first: number, end: number): void {
  const atOnce = Math.floor((MAX - 23) / 4);
  for (let at = first; at < end; at += atOnce) {
    const routes: number[] = [];
    for (let route = at; route < Math.min(end, at + atOnce); route++) routes.push(...prefix(route));
    write(message(UPDATE, Buffer.from([...u16(routes.length), ...routes, 0, 0])));
  }
  flush();
}

function prefix(route: number): number[] {
  const bits = FIRST_PREFIX + route;
  return [24, bits >>> 16, (bits >>> 8) & 0xff, bits & 0xff];
}

function write(octets: Buffer): void {
  output.push(octets);
  if (output.length === 500) flush();
}

function flush(): void {
  socket?.write(Buffer.concat(output));
  output = [];
}

function receive(chunk: Buffer): void {
  octets += chunk.length;
  const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  let at = 0;
  while (data.length - at >= 19) {
    const length = data.readUInt16BE(at + 16);
    if (data.length - at < length) break;
    const type = data[at + 18];
    if (type === OPEN) socket?.write(keepalive());
    else established = true;
    if (type === UPDATE) receiveUpdate(data.subarray(at + 19, at + length));
    at += length;
  }
  rest = Buffer.from(data.subarray(at));
}

function receiveUpdate(body: Buffer): void {
  const withdrawn = body.readUInt16BE(0);
  for (let at = 2; at < 2 + withdrawn; at += 4) held[routeAt(body, at)] = 0;
  const attributes = 2 + withdrawn + 2;
  const routes = attributes + body.readUInt16BE(attributes - 2);
  let med = 0;
  let community = 0;
  for (let at = attributes; at < routes;) {
    const extended = (body[at]! & 0x10) !== 0;
    const length = extended ? body.readUInt16BE(at + 2) : body[at + 2]!;
    const value = at + (extended ? 4 : 3);
    if (body[at + 1] === 4) med = body.readUInt32BE(value);
    if (body[at + 1] === 8) community = body.readUInt32BE(value);
    at = value + length;
  }
  const perSet = community >>> 24;
  const set = community & 0xffffff;
  for (let at = routes; at < body.length; at += 4) {
    const route = routeAt(body, at);
    if (med === 0 || route < set || route >= set + perSet) wrong++;
    held[route] = med;
  }
}

function routeAt(body: Buffer, at: number): number {
  if (body[at] !== 24) wrong++;
  const route = body.readUIntBE(at + 1, 3) - FIRST_PREFIX;
  if (route >= held.length) held = Buffer.concat([held, new Uint8Array(held.length)]);
  return route;
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => obey(JSON.parse(line) as LoadCommand));
lines.on('close', () => process.exit());
