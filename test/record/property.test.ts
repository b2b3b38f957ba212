import { expect } from 'chai';
import fc from 'fast-check';
import { replay } from '../../lib/record/index.js';
import { ribOf } from './rig.js';
import { EXTERNAL, R, Run, type Step } from './random-run.js';

const prefixOf = (n: number): string => (n % 5 === 0 ? `2001:db8:${n + 1}::/48` : `10.${n + 1}.0.0/16`);

const who = fc.nat(3);
const what = fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 12 }).map((list) => list.map(prefixOf));

const step: fc.Arbitrary<[string, Step]> = fc.oneof(
  fc.tuple(who, what, fc.nat(3)).map<[string, Step]>(([index, prefixes, pref]) => [
    `probe ${index} announces ${prefixes.join()} ${pref}`,
    (run) => {
      const from = run.probe(index);
      if (!from) return;
      const families = [prefixes.filter((p) => p.includes(':')), prefixes.filter((p) => !p.includes(':'))];
      const external = from.address === EXTERNAL;
      const more = external ? [] : [{ code: 5, value: 100 + pref } as const];
      for (const list of families) if (list.length > 0) from.announceWith(from.attributes(more), ...list);
    },
  ]),
  fc.tuple(who, what).map<[string, Step]>(([index, prefixes]) => [
    `probe ${index} withdraws ${prefixes.join()}`,
    (run) => {
      for (const prefix of prefixes) run.probe(index)?.withdraw(prefix);
    },
  ]),
  fc.nat(40).map<[string, Step]>((n) => [`announce ${n}`, ({ speaker }) => speaker.announce(prefixOf(n), { med: n })]),
  fc.nat(40).map<[string, Step]>((n) => [
    `withdraw ${n}`,
    ({ speaker }) => {
      try {
        speaker.withdraw(prefixOf(n));
      } catch {
        // Not announced.
      }
    },
  ]),
  who.map<[string, Step]>((index) => [`probe ${index} resets`, (run) => run.probe(index)?.peer.reset()]),
  who.map<[string, Step]>((index) => [
    `reset ${index}`,
    ({ speaker, probes }) => speaker.resetNeighbor(probes[index]!.address),
  ]),
  who.map<[string, Step]>((index) => [
    `disable ${index} for a while`,
    async ({ speaker, probes, lab }) => {
      speaker.disableNeighbor(probes[index]!.address, 'for a while');
      await lab.clock.runAsync(50);
      speaker.enableNeighbor(probes[index]!.address);
    },
  ]),
  who.map<[string, Step]>((index) => [
    `refresh ${index}`,
    (run) => {
      const probe = run.probe(index);
      if (probe && run.speaker.neighbor(probe.address).state === 'Established') run.speaker.softIn(probe.address);
      probe?.refresh(1);
    },
  ]),
  who.map<[string, Step]>((index) => [
    `cut ${index}`,
    ({ lab, probes }) => {
      lab.network.cut(R, probes[index]!.address);
      lab.clock.after(3000, () => lab.network.restore(R, probes[index]!.address));
    },
  ]),
  fc.boolean().map<[string, Step]>((up) => [`link ${up}`, ({ kernel }) => kernel.setLink('eth0', up)]),
  fc
    .nat(9)
    .map<[string, Step]>((n) => [
      `foreign route ${n}`,
      ({ kernel }) => kernel.put({ prefix: `10.${n}.0.0/16`, metric: 32 }),
    ]),
  fc
    .nat(40)
    .map<[string, Step]>((n) => [`kernel refuses ${n}`, ({ kernel }) => kernel.refuse(prefixOf(n), 'EINVAL', 2)]),
  fc.constantFrom(30, 90, 180).map<[string, Step]>((holdTime) => [
    `reconfigure holdTime ${holdTime}`,
    async (run) => {
      const neighbors = run.config.neighbors!.map((n, i) =>
        i === 1 ? { ...n, holdTime, description: `${holdTime}` } : n,
      );
      await run.lab.during(
        run.speaker.reconfigure({ ...run.config, neighbors, networks: [`10.200.${holdTime}.0/24`] }),
      );
    },
  ]),
  fc.nat(30).map<[string, Step]>((looks) => [
    `watch, ${looks} looks`,
    ({ speaker }) => {
      void (async () => {
        let left = looks;
        await speaker.watch({ neighbors: true, bestOnly: looks % 2 === 0 }).forEach(() => {
          if (left-- === 0) throw new Error('enough');
        });
      })().catch(() => undefined);
    },
  ]),
  fc.integer({ min: 1, max: 4000 }).map<[string, Step]>((ms) => [`${ms} ms`, ({ lab }) => lab.clock.runAsync(ms)]),
  fc.constant<[string, Step]>([
    'look',
    ({ speaker }) => void [speaker.neighbors(), ribOf(speaker), [...speaker.fibRoutes()]],
  ]),
);

const script = fc.array(step, { minLength: 1, maxLength: 40 });

/** A run is replayed, and is the same. */
async function check(seed: number, steps: readonly [string, Step][]): Promise<void> {
  const run = await new Run().begin(seed);
  for (const [, act] of steps) await act(run);
  const octets = await run.lab.wholeRecordingOf(run.speaker);
  const live = { rib: ribOf(run.speaker), neighbors: run.speaker.neighbors(), fib: [...run.speaker.fibRoutes()] };
  const result = await replay(octets);
  expect(result.difference, result.difference?.text).to.equal(undefined);
  const again = result.speaker;
  expect(ribOf(again)).to.deep.equal(live.rib);
  const counters = ({
    octetsSent,
    octetsReceived,
    sent,
    received,
    state,
    address,
  }: (typeof live.neighbors)[number]) => ({
    ...{ octetsSent, octetsReceived, sent, received, state, address },
  });
  expect(again.neighbors().map(counters)).to.deep.equal(live.neighbors.map(counters));
  expect([...again.fibRoutes()].map(({ prefix, state }) => [prefix, state])).to.deep.equal(
    live.fib.map(({ prefix, state }) => [prefix, state]),
  );
  expect(result.checkpoints).to.be.greaterThan(0);
  await run.lab.during(run.speaker.stop());
  const whole = await replay(run.lab.sinks.get(run.speaker)!.octets);
  expect(whole.difference, whole.difference?.text).to.equal(undefined);
  expect(whole.end).to.equal('closed');
  for (const { peer } of run.probes) void peer.stop();
}

describe('Record and replay: any run', () => {
  it('is the same again', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), script, (seed, steps) => check(seed, steps)),
      { numRuns: Number(process.env.RUNS ?? 25), includeErrorInReport: true },
    );
  });
});
