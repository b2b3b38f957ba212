import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { PeerType, WireContext } from '../../../lib/bgp/wire/index.js';
import {
  ATTRIBUTES,
  CAPABILITIES,
  fromHex,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  messageFromJson,
  MessageSplitter,
  messageToJson,
  NLRI_FAMILIES,
  NOTIFICATION_CODES,
  toHex,
} from '../../../lib/bgp/wire/index.js';

interface Vector {
  readonly name: string;
  readonly rfc: string;
  readonly options?: { as2?: true; addPath?: string; extended?: true; peerType?: PeerType };
  readonly hex: string;
  readonly json: { readonly [key: string]: unknown };
}

const FOLDER = new URL('../../vectors/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const vectors = FILES.flatMap((file) =>
  (JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Vector[]).map((vector) => ({ file, ...vector })),
);

function contextOf({ as2, addPath, extended, peerType }: NonNullable<Vector['options']>): WireContext {
  return {
    asn4: as2 !== true,
    addPath: new Set(addPath?.split(',')),
    maxMessageLength: extended === true ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
    ...(peerType === undefined ? {} : { peerType }),
  };
}

describe('wire: vectors', () => {
  for (const file of FILES) {
    describe(file, () => {
      for (const { name, rfc, options = {}, hex, json } of vectors.filter((v) => v.file === file)) {
        it(`${name} (${rfc})`, () => {
          const octets = fromHex(hex)!;
          const cx = contextOf(options);
          expect(JSON.parse(JSON.stringify(messageToJson(octets, cx)))).to.deep.equal(json);
          expect(toHex(messageFromJson(json, cx))).to.equal(hex);
        });
      }
    });
  }

  it('cut at any octet, a stream of messages gives the same messages', () => {
    const whole = vectors.filter(
      ({ hex, json }) => hex.startsWith('f'.repeat(32)) && json['length'] === hex.length / 2,
    );
    for (const { name, hex } of whole.filter((v) => v.hex.length < 400)) {
      const octets = fromHex(hex)!;
      for (let cut = 1; cut < octets.length; cut++) {
        const splitter = new MessageSplitter();
        const found = [...splitter.push(octets.slice(0, cut)), ...splitter.push(octets.slice(cut)), ...splitter.end()];
        expect(
          found.map((piece) => toHex(piece.octets)),
          name,
        ).to.deep.equal([hex]);
      }
    }
  });

  describe('cover', () => {
    const texts = vectors.map(({ json }) => JSON.stringify(json));
    const some = (text: string) => texts.some((candidate) => candidate.includes(text));

    it('at least 300 messages, each with its clause', () => {
      expect(vectors.length).to.be.at.least(300);
      for (const { name, rfc } of vectors) expect(rfc, name).to.match(/^(RFC \d+|draft-)/);
    });

    it('every attribute that is understood, good and malformed', () => {
      for (const { code, name, decode, flags } of ATTRIBUTES) {
        expect(some(`"code":${code},"name":"${name}","flags"`), name).to.equal(true);
        if (decode !== undefined)
          expect(some(`"name":"${name}","flags":${flags},"value"`), `${name} typed`).to.equal(true);
        // Of these nothing is known that could be wrong with a value.
        if (code === 24 || code === 33) continue;
        expect(some(`"attribute":${code},`), `${name} malformed`).to.equal(true);
      }
    });

    it('every capability', () => {
      for (const { code } of CAPABILITIES) expect(some(`{"code":${code},`), String(code)).to.equal(true);
    });

    it('every family', () => {
      for (const { afi, safi, name } of NLRI_FAMILIES) {
        const isIpv6Twin = ['ipv6-mcast-vpn', 'ipv6-sr-policy'].includes(name);
        if (name === 'ipv4-unicast' || isIpv6Twin) continue;
        expect(some(`"value":{"afi":${afi},"safi":${safi},`), name).to.equal(true);
      }
    });

    it('every NOTIFICATION code and subcode', () => {
      for (const [code, { subcodes }] of Object.entries(NOTIFICATION_CODES)) {
        for (const subcode of Object.keys(subcodes)) {
          expect(some(`"code":${code},"subcode":${subcode},"name"`), `${code}/${subcode}`).to.equal(true);
        }
      }
    });

    it('every error action', () => {
      for (const action of ['attribute-discard', 'treat-as-withdraw', 'afi-safi-disable', 'session-reset']) {
        expect(some(`"action":"${action}"`), action).to.equal(true);
      }
    });
  });
});
