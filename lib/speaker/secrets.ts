import { readSecretFile } from '../io/config-file.js';
import { checkMd5Key, Secret, UsageError } from '../net/index.js';
import type { PeerSettings } from './options.js';

type PasswordSettings = { readonly [K in 'password' | 'passwordFile']: PeerSettings[K] | null };

/** The passwords of one configuration: each file is read, and each function asked, once. */
export class Secrets {
  readonly #known = new Map<unknown, Secret>();

  /**
   * The key of a session, or null where there is none.
   * @throws UsageError `cannot_read`; `bad_password` when no key can be like this, or the function fails
   */
  of({ password, passwordFile }: PasswordSettings): Secret | null {
    const source = password ?? passwordFile;
    if (source === null || source === undefined) return null;
    if (source instanceof Secret) return source;
    let secret = this.#known.get(source);
    if (secret === undefined) {
      secret = source === passwordFile ? readSecretFile(source) : ask(source);
      checkMd5Key(secret);
      this.#known.set(source, secret);
    }
    return secret;
  }
}

export function sameKey(a: Secret | null, b: Secret | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

function ask(source: Exclude<PeerSettings['password'], Secret | undefined>): Secret {
  let answer: unknown = source;
  try {
    if (typeof source === 'function') answer = source();
  } catch {
    // Its message might be made of what it knows.
    throw new UsageError('bad_password', 'the function that gives the password failed', 'password');
  }
  if (answer instanceof Secret) return answer;
  if (typeof answer === 'string' || answer instanceof Uint8Array) return new Secret(answer);
  throw new UsageError('bad_password', 'the function that gives the password returned none', 'password');
}
