/**
 * How many prefixes a neighbor may announce in a family (RFC 4271 section 6.7), and what happens when it announces more.
 * Looked at once per UPDATE: its cost does not depend on the number of prefixes.
 */
import type { FamilyName } from '../bgp/wire/families.js';
import { afiSafiOf } from '../bgp/wire/families.js';
import { MessageError } from '../bgp/wire/errors.js';
import type { FamilyRib } from './family-rib.js';
import type { FamilyImportPolicy } from './import-policy.js';

/** `warn`: only tell. `drop`: take no prefix beyond the limit. `stop`: end the session. */
export type PrefixLimitAction = 'warn' | 'drop' | 'stop';

/** The limit of one family, as OpenConfig's `prefix-limit`. */
export interface PrefixLimit {
  /** 1 to 4294967295. */
  readonly maxPrefixes: number;
  /** Tell when so many per cent of `maxPrefixes` are there. */
  readonly warningThresholdPct: number;
  readonly action: PrefixLimitAction;
  /** After `stop`: seconds until the session may come back; null: not before somebody starts it. */
  readonly restartTime: number | null;
}

/** What a limiter tells: the threshold, or the limit, was passed upwards. */
export interface PrefixLimitNotice {
  readonly family: FamilyName;
  readonly reached: 'threshold' | 'limit';
  /** Prefixes held. */
  readonly count: number;
  readonly limit: PrefixLimit;
}

const BELOW = 0;
const WARNED = 1;
const OVER = 2;

/** Cease/Maximum Number of Prefixes Reached (RFC 4486 section 4). */
const CEASE = 6;
const MAXIMUM_PREFIXES = 1;

/** Watches one family of one session. */
export class PrefixLimiter {
  /** Announcements of new prefixes that were not taken (`drop`). */
  dropped = 0;
  /** The session is to end (`stop`). */
  exceeded: MessageError | undefined;
  private level = BELOW;
  private threshold: number;

  constructor(
    readonly family: FamilyName,
    public limit: PrefixLimit,
    private readonly onNotice: (notice: PrefixLimitNotice) => void,
    /** The first new prefix was not taken since `dropped` was 0. */
    private readonly onFirstDrop: () => void,
  ) {
    this.threshold = thresholdOf(limit);
  }

  /** Another limit from now on. */
  change(limit: PrefixLimit, count: number): void {
    this.limit = limit;
    this.threshold = thresholdOf(limit);
    this.level = BELOW;
    this.note(count);
  }

  /** How many new prefixes may be taken when `count` are held. */
  roomFor(count: number): number {
    return this.limit.action === 'drop' ? Math.max(0, this.limit.maxPrefixes - count) : Infinity;
  }

  /** A new prefix was not taken. */
  drop(count: number): void {
    if (this.dropped++ === 0) this.onFirstDrop();
    if (this.level < OVER) this.reach(OVER, count);
  }

  /** An UPDATE was applied; `count` prefixes are held now. */
  note(count: number): void {
    if (count > this.limit.maxPrefixes) {
      if (this.level < OVER) this.reach(OVER, count);
    } else if (count >= this.threshold) {
      if (this.level < WARNED) this.reach(WARNED, count);
    } else this.level = BELOW;
  }

  private reach(level: number, count: number): void {
    this.level = level;
    const { family, limit } = this;
    if (level === OVER && limit.action === 'stop') this.exceeded = exceededError(family, count, limit.maxPrefixes);
    this.onNotice({ family, reached: level === OVER ? 'limit' : 'threshold', count, limit });
  }
}

function thresholdOf({ maxPrefixes, warningThresholdPct }: PrefixLimit): number {
  return Math.max(1, Math.ceil((maxPrefixes * warningThresholdPct) / 100));
}

/** RFC 4486 section 4: the data are AFI, SAFI and the upper bound. */
function exceededError(family: FamilyName, count: number, maxPrefixes: number): MessageError {
  const { afi, safi } = afiSafiOf(family);
  const data = new Uint8Array(7);
  const view = new DataView(data.buffer);
  view.setUint16(0, afi);
  view.setUint8(2, safi);
  view.setUint32(3, maxPrefixes);
  return new MessageError(CEASE, MAXIMUM_PREFIXES, `${count} ${family} prefixes, at most ${maxPrefixes}`, data);
}

/**
 * Announce the prefixes of a range near a limit with the action `drop`: those that the source has already are changed, new
 * ones are taken while there is room.
 * @param bytes well-formed NLRI in `[start..end)`
 * @returns how many new prefixes were taken
 */
export function announceWithin(
  limiter: PrefixLimiter,
  rib: FamilyRib,
  source: number,
  received: number,
  policy: FamilyImportPolicy | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
): number {
  let room = limiter.roomFor(count);
  let added = 0;
  for (let at = start; at < end; at += 1 + ((bytes[at]! + 7) >> 3)) {
    const known = rib.prefixes.find(bytes[at]!, bytes, at + 1);
    const has = known >= 0 && rib.hasPath(source, known);
    if (has || room > 0) {
      const prefix = has ? known : rib.prefixes.intern(bytes[at]!, bytes, at + 1);
      if (!has) room--;
      added += rib.announce(source, prefix, policy ? policy.apply(received, prefix) : received);
    } else limiter.drop(count + added);
  }
  return added;
}
