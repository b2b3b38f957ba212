import { FSM_EVENTS, FSM_STATES, INITIAL_STATE, step } from '../../../lib/bgp/fsm/index.js';
import type { FsmAction, FsmEvent, FsmEventName, FsmState, FsmStateName } from '../../../lib/bgp/fsm/index.js';

export const EVENT_NAMES = Object.keys(FSM_EVENTS) as FsmEventName[];

/** A state as it is after some failures, with a hold time agreed on. */
export function stateOf(name: FsmStateName, overrides: Partial<FsmState> = {}): FsmState {
  return { ...INITIAL_STATE, name, connectRetryCounter: 2, holdTimeSeconds: 90, keepaliveSeconds: 30, ...overrides };
}

/** An event of each name. The NOTIFICATION is one that blames somebody: an UPDATE error. */
export function eventOf(type: FsmEventName): FsmEvent {
  const notification = { code: 99, subcode: 1, data: new Uint8Array(0), reason: 'of the event' };
  switch (type) {
    case 'manualStop':
    case 'automaticStop':
    case 'bgpHeaderErr':
    case 'bgpOpenMsgErr':
    case 'updateMsgErr':
      return { type, notification };
    case 'bgpOpen':
      return { type, holdTimeSeconds: 90, keepaliveSeconds: 30 };
    case 'notifMsg':
      return { type, code: 3, subcode: 1 };
    default:
      return { type };
  }
}

/** The whole machine as Markdown, printed from the code. */
export function printTable(): string {
  const lines = [
    '# The finite state machine, state by state',
    '',
    'Printed from `lib/bgp/fsm` by `test/bgp/fsm/table.test.ts`, which fails when it no longer matches; write it anew with',
    '`UPDATE_DOCS=1 npx mocha test/bgp/fsm/table.test.ts`. Events have their number and name of RFC 4271 section 8.1.',
    '"own interval" means that options and ConnectRetryCounter decide; "+1", "= 0" is what becomes of that counter.',
    'Events of RFC 4271 section 8.1 that are not there have no cause here: 3 and 5 to 7 (automatic starts: IdleHoldTimer_Expires starts again',
    'by itself), 12 and 20 (DelayOpen), 14 and 15 (a connection request that is no connection yet: the kernel completes it).',
    'BGPOpen stands for an acceptable OPEN with a hold time of 90 s; NotifMsg for one that blames somebody.',
    'The last rows show the others, an AutomaticStop that says how long Idle lasts (prefix limits), and a passive neighbor, which',
    'never dials: in Active it starts no timer.',
    '',
  ];
  for (const name of FSM_STATES) {
    lines.push(`## ${name}`, '', '| event | next state | counter | actions |', '| --- | --- | --- | --- |');
    for (const event of EVENT_NAMES) lines.push(row(name, label(event), eventOf(event)));
    lines.push(row(name, '25 NotifMsg, a Cease', { type: 'notifMsg', code: 6, subcode: 2 }));
    for (const [held, idleHold] of [
      ['until started', null],
      ['for 300 s', 300],
    ] as const) {
      const notification = eventOf('automaticStop') as Extract<FsmEvent, { type: 'automaticStop' }>;
      lines.push(row(name, `8 AutomaticStop, held ${held}`, { ...notification, idleHold }));
    }
    lines.push(row(name, '18 TcpConnectionFails, passive', { type: 'tcpConnectionFails' }, { passive: true }), '');
  }
  return lines.join('\n');
}

function label(event: FsmEventName): string {
  const { number, rfcName } = FSM_EVENTS[event];
  return `${number ?? '–'} ${rfcName}`;
}

function row(name: FsmStateName, eventLabel: string, event: FsmEvent, overrides: Partial<FsmState> = {}): string {
  const before = stateOf(name, overrides);
  const { state, actions } = step(before, event);
  const next = state.name === name ? '' : `**${state.name}**`;
  const change = state.connectRetryCounter - before.connectRetryCounter;
  const counter = change === 0 ? '' : state.connectRetryCounter === 0 ? '= 0' : `+${change}`;
  return `| ${eventLabel} | ${next} | ${counter} | ${actions.map(actionText).join(', ')} |`;
}

export function actionText(action: FsmAction): string {
  switch (action.type) {
    case 'sendNotification': {
      const { code, subcode, data } = action.notification;
      if (code === 99) return 'send NOTIFICATION (of the event)';
      return `send NOTIFICATION ${code}/${subcode}${data.length > 0 ? ` (data ${[...data].join(' ')})` : ''}`;
    }
    case 'startTimer':
      return `start ${action.timer} timer (${action.seconds === undefined ? 'own interval' : `${action.seconds} s`})`;
    case 'stopTimers':
      return 'stop timers';
    case 'sendOpen':
      return 'send OPEN';
    case 'sendKeepalive':
      return 'send KEEPALIVE';
    default:
      return action.type;
  }
}
