import { canonicalAddress, formatIpv4, parseIpv4 } from '../../../net/address.js';
import { UsageError } from '../../../net/errors.js';
import type { WireContext } from '../context.js';
import { DEFAULT_CONTEXT, MAX_EXTENDED_MESSAGE_LENGTH } from '../context.js';
import type { Diagnostic } from '../errors.js';
import type { DecodedMessage } from '../messages/message.js';
import { decodeMessage } from '../messages/message.js';
import { KEEPALIVE } from '../messages/keepalive.js';
import { encodeNotification } from '../messages/notification.js';
import type { OpenMessage, OpenParameter } from '../messages/open.js';
import { encodeOpen } from '../messages/open.js';
import { encodeRouteRefresh } from '../messages/route-refresh.js';
import type { DecodedUpdate, EncodableUpdate } from '../messages/update.js';
import { encodeUpdate } from '../messages/update.js';
import { notificationName } from '../notification-names.js';
import { carriesShutdownCommunication, decodeShutdownCommunication } from '../shutdown-communication.js';
import { toHex } from '../text.js';
import { attributesFromJson, attributesToJson } from './attributes.js';
import { capabilityFromJson, capabilityToJson } from './capabilities.js';
import { nlriFromJson, nlriToJson } from './nlri.js';
import type { JsonObject } from './read.js';
import { readArray, readHex, readNumber, readObject, readString } from './read.js';

/**
 * Decode one message into the JSON form of `tsbgp decode`: plain objects with `snake_case` names, ready for JSON.stringify.
 * Lossless: {@link messageFromJson} gives the octets back, whatever they are.
 * @throws never for what the octets hold
 */
export function messageToJson(octets: Uint8Array, cx: WireContext = DEFAULT_CONTEXT): JsonObject {
  const message = decodeMessage(octets, cx);
  const json: JsonObject = { type: message.type };
  if (message.type === 'UNKNOWN' && message.typeCode !== undefined) json['type_code'] = message.typeCode;
  if (message.length !== undefined) json['length'] = message.length;
  Object.assign(json, bodyToJson(message));
  // The last resort: what the fields above do not give back is kept whole.
  if (!givesBack(message, octets, cx)) json['raw'] = toHex(octets);
  if (message.error !== undefined) json['error'] = errorToJson(message.error);
  if (message.diagnostics.length > 1) json['errors'] = message.diagnostics.map(errorToJson);
  return json;
}

/** Whether the typed message is exact. That its JSON form is as exact as the typed one is for tests to show. */
function givesBack(message: DecodedMessage, octets: Uint8Array, cx: WireContext): boolean {
  const encoded = encodeMessage(message, cx);
  return encoded !== undefined && encoded.length === octets.length && encoded.every((octet, i) => octet === octets[i]);
}

function encodeMessage(message: DecodedMessage, cx: WireContext): Uint8Array | undefined {
  if (message.type === 'KEEPALIVE') return KEEPALIVE;
  if (message.body === undefined) return undefined;
  try {
    switch (message.type) {
      case 'OPEN':
        return encodeOpen(message.body);
      case 'UPDATE':
        return encodeUpdate(message.body, { ...cx, maxMessageLength: MAX_EXTENDED_MESSAGE_LENGTH });
      case 'NOTIFICATION':
        return encodeNotification(message.body, MAX_EXTENDED_MESSAGE_LENGTH);
      case 'ROUTE_REFRESH':
        return encodeRouteRefresh(message.body);
      default:
        return undefined;
    }
  } catch {
    // Lengths that cannot be written so, such as a capability inside a parameter that is too short for it.
    return undefined;
  }
}

function bodyToJson(message: DecodedMessage): JsonObject {
  if (message.body === undefined) return {};
  switch (message.type) {
    case 'OPEN':
      return openToJson(message.body);
    case 'UPDATE':
      return updateToJson(message.body);
    case 'NOTIFICATION': {
      const { code, subcode, data } = message.body;
      const text = carriesShutdownCommunication(code, subcode) ? decodeShutdownCommunication(data) : undefined;
      const json = { code, subcode, name: notificationName(code, subcode), data: toHex(data) };
      return text === undefined ? json : { ...json, message: text };
    }
    case 'ROUTE_REFRESH': {
      const { afi, safi, subtype, orf } = message.body;
      return orf === undefined ? { afi, safi, subtype } : { afi, safi, subtype, orf: toHex(orf) };
    }
    default:
      return {};
  }
}

function openToJson(open: OpenMessage): JsonObject {
  return {
    version: open.version,
    my_as: open.myAs,
    hold_time: open.holdTime,
    bgp_id: formatIpv4(open.bgpId),
    ...(open.parameters === undefined
      ? { capabilities: open.capabilities.map(capabilityToJson) }
      : { params: open.parameters.map(parameterToJson) }),
    ...(open.extendedParameters === true ? { extended_params: true } : {}),
  };
}

function parameterToJson({ type, capabilities, raw }: OpenParameter): JsonObject {
  return capabilities === undefined
    ? { type, raw: toHex(raw ?? new Uint8Array(0)) }
    : { type, capabilities: capabilities.map(capabilityToJson) };
}

/** An UPDATE's body to its JSON form. */
export function updateToJson({ withdrawn, attributes, nlri, endOfRib }: DecodedUpdate): JsonObject {
  return {
    withdrawn: nlriToJson(withdrawn),
    attributes: attributesToJson(attributes),
    nlri: nlriToJson(nlri),
    ...(endOfRib === undefined ? {} : { end_of_rib: { afi: endOfRib.afi, safi: endOfRib.safi } }),
  };
}

/** A diagnostic to its JSON form. */
export function errorToJson({ action, code, subcode, data, attribute, reason }: Diagnostic): JsonObject {
  return {
    code,
    subcode,
    name: notificationName(code, subcode),
    action,
    ...(attribute === undefined ? {} : { attribute }),
    data: toHex(data),
    reason,
  };
}

/**
 * Encode a message in the JSON form; `raw` wins wherever it is. Unknown fields are ignored.
 * @returns the whole message
 * @throws UsageError `bad_json` (naming the field), `bad_address`, `bad_community`, `bad_rd`, `bad_attribute`
 */
export function messageFromJson(value: unknown, cx: WireContext = DEFAULT_CONTEXT): Uint8Array {
  const json = readObject(value, 'message');
  if (json['raw'] !== undefined) return readHex(json['raw'], 'raw');
  try {
    return encodeBody(json, cx);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError('bad_json', error.message);
    throw error;
  }
}

function encodeBody(json: JsonObject, cx: WireContext): Uint8Array {
  const type = readString(json['type'], 'type');
  switch (type) {
    case 'OPEN':
      return encodeOpen(openFromJson(json));
    case 'UPDATE':
      return encodeUpdate(updateFromJson(json), { ...cx, maxMessageLength: MAX_EXTENDED_MESSAGE_LENGTH });
    case 'NOTIFICATION':
      return encodeNotification(
        {
          code: readNumber(json, 'code', 8),
          subcode: readNumber(json, 'subcode', 8),
          data: readHex(json['data'] ?? '', 'data'),
        },
        MAX_EXTENDED_MESSAGE_LENGTH,
      );
    case 'KEEPALIVE':
      return KEEPALIVE;
    case 'ROUTE_REFRESH':
      return encodeRouteRefresh({
        afi: readNumber(json, 'afi', 16),
        safi: readNumber(json, 'safi', 8),
        subtype: readNumber(json, 'subtype', 8),
        ...(json['orf'] === undefined ? {} : { orf: readHex(json['orf'], 'orf') }),
      });
    default:
      throw new UsageError('bad_json', `type: a message of type '${type}' needs 'raw'`, 'type');
  }
}

function updateFromJson(json: JsonObject): EncodableUpdate {
  return {
    withdrawn: nlriFromJson(json['withdrawn'] ?? [], 1, 1) as NonNullable<EncodableUpdate['withdrawn']>,
    attributes: attributesFromJson(json['attributes'] ?? []),
    nlri: nlriFromJson(json['nlri'] ?? [], 1, 1) as NonNullable<EncodableUpdate['nlri']>,
  };
}

function openFromJson(json: JsonObject): OpenMessage {
  const params = json['params'];
  const parameters = params === undefined ? {} : { parameters: readArray(params, 'params').map(parameterFromJson) };
  return {
    version: readNumber(json, 'version', 8),
    myAs: readNumber(json, 'my_as', 16),
    holdTime: readNumber(json, 'hold_time', 16),
    bgpId: parseIpv4(canonicalAddress(readString(json['bgp_id'], 'bgp_id'))),
    capabilities:
      params === undefined ? readArray(json['capabilities'] ?? [], 'capabilities').map(capabilityFromJson) : [],
    ...parameters,
    ...(json['extended_params'] === true ? { extendedParameters: true } : {}),
  };
}

function parameterFromJson(value: unknown): OpenParameter {
  const json = readObject(value, 'params');
  const type = readNumber(json, 'type', 8);
  if (json['raw'] !== undefined) return { type, raw: readHex(json['raw'], 'raw') };
  return { type, capabilities: readArray(json['capabilities'], 'capabilities').map(capabilityFromJson) };
}
