import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { FSM_EVENTS, FSM_STATES, step } from '../../../lib/bgp/fsm/index.js';
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

  it('has all events of RFC 4271 section 8.1 but those that it names as missing', () => {
    const missing = [3, 5, 6, 7, 12, 14, 15, 20];
    const numbers = EVENT_NAMES.flatMap((name) => FSM_EVENTS[name].number ?? []);
    const all = Array.from({ length: 29 }, (_, i) => i + 1);
    expect(numbers.sort((a, b) => a - b)).to.deep.equal(all.filter((number) => !missing.includes(number)));
    // A row for each event in each state, and the four variants.
    const rows = printTable()
      .split('\n')
      .filter((line) => /^\| [\d–]/.test(line));
    expect(rows).to.have.length(FSM_STATES.length * (EVENT_NAMES.length + 4));
  });

  it('is what docs/fsm-table.md shows', () => {
    const table = printTable();
    if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(DOCUMENT, table);
    expect(readFileSync(DOCUMENT, 'utf8')).to.equal(table);
  });
});
