/** A random network, run, shaken and checked. */
import {
  inspect,
  Oracle,
  SimulationError,
  takeSnapshot,
  type Invariant,
  type Network,
  type Snapshot,
} from '../../lib/sim/index.js';
import { count, happen, type Counts } from './random-events.js';
import { build, type Drawn } from './random-network.js';

/**
 * What came of a run. `held`: all is as the oracle says. `ambiguous`: the oracle has several answers, and it is one of them, or one that
 * nobody wants to change. `unstable`: it never came to rest, and the oracle knows that it need not.
 */
export type Outcome = 'held' | 'ambiguous' | 'unstable';

/**
 * Run it: start, settle, check; then all events, a little apart, settle, check.
 * @param counts gets what came about
 * @throws with all violations
 */
export async function prove(draw: Drawn, counts: Counts = new Map()): Promise<Outcome> {
  const net = build(draw);
  await net.start();
  const outcome = await check(net, draw, counts);
  if (outcome === 'unstable' || draw.events.length === 0) return outcome;
  for (const event of draw.events) {
    await happen(net, event, counts);
    await net.run((draw.seed % 5) * 0.3);
  }
  const after = await check(net, draw, counts);
  return after === 'held' ? outcome : after;
}

const ABOUT_PACKETS: ReadonlySet<Invariant> = new Set(['no forwarding loop', 'no black hole']);

async function check(net: Network, draw: Drawn, counts: Counts): Promise<Outcome> {
  if (!(await settle(net))) return 'unstable';
  const { violations, ambiguous, unsupported, snapshot } = inspect(net);
  const deflecting = isDeflecting(net, draw, snapshot);
  if (!deflecting) count(counts, 'packets followed');
  const counted = violations.filter(({ invariant }) => !deflecting || !ABOUT_PACKETS.has(invariant));
  if (counted.length > 0 || unsupported.length > 0) {
    throw net.error([...counted.map(({ text, invariant }) => `${invariant}: ${text}`), ...unsupported].join('\n'));
  }
  const { sessions, prefixes } = snapshot;
  if (prefixes.some((prefix) => prefix.includes(':'))) count(counts, 'IPv6 routes');
  if (sessions.some(({ fromAddress }) => fromAddress.includes(':'))) count(counts, 'sessions over IPv6');
  if (sessions.some(({ paths }) => paths['ipv4-unicast'] !== undefined)) count(counts, 'ADD-PATH');
  return ambiguous.length > 0 ? 'ambiguous' : 'held';
}

const SLICE = 10;

/** Let it settle. @returns whether it did: if not, it goes on for ever, as the oracle says of it */
async function settle(net: Network): Promise<boolean> {
  for (let waited = 0; ; waited += SLICE) {
    const changes = new Map<string, number>();
    const ends = [...net.routers.values()].flatMap((router) => {
      if (!router.isRunning) return [];
      const { speaker } = router;
      const listener = ({ prefix }: { prefix: string }): void => count(changes, prefix);
      speaker.on('bestPathChange', listener);
      return [() => speaker.off('bestPathChange', listener)];
    });
    try {
      await net.converged({ timeout: SLICE });
      return true;
    } catch (error) {
      if (!(error instanceof SimulationError) || waited >= 1200) throw error;
      const oracle = new Oracle(takeSnapshot(net));
      for (const [prefix, many] of changes) {
        if (many > 50 && oracle.answer(prefix).kind !== 'stable') return false;
      }
    } finally {
      for (const end of ends) end();
    }
  }
}

/**
 * Whether routers on the way of a packet may have reason to send it elsewhere, so that it may be lost or go round although all
 * routes are right (RFC 4456 section 11): hop by hop over routers that do not all know the same.
 */
function isDeflecting(net: Network, draw: Drawn, { sessions, routers }: Snapshot): boolean {
  if (draw.shape === 'clusters' || draw.shape === 'classic') return true;
  const several = sessions.some(({ paths }) => Object.values(paths).some((each) => each !== undefined));
  // Paths from outside that are not the teller's best lead to one who sends packets elsewhere.
  if (several && new Set([...routers.values()].map(({ asn }) => asn)).size > 1) return true;
  return [...net.segments.values()].some(({ cost }) => cost !== 10);
}
