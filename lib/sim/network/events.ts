import type { FsmStateName } from '../../bgp/session/types.js';

/** What happened in a network; `at` in virtual seconds. For timelines: see {@link Network.onEvent}. */
export type NetworkEvent =
  | {
      readonly kind: 'session';
      readonly at: number;
      readonly router: string;
      /** The neighbor's address, and the router that has it. */
      readonly neighbor: string;
      readonly peer: string | undefined;
      readonly from: FsmStateName;
      readonly to: FsmStateName;
      readonly reason: string;
    }
  /** Something was done to the network: `r1 is killed`, `r1–r2 is cut`. */
  | { readonly kind: 'action'; readonly at: number; readonly text: string };

/** How a simulation failed, with what it takes to see it again. */
export class SimulationError extends Error {
  override readonly name: string = 'SimulationError';
  constructor(
    message: string,
    readonly seed: number,
    /** Virtual seconds. */
    readonly at: number,
    options?: { cause?: unknown },
  ) {
    super(`${message} [seed ${seed}, at ${at.toFixed(3)} s]`, options);
  }
}
