import { FLAG } from '../attributes/attribute.js';
import type { MpReachLocation } from '../attributes/mp-reach-nlri.js';
import { judgeMpNlri, locateMpReach, MP_REACH_NLRI } from '../attributes/mp-reach-nlri.js';
import type { MpUnreachLocation } from '../attributes/mp-unreach-nlri.js';
import { locateMpUnreach, MP_UNREACH_NLRI } from '../attributes/mp-unreach-nlri.js';
import { NEXT_HOP } from '../attributes/next-hop.js';
import type { AttributeRule } from '../attributes/rule.js';
import { attributeRule } from '../attributes/rule.js';
import type { WireContext } from '../context.js';
import type { Diagnostic, ErrorAction } from '../errors.js';

/** UPDATE Message Error and its subcodes (RFC 4271 section 6.3). */
const UPDATE_ERROR = 3;
export const SUBCODE = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  flags: 4,
  length: 5,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const;

export const NO_DATA = new Uint8Array(0);

/** One attribute of an UPDATE: where it is and what was thought of it. Offsets are into the octets that were parsed. */
export class RawAttribute {
  /** A diagnostic is about it. */
  malformed = false;
  /** Not to be used: malformed with the action attribute-discard, a duplicate, or not for this kind of peer. */
  discarded = false;

  constructor(
    readonly code: number,
    /** Attribute Flags as sent. */
    readonly flags: number,
    /** First octet of the attribute (its flags). */
    readonly headerStart: number,
    /** The value is `bytes[start..end)`. */
    readonly start: number,
    readonly end: number,
    /** Attribute Length as sent; over `end - start` when it runs past the block. */
    readonly sentLength: number,
  ) {}
}

/** What is special about a block of attributes outside an UPDATE. */
export interface BlockOptions {
  /** It stands inside an attribute. */
  readonly inside?: true;
  /** It comes from an archive: some writers put no flags there. */
  readonly anyFlags?: true;
}

/** Attributes inside an attribute have four-octet AS numbers and came from somebody else (RFC 6368 section 5). */
export function nestedContext(cx: WireContext): WireContext {
  return { asn4: true, addPath: cx.addPath, maxMessageLength: cx.maxMessageLength };
}

function isMp(code: number): boolean {
  return code === MP_REACH_NLRI || code === MP_UNREACH_NLRI;
}

/** Bit sets of the codes seen, for an UPDATE and for a block inside one of its attributes: there is no deeper nesting. */
const SEEN = [new Uint32Array(8), new Uint32Array(8)] as const;

/** The one loop that applies the generic rules to each attribute of a block, and remembers what it found. */
export class AttributeJudge {
  readonly attributes: RawAttribute[] = [];
  diagnostics: Diagnostic[] | undefined = undefined;
  mpReach: MpReachLocation | undefined = undefined;
  mpUnreach: MpUnreachLocation | undefined = undefined;
  /** A NEXT_HOP without fault. */
  nextHop: RawAttribute | undefined = undefined;
  private readonly seen: Uint32Array;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly cx: WireContext,
    private readonly inside: boolean,
    private readonly anyFlags: boolean,
  ) {
    this.seen = inside ? SEEN[1] : SEEN[0];
    this.seen.fill(0);
  }

  /** Add a diagnostic that is not about one attribute's octets. */
  report(action: ErrorAction, subcode: number, data: Uint8Array, reason: string, attribute?: number): void {
    const diagnostic = { action, code: UPDATE_ERROR, subcode, data, reason };
    (this.diagnostics ??= []).push(attribute === undefined ? diagnostic : { ...diagnostic, attribute });
  }

  /** Add a diagnostic about an attribute. */
  flaw(attribute: RawAttribute, action: ErrorAction, subcode: number, reason: string): void {
    attribute.malformed = true;
    if (action === 'attribute-discard') attribute.discarded = true;
    // RFC 4271 section 6.3: Data is the attribute (type, length and value); Malformed AS_PATH has none.
    const data = subcode === SUBCODE.malformedAsPath ? NO_DATA : this.bytes.slice(attribute.headerStart, attribute.end);
    this.report(action, subcode, data, reason, attribute.code);
  }

  /** Whether an attribute of this code was there, whatever was thought of it. */
  isSeen(code: number): boolean {
    return (this.seen[code >>> 5]! & (1 << (code & 31))) !== 0;
  }

  private markSeen(code: number): boolean {
    const word = code >>> 5;
    const bit = 1 << (code & 31);
    if ((this.seen[word]! & bit) !== 0) return true;
    this.seen[word]! |= bit;
    return false;
  }

  /** Judge the attributes in `bytes[start..end)`. */
  scan(start: number, end: number): void {
    const { bytes } = this;
    let at = start;
    while (at < end) {
      const flags = bytes[at]!;
      const headerLength = (flags & FLAG.extendedLength) !== 0 ? 4 : 3;
      if (at + headerLength > end) {
        // RFC 7606 section 4: the Total Path Attribute Length is relied upon to find the NLRI.
        const reason = `${end - at} octets left where an attribute should begin`;
        return this.report('treat-as-withdraw', SUBCODE.malformedAttributeList, NO_DATA, reason);
      }
      const length = headerLength === 4 ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!;
      const valueStart = at + headerLength;
      const valueEnd = valueStart + length;
      const attribute = new RawAttribute(bytes[at + 1]!, flags, at, valueStart, Math.min(valueEnd, end), length);
      this.attributes.push(attribute);
      if (valueEnd > end) return this.cut(attribute, end - valueStart);
      this.judge(attribute);
      at = valueEnd;
    }
  }

  /** RFC 7606 section 4: the last attribute runs past the block. */
  private cut(attribute: RawAttribute, left: number): void {
    this.markSeen(attribute.code);
    // Of a cut MP attribute nothing can be relied upon: not even which prefixes would be withdrawn.
    const action = isMp(attribute.code) ? 'session-reset' : 'treat-as-withdraw';
    this.flaw(attribute, action, SUBCODE.length, `attribute of ${attribute.sentLength} octets, ${left} left`);
  }

  private judge(attribute: RawAttribute): void {
    const { code, flags } = attribute;
    if (this.markSeen(code)) return this.duplicate(attribute);
    const rule = attributeRule(code);
    if (rule === undefined) {
      if ((flags & FLAG.optional) === 0 && !this.anyFlags) {
        this.flaw(attribute, 'session-reset', SUBCODE.unrecognizedWellKnown, `unknown well-known attribute ${code}`);
      }
      return;
    }
    // One level is enough for RFC 6368, and keeps a hostile message from nesting thousands.
    if (this.inside && rule.nestedFrom >= 0) return;
    if (rule.isForeignFrom(this.cx.peerType)) {
      const reason = `${rule.name} from an external neighbor`;
      return this.flaw(attribute, 'attribute-discard', SUBCODE.malformedAttributeList, reason);
    }
    const flagsWrong = ((flags ^ rule.flags) & (FLAG.optional | FLAG.transitive)) !== 0 && !this.anyFlags;
    if (flagsWrong) {
      const reason = `${rule.name} with flags 0x${flags.toString(16).padStart(2, '0')}`;
      this.flaw(attribute, rule.onFlagsError, SUBCODE.flags, reason);
    }
    if (isMp(code)) return this.judgeMp(attribute, rule);
    if (!flagsWrong) this.judgeValue(attribute, rule);
  }

  private judgeValue(attribute: RawAttribute, rule: AttributeRule): void {
    const { start, end } = attribute;
    if (!rule.allowsLength(end - start, this.cx.asn4)) {
      return this.flaw(attribute, rule.onError, SUBCODE.length, `${rule.name} of ${end - start} octets`);
    }
    const wrong = rule.check?.(this.bytes, start, end, this.cx);
    if (wrong !== undefined) return this.flaw(attribute, rule.onError, rule.subcode, wrong);
    if (rule.nestedFrom >= 0) this.judgeNested(attribute, rule);
    if (attribute.code === NEXT_HOP) this.nextHop = attribute;
  }

  /** RFC 7606 section 7.16: malformed attributes inside make the whole malformed. */
  private judgeNested(attribute: RawAttribute, rule: AttributeRule): void {
    const inner = new AttributeJudge(this.bytes, nestedContext(this.cx), true, false);
    inner.scan(attribute.start + rule.nestedFrom, attribute.end);
    const location = inner.attributes.some(({ code }) => isMp(code) || code === NEXT_HOP);
    const wrong = inner.diagnostics?.[0]?.reason ?? (location ? 'next hop or NLRI inside' : undefined);
    if (wrong !== undefined) this.flaw(attribute, rule.onError, rule.subcode, `${rule.name}: ${wrong}`);
  }

  private duplicate(attribute: RawAttribute): void {
    // RFC 7606 section 3 g: the first one counts; of the MP attributes there may be only one.
    const reason = `attribute ${attribute.code} more than once`;
    const action = isMp(attribute.code) ? 'session-reset' : 'attribute-discard';
    this.flaw(attribute, action, SUBCODE.malformedAttributeList, reason);
  }

  private judgeMp(attribute: RawAttribute, rule: AttributeRule): void {
    const { start, end } = attribute;
    const isReach = attribute.code === MP_REACH_NLRI;
    const place = isReach ? locateMpReach(this.bytes, start, end) : locateMpUnreach(this.bytes, start, end);
    if (typeof place === 'string') return this.flaw(attribute, rule.onError, SUBCODE.optionalAttribute, place);
    if (isReach) this.mpReach = place as MpReachLocation;
    else this.mpUnreach = place;
    const wrong = judgeMpNlri(this.bytes, place, this.cx);
    // RFC 4760 section 7 gives the subcode; RFC 7606 section 5.3 the choice between session reset and AFI/SAFI disable.
    if (wrong !== undefined) this.flaw(attribute, wrong.action, SUBCODE.optionalAttribute, wrong.reason);
  }
}
