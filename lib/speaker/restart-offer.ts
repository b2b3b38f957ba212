import type { GracefulRestartOffer } from '../bgp/session/options.js';
import { afiSafiOf, type FamilyName } from '../bgp/wire/families.js';
import type { EffectivePeerSettings } from './settings.js';

/** How far we are with a restart of our own. */
export interface RestartState {
  /** The R bit: we have restarted, and selection is still deferred (RFC 4724 section 4.1). */
  readonly isRestarting: boolean;
  /** The F bit: our forwarding state of a family is that of before the restart. */
  preservesForwarding(family: FamilyName): boolean;
}

/** No restart is under way. */
export const RUNNING: RestartState = Object.freeze({ isRestarting: false, preservesForwarding: () => true });

/** What our OPEN says of graceful restart; undefined: no capability. */
export function restartOffer(settings: EffectivePeerSettings, state: RestartState): GracefulRestartOffer | undefined {
  const { gracefulRestart, longLivedGracefulRestart: longLived } = settings;
  if (!gracefulRestart.enabled) return undefined;
  const families = settings.families.map((family) => ({
    ...afiSafiOf(family),
    forwarding: state.preservesForwarding(family),
  }));
  const { staleTime } = longLived;
  return {
    restartState: !gracefulRestart.helperOnly && state.isRestarting,
    notification: gracefulRestart.notification,
    restartTime: gracefulRestart.restartTime,
    tuples: gracefulRestart.helperOnly ? [] : families,
    ...(longLived.enabled
      ? { longLived: longLived.helperOnly ? [] : families.map((family) => ({ ...family, staleTime })) }
      : {}),
  };
}
