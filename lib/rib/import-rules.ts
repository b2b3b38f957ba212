/**
 * What one session's settings make of a received attribute set: which own AS numbers in the AS_PATH are a loop, whether
 * the path begins with the neighbor's AS, our AS of an AS migration in front (RFC 7705), and ONLY_TO_CUSTOMER (RFC 9234).
 *
 * Attribute sets are shared by all sessions, so whatever one of them sees otherwise becomes a set of its own: with other
 * octets, or with a verdict beside them. It costs one look at a set per UPDATE of the sessions that have such rules.
 */
import { countInAsPath } from '../bgp/wire/as-path.js';
import { AttributeFacts, scanAttributes } from '../bgp/wire/attribute-scan.js';
import type { RoleName } from '../bgp/wire/capabilities/role.js';
import type { Diagnostic } from '../bgp/wire/errors.js';
import { Writer } from '../net/index.js';
import { attributeValue } from './attribute-value.js';
import { ATTR, VERDICT, type AttributeStore, type Identity } from './attribute-store.js';
import { ONLY_TO_CUSTOMER_PROCEDURES, type OnlyToCustomerProcedure } from './only-to-customer.js';

export interface ImportRuleOptions {
  readonly identity: Pick<Identity, 'asn' | 'confederation'>;
  /** The AS in the peer's OPEN. */
  readonly peerAs: number;
  /** An AS that is ours on this session besides those of the identity (`localAs`). */
  readonly localAs?: number | undefined;
  /** Put `localAs` in front of every AS_PATH. */
  readonly prependLocalAs?: boolean;
  /** How often an own AS may stand in the AS_PATH. */
  readonly allowOwnAs?: number;
  /** The AS_PATH must begin with the peer's AS (RFC 4271 section 6.3). */
  readonly enforceFirstAs?: boolean;
  /** What we are to the peer. */
  readonly role?: RoleName | undefined;
}

const AS_PATH = 2;
const ONLY_TO_CUSTOMER = 35;
const AS_SEQUENCE = 2;

const facts = new AttributeFacts();
const scratch = new Writer(4096);

export class ImportRules {
  private readonly procedure: OnlyToCustomerProcedure | undefined;
  private readonly judgesLoops: boolean;
  private readonly firstAs: number;
  private readonly prepend: number;

  constructor(private readonly options: ImportRuleOptions) {
    const { role, localAs, allowOwnAs = 0 } = options;
    this.procedure = role === undefined ? undefined : ONLY_TO_CUSTOMER_PROCEDURES[role];
    this.judgesLoops = allowOwnAs > 0 || localAs !== undefined;
    this.firstAs = options.enforceFirstAs === true ? options.peerAs : 0;
    this.prepend = options.prependLocalAs === true ? (localAs ?? 0) : 0;
  }

  /** Whether any set may become another one: else the rules need not be asked. */
  get isActive(): boolean {
    return this.procedure !== undefined || this.judgesLoops || this.firstAs !== 0;
  }

  /** Why `apply` refused a set. */
  readonly refusal: Diagnostic = Object.freeze({
    action: 'treat-as-withdraw',
    code: 3,
    subcode: 11,
    data: new Uint8Array(0),
    attribute: AS_PATH,
    reason: 'the AS_PATH does not begin with the AS of the neighbor (enforceFirstAs)',
  } as const);

  /**
   * The set that a received one becomes.
   * @param id of a set as it was received
   * @returns an id, often the same one, or -1: the routes must be treated as withdrawn, see `refusal`
   */
  apply(store: AttributeStore, id: number): number {
    if (this.firstAs !== 0 && store.neighborAs[id] !== this.firstAs) return -1;
    const verdict = this.loopVerdict(store, id) | this.leakVerdict(store, id);
    const addOtc = this.procedure?.addOnImport === true && (store.flags[id]! & ATTR.hasOnlyToCustomer) === 0;
    if (verdict === 0 && this.prepend === 0 && !addOtc) return id;
    const nextHopLength = store.nextHopLengthOf(id);
    this.rewrite(store, id, addOtc ? this.options.peerAs : -1);
    const form = nextHopLength | (verdict << 8);
    const { bytes, length } = scratch;
    const known = store.find(bytes, 0, length, form);
    if (known >= 0) return known;
    // Canonical octets stay canonical, so this reads facts and cannot fail.
    scanAttributes(bytes, nextHopLength, length, 'trusted', nextHopLength > 0, facts);
    return store.add(bytes, 0, length, form, facts);
  }

  /** RFC 4271 section 9, RFC 5065 section 4. Each own AS is counted for itself: passing us once may add two of them. */
  private loopVerdict(store: AttributeStore, id: number): number {
    if (!this.judgesLoops) return 0;
    const { identity, localAs, allowOwnAs = 0 } = this.options;
    const { asn, confederation } = identity;
    const bytes = store.chunkOf(id);
    const [start, end] = attributeValue(store, id, AS_PATH);
    const inConfederation = confederation !== undefined;
    const counts = Math.max(
      countInAsPath(asn, bytes, start, end, inConfederation ? 'confederation' : 'all'),
      inConfederation ? countInAsPath(confederation, bytes, start, end, 'other') : 0,
      localAs === undefined ? 0 : countInAsPath(localAs, bytes, start, end, inConfederation ? 'other' : 'all'),
    );
    const loop = counts > allowOwnAs;
    if (loop === ((store.flags[id]! & ATTR.asLoop) !== 0)) return 0;
    return loop ? VERDICT.ownAs : VERDICT.ownAsAllowed;
  }

  private leakVerdict(store: AttributeStore, id: number): number {
    const { procedure } = this;
    if (procedure === undefined || procedure.leak === 'never') return 0;
    if ((store.flags[id]! & ATTR.hasOnlyToCustomer) === 0) return 0;
    if (procedure.leak === 'unlessNeighbor' && onlyToCustomerOf(store, id) === this.options.peerAs) return 0;
    return VERDICT.leak;
  }

  /** The set's octets into `scratch`, with `prepend` in the AS_PATH and, unless it is -1, ONLY_TO_CUSTOMER. */
  private rewrite(store: AttributeStore, id: number, onlyToCustomer: number): void {
    const bytes = store.chunkOf(id);
    const begin = store.offsetOf(id);
    const end = begin + store.lengthOf(id);
    let at = begin + store.nextHopLengthOf(id);
    let otc = onlyToCustomer;
    scratch.reset();
    scratch.octets(bytes.subarray(begin, at));
    while (at < end) {
      const code = bytes[at + 1]!;
      const extended = (bytes[at]! & 0x10) !== 0;
      const start = at + (extended ? 4 : 3);
      const next = start + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
      if (code > ONLY_TO_CUSTOMER && otc >= 0) {
        writeOnlyToCustomer(otc);
        otc = -1;
      }
      if (code === AS_PATH && this.prepend !== 0) writePrepended(bytes, start, next, this.prepend);
      else scratch.octets(bytes.subarray(at, next));
      at = next;
    }
    if (otc >= 0) writeOnlyToCustomer(otc);
  }
}

function writeOnlyToCustomer(asn: number): void {
  scratch.u8(0xc0);
  scratch.u8(ONLY_TO_CUSTOMER);
  scratch.u8(4);
  scratch.u32(asn);
}

function writePrepended(bytes: Uint8Array, start: number, end: number, asn: number): void {
  const joins = start < end && bytes[start] === AS_SEQUENCE && bytes[start + 1]! < 255;
  const length = end - start + (joins ? 4 : 6);
  scratch.u8(length > 255 ? 0x50 : 0x40);
  scratch.u8(AS_PATH);
  if (length > 255) scratch.u16(length);
  else scratch.u8(length);
  scratch.u8(AS_SEQUENCE);
  scratch.u8(joins ? bytes[start + 1]! + 1 : 1);
  scratch.u32(asn);
  scratch.octets(bytes.subarray(joins ? start + 2 : start, end));
}

/** The AS in the ONLY_TO_CUSTOMER of a set; undefined when it has none. */
export function onlyToCustomerOf(store: AttributeStore, id: number): number | undefined {
  if ((store.flags[id]! & ATTR.hasOnlyToCustomer) === 0) return undefined;
  const block = store.attributesOf(id);
  let at = 0;
  while (block[at + 1] !== ONLY_TO_CUSTOMER) {
    at += (block[at]! & 0x10) !== 0 ? 4 + ((block[at + 2]! << 8) | block[at + 3]!) : 3 + block[at + 2]!;
  }
  return new DataView(block.buffer, block.byteOffset + at + 3).getUint32(0);
}
