import { attribute, WELL_KNOWN } from './attribute.js';

export const LOCAL_PREF = 5;

export const localPref = attribute({
  code: LOCAL_PREF,
  name: 'LOCAL_PREF',
  flags: WELL_KNOWN,
  length: 4,
  scope: 'confederation',
  onError: 'treat-as-withdraw',
  rfc: 'RFC 4271 5.1.5, RFC 7606 7.5',
  decode: (r) => r.u32(),
  encode: (w, preference: number) => w.u32(preference),
});
