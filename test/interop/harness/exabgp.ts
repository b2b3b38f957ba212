import { access, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningProcess } from './processes.js';
import { run } from './run.js';
import { SpeakerDriver, families } from './speaker.js';
import type { Announcement, Family, HeldRoute, PeerSettings } from './speaker.js';

/**
 * ExaBGP. It has no RIB of its own: its API process is a shell script that hands commands from a fifo to ExaBGP, and
 * writes ExaBGP's JSON events to a file; the routes held are what these events add up to.
 */
export class Exabgp extends SpeakerDriver {
  readonly kind = 'ExaBGP';
  #process: RunningProcess | undefined;

  async start(): Promise<void> {
    await run('rm', ['-f', this.#events, this.#commands]);
    await run('mkfifo', [this.#commands]);
    const script = join(this.host.directory, 'api.sh');
    await writeFile(script, apiScript(this.#commands, this.#events), { mode: 0o755 });
    const file = join(this.host.directory, 'exabgp.conf');
    await writeFile(file, this.#configuration(script));
    this.#process = this.host.spawn('exabgp', [file], { env: ENVIRONMENT });
    // The script has opened the fifo before it makes this file.
    await this.answers(this.#process, () => access(this.#events));
    for (const route of this.settings.announce ?? []) await this.announce(route);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async announce(route: string | Announcement): Promise<void> {
    const { prefix, nextHop, med, localPref, communities = [] } = this.announcement(route);
    const attributes = [
      ...(med === undefined ? [] : [`med ${med}`]),
      ...(localPref === undefined ? [] : [`local-preference ${localPref}`]),
      ...(communities.length === 0 ? [] : [`community [ ${communities.join(' ')} ]`]),
    ];
    await this.command(['announce route', prefix, 'next-hop', nextHop, ...attributes].join(' '));
  }

  async withdraw(prefix: string): Promise<void> {
    await this.command(`withdraw route ${prefix} next-hop ${this.announcement(prefix).nextHop}`);
  }

  async sessionState(neighbor: string): Promise<string> {
    const events = await this.#read();
    const last = events.filter((event) => event.type === 'state' && event.neighbor.address.peer === neighbor).at(-1);
    return last?.neighbor.state === 'up' ? 'Established' : 'Idle';
  }

  async routes(family: Family): Promise<HeldRoute[]> {
    const routes = new Map<string, HeldRoute>();
    for (const { type, neighbor } of await this.#read()) {
      const peer = neighbor.address.peer;
      if (type === 'state' && neighbor.state !== 'connected') {
        for (const [key, route] of routes) if (route.neighbor === peer) routes.delete(key);
      }
      const update = neighbor.message?.update;
      if (update === undefined) continue;
      for (const { nlri } of update.withdraw?.[`${family} unicast`] ?? []) routes.delete(`${peer} ${nlri}`);
      // The link-local one of a double next hop is listed as if it were a next hop of its own.
      const announced = Object.entries(update.announce?.[`${family} unicast`] ?? {});
      for (const [nextHop, entries] of announced.filter(([address]) => !address.startsWith('fe80:'))) {
        for (const { nlri } of entries)
          routes.set(`${peer} ${nlri}`, heldRoute(nlri, peer, nextHop, update.attribute ?? {}));
      }
    }
    return [...routes.values()];
  }

  get #commands(): string {
    return join(this.host.directory, 'commands');
  }

  get #events(): string {
    return join(this.host.directory, 'events.jsonl');
  }

  /** Any command of its API, for what only ExaBGP can send. */
  async command(text: string): Promise<void> {
    // The script holds it open too, so that neither end blocks.
    const fifo = await open(this.#commands, 'r+');
    await fifo.write(`${text}\n`);
    await fifo.close();
  }

  async #read(): Promise<ExabgpEvent[]> {
    const text = await readFile(this.#events, 'utf8');
    // The last line may be half written.
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ExabgpEvent);
  }

  #configuration(script: string): string {
    return `process api {\n  run ${script};\n  encoder json;\n}\n${this.settings.neighbors.map((peer) => this.#neighbor(peer)).join('')}`;
  }

  #neighbor(peer: PeerSettings): string {
    const lines = [
      `neighbor ${peer.address} {`,
      `  router-id ${this.routerId};`,
      `  local-address ${this.localAddress(peer)};`,
      `  local-as ${this.asn};`,
      `  peer-as ${peer.peerAs};`,
      '  hold-time 90;',
      `  family { ${families(peer)
        .map((family) => `${family} unicast;`)
        .join(' ')} }`,
      '  capability { asn4 enable; route-refresh enable; }',
      '  api { processes [ api ]; neighbor-changes; receive { parsed; update; } }',
      '}',
    ];
    return `${lines.join('\n')}\n`;
  }
}

const ENVIRONMENT = {
  'exabgp.daemon.user': 'root',
  'exabgp.api.cli': 'false',
  // Nobody reads the answers to commands.
  'exabgp.api.ack': 'false',
  'exabgp.log.destination': 'stderr',
};

/** Ends with ExaBGP, whatever ends that: its stdin closes. */
function apiScript(commands: string, events: string): string {
  return `#!/bin/sh
exec 3<>'${commands}'
cat <&3 &
reader=$!
trap 'kill $reader' TERM INT
cat > '${events}'
kill $reader
`;
}

interface Attributes {
  readonly origin?: HeldRoute['origin'];
  readonly 'as-path'?: readonly number[];
  readonly med?: number;
  readonly 'local-preference'?: number;
  readonly community?: readonly (readonly [number, number])[];
  readonly 'originator-id'?: string;
  readonly 'cluster-list'?: readonly string[];
}

type ByFamily<T> = Readonly<Partial<Record<`${Family} unicast`, T>>>;

interface ExabgpEvent {
  readonly type: string;
  readonly neighbor: {
    readonly address: { readonly peer: string };
    readonly state?: string;
    readonly message?: {
      readonly update?: {
        readonly attribute?: Attributes;
        readonly announce?: ByFamily<Readonly<Record<string, readonly { readonly nlri: string }[]>>>;
        readonly withdraw?: ByFamily<readonly { readonly nlri: string }[]>;
      };
    };
  };
}

function heldRoute(prefix: string, neighbor: string, nextHop: string, attributes: Attributes): HeldRoute {
  return {
    prefix,
    neighbor,
    nextHop,
    asPath: (attributes['as-path'] ?? []).join(' '),
    origin: attributes.origin ?? 'incomplete',
    originatorId: attributes['originator-id'] ?? null,
    clusterList: attributes['cluster-list'] ?? [],
    localPref: attributes['local-preference'] ?? null,
    med: attributes.med ?? null,
    communities: (attributes.community ?? []).map(([as, value]) => `${as}:${value}`).sort(),
    // What it was told is all that it knows.
    best: true,
  };
}
