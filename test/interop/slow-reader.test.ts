import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Bird, LoadPeer, Tsbgp, established, eventually, lab } from './harness/index.js';

const AS = 64512;
const ROUTES = 300_000;
/** Routes that share an attribute set: a table of this size is some ten megabytes on the wire. */
const PER_SET = 3;
/** Full-table changes while the slow client does not read, at least: 250 MB on the wire. */
const ROUNDS = 25;
/** The slow client reads nothing for at least so long, while the table changes all the time. */
const SILENCE_MS = 60_000;
/** From one change to the next, so that there is something left for the tests beside this one. */
const PACE_MS = 2000;
const MOST_GROWTH_MB = 100;
const MEGABYTE = 1 << 20;

lab('a client that stops reading', { needs: ['bird'], timeoutMs: 300_000 }, (lab) => {
  let tsbgp: Tsbgp;
  let feeder: LoadPeer;
  let fast: LoadPeer;
  let slow: LoadPeer;
  let witness: Bird;
  let round = 0;

  const residentMegabytes = () => {
    const status = readFileSync(`/proc/${tsbgp.process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024;
  };

  /** Wait until the client holds exactly these many routes, all of the current round. */
  const hasRound = (client: LoadPeer, routes = ROUTES) =>
    eventually(() => client.status(), {
      what: `round ${round} at ${client.host.name}`,
      until: (now) => now.routes === routes && now.byRound[round] === routes,
      limitMs: 60_000,
    });

  /** One change of the full table. @returns milliseconds until the fast client had it */
  const change = async () => {
    round++;
    const started = performance.now();
    feeder.announce({ end: ROUTES, round, perSet: PER_SET });
    await hasRound(fast);
    return performance.now() - started;
  };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const names = ['feeder', 'fast', 'slow', 'bird'] as const;
    const hosts = await Promise.all(names.map((name, index) => lab.network.host(name, [lan, index + 1])));
    tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: hosts.map(({ v4 }) => ({
        address: v4,
        peerAs: AS,
        reflectorClient: true,
        families: ['ipv4'],
        passive: true,
      })),
    });
    await tsbgp.start();
    const settings = { reflector: center.v4, asn: AS };
    [feeder, fast, slow] = [0, 1, 2].map((index) => new LoadPeer(hosts[index]!, settings)) as [
      LoadPeer,
      LoadPeer,
      LoadPeer,
    ];
    // So that the kernels' buffers do not hide the slow client.
    await slow.host.exec('sysctl', ['-qw', 'net.ipv4.tcp_rmem=4096 65536 131072']);
    await center.exec('sysctl', ['-qw', 'net.ipv4.tcp_wmem=4096 65536 262144']);
    await Promise.all([feeder, fast, slow].map((peer) => peer.start()));
  });

  let undisturbed = 0;

  it('two full tables reach both readers', async () => {
    await change();
    undisturbed = await change();
    await hasRound(slow);
  });

  it('costs bounded memory and delays nobody while the table changes again and again', async () => {
    slow.pause();
    await change();
    const before = residentMegabytes();
    const times: number[] = [];
    const memory: number[] = [];
    const until = performance.now() + SILENCE_MS;
    for (let count = 1; count < ROUNDS || performance.now() < until; count++) {
      times.push(await change());
      memory.push(residentMegabytes());
      await delay(Math.max(0, PACE_MS - times.at(-1)!));
    }
    const { queuedOctets, state } = await tsbgp.neighbor(slow.host.v4);
    const told = `before ${before.toFixed()} MB, then ${memory.map((value) => value.toFixed()).join(' ')} MB`;
    expect(state).to.equal('Established');
    expect(queuedOctets, 'queued for the slow client').to.be.lessThan(8 * MEGABYTE);
    // Without a bound each round would have left 10 MB: the engine lets 64 MB of typed arrays become garbage before it looks.
    expect(Math.min(...memory.slice(-2)) - before, told).to.be.lessThan(MOST_GROWTH_MB);
    // Half of them: what else the machine does takes seconds from the others.
    const usual = times.toSorted((a, b) => a - b)[times.length >> 1]!;
    expect(
      usual,
      `${times.map((value) => value.toFixed()).join(' ')} ms, undisturbed ${undisturbed.toFixed()} ms`,
    ).to.be.lessThan(undisturbed * 2.5 + 1000);
  });

  it('a neighbor that comes while one is slow gets the whole table', async () => {
    const host = lab.network.hosts.find(({ name }) => name === 'bird')!;
    witness = new Bird(host, {
      asn: AS,
      neighbors: [{ address: tsbgp.host.v4, peerAs: AS, families: ['ipv4'] }],
    });
    await witness.start();
    await established(witness, tsbgp.host.v4);
    await eventually(() => tsbgp.neighbor(host.v4), {
      what: 'routes told to BIRD',
      until: ({ prefixes }) => prefixes['ipv4-unicast']?.advertised === ROUTES,
      limitMs: 60_000,
    });
    await witness.stop();
  });

  it('catches up when it reads again, withdrawals included', async () => {
    feeder.withdraw(ROUTES / 2, ROUTES);
    await hasRound(fast, ROUTES / 2);
    const { octets } = await slow.status();
    slow.resume();
    const after = await hasRound(slow, ROUTES / 2);
    expect(after.wrong, 'routes with attributes of other routes').to.equal(0);
    expect(after.closed).to.equal(false);
    // What it missed was not sent again and again: no more than two tables' worth.
    expect(after.octets - octets).to.be.lessThan(30 * MEGABYTE);
    expect(await tsbgp.neighbor(slow.host.v4)).to.include({ state: 'Established', established: 1 });
  });

  it('all stayed up, and go on', async () => {
    feeder.announce({ end: ROUTES, round: ++round, perSet: PER_SET });
    await Promise.all([hasRound(fast), hasRound(slow)]);
    for (const { host } of [feeder, fast, slow]) {
      expect(await tsbgp.neighbor(host.v4)).to.include({ state: 'Established', established: 1 });
    }
  });
});
