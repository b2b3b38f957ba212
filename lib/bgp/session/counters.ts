import { MESSAGE_TYPE } from '../wire/header.js';

/** Messages by type, since the neighbor was made. */
export interface MessageCounters {
  open: number;
  update: number;
  notification: number;
  keepalive: number;
  routeRefresh: number;
}

export type MessageName = keyof MessageCounters;

/** Name of each message type, by its code. */
const NAMES = Object.entries(MESSAGE_TYPE).reduce<MessageName[]>((names, [name, code]) => {
  names[code] = name as MessageName;
  return names;
}, []);

/** All counts of one neighbor; they outlive its sessions. */
export class Counters {
  readonly received: MessageCounters = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
  readonly sent: MessageCounters = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
  octetsReceived = 0;
  octetsSent = 0;
  /** How often the session became Established. */
  established = 0;

  countReceived(type: number): void {
    this.received[NAMES[type]!]++;
  }
}
