import { AttributeFacts, scanAttributes } from '../bgp/wire/attribute-scan.js';
import { Writer } from '../net/index.js';
import { VERDICT, type AttributeStore } from '../rib/attribute-store.js';
import { MAX_SET_LENGTH, RouteDraft } from './route-draft.js';

/** Shared by all policies: nothing of it outlives a call. */
const facts = new AttributeFacts();
const scratch = new Writer(4096);
export const draft = new RouteDraft();

/**
 * The set that an import policy makes of a received one: what the draft says, or the same octets marked as filtered. It
 * remembers the received one.
 */
export function internImported(store: AttributeStore, received: number, accepted: boolean): number {
  scratch.reset();
  let nextHopLength = draft.write(scratch, !accepted);
  let filtered = !accepted;
  if (scratch.length > MAX_SET_LENGTH) {
    // It could not be told to anybody.
    filtered = true;
    scratch.reset();
    nextHopLength = draft.write(scratch, true);
  }
  const verdict = store.verdictOf(received) | VERDICT.imported | (filtered ? VERDICT.filtered : 0);
  const form = nextHopLength | (verdict << 8);
  const { bytes, length } = scratch;
  const known = store.findImported(bytes, length, form, received);
  if (known >= 0) return known;
  scanAttributes(bytes, nextHopLength, length, 'trusted', nextHopLength > 0, facts);
  return store.addImported(bytes, length, form, facts, received);
}

/** The set that an export policy makes of one: what the draft says. -1 when it is too long. */
export function internExported(store: AttributeStore): number {
  scratch.reset();
  const nextHopLength = draft.write(scratch);
  const { bytes, length } = scratch;
  if (length > MAX_SET_LENGTH) return -1;
  const form = nextHopLength | (draft.verdict << 8);
  const known = store.find(bytes, 0, length, form);
  if (known >= 0) return known;
  scanAttributes(bytes, nextHopLength, length, 'trusted', nextHopLength > 0, facts);
  return store.add(bytes, 0, length, form, facts);
}
