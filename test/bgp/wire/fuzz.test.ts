import { expect } from 'chai';
import {
  HEADER_LENGTH,
  messageFromJson,
  messageToJson,
  parseUpdate,
  toHex,
  writeCanonicalAttributes,
} from '../../../lib/bgp/wire/index.js';
import { Writer } from '../../../lib/net/writer.js';
import { CONTEXTS, Dice, mutatedMessage } from './fuzz.js';

/** Messages in an ordinary run; TSBGP_FUZZ=1000000 for a long one, TSBGP_FUZZ_SEED to repeat a failure. */
const COUNT = Number(process.env['TSBGP_FUZZ'] ?? 10_000);
const SEED = Number(process.env['TSBGP_FUZZ_SEED'] ?? 20240229);

describe('wire: mutated messages', function () {
  this.timeout(60_000 + COUNT);

  it(`${COUNT} of them: an answer for each, and the octets back (seed ${SEED})`, () => {
    const dice = new Dice(SEED);
    for (let i = 0; i < COUNT; i++) {
      const octets = mutatedMessage(dice);
      const cx = dice.pick(CONTEXTS);
      const text = JSON.stringify(messageToJson(octets, cx));
      const json: unknown = JSON.parse(text);
      if (toHex(messageFromJson(json, cx)) !== toHex(octets)) expect.fail(`lossy: ${toHex(octets)} ${text}`);
    }
  });

  it('the canonical attributes of an acceptable UPDATE are acceptable, and canonical already', () => {
    const dice = new Dice(SEED);
    const [first, second] = [new Writer(), new Writer()];
    for (let i = 0; i < COUNT; i++) {
      const octets = mutatedMessage(dice);
      const cx = dice.pick(CONTEXTS);
      if (octets.length < HEADER_LENGTH || octets[18] !== 2) continue;
      const parsed = parseUpdate(octets, HEADER_LENGTH, octets.length, cx);
      if (parsed.action !== undefined && parsed.action !== 'attribute-discard') continue;
      first.reset();
      writeCanonicalAttributes(octets, parsed, cx, first);
      // As a body without prefixes, from a four-octet speaker.
      const length = first.length;
      const body = Uint8Array.of(0, 0, length >>> 8, length, ...first.view());
      const { peerType, ...rest } = cx;
      const again = {
        ...rest,
        asn4: true,
        ...(peerType === 'confed' ? {} : { peerType: peerType ?? 'ibgp' }),
      } as const;
      const parsedAgain = parseUpdate(body, 0, body.length, again);
      if (parsedAgain.error !== undefined && again.peerType !== 'ebgp') {
        expect.fail(`${parsedAgain.error.reason}: ${toHex(octets)} ${toHex(body)}`);
      }
      second.reset();
      writeCanonicalAttributes(body, parsedAgain, again, second);
      if (toHex(second.view()) !== toHex(first.view())) expect.fail(`not canonical: ${toHex(octets)} ${toHex(body)}`);
    }
  });
});
