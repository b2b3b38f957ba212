import { expect } from 'chai';
import { diffConfig, SETTING_EFFECT } from '../../lib/speaker/config-diff.js';
import { ConfigError } from '../../lib/speaker/config-errors.js';
import { PEER_SETTINGS } from '../../lib/speaker/config-schema.js';
import { checkConfig } from '../../lib/speaker/config.js';
import type { PeerSettings, SpeakerConfig } from '../../lib/speaker/options.js';
import { effectiveSettings } from '../../lib/speaker/settings.js';

function config(more: Partial<SpeakerConfig>): SpeakerConfig {
  return checkConfig({
    asn: 64512,
    routerId: '10.0.0.1',
    listen: [{ address: '0.0.0.0', port: 179 }],
    policies: { p: [] },
    ...more,
  });
}

const NOTHING = {
  neighborsAdded: [],
  neighborsRemoved: [],
  neighborsChanged: [],
  dynamicAdded: [],
  dynamicRemoved: [],
  dynamicChanged: [],
  networksAdded: [],
  networksRemoved: [],
  networksChanged: [],
  sectionsChanged: [],
  needsRestart: [],
};

describe('difference of two configurations', () => {
  it('is empty between equal ones, whatever the order of keys and of neighbors', () => {
    const a = config({
      neighbors: [
        { address: '10.0.0.2', peerAs: 1, holdTime: 30 },
        { address: '10.0.0.3', peerAs: 1 },
      ],
      networks: ['10.0.0.0/8'],
    });
    const b = config({
      networks: [{ prefix: '10.0.0.0/8' }],
      neighbors: [
        { peerAs: 1, address: '10.0.0.3' },
        { holdTime: 30, peerAs: 1, address: '10.0.0.2' },
      ],
    });
    expect(diffConfig(a, b)).to.deep.equal({ applied: b, ...NOTHING });
  });

  it('has neighbors that came and went', () => {
    const a = config({ neighbors: [{ address: '10.0.0.2', peerAs: 1 }] });
    const b = config({ neighbors: [{ address: '10.0.0.3', peerAs: 1 }] });
    const diff = diffConfig(a, b);
    expect(diff.neighborsAdded).to.deep.equal([{ address: '10.0.0.3', peerAs: 1 }]);
    expect(diff.neighborsRemoved).to.deep.equal(['10.0.0.2']);
    expect(diff.neighborsChanged).to.deep.equal([]);
  });

  /** Another value for each setting, and what must stand beside it. */
  const OTHER: { [K in keyof Required<PeerSettings>]: PeerSettings } = {
    peerAs: { peerAs: 64513, routeReflectorClient: false },
    localAs: { localAs: 64999 },
    localAsNoPrepend: { localAsNoPrepend: true },
    localAsReplaceAs: { localAsReplaceAs: true },
    allowOwnAs: { allowOwnAs: 2 },
    removePrivateAs: { removePrivateAs: 'removeAll' },
    asOverride: { asOverride: true },
    enforceFirstAs: { enforceFirstAs: true },
    role: { role: 'peer' },
    roleStrict: { roleStrict: true },
    routeServerClient: { routeServerClient: true },
    description: { description: 'new' },
    routeReflectorClient: { routeReflectorClient: false },
    clusterId: { clusterId: '1.1.1.1' },
    families: { families: ['ipv4-unicast'] },
    holdTime: { holdTime: 30 },
    keepaliveInterval: { keepaliveInterval: 5 },
    connectRetry: { connectRetry: 9 },
    connectRetryMax: { connectRetryMax: 99 },
    sendHoldTime: { sendHoldTime: 0 },
    passive: { passive: true },
    localAddress: { localAddress: '10.0.0.1' },
    localPort: { localPort: 1179 },
    port: { port: 1790 },
    gracefulRestart: { gracefulRestart: { helperOnly: false } },
    longLivedGracefulRestart: { longLivedGracefulRestart: { enabled: false } },
    nextHopSelf: { nextHopSelf: true },
    mitigatePathHiding: { mitigatePathHiding: true },
    extendedMessages: { extendedMessages: false },
    extendedNextHop: { extendedNextHop: true },
    addPath: { addPath: { receive: true } },
    minimumAdvertisementInterval: { minimumAdvertisementInterval: 5 },
    prefixLimit: { prefixLimit: { 'ipv4-unicast': { maxPrefixes: 10 } } },
    password: { password: 'other' },
    passwordFile: { passwordFile: '/etc/tsbgp/key' },
    ttlSecurity: { ttlSecurity: 1 },
    multihop: { multihop: 3 },
    connectedCheck: { connectedCheck: false },
    dscp: { dscp: 46 },
    importPolicy: { importPolicy: ['p'] },
    exportPolicy: { exportPolicy: ['p'] },
    defaultImportPolicy: { defaultImportPolicy: 'reject' },
    defaultExportPolicy: { defaultExportPolicy: 'reject' },
    adminDown: { adminDown: true },
  };

  const client = { peerAs: 64512, routeReflectorClient: true };
  const external = { peerAs: 64513 };
  /** What stands there before, where it cannot be a client. */
  const BASE: { [K in keyof PeerSettings]: PeerSettings } = {
    localAs: external,
    localAsNoPrepend: { ...external, localAs: 64999 },
    localAsReplaceAs: { ...external, localAs: 64999 },
    removePrivateAs: external,
    asOverride: external,
    enforceFirstAs: external,
    role: external,
    roleStrict: { ...external, role: 'customer' },
    routeServerClient: external,
    mitigatePathHiding: external,
    multihop: external,
    connectedCheck: external,
  };

  for (const key of Object.keys(OTHER) as (keyof PeerSettings)[]) {
    it(`${key} at a neighbor, and the same through its group: ${SETTING_EFFECT[key]}`, () => {
      const base = BASE[key] ?? client;
      const direct = diffConfig(
        config({ neighbors: [{ address: '10.0.0.2', ...base }] }),
        config({ neighbors: [{ address: '10.0.0.2', ...base, ...OTHER[key] }] }),
      );
      const byGroup = diffConfig(
        config({ peerGroups: { g: base }, neighbors: [{ address: '10.0.0.2', peerGroup: 'g' }] }),
        config({ peerGroups: { g: { ...base, ...OTHER[key] } }, neighbors: [{ address: '10.0.0.2', peerGroup: 'g' }] }),
      );
      for (const diff of [direct, byGroup]) {
        expect(diff.neighborsChanged).to.have.length(1);
        expect(diff.neighborsChanged[0]!.keys).to.include(key);
        if (key !== 'peerAs') expect(diff.neighborsChanged[0]!.keys).to.deep.equal([key]);
        expect(diff.neighborsChanged[0]!.effect).to.equal(SETTING_EFFECT[key]);
      }
    });
  }

  it('staleRoutesTime alone is changed in place', () => {
    const peer = (gracefulRestart: PeerSettings['gracefulRestart']) =>
      config({ neighbors: [{ address: '10.0.0.2', peerAs: 1, gracefulRestart: gracefulRestart! }] });
    const effect = (to: PeerSettings['gracefulRestart']) =>
      diffConfig(peer({ enabled: true }), peer(to)).neighborsChanged[0]!.effect;
    expect(effect({ enabled: true, staleRoutesTime: 5 })).to.equal('inPlace');
    expect(effect({ enabled: true, staleRoutesTime: 5, restartTime: 5 })).to.equal('reset');
  });

  it('a group and its neighbor: keys are joined', () => {
    const { gracefulRestart } = effectiveSettings(
      { routerId: '10.0.0.1', peerGroups: { g: { peerAs: 1, gracefulRestart: { enabled: true, restartTime: 9 } } } },
      { peerGroup: 'g', gracefulRestart: { staleRoutesTime: 5 } },
    );
    expect(gracefulRestart).to.deep.include({ enabled: true, helperOnly: false, restartTime: 9, staleRoutesTime: 5 });
  });

  it('covers exactly the settings of the schema', () => {
    expect(Object.keys(SETTING_EFFECT).sort()).to.deep.equal(Object.keys(PEER_SETTINGS).sort());
  });

  it('moves a neighbor into a group with the same settings without touching the session', () => {
    const a = config({ neighbors: [{ address: '10.0.0.2', peerAs: 1 }] });
    const b = config({ peerGroups: { g: { peerAs: 1 } }, neighbors: [{ address: '10.0.0.2', peerGroup: 'g' }] });
    expect(diffConfig(a, b).neighborsChanged).to.have.length(1);
    expect(diffConfig(a, b).neighborsChanged[0]).to.include({ effect: 'inPlace' });
  });

  it('has dynamic neighbors by prefix', () => {
    const group = { peerGroups: { g: { peerAs: 1 } } };
    const a = config({
      ...group,
      dynamicNeighbors: [
        { prefix: '10.0.0.0/8', peerGroup: 'g' },
        { prefix: '11.0.0.0/8', peerGroup: 'g' },
      ],
    });
    const b = config({
      peerGroups: { g: { peerAs: 2 } },
      dynamicNeighbors: [
        { prefix: '10.0.0.0/8', peerGroup: 'g', limit: 5 },
        { prefix: '12.0.0.0/8', peerGroup: 'g' },
      ],
    });
    const diff = diffConfig(a, b);
    expect(diff.dynamicAdded.map(({ prefix }) => prefix)).to.deep.equal(['12.0.0.0/8']);
    expect(diff.dynamicRemoved).to.deep.equal(['11.0.0.0/8']);
    expect(diff.dynamicChanged).to.have.length(1);
    expect(diff.dynamicChanged[0]).to.deep.include({ keys: ['peerAs'], effect: 'reset' });
  });

  it('has networks that came, went and changed', () => {
    const a = config({ networks: ['10.0.0.0/8', '11.0.0.0/8', { prefix: '12.0.0.0/8', med: 1 }] });
    const b = config({ networks: ['10.0.0.0/8', { prefix: '12.0.0.0/8', med: 2 }, '13.0.0.0/8'] });
    const diff = diffConfig(a, b);
    expect(diff.networksAdded).to.deep.equal([{ prefix: '13.0.0.0/8' }]);
    expect(diff.networksRemoved).to.deep.equal(['11.0.0.0/8']);
    expect(diff.networksChanged).to.deep.equal([{ prefix: '12.0.0.0/8', med: 2 }]);
  });

  it('leaves what needs a restart as it was, and says so', () => {
    const a = config({ fib: { type: 'memory' } });
    const b = config({ routerId: '10.0.0.9', networks: ['10.0.0.0/8'] });
    const diff = diffConfig(a, b);
    expect(diff.needsRestart).to.deep.equal(['routerId', 'fib']);
    expect(diff.applied).to.deep.equal({ ...b, routerId: '10.0.0.1', fib: { type: 'memory' } });
    expect(diff.networksAdded).to.have.length(1);
  });

  it('refuses what is possible only together with a restart', () => {
    const clients = (peerAs: number) => ({ neighbors: [{ address: '10.0.0.2', peerAs, routeReflectorClient: true }] });
    const a = config(clients(64512));
    const b = config({ asn: 64513, ...clients(64513) });
    expect(() => diffConfig(a, b)).to.throw(
      ConfigError,
      /route reflector client is iBGP.*only after a restart, with the new asn/,
    );
  });
});
