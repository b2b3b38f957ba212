import type { WireContext } from '../context.js';
import { DEFAULT_CONTEXT } from '../context.js';
import type { Diagnostic } from '../errors.js';
import { diagnosticOf, MessageError, strongest } from '../errors.js';
import { HEADER_LENGTH, judgeLength, MESSAGE_TYPE } from '../header.js';
import type { NotificationMessage } from './notification.js';
import { decodeNotification } from './notification.js';
import type { OpenMessage } from './open.js';
import { parseOpen } from './open.js';
import type { RouteRefreshMessage } from './route-refresh.js';
import { decodeRouteRefresh } from './route-refresh.js';
import type { DecodedUpdate } from './update.js';
import { decodeUpdate } from './update.js';

interface MessageCommon {
  /** Type code of the header; undefined when there is not even a whole header. */
  readonly typeCode: number | undefined;
  /** Length field of the header; undefined when it is not there. */
  readonly length: number | undefined;
  /** All that is wrong, in the order found. */
  readonly diagnostics: readonly Diagnostic[];
  /** The strongest of them, the first one of equals. */
  readonly error: Diagnostic | undefined;
}

/** Any message, as far as it could be read: `body` is undefined where nothing could be. */
export type DecodedMessage = MessageCommon &
  (
    | { readonly type: 'OPEN'; readonly body: OpenMessage | undefined }
    | { readonly type: 'UPDATE'; readonly body: DecodedUpdate | undefined }
    | { readonly type: 'NOTIFICATION'; readonly body: NotificationMessage | undefined }
    | { readonly type: 'ROUTE_REFRESH'; readonly body: RouteRefreshMessage | undefined }
    | { readonly type: 'KEEPALIVE' | 'CAPABILITY' | 'UNKNOWN'; readonly body: undefined }
  );

/** Message type of the withdrawn dynamic capability draft: named, never read. */
const CAPABILITY = 6;

/**
 * Decode one message, header included, whatever its octets are.
 * @param octets one message as it came; more or fewer octets than its Length says are an error (RFC 4271 section 6.1)
 * @throws never for what the octets hold
 */
export function decodeMessage(octets: Uint8Array, cx: WireContext = DEFAULT_CONTEXT): DecodedMessage {
  const diagnostics = judgeHeader(octets, cx);
  const length = octets.length >= 18 ? (octets[16]! << 8) | octets[17]! : undefined;
  const typeCode = octets.length >= HEADER_LENGTH ? octets[18]! : undefined;
  const common = { typeCode, length };
  const whole = length !== undefined && length >= HEADER_LENGTH && length <= octets.length;
  // Without its octets, or too short for its type, a body is not looked at.
  const readable = whole && judgeLength(length, typeCode!, Infinity) === undefined;
  const body = readable ? octets.subarray(HEADER_LENGTH, length) : undefined;
  const finish = () => ({ ...common, diagnostics, error: strongest(diagnostics) });

  switch (typeCode) {
    case MESSAGE_TYPE.open: {
      const parsed = body && parseOpen(body);
      diagnostics.push(...(parsed?.errors.map(diagnosticOf) ?? []));
      return { type: 'OPEN', body: parsed?.message, ...finish() };
    }
    case MESSAGE_TYPE.update: {
      const update = body && decodeUpdate(body, cx);
      diagnostics.push(...(update?.diagnostics ?? []));
      return { type: 'UPDATE', body: update, ...finish() };
    }
    case MESSAGE_TYPE.notification:
      return { type: 'NOTIFICATION', body: body && decodeNotification(body), ...finish() };
    case MESSAGE_TYPE.keepalive:
      return { type: 'KEEPALIVE', body: undefined, ...finish() };
    case MESSAGE_TYPE.routeRefresh: {
      const message = body && decodeRouteRefresh(body);
      const failed = message instanceof MessageError;
      if (failed) diagnostics.push(diagnosticOf(message));
      return { type: 'ROUTE_REFRESH', body: failed ? undefined : message, ...finish() };
    }
    case CAPABILITY:
      return { type: 'CAPABILITY', body: undefined, ...finish() };
    default:
      return { type: 'UNKNOWN', body: undefined, ...finish() };
  }
}

function judgeHeader(octets: Uint8Array, cx: WireContext): Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (subcode: number, reason: string, data = new Uint8Array(0)) =>
    found.push({ action: 'session-reset', code: 1, subcode, data, reason });

  if (octets.length < HEADER_LENGTH) {
    report(2, `a header has 19 octets, not ${octets.length}`, octets.slice(16, 18));
    return found;
  }
  const badMarker = octets.subarray(0, 16).findIndex((octet) => octet !== 0xff);
  if (badMarker >= 0) report(1, `marker octet ${badMarker + 1} is ${octets[badMarker]}`);
  const length = (octets[16]! << 8) | octets[17]!;
  const type = octets[18]!;
  const wrong =
    judgeLength(length, type, cx.maxMessageLength) ??
    (length === octets.length ? undefined : `Length is ${length}, the message has ${octets.length} octets`);
  if (wrong !== undefined) report(2, wrong, octets.slice(16, 18));
  if (type === 0 || type > CAPABILITY) report(3, `message type ${type}`, Uint8Array.of(type));
  return found;
}
