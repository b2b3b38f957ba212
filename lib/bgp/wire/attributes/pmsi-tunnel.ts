import { parseAddress } from '../../../net/address.js';
import { formatAddress } from '../../../net/address.js';
import { fromHex, toHex } from '../text.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

/** P-Multicast Service Interface tunnel (RFC 6514 section 5). */
export interface PmsiTunnel {
  readonly flags: number;
  /** 0 none, 1 RSVP-TE, 2 mLDP P2MP, 3 PIM-SSM, 4 PIM-SM, 5 BIDIR-PIM, 6 ingress replication, 7 mLDP MP2MP. */
  readonly tunnelType: number;
  /** The 24-bit field as sent: an MPLS label in the high 20 bits, or a VNI. */
  readonly label: number;
  /** An address for ingress replication, else hex. */
  readonly tunnelId: string;
}

const INGRESS_REPLICATION = 6;
const HEADER = 5;

export const pmsiTunnel = attribute({
  code: 22,
  name: 'PMSI_TUNNEL',
  flags: OPTIONAL_TRANSITIVE,
  minLength: HEADER,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 6514 5',
  check(bytes, start, end) {
    const idLength = end - start - HEADER;
    const wrong = bytes[start + 1] === INGRESS_REPLICATION && idLength !== 4 && idLength !== 16;
    return wrong ? `PMSI_TUNNEL: ingress replication with an endpoint of ${idLength} octets` : undefined;
  },
  decode: (r): PmsiTunnel => {
    const [flags, tunnelType, label] = [r.u8(), r.u8(), r.u24()];
    const id = r.rest();
    return { flags, tunnelType, label, tunnelId: tunnelType === INGRESS_REPLICATION ? formatAddress(id) : toHex(id) };
  },
  encode: (w, { flags, tunnelType, label, tunnelId }) => {
    w.u8(flags);
    w.u8(tunnelType);
    w.u24(label);
    w.octets(tunnelType === INGRESS_REPLICATION ? parseAddress(tunnelId) : (fromHex(tunnelId) ?? new Uint8Array(0)));
  },
});
