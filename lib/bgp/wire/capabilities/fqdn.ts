import { capability, readText, writeText } from './capability.js';

export interface Fqdn {
  readonly hostname: string;
  readonly domain: string;
}

export const fqdn = capability({
  code: 73,
  name: 'FQDN',
  rfc: 'draft-walton-bgp-hostname-capability',
  decode: (r): Fqdn => ({ hostname: readText(r), domain: readText(r) }),
  encode: (w, { hostname, domain }) => {
    writeText(w, hostname);
    writeText(w, domain);
  },
});
