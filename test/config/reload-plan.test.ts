import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createApi, serveApi, type ApiServer } from '../../lib/api/index.js';
import { checkConfig } from '../../lib/speaker/config.js';
import { holdsSecrets, isSecretKey, withSecretsInClear, type ReloadPlan } from '../../lib/speaker/reload-plan.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { FakeSpeaker } from '../api/fake-speaker.js';
import { tsbgp } from '../cli/capture.js';
import { Lab } from '../support/lab.js';

const R = '10.0.0.1';
const peer = (address: string, more: Partial<NeighborOptions> = {}): NeighborOptions => ({
  address,
  peerAs: 64512,
  passive: true,
  ...more,
});
const base = { asn: 64512, routerId: R, listen: [{ address: R, port: 179 }] };
const ranges = (limit: number) => ({
  peerGroups: { hosts: { peerAs: 64512 }, other: { peerAs: 64512, holdTime: 30 } },
  dynamicNeighbors: [{ prefix: '10.1.0.0/16', peerGroup: limit === 7 ? 'other' : 'hosts', limit }],
});
const before: SpeakerConfig = {
  ...base,
  ...ranges(5),
  neighbors: [peer('10.0.0.2'), peer('10.0.0.3'), peer('10.0.0.4'), peer('10.0.0.5')],
  networks: ['10.9.0.0/16', '10.8.0.0/16'],
};
const after: SpeakerConfig = {
  ...base,
  ...ranges(7),
  alwaysCompareMed: true,
  connectionRateLimit: { perAddress: 1 },
  neighbors: [
    peer('10.0.0.2', { description: 'rack 2', routeReflectorClient: true }),
    peer('10.0.0.3', { holdTime: 30, description: 'rack 3' }),
    peer('10.0.0.5', { holdTime: 30 }),
    peer('10.0.0.6'),
  ],
  networks: [{ prefix: '10.9.0.0/16', med: 5 }, '10.7.0.0/16'],
};

describe('reload plan', () => {
  let lab: Lab;
  let speaker: Speaker;

  beforeEach(async () => {
    lab = new Lab();
    speaker = await lab.speaker(before as SpeakerConfig & { routerId: string });
    // 10.0.0.5 is never up.
    await lab.up(...['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.1.0.1'].map((address) => lab.probe(R, address)));
  });

  it('says what is added, removed, changed in place or reset, and why', () => {
    expect(speaker.planReconfigure(after)).to.deep.equal({
      neighbors: {
        added: ['10.0.0.6'],
        removed: ['10.0.0.4'],
        changed: [
          {
            neighbor: '10.0.0.2',
            effect: 'inPlace',
            settings: [
              { setting: 'description', from: null, to: 'rack 2', effect: 'inPlace' },
              { setting: 'routeReflectorClient', from: false, to: true, effect: 'inPlace' },
            ],
          },
          {
            neighbor: '10.0.0.3',
            effect: 'reset',
            settings: [
              { setting: 'description', from: null, to: 'rack 3', effect: 'inPlace' },
              { setting: 'holdTime', from: 90, to: 30, effect: 'reset' },
            ],
          },
          {
            neighbor: '10.0.0.5',
            effect: 'reset',
            settings: [{ setting: 'holdTime', from: 90, to: 30, effect: 'reset' }],
          },
        ],
      },
      dynamicNeighbors: {
        added: [],
        removed: [],
        changed: [
          {
            neighbor: '10.1.0.0/16',
            effect: 'reset',
            settings: [{ setting: 'holdTime', from: 90, to: 30, effect: 'reset' }],
          },
        ],
      },
      networks: { added: ['10.7.0.0/16'], removed: ['10.8.0.0/16'], changed: ['10.9.0.0/16'] },
      sections: ['connectionRateLimit'],
      needsRestart: ['alwaysCompareMed'],
      sessionsEnding: ['10.0.0.3', '10.0.0.4', '10.1.0.1'],
    } satisfies ReloadPlan);
  });

  it('changes nothing, and reconfigure then does exactly that', async () => {
    const plan = speaker.planReconfigure(after);
    await lab.clock.runAsync(60_000);
    expect(speaker.neighbors().map(({ established }) => established)).to.deep.equal([1, 1, 1, 0, 1]);
    const ended: string[] = [];
    speaker.on('neighborStateChange', ({ neighbor, from }) => from === 'Established' && ended.push(neighbor));
    const result = await speaker.reconfigure(after);
    expect(ended.sort()).to.deep.equal(plan.sessionsEnding);
    const names = (effect: string) =>
      plan.neighbors.changed.filter((one) => one.effect === effect).map(({ neighbor }) => neighbor);
    expect(result).to.deep.equal({
      added: plan.neighbors.added,
      removed: plan.neighbors.removed,
      changed: names('inPlace'),
      reset: [...names('reset'), '10.1.0.1'],
      networksAdded: [...plan.networks.added, ...plan.networks.changed],
      networksRemoved: plan.networks.removed,
      needsRestart: plan.needsRestart,
    });
    const rest = speaker.planReconfigure(after);
    expect({ ...rest, needsRestart: [] }).to.deep.equal({
      neighbors: { added: [], removed: [], changed: [] },
      dynamicNeighbors: { added: [], removed: [], changed: [] },
      networks: { added: [], removed: [], changed: [] },
      sections: [],
      needsRestart: [],
      sessionsEnding: [],
    });
    expect(rest.needsRestart).to.deep.equal(['alwaysCompareMed']);
  });

  it('refuses what reconfigure refuses', () => {
    expect(() => speaker.planReconfigure({ ...before, neighbors: [{ address: '10.0.0.2' }] })).to.throw(
      /peerAs is missing/,
    );
    expect(() =>
      speaker.planReconfigure({
        ...before,
        asn: 64513,
        neighbors: [peer('10.0.0.2', { peerAs: 64513, routeReflectorClient: true })],
      }),
    ).to.throw(/only after a restart/);
  });

  it('knows what is a secret', () => {
    expect(['password', 'authPassword', 'tcpMd5Password', 'secretFile'].every(isSecretKey)).to.equal(true);
    expect(['keepaliveInterval', 'passive', 'peerAs'].some(isSecretKey)).to.equal(false);
    expect(holdsSecrets(before)).to.equal(false);
    const secret = checkConfig({ ...before, peerGroups: { ...before.peerGroups, g: { password: 'x' } } });
    expect(holdsSecrets(secret)).to.equal(true);
    expect(withSecretsInClear(secret)).to.have.nested.property('peerGroups.g.password', 'x');
    expect(
      holdsSecrets(checkConfig({ ...before, peerGroups: { ...before.peerGroups, g: { passwordFile: '/x' } } })),
    ).to.equal(false);
  });

  it('compares passwords, and shows none', async () => {
    const config = (password: string) => ({ ...before, neighbors: [peer('10.0.0.2', { password })] });
    await speaker.reconfigure(config('hush'));
    expect(speaker.planReconfigure(config('hush')).neighbors.changed).to.deep.equal([]);
    expect(speaker.planReconfigure(config('another')).neighbors.changed).to.deep.equal([
      {
        neighbor: '10.0.0.2',
        effect: 'reset',
        settings: [{ setting: 'password', from: null, to: null, effect: 'reset' }],
      },
    ]);
  });

  it('over the API: POST /v1/plan, also for a file over 64 KiB', async () => {
    const api = createApi(speaker);
    const ask = async (config: unknown) => {
      const headers = { host: '127.0.0.1', 'content-type': 'application/json' };
      const response = await api.request('/v1/plan', { method: 'POST', headers, body: JSON.stringify(config) });
      return { status: response.status, body: await response.json() };
    };
    expect(await ask(after)).to.deep.equal({ status: 200, body: speaker.planReconfigure(after) });
    const many = Array.from({ length: 5000 }, (_, i) => peer(`10.2.${i >> 8}.${i & 255}`, { passive: true })).slice(1);
    const large = await ask({ ...before, neighbors: [...before.neighbors!, ...many] });
    expect((large.body as ReloadPlan).neighbors.added).to.have.length(4999);
    expect(await ask({ ...before, asn: 0 })).to.deep.nested.include({ status: 400, 'body.code': 'bad_config' });
    expect(await ask([])).to.deep.nested.include({ status: 400, 'body.code': 'bad_body' });
  });
});

describe('tsbgp check --against', () => {
  let folder: string;
  let server: ApiServer;
  let fake: FakeSpeaker;
  let file: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsbgp-plan-'));
    file = join(folder, 'new.json');
    writeFileSync(file, JSON.stringify(after));
    fake = new FakeSpeaker();
    server = await serveApi(fake, '127.0.0.1:0');
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const run = (...more: string[]) => tsbgp('check', file, '--against', server.url, ...more);

  it('exit code 0: nothing would change', async () => {
    expect(await run()).to.deep.equal({ code: 0, out: 'nothing would change\n', err: '' });
    const [call] = fake.calls as [string, SpeakerConfig][];
    expect(call?.[0]).to.equal('planReconfigure');
    expect(call?.[1]).to.deep.equal(after);
  });

  it('3: changes without the end of a session, 4: sessions end, 5: a restart is needed', async () => {
    const none = { added: [], removed: [], changed: [] };
    fake.plan = {
      neighbors: {
        ...none,
        changed: [
          {
            neighbor: '10.0.0.2',
            effect: 'inPlace',
            settings: [{ setting: 'holdTime', from: 90, to: 30, effect: 'inPlace' }],
          },
        ],
      },
    };
    expect(await run()).to.deep.equal({
      code: 3,
      out: '~ neighbor 10.0.0.2: in place: holdTime 90 -> 30\nno session would end\n',
      err: '',
    });
    fake.plan = { neighbors: { ...none, removed: ['10.0.0.2', '10.0.0.9'] }, sessionsEnding: ['10.0.0.2'] };
    expect(await run()).to.deep.equal({
      code: 4,
      out: '- neighbor 10.0.0.2: removed, its session ends\n- neighbor 10.0.0.9: removed\n1 session would end\n',
      err: '',
    });
    fake.plan = { ...fake.plan, needsRestart: ['asn'] };
    const restart = await run();
    expect(restart.code).to.equal(5);
    expect(restart.out).to.include('! asn: needs a restart, left as it is\n');
    const json = await run('--json');
    expect(json.code).to.equal(5);
    expect(JSON.parse(json.out)).to.deep.include({ needsRestart: ['asn'], sessionsEnding: ['10.0.0.2'] });
  });

  it('1: the file is wrong, or nobody answers; 2: no URL', async () => {
    expect((await tsbgp('check', file, '--against', 'nonsense')).code).to.equal(2);
    writeFileSync(file, '{}');
    expect((await run()).code).to.equal(1);
    writeFileSync(file, JSON.stringify(before));
    await server.close();
    const { code, err } = await run();
    expect(code).to.equal(1);
    expect(err).to.match(/no speaker at/);
  });
});
