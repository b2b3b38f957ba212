/** What a NOTIFICATION says: error code and subcode (RFC 4271 section 4.5), data, and why, for people. */
export interface NotificationContent {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
  readonly reason: string;
}

/**
 * The events of RFC 4271 section 8.1 with their number and name there; `null` numbers are ours. Not in the list, because
 * nothing here causes them: the DelayOpen events (12, 20), the automatic starts (3, 5 to 7: IdleHoldTimer_Expires starts
 * again by itself) and the two about a connection request that is not yet a connection (14, 15: the kernel completes it).
 */
export const FSM_EVENTS = {
  manualStart: { number: 1, rfcName: 'ManualStart' },
  manualStop: { number: 2, rfcName: 'ManualStop' },
  manualStartPassive: { number: 4, rfcName: 'ManualStart_with_PassiveTcpEstablishment' },
  automaticStop: { number: 8, rfcName: 'AutomaticStop' },
  connectRetryTimerExpires: { number: 9, rfcName: 'ConnectRetryTimer_Expires' },
  holdTimerExpires: { number: 10, rfcName: 'HoldTimer_Expires' },
  keepaliveTimerExpires: { number: 11, rfcName: 'KeepaliveTimer_Expires' },
  idleHoldTimerExpires: { number: 13, rfcName: 'IdleHoldTimer_Expires' },
  tcpCrAcked: { number: 16, rfcName: 'Tcp_CR_Acked' },
  tcpConnectionConfirmed: { number: 17, rfcName: 'TcpConnectionConfirmed' },
  tcpConnectionFails: { number: 18, rfcName: 'TcpConnectionFails' },
  bgpOpen: { number: 19, rfcName: 'BGPOpen' },
  bgpHeaderErr: { number: 21, rfcName: 'BGPHeaderErr' },
  bgpOpenMsgErr: { number: 22, rfcName: 'BGPOpenMsgErr' },
  openCollisionDump: { number: 23, rfcName: 'OpenCollisionDump' },
  notifMsgVerErr: { number: 24, rfcName: 'NotifMsgVerErr' },
  notifMsg: { number: 25, rfcName: 'NotifMsg' },
  keepAliveMsg: { number: 26, rfcName: 'KeepAliveMsg' },
  updateMsg: { number: 27, rfcName: 'UpdateMsg' },
  updateMsgErr: { number: 28, rfcName: 'UpdateMsgErr' },
  /** RFC 9687 section 3. */
  sendHoldTimerExpires: { number: 29, rfcName: 'SendHoldTimer_Expires' },
  /** A ROUTE-REFRESH (RFC 2918), for which RFC 4271 has no event. */
  routeRefreshMsg: { number: null, rfcName: 'RouteRefreshMsg' },
  /** Established for so long that earlier failures no longer count. */
  stableTimerExpires: { number: null, rfcName: 'StableTimer_Expires' },
} as const;

export type FsmEventName = keyof typeof FSM_EVENTS;
/** Events that carry what to tell the peer. */
type NotifyingEventName = 'manualStop' | 'bgpHeaderErr' | 'bgpOpenMsgErr' | 'updateMsgErr';

/** One event. A session that ends keeps its reason outside the FSM; the FSM only needs what changes its answer. */
export type FsmEvent =
  | { readonly type: NotifyingEventName; readonly notification: NotificationContent }
  | {
      readonly type: 'automaticStop';
      readonly notification: NotificationContent;
      /** Seconds in Idle; null: until started by hand. Left out: options and ConnectRetryCounter decide. */
      readonly idleHold?: number | null;
    }
  /** A valid, acceptable OPEN, with the hold and keepalive time negotiated from it. */
  | { readonly type: 'bgpOpen'; readonly holdTimeSeconds: number; readonly keepaliveSeconds: number }
  | { readonly type: 'notifMsg'; readonly code: number; readonly subcode: number }
  | { readonly type: Exclude<FsmEventName, NotifyingEventName | 'automaticStop' | 'bgpOpen' | 'notifMsg'> };
