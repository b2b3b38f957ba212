interface ErrorCode {
  readonly name: string;
  readonly subcodes: Readonly<Record<number, string>>;
}

/**
 * All NOTIFICATION codes and subcodes by name: RFC 4271 section 4.5, RFC 4486 (Cease), RFC 6608 (FSM), RFC 7313 (ROUTE-REFRESH),
 * RFC 8538 (Hard Reset), RFC 9234 (Role Mismatch), RFC 9384 (BFD Down), RFC 9687 (Send Hold Timer).
 */
export const NOTIFICATION_CODES: Readonly<Record<number, ErrorCode>> = {
  1: {
    name: 'Message Header Error',
    subcodes: { 1: 'Connection Not Synchronized', 2: 'Bad Message Length', 3: 'Bad Message Type' },
  },
  2: {
    name: 'OPEN Message Error',
    subcodes: {
      1: 'Unsupported Version Number',
      2: 'Bad Peer AS',
      3: 'Bad BGP Identifier',
      4: 'Unsupported Optional Parameter',
      5: 'Authentication Failure',
      6: 'Unacceptable Hold Time',
      7: 'Unsupported Capability',
      11: 'Role Mismatch',
    },
  },
  3: {
    name: 'UPDATE Message Error',
    subcodes: {
      1: 'Malformed Attribute List',
      2: 'Unrecognized Well-known Attribute',
      3: 'Missing Well-known Attribute',
      4: 'Attribute Flags Error',
      5: 'Attribute Length Error',
      6: 'Invalid ORIGIN Attribute',
      7: 'AS Routing Loop',
      8: 'Invalid NEXT_HOP Attribute',
      9: 'Optional Attribute Error',
      10: 'Invalid Network Field',
      11: 'Malformed AS_PATH',
    },
  },
  4: { name: 'Hold Timer Expired', subcodes: {} },
  5: {
    name: 'Finite State Machine Error',
    subcodes: {
      0: 'Unspecified Error',
      1: 'Receive Unexpected Message in OpenSent State',
      2: 'Receive Unexpected Message in OpenConfirm State',
      3: 'Receive Unexpected Message in Established State',
    },
  },
  6: {
    name: 'Cease',
    subcodes: {
      1: 'Maximum Number of Prefixes Reached',
      2: 'Administrative Shutdown',
      3: 'Peer De-configured',
      4: 'Administrative Reset',
      5: 'Connection Rejected',
      6: 'Other Configuration Change',
      7: 'Connection Collision Resolution',
      8: 'Out of Resources',
      9: 'Hard Reset',
      10: 'BFD Down',
    },
  },
  7: { name: 'ROUTE-REFRESH Message Error', subcodes: { 1: 'Invalid Message Length' } },
  8: { name: 'Send Hold Timer Expired', subcodes: {} },
};

/** The name of a subcode; of the code when the subcode has none (0); `Unknown` for an unassigned one. */
export function notificationName(code: number, subcode: number): string {
  const entry = NOTIFICATION_CODES[code];
  if (entry === undefined) return 'Unknown';
  return entry.subcodes[subcode] ?? (subcode === 0 ? entry.name : 'Unknown');
}

/** Code and subcode for people: `Cease/Administrative Shutdown`, `Hold Timer Expired`, `Cease/77`, `99/1`. */
export function notificationText(code: number, subcode: number): string {
  const entry = NOTIFICATION_CODES[code];
  if (entry === undefined) return `${code}/${subcode}`;
  const name = entry.subcodes[subcode];
  if (name !== undefined) return `${entry.name}/${name}`;
  return subcode === 0 ? entry.name : `${entry.name}/${subcode}`;
}
