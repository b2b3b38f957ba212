import { UsageError } from '../../../net/errors.js';
import { Writer } from '../../../net/writer.js';
import type { Capability } from '../capabilities/index.js';
import { capabilityType, encodeCapability } from '../capabilities/index.js';
import { toHex } from '../text.js';
import type { JsonObject } from './read.js';
import { readArray, readBoolean, readHex, readNumber, readObject, readString } from './read.js';

/** Field names of typed capabilities by their JSON names, with how to read them. */
const FIELDS: Readonly<Record<string, readonly [key: string, read: (json: JsonObject, field: string) => unknown]>> = {
  afi: ['afi', bits(16)],
  safi: ['safi', bits(16)],
  role: ['role', bits(8)],
  as: ['as', bits(32)],
  restart_state: ['restartState', readBoolean],
  notification: ['notification', readBoolean],
  restart_time: ['restartTime', bits(12)],
  forwarding: ['forwarding', readBoolean],
  send_receive: ['sendReceive', bits(8)],
  stale_time: ['staleTime', bits(24)],
  next_hop_afi: ['nextHopAfi', bits(16)],
  hostname: ['hostname', (json, field) => readString(json[field], field)],
  domain: ['domain', (json, field) => readString(json[field], field)],
};

/** JSON fields of each capability that has a form of its own, and of the tuples in it. */
const FORMS: Readonly<Record<number, { readonly fields?: readonly string[]; readonly tuples?: readonly string[] }>> = {
  1: { fields: ['afi', 'safi'] },
  2: {},
  5: { tuples: ['afi', 'safi', 'next_hop_afi'] },
  6: {},
  9: { fields: ['role'] },
  64: { fields: ['restart_state', 'notification', 'restart_time'], tuples: ['afi', 'safi', 'forwarding'] },
  65: { fields: ['as'] },
  69: { tuples: ['afi', 'safi', 'send_receive'] },
  70: {},
  71: { tuples: ['afi', 'safi', 'forwarding', 'stale_time'] },
  73: { fields: ['hostname', 'domain'] },
};

function bits(count: number): (json: JsonObject, field: string) => number {
  return (json, field) => readNumber(json, field, count);
}

function pick(source: Readonly<Record<string, unknown>>, fields: readonly string[] = []): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, source[FIELDS[field]![0]]]));
}

function unpick(json: JsonObject, fields: readonly string[] = []): JsonObject {
  return Object.fromEntries(fields.map((field) => [FIELDS[field]![0], FIELDS[field]![1](json, field)]));
}

/** A capability to its JSON form. */
export function capabilityToJson(capability: Capability): JsonObject {
  const { code, name, raw } = capability;
  const form = FORMS[code];
  if (form === undefined) return { code, raw: toHex(valueOf(capability)) };
  const json: JsonObject = { code, name };
  if (capability.malformed === undefined) {
    const typed = capability as unknown as Readonly<Record<string, unknown>>;
    Object.assign(json, pick(typed, form.fields));
    if (form.tuples !== undefined) {
      const tuples = typed['tuples'] as readonly Readonly<Record<string, unknown>>[];
      json['tuples'] = tuples.map((tuple) => pick(tuple, form.tuples));
    }
  }
  if (raw !== undefined) json['raw'] = toHex(raw);
  return json;
}

/** The value octets of a capability that has no JSON form of its own. */
function valueOf(capability: Capability): Uint8Array {
  const writer = new Writer(64);
  encodeCapability(writer, capability);
  return writer.finish();
}

/** A capability from its JSON form. @throws UsageError `bad_json` */
export function capabilityFromJson(value: unknown): Capability {
  const json = readObject(value, 'capabilities');
  const code = readNumber(json, 'code', 8);
  if (json['raw'] !== undefined) return { code, raw: readHex(json['raw'], 'raw'), malformed: false };
  const form = FORMS[code];
  if (form === undefined) throw new UsageError('bad_json', `capability ${code} needs 'raw'`, 'capabilities');
  const tuples =
    form.tuples === undefined
      ? {}
      : {
          tuples: readArray(json['tuples'], 'tuples').map((tuple) => unpick(readObject(tuple, 'tuples'), form.tuples)),
        };
  return { code, name: capabilityType(code)!.name, ...unpick(json, form.fields), ...tuples } as unknown as Capability;
}
