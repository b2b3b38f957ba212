import type { AttributeType } from './attribute.js';
import { aggregator } from './aggregator.js';
import { aigp } from './aigp.js';
import { as4Aggregator } from './as4-aggregator.js';
import { as4Path } from './as4-path.js';
import { asPath } from './as-path.js';
import { atomicAggregate } from './atomic-aggregate.js';
import { attrSet } from './attr-set.js';
import { clusterList } from './cluster-list.js';
import { communities } from './communities.js';
import { extendedCommunities } from './extended-communities.js';
import { ipv6ExtendedCommunities } from './ipv6-extended-communities.js';
import { largeCommunities } from './large-communities.js';
import { localPref } from './local-pref.js';
import { mpReachNlri } from './mp-reach-nlri.js';
import { mpUnreachNlri } from './mp-unreach-nlri.js';
import { multiExitDisc } from './multi-exit-disc.js';
import { nextHop } from './next-hop.js';
import { bgpLs, bgpsecPath, prefixSid, trafficEngineering } from './opaque.js';
import { onlyToCustomer } from './only-to-customer.js';
import { origin } from './origin.js';
import { originatorId } from './originator-id.js';
import { pmsiTunnel } from './pmsi-tunnel.js';
import { tunnelEncap } from './tunnel-encap.js';

/** All path attributes that are understood. A new one is a file and a line here. */
export const ATTRIBUTES = [
  origin,
  asPath,
  nextHop,
  multiExitDisc,
  localPref,
  atomicAggregate,
  aggregator,
  communities,
  originatorId,
  clusterList,
  mpReachNlri,
  mpUnreachNlri,
  extendedCommunities,
  as4Path,
  as4Aggregator,
  pmsiTunnel,
  tunnelEncap,
  trafficEngineering,
  ipv6ExtendedCommunities,
  aigp,
  bgpLs,
  largeCommunities,
  bgpsecPath,
  onlyToCustomer,
  prefixSid,
  attrSet,
] as const;

type TypedAttribute<D> =
  D extends AttributeType<infer C, infer N, infer V>
    ? [V] extends [never]
      ? never
      : { readonly code: C; readonly name: N; readonly flags: number; readonly value: V }
    : never;

/** An attribute as octets: of an unknown type, malformed, discarded, or with no exact typed form. */
export interface RawValueAttribute {
  readonly code: number;
  /** IANA name, or `UNKNOWN`. */
  readonly name: string;
  readonly flags: number;
  /** The value octets; those that are there when the attribute runs past the block. */
  readonly raw: Uint8Array;
  /** The Attribute Length as sent, only when it is not that of `raw`. */
  readonly length?: number;
  /** Not used any further (RFC 7606 attribute discard). */
  readonly discarded?: true;
  readonly value?: never;
}

/** One path attribute, typed by its `code` where `value` is there. */
export type Attribute = TypedAttribute<(typeof ATTRIBUTES)[number]> | RawValueAttribute;

const BY_CODE: (AttributeType | undefined)[] = new Array<undefined>(256).fill(undefined);
for (const type of ATTRIBUTES) BY_CODE[type.code] = type as AttributeType;

/** The attribute type of a code, if it is understood. */
export function attributeType(code: number): AttributeType | undefined {
  return BY_CODE[code];
}
