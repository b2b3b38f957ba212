import { expect } from 'chai';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const [A, B, C] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];
const P = '10.1.0.0/16';
const Q = '10.2.0.0/16';

const client = (address: string, seconds?: number): NeighborOptions => ({
  address,
  peerAs: 64512,
  passive: true,
  routeReflectorClient: true,
  ...(seconds === undefined ? {} : { minimumAdvertisementInterval: seconds }),
});

describe('Speaker: minimum advertisement interval (RFC 4271 section 9.2.1.1)', () => {
  let lab: Lab;
  let speaker: Speaker;
  /** Tells routes; is paced; is not. */
  let source: Probe;
  let paced: Probe;
  let other: Probe;
  /** Virtual times at which the paced neighbor got an UPDATE. */
  let times: number[];

  beforeEach(async () => {
    lab = new Lab();
    speaker = await lab.speaker({ routerId: R, neighbors: [client(A!), client(B!, 10), client(C!)] });
    [source, paced, other] = [A, B, C].map((address) => lab.probe(R, address!)) as [Probe, Probe, Probe];
    times = [];
    paced.onMessage = () => times.push(lab.clock.now());
  });

  const flap = (med: number) => source.announceWith(source.attributes([{ code: 4, value: med }]), P);
  const med = (probe: Probe) => valueOf(probe.view.routes.get(P)!, 4);
  const gaps = () => times.slice(1).map((time, i) => time - times[i]!);

  it('the whole table at once when the session comes up, with End-of-RIB; changes in rounds', async () => {
    await lab.up(source);
    source.announce(P, Q);
    await lab.up(paced, other);
    expect(paced.prefixes).to.deep.equal([P, Q]);
    expect(paced.view.endOfRib.toSorted()).to.deep.equal(['1/1', '2/1']);
    times.length = 0;
    const before = other.view.messages;
    for (let i = 0; i < 400; i++) {
      flap(i);
      await lab.clock.runAsync(100);
    }
    await lab.clock.runAsync(10_000);
    // 40 s of changes: a round every 10 s.
    expect(times).to.have.length.within(4, 7);
    // A tick of the changes, at most, on top of the interval.
    for (const gap of gaps()) expect(gap).to.be.within(7500, 10_200);
    expect([med(paced), med(other)]).to.deep.equal([399, 399]);
    expect(other.view.messages - before).to.equal(400);
    expect(paced.view.endOfRib).to.have.length(2);
  });

  it('withdrawals wait as well, and what came and went meanwhile is not told at all', async () => {
    await lab.up(source, paced, other);
    source.announce(P);
    await lab.clock.runAsync(11_000);
    expect(paced.prefixes).to.deep.equal([P]);
    const { log } = paced.view;
    log.length = 0;
    source.withdraw(P).announce(Q);
    source.withdraw(Q);
    await lab.clock.runAsync(500);
    expect(other.prefixes).to.deep.equal([]);
    await lab.clock.runAsync(11_000);
    expect(log).to.deep.equal([`-${P}`]);
    // The first change after a quiet time goes at once.
    await lab.clock.runAsync(20_000);
    source.announce(Q);
    await lab.settle();
    expect(log).to.deep.equal([`-${P}`, `+${Q}`]);
    expect(paced.view.needless).to.deep.equal([]);
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(1);
  });

  it('a refresh is answered at the next round, with everything', async () => {
    await lab.up(source, paced);
    source.announce(P);
    await lab.clock.runAsync(11_000);
    paced.view.log.length = 0;
    source.announce(Q);
    paced.refresh(1);
    await lab.clock.runAsync(11_000);
    expect(paced.view.log.toSorted()).to.deep.equal([`+${P}`, `+${Q}`, 'begin 1/1', 'end 1/1']);
  });

  it('is changed in place, both ways, and nothing is lost or told twice', async () => {
    await lab.up(source, paced, other);
    const config = (seconds?: number) => ({
      asn: 64512,
      routerId: R,
      listen: [{ address: R, port: 179 }],
      neighbors: [client(A!), client(B!, seconds), client(C!)],
    });
    await lab.clock.runAsync(20_000);
    flap(1);
    await lab.settle();
    flap(2);
    await lab.settle();
    expect(med(paced)).to.equal(1);
    expect((await speaker.reconfigure(config())).changed).to.deep.equal([B]);
    await lab.settle();
    expect(med(paced), 'told what waited').to.equal(2);
    for (let i = 3; i < 8; i++) {
      flap(i);
      await lab.clock.runAsync(100);
      expect(med(paced)).to.equal(i);
    }
    await speaker.reconfigure(config(30));
    flap(8);
    flap(9);
    await lab.clock.runAsync(22_000);
    expect(med(paced)).to.equal(7);
    await lab.clock.runAsync(8500);
    expect(med(paced)).to.equal(9);
    expect(paced.downs).to.deep.equal([]);
  });

  it('jitter: each time between three quarters of it and all of it (RFC 4271 section 10), the same in each run', async () => {
    const run = async (): Promise<number[]> => {
      const lab = new Lab();
      await lab.speaker({ routerId: R, neighbors: [client(A!), client(B!, 10), client(C!, 10)] });
      const [source, ...two] = [A, B, C].map((address) => lab.probe(R, address!)) as [Probe, Probe, Probe];
      const times: [number[], number[]] = [[], []];
      two.forEach((probe, i) => (probe.onMessage = () => times[i]!.push(lab.clock.now())));
      await lab.up(source, ...two);
      for (let i = 0; i < 4000; i++) {
        source.announceWith(source.attributes([{ code: 4, value: i }]), P);
        await lab.clock.runAsync(50);
      }
      return times.flatMap((one) => one.slice(1).map((time, i) => time - one[i]!)).filter((gap) => gap > 100);
    };
    const gaps = await run();
    expect(gaps).to.have.length.above(40);
    for (const gap of gaps) expect(gap).to.be.within(7500, 10_100);
    expect(Math.min(...gaps)).to.be.below(8000);
    expect(Math.max(...gaps)).to.be.above(9500);
    expect(await run()).to.deep.equal(gaps);
  });

  it('leaves no timer behind when the session ends meanwhile', async () => {
    await lab.up(source, paced);
    flap(1);
    await lab.settle();
    flap(2);
    await lab.settle();
    void paced.peer.stop();
    await lab.clock.runAsync(60_000);
    source.withdraw(P);
    await lab.settle();
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
    await lab.during(speaker.stop());
    for (const probe of [source, paced]) void probe.peer.stop();
    await lab.clock.runAsync(600_000);
    expect(lab.clock.pending).to.equal(0);
  });
});
