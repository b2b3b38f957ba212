import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { FSM_STATES, step } from '../../../lib/bgp/fsm/index.js';
import { EVENT_NAMES, eventOf, printTable, stateOf } from './table.js';

const DOCUMENT = new URL('../../../docs/fsm-table.md', import.meta.url);

describe('the state-event table', () => {
  it('has an answer for every event in every state, and changes no state in place', () => {
    for (const name of FSM_STATES) {
      for (const event of EVENT_NAMES) {
        const before = Object.freeze(stateOf(name));
        const { state, actions } = step(before, eventOf(event));
        expect(FSM_STATES, `${event} in ${name}`).to.include(state.name);
        expect(actions, `${event} in ${name}`).to.be.an('array');
      }
    }
  });

  it('is what docs/fsm-table.md shows', () => {
    const table = printTable();
    if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(DOCUMENT, table);
    expect(readFileSync(DOCUMENT, 'utf8')).to.equal(table);
  });
});
