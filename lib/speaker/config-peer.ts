import type { ConfigDraft } from './config-draft.js';
import type { ConfigPath, ConfigProblem } from './config-errors.js';
import type { PeerSettings } from './options.js';
import type { EffectivePeerSettings } from './settings.js';

/** A neighbor or dynamic neighbor entry with what its peer group adds. */
export interface Peer {
  /** The neighbor's address, or the prefix of a dynamic one. */
  readonly address: string;
  readonly dynamic: boolean;
  readonly path: ConfigPath;
  /** What was written, without defaults. */
  readonly given: PeerSettings;
  readonly effective: EffectivePeerSettings;
  /** Where a setting was written: at the neighbor or at its group. */
  where(key: keyof PeerSettings): ConfigPath;
}

export type PeerRule = (peer: Peer, draft: ConfigDraft) => Iterable<ConfigProblem>;
