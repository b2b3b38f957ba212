import { readdirSync, readFileSync } from 'node:fs';
import type { WireContext } from '../../../lib/bgp/wire/index.js';
import { ALL_FAMILIES, DEFAULT_CONTEXT, fromHex } from '../../../lib/bgp/wire/index.js';

/** Random numbers from a seed: the same seed gives the same run. */
export class Dice {
  constructor(private state: number) {}

  /** 0 to `sides` - 1. */
  roll(sides: number): number {
    // xorshift32
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % sides;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.roll(from.length)]!;
  }
}

const FOLDER = new URL('../../vectors/', import.meta.url);

/** All vectors that are no longer than a typical message. */
export const SEEDS: readonly Uint8Array[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { hex: string }[])
  .map(({ hex }) => fromHex(hex)!)
  .filter((octets) => octets.length < 300);

export const CONTEXTS: readonly WireContext[] = [
  DEFAULT_CONTEXT,
  { ...DEFAULT_CONTEXT, asn4: false },
  { ...DEFAULT_CONTEXT, addPath: new Set([ALL_FAMILIES]) },
  { ...DEFAULT_CONTEXT, peerType: 'ebgp' },
  { ...DEFAULT_CONTEXT, peerType: 'ibgp', maxMessageLength: 65535 },
  { ...DEFAULT_CONTEXT, peerType: 'confed', addPath: new Set(['1/1', '1/128']) },
];

function splice(octets: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const out = new Uint8Array(octets.length - removed + added.length);
  out.set(octets.subarray(0, at));
  out.set(added, at);
  out.set(octets.subarray(at + removed), at + added.length);
  return out;
}

function mutateOnce(octets: Uint8Array, dice: Dice): Uint8Array {
  if (octets.length === 0) return Uint8Array.of(dice.roll(256));
  const at = dice.roll(octets.length);
  switch (dice.roll(6)) {
    case 0:
      octets[at]! ^= 1 << dice.roll(8);
      return octets;
    case 1:
      octets[at] = dice.pick([0, 1, 2, 3, 4, 14, 15, 32, 33, 64, 127, 128, 129, 192, 240, 254, 255, dice.roll(256)]);
      return octets;
    case 2:
      return splice(octets, at, Math.min(1 + dice.roll(8), octets.length - at), new Uint8Array(0));
    case 3:
      return splice(
        octets,
        at,
        0,
        Uint8Array.from({ length: 1 + dice.roll(8) }, () => dice.roll(256)),
      );
    case 4: {
      const from = dice.roll(octets.length);
      return splice(octets, at, 0, octets.slice(from, from + 1 + dice.roll(40)));
    }
    default: {
      const other = dice.pick(SEEDS);
      const from = dice.roll(other.length);
      return splice(octets, at, 0, other.slice(from, from + 1 + dice.roll(60)));
    }
  }
}

/** Make the lengths of header and fields fit again, so that what is inside is looked at. */
function repairLengths(octets: Uint8Array, dice: Dice): void {
  if (octets.length < 19 || octets.length > 65535) return;
  octets.fill(0xff, 0, 16);
  octets[16] = octets.length >>> 8;
  octets[17] = octets.length;
  if (octets[18] !== 2 || octets.length < 23 || dice.roll(4) === 0) return;
  const withdrawn = (octets[19]! << 8) | octets[20]!;
  const at = 21 + withdrawn;
  if (at + 2 > octets.length) return;
  const length = Math.max(0, octets.length - at - 2 - dice.pick([0, 4, 8, dice.roll(20)]));
  octets[at] = length >>> 8;
  octets[at + 1] = length;
}

/** A message that is near to a sensible one. */
export function mutatedMessage(dice: Dice): Uint8Array {
  let octets: Uint8Array = dice.pick(SEEDS).slice();
  const times = dice.roll(5);
  for (let i = 0; i < times; i++) octets = mutateOnce(octets, dice);
  if (dice.roll(4) > 0) repairLengths(octets, dice);
  return octets;
}
