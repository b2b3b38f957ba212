/** What can be asked of a speaker: nothing here changes anything. */
import { EventEmitter } from 'node:events';
import type { FamilyName } from '../bgp/wire/families.js';
import { UsageError } from '../net/index.js';
import type { PolicyBook } from '../policy/policy-chain.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import type { SpeakerEvents } from './events.js';
import type { NeighborTable } from './neighbor-table.js';
import { neighborView } from './neighbor-view.js';
import { explainPrefix, type WhyFiltered } from './path-views.js';
import { exportRejections, whyFiltered } from './policy-views.js';
import type { SpeakerConfig } from './options.js';
import type { Originator } from './originate.js';
import { listRoutes } from './route-listing.js';
import type { RunningConfig } from './running-config.js';
import type { Sockets } from './sockets.js';
import type { RouteFilter } from './speaker-api.js';
import type { SpeakerFib } from './speaker-fib.js';
import { summaryView } from './summary-view.js';
import type { ExplainView, FibRouteView, FibSummaryView, NeighborView, PathView, SummaryView } from './views.js';

export abstract class SpeakerQueries extends EventEmitter<SpeakerEvents> {
  abstract readonly rib: Rib;
  protected abstract readonly table: NeighborTable;
  protected abstract readonly fib: SpeakerFib | undefined;
  protected abstract readonly originator: Originator;
  protected abstract readonly running: RunningConfig;
  /** Milliseconds since 1970. */
  protected abstract readonly startedAt: number;

  /** What runs now. */
  get config(): SpeakerConfig {
    return this.running.config;
  }

  /** The policies of `config`. */
  get policies(): PolicyBook {
    return this.running.policies;
  }

  get sockets(): Sockets {
    return this.running.sockets;
  }

  /** The addresses and ports on which the speaker listens (port 0 resolved). */
  get listening(): readonly { readonly address: string; readonly port: number }[] {
    return this.sockets.listening;
  }

  routes(family: FamilyName, filter: RouteFilter = {}): IterableIterator<PathView> {
    return listRoutes(this.rib, (address) => this.table.find(address), this.whyFiltered, family, filter);
  }

  explain(prefix: string): ExplainView {
    return {
      ...explainPrefix(this.rib, prefix, this.whyFiltered),
      exportRejected: exportRejections(this.rib, prefix, this.table.all()),
    };
  }

  private readonly whyFiltered: WhyFiltered = (rib, prefix, received, source) =>
    source === LOCAL_SOURCE
      ? this.originator.whyFiltered(rib, prefix, received)
      : whyFiltered(this.table.all(), rib, prefix, received, source);

  *fibRoutes(): IterableIterator<FibRouteView> {
    if (this.fib) yield* this.fib.fib.routes();
  }

  fibRoute(prefix: string): FibRouteView {
    return this.someFib().route(prefix);
  }

  fibSummary(): FibSummaryView {
    return this.someFib().summary();
  }

  /** @throws UsageError `no_fib` */
  protected someFib(): SpeakerFib {
    if (!this.fib) throw new UsageError('no_fib', 'this speaker writes no kernel routes');
    return this.fib;
  }

  neighbors(): NeighborView[] {
    return this.table.all().map((neighbor) => neighborView(neighbor));
  }

  neighbor(address: string): NeighborView {
    return neighborView(this.table.find(address), true);
  }

  summary(): SummaryView {
    return summaryView(this.config, this.rib, this.table.all(), {
      listening: this.listening,
      connectionsRefused: this.table.connectionsRefused,
      startedAt: this.startedAt,
    });
  }
}
