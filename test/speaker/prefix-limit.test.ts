import { expect } from 'chai';
import type { NeighborOptions, PrefixLimitOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, type Probe } from '../support/lab.js';

const R = '10.0.0.1';
const A = '10.0.0.11';
const B = '10.0.0.12';
const prefixes = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `10.50.${from + i}.0/24`);

const client = (address: string, limit?: PrefixLimitOptions): NeighborOptions => ({
  address,
  peerAs: 64512,
  passive: true,
  routeReflectorClient: true,
  ...(limit === undefined ? {} : { prefixLimit: { 'ipv4-unicast': limit } }),
});

describe('Speaker: prefix limits (RFC 4271 section 6.7)', () => {
  let lab: Lab;
  let speaker: Speaker;
  let a: Probe;
  let b: Probe;
  let notices: string[];

  async function start(limit: PrefixLimitOptions): Promise<void> {
    lab = new Lab();
    notices = [];
    speaker = await lab.speaker({ routerId: R, neighbors: [client(A, limit), client(B)] });
    speaker.on('prefixLimit', ({ neighbor, family, reached, count }) =>
      notices.push(`${neighbor} ${family} ${reached} ${count}`),
    );
    a = lab.probe(R, A);
    b = lab.probe(R, B);
    await lab.up(a, b);
  }

  const config = (limit?: PrefixLimitOptions): SpeakerConfig => ({
    asn: 64512,
    routerId: R,
    listen: [{ address: R, port: 179 }],
    neighbors: [client(A, limit), client(B)],
  });

  it('warn: the threshold and the limit are told once, and again after it was below', async () => {
    await start({ maxPrefixes: 10, warningThresholdPct: 80, action: 'warn' });
    a.announce(...prefixes(0, 7));
    await lab.settle();
    expect(notices).to.deep.equal([]);
    a.announce(...prefixes(0, 8)).announce(...prefixes(8, 9));
    await lab.settle();
    expect(notices).to.deep.equal([`${A} ipv4-unicast threshold 8`]);
    a.announce(...prefixes(0, 20)).announce(...prefixes(20, 21));
    await lab.settle();
    expect(notices.slice(1)).to.deep.equal([`${A} ipv4-unicast limit 20`]);
    expect(b.prefixes).to.have.length(21);
    a.withdraw(...prefixes(3, 21));
    a.announce(...prefixes(0, 9));
    await lab.settle();
    expect(notices.slice(2)).to.deep.equal([`${A} ipv4-unicast threshold 9`]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.deep.equal({
      received: 9,
      advertised: 0,
      limit: { maxPrefixes: 10, warningThresholdPct: 80, action: 'warn', dropped: 0 },
    });
  });

  it('drop: what is there may change and go, nothing new is taken beyond the limit', async () => {
    await start({ maxPrefixes: 10, action: 'drop' });
    a.announce(...prefixes(0, 8));
    a.announce(...prefixes(5, 15));
    await lab.settle();
    expect(b.prefixes).to.deep.equal(prefixes(0, 10).sort());
    expect(notices).to.deep.equal([`${A} ipv4-unicast threshold 8`, `${A} ipv4-unicast limit 10`]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.deep.include({ received: 10 });
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.limit).to.include({ dropped: 5 });
    // Changed attributes of a held prefix are taken at the limit, and a withdrawal makes room.
    a.announceWith(a.attributes([{ code: 4, value: 77 }]), ...prefixes(0, 1));
    a.withdraw(...prefixes(1, 2)).announce(...prefixes(30, 32));
    await lab.settle();
    expect(speaker.explain('10.50.0.0/24').best).to.include({ med: 77 });
    expect(b.prefixes).to.have.members([...prefixes(0, 1), ...prefixes(2, 10), ...prefixes(30, 31)]);
    expect(speaker.rib.of('ipv4-unicast').prefixes.count, 'dropped ones take no memory').to.equal(10);
    // The other family has no limit.
    a.announce('2001:db8:1::/48', '2001:db8:2::/48');
    await lab.settle();
    expect(speaker.neighbor(A).prefixes['ipv6-unicast']).to.deep.equal({ received: 2, advertised: 0 });
    expect(a.downs).to.deep.equal([]);
  });

  it('drop: a higher limit asks for the routes again (RFC 2918)', async () => {
    await start({ maxPrefixes: 3, action: 'drop' });
    a.announce(...prefixes(0, 6));
    await lab.settle();
    a.onRouteRefresh = () => a.announce(...prefixes(0, 6));
    const result = await speaker.reconfigure(config({ maxPrefixes: 5, action: 'drop' }));
    expect(result).to.deep.include({ changed: [A], reset: [] });
    await lab.settle();
    expect(b.prefixes).to.deep.equal(prefixes(0, 5));
    await speaker.reconfigure(config());
    await lab.settle();
    expect(b.prefixes).to.deep.equal(prefixes(0, 6));
    expect(speaker.neighbor(A)).to.include({ established: 1 });
  });

  it('drop: below the limit again, what was dropped is asked for after half a minute, and not more often than in five', async () => {
    await start({ maxPrefixes: 4, action: 'drop' });
    let all = prefixes(0, 6);
    const asked: number[] = [];
    a.onRouteRefresh = () => {
      asked.push(lab.clock.now());
      a.announce(...all);
    };
    const withdraw = (from: number, to: number) => {
      a.withdraw(...prefixes(from, to));
      all = prefixes(to, 6);
    };
    a.announce(...all);
    await lab.clock.runAsync(600_000);
    expect(asked, 'no room').to.deep.equal([]);
    withdraw(0, 1);
    await lab.clock.runAsync(31_000);
    expect(asked).to.have.length(1);
    expect(b.prefixes).to.deep.equal(prefixes(1, 5));
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.limit).to.include({ dropped: 1 });
    withdraw(1, 2);
    await lab.clock.runAsync(240_000);
    expect(asked).to.have.length(1);
    await lab.clock.runAsync(90_000);
    expect(asked).to.have.length(2);
    expect(b.prefixes).to.deep.equal(prefixes(2, 6));
    // All are here: nothing is left to ask for.
    withdraw(2, 4);
    await lab.clock.runAsync(900_000);
    expect(asked).to.have.length(2);
    expect(speaker.neighbor(A)).to.include({ established: 1 });
  });

  it('drop: with the session ends the search for room', async () => {
    await start({ maxPrefixes: 1, action: 'drop' });
    a.announce(...prefixes(0, 2));
    await lab.settle();
    speaker.resetNeighbor(A);
    await lab.clock.runUntilAsync(() => !a.isUp, 1000);
    await lab.clock.runUntilAsync(() => a.isUp, 200_000);
    await lab.clock.runAsync(120_000);
    expect(a.refreshes).to.deep.equal([]);
  });

  it('stop: Cease/1 with AFI, SAFI and the limit (RFC 4486 section 4), then nothing until it is enabled', async () => {
    await start({ maxPrefixes: 10 });
    b.announce('10.60.0.0/24');
    a.announce(...prefixes(0, 10));
    await lab.settle();
    expect(a.isUp).to.equal(true);
    const established = speaker.neighbor(B).received;
    a.announce(...prefixes(10, 11));
    await lab.settle();
    expect(a.peer.lastError).to.include({
      direction: 'received',
      code: 6,
      subcode: 1,
      data: '0001010000000a',
      text: 'Cease/Maximum Number of Prefixes Reached: at most 10 of ipv4-unicast',
    });
    expect(b.prefixes).to.deep.equal([]);
    expect(notices.at(-1)).to.equal(`${A} ipv4-unicast limit 11`);
    await lab.clock.runAsync(3_600_000);
    expect(speaker.neighbor(A)).to.include({ state: 'Idle', adminDown: false, established: 1 });
    expect(speaker.neighbor(A).reason).to.equal(
      'sent Cease/Maximum Number of Prefixes Reached: 11 ipv4-unicast prefixes, at most 10; refusing connections, until it is enabled or reset',
    );
    expect(speaker.neighbor(B).received.update).to.equal(established.update);
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(1);
    speaker.enableNeighbor(A);
    await lab.clock.runUntilAsync(() => a.isUp, 200_000);
  });

  it('stop: back after restartTime, and not earlier, however often the neighbor calls', async () => {
    await start({ maxPrefixes: 1, restartTime: 300 });
    a.announce(...prefixes(0, 2));
    await lab.settle();
    expect(speaker.neighbor(A).reason).to.match(/refusing connections, next attempt in 300 s/);
    await lab.clock.runAsync(295_000);
    expect(speaker.neighbor(A).state).to.equal('Idle');
    await lab.clock.runUntilAsync(() => a.isUp, 200_000);
    expect(speaker.neighbor(A).established).to.equal(2);
  });

  it('stop: a changed limit is another chance; one below what is held ends the session', async () => {
    await start({ maxPrefixes: 2 });
    a.announce(...prefixes(0, 3));
    await lab.settle();
    expect(a.isUp).to.equal(false);
    await speaker.reconfigure(config({ maxPrefixes: 5 }));
    await lab.clock.runUntilAsync(() => a.isUp, 200_000);
    a.announce(...prefixes(0, 3));
    await lab.settle();
    await speaker.reconfigure(config({ maxPrefixes: 1 }));
    await lab.settle();
    expect(a.peer.lastError).to.include({ code: 6, subcode: 1, data: '00010100000001' });
  });

  it('stop: enabled by hand within restartTime, the old wait does not strike later', async () => {
    await start({ maxPrefixes: 1, restartTime: 300 });
    a.announce(...prefixes(0, 2));
    await lab.settle();
    speaker.enableNeighbor(A);
    await lab.clock.runUntilAsync(() => a.isUp, 250_000);
    await lab.clock.runAsync(600_000);
    expect(speaker.neighbor(A)).to.include({ state: 'Established', established: 2 });
  });
});
