import { parsePrefix, prefixContains, Secret, UsageError, type SocketOptions } from '../net/index.js';
import type { ConfigProblem } from './config-errors.js';
import type { ConfigDraft } from './config-draft.js';
import type { Peer } from './config-peer.js';
import { neighborType } from './as-identity.js';
import type { PeerSettings } from './options.js';
import { allowedHops, neededOptions } from './session-sockets.js';
import type { Secrets } from './secrets.js';

/** What a configuration needs of the machine that it shall run on. Without one that is not looked at. */
export interface Machine {
  readonly secrets: Secrets;
  /** Why sessions cannot have these options here; undefined: they can. */
  whyNot(options: SocketOptions): string | undefined;
  /** Why kernel routes cannot be written by netlink here; left out: not looked at. */
  readonly whyNoNetlink?: () => string | undefined;
}

/** What cannot be said together of one session's socket, or cannot be had. */
export function* socketRules(peer: Peer, draft: ConfigDraft, machine?: Machine): Generator<ConfigProblem> {
  yield* contradictions(peer, draft);
  if (machine !== undefined) yield* absences(peer, machine);
}

function* contradictions(
  { given, effective, where }: Peer,
  { asn, confederation }: ConfigDraft,
): Generator<ConfigProblem> {
  if (given.password !== undefined && given.passwordFile !== undefined) {
    yield { path: where('passwordFile'), message: 'there is a password already: one of the two is enough' };
  }
  if (given.ttlSecurity !== undefined && given.multihop !== undefined) {
    yield { path: where('multihop'), message: 'ttlSecurity says already how many hops away the neighbor may be' };
  }
  if (asn !== undefined && neighborType({ asn, confederation }, effective) === 'ibgp') {
    for (const key of ['multihop', 'connectedCheck'] as const) {
      if (given[key] !== undefined) {
        yield { path: where(key), message: `an iBGP neighbor may be any number of hops away, so ${key} has no effect` };
      }
    }
  } else if (given.connectedCheck === true && allowedHops(effective) > 1) {
    yield {
      path: where('connectedCheck'),
      message: `a neighbor ${allowedHops(effective)} hops away is in no subnet of ours`,
    };
  }
}

const KEY_OF = { md5Key: 'password', ttlSecurityHops: 'ttlSecurity', ttl: 'multihop', dscp: 'dscp' } as const;

function* absences({ effective, where }: Peer, { secrets, whyNot }: Machine): Generator<ConfigProblem> {
  const passwordKey = effective.password === null ? 'passwordFile' : 'password';
  let options: SocketOptions;
  try {
    options = neededOptions(effective, secrets.of(effective));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    yield { path: where(passwordKey), message: error.message };
    return;
  }
  for (const [name, value] of Object.entries(options)) {
    const reason = whyNot({ [name]: value as never });
    const key: keyof PeerSettings = name === 'md5Key' ? passwordKey : KEY_OF[name as keyof SocketOptions];
    if (reason !== undefined) yield { path: where(key), message: reason };
  }
}

/** What the kernel cannot tell apart: it looks for a key by the address that a segment comes from, and by nothing else. */
export function* indistinctKeys(peers: readonly Peer[]): Generator<ConfigProblem> {
  yield* unsignedInRange(peers);
  yield* sameAddress(peers);
}

/** There is no "unsigned from this one": the kernel wants the key of a range from all of it. */
function* unsignedInRange(peers: readonly Peer[]): Generator<ConfigProblem> {
  const ranges = peers
    .filter((peer) => peer.dynamic && isSigned(peer))
    .map(({ address }) => ({ address, prefix: parsePrefix(address) }));
  if (ranges.length === 0) return;
  for (const { address, path } of peers.filter((peer) => !isSigned(peer))) {
    const { octets, length } = parsePrefix(withoutZone(address));
    const range = ranges.find(({ prefix }) => prefix.length <= length && prefixContains(prefix, octets));
    if (range === undefined) continue;
    const why = `${address} has no password but lies in ${range.address}, which has one`;
    yield { path, message: `${why}: the kernel would ask it for that` };
  }
}

/** A link-local address on two interfaces is two neighbors, but has one key. */
function* sameAddress(peers: readonly Peer[]): Generator<ConfigProblem> {
  const first = new Map<string, Peer>();
  for (const peer of peers.filter(({ address }) => address.includes('%'))) {
    const before = first.get(withoutZone(peer.address));
    if (before === undefined) first.set(withoutZone(peer.address), peer);
    else if (!haveSameKey(before, peer)) {
      const message = `${peer.address} and ${before.address} need the same password: the kernel has one key for an address`;
      yield { path: peer.path, message };
    }
  }
}

function isSigned({ effective: { password, passwordFile } }: Peer): boolean {
  return password !== null || passwordFile !== null;
}

function haveSameKey({ effective: a }: Peer, { effective: b }: Peer): boolean {
  const samePassword =
    a.password instanceof Secret && b.password instanceof Secret
      ? a.password.equals(b.password)
      : a.password === b.password;
  return samePassword && a.passwordFile === b.passwordFile;
}

function withoutZone(address: string): string {
  return address.split('%')[0]!;
}
