/** Octets of one direction, ready to be read in order. */
export interface StreamSink {
  /** The stream is seen from its very beginning. */
  onStart(): void;
  /** The next octets of the stream; borrowed. */
  onOctets(octets: Uint8Array, frame: number): void;
  /** Octets are missing here: what was begun will never be completed. */
  onGap(): void;
}

interface Pending {
  readonly sequence: number;
  readonly octets: Uint8Array;
  readonly missing: number;
  readonly frame: number;
}

/** Bounds of what waits behind a hole. */
const MAX_PENDING_OCTETS = 1 << 22;
const MAX_PENDING_SEGMENTS = 4096;
/** Frames after which a hole is given up: once the receiver has acknowledged what is missing, and in any case. */
const PATIENCE_ACKNOWLEDGED = 128;
const PATIENCE = 4096;

/** How far `a` is ahead of `b` in sequence space, negative when behind. */
function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/**
 * Puts the segments of one direction of a TCP connection in order: out of order, overlapping, repeated, or missing. A hole is
 * waited for a while; when it is given up, the segments behind it are handed on after `onGap`.
 */
export class TcpStream {
  private next: number | undefined;
  private pending: Pending[] = [];
  private pendingOctets = 0;
  private holeSince = 0;
  private acknowledged = false;

  constructor(private readonly sink: StreamSink) {}

  /** The sequence number after a SYN is known: nothing before it counts. */
  start(sequence: number): void {
    if (this.next !== undefined) return;
    this.next = sequence;
    this.sink.onStart();
  }

  /** Whether octets, or a SYN, were seen. */
  get hasBegun(): boolean {
    return this.next !== undefined;
  }

  /** Whether segments wait behind a hole. */
  get isWaiting(): boolean {
    return this.pending.length > 0;
  }

  /** A segment's payload; `missing` octets of it were on the wire but not captured. */
  push(sequence: number, octets: Uint8Array, missing: number, frame: number): void {
    if (octets.length + missing === 0) return;
    this.next ??= sequence;
    if (distance(sequence, this.next) <= 0) {
      this.deliver(sequence, octets, missing, frame, frame);
      this.drain(frame);
      return;
    }
    if (this.pending.length === 0) {
      this.holeSince = frame;
      this.acknowledged = false;
    }
    this.keep({ sequence, octets: octets.slice(), missing, frame });
    if (this.pendingOctets > MAX_PENDING_OCTETS || this.pending.length > MAX_PENDING_SEGMENTS) this.giveUp();
  }

  /** The other side has acknowledged everything before `sequence`. */
  onAcknowledgement(sequence: number): void {
    if (this.isWaiting && this.next !== undefined && distance(sequence, this.next) > 0) this.acknowledged = true;
  }

  /** Give a hole up when it has been waited for long enough. */
  onFrame(frame: number): void {
    const patience = this.acknowledged ? PATIENCE_ACKNOWLEDGED : PATIENCE;
    if (this.isWaiting && frame - this.holeSince > patience) this.giveUp();
  }

  /** No more segments will come: hand on what waits. */
  finish(): void {
    while (this.isWaiting) this.giveUp();
  }

  private keep(segment: Pending): void {
    let at = this.pending.length;
    while (at > 0 && distance(this.pending[at - 1]!.sequence, segment.sequence) > 0) at--;
    this.pending.splice(at, 0, segment);
    this.pendingOctets += segment.octets.length;
  }

  /** Hand on what is new in a segment that does not begin after `next`. */
  private deliver(sequence: number, octets: Uint8Array, missing: number, frame: number, seen: number): void {
    const old = distance(this.next!, sequence);
    const end = (sequence + octets.length + missing) >>> 0;
    if (distance(end, this.next!) <= 0) return;
    if (old < octets.length) this.sink.onOctets(octets.subarray(old), Math.max(frame, seen));
    this.next = end;
    if (missing > 0) this.sink.onGap();
  }

  /** The hole is closed up to `next`: hand on what follows. */
  private drain(seen: number): void {
    while (this.pending.length > 0 && distance(this.pending[0]!.sequence, this.next!) <= 0) {
      const { sequence, octets, missing, frame } = this.take();
      this.deliver(sequence, octets, missing, frame, seen);
    }
    this.holeSince = seen;
    this.acknowledged = false;
  }

  private take(): Pending {
    const segment = this.pending.shift()!;
    this.pendingOctets -= segment.octets.length;
    return segment;
  }

  /** The octets up to the first waiting segment were not captured. */
  private giveUp(): void {
    const first = this.pending[0]!;
    this.sink.onGap();
    this.next = first.sequence;
    // These were there when they were seen, not only now.
    while (this.pending.length > 0 && distance(this.pending[0]!.sequence, this.next) <= 0) {
      const { sequence, octets, missing, frame } = this.take();
      this.deliver(sequence, octets, missing, frame, 0);
    }
    this.holeSince = this.pending[0]?.frame ?? 0;
    this.acknowledged = false;
  }
}
