import { expect } from 'chai';
import { serveApi, type ApiServer } from '../../lib/api/index.js';
import { FakeSpeaker, neighborView, pathView } from '../api/fake-speaker.js';
import { tsbgp } from './capture.js';

describe('tsbgp show', () => {
  let speaker: FakeSpeaker;
  let server: ApiServer;

  beforeEach(async () => {
    speaker = new FakeSpeaker();
    server = await serveApi(speaker, '127.0.0.1:0');
  });
  afterEach(() => server.close());

  const show = (...args: string[]): ReturnType<typeof tsbgp> => tsbgp('show', ...args, '--api', server.url);

  it('neighbors: an aligned line each, with the reason of those that are down', async () => {
    const now = Date.now();
    speaker.peers = [
      neighborView('10.0.0.2', { description: 'rack 1', since: now - 3_725_000 }),
      neighborView('2001:db8::2', {
        state: 'Active',
        reason: 'connection refused',
        peerAs: 4200000000,
        since: now,
        prefixes: {},
      }),
      neighborView('10.0.0.4', { state: 'Idle', adminDown: true, since: now - 90_000_000, prefixes: {} }),
    ];
    const { code, out, err } = await show('neighbors');
    expect({ code, err }).to.deep.equal({ code: 0, err: '' });
    // However long it took.
    expect(out.replace(/Active( +)\ds/, 'Active$10s').split('\n')).to.deep.equal([
      'Neighbor             AS  State          For  IPv4 in  out  IPv6 in  out  Description',
      '10.0.0.2          64512  Established  1h02m        2    3        -    -  rack 1',
      '2001:db8::2  4200000000  Active          0s        -    -        -    -  connection refused',
      '10.0.0.4          64512  disabled     1d01h        -    -        -    -',
      '',
    ]);
  });

  it('neighbor: all about one, also why it is down', async () => {
    const { out } = await show('neighbor', '2001:DB8::2');
    expect(out).to.match(/^Neighbor: +2001:db8::2$/m);
    expect(out).to.match(/^State: +Active for .*, established 0 times$/m);
    expect(out).to.match(/^Reason: +Connection refused; next attempt in 5 s$/m);
    expect(out).to.match(/^Last error: +received: Cease\/Administrative Shutdown, .* ago$/m);
    expect(out).to.match(/^Shutdown text: +maintenance$/m);
    expect(out).to.not.match(/^Description/m);
  });

  it('process: memory, processor time, stalls', async () => {
    const { code, out } = await show('process');
    expect(code).to.equal(0);
    expect(out).to.match(/^Memory: +[\d.]+ MB resident, [\d.]+ MB at most$/m);
    expect(out).to.match(/^Longest stall: +[\d.]+ ms in \ds$/m);
    expect(JSON.parse((await show('process', '--json')).out)).to.have.nested.property('eventLoop.p99StallMs');
  });

  it('routes: best ones, all, and what the API filters', async () => {
    const { out } = await show('routes');
    expect(out.split('\n')).to.deep.equal([
      '   Prefix           Next hop     From      LocalPref  MED  Path           Communities',
      '>  10.1.0.0/16      10.0.0.2     10.0.0.2        100    -  64513 64514 i  64512:100 no-export',
      '>  10.2.0.0/24      10.0.0.1     local             -    -  i',
      '>  2001:db8:1::/48  2001:db8::2  10.0.0.2        100    -  i',
      '',
    ]);
    expect((await show('routes', '--all')).out).to.match(/^ {3}10\.1\.0\.0\/16 .*10\.0\.0\.3/m);
    await show('routes', '--received-from', '10.0.0.2', '--family', 'ipv4-unicast');
    expect(speaker.calls.at(-1)).to.deep.equal(['routes', 'ipv4-unicast', { receivedFrom: '10.0.0.2' }]);
    expect((await show('routes', '--within', '10.2.0.0/16', '--json')).out).to.equal(
      `[\n${JSON.stringify(speaker.paths[2])}\n]\n`,
    );
  });

  it('route: all paths, and why each of the others lost', async () => {
    const { out } = await show('route', '10.1.0.0/16');
    expect(out).to.equal(`10.1.0.0/16: 2 paths
1. via 10.0.0.2, from 10.0.0.2, best
   AS_PATH 64513 64514, ORIGIN igp, LOCAL_PREF 100, MED -
   communities 64512:100 no-export
2. via 10.0.0.3, from 10.0.0.3
   AS_PATH (empty), ORIGIN igp, LOCAL_PREF 100, MED -
   lost at: shorter AS_PATH (RFC 4271 9.1.2.2 a): AS_PATH length 3 > 2
`);
    expect(await show('route', '10.77.0.0/16')).to.include({ code: 1, err: '10.77.0.0/16 is not in the table\n' });
    expect((await show('route', '10.77.0.0/16', '--json')).code).to.equal(0);
  });

  it('fib and summary', async () => {
    expect((await show('fib')).out.split('\n')).to.deep.equal([
      'Prefix       Target                 State       Error',
      '10.1.0.0/16  via 10.0.0.2 dev eth0  installed',
      '10.9.0.0/16  via 10.0.0.7           unresolved  no route to 10.0.0.7',
      '',
    ]);
    expect((await show('fib', '--state', 'installed')).out).to.not.include('10.9.0.0/16');
    expect((await show('fib', '--within', '10.9.0.0/16')).out).to.not.include('10.1.0.0/16');
    expect((await show('summary')).out).to.match(/^Neighbors: +1 of 2 established$/m);
  });

  it('fib says first what is not as it should be', async () => {
    const removalsHeld = 'no reflector is Established and has told all its routes';
    speaker.fibTrouble = { state: 'down', lastError: 'ip: gone', failed: 1, removing: 3, removalsHeld, stale: 2 };
    expect((await show('fib')).out.split('\n').slice(0, 4)).to.deep.equal([
      'fake: down: ip: gone',
      '1 route could not be written',
      `no route is removed: ${removalsHeld}; 3 routes waiting ('tsbgp fib confirm-removals' removes them)`,
      '2 routes of an earlier run not wanted so far',
    ]);
  });

  it('all about one kernel route', async () => {
    const now = Date.now();
    const times = { wantedAt: now - 90_000, writtenAt: now - 60_000, acknowledgedAt: null };
    const failure = { state: 'failed', error: 'No buffer space', failures: 3, retryAt: now + 4000 } as const;
    speaker.fib = [{ prefix: '10.1.0.0/16', target: 'blackhole', ...failure, ...times }];
    const { out } = await show('fib', '10.1.0.0/16');
    expect(out).to.match(/State: +failed\nError: +No buffer space\nFailures: +3 in a row\nNext try: +in [34]s/);
    expect(out).to.match(/Wanted: +since 1m3\ds\nWritten: +1m0\ds ago\nAcknowledged: +never/);
    expect(await show('fib', '10.7.0.0/16')).to.include({ code: 1 });
  });

  it('--json is what the API answers', async () => {
    expect(JSON.parse((await show('summary', '--json')).out)).to.deep.equal(speaker.summary());
    expect(JSON.parse((await show('neighbors', '--json')).out)).to.deep.equal(speaker.neighbors());
    expect(JSON.parse((await show('neighbor', '10.0.0.2', '--json')).out)).to.deep.equal(speaker.neighbor('10.0.0.2'));
    expect(JSON.parse((await show('route', '10.1.0.0/16', '--json')).out)).to.deep.equal(
      speaker.explain('10.1.0.0/16'),
    );
    expect(JSON.parse((await show('fib', '--json')).out)).to.deep.equal(speaker.fib);
  });

  it('prints a large table without holding it', async () => {
    speaker.paths = Array.from({ length: 3000 }, (_, i) => pathView(`10.${i >> 8}.${i & 255}.0/24`));
    const { out } = await show('routes');
    expect(out.split('\n')).to.have.length(3002);
  });

  it('lets nothing from a neighbor steer the terminal', async () => {
    speaker.peers = [neighborView('10.0.0.2', { state: 'Idle', reason: 'bye\u001b[2J\r\n\u202ex' })];
    const { out } = await show('neighbors');
    expect(out).to.include('bye\\u001b[2J\\u000d\\u000a\\u202ex');
    // eslint-disable-next-line no-control-regex
    expect(out).to.not.match(/[\u001b\r\u202e]/);
  });

  it('says what is wrong: exit code 1 when it is not there, 2 when asked wrongly', async () => {
    expect(await show('neighbor', '10.0.0.77')).to.deep.equal({
      code: 1,
      out: '',
      err: 'there is no neighbor 10.0.0.77\n',
    });
    expect(await show('neighbor', 'x')).to.deep.equal({ code: 2, out: '', err: "not an IP address: 'x'\n" });
    expect(await show('route', '10.0.0.1/8')).to.include({ code: 2 });
    expect(await show('routes', '--family', 'ipv5')).to.include({ code: 2 });
    expect(await show('nothing')).to.include({ code: 2, out: '' });
    expect(await tsbgp('show', 'summary', '--api', 'nowhere')).to.include({ code: 2 });
  });

  it('says what to do when nobody answers', async () => {
    await server.close();
    const { code, err } = await show('summary');
    expect(code).to.equal(1);
    expect(err).to.match(/^no speaker at http:\/\/127\.0\.0\.1:\d+: connection refused\nIs 'tsbgp run' running/);
    server = await serveApi(speaker, '127.0.0.1:0');
  });
});

describe('tsbgp announce, withdraw, neighbor', () => {
  let speaker: FakeSpeaker;
  let server: ApiServer;

  beforeEach(async () => {
    speaker = new FakeSpeaker();
    server = await serveApi(speaker, '127.0.0.1:0');
  });
  afterEach(() => server.close());

  const ask = (...args: string[]): ReturnType<typeof tsbgp> => tsbgp(...args, '--api', server.url);

  it('announces with attributes', async () => {
    const flags =
      '--next-hop 10.0.0.9 --origin egp --med 5 --local-pref 200 --community no-export 64512:1 --large-community 1:2:3 --blackhole';
    const { code, out } = await ask('announce', '10.5.0.0/16', '10.6.0.0/16', ...flags.split(' '));
    expect({ code, out }).to.deep.equal({ code: 0, out: 'announced 10.5.0.0/16\nannounced 10.6.0.0/16\n' });
    const attributes = {
      nextHop: '10.0.0.9',
      origin: 'egp',
      med: 5,
      localPref: 200,
      communities: ['no-export', '64512:1'],
      largeCommunities: ['1:2:3'],
      blackhole: true,
    };
    expect(speaker.calls).to.deep.equal([
      ['announce', '10.5.0.0/16', attributes],
      ['announce', '10.6.0.0/16', attributes],
    ]);
  });

  it('withdraws', async () => {
    expect(await ask('withdraw', '10.5.0.0/16')).to.include({ code: 0, out: 'withdrawn 10.5.0.0/16\n' });
    expect(await ask('withdraw', '10.99.0.0/16')).to.include({ code: 1, err: '10.99.0.0/16 is not originated here\n' });
  });

  it('changes nothing when one argument is wrong', async () => {
    const wrong = [
      ['announce', '10.5.0.0/16', '10.6.0.1/16'],
      ['announce', '10.5.0.0/16', '--med', 'many'],
      ['announce', '10.5.0.0/16', '--community', 'nope'],
      ['announce', '2001:db8::/32', '--next-hop', '10.0.0.9'],
      ['withdraw', '10.5.0.0/16', 'x'],
      ['announce'],
      ['neighbor', 'reset', 'x'],
      ['neighbor', 'explode', '10.0.0.2'],
    ];
    for (const args of wrong) expect((await ask(...args)).code, args.join(' ')).to.equal(2);
    expect(speaker.calls).to.deep.equal([]);
  });

  it('enables, disables and resets neighbors', async () => {
    expect(await ask('neighbor', 'disable', '10.0.0.2', '--reason', 'new cable')).to.include({
      code: 0,
      out: '10.0.0.2: Established\n',
    });
    await ask('neighbor', 'enable', '10.0.0.2');
    await ask('neighbor', 'reset', '2001:DB8::2');
    expect(speaker.calls).to.deep.equal([
      ['disableNeighbor', '10.0.0.2', 'new cable'],
      ['enableNeighbor', '10.0.0.2'],
      ['resetNeighbor', '2001:db8::2', undefined],
    ]);
  });
});
