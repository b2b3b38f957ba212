/**
 * Decode one message: octets in, typed values and diagnostics out. Layer: `tsbgp/bgp`, no session, no network.
 *
 *   npx tsx examples/decode-a-message.ts
 */
import { decodeMessage, formatCommunity } from '../lib/bgp/index.js';
import { formatPrefix } from '../lib/net/index.js';

// An UPDATE as captured: 10.244.1.0/26, next hop 192.0.2.11, LOCAL_PREF 100, community 64512:100.
const octets = Buffer.from(
  'ffffffffffffffffffffffffffffffff003802' + // marker, length 56, type UPDATE
    '0000001c' + // no withdrawn routes, 28 octets of path attributes
    '40010100' + // ORIGIN IGP
    '400200' + // AS_PATH, empty
    '400304c000020b' + // NEXT_HOP
    '40050400000064' + // LOCAL_PREF
    'c00804fc000064' + // COMMUNITIES
    '1a0af40100', // NLRI
  'hex',
);

const message = decodeMessage(octets);
if (message.type !== 'UPDATE' || message.body === undefined) throw new Error('not an UPDATE');
for (const attribute of message.body.attributes) {
  // `name` and the numeric `code` tell which kind it is; `value` has the type that belongs to it.
  if (attribute.code === 8 && attribute.value) console.log(attribute.name, attribute.value.map(formatCommunity));
  else console.log(attribute.name, attribute.value);
}
for (const item of message.body.nlri) if ('prefix' in item) console.log('NLRI', formatPrefix(item.prefix));

// The same with the length of NEXT_HOP wrong: RFC 7606 says what it costs; nothing is thrown.
const broken = Buffer.from(octets);
broken[broken.indexOf('400304', 0, 'hex') + 2] = 5;
const { error } = decodeMessage(broken);
console.log('broken:', error?.action, '-', error?.reason);
