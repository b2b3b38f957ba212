import type { PeerType, WireContext } from '../context.js';
import type { ErrorAction } from '../errors.js';
import type { AttributeType } from './attribute.js';
import { ATTRIBUTES } from './index.js';

/** Value of a length field of {@link AttributeRule} when any length will do. */
const ANY = -1;

/**
 * What an attribute's definition says about judging it, all in one shape: of objects that all look the same the engine reads
 * fields several times faster, and this is read for each attribute of each UPDATE.
 */
export class AttributeRule {
  readonly name: string;
  readonly flags: number;
  /** Exact length with two- and with four-octet AS numbers. */
  private readonly lengthAs2: number;
  private readonly lengthAs4: number;
  private readonly unit: number;
  private readonly minLength: number;
  readonly onError: ErrorAction;
  readonly onFlagsError: ErrorAction;
  private readonly scoped: boolean;
  private readonly scopeIsAs: boolean;
  /** ANY (-1) when there are no attributes inside. */
  readonly nestedFrom: number;
  readonly subcode: number;
  readonly check: AttributeType['check'];

  constructor(type: AttributeType) {
    const lengthOf = (asn4: boolean) =>
      typeof type.length === 'function' ? type.length({ asn4 } as WireContext) : (type.length ?? ANY);
    this.name = type.name;
    this.flags = type.flags;
    this.lengthAs2 = lengthOf(false);
    this.lengthAs4 = lengthOf(true);
    this.unit = type.unit ?? 0;
    this.minLength = type.minLength ?? 0;
    this.onError = type.onError;
    this.onFlagsError = type.onFlagsError ?? 'treat-as-withdraw';
    this.scoped = type.scope !== undefined;
    this.scopeIsAs = type.scope === 'as';
    this.nestedFrom = type.nestedFrom ?? ANY;
    this.subcode = type.subcode ?? 9;
    this.check = type.check;
  }

  /** Whether a peer of this type must not send it. */
  isForeignFrom(peerType: PeerType | undefined): boolean {
    return peerType === 'ebgp' ? this.scoped : peerType === 'confed' && this.scopeIsAs;
  }

  /** Whether a value of this many octets is acceptable. */
  allowsLength(length: number, asn4: boolean): boolean {
    const exact = asn4 ? this.lengthAs4 : this.lengthAs2;
    if (exact !== ANY) return length === exact;
    if (this.unit !== 0) return length !== 0 && length % this.unit === 0;
    return length >= this.minLength;
  }
}

const RULES = new Array<AttributeRule | undefined>(256).fill(undefined);
for (const type of ATTRIBUTES) RULES[type.code] = new AttributeRule(type as AttributeType);

/** The rule of an attribute code, if it is understood. */
export function attributeRule(code: number): AttributeRule | undefined {
  return RULES[code];
}
