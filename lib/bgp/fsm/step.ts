import type { Step } from './actions.js';
import type { FsmEvent } from './events.js';
import type { FsmState } from './state.js';
import { idle } from './idle.js';
import { connect } from './connect.js';
import { active } from './active.js';
import { openSent } from './open-sent.js';
import { openConfirm } from './open-confirm.js';
import { established } from './established.js';

/**
 * The BGP finite state machine of one connection, as a pure, total function: every event has an answer in every state.
 * `docs/fsm-table.md` shows all of them.
 * @param state  where we are
 * @param event  what happened
 * @returns      where we are now, and what the session does, in this order
 * @throws       never
 * @see RFC 4271 section 8.2.2, RFC 6608 (unexpected messages), RFC 9687 (send hold timer)
 */
export function step(state: FsmState, event: FsmEvent): Step {
  switch (state.name) {
    case 'Idle':
      return idle(state, event);
    case 'Connect':
      return connect(state, event);
    case 'Active':
      return active(state, event);
    case 'OpenSent':
      return openSent(state, event);
    case 'OpenConfirm':
      return openConfirm(state, event);
    case 'Established':
      return established(state, event);
  }
}
