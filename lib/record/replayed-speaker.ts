import type { FsmStateName } from '../bgp/session/types.js';
import type { SpeakerConfig, SpeakerRuntime } from '../speaker/options.js';
import type { Neighbor } from '../speaker/neighbor.js';
import { ObservedSpeaker } from './observed-speaker.js';
import type { Tape } from './tape.js';

/** Told what happens in a replay. */
export interface ReplayObserver {
  /** A neighbor is about to apply an UPDATE. @returns call it afterwards */
  onUpdate(neighbor: Neighbor): () => void;
  onSessionEnd(neighbor: Neighbor, reason: string): void;
}

/** The speaker of a replay. */
export class ReplayedSpeaker extends ObservedSpeaker {
  readonly #tape: Tape;
  readonly #followed = new WeakSet<Neighbor>();
  observer: ReplayObserver | undefined;

  constructor(config: SpeakerConfig, runtime: SpeakerRuntime, tape: Tape) {
    super(config, runtime);
    this.#tape = tape;
  }

  protected look<T>(look: () => T): T {
    return this.#tape.look(look);
  }

  override onNeighborState(neighbor: Neighbor, from: FsmStateName, to: FsmStateName, reason: string): void {
    this.#follow(neighbor);
    if (from === 'Established') this.observer?.onSessionEnd(neighbor, reason);
    super.onNeighborState(neighbor, from, to, reason);
  }

  #follow(neighbor: Neighbor): void {
    if (this.#followed.has(neighbor)) return;
    this.#followed.add(neighbor);
    const apply = neighbor.onUpdate.bind(neighbor);
    neighbor.onUpdate = (bytes, start, end) => {
      const done = this.observer?.onUpdate(neighbor);
      const error = apply(bytes, start, end);
      done?.();
      return error;
    };
  }
}
