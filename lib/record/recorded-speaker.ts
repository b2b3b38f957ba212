/**
 * A speaker of which everything that reaches it is written down. Nothing of it is in the speaker itself: what it runs on is
 * wrapped, and so are the functions through which an application gives it orders.
 */
import { createConntrack, createFibWriter, realClock, realRandom, SystemNetworks, TcpTransport } from '../io/index.js';
import type { FibOptions } from '../fib/options.js';
import { protocolNumber, tableNumber } from '../io/ip-names.js';
import type { NeighborOptions, OriginateOptions, SpeakerConfig, SpeakerRuntime } from '../speaker/options.js';
import type { Neighbor } from '../speaker/neighbor.js';
import type { ReconfigureResult } from '../speaker/speaker-api.js';
import type { Watch } from '../speaker/watch.js';
import type { WatchOptions } from '../speaker/watch-events.js';
import { KIND } from './kinds.js';
import { LocRibDigest } from './loc-rib-digest.js';
import { ObservedSpeaker } from './observed-speaker.js';
import { Pseudonyms } from './pseudonyms.js';
import { Recorder, type RecordSink } from './recorder.js';
import { recordingClock } from './recording-clock.js';
import { recordingConntrack } from './recording-conntrack.js';
import { RecordingFibWriter } from './recording-fib-writer.js';
import { recordingNetworks } from './recording-networks.js';
import { RecordingTransport } from './recording-transport.js';
import { recordedWatch } from './recorded-watch.js';
import type { TapeWriter } from './tape-writer.js';

/** A checkpoint is written so often, in milliseconds, while something changes. */
const CHECKPOINT_MS = 1000;

export interface RecordOptions {
  readonly sink: RecordSink;
  /** Most octets of the recording; default 500,000,000. It ends when they are used up. */
  readonly limit?: number;
  /** For the reader: which program wrote it. */
  readonly program?: string;
  /** Told once when the recording ends before the speaker does: it goes on without. */
  readonly onEnd?: (reason: string) => void;
}

/** What a replay has to know before it begins. */
export interface StartRecord {
  readonly program: string;
  readonly node: string;
  /** Unix milliseconds. */
  readonly wallTime: number;
  readonly config: SpeakerConfig;
  readonly transport: { readonly whyNot: boolean };
  readonly networks: { readonly isConnected: boolean };
  readonly fibWriter?: {
    readonly name: string;
    readonly nextHops: 'kernel' | 'unchecked';
    readonly watch: boolean;
    readonly nexthops?: boolean;
  };
  readonly initialSync: boolean;
}

/**
 * A speaker that is recorded from its first moment on. Otherwise it is like `new Speaker(config, runtime)`.
 * @throws ConfigError as the constructor of Speaker does; nothing but the beginning of the file is written then
 */
export function recordSpeaker(config: SpeakerConfig, runtime: SpeakerRuntime, options: RecordOptions): RecordedSpeaker {
  const clock = runtime.clock ?? realClock;
  const recorder = new Recorder({
    clock,
    sink: options.sink,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.onEnd === undefined ? {} : { onEnd: options.onEnd }),
  });
  const transport = runtime.transport ?? new TcpTransport();
  const networks = runtime.networks ?? new SystemNetworks();
  const random = runtime.random ?? realRandom;
  const fibWriter = config.fib === undefined ? undefined : (runtime.fibWriter ?? writerOf(config, runtime));
  const conntrack = config.fib?.conntrack === 'delete' ? (runtime.conntrack ?? createConntrack(config.fib)) : undefined;
  const pseudonyms = new Pseudonyms();
  const { shown, used } = pseudonyms.of(config);
  const start: StartRecord = {
    program: options.program ?? 'tsbgp',
    node: process.version,
    wallTime: clock.wallTime(),
    config: portable(shown as SpeakerConfig),
    transport: { whyNot: transport.whyNot !== undefined },
    networks: { isConnected: networks.isConnected !== undefined },
    ...(fibWriter
      ? {
          fibWriter: {
            name: fibWriter.name,
            nextHops: fibWriter.nextHops,
            watch: fibWriter.watch !== undefined,
            nexthops: fibWriter.nexthops !== undefined,
          },
        }
      : {}),
    initialSync: runtime.initialSync !== undefined,
  };
  const recorded: SpeakerRuntime = {
    transport: new RecordingTransport(recorder, transport),
    clock: recordingClock(recorder, clock),
    random: () => recorder.random(random()),
    networks: recordingNetworks(recorder, networks),
    ...(fibWriter ? { fibWriter: new RecordingFibWriter(recorder, fibWriter) } : {}),
    ...(conntrack ? { conntrack: recordingConntrack(recorder, conntrack) } : {}),
    ...(runtime.initialSync ? { initialSync: synced(recorder, runtime.initialSync) } : {}),
  };
  let speaker: RecordedSpeaker | undefined;
  recorder.event(
    KIND.start,
    (tape) => tape.text(JSON.stringify(start)),
    () => (speaker = new RecordedSpeaker(used, recorded, recorder, pseudonyms)),
  );
  return speaker!;
}

function writerOf(config: SpeakerConfig, runtime: SpeakerRuntime): NonNullable<SpeakerRuntime['fibWriter']> {
  return createFibWriter(config.fib!, runtime.print);
}

/** Names of tables and protocols are this machine's matter: their numbers mean the same everywhere. */
export function portable(config: SpeakerConfig): SpeakerConfig {
  const { fib } = config;
  if (fib === undefined) return config;
  // A replay has no kernel: all that it hears of one comes out of the file, whatever the writer was.
  const type = fib.type === 'netlink' ? 'ip-route' : fib.type;
  const rest = { ...fib, type, netns: undefined } as unknown as FibOptions;
  return {
    ...config,
    fib: {
      ...rest,
      ...(fib.table === undefined ? {} : { table: tableNumber(fib.table) }),
      ...(fib.protocol === undefined ? {} : { protocol: protocolNumber(fib.protocol) }),
    },
  };
}

function synced(recorder: Recorder, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => recorder.turn(() => recorder.event(KIND.synced, () => undefined, resolve));
    promise.then(done, done);
  });
}

export class RecordedSpeaker extends ObservedSpeaker {
  readonly #recorder: Recorder;
  readonly #pseudonyms: Pseudonyms;
  readonly #digest: LocRibDigest;
  #lastCheckpoint = '';

  /** Made by {@link recordSpeaker} only. */
  constructor(config: SpeakerConfig, runtime: SpeakerRuntime, recorder: Recorder, pseudonyms: Pseudonyms) {
    super(config, runtime);
    this.#recorder = recorder;
    this.#pseudonyms = pseudonyms;
    this.#digest = new LocRibDigest(this);
  }

  /** The recording has ended, because it is full or could not be written. */
  get recordingEnded(): boolean {
    return this.#recorder.hasEnded;
  }

  #order<T>(name: string, args: readonly unknown[], run: () => T): T {
    const write = (tape: TapeWriter): void => {
      tape.number(0);
      tape.text(JSON.stringify({ name, args }));
    };
    return this.#recorder.call(write, run);
  }

  protected look<T>(look: () => T): T {
    return this.#recorder.observe(look);
  }

  // --- orders ---

  override async start(): Promise<void> {
    const started = this.#order('start', [], () => super.start());
    this.#planCheckpoint();
    try {
      await started;
    } catch (error) {
      await this.#recorder.close('it could not start');
      throw error;
    }
  }

  /** Also ends the recording. */
  override async stop(reason = ''): Promise<void> {
    await this.#order('stop', [reason], () => super.stop(reason));
    this.#checkpoint();
    await this.#recorder.close();
  }

  override announce(prefix: string, options: OriginateOptions = {}): void {
    this.#order('announce', [prefix, options], () => super.announce(prefix, options));
  }

  override withdraw(prefix: string): void {
    this.#order('withdraw', [prefix], () => super.withdraw(prefix));
  }

  override addNeighbor(options: NeighborOptions): Neighbor {
    const { shown, used } = this.#pseudonyms.of(options);
    return this.#order('addNeighbor', [shown], () => super.addNeighbor(used));
  }

  override removeNeighbor(address: string): void {
    this.#order('removeNeighbor', [address], () => super.removeNeighbor(address));
  }

  override enableNeighbor(address: string): void {
    this.#order('enableNeighbor', [address], () => super.enableNeighbor(address));
  }

  override disableNeighbor(address: string, reason = ''): void {
    this.#order('disableNeighbor', [address, reason], () => super.disableNeighbor(address, reason));
  }

  override resetNeighbor(address: string, reason = ''): void {
    this.#order('resetNeighbor', [address, reason], () => super.resetNeighbor(address, reason));
  }

  override softIn(address: string): void {
    this.#order('softIn', [address], () => super.softIn(address));
  }

  override softOut(address: string): void {
    this.#order('softOut', [address], () => super.softOut(address));
  }

  override async reconfigure(config: SpeakerConfig): Promise<ReconfigureResult> {
    const { shown, used } = this.#pseudonyms.of(config);
    return this.#order('reconfigure', [portable(shown as SpeakerConfig)], () => super.reconfigure(used));
  }

  override watch(options: WatchOptions = {}): Watch {
    if (this.#recorder.isBusy) return super.watch(options);
    const id = this.#recorder.nextId();
    const write = (tape: TapeWriter): void => {
      tape.number(id);
      tape.text(JSON.stringify({ name: 'watch', args: [{ ...options, signal: undefined }] }));
    };
    const watch = this.#recorder.call(write, () => super.watch(options));
    return recordedWatch(this.#recorder, id, watch);
  }

  // --- checkpoints ---

  #planCheckpoint(): void {
    this.#recorder.afterwards(CHECKPOINT_MS, () => {
      if (this.#recorder.hasEnded) return;
      this.#checkpoint();
      this.#planCheckpoint();
    });
  }

  /** Write down how the RIB stands, for a replay to compare. */
  #checkpoint(): void {
    const text = JSON.stringify(this.#digest.checkpoint());
    if (text === this.#lastCheckpoint) return;
    this.#lastCheckpoint = text;
    this.#recorder.note(KIND.checkpoint, (tape) => tape.text(text));
  }
}
