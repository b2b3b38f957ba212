import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { SocketOptions } from '../../lib/net/index.js';
import { diffConfig } from '../../lib/speaker/config-diff.js';
import { ConfigError } from '../../lib/speaker/config-errors.js';
import type { Machine } from '../../lib/speaker/config-socket-rules.js';
import { parseConfig } from '../../lib/speaker/config-text.js';
import { checkConfig } from '../../lib/speaker/config.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import { Secrets } from '../../lib/speaker/secrets.js';
import { listenerPeers, sessionSocketOptions } from '../../lib/speaker/session-sockets.js';
import { effectiveSettings } from '../../lib/speaker/settings.js';

const HEAD = 'asn: 64512\nrouterId: 10.0.0.1\nlisten: [{ address: 0.0.0.0 }]\n';
const can: Pick<Machine, 'whyNot'> = { whyNot: () => undefined };
const cannot: Pick<Machine, 'whyNot'> = {
  whyNot: (options) => `no ${Object.keys(options).join()} here`,
};

/** `line path: message` of each error. */
function errorsOf(text: string, machine?: Pick<Machine, 'whyNot'>): string[] {
  try {
    parseConfig(HEAD + text, 'x', machine && { secrets: new Secrets(), ...machine });
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as ConfigError).errors.map(({ line, path, message }) => `${line} ${path}: ${message}`);
  }
  return [];
}

describe('passwords and distances in a configuration', () => {
  const refused: [string, string, string[]][] = [
    [
      'a password that is no text, too short or too long, without a word of it',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, password: 31337 }\n  - { address: 10.0.0.3, peerAs: 1, password: "" }\n' +
        `  - { address: 10.0.0.4, peerAs: 1, password: ${'k'.repeat(81)} }`,
      [
        '5 neighbors[0].password: found a number, expected text of 1 to 80 octets, in quotes',
        '6 neighbors[1].password: found a string, expected text of 1 to 80 octets, in quotes; the password is empty; it has 1 to 80 octets',
        '7 neighbors[2].password: found a string, expected text of 1 to 80 octets, in quotes; the password is 81 octets long; it has 1 to 80 octets',
      ],
    ],
    [
      'a password that YAML reads as something else',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, password: *hush }',
      ['5 : this is not YAML: put a password in quotes'],
    ],
    [
      'a password that is not YAML at all',
      'neighbors:\n  - address: 10.0.0.2\n    password: !hush hush',
      ['6 : this is not YAML: put a password in quotes'],
    ],
    [
      'both kinds of password, at the same place',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, password: a, passwordFile: /b }',
      ['5 neighbors[0].passwordFile: there is a password already: one of the two is enough'],
    ],
    [
      'a relative path',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, passwordFile: key }',
      ['5 neighbors[0].passwordFile: found "key", expected the absolute path of a file'],
    ],
    [
      'two distances',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, ttlSecurity: 2, multihop: 2 }',
      ['5 neighbors[0].multihop: ttlSecurity says already how many hops away the neighbor may be'],
    ],
    [
      'a distance of an iBGP neighbor',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 64512, multihop: 2, connectedCheck: false }',
      [
        '5 neighbors[0].multihop: an iBGP neighbor may be any number of hops away, so multihop has no effect',
        '5 neighbors[0].connectedCheck: an iBGP neighbor may be any number of hops away, so connectedCheck has no effect',
      ],
    ],
    [
      'a check that cannot be passed',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, multihop: 2, connectedCheck: true }',
      ['5 neighbors[0].connectedCheck: a neighbor 2 hops away is in no subnet of ours'],
    ],
    [
      'hops and code points out of range',
      'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, ttlSecurity: 255, dscp: 64 }',
      [
        '5 neighbors[0].ttlSecurity: found 255, expected a whole number, 1 to 254 (hops)',
        '5 neighbors[0].dscp: found 64, expected a whole number, 0 to 63',
      ],
    ],
    [
      'a neighbor without a password in a range with one',
      'peerGroups: { g: { peerAs: 1, password: a }, open: { peerAs: 2 } }\nneighbors:\n  - { address: 10.0.0.2, peerAs: 1 }\n' +
        'dynamicNeighbors:\n  - { prefix: 10.0.0.0/8, peerGroup: g }\n  - { prefix: 10.1.0.0/16, peerGroup: open }\n  - { prefix: 0.0.0.0/0, peerGroup: open }',
      [
        '6 neighbors[0]: 10.0.0.2 has no password but lies in 10.0.0.0/8, which has one: the kernel would ask it for that',
        '9 dynamicNeighbors[1]: 10.1.0.0/16 has no password but lies in 10.0.0.0/8, which has one: the kernel would ask it for that',
      ],
    ],
    [
      'two passwords of one link-local address',
      "neighbors:\n  - { address: 'fe80::1%a', peerAs: 1, password: a }\n  - { address: 'fe80::1%b', peerAs: 1, password: a }\n" +
        "  - { address: 'fe80::1%c', peerAs: 1, password: b }\n  - { address: 'fe80::2%c', peerAs: 1, password: c }",
      ['7 neighbors[2]: fe80::1%c and fe80::1%a need the same password: the kernel has one key for an address'],
    ],
  ];
  for (const [name, text, expected] of refused) {
    it(`refused: ${name}`, () => expect(errorsOf(text)).to.deep.equal(expected));
  }

  it('refused where it cannot be had, each at its place', () => {
    const text =
      'peerGroups: { g: { peerAs: 1, password: a } }\nneighbors:\n  - { address: 10.0.0.2, peerGroup: g }\n' +
      '  - { address: 10.0.0.3, peerAs: 1, ttlSecurity: 1 }\n  - { address: 10.0.0.4, peerAs: 1, dscp: 0 }\n' +
      '  - { address: 10.0.0.5, peerAs: 1, multihop: 5 }\n  - { address: 10.0.0.6, peerAs: 1 }';
    expect(errorsOf(text, can)).to.deep.equal([]);
    expect(errorsOf(text)).to.deep.equal([]);
    expect(errorsOf(text, cannot)).to.deep.equal([
      '4 peerGroups.g.password: no md5Key here',
      '7 neighbors[1].ttlSecurity: no ttlSecurityHops here',
      '8 neighbors[2].dscp: no dscp here',
    ]);
  });

  it('a file that cannot be read is told at its place', () => {
    const text = 'neighbors:\n  - { address: 10.0.0.2, peerAs: 1, passwordFile: /nonexistent/key }';
    expect(errorsOf(text, can)).to.deep.equal(['5 neighbors[0].passwordFile: /nonexistent/key: there is no such file']);
  });

  it("a neighbor's own password or file hides that of its group", () => {
    const group = { routerId: '1.1.1.1', peerGroups: { g: { peerAs: 1, password: 'a', multihop: 3 } } };
    const own = effectiveSettings(group, { peerGroup: 'g', passwordFile: '/key', ttlSecurity: 1 });
    expect(own).to.include({ password: null, passwordFile: '/key', ttlSecurity: 1, multihop: null });
    expect(effectiveSettings(group, { peerGroup: 'g' })).to.include({ password: 'a', multihop: 3 });
  });

  it('is not shown by what was read', () => {
    const config = parseConfig(
      `${HEAD}peerGroups: { g: { peerAs: 1, password: hush } }\nneighbors:\n  - { address: 10.0.0.2, peerAs: 1, password: hush }`,
      'x',
    );
    expect(JSON.stringify(config)).to.not.include('hush');
    expect(JSON.stringify(effectiveSettings(config, config.neighbors![0]!))).to.not.include('hush');
  });

  it('another one is a difference, the same is none', () => {
    const config = (password: string) => {
      return checkConfig({ asn: 1, routerId: '1.1.1.1', neighbors: [{ address: '10.0.0.2', peerAs: 1, password }] });
    };
    expect(diffConfig(config('a'), config('a')).neighborsChanged).to.deep.equal([]);
    const [change] = diffConfig(config('a'), config('b')).neighborsChanged;
    expect(change).to.deep.include({ keys: ['password'], effect: 'reset' });
  });
});

describe('the password of a session', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsbgp-secrets-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = (content: string | Uint8Array): string => {
    const path = join(directory, `key${Math.trunc(performance.now() * 1000)}`);
    writeFileSync(path, content);
    return path;
  };
  const revealed = (settings: { password?: NeighborOptions['password']; passwordFile?: string }): string =>
    Buffer.from(new Secrets().of({ password: null, passwordFile: null, ...settings })!.reveal()).toString('latin1');

  it('comes from a file, without the line break at its end', () => {
    for (const [content, key] of [
      ['hush\n', 'hush'],
      ['hush\r\n', 'hush'],
      ['hush', 'hush'],
      [' hush \n\n', ' hush \n'],
    ] as const) {
      expect(revealed({ passwordFile: file(content) })).to.equal(key);
    }
    expect(revealed({ passwordFile: file(Uint8Array.of(255, 0, 1)) })).to.equal('\xff\x00\x01');
    expect(() => revealed({ passwordFile: file('\n') })).to.throw('empty');
  });

  it('comes from a function, asked once', () => {
    let asked = 0;
    const secrets = new Secrets();
    const password = (): string => `hush ${++asked}`;
    const settings = { password, passwordFile: null };
    expect(secrets.of(settings)).to.equal(secrets.of(settings));
    expect(asked).to.equal(1);
    expect(revealed({ password: () => Uint8Array.of(104, 105) })).to.equal('hi');
  });

  it('does not come from a function that fails, whatever that says', () => {
    const fails = (): never => {
      throw new Error('wrong answer: hush');
    };
    for (const password of [fails, () => undefined as never, () => '', () => 'x'.repeat(81)]) {
      expect(() => revealed({ password }))
        .to.throw(/^(?!.*hush)/)
        .with.property('code', 'bad_password');
    }
  });
});

describe('the socket of a session', () => {
  const optionsOf = (
    more: Partial<NeighborOptions>,
    external = true,
    transport: { whyNot?: (options: SocketOptions) => string | undefined } = { whyNot: () => undefined },
  ): object => {
    const { password, ...settings } = { peerAs: 1, ...more };
    const key = new Secrets().of({ password: password ?? null, passwordFile: null });
    const { md5Key, ...others } = sessionSocketOptions(
      effectiveSettings({ routerId: '1.1.1.1' }, settings),
      external,
      key,
      transport,
    );
    return { ...others, ...(md5Key ? { signed: true } : {}) };
  };

  it('has nothing where nothing is asked for', () => expect(optionsOf({})).to.deep.equal({}));

  it('of eBGP has TTL 1, and CS6, with a password', () => {
    expect(optionsOf({ password: 'a' })).to.deep.equal({ signed: true, ttl: 1, dscp: 48 });
    expect(optionsOf({ password: 'a', multihop: 4, dscp: 46 })).to.deep.equal({ signed: true, ttl: 4, dscp: 46 });
    expect(optionsOf({ password: 'a' }, false)).to.deep.equal({ signed: true, dscp: 48 });
  });

  it('with GTSM sends with 255', () => {
    expect(optionsOf({ ttlSecurity: 2 })).to.deep.equal({ ttlSecurityHops: 2, dscp: 48 });
  });

  it('with multihop alone has a TTL where that can be had', () => {
    expect(optionsOf({ multihop: 4 })).to.deep.equal({ ttl: 4, dscp: 48 });
    expect(optionsOf({ multihop: 4 }, true, {})).to.deep.equal({});
    expect(optionsOf({ multihop: 4 }, true, { whyNot: () => 'no' })).to.deep.equal({});
  });

  it('of listeners: all neighbors, or none when nobody asks for anything', () => {
    const config = (password?: string) =>
      checkConfig({
        asn: 1,
        routerId: '1.1.1.1',
        listen: [{ address: '0.0.0.0', port: 179 }],
        peerGroups: { g: { peerAs: 1, ...(password === undefined ? {} : { password }) } },
        neighbors: [
          { address: '10.0.0.2', peerAs: 1 },
          { address: '10.0.0.3', peerGroup: 'g' },
        ],
        dynamicNeighbors: [{ prefix: '10.1.0.0/16', peerGroup: 'g' }],
      });
    const list = (password?: string) =>
      listenerPeers(config(password), new Secrets(), {}).map(({ prefix, md5Key }) => [
        prefix.octets.join('.'),
        prefix.length,
        md5Key !== undefined,
      ]);
    expect(list()).to.deep.equal([]);
    expect(list('hush')).to.deep.equal([
      ['10.0.0.2', 32, false],
      ['10.0.0.3', 32, true],
      ['10.1.0.0', 16, true],
    ]);
  });
});
