import type { OpenMessage, WireContext } from '../bgp/wire/index.js';
import {
  capabilitiesNamed,
  decodeOpen,
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MESSAGE_TYPE,
  MessageError,
} from '../bgp/wire/index.js';
import { MessageStream } from './message-stream.js';
import type { TcpSegment } from './packet.js';
import { TcpStream } from './stream.js';

/** A BGP message found in a capture. */
export interface CapturedMessage {
  /** Number of the frame with which its last octet was there. */
  readonly frame: number;
  readonly time: number;
  /** `192.0.2.1:179`, `[2001:db8::1]:179`. */
  readonly src: string;
  readonly dst: string;
  /** The message as it came; owned. */
  readonly octets: Uint8Array;
  /** How to read it. */
  readonly cx: WireContext;
}

const SEND = 2;
const RECEIVE = 1;

interface Direction {
  readonly src: string;
  readonly dst: string;
  readonly stream: TcpStream;
  /** Initial sequence number, once a SYN was seen. */
  start: number | undefined;
  open: OpenMessage | undefined;
  finished: boolean;
}

/** One TCP connection: both directions in order, cut into messages, and what their OPENs agreed on. */
export class CapturedConnection {
  private readonly directions: readonly [Direction, Direction];
  private readonly times = new Map<number, number>();
  private negotiated: readonly [WireContext, WireContext] | undefined;

  /**
   * @param cx how to read messages while not both OPENs are known
   * @param emit told each message, in the order of its direction
   */
  constructor(
    first: TcpSegment,
    private readonly cx: WireContext,
    private readonly emit: (message: CapturedMessage) => void,
  ) {
    this.directions = [this.direction(0, first.src, first.dst), this.direction(1, first.dst, first.src)];
  }

  private direction(index: 0 | 1, src: string, dst: string): Direction {
    const messages = new MessageStream((octets, frame) => this.onMessage(index, octets, frame));
    return { src, dst, stream: new TcpStream(messages), start: undefined, open: undefined, finished: false };
  }

  /** Whether segments wait behind a hole. */
  get isWaiting(): boolean {
    return this.directions.some(({ stream }) => stream.isWaiting);
  }

  /** Both sides have ended it. */
  get isOver(): boolean {
    return this.directions.every(({ finished }) => finished);
  }

  /** Whether this segment is a SYN that begins another connection between the same ports. */
  isSucceededBy(segment: TcpSegment): boolean {
    const { start, stream } = this.directions[this.indexOf(segment)];
    return segment.syn && stream.hasBegun && start !== segment.sequence;
  }

  push(segment: TcpSegment, frame: number, time: number): void {
    const index = this.indexOf(segment);
    const here = this.directions[index];
    const there = this.directions[1 - index]!;
    this.times.set(frame, time);
    if (segment.syn) {
      here.start = segment.sequence;
      here.stream.start(segment.sequence);
    }
    here.stream.push(segment.sequence, segment.payload, segment.missing, frame);
    if (segment.acknowledgement !== undefined) there.stream.onAcknowledgement(segment.acknowledgement);
    if (segment.fin) here.finished = true;
    if (segment.rst) here.finished = there.finished = true;
    this.onFrame(frame);
  }

  /** A frame has passed: holes are not waited for without end. */
  onFrame(frame: number): void {
    for (const { stream } of this.directions) stream.onFrame(frame);
    if (!this.isWaiting) this.times.clear();
  }

  /** No more segments will come. */
  finish(): void {
    for (const { stream } of this.directions) stream.finish();
  }

  private indexOf(segment: TcpSegment): 0 | 1 {
    return segment.src === this.directions[0].src ? 0 : 1;
  }

  private onMessage(index: 0 | 1, octets: Uint8Array, frame: number): void {
    const { src, dst } = this.directions[index];
    const cx = this.negotiated?.[index] ?? this.cx;
    this.emit({ frame, time: this.times.get(frame) ?? 0, src, dst, octets, cx });
    if (octets[18] === MESSAGE_TYPE.open) this.onOpen(index, octets);
  }

  private onOpen(index: 0 | 1, octets: Uint8Array): void {
    const open = decodeOpen(octets.subarray(HEADER_LENGTH));
    if (open instanceof MessageError) return;
    this.directions[index].open = open;
    const [a, b] = [this.directions[0].open, this.directions[1].open];
    if (a !== undefined && b !== undefined) this.negotiated = [this.negotiate(a, b), this.negotiate(b, a)];
  }

  /** How to read what `sender` sends. */
  private negotiate(sender: OpenMessage, receiver: OpenMessage): WireContext {
    const both = (name: 'FOUR_OCTET_AS' | 'EXTENDED_MESSAGE') =>
      [sender, receiver].every(({ capabilities }) => capabilitiesNamed(capabilities, name).length > 0);
    const [sends, receives] = [addPathFamilies(sender, SEND), addPathFamilies(receiver, RECEIVE)];
    return {
      ...this.cx,
      asn4: both('FOUR_OCTET_AS'),
      addPath: new Set([...sends].filter((family) => receives.has(family))),
      maxMessageLength: both('EXTENDED_MESSAGE') ? MAX_EXTENDED_MESSAGE_LENGTH : this.cx.maxMessageLength,
    };
  }
}

function addPathFamilies({ capabilities }: OpenMessage, bit: number): Set<string> {
  const tuples = capabilitiesNamed(capabilities, 'ADD_PATH').flatMap((capability) => capability.tuples);
  return new Set(
    tuples.filter(({ sendReceive }) => (sendReceive & bit) !== 0).map(({ afi, safi }) => `${afi}/${safi}`),
  );
}
