import { inspect } from 'node:util';
import { expect } from 'chai';
import { checkMd5Key, Secret } from '../../lib/net/index.js';

const WORD = 'correct horse';

describe('Secret', () => {
  const secret = new Secret(WORD);

  it('shows itself to nobody', () => {
    const holder = { neighbor: { password: secret }, list: [secret] };
    const shown = [
      String(secret),
      `${secret as unknown as string}`,
      JSON.stringify(holder),
      inspect(holder, { depth: null, showHidden: true }),
      Object.keys(secret).join(),
      JSON.stringify({ ...secret }),
      Object.entries(holder).flat().join(),
    ];
    for (const text of shown) {
      expect(text).to.not.include('horse');
      expect(text).to.not.include(Buffer.from(WORD).toString('hex'));
      expect(text).to.not.include([...Buffer.from(WORD)].slice(0, 3).join());
    }
    expect(JSON.stringify(holder)).to.equal('{"neighbor":{"password":"[secret]"},"list":["[secret]"]}');
  });

  it('is revealed as a copy, and keeps its own octets', () => {
    const octets = Buffer.from(WORD);
    const own = new Secret(octets);
    octets.fill(0);
    own.reveal().fill(0);
    expect(Buffer.from(own.reveal()).toString()).to.equal(WORD);
    expect(own.equals(secret)).to.equal(true);
    expect(own.equals(new Secret('correct Horse'))).to.equal(false);
    expect(own.equals(new Secret('correct'))).to.equal(false);
  });

  it('as a TCP MD5 key has 1 to 80 octets, not letters', () => {
    checkMd5Key(new Secret('x'.repeat(80)));
    for (const wrong of ['', 'x'.repeat(81), 'é'.repeat(41)]) {
      expect(() => checkMd5Key(new Secret(wrong)))
        .to.throw('1 to 80 octets')
        .with.property('code', 'bad_password');
    }
  });
});
