import { KernelError } from '../../fib/errors.js';
import type { WriteFailure } from '../../fib/writer.js';
import { acknowledgement, forEachMessage, refusal } from './message.js';
import { LITTLE_ENDIAN, NLM_F, NLMSG } from './numbers.js';
import { UnknownDevice, type ChangeEncoder } from './route-encoder.js';
import type { NetlinkSocket } from './socket.js';

/** Octets and requests in one call at most: enough that the kernel is not waiting for us, soon enough answered. */
const FRAME_OCTETS = 64 * 1024;
const FRAME_REQUESTS = 1000;
/**
 * After answers were lost, so many full frames in a row must be answered before twice as many requests go into one. Each loss
 * doubles it, also the first, since it costs a reading of all tables.
 */
const TRUST_FIRST = 16;
const TRUST_MAX = 8192;
/** Room for the answers of one frame when all of its requests are refused; who may not have so much loses some. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;

/** A batch that is being written. */
interface Job {
  /** Frames that carry some of it and are unanswered. */
  frames: number;
  readonly failures: WriteFailure[];
  readonly resolve: (failures: readonly WriteFailure[]) => void;
  readonly reject: (error: KernelError) => void;
}

/** Requests that go to the kernel together. */
class Frame {
  readonly octets: Uint8Array;
  readonly view: DataView;
  length = 0;
  /** Where the last request begins. */
  last = 0;
  count = 0;
  firstSequence = 0;
  /** For each request, whose it is. */
  readonly jobs: Job[] = [];
  readonly indexes: number[] = [];

  constructor(size: number) {
    this.octets = new Uint8Array(size);
    this.view = new DataView(this.octets.buffer);
  }
}

/**
 * Sends changes in frames of many requests, one frame at a time, on a thread that may wait for the kernel. Only the last
 * request of a frame is acknowledged, and each refused one; when sending is over, all of these are there.
 */
export class ChangeSender {
  readonly #waiting: Frame[] = [];
  /** Jobs of frames that wait or are on their way. */
  readonly #jobs = new Set<Job>();
  #spare: Frame | null = null;
  #sequence = 1;
  #socket: NetlinkSocket | null = null;
  /** Requests in one frame at most: fewer after answers were lost. */
  #most = FRAME_REQUESTS;
  /** Frames of {@link #most} requests that were fully answered since it changed, and how many of them it takes to double it. */
  #answered = 0;
  #trust = TRUST_FIRST;
  #isSending = false;
  /** Counts resets: what a call of before one has to say is not heard any more. */
  #generation = 0;
  #whenQuiet: (() => void)[] = [];
  readonly #answers = new Uint8Array(64 * 1024);

  /** @param open a socket, when one is needed */
  constructor(
    private readonly open: (receiveBuffer: number) => NetlinkSocket,
    private readonly receiveBuffer = RECEIVE_BUFFER,
  ) {}

  write<T>(changes: readonly T[], encoder: ChangeEncoder<T>): Promise<readonly WriteFailure[]> {
    return new Promise((resolve, reject) => {
      const job: Job = { frames: 0, failures: [], resolve, reject };
      this.#jobs.add(job);
      for (let index = 0; index < changes.length; index++) this.#put(job, changes[index]!, index, encoder);
      if (job.frames === 0) this.#finish(job);
      this.#pump();
    });
  }

  #put<T>(job: Job, change: T, index: number, encoder: ChangeEncoder<T>): void {
    try {
      let frame = this.#waiting.at(-1);
      const room = encoder.room(change);
      if (!frame || frame.count >= this.#most || frame.length + room > frame.octets.length) {
        frame = this.#newFrame(room);
        this.#waiting.push(frame);
      }
      if (frame.jobs.at(-1) !== job) job.frames++;
      const end = encoder.put(frame.view, frame.octets, frame.length, change, this.#sequence);
      if (frame.count === 0) frame.firstSequence = this.#sequence;
      this.#sequence = (this.#sequence + 1) >>> 0 || 1;
      frame.last = frame.length;
      frame.length = end;
      frame.count++;
      frame.jobs.push(job);
      frame.indexes.push(index);
    } catch (error) {
      if (!(error instanceof UnknownDevice)) throw error;
      job.failures.push({ index, code: 'ENODEV', message: error.message });
    }
  }

  #newFrame(room: number): Frame {
    const frame = this.#spare;
    if (!frame || frame.octets.length < room) return new Frame(Math.max(FRAME_OCTETS, room));
    this.#spare = null;
    frame.length = frame.last = frame.count = 0;
    frame.jobs.length = frame.indexes.length = 0;
    return frame;
  }

  #pump(): void {
    if (this.#isSending) return;
    const frame = this.#waiting.shift();
    if (!frame) {
      for (const done of this.#whenQuiet.splice(0)) done();
      return;
    }
    this.#isSending = true;
    const generation = this.#generation;
    void this.#exchange(frame).then(
      () => this.#sent(frame, generation, null),
      (error: unknown) => this.#sent(frame, generation, error as KernelError),
    );
  }

  #sent(frame: Frame, generation: number, error: KernelError | null): void {
    this.#isSending = false;
    if (generation === this.#generation) {
      if (error?.code === 'ENOBUFS') this.#fewer(frame.count);
      if (error) this.reset(error);
      else {
        if (frame.count === this.#most && this.#most < FRAME_REQUESTS) this.#more();
        let previous: Job | undefined;
        for (const job of frame.jobs) {
          if (job === previous) continue;
          previous = job;
          if (--job.frames === 0) this.#finish(job);
        }
        this.#spare = frame;
      }
    }
    this.#pump();
  }

  /** So many requests had more answers than can be kept. */
  #fewer(count: number): void {
    this.#trust = Math.min(TRUST_MAX, this.#trust * 2);
    this.#most = Math.max(1, count >> 3);
    this.#answered = 0;
  }

  /** One more full frame was answered to the last request. */
  #more(): void {
    if (++this.#answered < this.#trust) return;
    this.#answered = 0;
    this.#most = Math.min(FRAME_REQUESTS, this.#most * 2);
  }

  #finish(job: Job): void {
    this.#jobs.delete(job);
    job.resolve(job.failures.sort((a, b) => a.index - b.index));
  }

  async #exchange(frame: Frame): Promise<void> {
    const socket = (this.#socket ??= this.#open());
    const { view, last } = frame;
    view.setUint16(last + 6, view.getUint16(last + 6, LITTLE_ENDIAN) | NLM_F.ACK, LITTLE_ENDIAN);
    const generation = this.#generation;
    try {
      await socket.sendLater(frame.octets, frame.length);
      if (generation === this.#generation) this.#hear(socket, frame);
    } finally {
      // Not before: another socket could get its number while the kernel still reads from this one.
      if (generation !== this.#generation) socket.close();
    }
  }

  #open(): NetlinkSocket {
    const socket = this.open(this.receiveBuffer);
    socket.allowSending(FRAME_OCTETS * 4);
    return socket;
  }

  /** Take all answers to a frame that was sent. @throws KernelError when some are missing */
  #hear(socket: NetlinkSocket, frame: Frame): void {
    for (let isComplete = false; !isComplete;) {
      const length = socket.receive(this.#answers);
      if (length === 0) throw new KernelError('EPROTO', 'the kernel did not answer a request');
      forEachMessage(this.#answers.subarray(0, length), (message) => {
        if (message.type !== NLMSG.ERROR) return;
        const number = (message.sequence - frame.firstSequence) >>> 0;
        if (number >= frame.count) return;
        const answer = acknowledgement(message);
        if (answer.errno !== 0) {
          const { code, message: text } = refusal(answer);
          frame.jobs[number]!.failures.push({ index: frame.indexes[number]!, code, message: text });
        }
        if (number === frame.count - 1) isComplete = true;
      });
    }
  }

  /** Unanswered batches reject with this; a fresh socket is used from now on. */
  reset(error: KernelError): void {
    this.#generation++;
    if (!this.#isSending) this.#socket?.close();
    this.#socket = null;
    this.#waiting.length = 0;
    const jobs = [...this.#jobs];
    this.#jobs.clear();
    for (const job of jobs) job.reject(error);
  }

  /** When all is answered, close. */
  async close(): Promise<void> {
    if (this.#isSending) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
    this.#socket?.close();
    this.#socket = null;
  }
}
