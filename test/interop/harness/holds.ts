import { expect } from 'chai';
import { eventually } from './eventually.js';
import type { Family, HeldRoute, SpeakerDriver } from './speaker.js';

/** What must be true of a held route; fields left out may be anything. */
export type ExpectedRoute = Partial<HeldRoute> & { readonly prefix: string };

/**
 * Wait until a speaker has learnt exactly these routes of a family: none missing, none more, each with the fields given.
 * @throws AssertionError with the difference between what was expected and what was last held
 */
export async function holds(
  speaker: SpeakerDriver,
  family: Family,
  expected: readonly ExpectedRoute[],
  limitMs = 40_000,
): Promise<void> {
  const wanted = [...expected].sort(byPrefix);
  await eventually(() => speaker.routes(family), {
    what: `${family} routes at ${speaker.kind} in ${speaker.host.name}`,
    until: (routes) => {
      const held = pairUp([...routes].sort(byPrefix), wanted);
      expect(held).to.deep.equal(wanted);
    },
    limitMs,
  });
}

/** Each held route cut down to the fields that the expected one at its place names. */
function pairUp(routes: readonly HeldRoute[], wanted: readonly ExpectedRoute[]): ExpectedRoute[] {
  return routes.map((route, index) => {
    const names = Object.keys(wanted[index] ?? { prefix: '', neighbor: '', nextHop: '' }) as (keyof HeldRoute)[];
    return Object.fromEntries(names.map((name) => [name, route[name]])) as ExpectedRoute;
  });
}

function byPrefix(a: ExpectedRoute, b: ExpectedRoute): number {
  const key = (route: ExpectedRoute) => `${route.prefix} ${route.neighbor ?? ''}`;
  return key(a) < key(b) ? -1 : 1;
}

export async function established(speaker: SpeakerDriver, ...neighbors: readonly string[]): Promise<void> {
  for (const neighbor of neighbors) {
    await eventually(() => speaker.sessionState(neighbor), {
      what: `${speaker.kind} in ${speaker.host.name}: session with ${neighbor}`,
      until: (state) => state === 'Established',
    });
  }
}
