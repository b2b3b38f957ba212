import { frame, HEADER_LENGTH, MESSAGE_TYPE } from '../header.js';
import { MAX_MESSAGE_LENGTH } from '../context.js';
import { carriesShutdownCommunication, decodeShutdownCommunication } from '../shutdown-communication.js';
import { notificationText } from '../notification-names.js';

/** RFC 4271 section 4.5. */
export interface NotificationMessage {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/**
 * Decode the body of a NOTIFICATION, at least two octets (the header check has seen to that).
 * There is no error answer to a NOTIFICATION (RFC 4271 section 6.4).
 */
export function decodeNotification(body: Uint8Array): NotificationMessage {
  return { code: body[0]!, subcode: body[1]!, data: body.slice(2) };
}

/** A whole NOTIFICATION. Data that does not fit is cut. */
export function encodeNotification(
  notification: NotificationMessage,
  maxMessageLength: number = MAX_MESSAGE_LENGTH,
): Uint8Array {
  const data = notification.data.subarray(0, maxMessageLength - HEADER_LENGTH - 2);
  const body = new Uint8Array(2 + data.length);
  body[0] = notification.code;
  body[1] = notification.subcode;
  body.set(data, 2);
  return frame(MESSAGE_TYPE.notification, body);
}

/** The shutdown communication in a Cease (RFC 9003), also the one inside a Hard Reset (RFC 8538 section 3). */
export function shutdownCommunicationOf({ code, subcode, data }: NotificationMessage): string | undefined {
  if (code === 6 && subcode === 9 && data.length > 2) return shutdownCommunicationOf(decodeNotification(data));
  return carriesShutdownCommunication(code, subcode) ? decodeShutdownCommunication(data) : undefined;
}

/** For logs: `Cease/Administrative Shutdown: maintenance`. */
export function describeNotification(notification: NotificationMessage): string {
  const name = notificationText(notification.code, notification.subcode);
  const text = shutdownCommunicationOf(notification);
  return text === undefined ? name : `${name}: ${text}`;
}
