import type { Writer } from '../../../net/writer.js';

/** Octets of a label stack entry in an NLRI: label (20 bits), traffic class (3), bottom of stack (1). */
export const LABEL_LENGTH = 3;

/** Label fields that stand for "no label" in a withdrawal (RFC 8277 section 2.4; 0 from older senders). */
const WITHDRAWN = 0x800000;
const WITHDRAWN_OLD = 0x000000;
const WITHDRAWN_LABEL = WITHDRAWN >>> 4;

function labelField(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/**
 * How many octets of labels begin at `at`: one label, and a further one only while the bottom-of-stack bit is clear, the label
 * is not a withdrawn one, and `bits` has room for it: some senders leave the bit clear (RFC 8277 section 2).
 * @param bits bits of the item from `at` on, without what must follow the labels; at least 24
 */
export function labelStackOctets(bytes: Uint8Array, at: number, bits: number): number {
  let octets = 0;
  let field: number;
  do {
    field = labelField(bytes, at + octets);
    octets += LABEL_LENGTH;
  } while ((field & 1) === 0 && field !== WITHDRAWN && field !== WITHDRAWN_OLD && bits >= (octets + LABEL_LENGTH) * 8);
  return octets;
}

/** The 20-bit values of the labels in `bytes[start..end)`. */
export function readLabels(bytes: Uint8Array, start: number, end: number): number[] {
  const labels: number[] = [];
  for (let at = start; at < end; at += LABEL_LENGTH) labels.push(labelField(bytes, at) >>> 4);
  return labels;
}

/** Write labels, the bottom-of-stack bit on the last; a last label of 524288 is the withdrawn one, `800000`. */
export function writeLabels(writer: Writer, labels: readonly number[]): void {
  labels.forEach((label, i) => {
    const last = i === labels.length - 1;
    writer.u24(last && label !== WITHDRAWN_LABEL ? (label << 4) | 1 : label << 4);
  });
}

/** Whether {@link writeLabels} gives `bytes[start..end)` back from the label values. */
export function labelsAreExact(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += LABEL_LENGTH) {
    const field = labelField(bytes, at);
    const last = at + LABEL_LENGTH === end;
    const bits = last && field >>> 4 !== WITHDRAWN_LABEL ? 1 : 0;
    if ((field & 0xf) !== bits) return false;
  }
  return true;
}
