import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { parsePrefix, prefixContains, parseAddress, Secret, type LocalNetworks } from '../../lib/net/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab } from '../support/lab.js';

const R = '10.0.0.1';
const A = '10.0.0.11';
const B = '10.0.0.12';
const HUSH = 'hush-hush';

/** Only those who know the password, and are near enough, have sessions: on the network in memory, in virtual time. */
describe('Speaker: passwords, GTSM and distance', () => {
  let lab: Lab;
  let speaker: Speaker;

  beforeEach(() => {
    lab = new Lab();
  });

  const base = (more: Partial<SpeakerConfig>): SpeakerConfig => ({
    asn: 64512,
    routerId: R,
    listen: [{ address: R, port: 179 }],
    ...more,
  });
  const run = async (more: Partial<SpeakerConfig>, networks?: LocalNetworks): Promise<void> => {
    speaker = await lab.speaker(base(more), networks ? { networks } : {});
  };
  const peer = (address: string, more: Partial<NeighborOptions> = {}): NeighborOptions => ({
    address,
    peerAs: 64512,
    connectRetry: 1,
    connectRetryMax: 4,
    ...more,
  });
  const other = (address: string, more: Partial<NeighborOptions> = {}): Promise<Speaker> =>
    lab.speaker({ routerId: address, listen: [{ address, port: 179 }], neighbors: [peer(R, more)] });
  const up = (): string[] =>
    speaker
      .neighbors()
      .filter(({ state }) => state === 'Established')
      .map(({ address }) => address);
  const wait = (): Promise<unknown> => lab.clock.runAsync(30_000);

  for (const [name, mine, theirs] of [
    ['we connect', {}, { passive: true }],
    ['they connect', { passive: true }, {}],
  ] as const) {
    it(`the right password, a wrong one and none: ${name}`, async () => {
      const password = HUSH;
      await run({ neighbors: [A, B, '10.0.0.13', '10.0.0.14'].map((address) => peer(address, { ...mine, password })) });
      await other(A, { ...theirs, password: HUSH });
      await other(B, { ...theirs, password: 'something else' });
      await other('10.0.0.13', theirs);
      await wait();
      expect(up()).to.deep.equal([A]);
      expect(speaker.neighbor(A)).to.include({ tcpMd5: true });
      // Nobody is there at all: it looks the same.
      for (const address of [B, '10.0.0.14']) {
        const { reason, lastError } = speaker.neighbor(address);
        if (name === 'they connect') expect(reason).to.equal('waiting for the neighbor to connect');
        else {
          const silence = `no answer from ${address} port 179 (another password or nobody there look the same)`;
          expect(reason).to.equal(`${silence}; connecting to ${address} port 179`);
          expect(lastError).to.include({ direction: 'local', text: silence });
        }
      }
    });
  }

  it('who signs is not let in where no password is set', async () => {
    await run({ neighbors: [peer(A)] });
    await other(A, { password: HUSH });
    await wait();
    expect(up()).to.deep.equal([]);
  });

  it('a changed password resets that session only, and the listener knows the new one', async () => {
    const neighbors = (password: string) =>
      [A, B].map((address) => peer(address, { passive: true, password: address === A ? password : HUSH }));
    await run({ neighbors: neighbors('old') });
    await other(A, { password: 'old' });
    await other(B, { password: HUSH });
    await wait();
    expect(up()).to.deep.equal([A, B]);
    expect(await speaker.reconfigure(base({ neighbors: neighbors('new') }))).to.deep.include({
      reset: [A],
      changed: [],
    });
    await wait();
    expect(up()).to.deep.equal([B]);
    await lab.speakers[1]!.reconfigure({
      asn: 64512,
      routerId: A,
      listen: [{ address: A, port: 179 }],
      neighbors: [peer(R, { password: 'new' })],
    });
    await wait();
    expect(up()).to.deep.equal([B, A]);
    expect(speaker.neighbor(B).established).to.equal(1);
  });

  it('a file and a function are asked again at reconfigure: only what they say anew is a change', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tsbgp-key-'));
    try {
      const passwordFile = join(directory, 'key');
      writeFileSync(passwordFile, 'first\n');
      let word = 'first';
      const config = base({
        neighbors: [
          peer(A, { passwordFile }),
          peer(B, { password: () => word }),
          peer('10.0.0.13', { password: HUSH }),
        ],
      });
      await run(config);
      for (const address of [A, B]) await other(address, { password: 'first' });
      await wait();
      expect(up()).to.deep.equal([A, B]);
      expect(await speaker.reconfigure(config)).to.deep.include({ reset: [], changed: [] });
      word = 'second';
      expect(await speaker.reconfigure(config)).to.deep.include({ reset: [B] });
      writeFileSync(passwordFile, 'second\n');
      expect(await speaker.reconfigure(config)).to.deep.include({ reset: [A] });
      expect(await speaker.reconfigure(config)).to.deep.include({ reset: [] });
      await wait();
      expect(up()).to.deep.equal([]);
      // A file that is gone changes nothing.
      rmSync(passwordFile);
      const failed = await speaker.reconfigure(config).catch((error: Error) => error);
      expect(failed)
        .to.be.instanceOf(Error)
        .with.property('message')
        .that.includes(`neighbors[0].passwordFile: ${passwordFile}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('a range has a password, and a neighbor in it one of its own', async () => {
    await run({
      peerGroups: { g: { peerAs: 64512, password: HUSH } },
      dynamicNeighbors: [{ prefix: '10.0.0.0/24', peerGroup: 'g' }],
      neighbors: [peer(B, { password: 'own', passive: true })],
    });
    await other(A, { password: HUSH });
    await other(B, { password: 'own' });
    await other('10.0.0.13', { password: 'own' });
    await other('10.0.0.14');
    await wait();
    expect(up().sort()).to.deep.equal([A, B]);
    expect(speaker.neighbor(A)).to.include({ dynamic: true, tcpMd5: true });
  });

  it('neighbors are added and removed with their keys', async () => {
    await run({});
    speaker.addNeighbor(peer(A, { password: new Secret(HUSH), passive: true }));
    await other(A, { password: HUSH });
    await wait();
    expect(up()).to.deep.equal([A]);
    speaker.removeNeighbor(A);
    speaker.addNeighbor(peer(A, { passive: true }));
    await wait();
    expect(up()).to.deep.equal([]);
  });

  it('what the transport cannot do is refused, at the start and later, and nothing is left of it', async () => {
    const plain = lab.network.host('10.0.1.99');
    const transport = { connect: plain.connect.bind(plain), listen: plain.listen.bind(plain) };
    const listen = [{ address: '10.0.1.99', port: 179 }];
    const failed = await lab
      .speaker(base({ neighbors: [peer(A, { password: HUSH })] }), { transport })
      .catch((error: Error) => error);
    expect(failed).to.include({
      name: 'ConfigError',
      message: 'neighbors[0].password: TCP MD5 cannot be set: this transport has no such option',
    });
    const running = await lab.speaker({ routerId: '10.0.0.99', listen }, { transport });
    for (const more of [{ password: HUSH }, { ttlSecurity: 1 }, { dscp: 10 }]) {
      expect(() => running.addNeighbor(peer(A, more)))
        .to.throw('this transport has no such option')
        .with.property('code', 'bad_config');
      const config = { asn: 64512, routerId: '10.0.0.99', listen, neighbors: [peer(A, more)] };
      const refused = await running.reconfigure(config).catch((error: Error) => error);
      expect(refused).to.include({ name: 'ConfigError' });
      expect(running.neighbors()).to.deep.equal([]);
    }
  });

  it('GTSM lets in who is near enough, on both sides', async () => {
    lab.network.setHops(R, B, 2);
    await run({ neighbors: [A, B, '10.0.0.13'].map((address) => peer(address, { ttlSecurity: 1 })) });
    await other(A, { ttlSecurity: 1 });
    await other(B, { ttlSecurity: 2 });
    // Sends with TTL 64.
    await other('10.0.0.13');
    await wait();
    expect(up()).to.deep.equal([A]);
    expect(speaker.neighbor(B).reason).to.include('more than 1 hop or nobody there look the same');
    await speaker.reconfigure(base({ neighbors: [peer(A, { ttlSecurity: 1 }), peer(B, { ttlSecurity: 2 })] }));
    await wait();
    expect(up()).to.deep.equal([A, B]);
    expect(speaker.neighbor(A).established).to.equal(1);
  });

  it('no password is in anything that is shown', async () => {
    await run({
      neighbors: [peer(A, { password: HUSH }), peer(B, { password: () => HUSH })],
      peerGroups: { g: { peerAs: 64512, password: HUSH } },
      dynamicNeighbors: [{ prefix: '10.1.0.0/16', peerGroup: 'g' }],
    });
    const events: unknown[] = [];
    speaker.on('neighborStateChange', (event) => events.push(event));
    await other(A, { password: HUSH });
    await other(B, { password: 'another' });
    await wait();
    const shown = [
      JSON.stringify([speaker.summary(), speaker.neighbors(), events]),
      inspect(speaker, { depth: 12, maxArrayLength: 50 }),
      JSON.stringify((speaker as unknown as { config: unknown }).config),
      JSON.stringify(speaker.addNeighbor(peer('10.0.0.20', { password: HUSH })).settings),
    ];
    expect(shown[1]).to.include('[secret]');
    for (const text of shown) expect(text).to.not.include(HUSH);
  });
});

describe('Speaker: directly connected eBGP neighbors', () => {
  let lab: Lab;
  let speaker: Speaker;
  let subnets: string[];
  const networks: LocalNetworks = {
    interfaceOf: () => undefined,
    isConnected: (address) => subnets.some((subnet) => prefixContains(parsePrefix(subnet), parseAddress(address))),
  };
  const external = (more: Partial<NeighborOptions> = {}): NeighborOptions => ({
    address: A,
    peerAs: 64513,
    connectRetry: 1,
    connectRetryMax: 4,
    ...more,
  });

  beforeEach(() => {
    lab = new Lab();
    subnets = ['192.0.2.0/24'];
  });

  const run = async (more: Partial<SpeakerConfig>): Promise<void> => {
    speaker = await lab.speaker({ routerId: R, ...more }, { networks });
    await lab.speaker({ asn: 64513, routerId: A, neighbors: [{ address: R, peerAs: 64512, connectRetry: 1 }] });
    await lab.clock.runAsync(20_000);
  };

  it('one that is not is neither connected to nor let in, and it is told why, until its subnet is there', async () => {
    await run({ neighbors: [external()] });
    const { state, reason } = speaker.neighbor(A);
    expect(state).to.be.oneOf(['Active', 'Connect']);
    expect(reason).to.include(
      `${A} is in no subnet of an interface of ours, as an eBGP neighbor without multihop must be`,
    );
    expect(lab.dialsTo(A)).to.equal(0);
    expect(lab.dialsTo(R)).to.be.greaterThan(1);
    subnets.push('10.0.0.0/24');
    await lab.clock.runAsync(10_000);
    expect(speaker.neighbor(A).state).to.equal('Established');
  });

  for (const more of [{ multihop: 2 }, { ttlSecurity: 2 }, { connectedCheck: false }]) {
    it(`may be anywhere with ${JSON.stringify(more)}`, async () => {
      await run({ neighbors: [external({ ...more })] });
      const expected = 'ttlSecurity' in more ? 'Connect' : 'Established';
      expect(speaker.neighbor(A).reason ?? '').to.not.include('subnet');
      // The other one sends with TTL 64.
      if (expected === 'Established') expect(speaker.neighbor(A).state).to.equal(expected);
    });
  }

  it('may not with ttlSecurity or multihop of one hop', async () => {
    for (const more of [{ multihop: 1 }, { ttlSecurity: 1 }]) {
      lab = new Lab();
      await run({ neighbors: [external(more)] });
      expect(speaker.neighbor(A).reason).to.include('subnet');
    }
  });

  it('the check is switched off while it runs, and the session comes up', async () => {
    await run({ neighbors: [external()] });
    const config = { asn: 64512, routerId: R, listen: [{ address: R, port: 179 }] };
    const result = await speaker.reconfigure({ ...config, neighbors: [external({ connectedCheck: false })] });
    expect(result).to.deep.include({ changed: [A], reset: [] });
    await lab.clock.runAsync(10_000);
    expect(speaker.neighbor(A).state).to.equal('Established');
  });

  it('one from a range is sent away, and forgotten', async () => {
    await run({ peerGroups: { g: { peerAs: 64513 } }, dynamicNeighbors: [{ prefix: '10.0.0.0/8', peerGroup: 'g' }] });
    expect(speaker.neighbors()).to.deep.equal([]);
    subnets.push('10.0.0.0/24');
    await lab.clock.runAsync(10_000);
    expect(speaker.neighbor(A).state).to.equal('Established');
  });

  it('iBGP neighbors may be anywhere', async () => {
    speaker = await lab.speaker({ routerId: R, neighbors: [external({ peerAs: 64512 })] }, { networks });
    await lab.speaker({ routerId: A, neighbors: [{ address: R, peerAs: 64512 }] });
    await lab.clock.runAsync(20_000);
    expect(speaker.neighbor(A).state).to.equal('Established');
  });
});
