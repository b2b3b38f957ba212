import { expect } from 'chai';
import { inspect, type InvariantOptions, type Network } from '../../../lib/sim/index.js';

/** All invariants hold, as far as there are rules for this network. */
export function holds(net: Network, options: InvariantOptions = {}): void {
  expect(inspect(net, options).violations.map(({ text }) => text)).to.deep.equal([]);
}

/** Start, settle. */
export async function settled(net: Network): Promise<Network> {
  await net.start();
  await net.converged();
  return net;
}

/** How often best paths of a prefix change in so many seconds, over all routers. */
export async function changesIn(net: Network, seconds: number, prefix: string): Promise<number> {
  let changes = 0;
  const ends = [...net.routers.values()].map(({ speaker }) => {
    const listener = (change: { prefix: string }): void => void (changes += Number(change.prefix === prefix));
    speaker.on('bestPathChange', listener);
    return () => speaker.off('bestPathChange', listener);
  });
  await net.run(seconds);
  for (const end of ends) end();
  return changes;
}
