import { attribute, WELL_KNOWN } from './attribute.js';

export const atomicAggregate = attribute({
  code: 6,
  name: 'ATOMIC_AGGREGATE',
  flags: WELL_KNOWN,
  length: 0,
  onError: 'attribute-discard',
  rfc: 'RFC 4271 5.1.6, RFC 7606 7.6',
  decode: () => true as const,
  encode: () => undefined,
});
