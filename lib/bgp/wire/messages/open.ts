import { AS_TRANS } from '../../../net/asn.js';
import { ReadError, Reader } from '../../../net/reader.js';
import { Writer } from '../../../net/writer.js';
import type { Capability } from '../capabilities/index.js';
import { capabilitiesNamed, decodeCapability, encodeCapability } from '../capabilities/index.js';
import { MessageError } from '../errors.js';
import { frame, MESSAGE_TYPE } from '../header.js';

export const BGP_VERSION = 4;
/** Optional Parameter type Capabilities (RFC 5492 section 4). */
const CAPABILITIES_PARAMETER = 2;
/** Marks extended Optional Parameters, as length and as type (RFC 9072 section 2). */
const EXTENDED = 255;

/** One Optional Parameter. */
export interface OpenParameter {
  readonly type: number;
  /** Of a type 2 parameter that could be read. */
  readonly capabilities?: readonly Capability[];
  /** The value of any other. */
  readonly raw?: Uint8Array;
}

/** OPEN, RFC 4271 section 4.2. */
export interface OpenMessage {
  readonly version: number;
  /** The two-octet field: 23456 (AS_TRANS) when the AS needs four octets. */
  readonly myAs: number;
  /** Seconds. */
  readonly holdTime: number;
  /** BGP Identifier, host order. */
  readonly bgpId: number;
  /** Of all parameters, in wire order, duplicates included. */
  readonly capabilities: readonly Capability[];
  /** Only when the message is not in the usual form of one type 2 parameter for each capability. Wins when encoding. */
  readonly parameters?: readonly OpenParameter[];
  /** The lengths are in the extended form of RFC 9072. Encoding chooses it by itself where it is needed. */
  readonly extendedParameters?: boolean;
}

/** An OPEN as far as it could be read, with all that is wrong with it. */
export interface ParsedOpen {
  /** Left out when not even the fixed fields and parameter lengths make sense. */
  readonly message?: OpenMessage;
  /** In the order in which RFC 4271 section 6.2 checks. */
  readonly errors: readonly MessageError[];
}

/**
 * Decode the body of an OPEN.
 * @returns the message, or the first error that RFC 4271 section 6.2 finds. Whether the AS and the identifier are those of
 *   the neighbor that was configured is for the caller to check.
 */
export function decodeOpen(body: Uint8Array): OpenMessage | MessageError {
  const { message, errors } = parseOpen(body);
  return errors[0] ?? message!;
}

/** Decode an OPEN as far as possible. @throws never */
export function parseOpen(body: Uint8Array): ParsedOpen {
  if (body.length < 10) return { errors: [new MessageError(2, 0, `OPEN body of ${body.length} octets`)] };
  const r = new Reader(body);
  const fixed = { version: r.u8(), myAs: r.u16(), holdTime: r.u16(), bgpId: r.u32() };
  const errors = judgeFixedFields(fixed);
  const parameters: OpenParameter[] = [];
  let extended = false;
  try {
    extended = readParameters(r, parameters);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    errors.push(new MessageError(2, 0, `Optional Parameters: ${error.message}`));
  }
  for (const parameter of parameters) errors.push(...judgeParameter(parameter));
  const usual = parameters.every((p) => p.capabilities?.length === 1);
  const message: OpenMessage = {
    ...fixed,
    capabilities: parameters.flatMap((p) => p.capabilities ?? []),
    ...(usual ? {} : { parameters }),
    ...(extended ? { extendedParameters: true } : {}),
  };
  return { message, errors };
}

function judgeFixedFields(open: { version: number; myAs: number; holdTime: number; bgpId: number }): MessageError[] {
  const errors: MessageError[] = [];
  if (open.version !== BGP_VERSION) {
    // RFC 4271 section 6.2: the data is the highest version that is supported, two octets.
    errors.push(new MessageError(2, 1, `version ${open.version}`, Uint8Array.of(0, BGP_VERSION)));
  }
  if (open.myAs === 0) errors.push(new MessageError(2, 2, 'AS 0'));
  if (open.holdTime === 1 || open.holdTime === 2) errors.push(new MessageError(2, 6, `hold time ${open.holdTime}`));
  if (open.bgpId === 0) errors.push(new MessageError(2, 3, 'BGP identifier 0.0.0.0'));
  return errors;
}

/** Read parameters into a list, which keeps those in front of one that cannot be read. */
function readParameters(r: Reader, parameters: OpenParameter[]): boolean {
  const length = r.u8();
  const extended = length !== 0 && r.remaining > 0 && r.bytes[r.offset] === EXTENDED;
  if (extended) r.skip(1);
  const list = r.sub(extended ? r.u16() : length);
  while (list.remaining > 0) {
    const type = list.u8();
    const value = list.view(extended ? list.u16() : list.u8());
    const capabilities = type === CAPABILITIES_PARAMETER ? readCapabilities(value) : undefined;
    parameters.push(capabilities === undefined ? { type, raw: value.slice() } : { type, capabilities });
  }
  if (r.remaining > 0) throw new ReadError(`${r.remaining} octets left`);
  return extended;
}

/** Undefined when the lengths inside do not add up. */
function readCapabilities(value: Uint8Array): Capability[] | undefined {
  const capabilities: Capability[] = [];
  let at = 0;
  while (at < value.length) {
    const start = at + 2;
    const end = start + (value[at + 1] ?? Infinity);
    if (end > value.length) return undefined;
    capabilities.push(decodeCapability(value[at]!, value.subarray(start, end)));
    at = end;
  }
  return capabilities;
}

function judgeParameter(parameter: OpenParameter): MessageError[] {
  if (parameter.type !== CAPABILITIES_PARAMETER) {
    return [new MessageError(2, 4, `Optional Parameter type ${parameter.type}`)];
  }
  if (parameter.capabilities === undefined) return [new MessageError(2, 0, 'capabilities run past their parameter')];
  return parameter.capabilities.flatMap((c) => {
    if (c.malformed === true) return [new MessageError(2, 0, `${c.name} capability of ${c.raw.length} octets`)];
    if (isAsZero(c)) return [new MessageError(2, 2, 'AS 0 in the FOUR_OCTET_AS capability')];
    return [];
  });
}

/** RFC 7607 section 2. */
function isAsZero(capability: Capability): boolean {
  return capabilitiesNamed([capability], 'FOUR_OCTET_AS').some((c) => c.as === 0);
}

/**
 * A whole OPEN.
 * @throws RangeError when the parameters exceed 65535 octets or a capability 255
 */
export function encodeOpen(open: OpenMessage): Uint8Array {
  const parameters = open.parameters ?? open.capabilities.map((c): OpenParameter => ({ type: 2, capabilities: [c] }));
  const values = parameters.map(encodeParameterValue);
  const plainLength = values.reduce((sum, value) => sum + 2 + value.length, 0);
  // RFC 9072 section 2. A first parameter of type 255 would be taken for the extended form.
  const extended = open.extendedParameters ?? (plainLength > 254 || values.some((value) => value.length > 255));
  const w = new Writer(64 + plainLength);
  w.u8(open.version);
  w.u16(open.myAs > 0xffff ? AS_TRANS : open.myAs);
  w.u16(open.holdTime);
  w.u32(open.bgpId);
  if (extended) {
    w.u8(EXTENDED);
    w.u8(EXTENDED);
    w.u16(plainLength + values.length);
  } else w.u8(plainLength);
  parameters.forEach(({ type }, i) => {
    const value = values[i]!;
    w.u8(type);
    if (extended) w.u16(value.length);
    else w.u8(value.length);
    w.octets(value);
  });
  return frame(MESSAGE_TYPE.open, w.view());
}

function encodeParameterValue(parameter: OpenParameter): Uint8Array {
  if (parameter.raw !== undefined) return parameter.raw;
  const w = new Writer(64);
  for (const capability of parameter.capabilities ?? []) {
    w.u8(capability.code);
    const lengthAt = w.reserve(1);
    encodeCapability(w, capability);
    const length = w.length - lengthAt - 1;
    if (length > 255) throw new RangeError(`capability ${capability.code} has ${length} octets, at most 255 fit`);
    w.patch8(lengthAt, length);
  }
  return w.finish();
}
