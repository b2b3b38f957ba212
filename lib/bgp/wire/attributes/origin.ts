import { attribute, WELL_KNOWN } from './attribute.js';

/** ORIGIN values in wire order. */
export const ORIGINS = ['IGP', 'EGP', 'INCOMPLETE'] as const;
export type Origin = (typeof ORIGINS)[number];

export const origin = attribute({
  code: 1,
  name: 'ORIGIN',
  flags: WELL_KNOWN,
  length: 1,
  onError: 'treat-as-withdraw',
  subcode: 6,
  rfc: 'RFC 4271 5.1.1, RFC 7606 7.1',
  check: (bytes, start) => (bytes[start]! > 2 ? `ORIGIN value ${bytes[start]}` : undefined),
  decode: (r): Origin | undefined => ORIGINS[r.u8()],
  encode: (w, value) => w.u8(ORIGINS.indexOf(value)),
});
