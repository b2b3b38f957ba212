import type { PeerPlan, ReloadPlan } from '../speaker/reload-plan.js';
import { holdsSecrets, withSecretsInClear } from '../speaker/reload-plan.js';
import { ApiClient } from './client.js';
import { counted, loadConfig } from './check.js';
import { CommandError, printable, type Output } from './output.js';

/** Exit codes of `check --against`, the strongest that applies. */
const NOTHING = 0;
const IN_PLACE = 3;
const SESSIONS_END = 4;
const RESTART = 5;

export interface AgainstOptions {
  /** The API of the running speaker. */
  readonly against: string;
  readonly json?: boolean;
}

/**
 * Print what a running speaker would do with a configuration file, without doing it.
 * @returns the exit code
 * @throws CommandError when the file is wrong, or the speaker does not answer or refuses it
 */
export async function checkAgainst(file: string, { against, json }: AgainstOptions, out: Output): Promise<number> {
  const config = await loadConfig(file);
  const client = new ApiClient(against, '--against');
  if (holdsSecrets(config) && !isPrivateWay(against)) {
    throw new CommandError(`${file} holds passwords, which are not sent over plain HTTP to another machine`);
  }
  const plan = await client.post<ReloadPlan>('/v1/plan', withSecretsInClear(config));
  await out.result(json ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan));
  if (plan.needsRestart.length > 0) return RESTART;
  if (plan.sessionsEnding.length > 0) return SESSIONS_END;
  return planLines(plan).length > 0 ? IN_PLACE : NOTHING;
}

/** Nobody else can read what is sent to this URL. */
function isPrivateWay(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/** The plan for people, a line for each thing that would change. */
export function planText(plan: ReloadPlan): string {
  const lines = planLines(plan);
  if (lines.length === 0) return 'nothing would change\n';
  const { length } = plan.sessionsEnding;
  const end = length === 0 ? 'no session would end' : `${counted(length, 'session')} would end`;
  return `${[...lines, end].map(printable).join('\n')}\n`;
}

/** `+` new, `-` gone, `~` changed in place, `!` a session is reset or a restart is needed. */
export function planLines(plan: ReloadPlan): string[] {
  const ends = (id: string): string => (plan.sessionsEnding.includes(id) ? ', its session ends' : '');
  const { neighbors, dynamicNeighbors: ranges, networks } = plan;
  return [
    ...neighbors.removed.map((id) => `- neighbor ${id}: removed${ends(id)}`),
    ...neighbors.added.map((id) => `+ neighbor ${id}: added`),
    ...neighbors.changed.map((peer) => peerLine(`neighbor ${peer.neighbor}`, peer)),
    ...ranges.removed.map((id) => `- neighbors from ${id}: removed`),
    ...ranges.added.map((id) => `+ neighbors from ${id}: added`),
    ...ranges.changed.map((peer) => peerLine(`neighbors from ${peer.neighbor}`, peer)),
    ...networks.removed.map((prefix) => `- network ${prefix}: withdrawn`),
    ...networks.added.map((prefix) => `+ network ${prefix}: announced`),
    ...networks.changed.map((prefix) => `~ network ${prefix}: announced anew`),
    ...plan.sections.map((key) => `~ ${key}: in place`),
    ...plan.needsRestart.map((key) => `! ${key}: needs a restart, left as it is`),
  ];
}

/** Why sessions are reset, a line for each neighbor. */
export function resetLines({ neighbors, dynamicNeighbors }: ReloadPlan): string[] {
  const reset = (peers: readonly PeerPlan[]): PeerPlan[] => peers.filter(({ effect }) => effect === 'reset');
  return [
    ...reset(neighbors.changed).map((peer) => peerLine(`neighbor ${peer.neighbor}`, peer).slice(2)),
    ...reset(dynamicNeighbors.changed).map((peer) => peerLine(`neighbors from ${peer.neighbor}`, peer).slice(2)),
  ];
}

const COST = { inPlace: 'in place', refresh: 'route refresh', reset: 'reset' } as const;

function peerLine(who: string, { effect, settings }: PeerPlan): string {
  const mark = effect === 'reset' ? '!' : '~';
  const what = settings.map(({ setting, from, to, effect: cost }) => {
    const [before, after] = [JSON.stringify(from), JSON.stringify(to)];
    // A policy may mean something else under the same name.
    const arrow = before === after ? ` ${after} with other statements or sets` : ` ${before} -> ${after}`;
    const values = from === null && to === null ? '' : arrow;
    return `${setting}${values}${effect === 'reset' && cost === 'inPlace' ? ' (in place)' : ''}`;
  });
  const why = what.length === 0 ? 'only its group or limit' : what.join(', ');
  return `${mark} ${who}: ${COST[effect]}: ${why}`;
}
