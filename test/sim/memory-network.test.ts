import { expect } from 'chai';
import { MemoryNetwork, seededRandom, VirtualClock, type MemoryTransport } from '../../lib/sim/index.js';
import { describeTransport, End } from '../io/transport-contract.js';

for (const rechunk of [undefined, seededRandom(7)]) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, latencyMs: 3, ...(rechunk === undefined ? {} : { rechunk }) });
  const bench = {
    dialer: network.host('192.0.2.1'),
    acceptor: network.host('192.0.2.2'),
    address: '192.0.2.2',
    until: async (condition: () => boolean) => void (await clock.runUntilAsync(condition, 1000000)),
  };
  describeTransport(`MemoryTransport${rechunk === undefined ? '' : ', cutting at random'}`, () => bench);
}

const HERE = '192.0.2.1';
const THERE = '192.0.2.2';

class Wire {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latencyMs: 10 });
  readonly a: MemoryTransport = this.network.host(HERE, '2001:db8::1');
  readonly b: MemoryTransport = this.network.host(THERE, '2001:db8::2');
  readonly near: End[] = [];
  readonly far: End[] = [];

  constructor() {
    void this.b.listen({ address: '0.0.0.0', port: 179 }, (connection) => this.far.push(new End(connection)));
    void this.b.listen({ address: '::', port: 179 }, (connection) => this.far.push(new End(connection)));
  }

  dial(address = THERE): void {
    this.a.connect(
      { remote: { address, port: 179 } },
      { onConnect: (connection) => this.near.push(new End(connection)), onError: (e) => expect.fail(e.message) },
    );
  }
}

describe('MemoryNetwork', () => {
  it('has latency, and families do not mix', () => {
    const wire = new Wire();
    wire.dial();
    wire.dial('2001:DB8::2');
    wire.clock.run(19);
    expect([wire.near.length, wire.far.length]).to.deep.equal([0, 2]);
    wire.clock.run(1);
    expect(wire.near.map(({ connection }) => connection.local.address)).to.deep.equal([HERE, '2001:db8::1']);
    wire.near[0]!.connection.send(Uint8Array.of(1));
    wire.clock.run(9);
    expect(wire.far[0]!.heard).to.have.length(0);
    wire.clock.run(1);
    expect(wire.far[0]!.heard).to.have.length(1);
  });

  it('keeps what is sent over a cut link until it is mended', () => {
    const wire = new Wire();
    wire.dial();
    wire.clock.run(20);
    wire.network.cut(THERE, HERE);
    wire.near[0]!.connection.send(Uint8Array.of(1, 2));
    wire.near[0]!.connection.send(Uint8Array.of(3));
    wire.near[0]!.connection.end();
    wire.clock.run(100000);
    expect(wire.far[0]).to.deep.include({ heard: new Uint8Array(0), closes: 0 });
    wire.network.restore(HERE, THERE);
    wire.clock.run(30);
    expect([...wire.far[0]!.heard]).to.deep.equal([1, 2, 3]);
    expect([wire.near[0]!.closes, wire.far[0]!.closes]).to.deep.equal([1, 1]);
  });

  it('keeps the order over a cut, also of what was sent just before the link is mended', () => {
    const wire = new Wire();
    wire.dial();
    wire.clock.run(20);
    wire.network.cut(THERE, HERE);
    wire.near[0]!.connection.send(Uint8Array.of(1));
    wire.clock.run(100);
    wire.near[0]!.connection.send(Uint8Array.of(2));
    wire.network.restore(HERE, THERE);
    wire.near[0]!.connection.send(Uint8Array.of(3));
    // Cut and mended again meanwhile.
    wire.network.cut(THERE, HERE);
    wire.network.restore(HERE, THERE);
    wire.clock.run(30);
    expect([...wire.far[0]!.heard]).to.deep.equal([1, 2, 3]);
  });

  it('loses connection requests on a cut link', () => {
    const wire = new Wire();
    wire.network.cut(HERE, THERE);
    wire.dial();
    wire.clock.run(100000);
    wire.network.restore(HERE, THERE);
    wire.clock.run(100000);
    expect([wire.near.length, wire.far.length]).to.deep.equal([0, 0]);
  });

  it('tells nobody of a crash; who sends then learns it by a reset', () => {
    const wire = new Wire();
    wire.dial();
    wire.clock.run(20);
    wire.b.crash();
    wire.clock.run(100000);
    expect([wire.near[0]!.closes, wire.far[0]!.closes]).to.deep.equal([0, 0]);
    wire.near[0]!.connection.send(Uint8Array.of(1));
    wire.clock.run(30);
    expect(wire.near[0]!.error).to.include({ code: 'ECONNRESET' });
    expect([wire.a.connectionCount, wire.b.connectionCount]).to.deep.equal([0, 0]);
  });

  it('does not answer for addresses that nobody has', () => {
    const wire = new Wire();
    wire.dial('192.0.2.3');
    wire.clock.run(1e6);
    expect(wire.near).to.have.length(0);
  });

  it('gives an address to one host only', () => {
    const wire = new Wire();
    expect(() => wire.network.host('2001:db8:0::1'))
      .to.throw('another host')
      .with.property('code', 'duplicate_address');
  });

  it('runs the same way each time', () => {
    const run = (): number[] => {
      const clock = new VirtualClock();
      const network = new MemoryNetwork({ clock, rechunk: seededRandom(5) });
      const [a, b] = [network.host(HERE), network.host(THERE)];
      const sizes: number[] = [];
      void b.listen({ address: THERE, port: 1 }, (connection) =>
        connection.setHandler({
          onData: (chunk) => sizes.push(chunk.length),
          onDrain: () => undefined,
          onClose: () => undefined,
        }),
      );
      a.connect(
        { remote: { address: THERE, port: 1 } },
        {
          onConnect: (connection) => {
            new End(connection);
            for (let i = 1; i < 50; i++) connection.send(new Uint8Array(i * 10));
          },
          onError: () => undefined,
        },
      );
      clock.run(10000);
      return sizes;
    };
    const sizes = run();
    expect(sizes.length).to.be.greaterThan(5);
    expect(sizes.reduce((sum, size) => sum + size)).to.equal(12250);
    expect(run()).to.deep.equal(sizes);
  });
});
