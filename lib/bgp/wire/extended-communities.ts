import { readU32 } from './nlri/nlri.js';
import { ipv4At } from '../../net/address.js';
import { toHex } from './text.js';

/** High-order type octet without the authority and transitivity bits (RFC 4360 section 2). */
const TWO_OCTET_AS = 0x00;
const IPV4 = 0x01;
const FOUR_OCTET_AS = 0x02;
const OPAQUE = 0x03;
const EVPN = 0x06;
const NON_TRANSITIVE = 0x40;
const FLOW_SPEC = 0x80;
const FLOW_SPEC_IPV4 = 0x81;
const FLOW_SPEC_AS4 = 0x82;

/** Sub-types of the AS and IPv4 address specific types, by their usual short names. */
const ADMINISTERED: Readonly<Record<number, string>> = {
  0x02: 'rt',
  0x03: 'soo',
  0x05: 'ospf-domain-id',
  0x07: 'ospf-router-id',
  0x08: 'bgp-data-collection',
  0x09: 'source-as',
  0x0a: 'l2vpn-id',
  0x0b: 'vrf-route-import',
  0x10: 'cisco-vpn-distinguisher',
};

function administrator(octets: Uint8Array, type: number): string {
  const low = (octets[6]! << 8) | octets[7]!;
  switch (type) {
    case IPV4:
      return `${ipv4At(octets, 2)}:${low}`;
    case FOUR_OCTET_AS:
      return `${readU32(octets, 2)}:${low}`;
    default:
      return `${(octets[2]! << 8) | octets[3]!}:${readU32(octets, 4)}`;
  }
}

/**
 * The usual text of an extended community: `rt:65000:100`, `soo:192.0.2.1:5`, `color:100`, `encap:8`, `rate:0` …
 * @param octets eight of them
 * @returns undefined for a type that has no usual text
 * @see RFC 4360, RFC 5668, RFC 7153, RFC 7432, RFC 8955, RFC 9012
 */
export function formatExtendedCommunity(octets: Uint8Array): string | undefined {
  const [type, subType] = [octets[0]!, octets[1]!];
  const base = type & ~NON_TRANSITIVE;
  if (base === TWO_OCTET_AS && subType === 0x04) return `link-bandwidth:${asAndFloat(octets)}`;
  if (base === TWO_OCTET_AS || base === IPV4 || base === FOUR_OCTET_AS) {
    const name = ADMINISTERED[subType];
    return name === undefined ? undefined : `${name}:${administrator(octets, base)}`;
  }
  if (base === OPAQUE) return opaqueText(octets, type);
  if (type === EVPN) return evpnText(octets);
  if (type === FLOW_SPEC || type === FLOW_SPEC_IPV4 || type === FLOW_SPEC_AS4) return flowSpecText(octets);
  return undefined;
}

function asAndFloat(octets: Uint8Array): string {
  const view = new DataView(octets.buffer, octets.byteOffset, 8);
  return `${view.getUint16(2)}:${view.getFloat32(4)}`;
}

function opaqueText(octets: Uint8Array, type: number): string | undefined {
  const value = readU32(octets, 4);
  if ((type & NON_TRANSITIVE) !== 0) {
    // RFC 8097: origin validation state.
    return octets[1] === 0x00 ? `rpki:${['valid', 'not-found', 'invalid'][octets[7]!] ?? octets[7]}` : undefined;
  }
  switch (octets[1]) {
    case 0x06:
      return `ospf-route-type:${ipv4At(octets, 2)}:${octets[6]}:${octets[7]}`;
    case 0x0b:
      return `color:${value}`;
    case 0x0c:
      return `encap:${value & 0xffff}`;
    case 0x0d:
      return 'default-gateway';
    default:
      return undefined;
  }
}

function evpnText(octets: Uint8Array): string | undefined {
  switch (octets[1]) {
    case 0x00:
      return `mac-mobility:${readU32(octets, 4)}${(octets[2]! & 1) === 0 ? '' : ':sticky'}`;
    case 0x01:
      return `esi-label:${((octets[5]! << 16) | (octets[6]! << 8) | octets[7]!) >>> 4}${(octets[2]! & 1) === 0 ? '' : ':single-active'}`;
    case 0x02:
      return `es-import:${macText(octets)}`;
    case 0x03:
      return `router-mac:${macText(octets)}`;
    default:
      return undefined;
  }
}

function macText(octets: Uint8Array): string {
  return toHex(octets, 2, 8).replace(/(..)(?!$)/g, '$1:');
}

/** Traffic Filtering Actions (RFC 8955 section 7). */
function flowSpecText(octets: Uint8Array): string | undefined {
  switch (octets[1]) {
    case 0x06:
      return `rate:${asAndFloat(octets)}`;
    case 0x0c:
      return `rate-packets:${asAndFloat(octets)}`;
    case 0x07:
      return `action:${[(octets[7]! & 2) === 0 ? '' : 'sample', (octets[7]! & 1) === 0 ? '' : 'terminal'].filter(Boolean).join('+')}`;
    case 0x08:
      return `redirect:${administrator(octets, octets[0]! & 0xf)}`;
    case 0x09:
      return `mark:${octets[7]! & 0x3f}`;
    default:
      return undefined;
  }
}
