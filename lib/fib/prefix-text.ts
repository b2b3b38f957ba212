import { parsePrefix, UsageError } from '../net/index.js';

/**
 * Prefix text to numbers and back without garbage: at a million routes these run a million times per reading of the
 * kernel table. Anything unusual is left to `lib/net`.
 */

/** A prefix as numbers: IPv4 uses `w0` only. */
export interface PrefixWords {
  family: 4 | 6;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  length: number;
}

export function newWords(): PrefixWords {
  return { family: 4, w0: 0, w1: 0, w2: 0, w3: 0, length: 0 };
}

const SLASH = 47;
const DOT = 46;
const COLON = 58;

/**
 * @param text canonical or not; a bare address is a host route
 * @param out  filled in
 * @throws UsageError `bad_prefix`
 */
export function parseWords(text: string, out: PrefixWords): void {
  if (!(text.includes(':') ? fast6(text, out) : fast4(text, out))) slow(text, out);
  if (hasHostBits(out)) slow(text, out);
}

function slow(text: string, out: PrefixWords): void {
  const prefix = parsePrefix(text);
  const o = prefix.octets;
  const word = (i: number): number => ((o[i]! << 24) | (o[i + 1]! << 16) | (o[i + 2]! << 8) | o[i + 3]!) >>> 0;
  out.family = o.length === 4 ? 4 : 6;
  out.w0 = word(0);
  out.w1 = out.family === 6 ? word(4) : 0;
  out.w2 = out.family === 6 ? word(8) : 0;
  out.w3 = out.family === 6 ? word(12) : 0;
  out.length = prefix.length;
}

function hasHostBits(p: PrefixWords): boolean {
  if (p.family === 4) return p.length < 32 && (p.w0 & (0xffffffff >>> p.length)) !== 0;
  return tail(p.w0, p.length) || tail(p.w1, p.length - 32) || tail(p.w2, p.length - 64) || tail(p.w3, p.length - 96);
}

function tail(word: number, kept: number): boolean {
  return kept < 32 && (kept <= 0 ? word !== 0 : (word & (0xffffffff >>> kept)) !== 0);
}

function fast4(text: string, out: PrefixWords): boolean {
  let word = 0;
  let value = 0;
  let digits = 0;
  let dots = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      if (digits > 0 && value === 0) return false; // a leading zero: not decimal for everybody
      value = value * 10 + c - 48;
      if (++digits > 3 || value > 255) return false;
    } else if (c === DOT && digits > 0 && dots < 3) {
      word = (word << 8) | value;
      value = 0;
      digits = 0;
      dots++;
    } else break;
  }
  if (dots !== 3 || digits === 0) return false;
  const length = lengthAt(text, i, 32);
  if (length < 0) return false;
  out.family = 4;
  out.w0 = ((word << 8) | value) >>> 0;
  out.w1 = out.w2 = out.w3 = 0;
  out.length = length;
  return true;
}

function lengthAt(text: string, at: number, most: number): number {
  if (at === text.length) return most;
  if (text.charCodeAt(at) !== SLASH || at + 1 === text.length || text.length - at > 4) return -1;
  let length = 0;
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return -1;
    length = length * 10 + c - 48;
  }
  return length <= most ? length : -1;
}

const groups = new Uint16Array(8);

function fast6(text: string, out: PrefixWords): boolean {
  let count = 0;
  let gap = -1;
  let value = 0;
  let digits = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : c >= 65 && c <= 70 ? c - 55 : -1;
    if (digit >= 0) {
      value = (value << 4) | digit;
      if (++digits > 4) return false;
    } else if (c === COLON) {
      if (digits > 0) {
        if (count === 8) return false;
        groups[count++] = value;
        value = digits = 0;
        if (text.charCodeAt(i + 1) === COLON) {
          if (gap >= 0) return false;
          gap = count;
          i++;
        }
      } else if (i === 0 && text.charCodeAt(1) === COLON) {
        gap = 0;
        i++;
      } else return false;
    } else break;
  }
  if (digits > 0) {
    if (count === 8) return false;
    groups[count++] = value;
  } else if (gap !== count) return false; // ends in a single colon
  if (gap < 0 ? count !== 8 : count === 8) return false;
  const length = lengthAt(text, i, 128);
  if (length < 0) return false;
  if (gap >= 0) {
    const after = count - gap;
    groups.copyWithin(8 - after, gap, count);
    groups.fill(0, gap, 8 - after);
  }
  out.family = 6;
  out.w0 = ((groups[0]! << 16) | groups[1]!) >>> 0;
  out.w1 = ((groups[2]! << 16) | groups[3]!) >>> 0;
  out.w2 = ((groups[4]! << 16) | groups[5]!) >>> 0;
  out.w3 = ((groups[6]! << 16) | groups[7]!) >>> 0;
  out.length = length;
  return true;
}

/** Canonical text (IPv6 in the form of RFC 5952). */
export function formatWords(p: PrefixWords): string {
  return p.family === 4
    ? `${p.w0 >>> 24}.${(p.w0 >>> 16) & 255}.${(p.w0 >>> 8) & 255}.${p.w0 & 255}/${p.length}`
    : `${format6(p)}/${p.length}`;
}

function format6(p: PrefixWords): string {
  const g = [
    p.w0 >>> 16,
    p.w0 & 0xffff,
    p.w1 >>> 16,
    p.w1 & 0xffff,
    p.w2 >>> 16,
    p.w2 & 0xffff,
    p.w3 >>> 16,
    p.w3 & 0xffff,
  ];
  // RFC 5952 4.2: the longest run of at least two zero groups, the first of equals.
  let start = -1;
  let best = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && g[j] === 0) j++;
    if (j - i > best) {
      start = i;
      best = j - i;
    }
    if (j > i) i = j;
  }
  const hex = (from: number, to: number): string => {
    let text = '';
    for (let i = from; i < to; i++) text += (i > from ? ':' : '') + g[i]!.toString(16);
    return text;
  };
  return start < 0 ? hex(0, 8) : `${hex(0, start)}::${hex(start + best, 8)}`;
}

/** Whether a text is an address of this family in a form that {@link parseWords} takes. */
export function addressWords(text: string, out: PrefixWords): void {
  if (text.includes('/')) throw new UsageError('bad_address', `not an IP address: '${text}'`);
  parseWords(text, out);
}
