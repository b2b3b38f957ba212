/**
 * The AS_PATH as a neighbor outside of our AS is told it. In this order, each step on what the one before left:
 *
 * 1. segments of the confederation are taken out, towards those who are not of it (RFC 5065 section 4.1 c);
 * 2. private AS numbers are taken out or replaced (`removePrivateAs`, RFC 6996);
 * 3. the neighbor's own AS is replaced by ours (`asOverride`);
 * 4. our own AS numbers are put in front: of an AS_SEQUENCE, or of an AS_CONFED_SEQUENCE towards a Member-AS.
 *
 * Towards our own AS, and from one route server client to another, the path stays as it is.
 */
import { AS_CONFED_SEQUENCE, AS_SEQUENCE } from '../bgp/wire/attributes/as-path.js';
import type { Source } from '../rib/peer-table.js';
import { isTransparent, type ExportProfile } from './export-profile.js';
import { readU32, writeU32 } from './octets.js';

/** RFC 6996: for use inside of one organization. */
function isPrivateAs(asn: number): boolean {
  return (asn >= 64512 && asn <= 65534) || (asn >= 4200000000 && asn <= 4294967294);
}

/** Edits AS_PATHs with four-octet AS numbers for one update group. The result is valid until the next `edit`. */
export class AsPathExport {
  /** The edited value is `octets[start..end)`. */
  octets: Uint8Array = new Uint8Array(512);
  start = 0;
  end = 0;
  private scratch = this.octets;
  /** Where the edited segments begin: in front is room for one header and what is prepended. */
  private readonly head: number;
  /** Our AS as the neighbor knows it: stands in for what is replaced. */
  private readonly ownAs: number;
  private readonly segmentType: number;

  constructor(private readonly profile: ExportProfile) {
    this.head = 2 + profile.prepend.length * 4;
    this.ownAs = profile.prepend[0] ?? 0;
    this.segmentType = profile.target === 'confed' ? AS_CONFED_SEQUENCE : AS_SEQUENCE;
  }

  /** Edit the path `chunk[start..end)` of a route from `source`. */
  edit(chunk: Uint8Array, start: number, end: number, source: Source): void {
    const { profile } = this;
    if (profile.prepend.length === 0 || isTransparent(profile, source)) {
      this.octets = chunk;
      this.start = start;
      this.end = end;
      return;
    }
    const needed = this.head + end - start;
    if (this.scratch.length < needed) this.scratch = new Uint8Array(needed * 2);
    this.octets = this.scratch;
    this.copySegments(chunk, start, end);
    this.prepend();
  }

  private copySegments(chunk: Uint8Array, start: number, end: number): void {
    const { profile, octets, ownAs } = this;
    const external = profile.target === 'ebgp';
    const removing = profile.removePrivateAs !== null && this.removesPrivate(chunk, start, end);
    const replacement = profile.removePrivateAs === 'replaceAll' ? ownAs : 0;
    const changing = removing || profile.asOverride;
    let at = this.head;
    for (let from = start; from < end;) {
      const type = chunk[from]!;
      const next = from + 2 + chunk[from + 1]! * 4;
      if (external && type >= AS_CONFED_SEQUENCE) {
        from = next;
        continue;
      }
      const segment = at;
      octets[at] = type;
      octets[at + 1] = chunk[from + 1]!;
      at += 2;
      if (!changing) for (let i = from + 2; i < next; i++) octets[at++] = chunk[i]!;
      else {
        for (let i = from + 2; i < next; i += 4) {
          let asn = readU32(chunk, i);
          // The neighbor's own AS stays, so that it finds its loops; asOverride may be asked for besides.
          if (removing && asn !== profile.peerAs && isPrivateAs(asn)) asn = replacement;
          if (profile.asOverride && asn === profile.peerAs) asn = ownAs;
          if (asn !== 0) at = writeU32(octets, at, asn);
        }
        octets[segment + 1] = (at - segment - 2) >> 2;
        if (at === segment + 2) at = segment;
      }
      from = next;
    }
    this.end = at;
  }

  /** `plain` works only on paths that are private from end to end. */
  private removesPrivate(chunk: Uint8Array, start: number, end: number): boolean {
    if (this.profile.removePrivateAs !== 'plain') return true;
    for (let from = start; from < end;) {
      const next = from + 2 + chunk[from + 1]! * 4;
      if (chunk[from]! < AS_CONFED_SEQUENCE) {
        for (let i = from + 2; i < next; i += 4) if (!isPrivateAs(readU32(chunk, i))) return false;
      }
      from = next;
    }
    return true;
  }

  /** RFC 4271 5.1.2 b, RFC 5065 section 4.1 b and c. */
  private prepend(): void {
    const { octets, head, segmentType } = this;
    const { prepend } = this.profile;
    const count = prepend.length;
    const joins = this.end > head && octets[head] === segmentType && octets[head + 1]! + count <= 255;
    // Joined: the new AS numbers end where the old header ended.
    const total = joins ? octets[head + 1]! + count : count;
    let at = joins ? head - count * 4 : 0;
    this.start = at;
    octets[at++] = segmentType;
    octets[at++] = total;
    for (const asn of prepend) at = writeU32(octets, at, asn);
  }
}
