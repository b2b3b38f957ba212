import { parsePrefix, prefixContains, parseAddress } from '../../net/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../speaker/options.js';
import type { Speaker } from '../../speaker/speaker.js';
import { Host } from './host.js';
import type { Process } from './process.js';

/** `new`: not started yet. `killed`: the process died, the host lives. `crashed`: the host is without power. */
export type RouterState = 'new' | 'running' | 'stopped' | 'killed' | 'crashed';

/** A host with a speaker. */
export class Router extends Host {
  config!: SpeakerConfig;
  /** Whether its speaker writes to the kernel; if not, packets follow the Loc-RIB. */
  fib = true;
  state: RouterState = 'new';
  process: Process | undefined;
  /** How often it was started. */
  lives = 0;
  #neighbors = new Map<string, NeighborOptions>();
  #indexed: SpeakerConfig['neighbors'];

  get asn(): number {
    return this.config.asn;
  }

  /** The speaker that runs on it. @throws TypeError when none does */
  get speaker(): Speaker {
    const { process } = this;
    if (process === undefined) throw new TypeError(`the speaker on ${this.name} was not started yet`);
    return process.speaker;
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** What runs counts: neighbors can be added and removed there. */
  get #current(): SpeakerConfig {
    return this.process?.speaker.config ?? this.config;
  }

  /** What the configuration says of a neighbor, with what its group says. */
  neighborAt(address: string): NeighborOptions | undefined {
    const { neighbors, peerGroups } = this.#current;
    if (this.#indexed !== neighbors) {
      this.#indexed = neighbors;
      this.#neighbors = new Map((neighbors ?? []).map((neighbor) => [neighbor.address, neighbor]));
    }
    const neighbor = this.#neighbors.get(address);
    return neighbor && { ...peerGroups?.[neighbor.peerGroup ?? ''], ...neighbor };
  }

  /** Whether it takes connections from an address without knowing it. */
  takesAnyone(address: string): boolean {
    const octets = parseAddress(address);
    const ranges = this.#current.dynamicNeighbors ?? [];
    return ranges.some(({ prefix }) => prefixContains(parsePrefix(prefix), octets));
  }

  /** Whether a session with this address is up. */
  isUp(neighbor: string): boolean {
    return this.isRunning && (this.process?.isUp(neighbor) ?? false);
  }
}
