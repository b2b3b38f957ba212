import { expect } from 'chai';
import { ConnectionGate } from '../../lib/speaker/connection-gate.js';
import { Lab } from '../support/lab.js';

describe('ConnectionGate', () => {
  const clock = { at: 0, now: () => clock.at };
  const admitted = (gate: ConnectionGate, address: string, count: number) =>
    Array.from({ length: count }, () => gate.admits(address)).filter(Boolean).length;

  it('takes a burst, then the rate, from each address', () => {
    const gate = new ConnectionGate(clock, { perAddress: 5, total: 0 });
    expect(admitted(gate, 'a', 100)).to.equal(20);
    expect(admitted(gate, 'b', 100)).to.equal(20);
    clock.at += 1000;
    expect(admitted(gate, 'a', 100)).to.equal(5);
    clock.at += 100;
    expect(admitted(gate, 'a', 100)).to.equal(0);
    clock.at += 60_000;
    expect(admitted(gate, 'a', 100)).to.equal(20);
  });

  it('takes no more than the total from all', () => {
    const gate = new ConnectionGate(clock, { perAddress: 5, total: 10 });
    const all = Array.from({ length: 50 }, (_, i) => admitted(gate, `a${i}`, 1));
    expect(all.filter((one) => one === 1)).to.have.length(40);
    clock.at += 1000;
    expect(admitted(gate, 'x', 100)).to.equal(10);
  });

  it('0 is no limit, and the memory for addresses is bounded', () => {
    const free = new ConnectionGate(clock, { perAddress: 0, total: 0 });
    expect(admitted(free, 'a', 100_000)).to.equal(100_000);
    const gate = new ConnectionGate(clock, { total: 0 });
    for (let i = 0; i < 100_000; i++) gate.admits(`a${i}`);
    expect((gate as unknown as { byAddress: Map<string, unknown> }).byAddress.size).to.be.at.most(10_000);
  });
});

describe('Speaker: connections in floods', () => {
  it('a neighbor that connects 2,000 times gets some 20 answers, others notice nothing', async () => {
    const lab = new Lab();
    const client = (address: string) => ({ address, peerAs: 64512, passive: true, routeReflectorClient: true });
    const speaker = await lab.speaker({ routerId: '10.0.0.1', neighbors: [client('10.0.0.11'), client('10.0.0.12')] });
    const good = lab.probe('10.0.0.1', '10.0.0.11');
    await lab.up(good);
    const flood = async (from: string) => {
      const heard = { opens: 0, closed: 0 };
      const host = lab.network.host(from);
      const handler = { onData: () => heard.opens++, onDrain: () => undefined, onClose: () => heard.closed++ };
      for (let i = 0; i < 2000; i++) {
        host.connect(
          { remote: { address: '10.0.0.1', port: 179 } },
          { onConnect: (connection) => connection.setHandler(handler), onError: () => undefined },
        );
      }
      await lab.settle();
      return { ...heard, left: host.connectionCount };
    };
    expect(await flood('10.0.0.99'), 'a stranger').to.deep.equal({ opens: 0, closed: 2000, left: 0 });
    const refused = speaker.summary().connectionsRefused;
    expect(refused).to.equal(2000);
    const { opens, left } = await flood('10.0.0.12');
    // OPEN to each that was taken, Cease/7 to all of them but two.
    expect(opens).to.be.within(20, 45);
    expect(left).to.be.at.most(6);
    expect(speaker.summary().connectionsRefused - refused).to.be.within(1975, 1980);
    expect(good.downs).to.deep.equal([]);
  });
});
