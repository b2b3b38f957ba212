import { capability, readText, writeText } from './capability.js';

export const softwareVersion = capability({
  code: 75,
  name: 'SOFTWARE_VERSION',
  rfc: 'draft-ietf-idr-bgp-sw-version',
  decode: (r) => ({ version: readText(r) }),
  encode: (w, value: { readonly version: string }) => writeText(w, value.version),
});
