/**
 * What a record file is made of (docs/record-and-replay.md, "The file"). A record is its kind, one octet, and its fields.
 *
 * An *event* is something that reached the speaker from outside; it begins a *unit*: all that the speaker did because of
 * it. A *reading* is something that the speaker asked of the outside in a unit: the time, a random number, whether a
 * socket takes more. A *definition* gives a number to something that comes up again. Same events, same readings, same
 * program: same run, to the last bit.
 */

/** The first octets of a file: `tsbgprec` and the version of the format. */
export const MAGIC = Uint8Array.of(0x74, 0x73, 0x62, 0x67, 0x70, 0x72, 0x65, 0x63);
export const FORMAT_VERSION = 1;

export const KIND = Object.freeze({
  // Events. The first field of each is the time since the last time that is in the file.
  timer: 1,
  soon: 2,
  data: 3,
  drain: 4,
  close: 5,
  connected: 6,
  connectFailed: 7,
  accepted: 8,
  answer: 9,
  visit: 10,
  kernelRoute: 11,
  kernelEvent: 12,
  call: 13,
  pull: 14,
  synced: 15,
  checkpoint: 16,
  end: 17,
  start: 18,
  // Readings.
  now: 32,
  wallTime: 33,
  random: 34,
  sent: 35,
  queued: 36,
  networks: 37,
  outcome: 38,
  // Definitions: `value` has the next number, from 0; after `forget` they begin anew.
  value: 48,
  forget: 49,
});

export type Kind = (typeof KIND)[keyof typeof KIND];

/** Fields: `t` time and flag of an event, `v` number, `z` signed number, `f` 64-bit floating point, `o` octets with their length. */
export const FIELDS: Readonly<Record<number, string>> = Object.freeze({
  [KIND.timer]: 'tv',
  [KIND.soon]: 'tv',
  [KIND.data]: 'tvo',
  [KIND.drain]: 'tv',
  [KIND.close]: 'tvo',
  [KIND.connected]: 'tvvo',
  [KIND.connectFailed]: 'tvo',
  [KIND.accepted]: 'tvvo',
  [KIND.answer]: 'tvo',
  [KIND.visit]: 'tvvv',
  [KIND.kernelRoute]: 'tvvv',
  [KIND.kernelEvent]: 'tvo',
  [KIND.call]: 'tvo',
  [KIND.pull]: 'tvv',
  [KIND.synced]: 't',
  [KIND.checkpoint]: 'to',
  [KIND.end]: 'to',
  [KIND.start]: 'to',
  [KIND.now]: 'v',
  [KIND.wallTime]: 'z',
  [KIND.random]: 'f',
  [KIND.sent]: 'vv',
  [KIND.queued]: 'v',
  [KIND.networks]: 'v',
  [KIND.outcome]: 'o',
  [KIND.value]: 'o',
  [KIND.forget]: '',
});

export function isEvent(kind: number): boolean {
  return kind <= KIND.start;
}

/** For messages: `timer`, `data` … */
export function kindName(kind: number): string {
  return Object.entries(KIND).find(([, code]) => code === kind)?.[0] ?? `kind ${kind}`;
}

/** Octets in front of each block: its length and its CRC-32. */
export const BLOCK_HEADER = 8;
