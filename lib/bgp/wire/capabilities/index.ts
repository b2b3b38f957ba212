import { ReadError, Reader } from '../../../net/reader.js';
import { Writer } from '../../../net/writer.js';
import type { CapabilityType } from './capability.js';
import { addPath } from './add-path.js';
import { extendedMessage } from './extended-message.js';
import { extendedNextHop } from './extended-next-hop.js';
import { fourOctetAs } from './four-octet-as.js';
import { fqdn } from './fqdn.js';
import { gracefulRestart } from './graceful-restart.js';
import { llgr } from './llgr.js';
import { multiprotocol } from './multiprotocol.js';
import { role } from './role.js';
import { enhancedRouteRefresh, routeRefresh } from './route-refresh.js';
import { softwareVersion } from './software-version.js';

/** All capabilities that are understood. A new one is a file and a line here. */
export const CAPABILITIES = [
  multiprotocol,
  routeRefresh,
  extendedNextHop,
  extendedMessage,
  role,
  gracefulRestart,
  fourOctetAs,
  addPath,
  enhancedRouteRefresh,
  llgr,
  fqdn,
  softwareVersion,
] as const;

type TypedCapability<D> =
  D extends CapabilityType<infer C, infer N, infer V>
    ? {
        readonly code: C;
        readonly name: N;
        /** The value as on the wire, only where the typed fields would not give it back (reserved bits set). */
        readonly raw?: Uint8Array;
        readonly malformed?: never;
      } & Readonly<V>
    : never;

/** A capability as octets only. */
export interface RawCapability {
  readonly code: number;
  /** Only where the code is known. */
  readonly name?: string;
  /** The value, without code and length. */
  readonly raw: Uint8Array;
  /** The code is known, but the value cannot be read. */
  readonly malformed: boolean;
}

/** One capability; {@link capabilitiesNamed} finds typed ones. */
export type Capability = TypedCapability<(typeof CAPABILITIES)[number]> | RawCapability;

/** The typed capability of a name. */
export type CapabilityNamed<N extends string> = Extract<TypedCapability<(typeof CAPABILITIES)[number]>, { name: N }>;
export type CapabilityName = TypedCapability<(typeof CAPABILITIES)[number]>['name'];

const BY_CODE = new Map<number, CapabilityType>(CAPABILITIES.map((type) => [type.code, type as CapabilityType]));

/** The capability type of a code, if it is understood. */
export function capabilityType(code: number): CapabilityType | undefined {
  return BY_CODE.get(code);
}

/** Decode one capability value; one that is known but cannot be read comes back as octets, `malformed`. */
export function decodeCapability(code: number, value: Uint8Array): Capability {
  const type = BY_CODE.get(code);
  if (type === undefined) return { code, raw: value.slice(), malformed: false };
  try {
    const reader = new Reader(value);
    const typed = { code, name: type.name, ...type.decode(reader) } as Capability;
    if (reader.remaining === 0) return isExact(type, typed, value) ? typed : { ...typed, raw: value.slice() };
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
  }
  return { code, name: type.name, raw: value.slice(), malformed: true };
}

function isExact(type: CapabilityType, typed: Capability, value: Uint8Array): boolean {
  const writer = new Writer(value.length + 16);
  type.encode(writer, typed);
  return writer.length === value.length && writer.view().every((octet, i) => octet === value[i]);
}

/** Write the value of a capability, without code and length. */
export function encodeCapability(writer: Writer, capability: Capability): void {
  if (capability.raw !== undefined) return writer.octets(capability.raw);
  BY_CODE.get(capability.code)?.encode(writer, capability);
}

/** The typed capabilities of a name, in wire order; malformed ones left out. */
export function capabilitiesNamed<N extends CapabilityName>(
  capabilities: readonly Capability[],
  name: N,
): CapabilityNamed<N>[] {
  return capabilities.filter((c) => c.name === name && c.malformed === undefined) as unknown as CapabilityNamed<N>[];
}

export { ROLE, ROLE_NAMES, ROLE_OF_PEER, roleName } from './role.js';
export type { RoleName } from './role.js';
export { SEND_RECEIVE } from './add-path.js';
export type { AddPathTuple } from './add-path.js';
export type { ExtendedNextHopTuple } from './extended-next-hop.js';
export type { Fqdn } from './fqdn.js';
export type { GracefulRestart, GracefulRestartTuple } from './graceful-restart.js';
export type { LlgrTuple } from './llgr.js';
export type { CapabilityType } from './capability.js';
