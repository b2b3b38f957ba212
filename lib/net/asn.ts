import { createRequire } from 'node:module';
import type { Asn } from 'ip-num';
import { UsageError } from './errors.js';

/** Stands for an AS over 65535 in two-octet fields (RFC 6793 section 3). */
export const AS_TRANS = 23456;

/**
 * Parse an AS number: asplain (`64512`), asdot (`1.10`, RFC 5396) or with an `AS` prefix.
 * @returns the number, 0 to 4294967295
 * @throws UsageError `bad_asn`
 */
export function parseAsn(text: string | number): number {
  try {
    // What the library would read generously (`-1`, `1.65536`) is no AS number.
    const dotted = /^(\d+)\.(\d+)$/.exec(String(text));
    const wellFormed = dotted
      ? Number(dotted[1]) <= 0xffff && Number(dotted[2]) <= 0xffff
      : /^(AS)?\d+$/i.test(String(text));
    if (wellFormed) {
      if (typeof text === 'number' && text <= 0xffffffff) return text;
      const { Asn } = asnLibrary();
      const asn = /^\d+$/.test(String(text)) ? new Asn(Number(text)) : Asn.fromString(String(text));
      return Number(asn.getValue());
    }
  } catch {
    // Told below.
  }
  throw new UsageError('bad_asn', `not an AS number: '${text}'`);
}

interface AsnLibrary {
  readonly Asn: typeof Asn;
}

let library: AsnLibrary | undefined;

/** Loaded when the first text comes, and only this part: it takes a quarter of the time in which a speaker starts. */
function asnLibrary(): AsnLibrary {
  return (library ??= createRequire(import.meta.url)('ip-num/dist/src/IPNumber.js') as AsnLibrary);
}

/** Whether an AS number needs four octets on the wire. */
export function isFourOctetAsn(asn: number): boolean {
  return asn > 0xffff;
}
