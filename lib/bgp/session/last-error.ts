import { familyOf } from '../wire/families.js';
import { notificationText } from '../wire/notification-names.js';
import { carriesShutdownCommunication, decodeShutdownCommunication } from '../wire/shutdown-communication.js';

/** A NOTIFICATION, or a failure below BGP, that ended a session or an attempt: JSON-ready. */
export interface LastError {
  /** Unix milliseconds. */
  readonly at: number;
  readonly direction: 'sent' | 'received' | 'local';
  /** `Cease/Administrative Shutdown`, `connection refused` … */
  readonly text: string;
  readonly code?: number;
  readonly subcode?: number;
  /** Hex of the NOTIFICATION's Data field. */
  readonly data?: string;
  /** Shutdown communication (RFC 9003). */
  readonly message?: string;
}

interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** The NOTIFICATION inside of a Cease/Hard Reset (RFC 8538 section 3); an empty one stands for Cease with subcode 0. */
export function encapsulated({ code, subcode, data }: Notification): Notification | undefined {
  if (code !== 6 || subcode !== 9) return undefined;
  return { code: data[0] ?? 6, subcode: data[1] ?? 0, data: data.subarray(2) };
}

/** Cease/Connection Collision Resolution is business as usual, not an error worth keeping. */
export function isCollision({ code, subcode }: Pick<Notification, 'code' | 'subcode'>): boolean {
  return code === 6 && subcode === 7;
}

/** A NOTIFICATION in words. `detail` says more than its code; only the sender knows. */
export function notificationError(
  at: number,
  direction: 'sent' | 'received',
  notification: Notification,
  detail?: string,
): LastError {
  const { code, subcode, data } = notification;
  const inner = encapsulated(notification);
  const said = inner ?? notification;
  const outer = notificationText(code, subcode);
  const name = inner === undefined ? outer : `${outer} (${notificationText(inner.code, inner.subcode)})`;
  detail ??= direction === 'received' ? prefixLimitText(said) : undefined;
  const communicates = carriesShutdownCommunication(said.code, said.subcode);
  const message = communicates ? decodeShutdownCommunication(said.data) : undefined;
  return Object.freeze({
    at,
    direction,
    text: detail === undefined ? name : `${name}: ${detail}`,
    code,
    subcode,
    data: Array.from(data, (octet) => octet.toString(16).padStart(2, '0')).join(''),
    ...(message === undefined ? {} : { message }),
  });
}

/** RFC 4486 section 4: Maximum Number of Prefixes Reached may name AFI, SAFI and the upper bound. */
function prefixLimitText({
  code,
  subcode,
  data,
}: {
  code: number;
  subcode: number;
  data: Uint8Array;
}): string | undefined {
  if (code !== 6 || subcode !== 1 || data.length !== 7) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, 7);
  const [afi, safi] = [view.getUint16(0), view.getUint8(2)];
  return `at most ${view.getUint32(3)} of ${familyOf(afi, safi) ?? `AFI ${afi}, SAFI ${safi}`}`;
}

/** A failure of the transport. */
export function localError(at: number, text: string): LastError {
  return Object.freeze({ at, direction: 'local', text });
}
