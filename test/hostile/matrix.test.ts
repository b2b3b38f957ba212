import { expect } from 'chai';
import * as bgp from '../interop/harness/messages.js';
import { valueOf } from '../support/wire.js';
import { ATTRIBUTE_CASES, goodUpdates, KNOWN, NEW } from './attribute-cases.js';
import { CASES, goodOpen } from './cases.js';
import { Stage, type HostileConnection } from './stage.js';

/** Each case against one speaker that runs all the time; after each, nobody else has noticed anything. */
describe('hostile neighbors', () => {
  const stage = new Stage();
  before(() => stage.open());
  afterEach(() => stage.clear());

  function endedWith(connection: HostileConnection, address: string, then: string): void {
    const [code, data] = then.split(' ');
    if (then === 'closed') expect(connection.notifications).to.deep.equal([]);
    else {
      expect(connection.notifications.map((text) => text.split(' ')[0])).to.deep.equal([code]);
      if (data !== undefined) expect(connection.notifications).to.deep.equal([then]);
      const { lastError } = stage.speaker.neighbor(address);
      expect(`${lastError?.direction} ${lastError?.code}/${lastError?.subcode}`).to.equal(`sent ${code}`);
    }
    expect(connection.isClosed, 'closed').to.equal(true);
    expect(stage.speaker.neighbor(address).state).to.be.oneOf(['Idle', 'Active']);
  }

  for (const { rfc, from, what, send, then } of CASES) {
    it(`${rfc}: ${what}, in ${from}: ${then}`, async () => {
      const { address, host } = stage.newcomer();
      const connection = await stage.connect(host);
      await stage.advance(connection, from, goodOpen());
      expect(stage.speaker.neighbor(address).state).to.equal(from);
      connection.send(...send);
      await stage.lab.clock.runAsync(50);
      if (then === 'accepted') {
        expect(connection.notifications).to.deep.equal([]);
        connection.send(bgp.keepalive());
        await stage.lab.clock.runAsync(50);
        expect(stage.speaker.neighbor(address).state).to.equal('Established');
      } else endedWith(connection, address, then);
      await stage.checkOthers();
      await stage.dismiss(address);
      await stage.checkOthers();
    });
  }

  for (const { rfc, what, kind, family, update, then, held } of ATTRIBUTE_CASES) {
    it(`${rfc}: ${what}${kind === 'ebgp' ? ' (eBGP)' : ''}: ${then}`, async () => {
      const { address, host } = stage.newcomer(kind);
      const connection = await stage.connect(host);
      await stage.advance(connection, 'Established', goodOpen(kind));
      connection.send(...goodUpdates(kind));
      await stage.lab.clock.runAsync(50);
      const before = ['10.66.0.0/24', KNOWN[4], '2001:db8:66::/64', KNOWN[6]].sort();
      expect(stage.others).to.deep.equal(before);
      connection.send(update);
      await stage.lab.clock.runAsync(50);
      const [outcome, extra] = then.split(' ');
      const expected = {
        withdraw: before.filter((prefix) => prefix !== KNOWN[family]),
        accept: [...before, NEW[family]].sort(),
        ignore: extra === undefined ? before : [...before, extra].sort(),
      }[outcome!];
      if (expected === undefined) {
        endedWith(connection, address, then);
        expect(stage.others).to.deep.equal([]);
      } else {
        expect(stage.others).to.deep.equal(expected);
        expect(connection.notifications).to.deep.equal([]);
        expect(stage.speaker.neighbor(address).state).to.equal('Established');
      }
      if (held) expect(valueOf(stage.route(NEW[family])!, held[0] as 1)).to.deep.equal(held[1]);
      await stage.checkOthers();
      await stage.dismiss(address);
      await stage.checkOthers();
    });
  }

  it('are more than 80 cases', () => {
    expect(CASES.length + ATTRIBUTE_CASES.length).to.be.greaterThan(80);
  });
});
