import { MessageError } from '../errors.js';
import { frame, MESSAGE_TYPE } from '../header.js';

/** Message subtypes (RFC 7313 section 3.2). */
export const ROUTE_REFRESH_SUBTYPE = { normal: 0, beginning: 1, end: 2 } as const;

/** RFC 2918 section 3, RFC 7313 section 3.2. */
export interface RouteRefreshMessage {
  readonly afi: number;
  readonly safi: number;
  /** 0 normal request, 1 beginning (BoRR), 2 end (EoRR); others are ignored. */
  readonly subtype: number;
  /** ORF entries that follow (RFC 5291), as octets. */
  readonly orf?: Uint8Array;
}

/**
 * Decode the body of a ROUTE-REFRESH.
 * @returns the message, or the error 7/1 whose data is the whole message (RFC 7313 section 5)
 */
export function decodeRouteRefresh(body: Uint8Array): RouteRefreshMessage | MessageError {
  const subtype = body[2];
  const tooLong =
    body.length > 4 && (subtype === ROUTE_REFRESH_SUBTYPE.beginning || subtype === ROUTE_REFRESH_SUBTYPE.end);
  if (body.length < 4 || tooLong) {
    const reason = `ROUTE-REFRESH body of ${body.length} octets`;
    return new MessageError(7, 1, reason, frame(MESSAGE_TYPE.routeRefresh, body));
  }
  const message = { afi: (body[0]! << 8) | body[1]!, safi: body[3]!, subtype: subtype! };
  return body.length === 4 ? message : { ...message, orf: body.slice(4) };
}

/** A whole ROUTE-REFRESH. */
export function encodeRouteRefresh({ afi, safi, subtype, orf }: RouteRefreshMessage): Uint8Array {
  const body = new Uint8Array(4 + (orf?.length ?? 0));
  body.set([afi >>> 8, afi, subtype, safi]);
  if (orf !== undefined) body.set(orf, 4);
  return frame(MESSAGE_TYPE.routeRefresh, body);
}
