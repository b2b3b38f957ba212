import { AS_TRANS, isFourOctetAsn } from '../../net/asn.js';
import type { OpenFacts } from '../fsm/negotiate.js';
import { capabilitiesNamed, type Capability } from '../wire/capabilities/index.js';
import { ROLE } from '../wire/capabilities/role.js';
import type { AfiSafi } from '../wire/families.js';
import { BGP_VERSION, type OpenMessage } from '../wire/messages/open.js';
import type { ResolvedPeerOptions } from './options.js';

const MULTIPROTOCOL = 1;
const AFI_IPV6 = 2;

/**
 * The OPEN that we send.
 * @param plain without Optional Parameters, for a peer that cannot read them (RFC 5492 section 3)
 */
export function localOpen(options: ResolvedPeerOptions, plain: boolean): OpenMessage {
  return {
    version: BGP_VERSION,
    // RFC 6793 section 4.2.1: the real number stands in the capability.
    myAs: isFourOctetAsn(options.localAs) ? AS_TRANS : options.localAs,
    holdTime: options.holdTime,
    bgpId: options.routerId,
    capabilities: plain ? [] : localCapabilities(options),
  };
}

function localCapabilities(options: ResolvedPeerOptions): Capability[] {
  const capabilities: Capability[] = options.families.map(({ afi, safi }) => ({
    code: MULTIPROTOCOL,
    name: 'MULTIPROTOCOL',
    afi,
    safi,
  }));
  if (options.routeRefresh) capabilities.push({ code: 2, name: 'ROUTE_REFRESH' });
  if (options.extendedNextHop && options.families.some(isIpv4Unicast)) {
    capabilities.push({ code: 5, name: 'EXTENDED_NEXT_HOP', tuples: [{ afi: 1, safi: 1, nextHopAfi: AFI_IPV6 }] });
  }
  if (options.extendedMessage) capabilities.push({ code: 6, name: 'EXTENDED_MESSAGE' });
  if (options.role !== undefined) capabilities.push({ code: 9, name: 'ROLE', role: ROLE[options.role] });
  const { gracefulRestart } = options;
  if (gracefulRestart) capabilities.push({ code: 64, name: 'GRACEFUL_RESTART', ...gracefulRestart });
  if (options.fourOctetAs) capabilities.push({ code: 65, name: 'FOUR_OCTET_AS', as: options.localAs });
  if (options.addPath.length > 0) capabilities.push({ code: 69, name: 'ADD_PATH', tuples: options.addPath });
  if (options.enhancedRouteRefresh) capabilities.push({ code: 70, name: 'ENHANCED_ROUTE_REFRESH' });
  // RFC 9494 section 3.1: only together with graceful restart.
  if (gracefulRestart?.longLived) capabilities.push({ code: 71, name: 'LLGR', tuples: gracefulRestart.longLived });
  return capabilities;
}

function isIpv4Unicast({ afi, safi }: AfiSafi): boolean {
  return afi === 1 && safi === 1;
}

/** What an OPEN says, ours or the peer's. */
export function openFacts(open: OpenMessage): OpenFacts {
  const { capabilities } = open;
  const asn = capabilitiesNamed(capabilities, 'FOUR_OCTET_AS')[0]?.as;
  return {
    asn: asn ?? open.myAs,
    holdTimeSeconds: open.holdTime,
    routerId: open.bgpId,
    families: capabilities.flatMap(familyIn),
    fourOctetAs: asn !== undefined,
    routeRefresh: has(capabilities, 'ROUTE_REFRESH'),
    enhancedRouteRefresh: has(capabilities, 'ENHANCED_ROUTE_REFRESH'),
    extendedMessage: has(capabilities, 'EXTENDED_MESSAGE'),
    roles: capabilitiesNamed(capabilities, 'ROLE').map(({ role }) => role),
    extendedNextHop: capabilitiesNamed(capabilities, 'EXTENDED_NEXT_HOP').some(({ tuples }) =>
      tuples.some((tuple) => isIpv4Unicast(tuple) && tuple.nextHopAfi === AFI_IPV6),
    ),
    // RFC 4724 section 3: of several instances the last one counts.
    gracefulRestart: capabilitiesNamed(capabilities, 'GRACEFUL_RESTART').at(-1),
    longLived: capabilitiesNamed(capabilities, 'LLGR').at(-1)?.tuples,
    addPath: capabilitiesNamed(capabilities, 'ADD_PATH').flatMap(({ tuples }) => tuples),
  };
}

function has(capabilities: readonly Capability[], name: string): boolean {
  // One with a value that it must not have says nothing.
  return capabilities.some((capability) => capability.name === name && capability.malformed === undefined);
}

function familyIn(capability: Capability): AfiSafi[] {
  if (capability.code !== MULTIPROTOCOL) return [];
  if ('afi' in capability) return [{ afi: capability.afi, safi: capability.safi }];
  // RFC 4760 section 8: the reserved octet is ignored, whatever it holds.
  const raw = capability.raw;
  return raw?.length === 4 ? [{ afi: (raw[0]! << 8) | raw[1]!, safi: raw[3]! }] : [];
}

/** Names of the capabilities of an OPEN, each once: `MULTIPROTOCOL`, `ROUTE_REFRESH`, `code 131` … */
export function capabilityNames(open: OpenMessage): readonly string[] {
  return Object.freeze([...new Set(open.capabilities.map(({ name, code }) => name ?? `code ${code}`))]);
}
