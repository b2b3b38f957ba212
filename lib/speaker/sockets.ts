import {
  whyNoOptions,
  type Connection,
  type Endpoint,
  type Listener,
  type PeerSocketOptions,
  type SocketOptions,
  type Transport,
} from '../net/index.js';
import { checkConfig } from './config.js';
import type { PasswordChanged } from './config-diff.js';
import type { SpeakerConfig } from './options.js';
import { sameKey, Secrets } from './secrets.js';
import { listenerPeers, sessionSocketOptions } from './session-sockets.js';
import type { EffectivePeerSettings } from './settings.js';

/** The listeners of a speaker, and the options of all its sockets. */
export class Sockets {
  readonly #transport: Transport;
  #secrets = new Secrets();
  #peers: readonly PeerSocketOptions[] = [];
  #listeners: Listener[] = [];

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Check a configuration, also for what cannot be had here.
   * @param secrets its passwords; default: those already known, and what it has besides
   * @throws ConfigError
   */
  check(config: unknown, secrets = this.#secrets): SpeakerConfig {
    return checkConfig(config, { secrets, whyNot: (options) => whyNoOptions(this.#transport, options) });
  }

  /** Whether the running password and that of other settings differ. */
  passwordChanged(secrets: Secrets): PasswordChanged {
    return (running, other) => !sameKey(this.#secrets.of(running), secrets.of(other));
  }

  optionsFor(settings: EffectivePeerSettings, external: boolean): SocketOptions {
    return sessionSocketOptions(settings, external, this.#secrets.of(settings), this.#transport);
  }

  /** The addresses and ports really bound (port 0 resolved). */
  get listening(): readonly Endpoint[] {
    return this.#listeners.map(({ local }) => local);
  }

  /** @throws TransportError (rejects) when an address cannot be bound: none is open then */
  async listen(config: SpeakerConfig, onConnection: (connection: Connection) => void): Promise<void> {
    this.#peers = listenerPeers(config, this.#secrets, this.#transport);
    try {
      for (const at of config.listen ?? []) {
        this.#listeners.push(await this.#transport.listen(at, onConnection, this.#peers));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Other neighbors, with other options, for the connections accepted from now on.
   * @throws TransportError when the system refuses: all is as before then
   */
  update(config: SpeakerConfig, secrets = this.#secrets): void {
    const peers = listenerPeers(config, secrets, this.#transport);
    const done: Listener[] = [];
    try {
      for (const listener of this.#listeners) {
        listener.setPeers?.(peers);
        done.push(listener);
      }
    } catch (error) {
      for (const listener of done) listener.setPeers?.(this.#peers);
      throw error;
    }
    this.#peers = peers;
    this.#secrets = secrets;
  }

  async close(): Promise<void> {
    const closing = this.#listeners.map((listener) => listener.close());
    this.#listeners = [];
    await Promise.all(closing);
  }
}
