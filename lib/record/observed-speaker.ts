import type { FamilyName } from '../bgp/wire/families.js';
import type { SpeakerConfig } from '../speaker/options.js';
import type { RouteFilter } from '../speaker/speaker-api.js';
import { Speaker } from '../speaker/speaker.js';
import type { ExplainView, FibRouteView, NeighborView, PathView, SummaryView } from '../speaker/views.js';

/** A speaker that tells who looks at it from what it does itself: looking must change nothing. */
export abstract class ObservedSpeaker extends Speaker {
  /** Run `look`; what it asks of clock and network has no effect on the speaker. */
  protected abstract look<T>(look: () => T): T;

  override planReconfigure(config: SpeakerConfig): ReturnType<Speaker['planReconfigure']> {
    return this.look(() => super.planReconfigure(config));
  }

  override neighbors(): NeighborView[] {
    return this.look(() => super.neighbors());
  }

  override neighbor(address: string): NeighborView {
    return this.look(() => super.neighbor(address));
  }

  override summary(): SummaryView {
    return this.look(() => super.summary());
  }

  override explain(prefix: string): ExplainView {
    return this.look(() => super.explain(prefix));
  }

  override *routes(family: FamilyName, filter: RouteFilter = {}): IterableIterator<PathView> {
    yield* this.#lookAtEach(super.routes(family, filter));
  }

  override *fibRoutes(): IterableIterator<FibRouteView> {
    yield* this.#lookAtEach(super.fibRoutes());
  }

  *#lookAtEach<T>(items: Iterator<T>): IterableIterator<T> {
    for (;;) {
      const next = this.look(() => items.next());
      if (next.done === true) return;
      yield next.value;
    }
  }
}
