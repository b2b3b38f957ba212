import { realClock } from '../io/clock.js';
import { readRecordFile } from '../io/record-file.js';
import { UsageError } from '../net/index.js';
import type { WatchOptions } from '../speaker/watch-events.js';
import type { Watch } from '../speaker/watch.js';
import type { Speaker } from '../speaker/speaker.js';
import { ChangeTracker, type ReplayedChange } from './changes.js';
import { KIND } from './kinds.js';
import { LocRibDigest } from './loc-rib-digest.js';
import { MessageCounter, type ReplayedMessage } from './messages.js';
import { PULL } from './recorded-watch.js';
import type { StartRecord } from './recorded-speaker.js';
import { ReplayMachine } from './replay-machine.js';
import { ReplayedSpeaker } from './replayed-speaker.js';
import { BlockReader, type TapeEnd } from './tape-reader.js';
import { Tape, textOf, type TapeEvent } from './tape.js';

/** Octets of a recording, or the path of a file with them. */
export type RecordSource = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface ReplayOptions {
  /** Stop after this message. */
  readonly untilMessage?: number;
  /** Stop after the last event that is not later; Unix milliseconds. */
  readonly untilTime?: number;
  /** A message is about to be read. Returns a promise: nothing goes on before it settles. */
  readonly onMessage?: (message: ReplayedMessage, speaker: Speaker) => unknown;
  /** A best path changed. */
  readonly onChange?: (change: ReplayedChange, speaker: Speaker) => void;
}

/** Where a replay is not the run that was recorded. */
export interface ReplayDifference {
  /** Events before it. */
  readonly event: number;
  /** The last message read before it. */
  readonly message: number;
  /** Unix milliseconds. */
  readonly time: number;
  readonly text: string;
}

export interface ReplayResult {
  /** As it stands at the end, with all work done. Everything can be asked of it; it is on no network. */
  readonly speaker: Speaker;
  /** What was recorded: program, configuration without passwords, when. */
  readonly recorded: Pick<StartRecord, 'program' | 'node' | 'wallTime' | 'config'>;
  readonly messages: number;
  readonly events: number;
  /** When the last event was, Unix milliseconds. */
  readonly time: number;
  /** Checkpoints that were compared, and found right. */
  readonly checkpoints: number;
  /**
   * `until`: stopped as asked; `closed`: the speaker stopped; `ended`: the recording did, see `reason`; `open`: the file
   * ends where a process was killed; `cut`: in the middle of a record; `damaged`: what comes after is not read.
   */
  readonly end: 'until' | 'closed' | 'ended' | 'open' | 'cut' | 'damaged';
  readonly reason?: string;
  /** The first difference. Nothing after it was replayed. */
  readonly difference?: ReplayDifference;
}

/**
 * Run a speaker again on what a recording holds, in virtual time: the same RIB at every point.
 * @throws UsageError `not_a_recording`, `bad_version`, `bad_record`, `empty_recording`; what `onMessage` throws
 */
export async function replay(source: RecordSource, options: ReplayOptions = {}): Promise<ReplayResult> {
  const run = new Replay(options);
  const reader = new BlockReader();
  const chunks = typeof source === 'string' ? readRecordFile(source) : source instanceof Uint8Array ? [source] : source;
  for await (const chunk of chunks) {
    for (const block of reader.push(chunk)) if (!(await run.block(block))) return run.finish('until');
  }
  const rest = reader.finish();
  if (rest.length > 0 && !(await run.block(rest))) return run.finish('until');
  return run.finish(reader.end!);
}

/** More turns than this of a speaker's own work are an endless loop. */
const MOST_TURNS = 1_000_000;

class Replay {
  readonly #tape = new Tape();
  readonly #messages = new MessageCounter();
  readonly #watches = new Map<number, { readonly watch: Watch; batches?: ReturnType<Watch['batches']> }>();
  #machine!: ReplayMachine;
  #speaker: ReplayedSpeaker | undefined;
  #start!: StartRecord;
  #startedAt = 0;
  #digest!: LocRibDigest;
  #changes: ChangeTracker | undefined;
  #events = 0;
  #checkpoints = 0;
  #difference: ReplayDifference | undefined;
  #ended: string | undefined;
  #reached = false;
  /** Who is told of messages is not ready for more. */
  #listener: Promise<unknown> | undefined;
  /** Messages of the event that is next; its owner is told of them first. */
  #told: { message: ReplayedMessage; end: number }[] = [];

  constructor(private readonly options: ReplayOptions) {}

  /** Unix milliseconds. */
  get #time(): number {
    return this.#start.wallTime + this.#tape.time - this.#startedAt;
  }

  /** @returns whether to go on */
  async block(records: Uint8Array): Promise<boolean> {
    this.#tape.load(records);
    for (;;) {
      // As it was: either everything in promises had gone on before the next event, or nothing.
      if (!this.#tape.isNextJoined) await this.#settle();
      if (this.#hasDiverged()) return false;
      const event = this.#tape.next();
      if (this.#hasDiverged()) return false;
      if (event === undefined) return true;
      if (this.#speaker !== undefined && this.#time > (this.options.untilTime ?? Infinity)) return false;
      this.#tellMessages(event);
      if (!event.joined) await this.#listener;
      this.#events++;
      this.#handle(event);
      if (this.#hasDiverged() || this.#reached) return false;
    }
  }

  async #settle(): Promise<void> {
    await turn();
    await this.#listener;
    this.#listener = undefined;
  }

  #hasDiverged(): boolean {
    const { divergence } = this.#tape;
    if (divergence !== undefined) this.#differs(divergence.message);
    return this.#difference !== undefined;
  }

  #differs(text: string): void {
    const message = this.#messages.count;
    this.#difference ??= { event: this.#events, message, time: this.#speaker ? this.#time : 0, text };
  }

  #tellMessages(event: TapeEvent): void {
    this.#told = [];
    if (event.kind !== KIND.data) return;
    const connection = this.#machine.connectionOf(event.fields[0] as number);
    if (connection === undefined) return;
    for (const found of this.#messages.push(connection, event.fields[1] as Uint8Array, this.#time)) {
      this.#told.push(found);
      this.#changes?.onMessage(found.message);
      const answer = this.options.onMessage?.(found.message, this.#speaker!);
      if (answer instanceof Promise) this.#listener = Promise.all([this.#listener, answer]);
      if (found.message.number === this.options.untilMessage) break;
    }
  }

  #handle(event: TapeEvent): void {
    try {
      this.#changes?.onEvent(causeOf(event));
      if (event.kind === KIND.start) this.#begin(JSON.parse(textOf(event.fields[0])) as StartRecord);
      else if (!this.#machine.handle(event)) this.#other(event);
    } catch (error) {
      // What the speaker could not do then, it cannot do now.
      if (event.kind !== KIND.call && this.#tape.divergence === undefined) {
        this.#differs(`the speaker failed: ${(error as Error).stack ?? String(error)}`);
      }
    }
  }

  #begin(start: StartRecord): void {
    this.#start = start;
    this.#startedAt = this.#tape.time;
    const machine = new ReplayMachine(this.#tape, start);
    this.#machine = machine;
    machine.onData = () => this.#octetsWanted();
    const { clock, transport, random, networks, fibWriter, conntrack } = machine;
    const initialSync = start.initialSync ? new Promise<void>((resolve) => (this.#onSynced = resolve)) : undefined;
    const runtime = { clock, transport, random, networks, conntrack, ...(fibWriter ? { fibWriter } : {}) };
    const speaker = new ReplayedSpeaker(
      start.config,
      { ...runtime, ...(initialSync ? { initialSync } : {}) },
      this.#tape,
    );
    this.#speaker = speaker;
    this.#digest = new LocRibDigest(speaker);
    const { onChange } = this.options;
    if (onChange) {
      this.#changes = new ChangeTracker(speaker, (change) => this.#tape.look(() => onChange(change, speaker)));
    }
  }

  #onSynced: () => void = () => undefined;

  /** Of the chunk that is read now, when its last wanted message ends in it. */
  #octetsWanted(): number | undefined {
    const last = this.#told.at(-1);
    if (last === undefined || last.message.number !== this.options.untilMessage) return undefined;
    this.#reached = true;
    // From here on nothing is as it was recorded.
    this.#tape.release();
    return last.end;
  }

  #other(event: TapeEvent): void {
    const [id, second] = event.fields as [number, number & Uint8Array];
    const speaker = this.#speaker!;
    switch (event.kind) {
      case KIND.call:
        this.#call(id, textOf(second));
        return;
      case KIND.pull:
        this.#pull(id, second);
        return;
      case KIND.synced:
        this.#onSynced();
        return;
      case KIND.end:
        this.#ended = textOf(event.fields[0]);
        return;
      case KIND.checkpoint: {
        const found = JSON.stringify(this.#tape.look(() => this.#digest.checkpoint()));
        const recorded = textOf(event.fields[0]);
        if (found === recorded) this.#checkpoints++;
        else this.#differs(`checkpoint: the RIB is ${found}, recorded ${recorded}`);
        return;
      }
      default:
        throw new Error(`unexpected event ${event.kind} of ${speaker.asn}`);
    }
  }

  #call(id: number, text: string): void {
    const { name, args } = JSON.parse(text) as { name: string; args: unknown[] };
    const speaker = this.#speaker! as unknown as Record<string, (...args: unknown[]) => unknown>;
    if (name === 'watch') {
      this.#machine.nextId();
      this.#watches.set(id, { watch: this.#speaker!.watch(args[0] as WatchOptions) });
      return;
    }
    const result = speaker[name]!(...args);
    if (result instanceof Promise) result.catch(() => undefined);
  }

  #pull(id: number, what: number): void {
    const held = this.#watches.get(id)!;
    if (what === PULL.close) return held.watch.close();
    held.batches ??= held.watch.batches();
    const asked = what === PULL.next ? held.batches.next() : held.batches.return();
    asked.catch(() => undefined);
  }

  async finish(end: TapeEnd | 'until'): Promise<ReplayResult> {
    const speaker = this.#speaker;
    if (speaker === undefined) throw emptyRecording();
    this.#tape.release();
    for (let turns = 0; turns < MOST_TURNS; turns++) {
      await turn();
      if (!this.#machine.finishSome()) break;
    }
    const ended = this.#ended === undefined ? 'open' : this.#ended === 'stopped' ? 'closed' : 'ended';
    const { program, node, wallTime, config } = this.#start;
    return {
      speaker,
      recorded: { program, node, wallTime, config },
      messages: this.#messages.count,
      events: this.#events,
      time: this.#time,
      checkpoints: this.#checkpoints,
      end: end === 'whole' ? ended : end,
      ...(ended === 'ended' ? { reason: this.#ended! } : {}),
      ...(this.#difference ? { difference: this.#difference } : {}),
    };
  }
}

function emptyRecording(): UsageError {
  return new UsageError('empty_recording', 'the recording ends before the speaker began');
}

/** Until everything that goes on in promises has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => realClock.soon(resolve));
}

function causeOf(event: TapeEvent): string {
  switch (event.kind) {
    case KIND.timer:
    case KIND.soon:
      return 'work';
    case KIND.call: {
      const { name, args } = JSON.parse(textOf(event.fields[1])) as { name: string; args: unknown[] };
      return typeof args[0] === 'string' ? `${name} ${args[0]}` : name;
    }
    case KIND.kernelRoute:
    case KIND.kernelEvent:
    case KIND.answer:
      return 'the kernel';
    default:
      return 'a connection';
  }
}
