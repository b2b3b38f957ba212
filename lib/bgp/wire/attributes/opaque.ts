import { opaqueAttribute, OPTIONAL, OPTIONAL_TRANSITIVE } from './attribute.js';

/** Attributes that are known and judged, but carried as octets. */

/** Check a sequence of TLVs with `typeOctets` of type and two of length. */
function checkTlvs(
  bytes: Uint8Array,
  start: number,
  end: number,
  typeOctets: number,
  name: string,
): string | undefined {
  const header = typeOctets + 2;
  for (let at = start; at < end;) {
    const length = at + header > end ? Infinity : (bytes[at + typeOctets]! << 8) | bytes[at + typeOctets + 1]!;
    if (at + header + length > end) return `${name}: TLV at octet ${at - start} cannot be read`;
    at += header + length;
  }
  return undefined;
}

export const trafficEngineering = opaqueAttribute({
  code: 24,
  name: 'TRAFFIC_ENGINEERING',
  flags: OPTIONAL,
  minLength: 1,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 5543, RFC 7606 7.13',
});

export const bgpLs = opaqueAttribute({
  code: 29,
  name: 'BGP_LS',
  flags: OPTIONAL,
  onError: 'attribute-discard',
  rfc: 'RFC 9552 5.3, 8.2.2',
  check: (bytes, start, end) => checkTlvs(bytes, start, end, 2, 'BGP_LS'),
});

export const bgpsecPath = opaqueAttribute({
  code: 33,
  name: 'BGPSEC_PATH',
  flags: OPTIONAL,
  minLength: 1,
  // A path that nobody here has signed would be worthless to the next one.
  notPropagated: true,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 8205 3',
});

export const prefixSid = opaqueAttribute({
  code: 40,
  name: 'PREFIX_SID',
  flags: OPTIONAL_TRANSITIVE,
  minLength: 3,
  onError: 'attribute-discard',
  rfc: 'RFC 8669 3, 6',
  check: (bytes, start, end) => checkTlvs(bytes, start, end, 1, 'PREFIX_SID'),
});
