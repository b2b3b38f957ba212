/** Tests that play whatever can happen to update groups, in any order, on a rig and on a model of it. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { GroupRig, RigNeighbor } from './rig.js';

export interface GroupModel<Step> {
  readonly rig: GroupRig;
  play(one: Step): void;
  /** What a neighbor must hold in the end. */
  expected(to: RigNeighbor): unknown;
}

/** What happens to a neighbor's session and transport, of which the model need not know. */
export interface TransportStep {
  readonly op: string;
  readonly who?: number;
}

/**
 * Play a step that changes no route.
 * @returns the neighbor, where the step is another one and the neighbor's session is up
 */
export function playTransport(rig: GroupRig, { op, who = -1 }: TransportStep): RigNeighbor | undefined {
  if (op === 'run') rig.clock.run(1);
  else if (op === 'slice') rig.runSlice();
  const neighbor = rig.neighbors[who];
  if (neighbor === undefined) return undefined;
  if (op === 'up' && !neighbor.isUp) neighbor.up();
  if (op === 'up' || !neighbor.isUp) return undefined;
  if (op === 'block') neighbor.blocked = true;
  else if (op === 'drain') neighbor.drain();
  else if (op === 'refresh') neighbor.refresh();
  else if (op === 'retell') rig.loop.retell(neighbor.source);
  else return neighbor;
  return undefined;
}

/** After any steps, with slow transports or without, each neighbor ends with what the model says. */
export function expectModel<Step>(
  step: fc.Arbitrary<Step>,
  model: (slow: boolean) => GroupModel<Step>,
  held: (neighbor: RigNeighbor) => unknown,
  numRuns: number,
): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.boolean(), (steps, slow) => {
      const played = model(slow);
      const { rig } = played;
      for (const one of steps) played.play(one);
      rig.drainAll();
      for (const neighbor of rig.neighbors) {
        if (!neighbor.isUp) continue;
        expect(held(neighbor), `${neighbor.role} ${neighbor.address}`).to.deep.equal(played.expected(neighbor));
        rig.expectCounts(neighbor);
      }
      rig.expectEmptyAfterAll();
    }),
    { numRuns },
  );
}
