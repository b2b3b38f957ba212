import type { FamilyName } from '../bgp/wire/families.js';
import type { IdStack } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { formatPrefix } from '../net/index.js';
import type { Neighbor } from '../speaker/neighbor.js';
import { bestView, explainPrefix } from '../speaker/path-views.js';
import type { PathView } from '../speaker/views.js';
import type { ReplayedMessage } from './messages.js';
import type { ReplayedSpeaker } from './replayed-speaker.js';

/** The best path of a prefix became another one. */
export interface ReplayedChange {
  readonly prefix: string;
  readonly family: FamilyName;
  readonly before: PathView | null;
  readonly after: PathView | null;
  /** Why the new one is better, or what became of the old one. */
  readonly reason: string;
  /** The number of the message that touched the prefix last before this was decided; null: it was no message. */
  readonly message: number | null;
  /** The same for people: `UPDATE from 10.0.0.2`, `session with 10.0.0.2 ended: hold timer expired`. */
  readonly cause: string;
}

interface Cause {
  readonly message: number | null;
  readonly text: string;
}

/** Follows which best path every prefix has, and what made it so. */
export class ChangeTracker {
  readonly #best = new Map<FamilyRib, Map<number, PathView>>();
  readonly #touched = new Map<FamilyRib, Map<number, Cause>>();
  /** UPDATEs that arrived and are not applied, by connection: `local remote`. */
  readonly #arrived = new Map<string, ReplayedMessage[]>();
  #cause: Cause = { message: null, text: 'start' };
  #sessionEnd: Cause | undefined;

  constructor(
    private readonly speaker: ReplayedSpeaker,
    private readonly tell: (change: ReplayedChange) => void,
  ) {
    for (const rib of speaker.rib.families) {
      this.#best.set(rib, new Map());
      const touched = new Map<number, Cause>();
      this.#touched.set(rib, touched);
      const inner = rib as unknown as { markDirty(prefix: number): void };
      const markDirty = inner.markDirty.bind(rib);
      inner.markDirty = (prefix) => {
        touched.set(prefix, this.#cause);
        markDirty(prefix);
      };
    }
    speaker.loop.onBestPathChange((rib, changed) => this.#onChanged(rib, changed));
    speaker.observer = {
      onUpdate: (neighbor) => this.#onUpdate(neighbor),
      onSessionEnd: (neighbor, reason) => {
        this.#sessionEnd = { message: null, text: `session with ${neighbor.address} ended: ${reason}` };
        this.#cause = this.#sessionEnd;
      },
    };
  }

  /** What happens now is because of this. `work`: of what was begun before. */
  onEvent(text: string | 'work'): void {
    this.#cause = text === 'work' && this.#sessionEnd ? this.#sessionEnd : { message: null, text };
  }

  onMessage(message: ReplayedMessage): void {
    if (message.type !== 'UPDATE') return;
    const key = keyOf(message.connection);
    const arrived = this.#arrived.get(key);
    if (arrived) arrived.push(message);
    else this.#arrived.set(key, [message]);
  }

  #onUpdate(neighbor: Neighbor): () => void {
    const { local, remote } = neighbor.peer;
    const message = local && remote && this.#arrived.get(keyOf({ local, remote }))?.shift();
    const before = this.#cause;
    if (message) this.#cause = { message: message.number, text: `UPDATE from ${neighbor.address}` };
    return () => (this.#cause = before);
  }

  #onChanged(rib: FamilyRib, changed: IdStack): void {
    const best = this.#best.get(rib)!;
    const touched = this.#touched.get(rib)!;
    for (let i = 0; i < changed.length; i++) {
      const id = changed.at(i);
      const before = best.get(id) ?? null;
      const after = rib.bestAttributes[id] === NONE ? null : bestView(rib, id);
      if (after) best.set(id, after);
      else best.delete(id);
      const cause = touched.get(id) ?? this.#cause;
      touched.delete(id);
      const prefix = formatPrefix(rib.prefixes.prefixOf(id));
      const reason = this.#reason(prefix, before, after);
      this.tell({ prefix, family: rib.family, before, after, reason, message: cause.message, cause: cause.text });
    }
  }

  #reason(prefix: string, before: PathView | null, after: PathView | null): string {
    if (before === null) return 'the first usable path';
    const { decisions } = explainPrefix(this.speaker.rib, prefix);
    const old = decisions.find(({ path }) => path.neighbor === before.neighbor && path.pathId === before.pathId);
    const from = before.neighbor ?? 'this speaker';
    if (old === undefined) return `withdrawn by ${from}${after ? '' : '; no path is left'}`;
    if (old.path.best) return `${from} changed its attributes`;
    return `the path of ${from} loses at ${old.lostAt ?? '-'}: ${old.detail ?? ''}${old.rfc === null ? '' : ` (${old.rfc})`}`;
  }
}

function keyOf({ local, remote }: Pick<ReplayedMessage['connection'], 'local' | 'remote'>): string {
  return `${local.address} ${local.port} ${remote.address} ${remote.port}`;
}
