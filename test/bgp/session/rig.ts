import { Peer, type PeerOptions, type SessionHandler } from '../../../lib/bgp/session/index.js';
import { checkHeader, frame, headerLength, headerType, MESSAGE_TYPE } from '../../../lib/bgp/wire/header.js';
import type { MessageError } from '../../../lib/bgp/wire/errors.js';
import type { Capability } from '../../../lib/bgp/wire/capabilities/index.js';
import { encodeOpen, type OpenMessage } from '../../../lib/bgp/wire/messages/open.js';
import { KEEPALIVE } from '../../../lib/bgp/wire/messages/keepalive.js';
import { encodeNotification } from '../../../lib/bgp/wire/messages/notification.js';
import { parseIpv4 } from '../../../lib/net/address.js';
import type { Connection, Transport } from '../../../lib/net/transport.js';
import { MemoryNetwork, seededRandom, VirtualClock, type MemoryNetworkOptions } from '../../../lib/sim/index.js';

export const V4 = { afi: 1, safi: 1 };
export const V6 = { afi: 2, safi: 1 };
/** Body of an UPDATE that says nothing: IPv4 End-of-RIB. */
export const EMPTY_UPDATE = frame(MESSAGE_TYPE.update, new Uint8Array(4));

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A handler that notes everything as text, and answers UPDATEs as told. */
export class Recorder implements SessionHandler {
  readonly log: string[] = [];
  updates: string[] = [];
  drains = 0;
  reads = 0;
  answer: MessageError | undefined;

  onStateChange(from: string, to: string, reason: string): void {
    this.log.push(`${from} > ${to}: ${reason}`);
  }
  onEstablished(): void {
    this.log.push('established');
  }
  onUpdate(bytes: Uint8Array, start: number, end: number): MessageError | undefined {
    this.updates.push(hex(bytes.subarray(start, end)));
    return this.answer;
  }
  onReadDone(): void {
    this.reads++;
  }
  onRouteRefresh(afi: number, safi: number, subtype: number): void {
    this.log.push(`refresh ${afi}/${safi} ${subtype}`);
  }
  onDrain(): void {
    this.drains++;
  }
  onDown(reason: string): void {
    this.log.push(`down: ${reason}`);
  }

  /** The states entered, in order. */
  get states(): string[] {
    return this.log.flatMap((line) => / > (\w+)/.exec(line)?.[1] ?? []);
  }
}

/** One connection of a scripted peer: says exactly what it is told to, right or wrong, and keeps what it hears. */
export class Script {
  /** `OPEN`, `KEEPALIVE`, `NOTIFICATION 6/2 0161` … */
  readonly heard: string[] = [];
  readonly opens: Uint8Array[] = [];
  isClosed = false;
  #rest = new Uint8Array(0);

  constructor(
    readonly connection: Connection,
    readonly clock: VirtualClock,
  ) {
    connection.setHandler({
      onData: (chunk) => this.#read(chunk),
      onDrain: () => undefined,
      onClose: () => (this.isClosed = true),
    });
  }

  #read(chunk: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const header = checkHeader(this.#rest, 0, this.#rest.length, 65535);
      if (typeof header !== 'number') throw header;
      const length = headerLength(header);
      if (header === 0 || this.#rest.length < length) return;
      this.#hear(headerType(header), this.#rest.slice(19, length));
      this.#rest = this.#rest.slice(length);
    }
  }

  #hear(type: number, body: Uint8Array): void {
    if (type === MESSAGE_TYPE.notification) {
      this.heard.push(`NOTIFICATION ${body[0]}/${body[1]} ${hex(body.subarray(2))}`.trim());
    } else {
      if (type === MESSAGE_TYPE.open) this.opens.push(body);
      this.heard.push(['', 'OPEN', 'UPDATE', '', 'KEEPALIVE', 'ROUTE-REFRESH'][type]!);
    }
  }

  get notifications(): string[] {
    return this.heard.filter((text) => text.startsWith('NOTIFICATION')).map((text) => text.slice(13));
  }

  send(...messages: Uint8Array[]): this {
    for (const message of messages) this.connection.send(message);
    return this;
  }

  /** An OPEN of AS 64512 with both families, then what follows it. */
  open(overrides: Partial<OpenMessage> = {}): this {
    return this.send(openOf(overrides));
  }

  keepalive(): this {
    return this.send(KEEPALIVE);
  }

  notify(code: number, subcode: number, data: Uint8Array = new Uint8Array(0)): this {
    return this.send(encodeNotification({ code, subcode, data }));
  }

  /** Keep the session alive for some time. */
  live(ms: number, everyMs = 20000): void {
    for (let passed = 0; passed < ms; passed += everyMs) {
      this.keepalive();
      this.clock.run(Math.min(everyMs, ms - passed));
    }
  }
}

export const CAPABILITIES: readonly Capability[] = [
  { code: 1, name: 'MULTIPROTOCOL', ...V4 },
  { code: 1, name: 'MULTIPROTOCOL', ...V6 },
  { code: 2, name: 'ROUTE_REFRESH' },
  { code: 65, name: 'FOUR_OCTET_AS', as: 64512 },
];

export function openOf(overrides: Partial<OpenMessage> = {}): Uint8Array {
  const bgpId = parseIpv4('10.0.0.2');
  return encodeOpen({ version: 4, myAs: 64512, holdTime: 90, bgpId, capabilities: CAPABILITIES, ...overrides });
}

/** A neighbor under test at 10.0.0.1, and a scripted peer at 10.0.0.2 that listens unless told otherwise. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly near: Transport;
  readonly far: ReturnType<MemoryNetwork['host']>;
  readonly recorder = new Recorder();
  readonly peer: Peer;
  /** Connections that the peer accepted or dialed, oldest first. */
  readonly scripts: Script[] = [];
  /** What `peer.accept` answered, in order. */
  readonly accepted: boolean[] = [];

  constructor(options: Partial<PeerOptions> = {}, network: Partial<MemoryNetworkOptions> = {}) {
    this.network = new MemoryNetwork({ clock: this.clock, scribble: true, ...network });
    const near = this.network.host('10.0.0.1', '10.0.0.9');
    this.near = near;
    this.far = this.network.host('10.0.0.2');
    this.peer = new Peer(
      {
        remote: { address: '10.0.0.2', port: 179 },
        localAs: 64512,
        peerAs: 64512,
        routerId: parseIpv4('10.0.0.1'),
        families: [V4, V6],
        ...options,
      },
      { transport: near, clock: this.clock, random: seededRandom(1) },
      this.recorder,
    );
    void near.listen({ address: '0.0.0.0', port: 179 }, (connection) => {
      this.accepted.push(this.peer.accept(connection));
    });
  }

  /** The peer listens from now on. */
  listening(): this {
    void this.far.listen({ address: '0.0.0.0', port: 179 }, (connection) => {
      this.scripts.push(new Script(connection, this.clock));
    });
    return this;
  }

  /** The last connection. */
  get script(): Script {
    return this.scripts.at(-1)!;
  }

  /** The peer dials us. */
  dial(address = '10.0.0.1'): void {
    this.far.connect(
      { remote: { address, port: 179 } },
      {
        onConnect: (connection) => this.scripts.push(new Script(connection, this.clock)),
        onError: () => undefined,
      },
    );
    this.clock.run(2);
  }

  /** Until both ends have exchanged all that is under way. */
  settle(ms = 10): this {
    this.clock.run(ms);
    return this;
  }

  /** Start, and take the session to a state with a peer that listens. */
  upTo(state: 'OpenSent' | 'OpenConfirm' | 'Established', open: Partial<OpenMessage> = {}): Script {
    if (this.scripts.length === 0) this.listening();
    this.peer.start();
    this.clock.runUntil(() => this.peer.state === 'OpenSent', 1e6);
    this.settle();
    if (state !== 'OpenSent') this.script.open(open);
    if (state === 'Established') this.script.keepalive();
    this.settle();
    return this.script;
  }
}
