import {
  capabilitiesNamed,
  decodeOpen,
  DEFAULT_CONTEXT,
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MESSAGE_TYPE,
  messageToJson,
  MessageError,
  type JsonObject,
  type WireContext,
} from '../bgp/wire/index.js';
import { canonicalScopedAddress, type Endpoint } from '../net/index.js';
import { addPathOffer } from '../speaker/add-path.js';
import { rangeFor } from '../speaker/dynamic-range.js';
import type { NeighborOptions, SpeakerConfig } from '../speaker/options.js';
import { effectiveSettings, type EffectivePeerSettings } from '../speaker/settings.js';
import { isEvent, KIND } from './kinds.js';
import { MessageCounter, type ReplayedMessage } from './messages.js';
import type { ReplayedConnection } from './replay-machine.js';
import type { StartRecord } from './recorded-speaker.js';
import { BlockReader, TapeReader } from './tape-reader.js';

const SEND = 2;
const RECEIVE = 1;

/** A message of a recording, and how to read it. */
export interface RecordedMessage extends ReplayedMessage {
  readonly cx: WireContext;
}

/**
 * The messages that a recorded speaker received, without running it again. What the OPENs agreed on is taken from the neighbor's
 * OPEN and the recorded configuration.
 */
export class RecordedMessages {
  readonly #reader = new BlockReader();
  readonly #counter = new MessageCounter();
  readonly #connections = new Map<number, ReplayedConnection>();
  readonly #contexts = new Map<number, WireContext>();
  #config: SpeakerConfig | undefined;
  #micros = 0;
  /** Unix milliseconds at time 0 of the recorded clock. */
  #epoch = 0;

  /** @param cx how to read messages before an OPEN */
  constructor(private readonly cx: WireContext = DEFAULT_CONTEXT) {}

  /** @throws UsageError `not_a_recording`, `bad_version`, `bad_record` */
  *push(chunk: Uint8Array): Generator<RecordedMessage> {
    for (const block of this.#reader.push(chunk)) yield* this.#block(block);
  }

  /** The file has ended. */
  *end(): Generator<RecordedMessage> {
    yield* this.#block(this.#reader.finish());
  }

  *#block(block: Uint8Array): Generator<RecordedMessage> {
    const reader = new TapeReader(block);
    while (!reader.ended) {
      const kind = reader.peek();
      if (!isEvent(kind) && kind !== KIND.now) reader.skip();
      else {
        reader.u8();
        const passed = reader.number();
        this.#micros += kind === KIND.now ? passed : Math.floor(passed / 2);
        if (kind !== KIND.now) yield* this.#event(kind, reader);
      }
    }
  }

  *#event(kind: number, reader: TapeReader): Generator<RecordedMessage> {
    switch (kind) {
      case KIND.start: {
        const start = JSON.parse(reader.text()) as StartRecord;
        this.#config = start.config;
        this.#epoch = start.wallTime - this.#micros / 1000;
        return;
      }
      case KIND.call:
        reader.number();
        this.#call(JSON.parse(reader.text()) as { name: string; args: unknown[] });
        return;
      case KIND.connected:
      case KIND.accepted: {
        reader.number();
        const number = reader.number();
        const ends = JSON.parse(reader.text()) as { local: Endpoint; remote: Endpoint };
        this.#connections.set(number, { number, ...ends, dialed: kind === KIND.connected });
        return;
      }
      case KIND.data: {
        const number = reader.number();
        yield* this.#data(number, reader.octets());
        return;
      }
      case KIND.close: {
        const number = reader.number();
        reader.octets();
        this.#connections.delete(number);
        this.#contexts.delete(number);
        this.#counter.forget(number);
        return;
      }
      default:
        reader.rest(kind);
    }
  }

  #call({ name, args }: { readonly name: string; readonly args: readonly unknown[] }): void {
    if (name === 'reconfigure') this.#config = args[0] as SpeakerConfig;
    if (name !== 'addNeighbor') return;
    const neighbors = [...(this.#config?.neighbors ?? []), args[0] as NeighborOptions];
    this.#config = { ...this.#config!, neighbors };
  }

  *#data(number: number, octets: Uint8Array): Generator<RecordedMessage> {
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    for (const { message } of this.#counter.push(connection, octets, this.#epoch + this.#micros / 1000)) {
      yield { ...message, cx: this.#contexts.get(number) ?? this.cx };
      if (message.octets[HEADER_LENGTH - 1] === MESSAGE_TYPE.open) this.#onOpen(connection, message.octets);
    }
  }

  #onOpen({ number, remote }: ReplayedConnection, octets: Uint8Array): void {
    const open = decodeOpen(octets.subarray(HEADER_LENGTH));
    if (open instanceof MessageError) return;
    const settings = this.#settingsOf(remote.address);
    const has = (name: 'FOUR_OCTET_AS' | 'EXTENDED_MESSAGE'): boolean =>
      capabilitiesNamed(open.capabilities, name).length > 0;
    const tuples = capabilitiesNamed(open.capabilities, 'ADD_PATH').flatMap((capability) => capability.tuples);
    const sent = tuples
      .filter(({ sendReceive }) => (sendReceive & SEND) !== 0)
      .map(({ afi, safi }) => `${afi}/${safi}`);
    const offered = settings === undefined ? [] : addPathOffer(settings);
    const taken = new Set(
      offered.filter(({ sendReceive }) => (sendReceive & RECEIVE) !== 0).map(({ afi, safi }) => `${afi}/${safi}`),
    );
    const isLong = has('EXTENDED_MESSAGE') && settings?.extendedMessages === true;
    this.#contexts.set(number, {
      ...this.cx,
      asn4: has('FOUR_OCTET_AS'),
      addPath: new Set(sent.filter((family) => taken.has(family))),
      ...(isLong ? { maxMessageLength: MAX_EXTENDED_MESSAGE_LENGTH } : {}),
    });
  }

  #settingsOf(address: string): EffectivePeerSettings | undefined {
    const config = this.#config;
    if (config === undefined) return undefined;
    const own =
      config.neighbors?.find((neighbor) => canonicalScopedAddress(neighbor.address) === address) ??
      rangeFor(config.dynamicNeighbors ?? [], address, () => 0);
    return own && effectiveSettings(config, own);
  }
}

/** The octets of a recording in, objects in the JSON form of `tsbgp decode` out. */
export class RecordDecoder {
  readonly #messages: RecordedMessages;

  constructor(cx?: WireContext) {
    this.#messages = new RecordedMessages(cx);
  }

  *push(chunk: Uint8Array): Generator<JsonObject> {
    for (const message of this.#messages.push(chunk)) yield toJson(message);
  }

  *end(): Generator<JsonObject> {
    for (const message of this.#messages.end()) yield toJson(message);
  }
}

function toJson({ number, time, connection: { local, remote }, octets, cx }: RecordedMessage): JsonObject {
  const [src, dst] = [endText(remote), endText(local)];
  return { message: number, time: time / 1000, src, dst, ...messageToJson(octets, cx) };
}

function endText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
