import type { Secret } from '../net/secret.js';
import { Secrets } from '../speaker/secrets.js';
import type { PeerSettings, SpeakerConfig } from '../speaker/options.js';

type Json = Record<string, unknown>;

/**
 * Takes the passwords out of configurations. Each one gets a name of its own in their place, the same whenever it comes
 * up: that is all that a replay has to know, since a changed password ends a session.
 */
export class Pseudonyms {
  readonly #known: Secret[] = [];

  /**
   * A configuration for the file, and one for the speaker in which no function is left that might answer otherwise.
   * @throws UsageError when a password cannot be had
   */
  of<T extends SpeakerConfig | PeerSettings>(config: T): { readonly shown: unknown; readonly used: T } {
    const secrets = new Secrets();
    const walk = (value: unknown, isShown: boolean): unknown => {
      if (Array.isArray(value)) return value.map((item) => walk(item, isShown));
      if (typeof value !== 'object' || value === null || isOpaque(value)) return value;
      const copy: Json = {};
      for (const [name, item] of Object.entries(value)) {
        if (name !== 'password' && name !== 'passwordFile') copy[name] = walk(item, isShown);
      }
      const { password, passwordFile } = value as PeerSettings;
      const secret = secrets.of({ password: password ?? null, passwordFile: passwordFile ?? null });
      if (secret === null) return copy;
      if (isShown) copy.password = this.#nameOf(secret);
      else if (typeof password === 'function') copy.password = secret;
      else Object.assign(copy, password === undefined ? { passwordFile } : { password });
      return copy;
    };
    return { shown: walk(config, true), used: walk(config, false) as T };
  }

  #nameOf(secret: Secret): string {
    let index = this.#known.findIndex((known) => known.equals(secret));
    if (index < 0) index = this.#known.push(secret) - 1;
    return `password-${index + 1}`;
  }
}

function isOpaque(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== Object.prototype && prototype !== null;
}
