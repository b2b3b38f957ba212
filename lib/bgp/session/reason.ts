import type { Endpoint } from '../../net/transport.js';
import type { SocketOptions } from '../../net/socket-options.js';
import type { NotificationContent } from '../fsm/events.js';
import type { FsmStateName } from '../fsm/state.js';
import { notificationText } from '../wire/notification-names.js';

/** What is known of a neighbor that is not Established. */
export interface Wait {
  /** Why the last session or attempt ended. */
  readonly cause: string | undefined;
  /** Milliseconds until the next attempt, if one is planned. */
  readonly retryLeftMs: number | undefined;
  readonly failures: number;
  readonly remote: Endpoint;
  readonly isStarted: boolean;
}

/** An attempt to connect that met with silence, and what may be behind it. */
export function noAnswerText({ address, port }: Endpoint, { md5Key, ttlSecurityHops }: SocketOptions): string {
  const causes = [
    ...(md5Key === undefined ? [] : ['another password']),
    ...(ttlSecurityHops === undefined ? [] : [`more than ${ttlSecurityHops} hop${ttlSecurityHops === 1 ? '' : 's'}`]),
  ];
  // The kernel drops what is not signed as agreed, or comes from too far, without a word; also a refusal.
  const hint = causes.length === 0 ? '' : ` (${causes.join(', ')} or nobody there look the same)`;
  return `no answer from ${address} port ${port}${hint}`;
}

/** Why a session or an attempt ended by a NOTIFICATION of ours. */
export function sentReason({ code, subcode, reason }: NotificationContent): string {
  const text = `sent ${notificationText(code, subcode)}`;
  return reason === '' ? text : `${text}: ${reason}`;
}

/** In one line: why a neighbor is not Established, and what happens next; undefined when it is. */
export function describeWait(state: FsmStateName, wait: Wait): string | undefined {
  const next = whatNext(state, wait);
  if (next === undefined) return undefined;
  if (!wait.isStarted) return wait.cause ?? 'not started';
  return wait.cause === undefined ? next : `${wait.cause}; ${next}`;
}

function whatNext(state: FsmStateName, { retryLeftMs, failures, remote }: Wait): string | undefined {
  const retry = retryLeftMs === undefined ? '' : `next attempt in ${Math.ceil(retryLeftMs / 1000)} s${count(failures)}`;
  switch (state) {
    case 'Idle':
      return `refusing connections, ${retry === '' ? 'until it is enabled or reset' : retry}`;
    case 'Connect':
      return `connecting to ${remote.address} port ${remote.port}`;
    case 'Active':
      return retry === '' ? 'waiting for the neighbor to connect' : retry;
    case 'OpenSent':
      return "connected, waiting for the neighbor's OPEN";
    case 'OpenConfirm':
      return "OPEN accepted, waiting for the neighbor's KEEPALIVE";
    case 'Established':
      return undefined;
  }
}

function count(failures: number): string {
  return failures > 1 ? ` (${failures} failures in a row)` : '';
}
