/**
 * What a flaw in received octets costs, weakest first (RFC 7606 section 2). The strongest of an UPDATE decides.
 */
export const ERROR_ACTIONS = ['attribute-discard', 'treat-as-withdraw', 'afi-safi-disable', 'session-reset'] as const;
export type ErrorAction = (typeof ERROR_ACTIONS)[number];

/** A flaw in received octets, as a value. `code`, `subcode` and `data` are those of the NOTIFICATION a reset would send. */
export interface Diagnostic {
  readonly action: ErrorAction;
  readonly code: number;
  readonly subcode: number;
  /** The NOTIFICATION's Data field: owned, not borrowed. */
  readonly data: Uint8Array;
  /** Type code of the path attribute concerned. */
  readonly attribute?: number;
  /** For people; not API. */
  readonly reason: string;
}

const NO_DATA = new Uint8Array(0);

const STRENGTH: Record<ErrorAction, number> = {
  'attribute-discard': 1,
  'treat-as-withdraw': 2,
  'afi-safi-disable': 3,
  'session-reset': 4,
};

/** Whether `a` is a stronger action than `b` (RFC 7606 section 2). */
export function isStronger(a: ErrorAction, b: ErrorAction): boolean {
  return STRENGTH[a] > STRENGTH[b];
}

/** The strongest of several diagnostics, the first one of equals (RFC 7606 section 3 h). */
export function strongest(diagnostics: readonly Diagnostic[]): Diagnostic | undefined {
  let worst: Diagnostic | undefined;
  for (const diagnostic of diagnostics) {
    if (worst === undefined || isStronger(diagnostic.action, worst.action)) worst = diagnostic;
  }
  return worst;
}

/** The session must end with this NOTIFICATION (RFC 4271 section 6). */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  readonly data: Uint8Array;
  constructor(
    readonly code: number,
    readonly subcode: number,
    readonly reason: string,
    data: Uint8Array = NO_DATA,
  ) {
    super(reason);
    this.data = data;
  }
}

/** The NOTIFICATION that a diagnostic whose action is `session-reset` asks for. */
export function messageErrorOf(diagnostic: Diagnostic): MessageError {
  return new MessageError(diagnostic.code, diagnostic.subcode, diagnostic.reason, diagnostic.data);
}

/** A MessageError as a value, with the action `session-reset`. */
export function diagnosticOf(error: MessageError): Diagnostic {
  return { action: 'session-reset', code: error.code, subcode: error.subcode, data: error.data, reason: error.reason };
}
