import type { NeighborOptions } from '../../speaker/options.js';
import type { Router } from './router.js';
import type { Topology } from './topology.js';

/** What may go on although a network counts as converged. */
export interface Allowed {
  /** Sessions that are configured at both ends, and could be up, and are not. */
  readonly sessionsDown?: boolean;
  /** Sessions that count as up although the other end is gone, until a hold timer ends them. */
  readonly deadSessions?: boolean;
  /** Routes that are kept over a restart (RFC 4724, RFC 9494), until a timer ends them. */
  readonly staleRoutes?: boolean;
}

/** Why a network is not settled: what is going on, or will without anybody doing anything. */
export async function unsettled(net: Topology, allowed: Allowed = {}): Promise<string[]> {
  const reasons: string[] = [];
  if (net.traffic.busy > 0) reasons.push(`octets are under way on ${net.traffic.busy} connections`);
  if (net.igpIsBusy) reasons.push('the interior routing protocol reacts to a change');
  const running = [...net.routers.values()].filter(({ isRunning }) => isRunning);
  const working = new Set(running);
  await Promise.all(running.map((router) => router.speaker.idle().then(() => working.delete(router))).map(settled));
  for (const router of running) {
    const { speaker, name } = router;
    if (router.process?.started !== true) reasons.push(`${name} is starting`);
    if (working.has(router)) reasons.push(`${name} has work left`);
    if (speaker.restart.isRestarting) reasons.push(`${name} defers the selection of routes`);
    else if (speaker.loop.hasUntold) reasons.push(`${name} waits before it tells changes`);
    if (allowed.staleRoutes !== true && speaker.rib.families.some(({ refreshes }) => refreshes.size > 0)) {
      reasons.push(`${name} holds stale routes`);
    }
    reasons.push(...sessionReasons(net, router, allowed));
  }
  return reasons;
}

/** Wait no longer than promises that need no timer take. */
function settled(promise: Promise<unknown>): Promise<void> {
  return Promise.race([
    promise.then(() => undefined),
    (async () => {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    })(),
  ]);
}

function sessionReasons(net: Topology, router: Router, allowed: Allowed): string[] {
  const reasons: string[] = [];
  const process = router.process!;
  if (allowed.deadSessions !== true) {
    for (const [address, { state, since }] of process.sessions) {
      if (state === 'Established' && isDead(net, router, address, since)) {
        reasons.push(`${router.name}: the session with ${nameOf(net, address)} is up, but the other end is gone`);
      }
    }
  }
  if (allowed.sessionsDown === true) return reasons;
  for (const neighbor of process.speaker.config.neighbors ?? []) {
    if (process.isUp(neighbor.address) || !canComeUp(net, router, neighbor.address)) continue;
    const { state = 'Idle', reason = 'not started' } = process.sessions.get(neighbor.address) ?? {};
    reasons.push(`${router.name}: the session with ${nameOf(net, neighbor.address)} is not up: ${state}, ${reason}`);
  }
  return reasons;
}

/** Whether nothing but time stands between a configured session and Established. */
function canComeUp(net: Topology, router: Router, address: string): boolean {
  const peer = net.ownerOf(address);
  if (peer?.isRunning !== true) return false;
  const ours = router.speaker.neighbor(address);
  if (ours.adminDown) return false;
  const neighbor = router.neighborAt(address);
  const from = neighbor?.localAddress ?? router.address(address.includes(':') ? 6 : 4);
  if (from === undefined) return false;
  const theirs = peer.neighborAt(from);
  if (theirs === undefined) {
    if (neighbor?.passive === true || !peer.takesAnyone(from)) return false;
  } else if (peer.speaker.neighbor(from).adminDown || (neighbor?.passive === true && theirs.passive === true)) {
    return false;
  }
  return haveCommonFamily(neighbor, theirs) && isOpen(net, from, address);
}

/** Without one each refuses the other's OPEN (RFC 5492 section 5). */
function haveCommonFamily(ours: NeighborOptions | undefined, theirs: NeighborOptions | undefined): boolean {
  if (ours?.families === undefined || theirs?.families === undefined) return true;
  return ours.families.some((family) => theirs.families!.includes(family));
}

function isOpen(net: Topology, from: string, to: string): boolean {
  return net.fabric.route(from, to) !== undefined && net.fabric.route(to, from) !== undefined;
}

function isDead(net: Topology, router: Router, address: string, since: number): boolean {
  const peer = net.ownerOf(address);
  // Somebody outside: nothing is known.
  if (peer === undefined) return false;
  if (!peer.isRunning || net.fabric.brokenSince(router, peer) > since) return true;
  const from = router.neighborAt(address)?.localAddress ?? router.addresses.find((own) => peer.isUp(own));
  return from === undefined || !peer.isUp(from) || !isOpen(net, from, address);
}

function nameOf(net: Topology, address: string): string {
  return net.fabric.owners.get(address)?.name ?? address;
}
