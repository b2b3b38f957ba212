import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';

const ENGINE = JSON.stringify(new URL('../../lib/io/engine.ts', import.meta.url).href);
const MIB = 1 << 20;

/** Runs in a process of its own: settings of the engine are for all of it. @returns what it prints */
async function printedBy(script: string, ...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags,
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    `import { startFrugally } from ${ENGINE};
    ${script}`,
  ]);
  return stdout;
}

async function youngAfter(setUp: string): Promise<number> {
  const printed = await printedBy(`
    import { setImmediate } from 'node:timers/promises';
    import { getHeapSpaceStatistics } from 'node:v8';
    ${setUp}
    const kept = [];
    for (let i = 0; i < 300; i++) {
      for (let j = 0; j < 3000; j++) kept.push({ i, j: [j] });
      await setImmediate();
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(young.space_size);`);
  return Number(printed) / MIB;
}

/** Priorities of all threads, the main one first. */
async function nicenessAfter(setUp: string, ...flags: string[]): Promise<number[]> {
  const printed = await printedBy(
    `
    import { readdirSync } from 'node:fs';
    import { getPriority } from 'node:os';
    ${setUp}
    console.log(readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread))).join(' '));`,
    ...flags,
  );
  return printed.trim().split(' ').map(Number);
}

describe('settings of the engine', () => {
  it('the space for new objects grows to its limit after the start, and no further', async () => {
    expect(await youngAfter('startFrugally()();')).to.be.within(2, 4);
  });

  it('without them it grows further', async () => {
    expect(await youngAfter('')).to.be.above(4);
  });

  it('during the start it does not grow', async () => {
    expect(await youngAfter('startFrugally();')).to.be.at.most(4);
  });

  it('helpers of the engine, and no other threads, give way to everybody else', async function () {
    if (process.platform !== 'linux') return this.skip();
    const [before = 0] = await nicenessAfter('');
    const [main, ...others] = await nicenessAfter('startFrugally();');
    expect(main).to.equal(before);
    expect(others.filter((nice) => nice === Math.min(before + 10, 19))).to.have.length(5);
    expect(others.filter((nice) => nice === before)).to.have.length(others.length - 5);
  });

  it('… unless it is not known which threads they are: newer versions of Node name some or all', async function () {
    if (process.platform !== 'linux') return this.skip();
    const [main, ...others] = await nicenessAfter('startFrugally();', '--v8-pool-size=2');
    expect(others.filter((nice) => nice !== main).length).to.be.oneOf([0, 1, 3]);
  });
});
