/**
 * The codec: UPDATEs with typical attributes into typed objects, and on the path that the RIB uses, where a prefix is a number.
 * `node --import tsx bench/codec.ts`
 */
import { Dice } from '../test/bgp/wire/fuzz.js';
import {
  decodeUpdate,
  DEFAULT_CONTEXT,
  encodeUpdate,
  HEADER_LENGTH,
  messageToJson,
  parseUpdate,
} from '../lib/bgp/wire/index.js';
import { AttributeFacts, scanAttributes } from '../lib/bgp/wire/attribute-scan.js';

const UPDATES = 20_000;
/** As in a full table, where about six prefixes share a set of attributes. */
const PREFIXES = 6;

/** Messages like those of a full table. */
function typicalUpdates(count: number): Uint8Array[] {
  const dice = new Dice(7);
  return Array.from({ length: count }, () => {
    const asns = Array.from({ length: 3 + dice.roll(3) }, () => 1 + dice.roll(400_000));
    const communities = Array.from({ length: 2 + dice.roll(5) }, () => 3356 * 65536 + dice.roll(65536));
    const nlri = Array.from({ length: PREFIXES }, () => {
      const length = 24 - dice.roll(5);
      const bits = (dice.roll(2 ** 30) << (32 - length)) >>> 0;
      return { prefix: { octets: Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits), length } };
    });
    return encodeUpdate({
      attributes: [
        { code: 1, value: 'IGP' },
        { code: 2, value: [{ type: 'AS_SEQUENCE', asns }] },
        { code: 3, value: `192.0.2.${1 + dice.roll(200)}` },
        { code: 4, value: dice.roll(1000) },
        { code: 8, value: communities },
      ],
      nlri,
    });
  });
}

/** Walk NLRI as numbers; the sum keeps the work from being optimised away. */
function walk(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end;) {
    const length = bytes[at]!;
    const octets = (length + 7) >> 3;
    let bits = 0;
    for (let i = 1; i <= octets; i++) bits = (bits << 8) | bytes[at + i]!;
    sum = (sum + bits + length) | 0;
    at += 1 + octets;
  }
  return sum;
}

function measure(name: string, messages: readonly Uint8Array[], work: (message: Uint8Array) => number): void {
  let sum = 0;
  for (const message of messages) sum += work(message);
  let best = Infinity;
  for (let round = 0; round < 7; round++) {
    const start = performance.now();
    for (const message of messages) sum += work(message);
    best = Math.min(best, performance.now() - start);
  }
  const rate = (messages.length * PREFIXES) / best / 1000;
  const each = (best * 1e6) / messages.length;
  console.log(
    `${name.padEnd(44)} ${rate.toFixed(1).padStart(7)} M prefixes/s ${each.toFixed(0).padStart(7)} ns per UPDATE (${sum & 1})`,
  );
}

const messages = typicalUpdates(UPDATES);
const facts = new AttributeFacts();
const octets = messages.reduce((sum, { length }) => sum + length, 0) / messages.length;
console.log(
  `${UPDATES} UPDATEs of ${octets.toFixed(0)} octets, ${PREFIXES} prefixes each; best of 7 rounds, Node ${process.version}`,
);

measure(
  'typed objects (decodeUpdate)',
  messages,
  (message) => decodeUpdate(message.subarray(HEADER_LENGTH)).nlri.length,
);
measure('located and judged (parseUpdate), NLRI walked', messages, (message) => {
  const parsed = parseUpdate(message, HEADER_LENGTH, message.length, DEFAULT_CONTEXT);
  return walk(message, parsed.nlriStart, parsed.nlriEnd);
});
measure('the path of the RIB (scanAttributes), NLRI walked', messages, (message) => {
  const start = HEADER_LENGTH + 4;
  const end = start + ((message[start - 2]! << 8) | message[start - 1]!);
  if (!scanAttributes(message, start, end, 'ebgp', false, facts)) throw new Error('a flawless message');
  return walk(message, end, message.length);
});
measure('to JSON text', messages.slice(0, 2000), (message) => JSON.stringify(messageToJson(message)).length);
