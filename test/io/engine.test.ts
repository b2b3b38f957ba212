import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';

const ENGINE = JSON.stringify(new URL('../../lib/io/engine.ts', import.meta.url).href);
const MIB = 1 << 20;

/** Runs in a process of its own: settings of the engine are for all of it. */
async function youngAfter(setUp: string): Promise<number> {
  const script = `
    import { setImmediate } from 'node:timers/promises';
    import { getHeapSpaceStatistics } from 'node:v8';
    import { startFrugally } from ${ENGINE};
    ${setUp}
    const kept = [];
    for (let i = 0; i < 300; i++) {
      for (let j = 0; j < 3000; j++) kept.push({ i, j: [j] });
      await setImmediate();
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(young.space_size);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    script,
  ]);
  return Number(stdout) / MIB;
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
});
