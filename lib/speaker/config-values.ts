import * as z from 'zod';
import {
  canonicalAddress,
  checkMd5Key,
  formatPrefix,
  formatScopedAddress,
  isAddress,
  isLinkLocal,
  parseAddress,
  parseAsn,
  parsePrefix,
  parseScopedAddress,
  AS_TRANS,
  MAX_MD5_KEY_LENGTH,
  Secret,
  UsageError,
} from '../net/index.js';
import { parseCommunity, parseLargeCommunity } from '../bgp/wire/communities.js';
import { parseHostPort } from './config-address.js';
import { foundText } from './config-errors.js';
import type { Password } from './options.js';
import { didYouMean } from './config-suggest.js';

/** The kinds of value that a configuration holds, each with the words for what was expected. */

/** What a leaf puts into a zod issue for {@link foundText} and the like. */
export interface MismatchParams {
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

class Mismatch extends Error {}

/** A schema for one kind of value: `read` converts, or throws with a hint. */
export function value<T>(expected: string, read: (value: unknown) => T, show = foundText): z.ZodType<T> {
  return z.unknown().transform((input, cx) => {
    try {
      return read(input);
    } catch (error) {
      if (!(error instanceof Mismatch) && !(error instanceof UsageError)) throw error;
      const params: MismatchParams = { found: show(input), expected, hint: hintOf(error) };
      cx.addIssue({ code: 'custom', message: error.message, params: { ...params } });
      return z.NEVER;
    }
  });
}

/** Errors of the net layer begin with what `expected` says already. */
function hintOf(error: Error): string {
  return error instanceof UsageError && error.message.startsWith('not a') ? '' : error.message;
}

export function text(input: unknown): string {
  if (typeof input !== 'string') throw new Mismatch();
  return input;
}

export function check(ok: boolean, hint = ''): void {
  if (!ok) throw new Mismatch(hint);
}

function within(input: unknown, least: number, most: number): number {
  check(typeof input === 'number' && Number.isInteger(input) && input >= least && input <= most);
  return input as number;
}

export const flag = value('true or false', (input) => {
  const word = typeof input === 'string' ? input.toLowerCase() : '';
  check(typeof input === 'boolean', ['yes', 'on', 'no', 'off'].includes(word) ? 'in YAML 1.2 this is text' : '');
  return input as boolean;
});

export const flagOrForce = value("true, false or 'force'", (input) => {
  check(typeof input === 'boolean' || input === 'force');
  return input as boolean | 'force';
});

export const allOrFalse = value("'all', false, or a mapping with best", (input) => {
  check(input === 'all' || input === false);
  return input as 'all' | false;
});

export const reflectorsOrAll = value("'reflectors', 'all', or a list of addresses of neighbors", (input) => {
  check(input === 'reflectors' || input === 'all');
  return input as 'reflectors' | 'all';
});

export const line = value('one line of text', (input) => {
  check(!/[\r\n]/.test(text(input)));
  return text(input);
});

/** A key as text, or what gives it. No message shows it. */
export const password: z.ZodType<Password> = value(
  `text of 1 to ${MAX_MD5_KEY_LENGTH} octets, in quotes`,
  (input) => {
    if (input instanceof Secret || typeof input === 'function') return input as Secret | (() => string);
    const secret = new Secret(text(input));
    checkMd5Key(secret);
    return secret;
  },
  (input) => (typeof input === 'object' || input === undefined ? foundText(input) : `a ${typeof input}`),
);

export const absolutePath = value('the absolute path of a file', (input) => {
  check(text(input).startsWith('/'));
  return text(input);
});

export const word = value('a name', (input) => {
  check(text(input).trim() !== '');
  return text(input);
});

/** 1 to 4294967295, asplain or asdot; AS 0 is no AS (RFC 7607), AS_TRANS stands for others (RFC 6793). */
export const asn = value('an AS number, 1 to 4294967295', (input) => {
  if (typeof input === 'number') check(Number.isInteger(input), 'write asdot in quotes, or as one number');
  check(typeof input === 'number' || typeof input === 'string');
  const number = parsedAsn(input as number | string);
  check(number !== AS_TRANS, `${AS_TRANS} is AS_TRANS, a stand-in for others`);
  return number;
});

function parsedAsn(input: number | string): number {
  const number = typeof input === 'number' && (input < 1 || input > 0xffffffff) ? 0 : parseAsn(input);
  check(number !== 0);
  return number;
}

function ipv4Identifier(what: string): z.ZodType<string> {
  return value(`${what}: an IPv4 address in dotted form, not 0.0.0.0`, (input) => {
    check(isAddress(text(input)) && !text(input).includes(':'));
    const canonical = canonicalAddress(text(input));
    check(canonical !== '0.0.0.0');
    return canonical;
  });
}

/** RFC 6286 section 2.1: any 32-bit number but zero. */
export const routerId = ipv4Identifier('a router ID');
export const clusterId = ipv4Identifier('a cluster ID');

function canonical(input: unknown): { text: string; octets: Uint8Array } {
  check(isAddress(text(input)), text(input).includes('%') ? 'an address with a zone cannot stand here' : '');
  return { text: canonicalAddress(text(input)), octets: parseAddress(text(input)) };
}

/** Link-local addresses with their zone, all others without. */
function canonicalScoped(input: unknown): { text: string; octets: Uint8Array } {
  const { octets, zone } = parseScopedAddress(text(input));
  check(zone !== undefined || !isLinkLocal(octets), 'a link-local address needs its interface, as in fe80::1%eth0');
  return { text: formatScopedAddress({ octets, zone }), octets };
}

/** An address to listen on: may be the unspecified one. */
export const listenAddress = value('an IP address (0.0.0.0 or :: for all)', (input) => canonicalScoped(input).text);

/** An address of one host. */
export const hostAddress = value('the IP address of a host', (input) => {
  const { text: address, octets } = canonical(input);
  checkHost(octets);
  check(!isLinkLocal(octets), 'a link-local address says nothing here');
  return address;
});

/** An address of one host; a link-local one with its zone. */
export const scopedHostAddress = value('the IP address of a host', (input) => {
  const { text: address, octets } = canonicalScoped(input);
  checkHost(octets);
  return address;
});

function checkHost(octets: Uint8Array): void {
  check(
    octets.some((octet) => octet !== 0),
    'the unspecified address is no host',
  );
  const multicast = octets.length === 4 ? octets[0]! >= 224 : octets[0] === 0xff;
  check(!multicast, 'it is a multicast or reserved address');
  const mapped =
    octets.length === 16 &&
    octets[10] === 0xff &&
    octets[11] === 0xff &&
    octets.subarray(0, 10).every((octet) => octet === 0);
  check(!mapped, 'write an IPv4 address without ::ffff:');
}

export const prefix = value('an IP prefix such as 10.1.0.0/16', (input) => formatPrefix(parsePrefix(text(input))));

export const community = value('a community such as 65000:100 or no-export, in quotes', (input) => {
  parseCommunity(text(input));
  return text(input);
});

export const largeCommunity = value('a large community such as 65000:1:2, in quotes', (input) => {
  parseLargeCommunity(text(input));
  return text(input);
});

/** `127.0.0.1:8179`, `[::1]:8179`. */
export const hostPort = value('an address and a port such as 127.0.0.1:8179 or "[::1]:8179"', (input) => {
  check(parseHostPort(text(input)) !== undefined);
  return text(input);
});

export function integer(least: number, most: number, unit = ''): z.ZodType<number> {
  return value(`a whole number, ${least} to ${most}${unit === '' ? '' : ` (${unit})`}`, (input) =>
    within(input, least, most),
  );
}

/** RFC 4271 section 4.2: hold time 1 and 2 are not allowed. */
export const holdTime = value('0 or 3 to 65535 (seconds)', (input) => {
  check(input !== 1 && input !== 2, '1 and 2 are not allowed (RFC 4271 section 4.2)');
  return within(input, 0, 0xffff);
});

/** Seconds that need not be whole. */
export const seconds = value('a number, 0.1 to 65535 (seconds)', (input) => {
  check(typeof input === 'number' && input >= 0.1 && input <= 0xffff);
  return input as number;
});

/** Seconds, or 0 for never. */
export const secondsOrNever = secondsOr0('never');
/** Seconds, or 0 for at once. */
export const secondsOrAtOnce = secondsOr0('at once');
/** Seconds, or 0 for as long as it takes. */
export const secondsOrForEver = secondsOr0('as long as it takes');

function secondsOr0(meaning: string): z.ZodType<number> {
  return value(`0 (${meaning}), or 0.1 to 65535 (seconds)`, (input) => {
    check(typeof input === 'number' && (input === 0 || (input >= 0.1 && input <= 0xffff)));
    return input as number;
  });
}

/** A named network namespace: a file name under /run/netns. */
export const netnsName = value("a network namespace's name", (input) => {
  check(/^[\w.-]{1,255}$/.test(text(input)) && !/^[.-]/.test(text(input)));
  return text(input);
});

/** A name that the kernel takes for a device: one word of at most 15 characters. */
export const deviceName = value("a network device's name", (input) => {
  check(/^[^\s/\\#'"]{1,15}$/.test(text(input)) && !/^\.{1,2}$/.test(text(input)));
  return text(input);
});

export function oneOf<const T extends string>(words: readonly T[]): z.ZodType<T> {
  const listed = words.map((w) => `'${w}'`).join(' or ');
  return value(listed, (input) => {
    const near = didYouMean(text(input), words);
    check((words as readonly string[]).includes(text(input)), near === undefined ? '' : `did you mean '${near}'?`);
    return input as T;
  });
}

/** A routing table: its name or number. */
export const tableName = value("a table's name or number, 1 to 4294967295", (input) => {
  if (typeof input === 'string') check(/^[A-Za-z][\w.-]*$/.test(input));
  else within(input, 1, 0xffffffff);
  check(input !== 'local' && input !== 255, "the table 'local' belongs to the kernel");
  return input as string | number;
});

/** The protocol of a route that anybody may have written. */
export const anyProtocolName = value("a route protocol's name or number, 0 to 255", (input) => {
  if (typeof input === 'string') check(/^[A-Za-z][\w.-]*$/.test(input));
  else within(input, 0, 0xff);
  return input as string | number;
});

/** Name of a network device, with `*` for any rest. */
export const devicePattern = value("a device's name such as eth0, or a pattern such as 'cali*'", (input) => {
  check(/^[^\s/\\#'"]{1,15}$/.test(text(input)));
  return text(input);
});

/** Names and numbers in rtnetlink that mark routes of the kernel, of people and of address configuration. */
const FOREIGN_PROTOCOLS = new Map<string | number, string>(
  (['unspec', 'redirect', 'kernel', 'boot', 'static'] as const).flatMap((name, number) => [
    [name, name],
    [number, name],
  ]),
);
for (const [name, number] of [
  ['ra', 9],
  ['dhcp', 16],
] as const)
  FOREIGN_PROTOCOLS.set(name, name).set(number, name);

/** The protocol that marks our routes; one that marks others' would have us remove them. */
export const protocolName = value("a route protocol's name or number, 5 to 255", (input) => {
  const owner = FOREIGN_PROTOCOLS.get(input as string | number);
  check(owner === undefined, `'${owner}' marks routes that are not ours, and they would be removed`);
  if (typeof input === 'string') check(/^[A-Za-z][\w.-]*$/.test(input));
  else within(input, 5, 0xff);
  return input as string | number;
});
