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
