import { expect } from 'chai';
import type { Connection } from '../../lib/net/transport.js';
import type { MemoryTransport } from '../../lib/sim/index.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import * as bgp from '../interop/harness/messages.js';
import { Lab, type Probe } from '../support/lab.js';
import { type HeldRoute, valueOf } from '../support/wire.js';

export const AS = 64512;
export const EXTERNAL_AS = 65001;
export const R = '10.0.0.1';
export const HOSTILE_ID = '10.9.9.9';

/** How far a hostile neighbor behaves before it does what it should not. */
export type Progress = 'OpenSent' | 'OpenConfirm' | 'Established';
export type Kind = 'ibgp' | 'ebgp';

/** One connection of a neighbor that says exactly what it is told, right or wrong. */
export class HostileConnection {
  readonly messages: bgp.Message[] = [];
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly connection: Connection) {
    connection.setHandler({
      onData: (chunk) => this.#read(chunk),
      onDrain: () => undefined,
      onClose: () => (this.isClosed = true),
    });
  }

  #read(chunk: Uint8Array): void {
    const { messages, rest } = bgp.split(Buffer.concat([this.#rest, chunk]));
    this.messages.push(...messages);
    this.#rest = Buffer.from(rest);
  }

  send(...messages: readonly Uint8Array[]): this {
    for (const message of messages) this.connection.send(Uint8Array.from(message));
    return this;
  }

  has(type: number): boolean {
    return this.messages.some((message) => message.type === type);
  }

  /** `6/2`, or `1/2 0012` with data, of each NOTIFICATION that came. */
  get notifications(): string[] {
    return this.messages
      .filter(({ type }) => type === bgp.NOTIFICATION)
      .map(({ body }) => `${body[0]}/${body[1]} ${body.subarray(2).toString('hex')}`.trim());
  }
}

/** What the good neighbors hold and say all the time. */
const WITNESSES = ['10.1.0.0/16', '10.2.0.0/16', '2001:db8:1::/48'];
const CANARY = '10.3.0.0/16';

/**
 * A running speaker with a source of good routes, an observer that is told them, and room for hostile neighbors, each at an
 * address of its own: what the speaker thinks of one must not matter to the next.
 */
export class Stage {
  readonly lab = new Lab();
  speaker!: Speaker;
  source!: Probe;
  observer!: Probe;
  #next = 0;
  #canary = 0;
  /** Changes of good routes that the observer was told before the case. */
  #moves = 0;

  async open(): Promise<void> {
    const good = { peerAs: AS, routeReflectorClient: true, passive: true };
    this.speaker = await this.lab.speaker({
      routerId: R,
      neighbors: [
        { ...good, address: '10.0.0.2' },
        { ...good, address: '10.0.0.3' },
      ],
    });
    this.source = this.lab.probe(R, '10.0.0.2');
    this.observer = this.lab.probe(R, '10.0.0.3');
    await this.lab.up(this.source, this.observer);
    this.source.announce('10.1.0.0/16', '10.2.0.0/16', CANARY).announce('2001:db8:1::/48');
    await this.lab.settle();
    expect(this.observer.prefixes).to.deep.equal([...WITNESSES, CANARY].sort());
    this.#moves = this.#movesSoFar();
  }

  #movesSoFar(): number {
    return this.observer.view.log.filter((line) => WITNESSES.includes(line.slice(1))).length;
  }

  /** A new neighbor of the speaker: its host, from which the test connects or on which it listens. */
  newcomer(kind: Kind = 'ibgp', more: Partial<NeighborOptions> = {}): { address: string; host: MemoryTransport } {
    const index = this.#next++;
    const address = `10.66.${index >> 8}.${index & 255}`;
    const host = this.lab.host(address);
    const role = kind === 'ibgp' ? { peerAs: AS, routeReflectorClient: true } : { peerAs: EXTERNAL_AS };
    this.speaker.addNeighbor({ address, passive: true, ...role, ...more });
    return { address, host };
  }

  /** Connect from a host to the speaker. */
  async connect(host: MemoryTransport): Promise<HostileConnection> {
    let connection: HostileConnection | undefined;
    host.connect(
      { remote: { address: R, port: 179 } },
      { onConnect: (c) => (connection = new HostileConnection(c)), onError: () => undefined },
    );
    await this.lab.clock.runAsync(5);
    return connection!;
  }

  /** Behave well up to a state. */
  async advance(connection: HostileConnection, to: Progress, open: Buffer): Promise<void> {
    if (to !== 'OpenSent') connection.send(open);
    if (to === 'Established') connection.send(bgp.keepalive());
    await this.lab.clock.runAsync(20);
  }

  /** What the observer holds of a prefix. */
  route(prefix: string): HeldRoute | undefined {
    return this.observer.view.routes.get(prefix);
  }

  /** Prefixes at the observer that are not the good ones. */
  get others(): string[] {
    return this.observer.prefixes.filter((prefix) => !WITNESSES.includes(prefix) && prefix !== CANARY);
  }

  /** Nobody else has noticed anything, and a change still gets through at once. */
  async checkOthers(): Promise<void> {
    for (const probe of [this.source, this.observer]) {
      expect(probe.downs, 'sessions that ended').to.deep.equal([]);
      expect(this.speaker.neighbor(probe.address)).to.include({ state: 'Established', established: 1 });
    }
    expect(this.#movesSoFar(), 'moves of good routes').to.equal(this.#moves);
    const med = ++this.#canary;
    this.source.announceWith(this.source.attributes([{ code: 4, value: med }]), CANARY);
    await this.lab.clock.runAsync(50);
    expect(valueOf(this.route(CANARY)!, 4), 'a change gets through').to.equal(med);
  }

  /** After a test that may have failed: the next one begins without its neighbors. */
  async clear(): Promise<void> {
    for (const { address } of this.speaker.neighbors()) {
      if (address.startsWith('10.66.')) this.speaker.removeNeighbor(address);
    }
    await this.lab.clock.runAsync(50);
    this.#moves = this.#movesSoFar();
  }

  /** The hostile neighbor goes, and all of its routes with it. */
  async dismiss(address: string): Promise<void> {
    this.speaker.removeNeighbor(address);
    await this.lab.clock.runAsync(50);
    expect(this.others, 'routes of hostile neighbors').to.deep.equal([]);
  }
}
