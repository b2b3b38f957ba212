/** Our own start, which may be a restart: selection deferral, the R and F bits, and the application's own first routes. */
import type { Negotiated } from '../bgp/session/types.js';
import type { Clock } from '../net/index.js';
import type { Rib } from '../rib/rib.js';
import type { Neighbor } from './neighbor.js';
import type { SpeakerConfig } from './options.js';
import { RUNNING, type RestartState } from './restart-offer.js';
import { SelectionDeferral } from './selection-deferral.js';
import { effectiveSettings } from './settings.js';
import type { WorkLoop } from './work-loop.js';

const DEFAULT_SELECTION_DEFERRAL_S = 240;

export interface RestartHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  config(): SpeakerConfig;
  neighbors(): Iterable<Neighbor>;
  /** Selection goes on, or the application's routes are all there. */
  onProgress(): void;
}

export class Restart {
  state: RestartState = RUNNING;
  /** The application's own routes are all there: End-of-RIB may be sent. */
  isComplete: boolean;
  private deferral: SelectionDeferral | undefined;
  private isStopped = false;

  /** @param initialSync settles when the application has announced all it has at first */
  constructor(
    private readonly host: RestartHost,
    private readonly initialSync: Promise<unknown> | undefined,
  ) {
    this.isComplete = !initialSync;
  }

  /**
   * The speaker starts. Nobody knows whether for the first time or after a restart: it does no harm to act as after one.
   * @param held IP versions of which the kernel holds routes of an earlier run; undefined: there is no FIB
   */
  begin(held: ReadonlySet<4 | 6> | undefined): void {
    const done = (): void => void this.host.loop.idle().then(() => this.complete());
    this.initialSync?.then(done, done);
    if (!isRestartable(this.host.config())) return;
    this.state = {
      isRestarting: true,
      // Without a FIB we are not in the way of any packet.
      preservesForwarding: (family) => held?.has(family === 'ipv4-unicast' ? 4 : 6) ?? true,
    };
    this.deferral = new SelectionDeferral({ ...this.host, isComplete: () => this.isComplete }, this.deferralMs, () =>
      this.endDeferral(),
    );
    this.tellNeighbors();
  }

  /** How long selection may be deferred; 0: it is not. */
  get deferralMs(): number {
    const config = this.host.config();
    if (!isRestartable(config)) return 0;
    return (config.gracefulRestart?.selectionDeferralTime ?? DEFAULT_SELECTION_DEFERRAL_S) * 1000;
  }

  /** Whether selection is deferred, or the application is not done. */
  get isUnderWay(): boolean {
    return !this.isComplete || (this.deferral?.isActive ?? false);
  }

  /** Something happened that selection may have been waiting for. */
  check(): void {
    this.deferral?.check();
  }

  holdsConfirmation(neighbor: Neighbor, negotiated: Negotiated): boolean {
    return this.deferral?.holds(neighbor, negotiated) ?? false;
  }

  onEstablished(neighbor: Neighbor): void {
    this.deferral?.onEstablished(neighbor);
  }

  stop(): void {
    this.isStopped = true;
    this.deferral?.cancel();
  }

  private endDeferral(): void {
    this.state = RUNNING;
    this.tellNeighbors();
    this.host.onProgress();
  }

  private tellNeighbors(): void {
    for (const neighbor of this.host.neighbors()) neighbor.updateRestart();
  }

  private complete(): void {
    if (this.isStopped) return;
    this.isComplete = true;
    for (const neighbor of this.host.neighbors()) neighbor.complete();
    this.check();
    this.host.onProgress();
  }
}

/** Settles when both the application's first routes and those of the kernel are there; undefined: nothing is waited for. */
export function firstRoutes(
  initialSync: Promise<unknown> | undefined,
  learnt: Promise<void> | undefined,
): Promise<unknown> | undefined {
  return initialSync && learnt ? Promise.allSettled([initialSync, learnt]) : (initialSync ?? learnt);
}

/** Whether some neighbor is asked to keep our routes over a restart. */
function isRestartable(config: SpeakerConfig): boolean {
  return [...(config.neighbors ?? []), ...(config.dynamicNeighbors ?? [])].some((peer) => {
    const { enabled, helperOnly } = effectiveSettings(config, peer).gracefulRestart;
    return enabled && !helperOnly;
  });
}
