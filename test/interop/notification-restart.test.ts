/** RFC 8538: sessions that end with a NOTIFICATION and are kept over it, and the Hard Reset that says not to. */
import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, eventually, holds, lab, steadily } from './harness/index.js';
import type { Host, PeerSettings, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const OURS = '10.50.0.0/24';
const THEIRS = '10.51.0.0/24';

interface Candidate {
  readonly name: 'frr' | 'gobgp';
  create(...args: ConstructorParameters<typeof Frr>): SpeakerDriver;
  /** Its own settings for the session. */
  readonly peer: Partial<PeerSettings>;
  /** End the session with a NOTIFICATION that is no Hard Reset. */
  reset(daemon: SpeakerDriver, neighbor: string): Promise<unknown>;
  /** Shut the session down with a Hard Reset, and take it up again. */
  readonly hardReset?: (daemon: SpeakerDriver, neighbor: string, isDown: () => Promise<unknown>) => Promise<unknown>;
  /** Whether it sets the F bit although it has not restarted: else its routes go and come when it is back. */
  readonly preserves: boolean;
}

const configure = (daemon: SpeakerDriver, ...lines: string[]) =>
  (daemon as Frr).vtysh('bgpd', 'configure terminal', `router bgp ${AS}`, ...lines);

const CANDIDATES: readonly Candidate[] = [
  {
    name: 'frr',
    create: (...args) => new Frr(...args),
    peer: { lines: ['timers 1 3'] },
    reset: async (daemon, neighbor) => {
      // Else it makes a Hard Reset of it.
      await configure(daemon, 'no bgp hard-administrative-reset');
      await (daemon as Frr).vtysh('bgpd', `clear bgp ${neighbor}`);
    },
    hardReset: async (daemon, neighbor, isDown) => {
      await configure(daemon, `neighbor ${neighbor} shutdown`);
      await isDown();
      await configure(daemon, `no neighbor ${neighbor} shutdown`);
    },
    preserves: true,
  },
  {
    name: 'gobgp',
    create: (...args) => new Gobgp(...args),
    peer: {
      gobgp: {
        'graceful-restart': { config: { enabled: true, 'restart-time': 90, 'notification-enabled': true } },
      },
    },
    reset: (daemon, neighbor) => (daemon as Gobgp).gobgp('neighbor', neighbor, 'reset'),
    // GoBGP 3.10 takes a Hard Reset, but sends none.
    preserves: false,
  },
];

for (const candidate of CANDIDATES) {
  const { name, peer } = candidate;
  lab(
    `NOTIFICATION and graceful restart (RFC 8538) with ${name}`,
    { needs: ['bird', name], timeoutMs: 180_000 },
    (lab) => {
      let tsbgp: Tsbgp;
      let daemon: SpeakerDriver;
      let watcher: Bird;

      before(async () => {
        const lan = await lab.network.lan('10.0.0', 'fd00');
        const hosts = ['rr', 'daemon', 'watcher'].map((name, i) => lab.network.host(name, [lan, i + 1]));
        const [center, first, second] = (await Promise.all(hosts)) as [Host, Host, Host];
        const gracefulRestart = { restartTime: 90 };
        const ipv4 = { peerAs: AS, families: ['ipv4'] as const };
        tsbgp = new Tsbgp(center, {
          asn: AS,
          neighbors: [
            {
              ...{ address: first.v4, ...ipv4, reflectorClient: true, gracefulRestart },
              tsbgp: { holdTime: 3, gracefulRestart: { enabled: true, restartTime: 90 } },
            },
            { address: second.v4, ...ipv4, reflectorClient: true },
          ],
          announce: [OURS],
        });
        const neighbor = { address: center.v4, ...ipv4, gracefulRestart, ...peer };
        daemon = candidate.create(first, { asn: AS, neighbors: [neighbor], announce: [THEIRS] });
        watcher = new Bird(second, { asn: AS, neighbors: [{ address: center.v4, ...ipv4 }] });
        await Promise.all([tsbgp, daemon, watcher].map((speaker) => speaker.start()));
        await isWhole();
      });

      const view = () => tsbgp.neighbor(daemon.host.v4);
      const told = async () => (await tsbgp.neighbor(watcher.host.v4)).sent.update;

      /** All hold all, and nothing is stale. GoBGP stays idle for half a minute after it has reset a session. */
      const isWhole = async () => {
        await holds(watcher, 'ipv4', [{ prefix: OURS }, { prefix: THEIRS }], 45_000);
        await eventually(view, {
          what: 'nothing is stale',
          limitMs: 45_000,
          until: ({ state, prefixes }) =>
            state === 'Established' &&
            prefixes['ipv4-unicast']?.received === 1 &&
            prefixes['ipv4-unicast'].stale === undefined,
        });
        await holds(daemon, 'ipv4', [{ prefix: OURS }], 30_000);
      };

      const hasEnded = (established: number, text: RegExp, direction: 'sent' | 'received') =>
        eventually(view, {
          what: `a session ended with ${String(text)}`,
          until: ({ lastError, ...now }) => {
            expect(lastError?.text).to.match(text);
            expect(lastError?.direction).to.equal(direction);
            return now.state !== 'Established' || now.established > established;
          },
        });

      it('both announce the N bit', async () => {
        expect((await view()).gracefulRestart).to.include({ notification: true });
      });

      it('it resets the session: its routes stay, and nobody is told anything', async () => {
        const { established } = await view();
        const before = await told();
        await candidate.reset(daemon, tsbgp.host.v4);
        await hasEnded(established, /^Cease\/Administrative Reset$/, 'received');
        if (!candidate.preserves) {
          expect((await view()).prefixes['ipv4-unicast']?.stale?.phase).to.equal('restart');
          expect(await told()).to.equal(before);
        }
        await isWhole();
        expect((await view()).established).to.equal(established + 1);
        if (candidate.preserves) expect(await told()).to.equal(before);
      });

      it('packets are lost until both hold timers expire: both keep all', async () => {
        const { established } = await view();
        const before = await told();
        await lab.network.cut(daemon.host);
        await hasEnded(established, /^Hold Timer Expired/, 'sent');
        expect((await view()).prefixes['ipv4-unicast']?.stale?.phase).to.equal('restart');
        await eventually(() => daemon.sessionState(tsbgp.host.v4), {
          what: `${name} has noticed, too`,
          until: (state) => state !== 'Established',
        });
        await steadily(async () => (await daemon.routes('ipv4')).some(({ prefix }) => prefix === OURS), {
          ...{ what: `${name} keeps ${OURS}`, forMs: 1500 },
        });
        expect(await told()).to.equal(before);
        await lab.network.restore(daemon.host);
        await isWhole();
        if (candidate.preserves) expect(await told()).to.equal(before);
      });

      const { hardReset } = candidate;
      if (hardReset) {
        it('it shuts the session down: a Hard Reset, and its routes go at once', async () => {
          const { established } = await view();
          await hardReset(daemon, tsbgp.host.v4, async () => {
            await hasEnded(established, /^Cease\/Hard Reset \(Cease\/Administrative Shutdown\)$/, 'received');
            await holds(watcher, 'ipv4', [{ prefix: OURS }], 5000);
          });
          await isWhole();
        });
      }

      it('tsbgp disables it: a Hard Reset, and ours go at once', async () => {
        await tsbgp.neighborCommand('disable', daemon.host.v4);
        await holds(daemon, 'ipv4', [], 5000);
        await tsbgp.neighborCommand('enable', daemon.host.v4);
        await isWhole();
      });
    },
  );
}

lab('NOTIFICATION with BIRD, which does not know RFC 8538', { needs: ['bird'] }, (lab) => {
  it('no N bit: a NOTIFICATION from it ends the routes, and so does one from tsbgp', async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 1]);
    const first = await lab.network.host('bird', [lan, 2]);
    const ipv4 = { peerAs: AS, families: ['ipv4'] as const, gracefulRestart: { restartTime: 90 } };
    const tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: [{ address: first.v4, ...ipv4 }],
      announce: [OURS],
    });
    const bird = new Bird(first, { asn: AS, neighbors: [{ address: center.v4, ...ipv4 }], announce: [THEIRS] });
    await Promise.all([tsbgp.start(), bird.start()]);
    await holds(bird, 'ipv4', [{ prefix: OURS }]);
    await holds(tsbgp, 'ipv4', [{ prefix: THEIRS }]);
    expect((await tsbgp.neighbor(first.v4)).gracefulRestart).to.include({ notification: false });
    await bird.ask('disable peer0');
    await holds(tsbgp, 'ipv4', [], 5000);
    await bird.ask('enable peer0');
    await holds(tsbgp, 'ipv4', [{ prefix: THEIRS }]);
    await tsbgp.neighborCommand('disable', first.v4);
    await holds(bird, 'ipv4', [], 5000);
    expect((await tsbgp.neighbor(first.v4)).lastError).to.include({ code: 6, subcode: 2, direction: 'sent' });
  });
});
