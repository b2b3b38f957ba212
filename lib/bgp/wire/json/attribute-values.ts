import { canonicalAddress } from '../../../net/address.js';
import { UsageError } from '../../../net/errors.js';
import type { Aggregator } from '../attributes/aggregator.js';
import type { Aigp } from '../attributes/aigp.js';
import type { AsPathSegment } from '../attributes/as-path.js';
import { SEGMENT_TYPES } from '../attributes/as-path.js';
import type { MpReach } from '../attributes/mp-reach-nlri.js';
import type { MpUnreach } from '../attributes/mp-unreach-nlri.js';
import { ORIGINS } from '../attributes/origin.js';
import type { PmsiTunnel } from '../attributes/pmsi-tunnel.js';
import type { Tunnel } from '../attributes/tunnel-encap.js';
import type { LargeCommunity } from '../communities.js';
import { formatCommunityNumeric, formatLargeCommunity, parseCommunity, parseLargeCommunity } from '../communities.js';
import { formatExtendedCommunity } from '../extended-communities.js';
import { toHex } from '../text.js';
import { nlriFromJson, nlriToJson } from './nlri.js';
import { readArray, readChoice, readHex, readNumber, readObject, readString, readUnsigned } from './read.js';

/** JSON form of one attribute's value. `to` is left out where the typed value is its own JSON form. */
export interface ValueForm {
  to?(value: never): unknown;
  from(json: unknown): unknown;
}

/** Define a form; only for the types of its two directions to agree. */
function form<V>(value: { to?(value: V): unknown; from(json: unknown): V }): ValueForm {
  return value as ValueForm;
}

const number32 = form<number>({ from: (json) => readUnsigned(json, 'value', 32) });

const ipv4 = form<string>({ from: (json) => canonicalAddress(readString(json, 'value')) });

const segments = form<readonly AsPathSegment[]>({
  from: (json) =>
    readArray(json, 'value').map((entry) => {
      const segment = readObject(entry, 'value');
      const asns = readArray(segment['asns'], 'asns').map((asn) => readUnsigned(asn, 'asns', 32));
      return { type: readChoice(segment['type'], 'type', Object.values(SEGMENT_TYPES)), asns };
    }),
});

const aggregator = form<Aggregator>({
  from: (json) => {
    const value = readObject(json, 'value');
    return { as: readNumber(value, 'as', 32), ip: readString(value['ip'], 'ip') };
  },
});

function octetList(length: number): ValueForm {
  return form<readonly Uint8Array[]>({
    to: (values) =>
      values.map((octets) => {
        const text = length === 8 ? formatExtendedCommunity(octets) : undefined;
        return text === undefined ? { raw: toHex(octets) } : { raw: toHex(octets), text };
      }),
    from: (json) => readArray(json, 'value').map((entry) => readHex(readObject(entry, 'value')['raw'], 'raw', length)),
  });
}

const communities = form<readonly number[]>({
  to: (values) => values.map(formatCommunityNumeric),
  from: (json) => readArray(json, 'value').map((entry) => parseCommunity(readString(entry, 'value'))),
});

const largeCommunities = form<readonly LargeCommunity[]>({
  to: (values) => values.map(formatLargeCommunity),
  from: (json) => readArray(json, 'value').map((entry) => parseLargeCommunity(readString(entry, 'value'))),
});

const clusterList = form<readonly string[]>({
  from: (json) => readArray(json, 'value').map((entry) => readString(entry, 'value')),
});

const mpReach = form<MpReach>({
  to: ({ afi, safi, nextHop, linkLocal, nextHopRaw, nlri }) => ({
    afi,
    safi,
    ...(nextHopRaw === undefined ? { next_hop: nextHop } : { next_hop_raw: toHex(nextHopRaw) }),
    ...(linkLocal === undefined ? {} : { link_local: linkLocal }),
    nlri: nlriToJson(nlri),
  }),
  from: (json) => {
    const value = readObject(json, 'value');
    const [afi, safi] = [readNumber(value, 'afi', 16), readNumber(value, 'safi', 8)];
    return { afi, safi, ...nextHopFromJson(value), nlri: nlriFromJson(value['nlri'], afi, safi) };
  },
});

function nextHopFromJson(value: { [key: string]: unknown }): Pick<MpReach, 'nextHop' | 'linkLocal' | 'nextHopRaw'> {
  if (value['next_hop_raw'] !== undefined) return { nextHopRaw: readHex(value['next_hop_raw'], 'next_hop_raw') };
  const nextHop = readString(value['next_hop'], 'next_hop');
  return value['link_local'] === undefined
    ? { nextHop }
    : { nextHop, linkLocal: readString(value['link_local'], 'link_local') };
}

const mpUnreach = form<MpUnreach>({
  to: ({ afi, safi, nlri }) => ({ afi, safi, nlri: nlriToJson(nlri) }),
  from: (json) => {
    const value = readObject(json, 'value');
    const [afi, safi] = [readNumber(value, 'afi', 16), readNumber(value, 'safi', 8)];
    return { afi, safi, nlri: nlriFromJson(value['nlri'], afi, safi) };
  },
});

const aigp = form<Aigp>({
  // Over 2^53-1 a JSON number would not be exact.
  to: ({ metric }) => ({ metric: metric > BigInt(Number.MAX_SAFE_INTEGER) ? String(metric) : Number(metric) }),
  from: (json) => {
    const { metric } = readObject(json, 'value');
    const text = typeof metric === 'number' && Number.isSafeInteger(metric) ? String(metric) : metric;
    if (typeof text !== 'string' || !/^\d{1,20}$/.test(text) || BigInt(text) >> 64n !== 0n) {
      throw new UsageError('bad_json', `metric: expected a number of 64 bits, not ${JSON.stringify(metric)}`, 'metric');
    }
    return { metric: BigInt(text) };
  },
});

const pmsiTunnel = form<PmsiTunnel>({
  to: ({ flags, tunnelType, label, tunnelId }) => ({ flags, tunnel_type: tunnelType, label, tunnel_id: tunnelId }),
  from: (json) => {
    const value = readObject(json, 'value');
    return {
      flags: readNumber(value, 'flags', 8),
      tunnelType: readNumber(value, 'tunnel_type', 8),
      label: readNumber(value, 'label', 24),
      tunnelId: readString(value['tunnel_id'], 'tunnel_id'),
    };
  },
});

const tunnelEncap = form<readonly Tunnel[]>({
  to: (tunnels) =>
    tunnels.map(({ type, subTlvs }) => ({
      type,
      sub_tlvs: subTlvs.map((subTlv) => ({ type: subTlv.type, value: toHex(subTlv.value) })),
    })),
  from: (json) =>
    readArray(json, 'value').map((entry) => {
      const tunnel = readObject(entry, 'value');
      const subTlvs = readArray(tunnel['sub_tlvs'], 'sub_tlvs').map((sub) => {
        const subTlv = readObject(sub, 'sub_tlvs');
        return { type: readNumber(subTlv, 'type', 8), value: readHex(subTlv['value'], 'value') };
      });
      return { type: readNumber(tunnel, 'type', 16), subTlvs };
    }),
});

/** Forms by attribute code, of all attributes with a typed value; ATTR_SET stands in `attributes.ts`. */
export const VALUE_FORMS: Readonly<Record<number, ValueForm>> = {
  1: form({ from: (json) => readChoice(json, 'value', ORIGINS) }),
  2: segments,
  3: ipv4,
  4: number32,
  5: number32,
  6: form({ from: () => true as const }),
  7: aggregator,
  8: communities,
  9: ipv4,
  10: clusterList,
  14: mpReach,
  15: mpUnreach,
  16: octetList(8),
  17: segments,
  18: aggregator,
  22: pmsiTunnel,
  23: tunnelEncap,
  25: octetList(20),
  26: aigp,
  32: largeCommunities,
  35: number32,
};
