/**
 * The codec: messages, path attributes, capabilities and NLRI as octets and as typed values. Pure: imports `net` only, never
 * throws on received octets.
 */
export * from './as-path.js';
export * from './communities.js';
export * from './context.js';
export * from './errors.js';
export * from './extended-communities.js';
export * from './families.js';
export * from './header.js';
export * from './message-splitter.js';
export * from './notification-names.js';
export * from './shutdown-communication.js';
export { fromHex, toHex } from './text.js';
export * from './messages/index.js';
export * from './nlri/index.js';
export * from './capabilities/index.js';
export * from './attributes/index.js';
export { attributeName } from './attributes/names.js';
export { FLAG, OPTIONAL, OPTIONAL_TRANSITIVE, WELL_KNOWN } from './attributes/attribute.js';
export type { AttributeType } from './attributes/attribute.js';
export { decodeAttribute, encodeAttributes } from './messages/attribute-block.js';
export type { EncodableAttribute } from './messages/attribute-block.js';
export { writeCanonicalAttributes } from './attributes/canonical.js';
export { ORIGINS } from './attributes/origin.js';
export type { Origin } from './attributes/origin.js';
export type { Aggregator } from './attributes/aggregator.js';
export type { AsPathSegment, AsPathSegmentType } from './attributes/as-path.js';
export type { Aigp } from './attributes/aigp.js';
export type { AttrSet } from './attributes/attr-set.js';
export type { PmsiTunnel } from './attributes/pmsi-tunnel.js';
export type { Tunnel, TunnelSubTlv } from './attributes/tunnel-encap.js';
export { decodeNextHop } from './attributes/mp-reach-nlri.js';
export type { MpReach, MpReachLocation } from './attributes/mp-reach-nlri.js';
export type { MpUnreach, MpUnreachLocation } from './attributes/mp-unreach-nlri.js';
export * from './json/index.js';
