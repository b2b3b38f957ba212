import { expect } from 'chai';
import fc from 'fast-check';
import { FSM_STATES, INITIAL_STATE, step } from '../../../lib/bgp/fsm/index.js';
import type { FsmEvent, FsmState } from '../../../lib/bgp/fsm/index.js';
import { actionText, EVENT_NAMES, eventOf, stateOf } from './table.js';

const CONNECTED = ['OpenSent', 'OpenConfirm', 'Established'] as const;

function walk(state: FsmState, ...events: FsmEvent[]): string[] {
  return events.map((event) => {
    const answer = step(state, event);
    state = answer.state;
    return state.name;
  });
}

function actionsOf(state: FsmState, event: FsmEvent): string[] {
  return step(state, event).actions.map(actionText);
}

describe('step', () => {
  it('comes up actively', () => {
    const path = walk(
      INITIAL_STATE,
      { type: 'manualStart' },
      { type: 'tcpCrAcked' },
      { type: 'bgpOpen', holdTimeSeconds: 90, keepaliveSeconds: 30 },
      { type: 'keepAliveMsg' },
    );
    expect(path).to.deep.equal(['Connect', 'OpenSent', 'OpenConfirm', 'Established']);
  });

  it('comes up passively', () => {
    const path = walk(INITIAL_STATE, { type: 'manualStartPassive' }, { type: 'tcpConnectionConfirmed' });
    expect(path).to.deep.equal(['Active', 'OpenSent']);
  });

  it('waits 4 minutes for an OPEN (RFC 4271 8.2.2)', () => {
    expect(actionsOf(stateOf('Connect'), { type: 'tcpCrAcked' })).to.include('start hold timer (240 s)');
  });

  it('runs no hold and keepalive timers with a hold time of zero (RFC 4271 4.2)', () => {
    const open: FsmEvent = { type: 'bgpOpen', holdTimeSeconds: 0, keepaliveSeconds: 0 };
    const { state, actions } = step(stateOf('OpenSent'), open);
    expect(actions.map(actionText)).to.deep.equal(['stop timers', 'send KEEPALIVE']);
    expect(actionsOf(state, { type: 'keepAliveMsg' }).join()).not.to.match(/hold timer \(\d|keepalive/);
  });

  it('answers an unexpected message with its type as data (RFC 6608)', () => {
    const cases = [
      ['OpenSent', 'updateMsg', '5/1 (data 2)'],
      ['OpenSent', 'keepAliveMsg', '5/1 (data 4)'],
      ['OpenSent', 'routeRefreshMsg', '5/1 (data 5)'],
      ['OpenConfirm', 'bgpOpen', '5/2 (data 1)'],
      ['OpenConfirm', 'updateMsg', '5/2 (data 2)'],
      ['Established', 'bgpOpen', '5/3 (data 1)'],
    ] as const;
    for (const [state, event, text] of cases) {
      expect(actionsOf(stateOf(state), eventOf(event))[0]).to.equal(`send NOTIFICATION ${text}`);
    }
  });

  it('never answers a NOTIFICATION with a NOTIFICATION (RFC 4271 6.4)', () => {
    for (const name of FSM_STATES) {
      for (const code of [1, 2, 3, 4, 5, 6, 7, 8, 99]) {
        for (const event of [{ type: 'notifMsg', code, subcode: 1 }, { type: 'notifMsgVerErr' }] as FsmEvent[]) {
          expect(actionsOf(stateOf(name), event).join()).not.to.include('NOTIFICATION');
        }
      }
    }
  });

  it('refuses connections while held back after an error, and listens after a loss', () => {
    for (const name of CONNECTED) {
      const error = step(stateOf(name), { type: 'notifMsg', code: 3, subcode: 1 });
      expect(error.state).to.include({ name: 'Idle', connectRetryCounter: 3 });
      expect(step(error.state, { type: 'tcpConnectionConfirmed' }).actions).to.deep.equal([{ type: 'refuse' }]);
      const loss = step(stateOf(name), { type: 'tcpConnectionFails' });
      expect(loss.state).to.include({ name: 'Active', connectRetryCounter: 3 });
    }
  });

  it('takes a Cease for a loss, except when it blames us (RFC 4486)', () => {
    const after = (subcode: number): string =>
      step(stateOf('Established'), { type: 'notifMsg', code: 6, subcode }).state.name;
    expect([2, 3, 4, 5, 6, 7, 9].map(after)).to.deep.equal(Array(7).fill('Active'));
    expect([1, 8].map(after)).to.deep.equal(['Idle', 'Idle']);
  });

  it('listens again at once when the peer cannot read our optional parameters', () => {
    expect(step(stateOf('OpenSent'), { type: 'notifMsg', code: 2, subcode: 4 }).state.name).to.equal('Active');
  });

  it('tells a stopped session why, and forgets its failures', () => {
    for (const name of CONNECTED) {
      const { state, actions } = step(stateOf(name), eventOf('manualStop'));
      expect(state).to.include({ name: 'Idle', connectRetryCounter: 0 });
      expect(actions.map(actionText)).to.deep.equal(['send NOTIFICATION (of the event)', 'stop timers', 'drop']);
    }
  });

  it('forgets failures once stable', () => {
    expect(step(stateOf('Established'), { type: 'stableTimerExpires' }).state.connectRetryCounter).to.equal(0);
  });

  it('never dials when passive, whatever happens', () => {
    const anyEvent = fc.constantFrom(...EVENT_NAMES.filter((name) => name !== 'manualStart')).map(eventOf);
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        let state = INITIAL_STATE;
        for (const event of [{ type: 'manualStartPassive' } as const, ...events]) {
          const answer = step(state, event);
          state = answer.state;
          if (answer.actions.some((action) => action.type === 'dial')) return false;
        }
        return true;
      }),
    );
  });

  it('always has something running that leads on, unless stopped or passive', () => {
    // What keeps each state from lasting for ever, as the actions leave it.
    const wanted: Partial<Record<string, string>> = {
      Connect: 'connectRetry',
      Active: 'connectRetry',
      OpenSent: 'hold',
      OpenConfirm: 'hold',
      Established: 'hold',
    };
    const anyEvent = fc.constantFrom(...EVENT_NAMES.filter((name) => !/^manual|CollisionDump/.test(name))).map(eventOf);
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        let state = INITIAL_STATE;
        const running = new Set<string>();
        for (const event of [{ type: 'manualStart' } as const, ...events]) {
          // A timer's own event comes only when it runs, and uses it up.
          const timer = /^(.*)TimerExpires$/.exec(event.type)?.[1];
          if (timer !== undefined && !running.delete(timer)) continue;
          const answer = step(state, event);
          state = answer.state;
          for (const action of answer.actions) {
            if (action.type === 'stopTimers') running.clear();
            else if (action.type === 'startTimer') running.add(action.timer);
          }
          if (!running.has(wanted[state.name] ?? 'idleHold')) return false;
        }
        return true;
      }),
    );
  });
});
