import { expect } from 'chai';
import { Peer, type PeerOptions } from '../../../lib/bgp/session/index.js';
import { MemoryNetwork, seededRandom, VirtualClock } from '../../../lib/sim/index.js';
import { Recorder, V4, V6 } from './rig.js';

const GOOD: PeerOptions = {
  remote: { address: '10.0.0.2', port: 179 },
  localAs: 64512,
  peerAs: 64512,
  routerId: 1,
  families: [V4],
};

function make(overrides: Partial<PeerOptions> = {}): Peer {
  const clock = new VirtualClock();
  const transport = new MemoryNetwork({ clock }).host('10.0.0.1');
  return new Peer({ ...GOOD, ...overrides }, { clock, transport, random: seededRandom(1) }, new Recorder());
}

describe('options of a Peer', () => {
  it('have defaults', () => {
    expect(make().options).to.include({
      holdTime: 90,
      keepaliveInterval: undefined,
      connectRetry: 5,
      connectRetryMax: 120,
      sendHoldTime: 480,
      passive: false,
      extendedMessage: false,
      extendedNextHop: false,
    });
    expect(make().options.addPath).to.deep.equal([]);
    expect(make({ holdTime: 600 }).options.sendHoldTime).to.equal(1200);
    expect(make({ connectRetry: 300 }).options.connectRetryMax).to.equal(300);
  });

  it('are put into canonical form', () => {
    const peer = make({ remote: { address: '2001:DB8:0::2', port: 179 }, localAddress: '2001:db8::0:1' });
    expect([peer.options.remote.address, peer.options.localAddress]).to.deep.equal(['2001:db8::2', '2001:db8::1']);
  });

  const wrong: readonly [Partial<PeerOptions>, option: string, code?: string][] = [
    [{ remote: { address: 'router', port: 179 } }, 'remote', 'bad_address'],
    [{ remote: { address: '10.0.0.2', port: 0 } }, 'remote'],
    [{ localAddress: 'eth0' }, 'localAddress', 'bad_address'],
    [{ localAddress: '::1' }, 'localAddress'],
    [{ localPort: 65536 }, 'localPort'],
    [{ localAs: 0 }, 'localAs'],
    [{ peerAs: 4294967296 }, 'peerAs'],
    [{ peerAs: [64512, 0] }, 'peerAs'],
    [{ routerId: 0 }, 'routerId'],
    [{ families: [] }, 'families'],
    [{ holdTime: 2 }, 'holdTime'],
    [{ holdTime: 65536 }, 'holdTime'],
    [{ keepaliveInterval: 0 }, 'keepaliveInterval'],
    [{ connectRetry: 0 }, 'connectRetry'],
    [{ connectRetry: 10, connectRetryMax: 5 }, 'connectRetryMax'],
    [{ sendHoldTime: -1 }, 'sendHoldTime'],
    [{ maxMessageLength: 4095 }, 'maxMessageLength'],
  ];
  for (const [overrides, option, code = 'bad_option'] of wrong) {
    it(`refuse ${JSON.stringify(overrides)}`, () => {
      expect(() => make(overrides))
        .to.throw(option)
        .that.includes({ name: 'UsageError', code, option });
    });
  }

  it('decide what the OPEN announces', () => {
    const names = (overrides: Partial<PeerOptions>): string[] => {
      const clock = new VirtualClock();
      const network = new MemoryNetwork({ clock });
      const [a, b] = [network.host('10.0.0.1'), network.host('10.0.0.2')];
      const runtime = { clock, random: seededRandom(1) };
      const peer = new Peer({ ...GOOD, ...overrides }, { ...runtime, transport: a }, new Recorder());
      const other = new Peer(
        { ...GOOD, remote: { address: '10.0.0.1', port: 179 }, routerId: 2, passive: true },
        { ...runtime, transport: b },
        new Recorder(),
      );
      void b.listen({ address: '10.0.0.2', port: 179 }, (connection) => other.accept(connection));
      peer.start();
      other.start();
      clock.runUntil(() => other.state === 'Established', 1000);
      return [...other.capabilities];
    };
    expect(names({ families: [V4, V6] })).to.deep.equal([
      'MULTIPROTOCOL',
      'ROUTE_REFRESH',
      'GRACEFUL_RESTART',
      'FOUR_OCTET_AS',
      'ENHANCED_ROUTE_REFRESH',
      'LLGR',
    ]);
    const off = { routeRefresh: false, fourOctetAs: false, gracefulRestart: false };
    expect(names({ capabilities: off, maxMessageLength: 65535 })).to.deep.equal(['MULTIPROTOCOL', 'EXTENDED_MESSAGE']);
  });
});
