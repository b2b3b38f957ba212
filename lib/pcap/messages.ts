import type { JsonObject, WireContext } from '../bgp/wire/index.js';
import { DEFAULT_CONTEXT, messageToJson } from '../bgp/wire/index.js';
import type { CapturedFrame } from './capture.js';
import { CaptureReader } from './capture.js';
import type { CapturedMessage } from './connection.js';
import { CapturedConnection } from './connection.js';
import type { TcpSegment } from './packet.js';
import { tcpSegmentOf } from './packet.js';

/** Connections remembered at once; the one that was silent longest is forgotten first. */
const MAX_CONNECTIONS = 1 << 14;

/**
 * Capture octets in as they arrive, BGP messages out, in the order in which their last octet was seen: TCP put in order in both
 * directions, AS width and ADD-PATH taken from the OPENs of both sides. Bounded memory.
 */
export class CapturedMessages {
  private readonly reader = new CaptureReader();
  private readonly connections = new Map<string, CapturedConnection>();
  /** Connections with a hole: while there are any, later messages of others wait for their turn. */
  private readonly waiting = new Set<CapturedConnection>();
  private queue: CapturedMessage[] = [];

  /** @param cx how to read messages where not both OPENs were captured */
  constructor(private readonly cx: WireContext = DEFAULT_CONTEXT) {}

  /** The messages that this chunk completes. @throws CaptureError when the octets cannot be those of a capture */
  *push(chunk: Uint8Array): Generator<CapturedMessage> {
    for (const frame of this.reader.push(chunk)) {
      this.onFrame(frame);
      if (this.waiting.size === 0 && this.queue.length > 0) yield* this.take();
    }
  }

  /** What is left when the capture has ended. */
  *end(): Generator<CapturedMessage> {
    for (const connection of this.connections.values()) connection.finish();
    yield* this.take();
  }

  private take(): CapturedMessage[] {
    const { queue } = this;
    this.queue = [];
    // A stable sort: messages that one frame completed stay as they are.
    return queue.sort((a, b) => a.frame - b.frame);
  }

  private onFrame({ frame, time, linkType, data }: CapturedFrame): void {
    const segment = tcpSegmentOf(linkType, data);
    if (segment !== undefined) this.onSegment(segment, frame, time);
    for (const connection of this.waiting) {
      connection.onFrame(frame);
      if (!connection.isWaiting) this.waiting.delete(connection);
    }
  }

  private onSegment(segment: TcpSegment, frame: number, time: number): void {
    const key = keyOf(segment);
    let connection = this.connections.get(key);
    if (connection?.isSucceededBy(segment) === true || (connection?.isOver === true && segment.syn)) {
      this.forget(key, connection);
      connection = undefined;
    }
    connection ??= new CapturedConnection(segment, this.cx, (message) => this.queue.push(message));
    // Delete and set: a Map keeps the order of insertion, so the first one is the one silent longest.
    this.connections.delete(key);
    this.connections.set(key, connection);
    connection.push(segment, frame, time);
    if (connection.isWaiting) this.waiting.add(connection);
    if (segment.rst) this.forget(key, connection);
    if (this.connections.size > MAX_CONNECTIONS) {
      const [oldest, silent] = this.connections.entries().next().value!;
      this.forget(oldest, silent);
    }
  }

  private forget(key: string, connection: CapturedConnection): void {
    connection.finish();
    this.waiting.delete(connection);
    this.connections.delete(key);
  }
}

/** The same for both directions. */
function keyOf({ src, dst }: TcpSegment): string {
  return src < dst ? `${src} ${dst}` : `${dst} ${src}`;
}

/** Capture octets in, objects in the JSON form of `tsbgp decode` out. */
export class PcapDecoder {
  private readonly messages: CapturedMessages;

  constructor(cx: WireContext) {
    this.messages = new CapturedMessages(cx);
  }

  *push(chunk: Uint8Array): Generator<JsonObject> {
    for (const message of this.messages.push(chunk)) yield toJson(message);
  }

  *end(): Generator<JsonObject> {
    for (const message of this.messages.end()) yield toJson(message);
  }
}

function toJson({ frame, time, src, dst, octets, cx }: CapturedMessage): JsonObject {
  return { frame, time, src, dst, ...messageToJson(octets, cx) };
}
