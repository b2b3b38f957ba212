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

/** All counts of one neighbor; they outlive its sessions. */
export class Counters {
  /** By message type code: cheaper than by name, and counted for each message. */
  readonly #received = new Float64Array(6);
  readonly sent: MessageCounters = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
  octetsReceived = 0;
  octetsSent = 0;
  /** How often the session became Established. */
  established = 0;

  /** @param type code of a message whose header was checked */
  countReceived(type: number): void {
    this.#received[type]!++;
  }

  get received(): MessageCounters {
    const count = (type: number): number => this.#received[type]!;
    return {
      open: count(MESSAGE_TYPE.open),
      update: count(MESSAGE_TYPE.update),
      notification: count(MESSAGE_TYPE.notification),
      keepalive: count(MESSAGE_TYPE.keepalive),
      routeRefresh: count(MESSAGE_TYPE.routeRefresh),
    };
  }
}
