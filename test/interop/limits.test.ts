import { expect } from 'chai';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import {
  Bird,
  Frr,
  Gobgp,
  Openbgpd,
  RawPeer,
  Tsbgp,
  bgp,
  established,
  eventually,
  holds,
  lab,
} from './harness/index.js';
import type { Host, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const prefixes = (number: number, count: number) => Array.from({ length: count }, (_, i) => `10.${number}.${i}.0/24`);
const client = (host: Host, more: Partial<NeighborOptions> = {}): NeighborOptions => ({
  address: host.v4,
  peerAs: AS,
  routeReflectorClient: true,
  connectRetry: 1,
  connectRetryMax: 8,
  ...more,
});
const ceased = (tsbgp: Tsbgp, host: Host, direction: 'sent' | 'received') =>
  eventually(() => tsbgp.neighbor(host.v4), {
    what: `Cease/1 ${direction}, ${host.name}`,
    until: ({ lastError }) => expect(lastError).to.include({ direction, code: 6, subcode: 1 }),
    limitMs: 30_000,
  });

lab('prefix limits here', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let gobgp: Gobgp;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const hosts = [];
    for (const [i, name] of ['bird', 'frr', 'gobgp'].entries()) hosts.push(await lab.network.host(name, [lan, i + 1]));
    const [birdHost, frrHost, gobgpHost] = hosts as [Host, Host, Host];
    const settings = (number: number) => ({
      asn: AS,
      neighbors: [{ address: center.v4, peerAs: AS }],
      announce: prefixes(number, 3),
    });
    const limit = (more: object) => ({ prefixLimit: { 'ipv4-unicast': { maxPrefixes: 5, ...more } } });
    tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: [],
      config: {
        neighbors: [
          client(birdHost, limit({ restartTime: 2 })),
          client(frrHost, limit({ action: 'drop' })),
          client(gobgpHost, limit({})),
        ],
      },
    });
    bird = new Bird(birdHost, settings(1));
    frr = new Frr(frrHost, settings(2));
    gobgp = new Gobgp(gobgpHost, settings(3));
    await Promise.all([tsbgp, bird, frr, gobgp].map((speaker) => speaker.start()));
    await holds(
      tsbgp,
      'ipv4',
      [1, 2, 3].flatMap((n) => prefixes(n, 3)).map((prefix) => ({ prefix })),
    );
  });

  const heldFrom = async (driver: SpeakerDriver) =>
    (await tsbgp.routes('ipv4')).filter(({ neighbor }) => neighbor === driver.host.v4).map(({ prefix }) => prefix);

  it('stop: BIRD is told Cease/1 and comes back after restartTime, again and again, until it has less', async () => {
    await bird.announce('10.1.90.0/24');
    await bird.announce('10.1.91.0/24');
    expect((await tsbgp.neighbor(bird.host.v4)).state).to.equal('Established');
    await bird.announce('10.1.92.0/24');
    await ceased(tsbgp, bird.host, 'sent');
    await eventually(() => bird.ask('show protocols all peer0'), {
      what: 'what BIRD heard',
      until: (text) => /Maximum number of prefixes reached/i.test(text),
    });
    await bird.withdraw('10.1.92.0/24');
    await eventually(() => heldFrom(bird), {
      what: 'five prefixes',
      until: (list) => list.length === 5,
      limitMs: 30_000,
    });
    expect((await tsbgp.neighbor(bird.host.v4)).established).to.be.greaterThan(1);
  });

  it('drop: FRR stays, and no more than the limit is taken', async () => {
    for (const prefix of prefixes(2, 9).slice(3)) await frr.announce(prefix);
    await eventually(() => tsbgp.neighbor(frr.host.v4), {
      what: 'dropped prefixes',
      until: ({ prefixes: counts }) => expect(counts['ipv4-unicast']?.limit?.dropped).to.be.at.least(4),
    });
    expect(await heldFrom(frr)).to.have.length(5);
    expect(await tsbgp.neighbor(frr.host.v4)).to.include({ state: 'Established', established: 1 });
    expect(await tsbgp.cli('show', 'neighbor', frr.host.v4)).to.match(/5 in of at most 5 \(drop, \d+ dropped\)/);
    expect(tsbgp.process.log).to.match(/at most 5 allowed: no more are taken/);
  });

  it('drop: some of those held are gone, and FRR is asked for what was dropped', async () => {
    const gone = (await heldFrom(frr)).slice(0, 2);
    for (const prefix of gone) await frr.withdraw(prefix);
    await eventually(() => heldFrom(frr), {
      what: 'five others',
      until: (list) => list.length === 5 && !list.some((prefix) => gone.includes(prefix)),
      limitMs: 45_000,
    });
    expect((await tsbgp.neighbor(frr.host.v4)).sent.routeRefresh).to.equal(1);
    for (const prefix of gone) await frr.announce(prefix);
  });

  it('drop: SIGHUP with a higher limit asks FRR for its routes again', async () => {
    const { neighbors } = tsbgp.settings.config!;
    const higher = neighbors!.map((one) =>
      one.address === frr.host.v4 ? { ...one, prefixLimit: { 'ipv4-unicast': { maxPrefixes: 50 } } } : one,
    );
    await tsbgp.reconfigure({ ...tsbgp.settings, config: { neighbors: higher } });
    await eventually(() => heldFrom(frr), { what: 'all nine', until: (list) => list.length === 9 });
    expect(await tsbgp.neighbor(frr.host.v4)).to.include({ state: 'Established', established: 1 });
  });

  it('stop without restartTime: GoBGP stays away until it is enabled', async () => {
    for (const prefix of prefixes(3, 6).slice(3)) await gobgp.announce(prefix);
    await ceased(tsbgp, gobgp.host, 'sent');
    await gobgp.withdraw('10.3.5.0/24');
    const view = await tsbgp.neighbor(gobgp.host.v4);
    expect(view).to.include({ state: 'Idle', adminDown: false });
    expect(view.reason).to.match(/until it is enabled or reset/);
    await tsbgp.cli('neighbor', 'enable', gobgp.host.v4);
    await eventually(() => heldFrom(gobgp), {
      what: 'five prefixes',
      until: (list) => list.length === 5,
      limitMs: 40_000,
    });
  });
});

lab('prefix limits there', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  let tsbgp: Tsbgp;
  let drivers: SpeakerDriver[];

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const more = {
      Bird: { familyLines: { ipv4: ['import limit 4 action disable;'] } },
      Frr: { familyLines: { ipv4: ['maximum-prefix 4'] } },
      Gobgp: {
        gobgp: {
          'afi-safis': [
            { config: { 'afi-safi-name': 'ipv4-unicast' }, 'prefix-limit': { config: { 'max-prefixes': 4 } } },
            { config: { 'afi-safi-name': 'ipv6-unicast' } },
          ],
        },
      },
      Openbgpd: { lines: ['max-prefix 4'] },
    };
    drivers = [];
    for (const [i, Kind] of [Bird, Frr, Gobgp, Openbgpd].entries()) {
      const host = await lab.network.host(Kind.name.toLowerCase(), [lan, i + 1]);
      drivers.push(
        new Kind(host, {
          asn: AS,
          neighbors: [{ address: center.v4, peerAs: AS, ...more[Kind.name as keyof typeof more] }],
        }),
      );
    }
    const neighbors = drivers.map(({ host }) => client(host));
    tsbgp = new Tsbgp(center, { asn: AS, neighbors: [], announce: prefixes(100, 3), config: { neighbors } });
    await Promise.all([tsbgp, ...drivers].map((speaker) => speaker.start()));
    await established(tsbgp, ...drivers.map(({ host }) => host.v4));
    for (const driver of drivers)
      await holds(
        driver,
        'ipv4',
        prefixes(100, 3).map((prefix) => ({ prefix })),
      );
    for (const prefix of prefixes(100, 6).slice(3)) await tsbgp.announce(prefix);
  });

  for (const [i, kind] of ['BIRD', 'FRR', 'GoBGP', 'OpenBGPD'].entries()) {
    it(`${kind} ceases: it is shown, and we wait longer and longer`, async () => {
      const { host } = drivers[i]!;
      const { lastError } = await ceased(tsbgp, host, 'received');
      expect(lastError!.text).to.match(/^Cease\/Maximum Number of Prefixes Reached/);
      await eventually(() => tsbgp.neighbor(host.v4), {
        what: 'several failures in a row',
        until: ({ state, reason }) => {
          expect(state).to.be.oneOf(['Idle', 'Active', 'Connect', 'OpenSent']);
          expect(reason).to.match(/next attempt in [4-8] s \(\d+ failures in a row\)/);
        },
        limitMs: 50_000,
      });
    });
  }
});

lab('minimum advertisement interval', { needs: ['bird', 'frr'] }, (lab) => {
  const SECONDS = 3;
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let raw: RawPeer;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const birdHost = await lab.network.host('bird', [lan, 1]);
    const frrHost = await lab.network.host('frr', [lan, 2]);
    const rawHost = await lab.network.host('raw', [lan, 3]);
    const paced = { minimumAdvertisementInterval: SECONDS };
    const neighbors = [client(birdHost, paced), client(frrHost, paced), client(rawHost, { ...paced, passive: true })];
    tsbgp = new Tsbgp(center, { asn: AS, neighbors: [], announce: ['10.100.0.0/24'], config: { neighbors } });
    const settings = { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }] };
    bird = new Bird(birdHost, settings);
    frr = new Frr(frrHost, settings);
    raw = await RawPeer.start(rawHost);
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    for (const driver of [bird, frr]) await holds(driver, 'ipv4', [{ prefix: '10.100.0.0/24' }]);
  });

  const heardByBird = async () =>
    Number(/Import updates:\s+(\d+)/.exec(await bird.ask('show protocols all peer0'))?.[1]);
  const heardByFrr = async () => {
    const view = JSON.parse(await frr.vtysh('bgpd', `show bgp neighbors ${tsbgp.host.v4} json`)) as Record<
      string,
      { messageStats: { updatesRecv: number } }
    >;
    return view[tsbgp.host.v4]!.messageStats.updatesRecv;
  };

  it('BIRD, FRR and the wire see rounds, and the last state in the end', async () => {
    const connection = await raw.connect(tsbgp.host.v4);
    connection.send(bgp.open({ asn: AS, routerId: raw.host.v4 }), bgp.keepalive());
    await connection.message(bgp.UPDATE);
    const before = { bird: await heardByBird(), frr: await heardByFrr(), raw: connection.messages.length };
    // A change every 100 ms for 7 s, or longer on a busy machine.
    const script = `(async () => { for (let med = 1; med <= 70; med++) {
      await fetch('http://127.0.0.1:8179/v1/announce', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prefix: '10.100.0.0/24', med }) });
      await new Promise((r) => setTimeout(r, 100)); } })()`;
    const began = performance.now();
    await tsbgp.host.exec(process.execPath, ['-e', script], { limitMs: 40_000 });
    const intervals = (performance.now() - began) / 1000 / SECONDS;
    for (const driver of [bird, frr]) await holds(driver, 'ipv4', [{ prefix: '10.100.0.0/24', med: 70 }]);
    const updates = connection.messages.slice(before.raw).filter(({ type }) => type === bgp.UPDATE);
    // At most one at the start, one for each whole interval, one at the end.
    for (const [who, count] of [
      ['BIRD', (await heardByBird()) - before.bird],
      ['FRR', (await heardByFrr()) - before.frr],
      ['the wire', updates.length],
    ] as const) {
      expect(count, who).to.be.within(2, 2 + Math.ceil(intervals));
    }
    const gaps = updates.slice(1).map(({ at }, i) => at - updates[i]!.at);
    // As they arrive: a busy machine may hand over one late, and the next in time.
    for (const gap of gaps) expect(gap, `gaps ${gaps.join(' ')}`).to.be.greaterThan(SECONDS * 500);
  });

  it('a withdrawal waits, too', async () => {
    await tsbgp.announce({ prefix: '10.100.0.0/24', med: 7 });
    await holds(bird, 'ipv4', [{ prefix: '10.100.0.0/24', med: 7 }]);
    await tsbgp.announce('10.101.0.0/24');
    await tsbgp.withdraw('10.101.0.0/24');
    await tsbgp.withdraw('10.100.0.0/24');
    for (const driver of [bird, frr]) await holds(driver, 'ipv4', []);
  });
});

lab('disable, enable and reset with a reason (RFC 9003)', { needs: ['bird', 'frr', 'gobgp', 'openbgpd'] }, (lab) => {
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let gobgp: Gobgp;
  let openbgpd: Openbgpd;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const settings = { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }] };
    bird = new Bird(await lab.network.host('bird', [lan, 1]), settings);
    frr = new Frr(await lab.network.host('frr', [lan, 2]), settings);
    gobgp = new Gobgp(await lab.network.host('gobgp', [lan, 3]), settings);
    openbgpd = new Openbgpd(await lab.network.host('openbgpd', [lan, 4]), settings);
    const drivers = [bird, frr, gobgp, openbgpd];
    const neighbors = drivers.map(({ host }) => client(host, { connectRetryMax: 2 }));
    tsbgp = new Tsbgp(center, { asn: AS, neighbors: [], config: { neighbors } });
    await Promise.all([tsbgp, ...drivers].map((speaker) => speaker.start()));
    await established(tsbgp, ...drivers.map(({ host }) => host.v4));
  });

  const REASON = 'rack 7: new Wörld order';
  const shows = (what: string, ask: () => Promise<string>, text: RegExp | string) =>
    eventually(ask, {
      what,
      until: (answer) => expect(answer).to.match(text instanceof RegExp ? text : new RegExp(text)),
    });
  const down = async ({ host }: SpeakerDriver) => {
    expect(await tsbgp.cli('neighbor', 'disable', host.v4, '--reason', REASON)).to.equal(`${host.v4}: disabled\n`);
  };
  const up = async ({ host }: SpeakerDriver) => {
    await tsbgp.cli('neighbor', 'enable', host.v4);
    await eventually(() => tsbgp.sessionState(host.v4), {
      what: 'it is back',
      until: (state) => state === 'Established',
      limitMs: 40_000,
    });
  };

  const heardByFrr = async () => {
    const views = JSON.parse(await frr.vtysh('bgpd', `show bgp neighbors ${tsbgp.host.v4} json`)) as Record<
      string,
      { lastNotificationReason?: string; lastShutdownDescription?: string }
    >;
    const { lastNotificationReason, lastShutdownDescription } = views[tsbgp.host.v4]!;
    return `${lastNotificationReason}: ${lastShutdownDescription}`;
  };

  it('our reason arrives at BIRD', async () => {
    await down(bird);
    await shows('BIRD', () => bird.ask('show protocols all peer0'), /Administrative shutdown/i);
    await shows('the log of BIRD', () => Promise.resolve(lab.network.logs()), REASON);
    await up(bird);
  });

  it('our reason arrives at FRR', async () => {
    await down(frr);
    // It shows octets beyond ASCII as such.
    await shows('FRR', heardByFrr, 'rack 7: new W\\\\xc3\\\\xb6rld order');
    await up(frr);
  });

  it('our reset is Administrative Reset with its reason, and the session comes back by itself', async () => {
    const before = (await tsbgp.neighbor(bird.host.v4)).established;
    await tsbgp.cli('neighbor', 'reset', bird.host.v4, '--reason', 'once more');
    const log = () => Promise.resolve(lab.network.logs());
    await shows('the log of BIRD', log, /Received: Administrative reset: "once more"/);
    await eventually(() => tsbgp.neighbor(bird.host.v4), {
      what: 'it is back',
      until: ({ state, established: count }) => state === 'Established' && count === before + 1,
      limitMs: 40_000,
    });
  });

  const THEIRS: [string, () => SpeakerDriver, (text: string) => Promise<unknown>][] = [
    ['BIRD', () => bird, (text) => bird.ask(`disable peer0 "${text}"`)],
    [
      'FRR',
      () => frr,
      (text) =>
        frr.vtysh(
          'bgpd',
          'configure terminal',
          `router bgp ${AS}`,
          `neighbor ${tsbgp.host.v4} shutdown message ${text}`,
        ),
    ],
    ['GoBGP', () => gobgp, (text) => gobgp.gobgp('neighbor', tsbgp.host.v4, 'shutdown', '--reason', text)],
    ['OpenBGPD', () => openbgpd, (text) => openbgpd.bgpctl('neighbor', tsbgp.host.v4, 'down', text)],
  ];
  for (const [who, driver, shut] of THEIRS) {
    it(`the reason of ${who} is shown here`, async () => {
      const text = `${who} goes to sleep`;
      await shut(text);
      const { v4 } = driver().host;
      await eventually(() => tsbgp.neighbor(v4), {
        what: 'their reason',
        until: ({ lastError, state }) => {
          expect(lastError).to.include({ direction: 'received', code: 6, subcode: 2, message: text });
          expect(state).to.not.equal('Established');
        },
      });
      expect(await tsbgp.cli('show', 'neighbor', v4)).to.match(new RegExp(`Shutdown text: +${text}`));
    });
  }
});
