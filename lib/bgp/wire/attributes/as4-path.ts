import type { AsPathSegment } from './as-path.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';
import { checkSegments, decodeSegments, encodeSegments } from './as-path.js';

export const AS4_PATH = 17;

export const as4Path = attribute({
  code: AS4_PATH,
  name: 'AS4_PATH',
  flags: OPTIONAL_TRANSITIVE,
  // RFC 6793 section 6: one segment of one AS is the least.
  minLength: 6,
  onError: 'attribute-discard',
  rfc: 'RFC 6793 4.2.3, 6, RFC 7607',
  check: (bytes, start, end) => checkSegments(bytes, start, end, 4),
  decode: (r) => decodeSegments(r, 4),
  encode: (w, segments: readonly AsPathSegment[]) => encodeSegments(w, segments, 4),
});
