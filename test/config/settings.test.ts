import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../lib/net/index.js';
import { ConfigError } from '../../lib/speaker/config-errors.js';
import { configKeys } from '../../lib/speaker/config-schema.js';
import { didYouMean } from '../../lib/speaker/config-suggest.js';
import { parseConfig } from '../../lib/speaker/config-text.js';
import { checkConfig } from '../../lib/speaker/config.js';
import { effectiveSettings, PEER_DEFAULTS } from '../../lib/speaker/settings.js';

describe('effective settings', () => {
  const config = {
    routerId: '10.0.0.1',
    peerGroups: { g: { peerAs: 64512, holdTime: 300, description: 'group', passive: true } },
  };

  it('are the own ones, else those of the group, else the defaults', () => {
    expect(effectiveSettings(config, { peerGroup: 'g', description: 'own', passive: false })).to.deep.equal({
      ...PEER_DEFAULTS,
      peerAs: 64512,
      description: 'own',
      clusterId: '10.0.0.1',
      holdTime: 300,
      sendHoldTime: 600,
      passive: false,
      gracefulRestart: {
        enabled: true,
        helperOnly: true,
        restartTime: 120,
        staleRoutesTime: 360,
        notification: true,
      },
      longLivedGracefulRestart: { enabled: true, helperOnly: true, staleTime: 3600, partialDeployment: false },
    });
  });

  it('take the cluster ID of the speaker, then its router ID', () => {
    expect(effectiveSettings({ ...config, clusterId: '1.1.1.1' }, { peerAs: 1 }).clusterId).to.equal('1.1.1.1');
    expect(
      effectiveSettings({ ...config, clusterId: '1.1.1.1' }, { peerAs: 1, clusterId: '2.2.2.2' }).clusterId,
    ).to.equal('2.2.2.2');
  });

  it('have a send hold time of at least eight minutes (RFC 9687)', () => {
    expect(effectiveSettings(config, { peerAs: 1 }).sendHoldTime).to.equal(480);
    expect(effectiveSettings(config, { peerAs: 1, sendHoldTime: 0 }).sendHoldTime).to.equal(0);
  });

  it('keep connectRetryMax over connectRetry', () => {
    expect(effectiveSettings(config, { peerAs: 1, connectRetry: 300 })).to.include({
      connectRetry: 300,
      connectRetryMax: 300,
    });
    expect(effectiveSettings(config, { peerAs: 1, connectRetryMax: 2 })).to.include({
      connectRetry: 2,
      connectRetryMax: 2,
    });
  });

  it('do not exist without an AS, or of an unknown group', () => {
    expect(() => effectiveSettings(config, {}))
      .to.throw(UsageError)
      .with.property('code', 'peer_as_missing');
    expect(() => effectiveSettings(config, { peerGroup: 'x' }))
      .to.throw(UsageError)
      .with.property('code', 'unknown_peer_group');
    expect(() => effectiveSettings(config, { peerGroup: 'toString' }))
      .to.throw(UsageError)
      .with.property('code', 'unknown_peer_group');
  });
});

describe('configuration: any input', () => {
  it('text is read or refused with ConfigError', () => {
    const word = fc.constantFrom(
      'asn',
      'neighbors',
      'address',
      '10.0.0.1',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      '\n',
      '  ',
      '*a',
      '&a',
      '"',
      '1',
      '!!x',
      '|',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 20 }).map((words) => words.join('')),
    );
    fc.assert(fc.property(text, (t) => refusedOrRead(() => parseConfig(t, 'x'))));
  });

  it('values under known keys are read or refused with ConfigError', () => {
    const top = [...new Set(configKeys().map((key) => key.split(/[.[]/)[0]!))];
    const leaf = configKeys().map((key) => key.split('.').at(-1)!);
    const inner = fc.dictionary(fc.constantFrom(...leaf), fc.oneof(fc.jsonValue(), fc.ipV4(), fc.integer()), {
      maxKeys: 4,
    });
    const entry = fc.oneof(
      fc.jsonValue(),
      inner,
      fc.array(inner, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('g', 'h'), inner),
    );
    const whole = fc.dictionary(fc.constantFrom(...top), entry);
    fc.assert(
      fc.property(whole, (value) => refusedOrRead(() => checkConfig({ asn: 1, routerId: '1.1.1.1', ...value }))),
    );
  });

  function refusedOrRead(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as ConfigError).errors).to.not.be.empty;
    }
  }
});

describe('didYouMean', () => {
  it('forgives case, dashes, a few letters, and words of other daemons', () => {
    const keys = ['holdTime', 'peerAs', 'routerId', 'passive'];
    expect(didYouMean('hold-time', keys)).to.equal('holdTime');
    expect(didYouMean('hodlTime', keys)).to.equal('holdTime');
    expect(didYouMean('remote_as', keys)).to.equal('peerAs');
    expect(didYouMean('passiv', keys)).to.equal('passive');
    expect(didYouMean('xyzzy', keys)).to.equal(undefined);
    expect(didYouMean('id', keys)).to.equal(undefined);
  });
});
